"""Figures of starting: from a process's start to its first good answer."""

from benchmarks.measuring import Figure, Series, in_turns
from benchmarks.servers import bare_server, ringback_server
from benchmarks.sizes import Sizes
from benchmarks.stores import Say, made_store

_SECONDS = 0.6


def start_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Seconds until `ringback serve` is ready over the bare server's, and over those it may take."""
    store = made_store(sizes.calls, say)

    def ringback() -> float:
        with ringback_server(store) as server:
            return server.start_seconds

    def bare() -> float:
        with bare_server() as server:
            return server.start_seconds

    found = in_turns(sizes.rounds, {"bare": bare, "ringback": ringback})
    limit = Series("limit", [_SECONDS] * sizes.rounds)
    return [
        _figure("ringback serve until ready, over the bare server", found["ringback"], found["bare"]),
        _figure(f"ringback serve until ready, over {_SECONDS:g} seconds", found["ringback"], limit, 1),
    ]


def _figure(name: str, over: Series, under: Series, at_most: float | None = None) -> Figure:
    return Figure(section="start", name=name, over=over, under=under, unit="s", at_most=at_most)
