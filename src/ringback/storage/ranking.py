"""One page over many lists, without keeping a list of them all. Pure: positions in, positions out; no store.

Each list is sorted by time and numbered without gaps, so how many of its calls started until a moment is one look. The
page is where the sum of those is right: the moment is sought between its ends, by where it should lie if calls were
spread evenly, and by halves where they are not. Lists that have nothing left between the ends are asked no more. So a
page costs about the same wherever it is and however many calls there are; it costs more with more lists.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from ringback.storage.positions import Span
from ringback.storage.records import AgentsCall

_SLACK = 64  # calls more than are wanted that are quicker read than looked away

Asked: TypeAlias = tuple[int, Sequence[str]]  # a moment, and whose lists
Answered: TypeAlias = Sequence[int | None]  # of each, the position of its last call that started until then, if any
Asking: TypeAlias = "Generator[Asked, Answered, Slice]"


class Slice(NamedTuple):
    """The rows of each list that a page is among, and how many rows of these are newer than the page's first.

    They are the lists' rows that started after `after_ms` and until `until_ms`.
    """

    spans: dict[str, Span]
    skipped: int
    after_ms: int
    until_ms: int


class _End(NamedTuple):
    """A moment, and the position of each list's last call that started until then."""

    at_ms: int
    positions: dict[str, int]

    def count(self, spans: Mapping[str, Span]) -> int:
        return sum(position - spans[name].first + 1 for name, position in self.positions.items())


def page_slice(spans: Mapping[str, Span], from_ms: int, to_ms: int, skipped: int, most: int) -> Asking:
    """Find the rows of a page over lists, of which these are the spans of the range's calls (none of them empty).

    `skipped` calls are newer than the page, which has at most `most`. Yields what is to be looked up, is sent the
    answers, and returns the slice; empty for a page past the end.
    """
    count = sum(span.size for span in spans.values())
    if skipped >= count:
        return Slice({}, 0, from_ms, from_ms)
    begin = _End(from_ms - 1, {name: span.first - 1 for name, span in spans.items()})
    end = _End(to_ms, {name: span.last for name, span in spans.items()})
    _, newest = yield from _around(spans, begin, end, count - skipped)
    oldest, _ = yield from _around(spans, begin, newest, max(count - skipped - most, 0) + 1)
    found = {name: Span(oldest.positions[name] + 1, last) for name, last in newest.positions.items()}
    among = {name: span for name, span in found.items() if span.size > 0}
    return Slice(among, skipped - (count - newest.count(spans)), oldest.at_ms, newest.at_ms)


def _around(
    spans: Mapping[str, Span], low: _End, high: _End, rank: int
) -> Generator[Asked, Answered, tuple[_End, _End]]:
    """Return two ends close together with the call of this rank (the oldest is 1) between them: later than the first
    and not later than the second. Closer than a millisecond they do not come: calls may share one.
    """
    before, behind = low.count(spans), high.count(spans)
    halves = False
    while high.at_ms - low.at_ms > 1 and behind - before > _SLACK:
        width = high.at_ms - low.at_ms
        at_ms = low.at_ms + (width // 2 if halves else _even(width, rank - before, behind - before))
        names = [name for name, position in low.positions.items() if high.positions[name] > position]
        answers = yield at_ms, names
        middle = _End(at_ms, low.positions | _clamped(spans, names, answers))
        until = middle.count(spans)
        if until >= rank:
            high, behind = middle, until
        else:
            low, before = middle, until
        halves = high.at_ms - low.at_ms > width // 2  # the guess was far off: no worse than halving every other time
    return low, high


def _clamped(spans: Mapping[str, Span], names: Sequence[str], answers: Answered) -> dict[str, int]:
    """A list may begin before the range does, or after the moment asked for."""
    told = zip(names, answers, strict=True)
    return {name: max(spans[name].first - 1, spans[name].first - 1 if at is None else at) for name, at in told}


def _even(width: int, rank: int, count: int) -> int:
    """Where within so many milliseconds the call of this rank would be, if they were spread evenly; inside the ends."""
    return min(max(width * rank // (count + 1), 1), width - 1)


def in_order(calls: Iterable[AgentsCall]) -> list[AgentsCall]:
    """Return the calls newest first, in an order without ties: a call that rang at several agents is each one's."""
    return sorted(calls, key=lambda one: (one.call.started_ms, one.call.call_id, one.extension), reverse=True)
