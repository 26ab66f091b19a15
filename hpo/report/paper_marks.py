"""Marks as matplotlib's artists in the axes of one panel, and the samples that stand for them in a legend."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hpo.report.axes import Scale
from hpo.report.figure import Anchor, Bars, Cells, Dots, Intervals, Line, Mark, Panel, Rule, Weight, Words
from hpo.report.styles import (
    CELL_OPACITY,
    DASH_LENGTHS,
    GREY,
    HIGH_COLOUR,
    LABEL,
    LOW_COLOUR,
    Named,
    band_opacity,
    bar_height,
    channels,
    colour,
    dash,
    has_markers,
    marker,
    shortened,
    two_lines,
    without_tail,
)
from hpo.report.text import one_line

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_MARKERS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "star": "*",
    "hexagon": "h",
    "pentagon": "p",
    "x": "X",
}
_LARGER = {"*": 1.45, "h": 1.15, "D": 0.85, "s": 0.9}  # so that all look of one size
_HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "||||")  # of bars, by style
_LINE_WIDTH: dict[Weight, float] = {"strong": 1.7, "normal": 1.1, "faint": 0.6}
_DOT_SIZE: dict[Weight, float] = {"strong": 5.5, "normal": 3.6, "faint": 2.4}
_OPACITY: dict[Weight, float] = {"strong": 1, "normal": 0.9, "faint": 0.45}
_SIDES: dict[Anchor, Any] = {"left": "left", "centre": "center", "right": "right"}
_INK = "#222222"


def draw_mark(axes: Axes, mark: Mark, panel: Panel, x: Scale, width: float) -> None:
    """Draw ``mark`` of ``panel`` into ``axes``.

    Args:
        x: the scale of the panel's x axis.
        width: of the panel in inches, labels included.
    """
    match mark:
        case Line():
            for part in without_tail(mark):
                _line(axes, part, band_opacity(panel))
        case Dots():
            axes.plot(mark.x, mark.y, **_dot(mark))
        case Intervals():
            _whiskers(axes, mark, colour(mark.style))
            axes.plot(mark.x, mark.y, **_dot(mark, 4.2))
        case Bars():
            _bars(axes, mark, bar_height(panel))
        case Rule():
            _rule(axes, mark, x)
        case Words():
            _text(axes, mark, width)
        case Cells():
            _cells(axes, mark, width)


def sample(mark: Named) -> Artist:
    """What stands for ``mark`` in a legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    match mark:
        case Line():
            return Line2D([], [], **_stroke(replace(mark, weight="normal")))
        case Dots():
            return Line2D([], [], **_dot(mark, 4.2) | {"alpha": 1})
        case Intervals():
            return Line2D([], [], **_dot(mark, 4.2) | {"linestyle": "-", "linewidth": 1.1})
        case Bars():
            return Patch(**_fill(mark))


def _line(axes: Axes, mark: Line, opacity: float) -> None:
    axes.plot(mark.x, mark.y, drawstyle="steps-post" if mark.step else "default", **_stroke(mark))
    if mark.band is not None:
        low, high = mark.band
        axes.fill_between(
            mark.x,
            low,
            high,
            where=[math.isfinite(a) and math.isfinite(b) for a, b in zip(low, high, strict=True)],
            step="post" if mark.step else None,
            color=colour(mark.style),
            alpha=opacity / 2 if mark.weight == "faint" else opacity,
            linewidth=0,
            zorder=1,
        )


def _stroke(mark: Line) -> dict[str, Any]:
    symbol = _MARKERS[marker(mark)]
    width = _LINE_WIDTH[mark.weight]
    return {
        "color": colour(mark.style),
        "linewidth": width,
        "linestyle": (0, DASH_LENGTHS[dash(mark)]) if DASH_LENGTHS[dash(mark)] else "-",
        "alpha": _OPACITY[mark.weight],
        "marker": symbol if has_markers(mark) else "",
        "markersize": (1.8 + width) * _LARGER.get(symbol, 1),
        "markeredgewidth": 0,
    }


def _dot(mark: Dots | Intervals, size: float | None = None) -> dict[str, Any]:
    """A marker without a line; ``size`` in points, else by the mark's weight."""
    weight = mark.weight if isinstance(mark, Dots) else "strong"
    symbol = _MARKERS[marker(mark)]
    return {
        "color": colour(mark.style),
        "marker": symbol,
        "markersize": (size or _DOT_SIZE[weight]) * _LARGER.get(symbol, 1),
        "markeredgewidth": 0,
        "alpha": _OPACITY[weight],
        "linestyle": "none",
    }


def _whiskers(axes: Axes, mark: Intervals | Bars, ink: str) -> None:
    import numpy as np

    x, low, high = (np.asarray(column, dtype=float) for column in (mark.x, mark.low, mark.high))
    axes.errorbar(
        x,
        mark.y,
        xerr=np.stack([x - low, high - x]),
        linestyle="none",
        ecolor=ink,
        elinewidth=1.1,
        capsize=1.8,
        capthick=0.8,
    )


def _bars(axes: Axes, mark: Bars, height: float) -> None:
    """Bars pale, so that the interval on them is seen."""
    axes.barh(mark.y, mark.x, height=height, **_fill(mark))
    if mark.low:
        _whiskers(axes, mark, _INK)


def _fill(mark: Bars) -> dict[str, Any]:
    ink = tuple(channel / 255 for channel in channels(colour(mark.style)))
    return {
        "facecolor": (*ink, 0.45),
        "edgecolor": ink,
        "linewidth": 0.5,
        "hatch": _HATCHES[max(mark.style, 0) % len(_HATCHES)],
    }


def _rule(axes: Axes, mark: Rule, x: Scale) -> None:
    """The line, and its label above the drawing, or above the line at its right end."""
    draw = axes.axvline if mark.across == "x" else axes.axhline
    draw(mark.at, color=GREY, linewidth=0.6, zorder=0.9)
    if not mark.label:
        return
    point, coordinates = (
        ((mark.at, 1), axes.get_xaxis_transform())
        if mark.across == "x"
        else ((1, mark.at), axes.get_yaxis_transform())
    )
    side = x.anchor(mark.at) if mark.across == "x" else "right"
    label = shortened(mark.label, LABEL)
    _annotate(axes, label, point, coordinates, (0, 1.5), ha=_SIDES[side], va="bottom")


def _text(axes: Axes, mark: Words, width: float) -> None:
    away = {"left": 3, "centre": 0, "right": -3}[mark.anchor]
    _annotate(
        axes,
        "\n".join(two_lines(mark.text, max(12, min(24, int(4.2 * width))))),
        (mark.x, mark.y),
        "data",
        (away, 0),
        ha=_SIDES[mark.anchor],
        va="center",
        weight="bold" if mark.strong else "normal",
    )


def _annotate(
    axes: Axes,
    text: str,
    point: tuple[float, float],
    coordinates: Any,
    away: tuple[float, float],
    **style: Any,
) -> None:
    """``text`` beside ``point``, ``away`` from it in points, seen outside the axes as well."""
    axes.annotate(
        text,
        point,
        xycoords=coordinates,
        xytext=away,
        textcoords="offset points",
        annotation_clip=False,
        color=_INK,
        **style,
    )


def _cells(axes: Axes, mark: Cells, width: float) -> None:
    """Coloured cells with white between them; a text that is wider than its cell is set smaller, to 5 points."""
    from matplotlib.patches import Rectangle

    longest = max(len(text) for row in mark.texts for text in row)
    points = 72 * 0.65 * width / len(mark.values[0])
    size = min(7.0, max(5.0, points / (0.62 * longest)))
    for y, (values, texts) in enumerate(zip(mark.values, mark.texts, strict=True)):
        for x, (value, text) in enumerate(zip(values, texts, strict=True)):
            axes.add_patch(
                Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, facecolor=_cell_colour(value), linewidth=0)
            )
            axes.text(x, y, one_line(text), ha="center", va="center", fontsize=size, color=_INK)


def _cell_colour(value: float) -> tuple[float, ...]:
    """The diverging scale's colour as it looks on white paper."""
    if not math.isfinite(value):
        return (1, 1, 1)
    share = CELL_OPACITY * min(1, abs(value))
    end = channels(HIGH_COLOUR if value > 0 else LOW_COLOUR)
    return tuple(1 - share * (1 - channel / 255) for channel in end)
