"""Rules and texts of a panel as Plotly's shapes and annotations."""

from __future__ import annotations

import math

from hpo.report.axes import Scale
from hpo.report.figure import Anchor, Panel, Rule, Words
from hpo.report.plotly_json import Json, safe, short
from hpo.report.styles import GREY, LABEL, shortened, two_lines

WORDS = 13  # characters of a line of a text in the drawing, two lines at most

_ANCHORS: dict[Anchor, str] = {"left": "left", "centre": "center", "right": "right"}


def shapes(panel: Panel) -> list[Json]:
    """The rules of ``panel``."""
    drawn = []
    for mark in panel.marks:
        if isinstance(mark, Rule):
            along = "y" if mark.across == "x" else "x"
            drawn.append(
                {
                    "type": "line",
                    mark.across + "0": short(mark.at),
                    mark.across + "1": short(mark.at),
                    along + "ref": along + " domain",
                    along + "0": 0,
                    along + "1": 1,
                    "line": {"color": GREY, "width": 1},
                    "layer": "below",
                }
            )
    return drawn


def texts(panel: Panel, x: Scale, y: Scale) -> list[Json]:
    """The texts of ``panel``: words, and the labels of rules outside the drawing or above their line."""
    drawn = []
    for mark in panel.marks:
        if isinstance(mark, Words):
            drawn.append(_words(mark, x, y))
        elif isinstance(mark, Rule) and mark.label:
            drawn.append(_rule_label(mark, x, y))
    return [{"showarrow": False, "borderpad": 0, "font": {"size": 12}} | text for text in drawn]


def _words(mark: Words, x: Scale, y: Scale) -> Json:
    text = "<br>".join(map(safe, two_lines(mark.text, WORDS)))
    return {
        "x": _placed(mark.x, x),
        "y": _placed(mark.y, y),
        "text": f"<b>{text}</b>" if mark.strong else text,
        "align": _ANCHORS[mark.anchor],
        "xanchor": _ANCHORS[mark.anchor],
        "yanchor": "middle",
        "xshift": {"left": 5, "centre": 0, "right": -5}[mark.anchor],
    }


def _rule_label(mark: Rule, x: Scale, y: Scale) -> Json:
    at_end = {"xref": "x domain", "x": 1, "xanchor": "right", "y": _placed(mark.at, y)}
    on_top = {"x": _placed(mark.at, x), "xanchor": _ANCHORS[x.anchor(mark.at)], "yref": "y domain", "y": 1}
    return {
        **(on_top if mark.across == "x" else at_end),
        "yanchor": "bottom",
        "text": safe(shortened(mark.label, LABEL)),
    }


def _placed(value: float, scale: Scale) -> float | None:
    """Where an annotation stands: Plotly asks for the logarithm on a log axis."""
    return short(math.log10(value) if scale.log else value)
