"""The figures that have a target as a drawing (SVG): how far each is from its target, and which way. No measuring."""

from collections.abc import Sequence
from html import escape
from math import log2

from benchmarks.measuring import Figure

_WIDTH, _ROW, _TOP = 960, 26, 64
_LEFT, _RIGHT = 470, 800  # where the scale begins and ends
_OCTAVES = 4.0  # to each side of the target: a sixteenth to sixteen times
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1b1f24 } .small { font-size: 12px; fill: #57606a }
.axis { stroke: #8c959f } .target { stroke: #1b1f24; stroke-width: 2 } .span { stroke-width: 6; stroke-linecap: round }
.yes { stroke: #54aeff; fill: #0969da } .no { stroke: #ffb77c; fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .target { stroke: #e6edf3 }
}
"""


def drawn(figures: Sequence[Figure]) -> str:
    """Return the drawing: a row a figure, its least to most as a bar, its median as a mark; reached is on the left."""
    rows = [figure for figure in figures if figure.is_reached is not None]
    height = _TOP + _ROW * len(rows) + 24
    middle = (_LEFT + _RIGHT) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<title>Each figure beside its target</title>",
        f"<style>{_STYLE}</style>",
        f'<text x="{_LEFT}" y="22">better than its target</text>',
        f'<text x="{_RIGHT}" y="22" text-anchor="end">worse</text>',
        f'<line class="target" x1="{middle}" y1="32" x2="{middle}" y2="{height - 20}"/>',
    ]
    for octave in (-4, -2, 2, 4):
        x = _place(octave)
        said = f"{2 ** abs(octave)} times"
        parts.append(f'<text class="small" x="{x:.0f}" y="44" text-anchor="middle">{said}</text>')
        parts.append(
            f'<line class="axis" stroke-dasharray="2 4" x1="{x:.0f}" y1="50" x2="{x:.0f}" y2="{height - 20}"/>'
        )
    for number, figure in enumerate(rows):
        parts.extend(_row(figure, _TOP + _ROW * number + 10))
    parts.append("</svg>")
    return "\n".join(parts)


def _row(figure: Figure, y: int) -> list[str]:
    ends = sorted(_place(_distance(figure, ratio)) for ratio in (min(figure.ratios), max(figure.ratios)))
    x = _place(_distance(figure, figure.median))
    kind = "yes" if figure.is_reached else "no"
    target = f"&lt;= {figure.at_most:.3g}" if figure.at_most is not None else f"&gt;= {figure.at_least or 0:.3g}"
    mark = (
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y}" r="6"/>'
        if figure.is_reached
        else f'<path class="{kind}" d="M{x - 6:.1f} {y - 6}h12v12h-12z"/>'
    )
    return [
        f'<text x="8" y="{y + 4}">{escape(_short(f"{figure.section}: {figure.name}"))}</text>',
        f'<line class="span {kind}" x1="{ends[0]:.1f}" y1="{y}" x2="{ends[1]:.1f}" y2="{y}"/>',
        mark,
        f'<text x="{_RIGHT + 16}" y="{y + 4}">{figure.median:.3g} (target {target})</text>',
    ]


def _short(text: str) -> str:
    return text if len(text) <= 68 else f"{text[:67]}…"


def _distance(figure: Figure, ratio: float) -> float:
    """How many times twice as bad as its target a ratio is."""
    if figure.at_most is not None:
        return log2(max(ratio, 1e-9) / figure.at_most)
    return log2((figure.at_least or 1) / max(ratio, 1e-9))


def _place(octaves: float) -> float:
    part = (min(_OCTAVES, max(-_OCTAVES, octaves)) + _OCTAVES) / (2 * _OCTAVES)
    return _LEFT + part * (_RIGHT - _LEFT)
