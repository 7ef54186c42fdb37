"""All agents' lists of one kind in SQLite, read as one; which rows that are is ranking.py's to find."""

import json
import sqlite3

from ringback.storage.positions import Span
from ringback.storage.ranking import in_order, page_slice
from ringback.storage.records import AgentsCall, AppPage, Range
from ringback.storage.rows import listed_call
from ringback.storage.sqlite.lists import OF_CONTACT, ROW, page_parameters
from ringback.telephony.call import ListKind

# What each list has in a range. The lists are few, and named by the app: the range is looked up in each.
SPANS = """
SELECT l.extension, l.kind, l.list_id,
    (SELECT position FROM listed_call c WHERE c.list_id = l.list_id AND started_ms >= ?2
     ORDER BY started_ms, position LIMIT 1) AS first,
    (SELECT position FROM listed_call c WHERE c.list_id = l.list_id AND started_ms <= ?3
     ORDER BY started_ms DESC, position DESC LIMIT 1) AS last
FROM call_list l WHERE l.app_id = ?1 AND l.extension <> ''
"""
_UNTIL = """
SELECT (SELECT position FROM listed_call c WHERE c.list_id = b.value AND started_ms <= ?1
        ORDER BY started_ms DESC, position DESC LIMIT 1)
FROM json_each(?2) b ORDER BY b.key
"""
_ROWS = f"""
SELECT l.extension, {ROW}
FROM json_each(?2) b
CROSS JOIN call_list l ON l.list_id = json_extract(b.value, '$[0]')
CROSS JOIN listed_call c ON c.list_id = l.list_id
    AND c.position BETWEEN json_extract(b.value, '$[1]') AND json_extract(b.value, '$[2]')
{OF_CONTACT % "?1"}
"""


def app_page(db: sqlite3.Connection, app_id: int, kind: ListKind, wanted: Range) -> AppPage:
    """Return a page over all agents' lists of this kind, as one transaction sees them."""
    from_ms, to_ms, skipped, most = page_parameters(wanted)
    spans: dict[str, Span] = {}
    list_ids: dict[str, int] = {}
    for extension, of_kind, list_id, first, last in db.execute(SPANS, (app_id, from_ms, to_ms)):
        if of_kind == kind and first is not None and last is not None and first <= last:
            spans[extension], list_ids[extension] = Span(first, last), list_id
    asking = page_slice(spans, from_ms, to_ms, skipped, most)
    try:
        at_ms, names = next(asking)
        while True:
            found = db.execute(_UNTIL, (at_ms, json.dumps([list_ids[name] for name in names]))).fetchall()
            at_ms, names = asking.send([row[0] for row in found])
    except StopIteration as done:
        among = done.value
    asked = json.dumps([[list_ids[name], *span] for name, span in among.spans.items()])
    rows = [AgentsCall(row[0], listed_call(*row[1:])) for row in db.execute(_ROWS, (app_id, asked))]
    count = sum(span.size for span in spans.values())
    return AppPage(count=count, calls=in_order(rows)[among.skipped : among.skipped + most])
