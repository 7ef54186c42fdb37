"""Figures of a server that is not alone: pages while an importer writes at full speed, and several workers."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.call_logs import written_log
from benchmarks.huge_stores import made_lists
from benchmarks.importing import with_app
from benchmarks.load import OneByOne, full_load
from benchmarks.measuring import CORES, LOAD_CORE, SERVER_CORE, Figure, Series, in_turns, on_core
from benchmarks.questions import Asker, Question, many
from benchmarks.servers import RINGBACK, clean_environment, ringback_server
from benchmarks.sizes import Sizes
from benchmarks.stores import RESULTS, Say

_APP = "1111112"  # none of the made ones
_ROWS = 400_000  # more than are imported in the time
_ROUNDS = 3
_LEAST_CORES = 4  # two workers, the load, and one for all else


def busy_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """The 99th percentile over the median of a page's time, and two workers' rate over one's."""
    return [*_beside_an_importer(sizes, say), _workers(sizes, say)]


def _beside_an_importer(sizes: Sizes, say: Say) -> list[Figure]:
    smaller = sizes.lists[0]
    questions = many(Asker(smaller, "busy").any_page)
    with TemporaryDirectory(dir=RESULTS) as folder:
        store = Path(folder) / "calls.db"
        shutil.copyfile(made_lists(smaller, say), store)
        with_app(f"sqlite:///{store}", _APP)
        log = written_log(Path(folder) / "log.csv", _ROWS).path
        waits: dict[str, tuple[list[float], list[float]]] = {"alone": ([], []), "beside": ([], [])}
        with ringback_server(store) as server, on_core(LOAD_CORE):
            client = OneByOne(server.port)
            asked = cycle(questions)

            def times(name: str, seconds: float) -> None:
                until = perf_counter() + seconds
                taken = []
                while perf_counter() < until:
                    taken.append(client.ask(next(asked)))
                waits[name][0].append(median(taken) * 1e6)
                waits[name][1].append(quantiles(taken, n=100)[98] * 1e6)

            times("alone", 1)
            for found in waits["alone"]:
                found.clear()
            for _ in range(_ROUNDS):
                times("alone", 2 * sizes.seconds)
                with _importing(store, log):
                    times("beside", 2 * sizes.seconds)
            client.close()
    return [
        Figure(
            section="busy",
            name=f"99th percentile over the median of a page's time, {what}",
            over=Series("99th percentile", waits[name][1]),
            under=Series("median", waits[name][0]),
            unit="us",
            at_most=5 if name == "beside" else None,
        )
        for name, what in (("alone", "alone"), ("beside", "beside an importer"))
    ]


@contextmanager
def _importing(store: Path, log: Path) -> Iterator[None]:
    """Have an importer at work on the client's core, which gives way to the client."""
    command = ["nice", RINGBACK, "import", "asterisk", str(log), "--app", _APP, "--timezone", "UTC"]
    with on_core(LOAD_CORE):
        process = subprocess.Popen(
            [*command, "--store", f"sqlite:///{store}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=clean_environment(),
        )
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("the import ended before the measuring did")
    finally:
        process.terminate()
        process.wait()


def _workers(sizes: Sizes, say: Say) -> Figure:
    store = made_lists(sizes.lists[-1], say)
    questions = many(Asker(sizes.lists[-1], "workers").any_page)
    cores = CORES[:2] if len(CORES) >= _LEAST_CORES else [SERVER_CORE]
    with (
        ringback_server(store, cores=cores) as one,
        ringback_server(store, "--workers", "2", cores=cores) as two,
        on_core(LOAD_CORE),
    ):
        rates = in_turns(
            sizes.rounds,
            {
                name: partial(_rate, server.port, questions, sizes.seconds)
                for name, server in (("one worker", one), ("two workers", two))
            },
        )
    has_room = len(cores) > 1
    return Figure(
        section="busy",
        name="requests a second, two workers over one",
        over=rates["two workers"],
        under=rates["one worker"],
        unit="req/s",
        at_least=1.7 if has_room else None,
        note="" if has_room else "both workers share the one core that the load leaves: nothing can be gained here",
    )


def _rate(port: int, questions: Sequence[Question], seconds: float) -> float:
    return full_load(port, cycle(questions), seconds).rate
