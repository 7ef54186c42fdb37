"""`python -m benchmarks`: takes the figures and tells them. Which figures there are stands in SECTIONS."""

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks import alternative, databases, huge_stores, reporting, stores
from benchmarks.alternative import alternative_figures
from benchmarks.busy import busy_figures
from benchmarks.chart import drawn
from benchmarks.exporting import export_figures
from benchmarks.importing import import_figures
from benchmarks.measuring import CORES, Figure
from benchmarks.postgresql_importing import postgresql_import_figures
from benchmarks.postgresql_pages import postgresql_page_figures
from benchmarks.postgresql_serving import postgresql_serving_figures
from benchmarks.receiving import receiver_figures
from benchmarks.ringing_back import ring_back_figures
from benchmarks.serving import page_figures, rate_figures, size_figures
from benchmarks.sizes import FULL, SHORT, Sizes
from benchmarks.starting import start_figures
from benchmarks.storage import storage_figures
from benchmarks.stores import RESULTS, Say

SECTIONS: dict[str, Callable[[Sizes, Say], list[Figure]]] = {
    "rate": rate_figures,
    "pages": page_figures,
    "sizes": size_figures,
    "storage": storage_figures,
    "ring-back": ring_back_figures,
    "receiver": receiver_figures,
    "start": start_figures,
    "import": import_figures,
    "export": export_figures,
    "busy": busy_figures,
    "postgresql": postgresql_page_figures,
    "postgresql-serving": postgresql_serving_figures,
    "postgresql-import": postgresql_import_figures,
    "alternative": alternative_figures,
}


def main() -> None:
    """Take the figures that were asked for; all of them by default."""
    asked = _arguments()
    sizes = FULL if asked.full else SHORT
    console = Console()
    told = Console(stderr=True, highlight=False, markup=False)
    _tell_needs(told.print, sizes)
    figures: list[Figure] = []
    try:
        for name in asked.only or SECTIONS:
            told.print(f"Taking figures: {name}")
            figures.extend(SECTIONS[name](sizes, told.print))
    finally:  # what has been taken is told, whatever became of the rest
        reporting.tell(console, figures)
    facts = reporting.as_json(figures, is_full=asked.full)
    name = "-".join(["full" if asked.full else "short", *(asked.only or [])])
    reporting.write(RESULTS / f"{name}.json", facts)
    reporting.write(RESULTS / f"{name}.svg", drawn(figures).encode())
    if asked.json:
        reporting.write(asked.json, facts)
    if asked.chart:
        reporting.write(asked.chart, drawn(figures).encode())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory as ratios.")
    parser.add_argument("--full", action="store_true", help="fifty million calls: hours, 40 GB of disk")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="take only these (may be repeated)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything measured here")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw it here, each beside its target (SVG)")
    return parser.parse_args()


def _tell_needs(say: Say, sizes: Sizes) -> None:
    needed = sizes.calls * (stores.BYTES_A_CALL + alternative.BYTES_A_CALL)
    needed += sum(sizes.all_calls) * databases.BYTES_A_CALL + sum(sizes.lists) * huge_stores.BYTES_A_CALL
    free = shutil.disk_usage(RESULTS.parent).free
    say(f"Stores of up to {max(sizes.lists):,} calls are kept in {RESULTS}: {needed / 1e9:.0f} GB.")
    if free < needed:
        sys.exit(f"Only {free / 1e9:.0f} GB are free.")
    if len(CORES) == 1:
        say("There is one core: servers and load share it, so rates say little.")


if __name__ == "__main__":
    main()
