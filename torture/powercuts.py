"""Power cuts under the embedded store: a real server is recorded, then its disk is cut off at many moments."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from threading import Thread
from urllib.parse import urlsplit

import msgspec
from tests.switches.programs import free_port, is_ready, missing_programs
from tests.web.house import wait_for, with_store
from tests.web.processes import RINGBACK, Server, environment

from ringback.errors import RingbackError
from ringback.storage.base import Store
from torture import recording
from torture.deliveries import APP, Deliveries, Delivery
from torture.disk import Disk
from torture.findings import Finding, Say, finding
from torture.recording import Step
from torture.truth import kept_legs

_MEMORY = Path("/dev/shm")  # noqa: S108
_NAME = "ringback.db"


class Recorded(msgspec.Struct):
    """What a server did, and what its clients were told: for each delivery the step that answered it, if any."""

    steps: list[Step]
    begun: int  # the step before which the app was made
    deliveries: list[tuple[Delivery, int | None]]


def cut_power(
    workers: int, deliveries: int, cuts: int, seed: int, say: Say, *, large: bool = False
) -> Iterator[Finding]:
    """Record one server, and open what so many power cuts leave of its store."""
    if missing_programs("strace"):
        say("Power cuts are left out: strace not found; on Debian: apt-get install strace")
        return
    size = "large deliveries" if large else "small deliveries"
    what = f"sqlite, {workers} process{'es' if workers > 1 else ''}, {size}"
    with finding("power cuts", what, "cuts", seed, say) as found:
        made = Deliveries(seed, (400,) if large else (1, 1, 1, 3, 20))
        with tempfile.TemporaryDirectory(prefix="ringback-torture-") as folder:
            recorded = record(Path(folder), workers, deliveries, made)
        open_after_cuts(recorded, cuts, Random(seed), found)
    yield found


# --- recording -----------------------------------------------------------------------------------------------------


def record(folder: Path, workers: int, deliveries: int, made: Deliveries) -> Recorded:
    """Record the making of a store and two servers on it, one after the other, each sent half of the deliveries."""
    store = folder / "store"
    store.mkdir()
    said = _run(folder, folder / "0", "app", "add", str(APP), "--json")
    secret = msgspec.json.decode(said)["secret"]
    steps = list(recording.steps(folder / "0", store))
    begun = len(steps)
    told: list[tuple[Delivery, int | None]] = []
    for turn in ("1", "2"):
        with _recorded_server(folder, folder / turn, workers) as server:
            sent = _send(server.url, secret, [made.next() for _ in range(deliveries // 2)])
        before = len(steps)
        steps.extend(recording.steps(folder / turn, store))
        told.extend(_answers(steps, before, sent))
        (folder / turn).unlink()
    return Recorded(steps, begun, told)


def _run(folder: Path, trace: Path, *words: str) -> bytes:
    done = subprocess.run(
        [*recording.command(trace), RINGBACK, *words],
        capture_output=True,
        cwd=folder,
        env=environment(folder, RINGBACK_STORE=_url(folder / "store")),
        timeout=60,
        check=True,
    )
    return done.stdout


@contextmanager
def _recorded_server(folder: Path, trace: Path, workers: int) -> Iterator[Server]:
    port = free_port()
    words = [RINGBACK, "serve", "--port", str(port), "--workers", str(workers)]
    with subprocess.Popen(
        [*recording.command(trace), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(folder, PYTHONUNBUFFERED="1", RINGBACK_STORE=_url(folder / "store")),
    ) as process:
        server = Server(process)
        try:
            wait_for(lambda: is_ready(server.url))
            yield server
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the recorded server, and with it strace."""
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    subprocess.run(["kill", "-TERM", child], check=True)
    process.wait(60)


def _send(url: str, secret: str, deliveries: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    """Send the deliveries over four connections; return by each one's port what went over it, in order."""
    sent: dict[str, list[Delivery]] = {}

    def send(some: Sequence[Delivery]) -> None:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        connection.connect()
        mine = sent.setdefault(str(connection.sock.getsockname()[1]), [])
        for delivery in some:
            mine.append(delivery)
            connection.request("POST", "/ingest/generic", delivery.body, {"Authorization": f"Bearer {secret}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        connection.close()

    threads = [Thread(target=send, args=(deliveries[first::4],)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def _answers(steps: Sequence[Step], first: int, sent: dict[str, list[Delivery]]) -> list[tuple[Delivery, int | None]]:
    """Find the step in which each delivery was answered: the n-th 200 over a connection answers its n-th delivery."""
    times: dict[str, list[int]] = {port: [] for port in sent}
    for number in range(first, len(steps)):
        step = steps[number]
        if step.what == "answered" and step.data.startswith(b"HTTP/1.1 200") and step.name in times:
            times[step.name].append(number)
    return [
        (delivery, times[port][place] if place < len(times[port]) else None)
        for port, mine in sent.items()
        for place, delivery in enumerate(mine)
    ]


# --- cutting -------------------------------------------------------------------------------------------------------


def open_after_cuts(recorded: Recorded, cuts: int, chance: Random, found: Finding) -> None:
    """Replay the record, cut the power at so many moments, and open what is left."""
    if any(answered is None for _, answered in recorded.deliveries):
        found.fault("the record lacks answers: it proves nothing")
        return
    moments = sorted(chance.randint(0, len(recorded.steps)) for _ in range(cuts))
    disk, done, taken = Disk(), 0, 0
    for moment in moments:
        for step in recorded.steps[done:moment]:
            if step.what != "answered":
                disk.take(step)
        done = moment
        taken += disk.unsynced() > 0
        for fault in _opened(disk.cut(chance), recorded, moment, chance):
            found.fault(f"cut at step {moment} of {len(recorded.steps)}: {fault}")
        found.tried += 1
    found.acknowledged = sum(len(delivery.legs) for delivery, _ in recorded.deliveries)
    counts = {what: sum(step.what == what for step in recorded.steps) for what in ("wrote", "synced")}
    found.note = (
        f"{counts['wrote']:,} writes and {counts['synced']:,} syncs recorded; {taken:,} cuts met unsynced writes"
    )


def _opened(files: dict[str, bytes], recorded: Recorded, moment: int, chance: Random) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="ringback-cut-", dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        folder = Path(name)
        for file, content in files.items():
            if not file.endswith("-shm"):
                (folder / file).write_bytes(content)
        if f"{_NAME}-shm" in files:  # nobody syncs it: it may hold anything
            (folder / f"{_NAME}-shm").write_bytes(chance.randbytes(32_768))
        try:
            return with_store(_url(folder), lambda store: _judged(store, recorded, moment))
        except RingbackError as error:
            return [f"it does not open: {error}"]


async def _judged(store: Store, recorded: Recorded, moment: int) -> list[str]:
    faults = [f"check: {fault.where}: {fault.what}" for fault in (await store.check()).faults]
    if moment >= recorded.begun and await store.app(APP) is None:
        faults.append("the app was acknowledged and is not there")
    kept = await kept_legs(store, [leg for delivery, _ in recorded.deliveries for leg in delivery.legs])
    there = set(kept)
    if len(there) != len(kept):
        faults.append("a leg is there twice")
    for delivery, answered in recorded.deliveries:
        present = sum(leg in there for leg in delivery.legs)
        if answered is not None and answered < moment and present < len(delivery.legs):
            faults.append(f"acknowledged in step {answered}, {present} of {len(delivery.legs)} legs are there")
        elif 0 < present < len(delivery.legs):
            faults.append(f"{present} of the {len(delivery.legs)} legs of a delivery are there")
    return faults


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / _NAME}"
