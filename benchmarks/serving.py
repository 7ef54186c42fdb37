"""Figures of a server at work: its rate against the bare server's, and one request's time wherever it asks."""

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle

from benchmarks.huge_stores import made_lists
from benchmarks.load import OneByOne, full_load
from benchmarks.measuring import LOAD_CORE, Figure, Series, in_turns, medians, on_core
from benchmarks.questions import LAST_PAGE, MIDDLE_PAGE, Asker, Question, many
from benchmarks.servers import Server, bare_server, ringback_server
from benchmarks.sizes import Sizes
from benchmarks.stores import Say

_QUESTIONS_A_ROUND = 400
_BUSY = 0.8  # of a core: what neighbours on the machine leave


def rate_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Requests a second at 32 connections, and the memory that serving them took."""
    store = made_lists(sizes.lists[-1], say)
    asker = Asker(sizes.lists[-1], "rate")
    pages, ranges = many(asker.any_page), many(asker.any_range)
    answer = pages[0].answer
    stored = [question._replace(answer=answer) for question in pages]
    with bare_server(answer) as bare, ringback_server(store) as ringback, on_core(LOAD_CORE):
        runs = {"bare": Run(bare, stored), "pages": Run(ringback, pages), "ranges": Run(ringback, ranges)}
        for run in runs.values():
            run.warm_up(sizes.seconds / 2)
        rates = in_turns(sizes.rounds, {name: partial(run, sizes.seconds) for name, run in runs.items()})
        memory = Series("ringback", [ringback.resident_mib()])
    costs = {name: Series(name, run.costs) for name, run in runs.items()}
    return [
        _rate_figure("bare over ringback, random pages", rates["bare"], rates["pages"], runs["bare"].said()),
        _rate_figure("bare over ringback, random pages of random ranges", rates["bare"], rates["ranges"]),
        Figure(
            section="rate",
            name="processor time a request, ringback over bare",
            over=costs["pages"],
            under=costs["bare"],
            unit="us",
            at_most=2,
            note="the same without what neighbours on the machine take",
        ),
        Figure(
            section="memory",
            name="serving process after the load, over the 70 MB it may take",
            over=memory,
            under=Series("limit", [70e6 / 2**20]),
            unit="MiB",
            at_most=1,
        ),
    ]


class Run:
    """Full load on one server, and how busy both cores were with it."""

    def __init__(self, server: Server, questions: Sequence[Question]) -> None:
        self._server, self._questions = server, questions
        self.costs: list[float] = []
        self._busy: list[float] = []

    def __call__(self, seconds: float) -> float:
        before = self._server.busy_seconds()
        load = full_load(self._server.port, cycle(self._questions), seconds)
        self._busy.append((self._server.busy_seconds() - before) / seconds)
        self.costs.append(self._busy[-1] / load.rate * 1e6)
        return load.rate

    def warm_up(self, seconds: float) -> None:
        """Run without counting."""
        self(seconds)
        self.costs.clear()
        self._busy.clear()

    def said(self) -> str:
        """Say whether the server was busy all the time, and so whether the rate is its own."""
        busy = statistics.median(self._busy)
        judged = "the rate is its own" if busy > _BUSY else "something else held it up"
        return f"the bare server's core was busy {busy:.0%} of the time: {judged}"


def _rate_figure(name: str, bare: Series, ringback: Series, note: str = "") -> Figure:
    return Figure(section="rate", name=name, over=bare, under=ringback, unit="req/s", at_most=2, note=note)


# --- one request's time --------------------------------------------------------------------------------------------


def page_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """The median time of a request at the first, middle and last page, and for the whole range and one day."""
    asker = Asker(sizes.lists[-1], "pages")
    with ringback_server(made_lists(sizes.lists[-1], say)) as server, on_core(LOAD_CORE):
        client = OneByOne(server.port)

        def times() -> Mapping[str, Sequence[float]]:
            asked = [
                {
                    "first page": asker.page(1),
                    "middle page": asker.page(MIDDLE_PAGE),
                    "last page": asker.page(LAST_PAGE),
                    "any page of the year": asker.any_page(),
                    "any day": asker.one_day(),
                }
                for _ in range(_QUESTIONS_A_ROUND)
            ]
            taken = [{name: client.ask(question) for name, question in one.items()} for one in asked]
            return {name: [one[name] for one in taken] for name in taken[0]}

        times()
        found = medians(sizes.rounds, times)
        client.close()
    return [
        _time_figure("last page over first", found["last page"], found["first page"], 1.1),
        _time_figure("middle page over first", found["middle page"], found["first page"], 1.1),
        _time_figure("any page of the year over any day", found["any page of the year"], found["any day"], 1.1),
    ]


def size_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """The median time of a random page's request over stores of different sizes."""
    askers = {calls: Asker(calls, "sizes") for calls in sizes.lists}
    stores = [made_lists(calls, say) for calls in sizes.lists]
    with ExitStack() as stack, on_core(LOAD_CORE):
        servers = [stack.enter_context(ringback_server(store)) for store in stores]
        clients = [OneByOne(server.port) for server in servers]

        def times() -> Mapping[str, Sequence[float]]:
            asked = [{calls: asker.any_page() for calls, asker in askers.items()} for _ in range(_QUESTIONS_A_ROUND)]
            taken = [[client.ask(one[calls]) for client, calls in zip(clients, askers, strict=True)] for one in asked]
            return {f"{calls:,} calls": column for calls, column in zip(askers, zip(*taken, strict=True), strict=True)}

        times()
        found = list(medians(sizes.rounds, times).values())
        for client in clients:
            client.close()
    return [_time_figure(f"{size.what} over {found[0].what}", size, found[0], 1.3) for size in found[1:]]


def _time_figure(name: str, over: Series, under: Series, at_most: float) -> Figure:
    over, under = (Series(series.what, [value * 1e6 for value in series.values]) for series in (over, under))
    return Figure(section="time of one request", name=name, over=over, under=under, unit="us", at_most=at_most)
