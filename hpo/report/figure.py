"""What a figure shows, before it is drawn: marks in panels, with a caption, words for who cannot see it, and a table.

``draw_page`` draws a figure for the page, ``draw_paper`` for print. Both draw every mark; neither knows any figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.report.table import Table

# Okabe and Ito's palette without black, which a dark page would hide; the palest last. A style is an index into all
# three, so that a strategy is told apart by its dash and its marker where print is grey. There is one marker more than
# there are colours, so that no two of many strategies look the same.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "star", "hexagon", "pentagon")
NEUTRAL = -1  # style of what belongs to no strategy: grey, solid, circle

Weight = Literal["strong", "normal", "faint"]
Anchor = Literal["left", "centre", "right"]


@dataclass(frozen=True)
class Line:
    """A line through (x, y), NaN leaves a gap; with ``band`` shaded between its low and high.

    Attributes:
        name: in the legend; an empty one, or one that an earlier mark of the figure has, adds no entry.
        step: y stays until the next x (best so far).
        markers: draw a marker at each point as well.
        tail_from: index from which on the line is drawn faint (an estimate's unreliable end); None: nowhere.
        hover: one text a point, shown on the page alone.
        dash: index into DASHES where it is not the style's own.
    """

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    style: int = NEUTRAL
    weight: Weight = "normal"
    band: tuple[Sequence[float], Sequence[float]] | None = None
    step: bool = False
    markers: bool = False
    tail_from: int | None = None
    hover: Sequence[str] = ()
    dash: int | None = None


@dataclass(frozen=True)
class Dots:
    """A marker at each (x, y). ``marker``: one of MARKERS or ``x`` where it is not the style's own."""

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    style: int = NEUTRAL
    weight: Weight = "normal"
    marker: str | None = None
    hover: Sequence[str] = ()


@dataclass(frozen=True)
class Intervals:
    """Horizontal intervals low to high with a marker at x, at heights y."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    name: str = ""
    style: int = NEUTRAL
    hover: Sequence[str] = ()


@dataclass(frozen=True)
class Bars:
    """Horizontal bars from 0 to x at heights y, with intervals where ``low`` and ``high`` are given."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    name: str = ""
    style: int = NEUTRAL
    hover: Sequence[str] = ()


@dataclass(frozen=True)
class Rule:
    """A thin line across the whole panel at ``at`` on the axis ``across``, with a short label."""

    across: Literal["x", "y"]
    at: float
    label: str = ""


@dataclass(frozen=True)
class Words:
    """A text at (x, y) in the units of the axes, ``anchor``-ed there."""

    x: float
    y: float
    text: str
    anchor: Anchor = "left"
    strong: bool = False


@dataclass(frozen=True)
class Cells:
    """A matrix: ``values`` (rows, columns) as colour from -1 to 1 (NaN: none) with a text in each cell; row 0 on top.

    Its panel's axes name the columns and rows by ticks at 0, 1, 2, ...
    """

    values: Sequence[Sequence[float]]
    texts: Sequence[Sequence[str]]
    hover: Sequence[Sequence[str]] = ()


Mark = Line | Dots | Intervals | Bars | Rule | Words | Cells


@dataclass(frozen=True)
class Axis:
    """``limits``: first and last value shown; the larger first turns it round. ``ticks``: (value, label), no others."""

    title: str = ""
    log: bool = False
    limits: tuple[float, float] | None = None
    ticks: Sequence[tuple[float, str]] | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Panel:
    """One drawing area. ``rows``: how many rows of content stand one above another (0: an ordinary chart)."""

    marks: Sequence[Mark]
    x: Axis
    y: Axis
    heading: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: file stem and anchor.
        caption: what is drawn, of how many, and what bands and bars are over.
        alt: the same in a sentence for who cannot see it, with its main numbers.
        panels: side by side as far as there is room.
        table: the numbers drawn; in a figure of very many, as many as the page can carry (its note says so).
        legend: whether the names of marks are listed.
        paper: whether it is drawn for print too.
    """

    name: str
    title: str
    caption: str
    alt: str
    panels: Sequence[Panel]
    table: Table
    legend: bool = True
    paper: bool = True
