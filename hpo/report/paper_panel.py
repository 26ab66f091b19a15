"""One panel for print: its axes with ticks and titles that fit, then its marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.report.axes import Scale, Which, scale
from hpo.report.figure import Panel, Rule
from hpo.report.paper_marks import draw_mark
from hpo.report.styles import LABEL, balanced, has_cells, shortened, two_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 4.2  # of a character at 7 points, on average
_COLUMN = 18  # characters of a label below a column


def row_labels(panel: Panel, width: float) -> list[str]:
    """Labels of the y axis of ``panel``, ``width`` inches wide, in one or two lines each."""
    return [
        "\n".join(two_lines(text, max(14, min(LABEL, int(6 * width))))) for _, text in scale(panel, "y").ticks
    ]


def draw_panel(axes: Axes, panel: Panel, size: tuple[float, float]) -> None:
    """Draw ``panel`` into ``axes`` that have ``size`` inches, labels included."""
    width, height = size
    y, rows = scale(panel, "y"), row_labels(panel, width)
    beside = [len(line) for row in rows for line in row.split("\n") if not panel.y.hidden]
    room = (72 * width - 26) / _POINTS - max(beside, default=0)
    x = scale(panel, "x", room)
    columns = [shortened(text, _COLUMN) for _, text in x.ticks]
    _set_axis(axes, "x", x, columns)
    _set_axis(axes, "y", y, rows)
    if sum(len(text) + 2 for text in columns) > room:
        axes.tick_params(axis="x", labelrotation=40)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    _set_look(axes, panel, (room, (72 * height - 20) / _POINTS))
    for mark in panel.marks:
        draw_mark(axes, mark, panel, x, width)
    axes.set(xlim=(x.first, x.last), ylim=(y.first, y.last))  # marks have widened them


def _set_axis(axes: Axes, which: Which, drawn: Scale, labels: Sequence[str]) -> None:
    from matplotlib.ticker import NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    if drawn.log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_ticks([value for value, _ in drawn.ticks], labels)
    axis.set_minor_locator(NullLocator())


def _set_look(axes: Axes, panel: Panel, room: tuple[float, float]) -> None:
    """Titles, grid and spines; ``room``: characters along x and along y."""
    ruled = any(isinstance(mark, Rule) and mark.across == "x" and mark.label for mark in panel.marks)
    if panel.heading:
        axes.set_title(shortened(panel.heading, int(0.9 * room[0])), loc="left", pad=11 if ruled else 3)
    axes.set_xlabel("\n".join(balanced(panel.x.title, max(10, int(room[0])))))
    axes.set_ylabel("\n".join(balanced(panel.y.title, max(10, int(room[1])))))
    axes.grid(visible=not has_cells(panel), axis="x" if panel.rows else "both")
    for axis, hidden, side in ((axes.xaxis, panel.x.hidden, "bottom"), (axes.yaxis, panel.y.hidden, "left")):
        axis.set_visible(not hidden)
        axes.spines[side].set_visible(not hidden and not has_cells(panel))
        if has_cells(panel):
            axis.set_tick_params(length=0)


def share_titles(axes: Axes, panels: Sequence[Panel], index: int, columns: int) -> None:
    """Drop a title that the panel to the left, or the one below, has as well."""
    if index % columns and panels[index - 1].y.title == panels[index].y.title:
        axes.set_ylabel("")
    if index + columns < len(panels) and panels[index + columns].x.title == panels[index].x.title:
        axes.set_xlabel("")
