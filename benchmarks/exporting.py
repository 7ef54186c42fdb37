"""Figures of `ringback export`: the time of a hundred thousand calls, and memory over that for a tenth of them."""

from pathlib import Path

from benchmarks.huge_stores import made_lists
from benchmarks.importing import Finished, run
from benchmarks.made_calls import LIST_CALLS, MadeAgent
from benchmarks.measuring import Figure, Series, in_turns
from benchmarks.servers import RINGBACK
from benchmarks.sizes import Sizes
from benchmarks.stores import Say

_CALLS = 100_000
_SECONDS = 5.0
_ROUNDS = 3


def export_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Seconds of an app's export over the five it may take, and its peak memory over one agent's."""
    del sizes
    store = made_lists(_CALLS, say)
    agent = MadeAgent(0)
    memory: dict[str, list[float]] = {"app": [], "agent": []}

    def taken(what: str, whose: str, calls: int) -> float:
        finished = _exported(store, whose, calls)
        memory[what].append(finished.peak_mib)
        return finished.seconds

    seconds = in_turns(
        _ROUNDS,
        {
            "app": lambda: taken("app", str(agent.app_id), _CALLS),
            "agent": lambda: taken("agent", f"{agent.extension}_{agent.app_id}", LIST_CALLS),
        },
    )
    limit = Series("limit", [_SECONDS] * len(seconds["app"].values))
    peaks = {what: Series(what, found) for what, found in memory.items()}
    return [
        Figure(
            section="export",
            name=f"export of {_CALLS:,} calls over {_SECONDS:g} seconds",
            over=seconds["app"],
            under=limit,
            unit="s",
            at_most=1,
        ),
        Figure(
            section="export",
            name=f"peak memory, {_CALLS:,} calls over {LIST_CALLS:,}",
            over=peaks["app"],
            under=peaks["agent"],
            unit="MiB",
            at_most=1.1,
        ),
    ]


def _exported(store: Path, whose: str, calls: int) -> Finished:
    finished = run([RINGBACK, "export", whose, "--format", "csv", "--store", f"sqlite:///{store}"])
    lines = finished.said.count("\n")
    if lines != calls + 1:
        raise RuntimeError(f"the export of {whose} has {lines} lines, not {calls + 1}")
    return finished
