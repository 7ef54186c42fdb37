"""What a part of the torture came to, and how it is told: a table for people, JSON for programs."""

import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.table import Table

Say = Callable[[str], None]

_WIDTH = 110
_MOST_FAULTS = 20


class Finding(msgspec.Struct, kw_only=True):
    """One row: how much was tried, what was acknowledged meanwhile, and every fault found (none is what we want)."""

    part: str
    what: str
    seed: int
    tried: int = 0
    unit: str
    acknowledged: int = 0
    faults: list[str] = []
    note: str = ""
    seconds: float = 0.0

    def fault(self, said: str) -> None:
        """Keep a fault; of very many the first."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(said[:2000])


@contextmanager
def finding(part: str, what: str, unit: str, seed: int, say: Say) -> Iterator[Finding]:
    """Run a part whose row this is, and say when it begins and how it ended."""
    found = Finding(part=part, what=what, unit=unit, seed=seed, faults=[])
    say(f"{part}: {what} (seed {seed})")
    began = time.monotonic()
    try:
        yield found
    finally:
        found.seconds = time.monotonic() - began
        say(f"{part}: {found.tried:,} {unit}, {len(found.faults)} faults, {found.seconds:.0f} s")
        for fault in found.faults:
            say(f"  FAULT {fault}")


def tell(console: Console, findings: Sequence[Finding]) -> None:
    """Print the table."""
    console.width = max(console.width, _WIDTH)
    table = Table(title="Torture", title_justify="left")
    table.add_column("Part")
    table.add_column("What")
    for heading in ("Tried", "Legs acknowledged", "Faults", "Seconds", "Seed"):
        table.add_column(heading, justify="right")
    for found in findings:
        acknowledged = f"{found.acknowledged:,}" if found.acknowledged else ""
        count = f"[red]{len(found.faults)}[/]" if found.faults else "[green]0[/]"
        tried = f"{found.tried:,} {found.unit}"
        table.add_row(found.part, found.what, tried, acknowledged, count, f"{found.seconds:.0f}", str(found.seed))
    console.print(table)
    for found in findings:
        if found.note:
            console.print(f"{found.part}, {found.what}: {found.note}.", markup=False, highlight=False)


def as_json(findings: Sequence[Finding]) -> bytes:
    """Return all of it as one JSON object."""
    facts = {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "ok": not any(found.faults for found in findings),
        "findings": findings,
    }
    return msgspec.json.format(msgspec.json.encode(facts))
