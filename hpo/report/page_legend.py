"""The legend of a figure on the page: buttons that a pointer and a keyboard press, each with a sample of its mark.

One legend serves all panels of a figure, wraps at any width, and its colours are the page's. ``figure.js`` does what
a button says.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

from hpo.report.figure import Bars, Dots, Intervals, Line
from hpo.report.styles import DASH_LENGTHS, Named, colour, dash, has_markers, marker
from hpo.report.text import one_line

Point = tuple[float, float]

_TURNED: dict[
    str, tuple[int, float]
] = {  # regular polygons: corners, and the angle of the first from the top
    "square": (4, 45),
    "diamond": (4, 0),
    "triangle-up": (3, 0),
    "triangle-down": (3, 60),
    "hexagon": (6, 0),
    "pentagon": (5, 0),
}


def legend_html(entries: dict[str, Named]) -> str:
    """A list of buttons, ``data-key`` of each the number of its name in ``entries``; nothing without entries."""
    if not entries:
        return ""
    buttons = "\n".join(
        f'<li><button type="button" aria-pressed="true" data-key="{key}">{_sample(mark)}'
        f"{html.escape(one_line(name))}</button></li>"
        for key, (name, mark) in enumerate(entries.items())
    )
    return f'<ul class="legend" aria-label="Shown in the figure">\n{buttons}\n</ul>'


def _sample(mark: Named) -> str:
    """A picture of 32 by 12 pixels."""
    match mark:
        case Line():
            shapes = _stroke(dash(mark)) + (_symbol(marker(mark)) if has_markers(mark) else "")
        case Dots():
            shapes = _symbol(marker(mark))
        case Intervals():
            shapes = _stroke("solid") + _symbol(marker(mark))
        case Bars():
            shapes = '<path d="M3 1.5H29V10.5H3Z" fill-opacity=".45"/>'
    ink = colour(mark.style)
    return f'<svg viewBox="0 0 32 12" width="32" height="12" fill="{ink}" stroke="{ink}" aria-hidden="true">{shapes}</svg>'


def _stroke(name: str) -> str:
    lengths = " ".join(f"{2 * length:g}" for length in DASH_LENGTHS[name])
    dashed = f' stroke-dasharray="{lengths}"' if lengths else ""
    return f'<path d="M0 6H32" stroke-width="2"{dashed}/>'


def _symbol(name: str) -> str:
    if name == "circle":
        return '<circle cx="16" cy="6" r="4"/>'
    if name == "x":
        return '<path d="M12 2L20 10M20 2L12 10" stroke-width="2.5"/>'
    if name == "star":
        points = (_around(36 * i, 5.5 if i % 2 == 0 else 2.2) for i in range(10))
    else:
        corners, turn = _TURNED[name]
        points = (_around(turn + 360 * i / corners, 5) for i in range(corners))
    return f'<path d="M{_joined(points)}Z"/>'


def _around(degrees: float, radius: float) -> Point:
    """The point at an angle from the top around the sample's middle."""
    angle = math.radians(degrees)
    return 16 + radius * math.sin(angle), 6 - radius * math.cos(angle)


def _joined(points: Iterable[Point]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
