"""Positions by counts of spans, in SQL that both databases understand: see `storage.by_number`. Nothing is run here.

The position of a moment is the number of rows before it: the widest spans before, then the narrower ones within the
last, then the few rows within that. Names given here are SQL: parameters, or columns of the statement around.
"""

from ringback.storage.by_number import SPAN_BITS

_NARROWEST = SPAN_BITS[-1]
_SPANS = tuple(zip(SPAN_BITS, (None, *SPAN_BITS[:-1]), strict=True))  # each kind, and the wider one that holds several


def counts(app: str, extension: str, bits: int) -> str:
    """Return from where a list's counts of these spans come."""
    return f"FROM ring_back_count n WHERE n.app_id = {app} AND n.extension = {extension} AND n.bits = {bits}"


def before(app: str, extension: str, moment: str) -> str:
    """Return the number of a list's rows that start before a moment: the position of the last that does."""
    sums = [
        f"coalesce(CAST((SELECT sum(n.calls) {counts(app, extension, bits)} AND n.slot < {moment} >> {bits}"
        + (f" AND n.slot >= ({moment} >> {wider}) << {wider - bits}" if wider else "")
        + ") AS bigint), 0)"
        for bits, wider in _SPANS
    ]
    return f"""({" + ".join(sums)} + (
        SELECT count(*) FROM ring_back c WHERE c.app_id = {app} AND c.extension = {extension}
            AND c.started_ms >= ({moment} >> {_NARROWEST}) << {_NARROWEST} AND c.started_ms < {moment}
    ))"""


def page_from(app: str, whose: str, from_: str, to: str, skipped: str) -> str:
    """Return the beginning of a statement that reads a page of the list of the one row of extension that `whose` gives.

    `found` has the extension and the first and last position of the range, `at` the key of the page's first row, or
    nothing: the row at that position.
    """
    rank = f"(SELECT last - {skipped} FROM found)"
    within = ", ".join(_span_of(app, rank, bits, wider) for bits, wider in _SPANS)
    return f"""
WITH found AS MATERIALIZED (
    SELECT o.extension, {before(app, "o.extension", from_)} + 1 AS first,
        {before(app, "o.extension", f"({to} + 1)")} AS last
    FROM ({whose}) o
), {within}, at AS MATERIALIZED (
    SELECT c.started_ms, c.call_ref FROM ring_back c
    WHERE c.app_id = {app} AND c.extension = (SELECT extension FROM found)
        AND c.started_ms >= (SELECT slot << {_NARROWEST} FROM span_{_NARROWEST})
        AND c.started_ms < (SELECT (slot + 1) << {_NARROWEST} FROM span_{_NARROWEST})
    ORDER BY c.started_ms, c.call_ref
    LIMIT 1 OFFSET coalesce((SELECT f.last - {skipped} - s.before - 1 FROM found f, span_{_NARROWEST} s), 0)
)"""


def _span_of(app: str, rank: str, bits: int, wider: int | None) -> str:
    """The span that holds the row of this rank, and how many rows are before it; looked for within the wider one."""
    earlier, within = "", ""
    if wider:
        earlier = f"+ (SELECT before FROM span_{wider})"
        within = f"""AND n.slot >= (SELECT slot << {wider - bits} FROM span_{wider})
            AND n.slot < (SELECT (slot + 1) << {wider - bits} FROM span_{wider})"""
    return f"""span_{bits} AS MATERIALIZED (
    SELECT s.slot, s.before FROM (
        SELECT n.slot, CAST(sum(n.calls) OVER (ORDER BY n.slot) AS bigint) - n.calls {earlier} AS before
        {counts(app, "(SELECT extension FROM found)", bits)} {within}
    ) s WHERE s.before < {rank} ORDER BY s.slot DESC LIMIT 1
)"""
