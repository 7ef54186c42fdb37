"""`python -m torture`: tortures servers and stores, and tells what came of it. What there is stands in PARTS."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from torture import findings, fuzzing, kills, powercuts, serving
from torture.findings import Finding, Say

RESULTS = Path(__file__).parent / "results"


def killed_servers(share: float, seed: int, say: Say) -> Iterator[Finding]:
    """Servers of one and two processes on both stores."""
    for kind in ("sqlite", "postgresql"):
        for workers in (1, 2):
            yield from kills.kill_servers(kind, workers, _of(25, share), seed, say)


def killed_databases(share: float, seed: int, say: Say) -> Iterator[Finding]:
    """PostgreSQL whole, and single sessions of it."""
    yield from kills.kill_databases(_of(40, share), seed, say)


def power_cuts(share: float, seed: int, say: Say) -> Iterator[Finding]:
    """One and two processes, and deliveries so large that writing the log back into the file takes a while."""
    yield from powercuts.cut_power(1, 120, _of(300, share), seed, say)
    yield from powercuts.cut_power(2, 120, _of(300, share), seed + 1, say)
    yield from powercuts.cut_power(1, 30, _of(40, share), seed + 2, say, large=True)


def bad_payloads(share: float, seed: int, say: Say) -> Iterator[Finding]:
    """Of a million bad inputs those to the parsers, in process."""
    yield from fuzzing.fuzz_parsers(_of(800_000, share), seed, say)


def bad_requests(share: float, seed: int, say: Say) -> Iterator[Finding]:
    """Of a million bad inputs those to the routes: most in process, some to a real server."""
    yield from fuzzing.fuzz_routes(_of(200_000, share), seed, say)
    yield from serving.garble_http(_of(10_000, share), seed, say)
    for kind in ("sqlite", "postgresql"):
        yield from serving.generate_requests(kind, _of(100, share), seed, say)


PARTS: dict[str, Callable[[float, int, Say], Iterator[Finding]]] = {
    "servers": killed_servers,
    "databases": killed_databases,
    "power": power_cuts,
    "payloads": bad_payloads,
    "requests": bad_requests,
}


def main() -> None:
    """Run what was asked for, everything by default; exit status 1 when a fault was found."""
    asked = _arguments()
    seed = asked.seed if asked.seed is not None else time.time_ns() % 1_000_000
    told = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    told.print(f"Seed {seed}: --seed {seed} makes the same deliveries, moments and inputs again")
    found = [row for name in asked.only or PARTS for row in PARTS[name](asked.share, seed, told.print)]
    findings.tell(Console(), found)
    facts = findings.as_json(found)
    for path in (RESULTS / "torture.json", *([asked.json] if asked.json else [])):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(facts + b"\n")
    sys.exit(any(row.faults for row in found))


def _of(number: int, share: float) -> int:
    return max(1, round(number * share))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture", description="Kills, power cuts and bad input.")
    parser.add_argument("--seed", type=int, help="what made an earlier run; another one each time by default")
    parser.add_argument("--share", type=float, default=1.0, help="how much of it: 0.1 is a tenth")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="only these (may be repeated)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was found here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
