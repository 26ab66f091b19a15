"""How a mark looks whoever draws it: colour, dash, marker, what a legend lists, and how long a label may be."""

from __future__ import annotations

import math
import textwrap
from dataclasses import replace
from itertools import pairwise

from hpo.report.figure import (
    COLOURS,
    DASHES,
    MARKERS,
    NEUTRAL,
    Bars,
    Cells,
    Dots,
    Figure,
    Intervals,
    Line,
    Panel,
)
from hpo.report.text import one_line

Named = Line | Dots | Intervals | Bars

GREY = "#858585"  # of equal contrast to a white and to a dark page
LABEL = 28  # characters of a label in one line
DASH_LENGTHS: dict[str, tuple[float, ...]] = {  # on and off, in line widths
    "solid": (),
    "dash": (4, 2),
    "dot": (1, 1.5),
    "dashdot": (4, 1.5, 1, 1.5),
    "longdash": (8, 2.5),
    "longdashdot": (8, 2, 1, 2),
}
# Ends of a diverging scale that those with any colour blindness tell apart; drawn pale, so that a text on them reads.
LOW_COLOUR, HIGH_COLOUR, CELL_OPACITY = "#D55E00", "#0072B2", 0.6


def colour(style: int) -> str:
    """Hexadecimal colour of ``style``; grey where it is neutral."""
    return GREY if style == NEUTRAL else COLOURS[style % len(COLOURS)]


def channels(code: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb`` from 0 to 255."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def dash(line: Line) -> str:
    """One of DASHES: the line's own, else its style's; solid where that is neutral."""
    index = line.dash if line.dash is not None else max(line.style, 0)
    return DASHES[index % len(DASHES)]


def marker(mark: Named) -> str:
    """One of MARKERS or ``x``: the mark's own, else its style's; a circle where that is neutral."""
    own = mark.marker if isinstance(mark, Dots) else None
    return own or MARKERS[max(mark.style, 0) % len(MARKERS)]


def has_markers(line: Line) -> bool:
    """Whether ``line`` shows its points: it asks for it, or has one alone, of which no line could be seen."""
    seen = sum(math.isfinite(x) and math.isfinite(y) for x, y in zip(line.x, line.y, strict=True))
    return line.markers or seen == 1


def without_tail(line: Line) -> tuple[Line, ...]:
    """``line`` as lines without ``tail_from``: its trusted part, and its tail, which is faint and begins where that ends."""
    if line.tail_from is None or line.tail_from >= len(line.x):
        return (replace(line, tail_from=None),)
    tail = replace(_part(line, slice(max(line.tail_from - 1, 0), None)), weight="faint")
    return (_part(line, slice(line.tail_from)), tail) if line.tail_from > 0 else (tail,)


def _part(line: Line, kept: slice) -> Line:
    band = None if line.band is None else (line.band[0][kept], line.band[1][kept])
    return replace(line, x=line.x[kept], y=line.y[kept], band=band, hover=line.hover[kept], tail_from=None)


def legend_entries(figure: Figure) -> dict[str, Named]:
    """Each name of ``figure`` with the first mark that has it, in the order of marks; none without a legend.

    A name that marks of several styles have stands for none of them: its entry is neutral.
    """
    entries: dict[str, Named] = {}
    marks = [mark for panel in figure.panels for mark in panel.marks if isinstance(mark, Named) and mark.name]
    for mark in marks if figure.legend else []:
        first = entries.setdefault(mark.name, mark)
        if first.style != mark.style:
            entries[mark.name] = replace(first, style=NEUTRAL)
    return entries


def band_opacity(panel: Panel) -> float:
    """Opacity of a band of ``panel``: where many lie over one another each is paler."""
    bands = sum(isinstance(mark, Line) and mark.band is not None for mark in panel.marks)
    return min(0.18, 0.5 / max(bands, 1))


def bar_height(panel: Panel) -> float:
    """Height of a bar of ``panel`` in units of its y axis: bars of several marks that lie closer are thinner."""
    heights = sorted({round(y, 9) for mark in panel.marks if isinstance(mark, Bars) for y in mark.y})
    gaps = (high - low for low, high in pairwise(heights))
    return min([0.65, *(0.9 * gap for gap in gaps)])


def has_cells(panel: Panel) -> bool:
    """Whether ``panel`` shows a matrix: its y axis then runs downwards, and neither has a grid."""
    return any(isinstance(mark, Cells) for mark in panel.marks)


def shortened(text: str, limit: int) -> str:
    """``text`` in one line of at most ``limit`` characters; its end is kept, since names often differ there alone."""
    line = one_line(text)
    if len(line) <= limit:
        return line
    end = (limit - 1) // 3
    return line[: limit - 1 - end] + "…" + line[-end:]


def two_lines(text: str, width: int) -> list[str]:
    """``text`` in one or two lines of at most ``width`` characters, broken at a space, shortened where it is longer."""
    lines = balanced(" ".join(shortened(word, width) for word in one_line(text).split()), width)
    if len(lines) <= 2:
        return lines
    first, *rest = wrapped(" ".join(lines), width)
    return [first, shortened(" ".join(rest), width)]


def balanced(text: str, width: int) -> list[str]:
    """``text`` in as few lines of at most ``width`` characters as it needs, all about as long."""
    lines = wrapped(text, width)
    if len(lines) == 1:
        return lines
    least = max(-(-len(text) // len(lines)), *(len(word) for word in text.split()))
    narrower = (wrapped(text, tried) for tried in range(least, width))
    return next((fewer for fewer in narrower if len(fewer) == len(lines)), lines)


def wrapped(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` characters, broken at spaces where there are any; at least one line."""
    return textwrap.wrap(one_line(text), width, break_on_hyphens=False) or [""]
