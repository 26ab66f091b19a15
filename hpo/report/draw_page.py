"""Draws a figure for the page: a Plotly chart a panel without its library, and one legend for all of them.

Colours of text and grid are the page's, whose style sheet sets them; the drawing's ground is clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

from plotly.io import to_html

from hpo.report.axes import Scale, scale
from hpo.report.figure import Axis, Figure, Panel, Rule, Words
from hpo.report.page_legend import legend_html
from hpo.report.page_texts import WORDS, shapes, texts
from hpo.report.page_traces import traces
from hpo.report.plotly_json import Json, safe, short
from hpo.report.styles import balanced, has_cells, legend_entries, shortened, two_lines

_CONFIG = {"responsive": True, "displaylogo": False, "displayModeBar": False}
_CLEAR = "rgba(0,0,0,0)"
_GRID = "rgba(133,133,133,0.25)"
_ROOM = 36  # characters side by side: at 320 pixels no more fit
_TICK = 20  # characters of a line of a tick's label, two lines at most


@dataclass(frozen=True)
class PagePanel:
    """One drawing: ``html`` is Plotly's, without its library; ``heading`` is plain text, not escaped."""

    heading: str
    html: str


@dataclass(frozen=True)
class PageFigure:
    """A figure as the page shows it: ``legend`` is HTML, empty where nothing is listed."""

    legend: str
    panels: tuple[PagePanel, ...]


def draw_page(figure: Figure) -> PageFigure:
    """``figure`` as HTML, each panel in a ``div`` with the id ``<figure's name>-<panel's index>``.

    Plotly's library, ``figure.css`` and ``figure.js`` are the page's to bring. The same figure gives the same text.
    """
    entries = legend_entries(figure)
    keys = {name: key for key, name in enumerate(entries)}
    drawn = []
    for index, panel in enumerate(figure.panels):
        chart = plotly_json(panel, keys)
        height = f"{chart['layout']['height']}px"
        text = to_html(
            chart,
            config=_CONFIG,
            full_html=False,
            include_plotlyjs=False,
            default_height=height,
            div_id=f"{figure.name}-{index}",
            validate=False,
        )
        drawn.append(PagePanel(panel.heading, str(text)))
    return PageFigure(legend_html(entries), tuple(drawn))


def plotly_json(panel: Panel, keys: dict[str, int]) -> Json:
    """Plotly's ``data`` and ``layout`` of ``panel``; ``keys``: the number of each name in the figure's legend."""
    x, y = scale(panel, "x", room=_ROOM), scale(panel, "y")
    return {
        "data": traces(panel, keys),
        "layout": {
            "height": _height(panel),
            "margin": _margin(panel, x),
            "paper_bgcolor": _CLEAR,
            "plot_bgcolor": _CLEAR,
            "font": {"family": "system-ui, sans-serif", "size": 13},
            "hoverlabel": {"align": "left", "namelength": -1},
            "hovermode": "closest",
            "dragmode": False,
            "showlegend": False,
            "barmode": "overlay",
            "xaxis": _axis(panel.x, x, _title_room(panel), grid=not has_cells(panel)) | _slant(panel.x),
            "yaxis": _axis(panel.y, y, _ROOM, grid=not panel.rows),
            "shapes": shapes(panel),
            "annotations": texts(panel, x, y),
        },
    }


def _height(panel: Panel) -> int:
    """Pixels: by rows, else those of an ordinary chart."""
    if not panel.rows:
        return 320
    names = [] if panel.y.hidden else panel.y.ticks or []
    row = 40 if any(len(two_lines(name, _TICK)) > 1 for _, name in names) else 34
    return 30 + row * panel.rows + (0 if panel.x.hidden else 120 if _slant(panel.x) else 46)


def _margin(panel: Panel, x: Scale) -> Json:
    """Pixels around the drawing, without those that Plotly adds for the labels of axes.

    Words that stand at its left or right end would be cut there: they get as much as they need at the least width.
    """
    left, right = [8.0], [16.0]
    for mark in panel.marks:
        if isinstance(mark, Words) and mark.anchor != "centre":
            width = 10 + 7.4 * max(map(len, two_lines(mark.text, WORDS)))
            inside = 150 * (x.share(mark.x) if mark.anchor == "right" else 1 - x.share(mark.x))
            (left if mark.anchor == "right" else right).append(width - inside)
    above = any(isinstance(mark, Rule) and mark.across == "x" and mark.label for mark in panel.marks)
    return {"l": round(max(left)), "r": round(max(right)), "t": 22 if above else 8, "b": 8}


def _slant(axis: Axis) -> Json:
    """Labels of columns are turned where they would not fit side by side on a telephone."""
    named = [] if axis.hidden else axis.ticks or []
    if sum(len(label) + 2 for _, label in named) <= _ROOM:
        return {}
    return {"tickangle": -40, "ticktext": [safe(shortened(label, _TICK)) for _, label in named]}


def _title_room(panel: Panel) -> int:
    """Characters of a line of the x axis's title: fewer where named rows take from its width."""
    named = [] if panel.y.hidden else panel.y.ticks or []
    return max([_ROOM] if not named else [14, _ROOM + 4 - max(min(len(label), _TICK) for _, label in named)])


def _axis(axis: Axis, drawn: Scale, title_room: int, grid: bool) -> Json:
    if axis.hidden:
        return {**_range(drawn), "visible": False, "fixedrange": True}
    return {
        **_range(drawn),
        "title": {
            "text": "<br>".join(map(safe, balanced(axis.title, title_room))),
            "standoff": 8,
            "font": {"size": 13},
        },
        "tickvals": [short(value) for value, _ in drawn.ticks],
        "ticktext": ["<br>".join(map(safe, two_lines(label, _TICK))) for _, label in drawn.ticks],
        "tickfont": {"size": 12},
        "ticks": "",
        "ticklabeloverflow": "allow",
        "hoverformat": ",.5~g",
        "automargin": True,
        "showgrid": grid,
        "gridcolor": _GRID,
        "zeroline": False,
        "fixedrange": True,
    }


def _range(drawn: Scale) -> Json:
    """Plotly asks for the logarithm of a log axis's limits."""

    ends = (drawn.first, drawn.last)
    return {
        "type": "log" if drawn.log else "linear",
        "range": [short(log10(v) if drawn.log else v) for v in ends],
    }
