import math

import pytest
from sample_figure import NAN

from hpo.report.axes import scale
from hpo.report.figure import Axis, Bars, Cells, Dots, Intervals, Line, Mark, Panel, Rule, Words


def panel_of(*marks: Mark, x: Axis | None = None, y: Axis | None = None, rows: int = 0) -> Panel:
    return Panel(marks, x or Axis(), y or Axis(), rows=rows)


def labels(low: float, high: float, log: bool = False, room: float = math.inf) -> list[str]:
    """Ticks between limits for values that are not whole."""
    panel = panel_of(Dots([1.5], [0]), x=Axis(limits=(low, high), log=log))
    return [label for _, label in scale(panel, "x", room).ticks]


@pytest.mark.parametrize(
    ("mark", "x", "y"),
    [
        (Line([1, 3], [5, 7], band=([4, 6], [6, 9])), (1, 3), (4, 9)),
        (Dots([1, NAN, 3], [5, 6, NAN]), (1, 3), (5, 6)),
        (Intervals([2], [0], [-1], [4]), (-1, 4), (0, 0)),
        (Bars([2, 3], [0, 4], [1, 2], [3, 5]), (0, 5), (-0.325, 4.325)),
        (Rule("x", 9), (9, 9), None),
        (Words(2, 3, "here"), (2, 2), (3, 3)),
    ],
)
def test_limits_hold_every_mark_with_air(mark, x, y):
    for which, held in (("x", x), ("y", y)):
        drawn = scale(panel_of(mark), which)
        if held is None:
            assert (drawn.first, drawn.last) == (0, 1)
        else:
            span = held[1] - held[0]
            assert drawn.first < held[0]
            assert held[1] < drawn.last
            assert drawn.last - drawn.first == pytest.approx(1.08 * span) or span == 0


def test_rows_have_air_of_a_row_and_cells_none():
    rows = scale(panel_of(Intervals([1, 1], [0, 3], [0, 0], [2, 2]), rows=4), "y")
    assert (rows.first, rows.last) == (-0.6, 3.6)
    cells = scale(panel_of(Cells([[0, 0]], [["a", "b"]]), rows=1), "y")
    assert (cells.first, cells.last) == (0.5, -0.5)


def test_limits_of_the_figure_are_kept_in_their_order():
    drawn = scale(panel_of(Dots([1, 50], [1, 1]), x=Axis(limits=(10, 2))), "x")
    assert (drawn.first, drawn.last) == (10, 2)
    assert [value for value, _ in drawn.ticks] == [2, 4, 6, 8, 10]


def test_a_log_axis_leaves_out_what_it_cannot_show():
    drawn = scale(panel_of(Dots([-5, 0, 1, 1000], [1] * 4), x=Axis(log=True)), "x")
    assert math.log10(drawn.first) == pytest.approx(-0.12)
    assert math.log10(drawn.last) == pytest.approx(3.12)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("values", [[], [NAN], [0.8], [0.8, 0.8 + 2e-16]])
def test_nothing_and_one_value_have_limits_too(values, log):
    drawn = scale(panel_of(Dots(values, values), x=Axis(log=log)), "x")
    assert drawn.first < drawn.last
    assert all(drawn.first < v < drawn.last for v in values if v > 0)
    assert len(drawn.ticks) <= 6


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0.612, 0.933, ["0.65", "0.70", "0.75", "0.80", "0.85", "0.90"]),
        (-0.3, 0.3, ["\u22120.2", "0.0", "0.2"]),
        (0, 40_000, ["0", "10,000", "20,000", "30,000", "40,000"]),
        (1e-7, 3e-7, ["1e-7", "1.5e-7", "2e-7", "2.5e-7", "3e-7"]),
        (0, 3e8, ["0", "1e8", "2e8", "3e8"]),
    ],
)
def test_ticks_are_round_and_at_most_six(low, high, shown):
    assert labels(low, high) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (5e-5, 1e-3, ["5e-5", "1e-4", "2e-4", "5e-4", "1e-3"]),
        (40, 1200, ["50", "100", "200", "500", "1,000"]),
        (1, 1e5, ["1", "10", "100", "1,000", "10,000", "100,000"]),
        (1e-8, 1e5, ["1e-8", "1e-5", "1e-2", "10", "10,000"]),
        (0.01, 1, ["0.01", "0.1", "1"]),
        (3, 4, ["3.0", "3.2", "3.4", "3.6", "3.8", "4.0"]),
    ],
)
def test_ticks_of_a_log_axis_are_powers_of_ten_and_between_where_there_are_few(low, high, shown):
    assert labels(low, high, log=True) == shown


def test_fewer_ticks_stand_where_their_labels_have_less_room():
    assert labels(0, 100_000) == ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]
    assert labels(0, 100_000, room=30) == ["0", "50,000", "100,000"]
    assert labels(0, 100_000, room=3) == ["0", "100,000"]


def test_whole_values_have_whole_ticks():
    drawn = scale(panel_of(Dots([1, 2, 3], [0, 0, 0])), "x")
    assert drawn.ticks == ((1, "1"), (2, "2"), (3, "3"))


def test_ticks_that_the_figure_names_are_kept():
    named = [(0.5, "half"), (1.0, "whole")]
    assert scale(panel_of(x=Axis(ticks=named)), "x").ticks == tuple(named)


@pytest.mark.parametrize(("value", "side"), [(1, "left"), (30, "centre"), (900, "right")])
def test_a_label_leans_into_the_panel(value, side):
    assert scale(panel_of(x=Axis(log=True, limits=(1, 1000))), "x").anchor(value) == side
