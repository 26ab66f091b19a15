import json
import math
import re
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import pytest
from sample_figure import HOSTILE, NAN, SPECIAL, every_mark, figure_of

from hpo.report.draw_page import draw_page
from hpo.report.figure import Axis, Bars, Cells, Dots, Figure, Intervals, Line, Panel, Rule, Words


def charts(figure: Figure) -> list[go.Figure]:
    """What each panel hands to Plotly; Plotly's own classes refuse what they do not know."""
    return [go.Figure(*parts(panel.html)) for panel in draw_page(figure).panels]


def parts(text: str) -> tuple[Any, Any]:
    decoder = json.JSONDecoder()
    at = re.search(r'Plotly\.newPlot\(\s*"[^"]+",\s*', text).end()
    data, at = decoder.raw_decode(text, at)
    layout, _ = decoder.raw_decode(text, re.compile(r",\s*").match(text, at).end())
    return data, layout


def only(figure: Figure) -> go.Figure:
    (chart,) = charts(figure)
    return chart


def test_each_panel_has_a_place_of_its_own_and_no_library():
    panels = draw_page(every_mark()).panels
    assert [re.findall(r'<div id="([^"]+)"', panel.html) for panel in panels] == [
        ["every-0"],
        ["every-1"],
        ["every-2"],
    ]
    assert [panel.heading for panel in panels] == ["curves", "", ""]
    assert all(len(panel.html) < 6000 and "src=" not in panel.html for panel in panels)


def test_every_kind_of_mark_is_drawn():
    curves, rows, cells = charts(every_mark())
    assert sorted(trace.mode for trace in curves.data) == ["lines", "lines", "lines", "lines", "markers"]
    assert [trace.fill for trace in curves.data].count("toself") == 1
    assert [text.text for text in curves.layout.annotations] == ["default", "best"]
    assert [(s.y0, s.y1, s.xref) for s in curves.layout.shapes] == [(0.55, 0.55, "x domain")]
    intervals, bars = rows.data
    assert intervals.type == "scatter"
    assert intervals.error_x.array == pytest.approx((0.4, 0.4))
    assert intervals.error_x.arrayminus == pytest.approx((0.4, 0.4))
    assert (bars.type, bars.orientation, list(bars.x)) == ("bar", "h", [0.4, 0.3])
    assert bars.error_x.array == pytest.approx((0.1, 0.1))
    assert bars.hoverinfo == "x+name"
    assert [text.text for text in rows.layout.annotations] == ["no difference"]
    (heat,) = cells.data
    assert heat.type == "heatmap"
    assert list(heat.z) == [[None, 0.5], [-0.5, None]]
    assert list(heat.text) == [["-", "+50"], ["-50", "-"]]


def test_nothing_needs_a_graphics_card():
    kinds = {trace.type for chart in charts(every_mark()) for trace in chart.data}
    assert kinds == {"scatter", "bar", "heatmap"}


def test_no_text_of_a_user_becomes_markup():
    y = Axis(HOSTILE, ticks=[(0, HOSTILE), (1, HOSTILE)])
    marks = [
        Line([0, 1], [0, 1], HOSTILE, hover=[HOSTILE, HOSTILE]),
        Dots([0], [0], HOSTILE + "2"),
        Words(0, 0, HOSTILE),
        Rule("x", 0, HOSTILE),
        Cells([[0]], [[HOSTILE]], [[HOSTILE]]),
    ]
    drawn = draw_page(figure_of(*marks, y=y))
    (panel,) = drawn.panels
    assert "<img" not in drawn.legend + panel.html
    assert panel.html.count("</script>") == 1
    chart = only(figure_of(*marks, y=y))
    line, dots, heat = chart.data
    escaped = '&lt;img src=x onerror="a()"&gt;&amp;amp;&lt;/script&gt;'
    assert set(line.hovertext) == {escaped}
    assert dots.name == escaped + "2"
    assert list(heat.text) == [[escaped]]
    assert list(heat.hovertext) == [[escaped]]
    assert all("<img" not in str(text) for text in (*chart.layout.yaxis.ticktext, chart.layout.annotations))
    assert drawn.legend.count("&lt;img src=x onerror=&quot;a()&quot;&gt;&amp;amp;&lt;/script&gt;") == 2


def test_a_hover_text_keeps_its_lines_and_wraps_long_ones():
    chart = only(figure_of(Dots([1], [1], hover=["draw 3\nlr=<1>\n" + "word " * 20])))
    lines = chart.data[0].hovertext[0].split("<br>")
    assert lines[:2] == ["draw 3", "lr=&lt;1&gt;"]
    assert " ".join(lines[2:]) == ("word " * 20).strip()
    assert max(map(len, lines)) <= 44


def test_a_gap_stays_a_gap():
    text = draw_page(every_mark()).panels[0].html
    assert "NaN" not in text
    band, line, *_ = charts(every_mark())[0].data
    assert line.y == (0.5, None, 0.7, 0.75)
    assert not line.connectgaps
    assert band.x == (1, 1, None, 100, 1000, 1000, 100)
    assert band.y == (0.6, 0.4, None, 0.8, 0.8, 0.7, 0.6)


def test_the_band_of_steps_has_steps():
    chart = only(figure_of(Line([0, 2, 5], [1, 2, 3], step=True, band=([0, 1, 2], [2, 4, 6]))))
    band, line = chart.data
    assert line.line.shape == "hv"
    corners = list(zip(band.x, band.y, strict=True))
    assert corners[:5] == [(0, 2), (2, 2), (2, 4), (5, 4), (5, 6)]
    assert corners[5:] == [(5, 2), (5, 1), (2, 1), (2, 0), (0, 0)]


@pytest.mark.parametrize(("start", "lengths"), [(3, [3, 3]), (0, [5]), (5, [5]), (None, [5])])
def test_the_tail_is_faint_and_begins_where_the_rest_ends(start, lengths):
    line = Line(range(5), range(5), weight="strong", tail_from=start, hover=list("abcde"))
    drawn = only(figure_of(line)).data
    assert [len(trace.x) for trace in drawn] == lengths
    assert sorted(
        {(x, text) for trace in drawn for x, text in zip(trace.x, trace.hovertext, strict=True)}
    ) == [
        (0, "a"),
        (1, "b"),
        (2, "c"),
        (3, "d"),
        (4, "e"),
    ]
    opacities = [trace.opacity for trace in drawn]
    assert opacities == {3: [1, 0.5], 0: [0.5], 5: [1], None: [1]}[start]


def test_a_log_axis_is_told_in_logarithms_where_plotly_asks_for_them():
    x = Axis("x", log=True, limits=(1, 1000))
    chart = only(figure_of(Words(100, 0, "here"), Rule("x", 10, "rule"), Line([1, 100], [0, 1]), x=x))
    assert (chart.layout.xaxis.type, chart.layout.xaxis.range) == ("log", (0, 3))
    assert list(chart.layout.xaxis.tickvals) == [1, 10, 100, 1000]
    assert [text.x for text in chart.layout.annotations] == [2, 1]
    assert chart.layout.shapes[0].x0 == 10
    assert chart.data[0].x == (1, 100)


def test_limits_turn_an_axis_round_and_hidden_axes_are_not_seen():
    chart = only(figure_of(Dots([1], [1]), x=Axis("x", limits=(6, 1)), y=Axis("y", hidden=True)))
    assert chart.layout.xaxis.range == (6, 1)
    assert chart.layout.yaxis.visible is False
    assert chart.data[0].hoverinfo == "skip"


def test_the_first_row_of_a_matrix_is_on_top():
    chart = only(figure_of(Cells([[0, 0, 0], [1, 1, 1]], [["a"] * 3, ["b"] * 3]), rows=2))
    assert chart.layout.yaxis.range == (1.5, -0.5)
    assert chart.layout.xaxis.range == (-0.5, 2.5)


def test_a_matrix_has_one_colour_for_each_sign_and_lets_the_page_through():
    scale = only(figure_of(Cells([[0]], [["a"]]))).data[0].colorscale
    colours = [re.fullmatch(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)", colour).groups() for _, colour in scale]
    assert [at for at, _ in scale] == [0, 0.5, 1]
    assert colours[0][:3] == ("213", "94", "0")
    assert colours[2][:3] == ("0", "114", "178")
    assert all(float(opacity) <= 0.6 for *_, opacity in colours)


def test_numbers_have_six_digits():
    chart = (
        draw_page(figure_of(Line([1 / 3, 2 / 3, 12345678.9], [0.1 + 0.2, 512.0, 1e-7 / 3]))).panels[0].html
    )
    data, _ = parts(chart)
    assert data[0]["x"] == [0.333333, 0.666667, 12345700]
    assert data[0]["y"] == [0.3, 512, 3.33333e-8]
    assert '"y":[0.3,512,' in chart.replace(" ", "")


def test_names_are_listed_once_for_all_panels_and_press_what_they_name():
    x, y = Axis("x"), Axis("y")
    panels = [
        Panel([Line([0, 1], [0, 1], "a", 0), Line([0, 1], [1, 0], "", 1), Dots([0], [0], "b", 1)], x, y),
        Panel(
            [Line([0, 1], [0, 1], "a", 0, band=([0, 1], [1, 2])), Intervals([0], [0], [0], [1], "c", 2)], x, y
        ),
    ]
    figure = Figure("two", "t", "c", "a", panels, every_mark().table)
    legend = draw_page(figure).legend
    assert re.findall(r'data-key="(\d)">.*?</svg>(\w)</button>', legend) == [
        ("0", "a"),
        ("1", "b"),
        ("2", "c"),
    ]
    groups = [[trace.legendgroup for trace in chart.data] for chart in charts(figure)]
    assert groups == [["0", None, "1"], ["0", "0", "2"]]
    assert all(chart.layout.showlegend is False for chart in charts(figure))


def test_a_name_that_several_styles_share_is_listed_in_grey():
    legend = draw_page(figure_of(Line([0, 1], [0, 1], "a", 0, dash=1), Line([0, 1], [1, 0], "a", 1))).legend
    assert 'fill="#858585"' in legend
    assert "stroke-dasharray" in legend


def test_no_legend_without_names_or_where_the_figure_has_none():
    named = figure_of(Dots([1], [1], "a"))
    unlisted = Figure("f", "t", "c", "a", named.panels, named.table, legend=False)
    assert draw_page(figure_of(Dots([1], [1]))).legend == ""
    assert draw_page(unlisted).legend == ""
    assert only(unlisted).data[0].legendgroup is None


def test_bars_of_two_marks_do_not_cover_each_other():
    marks = [Bars([1, 1], [1.2, 0.2], name="a", style=0), Bars([1, 1], [0.8, -0.2], name="b", style=1)]
    first, second = only(figure_of(*marks, rows=2)).data
    spans = sorted((y - bar.width / 2, y + bar.width / 2) for bar in (first, second) for y in bar.y)
    assert all(upper <= lower for (_, upper), (lower, _) in pairwise(spans))
    assert first.marker.pattern.shape != second.marker.pattern.shape


def test_words_at_an_end_of_the_drawing_get_room():
    words = Words(1, 0, "wide_strategy"), Words(0, 0, "b", "right")
    margin = only(figure_of(*words, Line([0, 1], [0, 0]), x=Axis(limits=(0, 1)))).layout.margin
    assert margin.r > 90
    assert 8 <= margin.l < 30


def test_a_panel_without_marks_is_an_empty_chart():
    chart = only(figure_of(x=Axis("x", log=True)))
    assert chart.data == ()
    assert all(math.isfinite(v) for v in chart.layout.xaxis.range)


def test_points_alone_are_seen():
    lone, gap = only(figure_of(Line([1], [1]), Line([1, 2, 3], [NAN, 2, NAN]))).data
    assert (lone.mode, gap.mode) == ("lines+markers", "lines+markers")


def test_special_characters_of_other_markups_are_left_alone():
    assert f">{SPECIAL}</button>" in draw_page(every_mark()).legend


def test_the_same_figure_is_the_same_text():
    assert draw_page(every_mark()) == draw_page(every_mark())
