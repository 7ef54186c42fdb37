"""`python -m torture.soak`: half an hour of steady load and restarts of workers; what grows or slows down is told."""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from threading import Thread
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table
from tests.outages.sites import Site, kept, site
from tests.web.house import Tenant

from ringback.telephony.call import call_ref
from torture.findings import Say
from torture.kills import stores_of, workers_of
from torture.plot import Line, Panel, svg
from torture.steady import PACES, Steady, Timed

RESULTS = Path(__file__).parent / "results"
_SAMPLE_SECONDS = 2.0
_RESTARTS = 8
_WORKERS = 2
# By which factor a figure may move and by how much besides: waits move with whatever else the machine does.
_ROOM = {"MiB": (1.2, 8.0), "handles": (1.2, 6.0), "ms": (1.5, 5.0)}


class Sample(NamedTuple):
    """How large the server was at a moment: the largest worker, the supervisor, and all open files and sockets."""

    at: float
    worker_mib: float
    supervisor_mib: float
    handles: float


class Measure(msgspec.Struct):
    """A figure in the second fifth of the run and in the last."""

    what: str
    unit: str
    begin: float
    end: float

    @property
    def is_flat(self) -> bool:
        """Whether it grew by no more than what such a figure moves by anyhow."""
        factor, more = _ROOM[self.unit]
        return self.end <= self.begin * factor + more


def main() -> None:
    """Soak a server; exit status 1 when something grew, was lost, or was answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m torture.soak", description="Steady load for a long time.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--scattered", type=int, default=0, metavar="DAYS", help="calls at random times of so many days; not flat"
    )
    asked = parser.parse_args()
    console = Console(highlight=False)
    sys.exit(0 if soak(asked.minutes, asked.store, asked.seed, console, asked.scattered) else 1)


def soak(minutes: float, kind: str, seed: int, console: Console, scattered_days: int = 0) -> bool:
    """Soak a server of two workers on a store of this kind; return whether all was well."""
    say: Say = Console(stderr=True, highlight=False, markup=False).print
    with stores_of(kind, say) as stores, tempfile.TemporaryDirectory() as folder:
        if stores is None:
            return False
        url = stores.made()
        with site(Path(folder), url, workers=_WORKERS) as served:
            tenant = served.house.tenant()
            for extension in ("104", "105"):
                tenant.add_agent(extension)
            work = Steady(tenant, seed, scattered_days)
            samples, restarts = _soaked(served, work, minutes * 60, seed, say)
            found = kept(url, tenant.app_id)
        faults = [f"check: {fault.where}: {fault.what}" for fault in found.faults]
        faults += _lost(work, found.listed, tenant) + _wrong(work.answers, restarts)
    measures = _measures(samples, work.answers, minutes * 60)
    return _told(measures, faults, work, samples, restarts, f"{kind}, {minutes:g} minutes, seed {seed}", console)


def _soaked(served: Site, work: Steady, seconds: float, seed: int, say: Say) -> tuple[list[Sample], list[float]]:
    """Run the load, take samples, and end one worker now and then, gently and not, in turn."""
    chance, samples, restarts = Random(seed), list[Sample](), list[float]()
    thread = Thread(target=work.run)
    thread.start()
    began = time.monotonic()
    due = [seconds * (number + 1) / (_RESTARTS + 1) for number in range(_RESTARTS)]
    told = 0.0
    while (passed := time.monotonic() - began) < seconds:
        samples.append(_sample(served, passed))
        if due and passed >= due[0]:
            due.pop(0)
            how = signal.SIGTERM if len(due) % 2 else signal.SIGKILL
            os.kill(chance.choice(workers_of(served.pid)), how)
            restarts.append(passed)
        if passed >= told:
            say(f"{passed / 60:.1f} of {seconds / 60:.1f} minutes: {samples[-1]}, {len(work.answers):,} answers")
            told += max(30.0, seconds / 20)
        time.sleep(_SAMPLE_SECONDS)
    work.stop()
    thread.join()
    return samples, restarts


def _sample(served: Site, at: float) -> Sample:
    workers = workers_of(served.pid)
    handles = sum(_count(Path(f"/proc/{pid}/fd")) for pid in (served.pid, *workers))
    return Sample(at, max([_mib(pid) for pid in workers] + [0.0]), _mib(served.pid), handles)


def _mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just been ended
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def _count(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return 0


# --- judging -------------------------------------------------------------------------------------------------------


def _lost(work: Steady, listed: Sequence[bytes], tenant: Tenant) -> list[str]:
    right = sorted(call_ref(tenant.app_id, key) for key in work.acknowledged)
    return [] if sorted(listed) == right else [f"{len(right)} calls acknowledged, {len(listed)} listed"]


def _wrong(answers: Sequence[Timed], restarts: Sequence[float]) -> list[str]:
    """Only who is on a worker that is ended may go without an answer."""
    odd = [answer for answer in answers if answer.status != 200 and not _was_cut_off(answer, restarts)]
    return [f"{len(odd)} wrong answers, the first {odd[0]}"] if odd else []


def _was_cut_off(answer: Timed, restarts: Sequence[float]) -> bool:
    """Whether a worker was ended while this was on its way, or just before its connection was tried again."""
    return answer.status == 0 and any(answer.at - 3 < moment < answer.at + answer.seconds + 3 for moment in restarts)


def _measures(samples: Sequence[Sample], answers: Sequence[Timed], seconds: float) -> list[Measure]:
    begin, end = (0.2 * seconds, 0.4 * seconds), (0.8 * seconds, seconds)
    measures = []
    for name, unit in (("worker_mib", "MiB"), ("supervisor_mib", "MiB"), ("handles", "handles")):
        values = [
            _kept_size([getattr(sample, name) for sample in samples if low <= sample.at < high])
            for low, high in (begin, end)
        ]
        measures.append(Measure(name.replace("_mib", "'s memory"), unit, *values))
    return measures + [
        Measure(f"{what}, {percent} %", "ms", *(_percentile(answers, what, percent, span) for span in (begin, end)))
        for what in PACES
        for percent in (50, 99)
    ]


def _kept_size(sizes: Sequence[float]) -> float:
    """Return the lower quartile: what is kept, without the 64 MiB that a log-in takes for its moment."""
    return statistics.quantiles(sizes, n=4)[0] if len(sizes) > 1 else sum(sizes)


def _percentile(answers: Sequence[Timed], what: str, percent: int, span: tuple[float, float]) -> float:
    times = sorted(answer.seconds for answer in answers if answer.what == what and span[0] <= answer.at < span[1])
    return times[min(len(times) - 1, len(times) * percent // 100)] * 1000 if times else 0.0


# --- telling -------------------------------------------------------------------------------------------------------


def _told(
    measures: Sequence[Measure],
    faults: Sequence[str],
    work: Steady,
    samples: Sequence[Sample],
    restarts: Sequence[float],
    run: str,
    console: Console,
) -> bool:
    """Print the table, write plot and figures, and tell whether all was well; slow moments (99 %) are only shown."""
    table = Table(title=f"Soak: {run}", title_justify="left")
    for heading in ("What", "Second fifth", "Last fifth", "Unit", "Flat"):
        table.add_column(heading)
    for measure in measures:
        flat = "yes" if measure.is_flat else "NO"
        table.add_row(measure.what, f"{measure.begin:.1f}", f"{measure.end:.1f}", measure.unit, flat)
    console.print(table)
    unanswered = sum(answer.status == 0 for answer in work.answers)
    counts = {what: sum(answer.what == what for answer in work.answers) for what in PACES}
    console.print(f"Answers {counts}, {len(restarts)} workers ended, {unanswered} requests without an answer then.")
    for fault in faults:
        console.print(f"FAULT {fault}", markup=False)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "soak.svg").write_text(svg(_panels(samples, work.answers), restarts, f"{run}; dotted: a worker ended"))
    facts = {"run": run, "answers": counts, "unanswered": unanswered, "faults": faults, "measures": measures}
    (RESULTS / "soak.json").write_bytes(msgspec.json.format(msgspec.json.encode(facts)))
    console.print(f"Plot and figures: {RESULTS}/soak.svg, soak.json")
    return not faults and all(measure.is_flat for measure in measures if "99" not in measure.what)


def _panels(samples: Sequence[Sample], answers: Sequence[Timed]) -> list[Panel]:
    memory = [
        Line("largest worker", [(sample.at, sample.worker_mib) for sample in samples]),
        Line("supervisor", [(sample.at, sample.supervisor_mib) for sample in samples]),
    ]
    handles = [Line("handles", [(sample.at, sample.handles) for sample in samples])]
    last = max((sample.at for sample in samples), default=1.0)
    step = max(2.0, last / 150)
    waits = [
        Line(
            f"{what} {percent} %",
            [
                (at * step, value)
                for at in range(int(last / step))
                if (value := _percentile(answers, what, percent, (at * step, (at + 1) * step)))
            ],
        )
        for what in ("read", "deliver")
        for percent in (50, 99)
    ]
    return [Panel("Memory, MiB", memory), Panel("Open files and sockets", handles), Panel("Waits, ms", waits)]


if __name__ == "__main__":
    main()
