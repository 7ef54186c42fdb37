"""Real SIP programs for tests: Kamailio with the configuration of contrib/kamailio, and SIPp as callers and carrier."""

import signal
import socket
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from tests.switches.programs import HERE, Program, free_port, missing_programs, refuse_without, wait_for

CONFIGURATION = Path(__file__).parents[2] / "contrib" / "kamailio"
SCENARIOS = Path(__file__).parent / "scenarios"
AGENT = '"Агент 103" <sip:103_1111113@127.0.0.1>'
RING_MS = 2500  # the proxies' limit for ringing
SILENCE_MS = 400  # and for no answer at all

_OPTIONS = (
    "OPTIONS sip:{here}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {here}:{own};branch=z9hG4bK{branch}\r\n"
    "From: <sip:test@{here}>;tag=1\r\nTo: <sip:{here}>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
)


def need_sip() -> None:
    """Skip the test, or fail it in CI, where Kamailio, a module of it or SIPp is missing."""
    missing = missing_programs("kamailio", "sipp")
    for module in ("http_client", "jansson", "uuid", "db_sqlite"):
        places = [*Path("/usr").glob(f"lib*/kamailio/modules/{module}.so")]
        places += Path("/usr").glob(f"lib*/*/kamailio/modules/{module}.so")
        if not (places or missing):
            missing.append(f"Kamailio's {module}.so")
    refuse_without(missing)


def udp_port() -> int:
    """Return a free UDP port."""
    return free_port(socket.SOCK_DGRAM)


class Carrier:
    """SIPp that takes calls; the last digits of the dialled number say how each ends (scenarios/carrier.xml)."""

    def __init__(self, folder: Path) -> None:
        self.port = udp_port()
        command = _sipp(folder, "carrier.xml", self.port)
        self._program = Program([*command, "-timeout", "60"], folder / "carrier.log")
        self._program.wait_until(self._is_listening)

    def stop(self) -> None:
        """End it."""
        self._program.stop(signal.SIGKILL)

    def _is_listening(self) -> bool:
        """SIPp answers no OPTIONS here: look for its socket."""
        return any(
            line.split()[1].endswith(f":{self.port:04X}") for line in Path("/proc/net/udp").read_text().splitlines()[1:]
        )


class Dialled(NamedTuple):
    """One call to place: who is dialled, and the caller as a From header names it."""

    number: str
    caller: str = AGENT


def place_calls(folder: Path, proxy: "Proxy", calls: Iterable[Dialled]) -> None:
    """Place the calls through the proxy, one begun every 50 ms, and wait until all have ended.

    SIPp's exit status is of no interest: what matters is which records come of the calls.
    """
    placed = list(calls)
    name = uuid4().hex
    listed = folder / f"{name}.csv"
    listed.write_text("SEQUENTIAL\n" + "".join(f"{call.number};{call.caller}\n" for call in placed))
    command = [
        *_sipp(folder, "caller.xml", udp_port()),
        *("-inf", listed, "-m", str(len(placed)), "-r", "20", "-timeout", "15", "-cid_str", f"%u-{name}@%s"),
        f"{HERE}:{proxy.port}",
    ]
    Program(command, folder / f"{name}.log").wait()


def _sipp(folder: Path, scenario: str, port: int) -> list[str | Path]:
    own = ("-i", HERE, "-p", str(port), "-cp", str(udp_port()), "-mp", str(udp_port()))
    return ["sipp", "-sf", SCENARIOS / scenario, *own, "-nostdin"]


class Proxy:
    """Kamailio with an outbox of its own, which outlives the process."""

    def __init__(self, folder: Path, server: str, secret: str, trunks: Iterable[int], agents: int = 9) -> None:
        self.port = udp_port()
        self._folder = folder / f"proxy-{self.port}"
        self._folder.mkdir()
        self._outbox = self._folder / "outbox.db"
        with closing(sqlite3.connect(self._outbox)) as outbox:
            outbox.executescript((CONFIGURATION / "outbox.sql").read_text())
        trunk, second, *_ = [*(f"{HERE}:{port}" for port in trunks), ""]
        self._environment = {
            "RINGBACK_URL": server,
            "RINGBACK_SECRET": secret,
            "RINGBACK_OUTBOX": str(self._outbox),
            "TRUNK": trunk,
            "TRUNK_2": second,
            "AGENTS": f"{HERE}:{agents}",
        }
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        defines = (f"RING_MS={RING_MS}", f"SILENCE_MS={SILENCE_MS}", "RINGBACK_HTTP_SECONDS=1")
        command: list[str | Path] = [
            "kamailio",
            "-f",
            CONFIGURATION / "kamailio.cfg",
            "-DD",
            "-E",
            "-m",
            "32",
            "-M",
            "4",
        ]
        for define in (*defines, "RINGBACK_MOST_PATIENCE=1"):
            command += ["-A", define]
        command += ["-Y", self._folder, "-l", f"udp:{HERE}:{self.port}"]
        self._program = Program(command, self._folder / "kamailio.log", self._environment)
        self._program.wait_until(self._answers)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self._program.stop(how)

    def output(self) -> str:
        """Return what it logged."""
        return self._program.output()

    def waiting(self) -> int:
        """Return how many records Ringback has not taken yet."""
        return self._ask("SELECT count(*) FROM outbox")

    def dead(self) -> int:
        """Return how many records Ringback refused for good."""
        return self._ask("SELECT count(*) FROM dead")

    def wait_until_waiting(self, count: int) -> None:
        """Wait until this many records are in the outbox."""
        wait_for(lambda: self.waiting() == count, lambda: (self.waiting(), self.output()))

    def wait_until_settled(self, count: int) -> None:
        """Wait until this many records, since the outbox was made, have come into it and are no longer there."""
        kept = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'"
        wait_for(lambda: self._ask(kept) == count and self.waiting() == 0, lambda: (self._ask(kept), self.output()))

    def _ask(self, question: str) -> int:
        with closing(sqlite3.connect(f"file:{self._outbox}?mode=ro", uri=True)) as outbox:
            answer: int = outbox.execute(question).fetchone()[0]
            return answer

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.bind((HERE, 0))
            asking.settimeout(0.1)
            own = asking.getsockname()[1]
            text = _OPTIONS.format(here=HERE, port=self.port, own=own, branch=uuid4().hex)
            asking.sendto(text.encode(), (HERE, self.port))
            try:
                return asking.recv(4096).startswith(b"SIP/2.0 200")
            except OSError:
                return False
