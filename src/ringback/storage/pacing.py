"""How much of long work is done at a time, so that whoever reads and writes meanwhile hardly notices."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

Heard = Callable[[int], None]

_FIRST_SPAN_MS = 60_000
_LONGEST_SPAN_MS = 86_400_000
_FEW_CALLS = 50
_MOST_OF_FEW = 3.0  # times as long as wanted that a slice of few calls may take and still be taken for short
_LEAST_REST_SECONDS = 0.005


def nobody(said: Any) -> None:
    """Hear nothing."""
    del said


class Slice(NamedTuple):
    """What a slice did: calls dropped or changed, and from when on there is more to do, None where there is not."""

    calls: int
    next_ms: int | None


class Pace:
    """How much is done at a time, and how long the rest is: slices of about `slice_seconds`, then as long times `rest`.

    A slice is a span of calls' starts. How many calls that is nobody knows before, so it grows and shrinks with the
    time that slices take.
    """

    def __init__(self, slice_seconds: float = 0.1, rest: float = 0.1) -> None:
        self._slice_seconds, self._rest = slice_seconds, rest
        self._began = self._took = 0.0
        self.span_ms = _FIRST_SPAN_MS

    def begin(self) -> None:
        """Begin a slice."""
        self._began = time.monotonic()

    def end(self, calls: int) -> None:
        """End it; it was of so many calls. What a slice of few calls costs, a shorter one would cost nearly as well."""
        self._took = time.monotonic() - self._began
        is_small = calls <= _FEW_CALLS
        if self._took < self._slice_seconds * (_MOST_OF_FEW if is_small else 0.5):
            self.span_ms = min(self.span_ms * 2, _LONGEST_SPAN_MS)
        elif self._took > self._slice_seconds:
            self.span_ms = max(self.span_ms // 2, _FIRST_SPAN_MS if is_small else 1)

    @property
    def rest_seconds(self) -> float:
        """How long others have their turn now."""
        return max(self._took * self._rest, _LEAST_REST_SECONDS)
