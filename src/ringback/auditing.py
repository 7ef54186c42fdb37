"""What was done to a store, read back: of one app, or of all in one order. No SQL; lines are written by the stores."""

from ringback.storage.auditing import THE_STORE, AuditLine
from ringback.storage.base import Store
from ringback.storage.placing import epoch_ms
from ringback.storage.records import EARLIEST_MS


async def lines_of(store: Store, app_id: int | None, from_ms: int | None = None) -> list[AuditLine]:
    """Return the lines of an app (0: of the store as a whole), or of all, oldest first."""
    app_ids = [THE_STORE, *(app.app_id for app in await store.apps())] if app_id is None else [app_id]
    lines = [line for one in app_ids for line in await _lines(store, one, from_ms)]
    return sorted(lines, key=lambda line: (line.done_at, line.app_id, line.line_key))


async def _lines(store: Store, app_id: int, from_ms: int | None) -> list[AuditLine]:
    lines: list[AuditLine] = []
    after = (EARLIEST_MS if from_ms is None else from_ms, b"")
    while found := await store.audit(app_id, after):
        lines.extend(found)
        after = epoch_ms(found[-1].done_at), found[-1].line_key
    return lines
