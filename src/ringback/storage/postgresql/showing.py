"""Reading the numbers that lists show again, after their app's region has changed. Positions do not move."""

from ringback.errors import UnknownApp
from ringback.storage.placing import entry_of
from ringback.storage.positions import Entry
from ringback.storage.postgresql.connections import Connection
from ringback.storage.postgresql.contacts import read_contacts_again
from ringback.storage.postgresql.ring_back import read_numbers_again
from ringback.telephony.call import merge
from ringback.telephony.leg import decode_leg

_AT_A_TIME = 5000  # rows read before they are written: bounds the memory

# Whoever makes a list refers to its app, and waits for this lock: no list comes into being meanwhile.
HOLD_APP = "SELECT a.region FROM app a WHERE a.app_id = $1 FOR UPDATE"
CHANGE_APP = "UPDATE app SET region = $2, extensions = $3 WHERE app_id = $1"
HOLD_LISTS = "SELECT l.extension, l.kind FROM call_list l WHERE l.app_id = $1 ORDER BY l.extension, l.kind FOR UPDATE"
ROWS = """
SELECT c.position, c.call_ref, c.shown FROM listed_call c
WHERE c.app_id = $1 AND c.extension = $2 AND c.kind = $3 AND c.position > $4 ORDER BY c.position LIMIT $5
"""
LEGS = "SELECT l.call_ref, l.facts FROM leg l WHERE l.app_id = $1 AND l.call_ref = ANY ($2::bytea[])"
SHOW = """
UPDATE listed_call c SET number = k.number, shown = k.shown
FROM unnest($4::bigint[], $5::text[], $6::text[]) AS k (position, number, shown)
WHERE c.app_id = $1 AND c.extension = $2 AND c.kind = $3 AND c.position = k.position
"""

_LOWEST = -(1 << 62)


async def change_app(connection: Connection, app_id: int, region: str | None, extensions: str | None) -> None:
    """Change the app, and write the numbers of all its calls as its region reads them; raises `UnknownApp`.

    A writer that had read the old region finds the new one when it has locked its list, and begins again.
    """
    before = await connection.fetch(HOLD_APP, app_id)
    if not before:
        raise UnknownApp(f"There is no app {app_id}")
    await connection.execute(CHANGE_APP, app_id, region, extensions)
    if before[0][0] != region:
        await show_again(connection, app_id, region)
        await read_contacts_again(connection, app_id, region)


async def show_again(connection: Connection, app_id: int, region: str | None) -> None:
    """Write the numbers of all the app's calls as the region reads them, and what follows from them."""
    for extension, kind in await connection.fetch(HOLD_LISTS, app_id):
        await _show_list(connection, app_id, extension, kind, region)
    await read_numbers_again(connection, app_id, region)


async def _show_list(connection: Connection, app_id: int, extension: str, kind: int, region: str | None) -> None:
    after = _LOWEST
    while rows := await connection.fetch(ROWS, app_id, extension, kind, after, _AT_A_TIME):
        legs: dict[bytes, list[str]] = {}
        for ref, facts in await connection.fetch(LEGS, app_id, sorted({row[1] for row in rows})):
            legs.setdefault(ref, []).append(facts)
        read = [(row, _read_again(row[1], legs[row[1]], region)) for row in rows if row[1] in legs]
        changed = [(row[0], entry.number, entry.shown) for row, entry in read if entry.shown != row[2]]
        if changed:
            await connection.execute(SHOW, app_id, extension, kind, *zip(*changed, strict=True))
        after = rows[-1][0]


def _read_again(ref: bytes, legs: list[str], region: str | None) -> Entry:
    return entry_of(merge(ref, [decode_leg(facts) for facts in legs], region))
