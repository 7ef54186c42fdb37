"""How much a short and a full run measure."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Calls in the stores, rows in the files, and how often each is measured.

    Even the small file is past what the importer keeps at hand (numbers seen, pages of the store), which is bounded.
    """

    calls: int  # of stores with their legs
    lists: tuple[int, int]  # calls of embedded stores of lists alone, the smaller and the larger: see `huge_stores`
    all_calls: tuple[int, ...]  # of stores in PostgreSQL
    rows: int
    few_rows: int
    rounds: int
    import_rounds: int
    seconds: float


SHORT = Sizes(
    calls=1_000_000,
    lists=(100_000, 1_000_000),
    all_calls=(10_000, 1_000_000),
    rows=100_000,
    few_rows=50_000,
    rounds=5,
    import_rounds=3,
    seconds=1.0,
)
FULL = Sizes(
    calls=1_000_000,
    lists=(100_000, 50_000_000),
    all_calls=(10_000, 1_000_000, 10_000_000),
    rows=1_000_000,
    few_rows=250_000,
    rounds=15,
    import_rounds=3,
    seconds=4.0,
)
