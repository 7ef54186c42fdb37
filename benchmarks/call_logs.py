"""Made-up Asterisk call logs (cdr_csv with all 21 columns), the same ones every time."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.measuring import SEED

_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=20)
_EXTENSIONS = 200
_FAILOVERS = 0.1  # calls that went to a second trunk: two rows
_INBOUND = 0.25
_ANSWERED = 0.6
_MISSED = ("NO ANSWER", "BUSY", "CONGESTION", "FAILED")


class CallLog(NamedTuple):
    """A log's file, and the rows and calls it has."""

    path: Path
    rows: int
    calls: int


def written_log(path: Path, rows: int) -> CallLog:
    """Write a log of at least so many rows."""
    random = Random(SEED)
    written = calls = 0
    with path.open("w", newline="") as file:
        out = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        while written < rows:
            of_call = list(_rows(random, calls))
            out.writerows(of_call)
            written += len(of_call)
            calls += 1
    return CallLog(path, written, calls)


def _rows(random: Random, call: int) -> Iterator[list[object]]:
    """Yield a call's rows: one, or two where the first trunk was out of order."""
    at = _FIRST + call * _STEP
    agent = str(101 + random.randrange(_EXTENSIONS))
    customer = str(random.randrange(77_000_000_000, 77_799_999_999))
    inbound = random.random() < _INBOUND
    linked = f"{int(at.timestamp())}.{call * 4}"
    if not inbound and random.random() < _FAILOVERS:
        yield _row(at, agent, customer, "carrier-a", "CONGESTION", linked, call * 4 + 1, 0)
    disposition = "ANSWERED" if random.random() < _ANSWERED else random.choice(_MISSED)
    talked = random.randrange(1, 600) if disposition == "ANSWERED" else 0
    parties = (customer, agent) if inbound else (agent, customer)
    yield _row(at, *parties, "carrier-b", disposition, linked, call * 4 + 2, talked)


def _row(
    at: datetime, src: str, dst: str, carrier: str, disposition: str, linked: str, sequence: int, talked: int
) -> list[object]:
    channels = [f"PJSIP/{src if len(src) < 6 else carrier}-{sequence:08x}"]
    channels.append(f"PJSIP/{dst if len(dst) < 6 else carrier}-{sequence + 1:08x}")
    rang = sequence % 30
    answered_at = at + timedelta(seconds=rang)
    ended_at = answered_at + timedelta(seconds=talked)
    return [
        *("", src, dst, "from-internal", f'"Agent {src}" <{src}>', *channels, "Dial", f"PJSIP/{dst}@{carrier},45,T"),
        *(_text(at), _text(answered_at) if talked else "", _text(ended_at), rang + talked, talked),
        *(disposition, "DOCUMENTATION", linked, "", "", linked, sequence),
    ]


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
