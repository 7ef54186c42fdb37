"""Figures of starting: from a process's start to its first good answer."""

from benchmarks.measuring import Figure, in_turns
from benchmarks.servers import bare_server, ringback_server
from benchmarks.sizes import Sizes
from benchmarks.stores import Say, made_store


def start_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Seconds until `ringback serve` is ready over the bare server's."""
    store = made_store(sizes.calls, say)

    def ringback() -> float:
        with ringback_server(store) as server:
            return server.start_seconds

    def bare() -> float:
        with bare_server() as server:
            return server.start_seconds

    found = in_turns(sizes.rounds, {"bare": bare, "ringback": ringback})
    name = "ringback serve until ready, over the bare server"
    return [Figure(section="start", name=name, over=found["ringback"], under=found["bare"], unit="s")]
