"""Figures told: a table for people, a file for programs. No measuring here."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import CORES, Figure

_WIDTH = 128  # what the table needs, whatever a pipe claims to be

_REACHED = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}


def tell(console: Console, figures: Sequence[Figure]) -> None:
    """Print the ratios with their least, median and most, and what they were made of."""
    console.width = max(console.width, _WIDTH)
    console.print(_table(figures))
    for figure in figures:
        if figure.note:
            console.print(f"{figure.section}, {figure.name}: {figure.note}.", markup=False, highlight=False)


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(title="Ratios, each taken within this run", title_justify="left")
    table.add_column("", no_wrap=True)
    table.add_column("Figure", min_width=36)
    for heading in ("Median", "Least", "Most", "Target"):
        table.add_column(heading, justify="right")
    table.add_column("Reached")
    table.add_column("Of medians", no_wrap=True)
    section = ""
    for figure in figures:
        if figure.section != section:
            table.add_section()
        shown = "" if figure.section == section else figure.section
        section = figure.section
        table.add_row(shown, figure.name, *_numbers(figure), _REACHED[figure.is_reached], _parts(figure))
    return table


def as_json(figures: Sequence[Figure], *, is_full: bool) -> bytes:
    """Return everything measured, as one JSON object."""
    facts = {
        "full": is_full,
        "cores": len(CORES),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_average": os.getloadavg(),
        "figures": [_facts(figure) for figure in figures],
    }
    return msgspec.json.format(msgspec.json.encode(facts))


def write(path: Path, content: bytes) -> None:
    """Write a file, its folder made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content + b"\n")


def _numbers(figure: Figure) -> tuple[str, str, str, str]:
    target = "" if figure.at_most is None else f"<= {figure.at_most:g}"
    if figure.at_least is not None:
        target = f">= {figure.at_least:g}"
    return f"{figure.median:.2f}", f"{min(figure.ratios):.2f}", f"{max(figure.ratios):.2f}", target


def _parts(figure: Figure) -> str:
    return f"{_short(figure.over.median)} / {_short(figure.under.median)} {figure.unit}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _facts(figure: Figure) -> dict[str, object]:
    ratio = {"least": min(figure.ratios), "median": figure.median, "most": max(figure.ratios)}
    return {**msgspec.to_builtins(figure), "ratio": ratio, "rounds": figure.ratios, "reached": figure.is_reached}
