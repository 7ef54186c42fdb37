"""Lines over time as one SVG file that needs nothing else. What they show is the caller's."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 900, 170, 70, 30, 45
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")


class Line(NamedTuple):
    """A name and its points: seconds, value."""

    name: str
    points: Sequence[tuple[float, float]]


class Panel(NamedTuple):
    """Lines over one axis."""

    title: str
    lines: Sequence[Line]


def svg(panels: Sequence[Panel], marks: Sequence[float], note: str) -> str:
    """Return the panels one above the other, with a dotted line at each mark in all of them."""
    height = _TOP + len(panels) * (_HEIGHT + _GAP) + 20
    longest = max((x for panel in panels for line in panel.lines for x, _ in line.points), default=1.0) or 1.0
    parts = [_panel(panel, _TOP + number * (_HEIGHT + _GAP), longest, marks) for number, panel in enumerate(panels)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 20} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(parts)}<text x='{_LEFT}' y='{height - 8}'>{escape(note)}</text></svg>\n"
    )


def _panel(panel: Panel, top: float, longest: float, marks: Sequence[float]) -> str:
    most = max((y for line in panel.lines for _, y in line.points), default=1.0) * 1.1 or 1.0
    parts = [
        f"<text x='{_LEFT}' y='{top - 8}' font-weight='bold'>{escape(panel.title)}</text>",
        f"<rect x='{_LEFT}' y='{top}' width='{_WIDTH}' height='{_HEIGHT}' fill='none' stroke='#999'/>",
    ]
    for share in (0.0, 0.5, 1.0):
        y = top + _HEIGHT * (1 - share)
        parts.append(f"<text x='{_LEFT - 6}' y='{y + 4}' text-anchor='end'>{most * share:.3g}</text>")
        parts.append(
            f"<text x='{_LEFT + _WIDTH * share}' y='{top + _HEIGHT + 14}'>{longest * share / 60:.1f} min</text>"
        )
    for mark in marks:
        x = _LEFT + _WIDTH * mark / longest
        parts.append(f"<path d='M{x:.1f} {top}v{_HEIGHT}' stroke='#bbb' stroke-dasharray='2 3'/>")
    for number, line in enumerate(panel.lines):
        parts.append(_line(line, number, top, longest, most))
    return "".join(parts)


def _line(line: Line, number: int, top: float, longest: float, most: float) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    places = " ".join(
        f"{_LEFT + _WIDTH * x / longest:.1f},{top + _HEIGHT * (1 - y / most):.1f}" for x, y in line.points
    )
    name = f"<text x='{_LEFT + 300 + number * 130}' y='{top - 8}' fill='{colour}'>{escape(line.name)}</text>"
    return f"{name}<polyline points='{places}' fill='none' stroke='{colour}' stroke-width='1.3'/>"
