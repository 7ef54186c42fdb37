"""Numbers to ring back in PostgreSQL: keeping calls by number, and the lists that follow from them. No pages here.

A try of one agent and the call in which another reaches the number may come to two servers at once, and what follows
is of both. So whoever writes calls of a number holds the number's lock first: all numbers of a transaction in order,
and behind the locks of lists. Counts come last, in order as well. So nobody waits in a circle.
"""

from collections.abc import Mapping, Sequence

from ringback.storage.by_number import (
    FOLLOWED,
    REVISION_BITS,
    SPAN_BITS,
    Numbered,
    NumberedCall,
    Standing,
    ToRingBack,
    followed,
    rewriting,
    standings,
)
from ringback.storage.postgresql.bulk import MANY, copy_rows
from ringback.storage.postgresql.connections import Connection
from ringback.storage.postgresql.lists import SHARE_APP, columns
from ringback.storage.records import Mark
from ringback.telephony.call import ListKind
from ringback.telephony.numbers import UNKNOWN_NUMBER, number_again

_KINDS = ", ".join(str(kind.value) for kind in FOLLOWED)
_OUT_MISSED = ListKind.OUT_MISSED.value
_NUMBERED, _ROW = NumberedCall._fields, ToRingBack._fields
_AT_A_TIME = 5000  # numbers, of a whole app: bounds the memory

# The calls by number as the lists have them.
LISTED = f"""
SELECT c.number, c.kind <> {_OUT_MISSED} AS was_reached, c.started_ms, c.call_ref, c.extension
FROM listed_call c WHERE c.app_id = $1 AND c.kind IN ({_KINDS}) AND c.number <> '{UNKNOWN_NUMBER}'
"""

# When numbers were last reached. Number by number, so that the key finds each, see taking_in.py.
_REACHED = """
FROM %s n
CROSS JOIN LATERAL (
    SELECT coalesce(greatest(
        (SELECT b.started_ms FROM call_by_number b WHERE b.app_id = $1 AND b.number = n.number AND b.was_reached
         ORDER BY b.started_ms DESC LIMIT 1),
        (SELECT m.done_ms FROM ring_back_mark m WHERE m.app_id = $1 AND m.number = n.number
         ORDER BY m.done_ms DESC LIMIT 1)
    ), -1) AS reached_ms
    OFFSET 0
) r
"""
# How numbers stand by their rows: the same for however many tries there were.
_KEPT = f"""
SELECT n.number, r.reached_ms, t.extension, t.started_ms, t.call_ref, t.tries
{_REACHED}
LEFT JOIN LATERAL (
    SELECT k.extension, k.started_ms, k.call_ref, k.tries FROM ring_back k WHERE k.app_id = $1 AND k.number = n.number
    OFFSET 0
) t ON true
"""
# How they should stand: each agent's tries since then, of which the last is told.
_DUE = f"""
SELECT n.number, r.reached_ms, t.extension, t.started_ms, t.call_ref, t.tries
{_REACHED}
%s JOIN LATERAL (
    SELECT b.extension, max(b.started_ms) AS started_ms,
        (array_agg(b.call_ref ORDER BY b.started_ms DESC, b.call_ref DESC))[1] AS call_ref, count(*) AS tries
    FROM call_by_number b
    WHERE b.app_id = $1 AND b.number = n.number AND NOT b.was_reached AND b.started_ms > r.reached_ms
    GROUP BY b.extension
    OFFSET 0
) t ON true
"""
_ASKED = "(SELECT k.number FROM app a, unnest($2::text[]) AS k (number) WHERE a.app_id = $1)"
STANDING = _KEPT % _ASKED
STANDING_DUE = _DUE % (_ASKED, "LEFT")
_EVERY_NUMBER = "(SELECT DISTINCT d.number FROM call_by_number d WHERE d.app_id = $1)"

HOLD_NUMBERS = """
INSERT INTO called_number (app_id, number)
SELECT a.app_id, k.number FROM app a, unnest($2::text[]) AS k (number) WHERE a.app_id = $1
ORDER BY k.number COLLATE "C"
ON CONFLICT (app_id, number) DO UPDATE SET number = excluded.number
"""
# Numbers are people's: one that no call and no mark has any more is not kept for the sake of its lock.
LET_GO = """
DELETE FROM called_number n WHERE n.app_id = $1 AND n.number = ANY ($2::text[])
    AND NOT EXISTS (SELECT FROM call_by_number b WHERE b.app_id = $1 AND b.number = n.number)
    AND NOT EXISTS (SELECT FROM ring_back_mark m WHERE m.app_id = $1 AND m.number = n.number)
"""
_OF_NUMBERED = "unnest($2::text[], $3::boolean[], $4::bigint[], $5::bytea[], $6::text[])"
DROP_NUMBERED = f"""
DELETE FROM call_by_number b USING {_OF_NUMBERED} AS k (number, was_reached, started_ms, call_ref, extension)
WHERE b.app_id = $1 AND b.number = k.number AND b.was_reached = k.was_reached AND b.started_ms = k.started_ms
    AND b.call_ref = k.call_ref
"""
PUT_NUMBERED = f"""
INSERT INTO call_by_number (app_id, {", ".join(_NUMBERED)})
SELECT a.app_id, k.* FROM app a, {_OF_NUMBERED} AS k WHERE a.app_id = $1
"""
# Row by row where they are few: a plan for many, made while the table was small, may go through all rows of the app.
DROP_ONE_NUMBERED = """
DELETE FROM call_by_number b
WHERE b.app_id = $1 AND b.number = $2 AND b.was_reached = $3 AND b.started_ms = $4 AND b.call_ref = $5
"""
DROP_ONE = """
DELETE FROM ring_back r WHERE r.app_id = $1 AND r.extension = $2 AND r.started_ms = $3 AND r.call_ref = $4
"""
DROP_ONE_EMPTY = """
DELETE FROM ring_back_count n
WHERE n.app_id = $1 AND n.extension = $2 AND n.bits = $3 AND n.slot = $4 AND n.calls = 0
"""
_OF_ROWS = (
    "unnest($2::text[], $3::bigint[], $4::bytea[], $5::bigint[], $6::text[]) "
    "AS k (extension, started_ms, call_ref, tries, number)"
)
DROP = f"""
DELETE FROM ring_back r USING {_OF_ROWS}
WHERE r.app_id = $1 AND r.extension = k.extension AND r.started_ms = k.started_ms AND r.call_ref = k.call_ref
"""
PUT = f"""
INSERT INTO ring_back (app_id, {", ".join(_ROW)})
SELECT a.app_id, k.* FROM app a, {_OF_ROWS} WHERE a.app_id = $1
"""
_OF_COUNTS = "unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[]) AS k (extension, bits, slot, calls)"
COUNT = f"""
INSERT INTO ring_back_count (app_id, extension, bits, slot, calls)
SELECT a.app_id, k.* FROM app a, {_OF_COUNTS} WHERE a.app_id = $1
ORDER BY k.extension COLLATE "C", k.bits, k.slot
ON CONFLICT (app_id, extension, bits, slot) DO UPDATE SET calls = ring_back_count.calls + excluded.calls
"""
DROP_EMPTY = f"""
DELETE FROM ring_back_count n USING {_OF_COUNTS}
WHERE n.app_id = $1 AND n.extension = k.extension AND n.bits = k.bits AND n.slot = k.slot AND n.calls = 0
"""


async def write(connection: Connection, app_id: int, changed: Numbered) -> None:
    """Have numbers to ring back follow changes to calls by number."""
    numbers = changed.numbers
    if not numbers:
        return
    before = await _held(connection, app_id, numbers)
    await _drop(connection, app_id, changed.gone, many=DROP_NUMBERED, one=DROP_ONE_NUMBERED, keys=4)
    if len(changed.came) >= MANY:
        await copy_rows(connection, app_id, "call_by_number", _NUMBERED, changed.came)
    elif changed.came:
        await connection.execute(PUT_NUMBERED, app_id, *columns(5, changed.came))
    after, unsure = followed(before, changed)
    if unsure:
        after |= await _due(connection, app_id, unsure)
    await _rewrite(connection, app_id, before, after)
    if changed.gone:
        await connection.execute(LET_GO, app_id, numbers)


async def _held(connection: Connection, app_id: int, numbers: Sequence[str]) -> dict[str, Standing]:
    """Hold these numbers, which are in order, and return how they stand."""
    await connection.execute(HOLD_NUMBERS, app_id, numbers)
    return await _standing(connection, app_id, numbers)


async def _standing(connection: Connection, app_id: int, numbers: Sequence[str]) -> dict[str, Standing]:
    return standings(tuple(row) for row in await connection.fetch(STANDING, app_id, numbers))


async def _due(connection: Connection, app_id: int, numbers: Sequence[str]) -> dict[str, Standing]:
    return standings(tuple(row) for row in await connection.fetch(STANDING_DUE, app_id, numbers))


async def _drop(
    connection: Connection, app_id: int, rows: Sequence[Sequence[object]], *, many: str, one: str, keys: int
) -> None:
    """Drop rows, of which the first so many columns are the key: by one statement, or one for each."""
    if len(rows) >= MANY:
        await connection.execute(many, app_id, *columns(len(rows[0]), rows))
    elif rows:
        await connection.executemany(one, [(app_id, *row[:keys]) for row in rows])


async def _rewrite(
    connection: Connection, app_id: int, before: Mapping[str, Standing], after: Mapping[str, Standing]
) -> None:
    gone, came, counts = rewriting(before, after)
    await _drop(connection, app_id, gone, many=DROP, one=DROP_ONE, keys=3)
    if len(came) >= MANY:
        await copy_rows(connection, app_id, "ring_back", _ROW, came)
    elif came:
        await connection.execute(PUT, app_id, *columns(5, came))
    if counts:
        await connection.execute(COUNT, app_id, *columns(4, counts))
    empty = [count for count in counts if count.by < 0]
    await _drop(connection, app_id, empty, many=DROP_EMPTY, one=DROP_ONE_EMPTY, keys=3)


# --- by hand -------------------------------------------------------------------------------------------------------

MARK = """
INSERT INTO ring_back_mark (app_id, number, done_ms, extension)
SELECT a.app_id, k.* FROM app a, unnest($2::text[], $3::bigint[], $4::text[]) AS k WHERE a.app_id = $1
ON CONFLICT (app_id, number, done_ms, extension) DO NOTHING
"""
UNMARK = "DELETE FROM ring_back_mark m WHERE m.app_id = $1 AND m.number = $2 AND m.done_ms = $3 AND m.extension = $4"
MARKS = """
SELECT m.number, m.done_ms, m.extension FROM ring_back_mark m
WHERE m.app_id = $1 AND (m.number, m.done_ms, m.extension) > ($2, $3, $4)
ORDER BY m.number, m.done_ms, m.extension LIMIT $5
"""
DROP_MARKS = "DELETE FROM ring_back_mark m WHERE m.app_id = $1 AND m.number = ANY ($2::text[])"


async def mark_done(connection: Connection, app_id: int, mark: Mark, of: str | None) -> bool:
    """Take a number off all lists, if it is in the list of this agent (None: of any)."""
    await connection.fetch(SHARE_APP, app_id)
    before = await _held(connection, app_id, [mark.number])
    rows = before[mark.number].rows if before else {}  # there is no such app
    if not rows or (of is not None and of not in rows):
        await connection.execute(LET_GO, app_id, [mark.number])
        return False
    await connection.execute(MARK, app_id, *columns(3, [_mark_row(mark)]))
    await _rewrite(connection, app_id, before, await _due(connection, app_id, [mark.number]))
    return True


async def put_marks(connection: Connection, app_id: int, marks: Sequence[Mark]) -> None:
    """Keep these marks; those that are there already are passed over."""
    await connection.fetch(SHARE_APP, app_id)
    numbers = sorted({mark.number for mark in marks})
    before = await _held(connection, app_id, numbers)
    await connection.execute(MARK, app_id, *columns(3, [_mark_row(mark) for mark in marks]))
    await _rewrite(connection, app_id, before, await _due(connection, app_id, numbers))


async def undo_done(connection: Connection, app_id: int, mark: Mark) -> bool:
    """Drop a mark; return whether it was there."""
    await connection.fetch(SHARE_APP, app_id)
    before = await _held(connection, app_id, [mark.number])
    was_there = await connection.execute(UNMARK, app_id, *_mark_row(mark)) != "DELETE 0"
    if was_there:
        await _rewrite(connection, app_id, before, await _due(connection, app_id, [mark.number]))
    await connection.execute(LET_GO, app_id, [mark.number])
    return was_there


async def drop_marks(connection: Connection, app_id: int, numbers: Sequence[str]) -> None:
    """Drop all marks of these numbers."""
    held = sorted(set(numbers))
    before = await _held(connection, app_id, held)
    await connection.execute(DROP_MARKS, app_id, held)
    await _rewrite(connection, app_id, before, await _due(connection, app_id, held))
    await connection.execute(LET_GO, app_id, held)


def _mark_row(mark: Mark) -> tuple[str, int, str]:
    return mark.number, mark.done_ms, mark.extension


# --- with the whole app --------------------------------------------------------------------------------------------

OLD_MARKED = "SELECT DISTINCT m.number FROM ring_back_mark m WHERE m.app_id = $1 AND m.done_ms < $2"
DROP_OLD_MARKS = "DELETE FROM ring_back_mark m WHERE m.app_id = $1 AND m.number = ANY ($2::text[]) AND m.done_ms < $3"
ALL_MARKS = "DELETE FROM ring_back_mark m WHERE m.app_id = $1 RETURNING m.number, m.done_ms, m.extension"
DROP_ALL_CALLED = "DELETE FROM called_number n WHERE n.app_id = $1"
DROP_ALL_NUMBERED = "DELETE FROM call_by_number b WHERE b.app_id = $1"
DROP_ALL = "DELETE FROM ring_back r WHERE r.app_id = $1"
DROP_ALL_COUNTS = "DELETE FROM ring_back_count n WHERE n.app_id = $1"
PUT_ALL_NUMBERED = f"""
INSERT INTO call_by_number (app_id, {", ".join(_NUMBERED)})
SELECT a.app_id, l.* FROM app a, ({LISTED}) l WHERE a.app_id = $1
"""
NUMBERS = """
SELECT DISTINCT b.number FROM call_by_number b WHERE b.app_id = $1 AND b.number > $2 ORDER BY b.number LIMIT $3
"""


async def purge_numbered(connection: Connection, app_id: int, gone: Sequence[NumberedCall], until_ms: int) -> None:
    """Drop calls by number, and marks of before this time, whose tries go with them.

    Numbers of marks are held as well: a try may just be coming that such a mark still covers.
    """
    marked = [row[0] for row in await connection.fetch(OLD_MARKED, app_id, until_ms)]
    numbers = sorted({*marked, *(call.number for call in gone)})
    if not numbers:
        return
    before = await _held(connection, app_id, numbers)
    await _drop(connection, app_id, gone, many=DROP_NUMBERED, one=DROP_ONE_NUMBERED, keys=4)
    if marked:
        await connection.execute(DROP_OLD_MARKS, app_id, marked, until_ms)
    await _rewrite(connection, app_id, before, await _due(connection, app_id, numbers))
    await connection.execute(LET_GO, app_id, numbers)


async def read_numbers_again(connection: Connection, app_id: int, region: str | None) -> None:
    """Make everything of an app anew, marks as the region reads their numbers; its lists are held."""
    marks = await connection.fetch(ALL_MARKS, app_id)
    read = sorted({(number_again(number, region), done_ms, extension) for number, done_ms, extension in marks})
    await connection.execute(MARK, app_id, *columns(3, read))
    for statement in (DROP_ALL_CALLED, DROP_ALL_NUMBERED, DROP_ALL, DROP_ALL_COUNTS, PUT_ALL_NUMBERED):
        await connection.execute(statement, app_id)
    await connection.execute(HOLD_NUMBERS, app_id, sorted({number for number, _, _ in read}))
    after = ""
    while rows := await connection.fetch(NUMBERS, app_id, after, _AT_A_TIME):
        numbers = [row[0] for row in rows]
        await connection.execute(HOLD_NUMBERS, app_id, numbers)
        await _rewrite(connection, app_id, {}, await _due(connection, app_id, numbers))
        after = numbers[-1]


# What is kept, and what is due, of each table: told in words, for the check.
KEPT_NUMBERED = f"SELECT {', '.join(f'b.{column}' for column in _NUMBERED)} FROM call_by_number b WHERE b.app_id = $1"
KEPT = "SELECT r.extension, r.started_ms, r.call_ref, r.tries, r.number FROM ring_back r WHERE r.app_id = $1"
DUE = f"SELECT s.extension, s.started_ms, s.call_ref, s.tries, s.number FROM ({_DUE % (_EVERY_NUMBER, 'INNER')}) s"
KEPT_COUNTS = f"""
SELECT n.extension, n.bits::integer, n.slot, n.calls FROM ring_back_count n
WHERE n.app_id = $1 AND n.bits <> {REVISION_BITS}
"""
DUE_COUNTS = " UNION ALL ".join(
    f"""SELECT r.extension, {bits}, r.started_ms >> {bits}, count(*) FROM ring_back r WHERE r.app_id = $1
    GROUP BY r.extension, r.started_ms >> {bits}"""
    for bits in SPAN_BITS
)
KEPT_CALLED = "SELECT n.number FROM called_number n WHERE n.app_id = $1"
DUE_CALLED = """
SELECT b.number FROM call_by_number b WHERE b.app_id = $1
UNION SELECT m.number FROM ring_back_mark m WHERE m.app_id = $1
"""
PROOFS = (
    ("calls by number", KEPT_NUMBERED, LISTED),
    ("called numbers", KEPT_CALLED, DUE_CALLED),
    ("numbers to ring back", KEPT, DUE),
    ("counts of numbers to ring back", KEPT_COUNTS, DUE_COUNTS),
)
