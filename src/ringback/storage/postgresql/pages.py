"""Call lists in PostgreSQL as they are read: a page, pages of many tokens, all calls of a range. Nothing is written."""

from collections.abc import Sequence
from operator import attrgetter

import asyncpg

from ringback.storage.postgresql.lists import FAR
from ringback.storage.records import ListedCall, Range
from ringback.storage.rows import count_of, listed_call

# What a row shows, with the contact's name in the place of the source's: behind the mark NAME, before END.
NAMED = """CASE WHEN n.shown IS NULL THEN c.shown ELSE
    left(c.shown, strpos(c.shown, chr(6))) || n.shown || chr(7) END"""
OF_CONTACT = "LEFT JOIN contact n ON n.app_id = $1 AND n.number = c.number"
ROW = f"""c.position, coalesce(c.given_id, c.call_ref) AS call_id, c.started_ms, {NAMED} AS shown, c.disposition,
    c.ringing_seconds"""
_OF_LIST = "c.app_id = $1 AND c.extension = %(extension)s AND c.kind = %(kind)s"

# The two seeks that find the first and the last position of a range, and one run of the key from there.
_ENDS = f"""
    (SELECT c.position FROM listed_call c WHERE {_OF_LIST} AND c.started_ms >= %(earliest)s
     ORDER BY c.started_ms, c.position LIMIT 1) AS first,
    (SELECT c.position FROM listed_call c WHERE {_OF_LIST} AND c.started_ms <= %(latest)s
     ORDER BY c.started_ms DESC, c.position DESC LIMIT 1) AS last
"""
_ON_PAGE = f"""
    {_OF_LIST} AND c.position >= f.first
        AND c.position BETWEEN f.last - %(skipped)s - %(most)s + 1 AND f.last - %(skipped)s
"""
# One value, whose texts need no decoding. An array keeps the order of its rows; an aggregate would sort them once more.
_TEXTS = f"""
    SELECT convert_to(
        array_to_string(ARRAY(SELECT c.shown FROM listed_call c WHERE {_ON_PAGE} ORDER BY c.position DESC), ''), 'UTF8'
    )
"""
_NAMED_TEXTS = f"""
    SELECT convert_to(array_to_string(ARRAY(
        SELECT {NAMED} FROM listed_call c {OF_CONTACT} WHERE {_ON_PAGE} ORDER BY c.position DESC
    ), ''), 'UTF8')
"""

# A page is one statement and so one snapshot.
_OF_ONE = {"kind": "$2", "earliest": "$3", "latest": "$4", "skipped": "$5", "most": "$6"}
_OF_O, _OF_F = _OF_ONE | {"extension": "o.extension"}, _OF_ONE | {"extension": "f.extension"}
_FOUND = f"SELECT o.extension, {_ENDS % _OF_O} FROM %s o OFFSET 0"

# The outer join tells whose list it is, and how many there are, where the page has no row. The rows come in order from
# the key, but nothing promises that an outer join keeps it: they are put in order here, which costs less than a Sort.
PAGE = f"""
SELECT f.extension, f.first, f.last, c.*
FROM ({_FOUND % "(SELECT a.app_id, $7::text AS extension FROM app a WHERE a.app_id = $1)"}) f
LEFT JOIN LATERAL (
    SELECT {ROW} FROM listed_call c {OF_CONTACT} WHERE {_ON_PAGE % _OF_F} ORDER BY c.position DESC
) c ON true
"""

_PAGE_OF_TOKEN = f"""
SELECT f.extension, f.first, f.last, (%s)
FROM ({_FOUND % "(SELECT t.extension FROM token t WHERE t.app_id = $1 AND t.digest = $7 AND t.expires_ms > $8)"}) f
"""
PAGE_OF_TOKEN = _PAGE_OF_TOKEN % (_TEXTS % _OF_F)
NAMED_PAGE_OF_TOKEN = _PAGE_OF_TOKEN % (_NAMED_TEXTS % _OF_F)  # where the app has contacts

# The same for many tokens of an app, by the number of each question from 1 on; none for a token that is not there.
_OF_EACH = {name: f"q.{name}" for name in _OF_ONE}
_ENDS_OF_EACH = _ENDS % (_OF_EACH | {"extension": "t.extension"})
_PAGES_OF_TOKENS = f"""
SELECT q.number, f.extension, f.first, f.last, (%s)
FROM unnest(
    $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bigint[]
) WITH ORDINALITY AS q (kind, earliest, latest, skipped, most, digest, now_ms, number), LATERAL (
    SELECT t.extension, {_ENDS_OF_EACH}
    FROM token t WHERE t.app_id = $1 AND t.digest = q.digest AND t.expires_ms > q.now_ms
    OFFSET 0
) f
"""
_OF_EACH_F = _OF_EACH | {"extension": "f.extension"}
PAGES_OF_TOKENS = _PAGES_OF_TOKENS % (_TEXTS % _OF_EACH_F)
NAMED_PAGES_OF_TOKENS = _PAGES_OF_TOKENS % (_NAMED_TEXTS % _OF_EACH_F)

SPAN = f"""
SELECT {_ENDS % {"extension": "$2", "kind": "$3", "earliest": "$4", "latest": "$5"}}
FROM app a WHERE a.app_id = $1
"""

# The position behind the last call before each bound; where none is before it, the list's first.
_OF_LIST_2 = _OF_LIST % {"extension": "$2", "kind": "$3"}
BEHIND = f"""
SELECT coalesce(
    (SELECT c.position + 1 FROM listed_call c WHERE {_OF_LIST_2} AND c.started_ms < b.bound
     ORDER BY c.started_ms DESC, c.position DESC LIMIT 1),
    (SELECT c.position FROM listed_call c WHERE {_OF_LIST_2} ORDER BY c.position LIMIT 1)
)
FROM app a, unnest($4::bigint[]) WITH ORDINALITY AS b (bound, number) WHERE a.app_id = $1
ORDER BY b.number
"""

_OF_K = _OF_LIST % {"extension": "k.extension", "kind": "k.kind"}
STAMPS = f"""
SELECT
    (SELECT c.position FROM listed_call c WHERE {_OF_K} ORDER BY c.position LIMIT 1),
    n.position, n.call_ref
FROM app a, unnest($2::text[], $3::smallint[]) WITH ORDINALITY AS k (extension, kind, number)
LEFT JOIN LATERAL (
    SELECT c.position, c.call_ref FROM listed_call c WHERE {_OF_K} ORDER BY c.position DESC LIMIT 1
) n ON true
WHERE a.app_id = $1
ORDER BY k.number
"""

_ALL = f"{_OF_LIST % {'extension': '$2', 'kind': '$3'}} AND c.position BETWEEN $4 AND $5 ORDER BY c.position DESC"
WALK = f"SELECT {ROW} FROM listed_call c {OF_CONTACT} WHERE {_ALL}"
WALK_LEGS = f"""
SELECT ARRAY(SELECT l.facts FROM leg l WHERE l.app_id = $1 AND l.call_ref = c.call_ref ORDER BY l.ordinal)
FROM listed_call c WHERE {_ALL}
"""

_position = attrgetter("position")


def page_parameters(wanted: Range) -> tuple[int, int, int, int]:
    """Return a range's part of a page statement's parameters, the third to the sixth."""
    skipped = (wanted.page - 1) * wanted.limit  # any page may be asked for; PostgreSQL's integers end
    return wanted.from_ms, wanted.to_ms, min(skipped, FAR), min(wanted.limit, FAR)


def page_rows(rows: Sequence[asyncpg.Record], wanted: Range) -> tuple[str, int, list[ListedCall]]:
    """Return whose list it is, the exact count and the calls of the rows of `PAGE` (at least one)."""
    del wanted
    extension, first, last, position = rows[0][:4]
    calls = [] if position is None else [listed_call(*row[3:]) for row in rows]
    calls.sort(key=_position, reverse=True)
    return extension, count_of(first, last), calls
