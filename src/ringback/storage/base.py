"""The contract of a store, which every backend keeps and `tests/storage` runs on each. No SQL here.

All methods are coroutines. Each that changes something is one transaction: when it returns, the change is on disk; when
it raises, nothing was changed. `StoreUnavailable` may come from any of them and means: try again later. Where the
way to the store was lost in the midst of a commit, it may have been done: taking in the same legs again is harmless.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from ringback.storage.auditing import AuditLine
from ringback.storage.pacing import Heard, Pace, Slice, nobody
from ringback.storage.records import (
    EARLIEST_MS,
    MOST_TOKENS,
    Agent,
    AgentTally,
    App,
    AppPage,
    CheckReport,
    Contact,
    Dropped,
    Intake,
    KeptToken,
    ListedCall,
    Mark,
    Measures,
    NewReject,
    Page,
    Range,
    Reject,
    ShownPage,
    Spending,
    Tries,
)
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.leg import CallLeg

SliceNote = Callable[[int, bool], AuditLine | None]  # given a slice's calls and whether it is the last


class Store(ABC):
    """Keeps apps, agents, tokens, wrong log-ins, legs, call lists and rejected records; and who did what to them.

    What is done to apps, agents, tokens and whole calls is noted in the audit, in the same transaction; `heard` is told
    of each line once it is on disk.
    """

    most_tokens: int = MOST_TOKENS
    works_elsewhere: ClassVar[bool] = False  # writing is another process's work, which leaves this one's time free
    heard: Callable[[AuditLine], None] = staticmethod(nobody)

    # --- the store itself ---

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted and let go of everything; closing twice is harmless."""

    @abstractmethod
    async def ready(self) -> None:
        """Return when the store answers and can be written; raises `StoreUnavailable` when not."""

    @abstractmethod
    async def measures(self) -> Measures:
        """Return what the store weighs, in milliseconds however large it is."""

    @abstractmethod
    async def check(self) -> CheckReport:
        """Prove the invariants over the whole store, from one snapshot, in memory that does not grow with it."""

    # --- apps, agents, tokens ---

    @abstractmethod
    async def add_app(self, app: App, *, is_noted: bool = True) -> None:
        """Add an app; raises `AlreadyThere`. A copy of one need not be noted."""

    @abstractmethod
    async def apps(self) -> list[App]:
        """Return all apps by number."""

    @abstractmethod
    async def app(self, app_id: int) -> App | None:
        """Return the app, or None."""

    @abstractmethod
    async def set_secret(self, app_id: int, secret_digest: bytes) -> None:
        """Replace the app's secret; the old one ends at once. Raises `UnknownApp`."""

    @abstractmethod
    async def change_app(self, app_id: int, *, region: str | None, extensions: str | None) -> None:
        """Replace what an app says of its numbers and extensions; raises `UnknownApp`.

        The numbers of its lists and contacts are read again by the region. Legs stay as they were read. Of contacts
        whose numbers turn out to be one, that of the number given last in alphabetical order stays.
        """

    @abstractmethod
    async def add_agent(self, agent: Agent, *, is_noted: bool = True) -> None:
        """Add an agent; raises `AlreadyThere` or `UnknownApp`. A copy of one need not be noted."""

    @abstractmethod
    async def agents(self, app_id: int | None) -> list[Agent]:
        """Return the agents of an app, or of all, by app and extension."""

    @abstractmethod
    async def agent(self, app_id: int, extension: str) -> Agent | None:
        """Return the agent, or None."""

    @abstractmethod
    async def set_password(self, app_id: int, extension: str, password_hash: str) -> None:
        """Replace an agent's password and end all its tokens; raises `UnknownAgent`."""

    @abstractmethod
    async def renew_hash(self, app_id: int, extension: str, old_hash: str, new_hash: str) -> None:
        """Replace the hash of the same password, unless the password has changed since; tokens go on."""

    @abstractmethod
    async def set_disabled(self, app_id: int, extension: str, *, is_disabled: bool) -> None:
        """Disable an agent and end all its tokens, or enable it again; raises `UnknownAgent`."""

    @abstractmethod
    async def set_supervisor(self, app_id: int, extension: str, *, is_supervisor: bool) -> None:
        """Let an agent see the calls of its app's other agents, or no longer; raises `UnknownAgent`."""

    @abstractmethod
    async def add_token(
        self,
        app_id: int,
        extension: str,
        digest: bytes,
        issued_at: datetime,
        expires_at: datetime,
        password_hash: str,
        *,
        is_noted: bool = False,
    ) -> bool:
        """Keep a token's digest if the agent is enabled and still has this password; return whether it was kept.

        Tokens of the agent that had expired by `issued_at` are dropped on the way. One in some hundred tokens has the
        agent's counted, and the oldest dropped where there are more than `most_tokens`; never itself. It goes into the
        audit only if it `is_noted`: log-ins do not, for some clients log in before each request.
        """

    @abstractmethod
    async def delete_tokens(self, app_id: int, extension: str) -> int:
        """End all tokens of an agent; return how many; raises `UnknownAgent`."""

    @abstractmethod
    async def delete_token(self, app_id: int, digest: bytes) -> None:
        """End one token; none with this digest is harmless."""

    @abstractmethod
    async def tokens(self, app_id: int) -> list[KeptToken]:
        """Return all tokens of an app, those that have expired as well."""

    @abstractmethod
    async def token_agent(self, app_id: int, digest: bytes, now_ms: int) -> str | None:
        """Return the extension a live token stands for, or None."""

    # --- wrong log-ins ---

    @abstractmethod
    async def tries(self, subject: bytes, addresses: Sequence[bytes]) -> list[Tries]:
        """Return what is remembered of a subject from each of these addresses.

        Subjects and addresses are digests; whose is the caller's to know.
        """

    @abstractmethod
    async def spend_tries(self, spendings: Sequence[Spending], now_ms: int) -> list[int]:
        """Add each cost to what its subject has spent, from now on where that is over; return each new `spent_ms`.

        Each is added by itself, whoever else adds to it at the same time. What is over of others is dropped on the way,
        so that guessing does not fill the store.
        """

    @abstractmethod
    async def know_address(self, subject: bytes, address: bytes, until_ms: int) -> None:
        """Remember until then that the subject logged in rightly from the address; forget what it has spent there."""

    @abstractmethod
    async def forget_tries(self, subject: bytes, now_ms: int) -> int:
        """Forget what a subject has spent from all addresses; return from how many. Known addresses stay known."""

    # --- calls ---

    # Lists of the kind `RING_BACK` are read as all others. They follow from the others in the same transaction: a row a
    # number that the agent tried since it was last reached, by any agent and either way, or marked done.

    @abstractmethod
    async def take_in(self, app_id: int, legs: Sequence[CallLeg], rejects: Sequence[NewReject] = ()) -> Intake:
        """Keep the legs, merge them into calls, renumber the lists touched, keep the rejects: all or nothing.

        The same leg again changes nothing; any order and batching of the same legs gives the same lists. A reject whose
        source and bytes are kept already is counted, and kept once. Raises `UnknownApp`.
        """

    @abstractmethod
    async def page_of_token(
        self, app_id: int, digest: bytes, now_ms: int, kind: ListKind, wanted: Range
    ) -> ShownPage | None:
        """Return a page of the list of the agent whose live token this is, or None for no such token: one snapshot."""

    @abstractmethod
    async def page(self, app_id: int, key: ListKey, wanted: Range) -> Page:
        """Return a page of a list; a list nobody has written to is empty."""

    @abstractmethod
    async def app_page(self, app_id: int, kind: ListKind, wanted: Range) -> AppPage:
        """Return a page over the lists of this kind of all agents of an app: one snapshot.

        It costs a few dozen seeks a list, whichever page it is and however long the lists are.
        """

    @abstractmethod
    async def tallies(self, app_id: int, from_ms: int, to_ms: int) -> list[AgentTally]:
        """Return how many calls started from one moment to another, both included, by agent and kind: one snapshot."""

    @abstractmethod
    async def counts(self, app_id: int, key: ListKey, bounds: Sequence[int]) -> list[int]:
        """Return for each two neighbouring bounds how many calls of the list started from the one until the other.

        Bounds are epoch milliseconds in ascending order. One snapshot, and one seek a bound, however many calls there
        are between.
        """

    @abstractmethod
    async def stamps(self, app_id: int, keys: Sequence[ListKey]) -> list[str]:
        """Return for each list a text that is another one once a call has come to its newest end, or left the list.

        It costs a few seeks a list, however long the lists are: for whoever asks every second.
        """

    @abstractmethod
    async def lists(self, app_id: int) -> list[ListKey]:
        """Return the lists of an app that were ever written to, in order; not those of numbers to ring back."""

    @abstractmethod
    def walk(self, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[ListedCall]:
        """Yield all calls of the list in the range's bounds, newest first, from one snapshot, in constant memory."""

    @abstractmethod
    def walk_legs(self, app_id: int, key: ListKey, wanted: Range) -> AsyncGenerator[list[CallLeg], None]:
        """Yield the legs of each call of the list in the range's bounds, newest first, as `walk` does.

        Of no list of numbers to ring back: their calls are those of the list `OUT_MISSED`.
        """

    @abstractmethod
    async def legs(self, app_id: int, call_id: bytes) -> list[CallLeg]:
        """Return the legs of a call by its id, in order of start; empty when there is none."""

    # --- contacts ---

    @abstractmethod
    async def set_contacts(self, app_id: int, contacts: Sequence[Contact], *, as_given: bool = False) -> None:
        """Add contacts, or rename those whose number is known; raises `UnknownApp`.

        With `as_given` numbers are read again from what was given, by the app's region: it may just have changed.
        Names show on all calls with the number, old ones too: in this process at once, in others within 0.2 seconds.
        """

    @abstractmethod
    async def drop_contact(self, app_id: int, number: str) -> bool:
        """Drop the contact of a number as lists show it; return whether there was one."""

    @abstractmethod
    async def contacts(self, app_id: int, after: str = "") -> list[Contact]:
        """Return the contacts of an app by number, at most 10,000 of those after one."""

    # --- numbers to ring back ---

    @abstractmethod
    async def mark_done(self, app_id: int, mark: Mark, *, of: str | None) -> bool:
        """Take a number off all agents' lists until it is tried again; return whether that was done.

        It is, if the number is in the list of the agent `of` (None: of any agent). Raises nothing for no such app.
        """

    @abstractmethod
    async def undo_done(self, app_id: int, mark: Mark) -> bool:
        """Drop this very mark; return whether it was there. Tries that it covered count again."""

    @abstractmethod
    async def put_marks(self, app_id: int, marks: Sequence[Mark]) -> None:
        """Keep marks of another store, whatever the lists are; those that are there already are passed over."""

    @abstractmethod
    async def marks(self, app_id: int, after: Mark | None = None) -> list[Mark]:
        """Return the marks of an app by number, moment and extension, at most 10,000 of those after one."""

    # --- keeping only what may be kept ---

    @abstractmethod
    async def purge(
        self, before_ms: int, *, pace: Pace | None = None, said: Heard = nobody, by_retention: bool = False
    ) -> int:
        """Drop calls that started before, and their legs; return how many calls. Positions of the rest stay.

        Marks of before go too: all tries that they covered do.

        It goes app by app and slice by slice, each a transaction of whole calls: broken off, what is left is sound.
        """

    @abstractmethod
    async def condense(self, before_ms: int, *, after_ms: int = EARLIEST_MS, pace: Pace | None = None) -> int:
        """Reduce the legs of calls that started before, and not before `after_ms`, to what their rows show.

        Return how many calls were reduced. Lists do not change. Legs of such a call that come later change nothing.
        """

    @abstractmethod
    async def purge_slice(self, app_id: int, before_ms: int, span_ms: int, note: SliceNote) -> Slice:
        """Drop the app's oldest calls that started before: those of its first `span_ms`, with their legs."""

    @abstractmethod
    async def condense_slice(self, app_id: int, after_ms: int, before_ms: int, span_ms: int, note: SliceNote) -> Slice:
        """Condense the legs of the first `span_ms` of the app's calls that started from `after_ms` to `before_ms`."""

    @abstractmethod
    async def drop(
        self,
        app_id: int,
        call_refs: Sequence[bytes],
        reject_ids: Sequence[int],
        note: Callable[[Dropped], AuditLine | None],
        numbers: Sequence[str] = (),
    ) -> Dropped:
        """Drop these calls from every list, with all their legs; these rejects; contacts and marks of these numbers.

        What is not there is passed over.

        One transaction; lists are dense again after it.
        """

    async def remnants(self, patterns: Sequence[bytes]) -> int | None:
        """Return at how many places of the store's own files any of these bytes stand, used or not.

        None where the files are a database server's, out of reach.
        """
        del patterns
        return None

    @abstractmethod
    async def write_anew(self) -> None:
        """Write the store's own files anew, with nothing of what was dropped; does nothing where it has none."""

    async def refresh_statistics(self) -> None:  # noqa: B027  (most need none)
        """Have the store's planner look at what is there now, after much was taken in at once; no more than a help."""

    async def copy_file(self, part: Path, told: Callable[[int, int], None]) -> bool:
        """Copy the store's one file, as it is at one moment, into this one; return false where it has none.

        `told` hears how much is done, of how much.
        """
        del part, told
        return False

    def owns(self, file: Path) -> bool:
        """Tell whether this is a file of the store's own, by whatever name: not to be opened, let alone overwritten."""
        del file
        return False

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator["Store"]:
        """Run with this store as it is now: whatever is read of it then is of one moment."""
        yield self

    @abstractmethod
    async def take_duty(self, name: str, holder: str, seconds: float) -> bool:
        """Return whether this holder has the duty for so long: nobody else has it, or it was this holder's already.

        All take it for about as long: one that lasts for more than twice that was taken by a clock that was ahead.
        """

    @abstractmethod
    async def leave_duty(self, name: str, holder: str) -> None:
        """Let go of a duty, if it is this holder's."""

    # --- the audit ---

    @abstractmethod
    async def audit(self, app_id: int, after: tuple[int, bytes] = (EARLIEST_MS, b"")) -> list[AuditLine]:
        """Return the lines of an app (0: of the store as a whole), oldest first, at most 10,000 of those after one.

        A line's place is when it was written, in epoch milliseconds, and its key.
        """

    @abstractmethod
    async def note(self, lines: Sequence[AuditLine]) -> None:
        """Add lines of one app to the audit; those that are there already are passed over."""

    # --- rejected records ---

    @abstractmethod
    async def rejects(self, app_id: int | None, after: int = 0) -> list[Reject]:
        """Return the rejected records of an app, or of all, oldest first, at most 10,000 of those after a number."""

    @abstractmethod
    async def reject(self, reject_id: int) -> Reject | None:
        """Return one rejected record, or None."""

    @abstractmethod
    async def settle_reject(self, reject_id: int, legs: Sequence[CallLeg]) -> Intake:
        """Take in what a rejected record turned out to hold and drop it from the rejects; raises `UnknownReject`."""
