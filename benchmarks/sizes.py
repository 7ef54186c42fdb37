"""How much a short and a full run measure."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Calls in the stores, rows in the files, and how often each is measured.

    Even the small file is past what the importer keeps at hand (numbers seen, pages of the store), which is bounded.
    """

    calls: int
    all_calls: tuple[int, ...]
    rows: int
    few_rows: int
    rounds: int
    import_rounds: int
    seconds: float


SHORT = Sizes(
    calls=1_000_000,
    all_calls=(10_000, 1_000_000),
    rows=200_000,
    few_rows=100_000,
    rounds=7,
    import_rounds=3,
    seconds=2.0,
)
FULL = Sizes(
    calls=10_000_000,
    all_calls=(10_000, 1_000_000, 10_000_000),
    rows=1_000_000,
    few_rows=250_000,
    rounds=15,
    import_rounds=3,
    seconds=5.0,
)
