"""A figure with every kind of mark, under names that a user might give."""

from __future__ import annotations

import pandas as pd

from hpo.report.figure import (
    Axis,
    Bars,
    Cells,
    Dots,
    Figure,
    Intervals,
    Line,
    Mark,
    Panel,
    Rule,
    Words,
)
from hpo.report.table import Table

NAN = float("nan")
SPECIAL = "cosine $x_1^2$ 100%"
HOSTILE = '<img src=x onerror="a()">&amp;</script>'
TABLE = Table("numbers", "Numbers", "", (), (), pd.DataFrame())


def figure_of(*marks: Mark, x: Axis | None = None, y: Axis | None = None, rows: int = 0) -> Figure:
    """A figure of one panel."""
    panel = Panel(marks, x or Axis("x"), y or Axis("y"), rows=rows)
    return Figure("one", "Title", "Caption.", "Alt.", (panel,), TABLE)


def every_mark() -> Figure:
    """Three panels: curves on a log axis, rows of intervals and bars, and a matrix."""
    curves = Panel(
        (
            Line(
                [1, 10, 100, 1000],
                [0.5, NAN, 0.7, 0.75],
                SPECIAL,
                0,
                band=([0.4, NAN, 0.6, 0.7], [0.6, NAN, 0.8, 0.8]),
            ),
            Line([1, 10, 100, 1000], [0.3, 0.4, 0.5, 0.6], "inverse_sqrt", 1, step=True, tail_from=2),
            Dots([30], [0.9], "pruned", 2, marker="x", hover=["draw 3"]),
            Rule("y", 0.55, "default"),
            Words(30, 0.9, "best"),
        ),
        Axis("examples seen", log=True),
        Axis("accuracy"),
        "curves",
    )
    rows = Panel(
        (
            Intervals([0.5, -0.2], [1, 0], [0.1, -0.6], [0.9, 0.2], "difference", 3),
            Bars([0.4, 0.3], [3, 2], [0.3, 0.2], [0.5, 0.4], "importance", 4),
            Rule("x", 0, "no difference"),
        ),
        Axis("points"),
        Axis(ticks=[(3, "learning_rate"), (2, "warmup"), (1, "wärmup → décay"), (0, "name " * 12)]),
        rows=4,
    )
    names = [(0, "first"), (1, "second")]
    cells = Panel(
        (Cells([[NAN, 0.5], [-0.5, NAN]], [["-", "+50"], ["-50", "-"]]),),
        Axis("loses", ticks=names),
        Axis("wins", ticks=names),
        rows=2,
    )
    return Figure("every", "Every mark", "Caption.", "Alt.", (curves, rows, cells), TABLE)
