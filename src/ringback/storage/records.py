"""What a store keeps and gives back, as values: apps, agents, tokens, pages, rejected records, faults. No I/O here."""

from datetime import datetime

import msgspec

from ringback.telephony.call import ListKind

EARLIEST_MS = -(2**62)
LATEST_MS = 2**62
MOST_TOKENS = 100_000  # live tokens of an agent that are kept: clients were seen to log in before each request


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. Only a digest of its secret is kept.

    `region` (ISO 3166) reads its national numbers; `extensions` is a regular expression that the whole of an extension
    matches, None for the usual.
    """

    app_id: int
    secret_digest: bytes
    region: str | None
    extensions: str | None = None
    created_at: datetime


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of an app; `password_hash` is argon2id in its own text form.

    A supervisor may see the calls of the app's other agents.
    """

    app_id: int
    extension: str
    name: str
    password_hash: str
    is_disabled: bool
    created_at: datetime
    is_supervisor: bool = False

    @property
    def agent_id(self) -> str:
        """The agent's id as it logs in: 103_1111113."""
        return f"{self.extension}_{self.app_id}"


class KeptToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is kept: only its digest."""

    extension: str
    digest: bytes
    issued_at: datetime
    expires_at: datetime


class Tries(msgspec.Struct, frozen=True):
    """What is remembered of wrong log-ins of a subject from an address: epoch milliseconds, 0 for nothing.

    Each wrong log-in puts `spent_ms` further ahead of now; time catches up with it, and then all is forgotten. Until
    `known_ms` the address is one that logged in rightly.
    """

    spent_ms: int = 0
    known_ms: int = 0


class Spending(msgspec.Struct, frozen=True):
    """So much is to be added to what a subject has spent from an address; a negative cost takes it back."""

    subject: bytes
    address: bytes
    cost_ms: int


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Who is behind a number of an app: `number` as lists show it, `given` as it was told."""

    number: str
    given: str
    name: str


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A number that an agent took off the lists of numbers to ring back: tries until `done_ms` count no more.

    `number` is as lists show it, `done_ms` epoch milliseconds, `extension` who did it.
    """

    number: str
    done_ms: int
    extension: str


class ListedCall(msgspec.Struct, frozen=True, gc=False):
    """A call as its list shows it. `call_id` is its 12 bytes; `started_ms` epoch milliseconds.

    In a list of numbers to ring back it is the number's last try, and `tries` how many there were; None elsewhere.
    """

    position: int
    call_id: bytes
    started_ms: int
    number: str
    name: str | None
    rate: str
    billable_seconds: int
    disposition: str
    ringing_seconds: int | None
    tries: int | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a call list, newest first, with the exact count of its range; both from one snapshot."""

    extension: str
    count: int
    calls: list[ListedCall]


class AgentsCall(msgspec.Struct, frozen=True):
    """A call, and whose list it stands in."""

    extension: str
    call: ListedCall


class AppPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page over all agents' lists of a kind, newest first, with the exact count; both from one snapshot."""

    count: int
    calls: list[AgentsCall]


class AgentTally(msgspec.Struct, frozen=True):
    """How many calls of a range each kind of an agent's lists has; kinds without any are left out."""

    extension: str
    counts: dict[ListKind, int]


class ShownPage(msgspec.Struct, frozen=True, gc=False):
    """The same with its calls' texts joined, in UTF-8: see `storage.shown`."""

    extension: str
    count: int
    shown: bytes


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of which range: bounds are inclusive epoch milliseconds, pages count from 1, `limit` is 1 or more."""

    from_ms: int = EARLIEST_MS
    to_ms: int = LATEST_MS
    page: int = 1
    limit: int = 10


class Intake(msgspec.Struct, kw_only=True):
    """What became of legs: a call not seen before, a change to a known call, or nothing; and records rejected."""

    new: int = 0
    merged: int = 0
    duplicate: int = 0
    rejected: int = 0

    def add(self, other: "Intake") -> None:
        """Add the other's counts to these."""
        self.new += other.new
        self.merged += other.merged
        self.duplicate += other.duplicate
        self.rejected += other.rejected


class NewReject(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be understood, as it is kept: its bytes, the reason, and where it stood."""

    source: str
    origin: str
    reason: str
    raw: bytes
    received_at: datetime
    timezone: str | None = None


class Reject(NewReject, frozen=True, kw_only=True):
    """A kept reject: its number in the store, and whose it is."""

    reject_id: int
    app_id: int


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in a store that contradicts its invariants: where, and what."""

    where: str
    what: str


class CheckReport(msgspec.Struct, kw_only=True):
    """What `check` found: how many lists and calls it read, and the faults (at most 1,000 are told)."""

    lists: int = 0
    calls: int = 0
    faults: list[Fault] = []

    @property
    def ok(self) -> bool:
        """Whether the store keeps all its invariants."""
        return not self.faults


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What a store weighs: its bytes on disk, its call lists and the rejected records it keeps.

    Lists and rejects are counted up to `MOST_COUNTED`: whoever looks at them looks often.
    """

    bytes: int
    lists: int
    rejects: int


MOST_COUNTED = 100_000


class Dropped(msgspec.Struct, kw_only=True):
    """How many calls, legs of them, rejected records and contacts were dropped for good."""

    calls: int = 0
    legs: int = 0
    rejects: int = 0
    contacts: int = 0

    def add(self, other: "Dropped") -> None:
        """Add the other's counts to these."""
        self.calls += other.calls
        self.legs += other.legs
        self.rejects += other.rejects
        self.contacts += other.contacts
