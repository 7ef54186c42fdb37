"""All agents' lists of one kind in PostgreSQL, read as one; which rows that are is ranking.py's to find."""

from ringback.storage.positions import Span
from ringback.storage.postgresql.connections import Connection
from ringback.storage.postgresql.lists import columns
from ringback.storage.postgresql.pages import OF_CONTACT, ROW, page_parameters
from ringback.storage.ranking import in_order, page_slice
from ringback.storage.records import AgentsCall, AppPage, Range
from ringback.storage.rows import listed_call
from ringback.telephony.call import ListKind

# What each list has in a range. The lists are few, and named by the app: the range is looked up in each.
SPANS = """
SELECT l.extension, l.kind,
    (SELECT c.position FROM listed_call c WHERE c.app_id = $1 AND c.extension = l.extension AND c.kind = l.kind
        AND c.started_ms >= $2 ORDER BY c.started_ms, c.position LIMIT 1) AS first,
    (SELECT c.position FROM listed_call c WHERE c.app_id = $1 AND c.extension = l.extension AND c.kind = l.kind
        AND c.started_ms <= $3 ORDER BY c.started_ms DESC, c.position DESC LIMIT 1) AS last
FROM call_list l WHERE l.app_id = $1 AND l.extension <> ''
"""
UNTIL = """
SELECT (SELECT c.position FROM listed_call c WHERE c.app_id = $1 AND c.extension = k.extension AND c.kind = $2
            AND c.started_ms <= $3 ORDER BY c.started_ms DESC, c.position DESC LIMIT 1)
FROM app a, unnest($4::text[]) WITH ORDINALITY AS k (extension, number) WHERE a.app_id = $1
ORDER BY k.number
"""
ROWS = f"""
SELECT c.extension, {ROW}
FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS k (extension, low, high)
JOIN listed_call c ON c.app_id = $1 AND c.extension = k.extension AND c.kind = $2
    AND c.position BETWEEN k.low AND k.high
{OF_CONTACT}
WHERE c.app_id = $1
"""


async def app_page(connection: Connection, app_id: int, kind: ListKind, wanted: Range) -> AppPage:
    """Return a page over all agents' lists of this kind, as one transaction sees them."""
    from_ms, to_ms, skipped, most = page_parameters(wanted)
    spans: dict[str, Span] = {}
    for extension, of_kind, first, last in await connection.fetch(SPANS, app_id, from_ms, to_ms):
        if of_kind == kind and first is not None and last is not None and first <= last:
            spans[extension] = Span(first, last)
    asking = page_slice(spans, from_ms, to_ms, skipped, most)
    try:
        at_ms, names = next(asking)
        while True:
            found = await connection.fetch(UNTIL, app_id, kind.value, at_ms, names)
            at_ms, names = asking.send([row[0] for row in found])
    except StopIteration as done:
        among = done.value
    asked = columns(3, [(name, *span) for name, span in among.spans.items()])
    found = await connection.fetch(ROWS, app_id, kind.value, *asked)
    rows = [AgentsCall(row[0], listed_call(*row[1:])) for row in found]
    count = sum(span.size for span in spans.values())
    return AppPage(count=count, calls=in_order(rows)[among.skipped : among.skipped + most])
