"""Marks as Plotly's traces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from hpo.report.figure import Bars, Cells, Dots, Intervals, Line, Panel, Weight
from hpo.report.plotly_json import Json, safe, safe_lines, short
from hpo.report.styles import (
    CELL_OPACITY,
    GREY,
    HIGH_COLOUR,
    LOW_COLOUR,
    Named,
    band_opacity,
    bar_height,
    channels,
    colour,
    dash,
    has_markers,
    marker,
    without_tail,
)

PATTERNS = ("", "/", ".", "x", "-", "\\", "|")  # of bars, by style

_LINE_WIDTH: dict[Weight, float] = {"strong": 3, "normal": 1.8, "faint": 1}
_DOT_SIZE: dict[Weight, float] = {"strong": 11, "normal": 7, "faint": 5}
_OPACITY: dict[Weight, float] = {"strong": 1, "normal": 0.9, "faint": 0.5}
_HOVER_WIDTH = 44  # characters; a wider one would be cut on a telephone


def traces(panel: Panel, keys: Mapping[str, int]) -> list[Json]:
    """Traces of ``panel``, bands below all else.

    Args:
        keys: the number of each name in the figure's legend; a trace has its own as ``legendgroup``.
    """
    drawn: list[Json] = []
    for mark in panel.marks:
        if isinstance(mark, Cells):
            drawn.append(_cells(mark))
        elif isinstance(mark, Named):
            group = {"legendgroup": str(keys[mark.name])} if mark.name in keys else {}
            drawn.extend(trace | group for trace in _named(mark, panel))
    return sorted(drawn, key=lambda trace: "fill" not in trace)


def _named(mark: Named, panel: Panel) -> Iterator[Json]:
    match mark:
        case Line():
            for part in without_tail(mark):
                yield from _band(part, band_opacity(panel))
                yield _line(part) | _hover(part, panel)
        case Dots():
            yield _dots(mark) | _hover(mark, panel)
        case Intervals():
            yield _intervals(mark) | _hover(mark, panel)
        case Bars():
            yield _bars(mark, bar_height(panel)) | _hover(mark, panel)


def _hover(mark: Named, panel: Panel) -> Json:
    """What stands beside a point under the pointer: the mark's own text, else its name and values."""
    if mark.hover:
        return {"hovertext": [safe_lines(text, _HOVER_WIDTH) for text in mark.hover], "hoverinfo": "text"}
    values = "" if panel.x.hidden or panel.y.hidden else "x" if panel.rows else "x+y"
    named = {"name": safe(mark.name)} if mark.name else {}
    told = "+".join(part for part in (values, "name" if mark.name else "") if part)
    return named | {"hoverinfo": told or "skip"}


def _line(mark: Line) -> Json:
    line: Json = {"color": colour(mark.style), "width": _LINE_WIDTH[mark.weight], "dash": dash(mark)}
    trace: Json = {
        "type": "scatter",
        "x": _numbers(mark.x),
        "y": _numbers(mark.y),
        "mode": "lines+markers" if has_markers(mark) else "lines",
        "opacity": _OPACITY[mark.weight],
        "line": line | ({"shape": "hv"} if mark.step else {}),
    }
    if has_markers(mark):
        size = 4 + _LINE_WIDTH[mark.weight]
        trace["marker"] = {"symbol": marker(mark), "size": size, "color": colour(mark.style)}
    return trace


def _band(mark: Line, opacity: float) -> Iterator[Json]:
    """The band as outlines that Plotly fills, one between gap and gap."""
    if mark.band is None:
        return
    x: list[float | None] = []
    y: list[float | None] = []
    for run in _runs(mark.x, *mark.band):
        across, low, high = zip(*(_stepped(run) if mark.step else run), strict=True)
        x += [*_numbers([*across, *reversed(across)]), None]
        y += [*_numbers([*high, *reversed(low)]), None]
    yield {
        "type": "scatter",
        "x": x[:-1],
        "y": y[:-1],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": _rgba(colour(mark.style), opacity / 2 if mark.weight == "faint" else opacity),
        "hoverinfo": "skip",
    }


def _runs(*columns: Sequence[float]) -> list[list[tuple[float, ...]]]:
    """Rows of ``columns`` in runs between those that hold a gap."""
    runs: list[list[tuple[float, ...]]] = [[]]
    for row in zip(*columns, strict=True):
        if all(math.isfinite(value) for value in row):
            runs[-1].append(row)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _stepped(run: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """``run`` of (x, ...) with the corner before each point: the values before it, at its x."""
    corners = [(after[0], *before[1:]) for before, after in pairwise(run)]
    return [run[0], *(point for pair in zip(corners, run[1:], strict=True) for point in pair)]


def _dots(mark: Dots) -> Json:
    return {
        "type": "scatter",
        "x": _numbers(mark.x),
        "y": _numbers(mark.y),
        "mode": "markers",
        "opacity": _OPACITY[mark.weight],
        "marker": {"symbol": marker(mark), "size": _DOT_SIZE[mark.weight], "color": colour(mark.style)},
    }


def _intervals(mark: Intervals) -> Json:
    return {
        "type": "scatter",
        "x": _numbers(mark.x),
        "y": _numbers(mark.y),
        "mode": "markers",
        "marker": {"symbol": marker(mark), "size": 10, "color": colour(mark.style)},
        "error_x": _errors(mark),
    }


def _bars(mark: Bars, height: float) -> Json:
    """Bars pale, so that the interval on them is seen."""
    ink = colour(mark.style)
    pattern = {
        "shape": PATTERNS[max(mark.style, 0) % len(PATTERNS)],
        "fgcolor": ink,
        "size": 7,
        "solidity": 0.25,
    }
    return {
        "type": "bar",
        "orientation": "h",
        "x": _numbers(mark.x),
        "y": _numbers(mark.y),
        "width": short(height),
        "hoverlabel": {"bgcolor": ink},
        "marker": {"color": _rgba(ink, 0.45), "line": {"color": ink, "width": 1}, "pattern": pattern},
        **({"error_x": _errors(mark)} if mark.low else {}),
    }


def _errors(mark: Intervals | Bars) -> Json:
    above = [high - x for x, high in zip(mark.x, mark.high, strict=True)]
    below = [x - low for x, low in zip(mark.x, mark.low, strict=True)]
    return {
        "type": "data",
        "symmetric": False,
        "array": _numbers(above),
        "arrayminus": _numbers(below),
        "color": colour(mark.style),
        "thickness": 2.5,
        "width": 5,
    }


def _cells(mark: Cells) -> Json:
    """Colours let the page shine through, so that its ink reads on them, be it light or dark."""
    scale = [
        [0, _rgba(LOW_COLOUR, CELL_OPACITY)],
        [0.5, _rgba(GREY, 0.06)],
        [1, _rgba(HIGH_COLOUR, CELL_OPACITY)],
    ]
    hover = [[safe_lines(text, _HOVER_WIDTH) for text in row] for row in mark.hover]
    return {
        "type": "heatmap",
        "z": [_numbers(row) for row in mark.values],
        "text": [[safe(text) for text in row] for row in mark.texts],
        "texttemplate": "%{text}",
        "zmin": -1,
        "zmax": 1,
        "colorscale": scale,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        **({"hovertext": hover, "hoverinfo": "text"} if hover else {"hoverinfo": "skip"}),
    }


def _numbers(values: Sequence[float]) -> list[float | None]:
    return [short(value) for value in values]


def _rgba(code: str, opacity: float) -> str:
    return "rgba({},{},{},{})".format(*channels(code), opacity)
