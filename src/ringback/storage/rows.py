"""The columns in which every store keeps apps, agents, tokens and rejects, and what is made of such rows. No SQL."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol

import msgspec

from ringback.storage.auditing import Act, AuditLine
from ringback.storage.placing import epoch_ms
from ringback.storage.records import Agent, AgentTally, App, KeptToken, ListedCall, Reject
from ringback.storage.shown import read_shown
from ringback.telephony.call import ListKind

APP_COLUMNS = "app_id, secret_digest, region, extensions, created_ms"
AGENT_COLUMNS = "app_id, extension, name, password_hash, is_disabled, created_ms, is_supervisor"
TOKEN_COLUMNS = "extension, digest, issued_ms, expires_ms"  # noqa: S105  (columns)
REJECT_COLUMNS = "reject_id, app_id, source, origin, reason, raw, received_ms, timezone"
AUDIT_COLUMNS = "app_id, done_ms, line_key, act, actor, subject, facts"
MOST_REJECTS = 10_000  # told at once
NEVER_WRITTEN = (None, None, None)  # the ends of a list that is not there
MOST_LINES = 10_000  # of the audit, told at once

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(Protocol):
    """A row as either database's library gives it."""

    def __getitem__(self, column: int, /) -> Any:
        """Return a column by its place."""


def app_row(app: App) -> Sequence[Any]:
    """Return the row of an app."""
    return app.app_id, app.secret_digest, app.region, app.extensions, epoch_ms(app.created_at)


def app_of(row: Row) -> App:
    """Return the app of a row of `APP_COLUMNS`."""
    return App(app_id=row[0], secret_digest=row[1], region=row[2], extensions=row[3], created_at=_time(row[4]))


def agent_row(agent: Agent) -> Sequence[Any]:
    """Return the row of an agent."""
    password, created_ms = (agent.password_hash, agent.is_disabled), epoch_ms(agent.created_at)
    return agent.app_id, agent.extension, agent.name, *password, created_ms, agent.is_supervisor


def agent_of(row: Row) -> Agent:
    """Return the agent of a row of `AGENT_COLUMNS`."""
    return Agent(
        app_id=row[0],
        extension=row[1],
        name=row[2],
        password_hash=row[3],
        is_disabled=bool(row[4]),
        created_at=_time(row[5]),
        is_supervisor=bool(row[6]),
    )


def has_others_counted(digest: bytes) -> bool:
    """Tell whether a token is the one in 256 whose log-in counts all of its agent: sorting them takes its time."""
    return digest.startswith(b"\0")


def token_of(row: Row) -> KeptToken:
    """Return the token of a row of `TOKEN_COLUMNS`."""
    return KeptToken(extension=row[0], digest=row[1], issued_at=_time(row[2]), expires_at=_time(row[3]))


def reject_of(row: Row) -> Reject:
    """Return the reject of a row of `REJECT_COLUMNS`."""
    return Reject(
        reject_id=row[0],
        app_id=row[1],
        source=row[2],
        origin=row[3],
        reason=row[4],
        raw=row[5],
        received_at=_time(row[6]),
        timezone=row[7],
    )


def audit_row(line: AuditLine) -> Sequence[Any]:
    """Return the row of a line of the audit."""
    facts = msgspec.json.encode(line.facts).decode()
    return line.app_id, epoch_ms(line.done_at), line.line_key, line.act.value, line.actor, line.subject, facts


def audit_line_of(row: Row) -> AuditLine:
    """Return the line of a row of `AUDIT_COLUMNS`."""
    return AuditLine(
        app_id=row[0],
        done_at=_time(row[1]),
        line_key=row[2],
        act=Act(row[3]),
        actor=row[4],
        subject=row[5],
        facts=msgspec.json.decode(row[6]),
    )


def count_of(first: int | None, last: int | None) -> int:
    """Return how many positions a range's first and last are apart; no call on one side of it is none at all."""
    return 0 if first is None or last is None else max(0, last - first + 1)


def listed_call(
    position: int,
    call_id: bytes,
    started_ms: int,
    text: str,
    disposition: str,
    ringing_seconds: int | None,
    tries: int | None = None,
) -> ListedCall:
    """Return the call of a row."""
    shown = read_shown(text)
    return ListedCall(
        position=position,
        call_id=call_id,
        started_ms=started_ms,
        number=shown.number,
        name=shown.name,
        rate=shown.rate,
        billable_seconds=shown.billable_seconds,
        disposition=disposition,
        ringing_seconds=ringing_seconds,
        tries=tries,
    )


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def stamp_of(first: int | None, last: int | None, newest: bytes | None) -> str:
    """Return the stamp of a list that ends at these positions (None where it is empty), and with this call."""
    return "" if newest is None else f"{first}-{last}-{newest.hex()}"


def counts_of(behind: Sequence[int | None], bounds: Sequence[int]) -> list[int]:
    """Return how many calls there are between bounds, given the position behind each (None, or nothing, if empty)."""
    if not behind or behind[0] is None:
        return [0 for _ in bounds[1:]]
    return [(after or 0) - (before or 0) for before, after in pairwise(behind)]


def tallies_of(rows: Iterable[tuple[str, int, int | None, int | None]]) -> list[AgentTally]:
    """Return the tallies of rows of extension, kind, and the first and last position of a range, by extension."""
    counted: dict[str, dict[ListKind, int]] = {}
    for extension, kind, first, last in rows:
        counts = counted.setdefault(extension, {})
        if count := count_of(first, last):
            counts[ListKind(kind)] = count
    return [AgentTally(extension, counts) for extension, counts in sorted(counted.items())]
