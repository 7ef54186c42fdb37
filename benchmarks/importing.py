"""Figures of `ringback import asterisk` against SQLite's own import of the same rows, and of the memory it takes."""

import csv
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.call_logs import CallLog, written_log
from benchmarks.measuring import SERVER_CORE, Figure, Series, on_core
from benchmarks.servers import RINGBACK, clean_environment, memory_mib
from benchmarks.sizes import Sizes
from benchmarks.stores import RESULTS, Say

_APP = "1111113"
_COLUMNS = (
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start"),
    *("answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount"),
    *("linkedid", "sequence"),
)
# What `.import` fills, with an index for each that a store has: one finds a call's rows, one an agent's page.
_TABLE = f"""
PRAGMA journal_mode = WAL;
CREATE TABLE cdr ({", ".join(f'"{column}" TEXT' for column in _COLUMNS)});
CREATE UNIQUE INDEX cdr_by_call ON cdr (linkedid, uniqueid, sequence);
CREATE INDEX cdr_by_agent ON cdr (src, disposition, start);
"""


class Finished(NamedTuple):
    """A command that has run: what it printed, the seconds it took, and its memory at the most."""

    said: str
    seconds: float
    peak_mib: float


def import_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Time of a first and a second import over `.import`'s, and memory over that for a smaller file."""
    say(f"Importing {sizes.rows:,} rows, {sizes.import_rounds} times, by each of the two ...")
    stand_in = "" if shutil.which("sqlite3") else "no sqlite3 program here: Python's executemany stands in for .import"
    RESULTS.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=RESULTS) as folder:
        log = written_log(Path(folder) / "large.csv", sizes.rows)
        few = written_log(Path(folder) / "few.csv", sizes.few_rows)
        rounds = [_round(Path(folder), log, few) for _ in range(sizes.import_rounds)]
    plain, first, again = ([one[place].seconds for one in rounds] for place in range(3))
    large, small = ([one[place].peak_mib for one in rounds] for place in (1, 3))
    return [
        _figure("first import over .import", ("import", first), (".import", plain), "s", 2, stand_in),
        _figure("second import of the file over first", ("second", again), ("first", first), "s", 1),
        _figure(
            f"peak memory, {sizes.rows:,} rows over {sizes.few_rows:,}",
            (f"{sizes.rows:,} rows", large),
            (f"{sizes.few_rows:,} rows", small),
            "MiB",
            1.2,
        ),
    ]


def _figure(
    name: str,
    over: tuple[str, list[float]],
    under: tuple[str, list[float]],
    unit: str,
    at_most: float | None,
    note: str = "",
) -> Figure:
    return Figure(
        section="import", name=name, over=Series(*over), under=Series(*under), unit=unit, at_most=at_most, note=note
    )


def _round(folder: Path, log: CallLog, few: CallLog) -> tuple[Finished, Finished, Finished, Finished]:
    plain = _plain_import(folder / "plain.db", log)
    store = _fresh_store(folder)
    first = imported(store, log, {"new": log.calls, "merged": log.rows - log.calls})
    again = imported(store, log, {"duplicate": log.rows})
    small = imported(_fresh_store(folder), few, {"new": few.calls, "merged": few.rows - few.calls})
    return plain, first, again, small


# --- ours ----------------------------------------------------------------------------------------------------------


def _fresh_store(folder: Path) -> str:
    """Return the URL of a store with nothing but the app; one of the round before is removed."""
    _remove(folder / "store.db")
    url = f"sqlite:///{folder / 'store.db'}"
    with_app(url)
    return url


def with_app(store: str, app: str = _APP) -> None:
    """Add the app to the store at this URL, made when it is not there."""
    run([RINGBACK, "app", "add", app, "--store", store, "--json"])


def imported(store: str, log: CallLog, counts: dict[str, int]) -> Finished:
    """Import a log and check what was counted."""
    command = [RINGBACK, "import", "asterisk", str(log.path), "--app", _APP, "--timezone", "UTC", "--store", store]
    finished = run([*command, "--json"])
    right = {"new": 0, "merged": 0, "duplicate": 0, "rejected": 0, "read": log.rows, **counts}
    if json.loads(finished.said) != right:
        raise RuntimeError(f"the import counted {finished.said}, not {right}")
    return finished


def run(command: Sequence[str]) -> Finished:
    """Run a command on the server's core, to its end, watching its memory."""
    began, peak = time.perf_counter(), 0.0
    with on_core(SERVER_CORE):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=RESULTS, env=clean_environment())
    while True:
        try:
            said, _ = process.communicate(timeout=0.02)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, memory_mib(process.pid, "VmHWM"))
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Finished(said, seconds, peak)


# --- SQLite's ------------------------------------------------------------------------------------------------------


def _plain_import(path: Path, log: CallLog) -> Finished:
    """Import the log's rows into the one plain table; they are counted afterwards."""
    with sqlite3.connect(path) as db:
        db.executescript(_TABLE)
    db.close()
    if shutil.which("sqlite3"):
        command = ["sqlite3", "-batch", "-csv", "-cmd", "PRAGMA synchronous = FULL"]
        finished = run([*command, str(path), f'.import "{log.path}" cdr'])
    else:
        finished = _stand_in(path, log)
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT count(*) FROM cdr").fetchone()[0]
    db.close()
    if rows != log.rows:
        raise RuntimeError(f".import brought {rows} rows in, not {log.rows}")
    _remove(path)
    return finished


def _stand_in(path: Path, log: CallLog) -> Finished:
    began = time.perf_counter()
    with on_core(SERVER_CORE), sqlite3.connect(path) as db, log.path.open(newline="") as file:
        db.execute("PRAGMA synchronous = FULL")
        db.executemany(f"INSERT INTO cdr VALUES ({','.join('?' * len(_COLUMNS))})", csv.reader(file))
    db.close()
    return Finished("", time.perf_counter() - began, 0)


def _remove(path: Path) -> None:
    for left in path.parent.glob(path.name + "*"):
        left.unlink()
