import hashlib
import os
import re
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sample_figure import NAN, SPECIAL, every_mark, figure_of

from hpo.report.draw_paper import WIDTHS, _drawing, _settings, write_paper
from hpo.report.figure import Axis, Dots, Figure, Intervals, Line, Panel, Words
from hpo.report.styles import dash, legend_entries, marker


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return contents(write_paper(every_mark(), tmp_path_factory.mktemp("figures")))


def contents(paths: tuple[Path, ...]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def pdf_text(content: bytes) -> str:
    """The characters that a PDF shows, in its order: those that its fonts code in one byte or as UTF-16."""
    shown = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        text = zlib.decompressobj().decompress(stream)  # which ignores the line break after its end
        blocks = (
            re.findall(rb"\((.*?)(?<!\\)\)", block, re.DOTALL)
            for block in re.findall(rb"BT(.*?)ET", text, re.DOTALL)
        )
        shown.extend(b"".join(strings).replace(b"\0", b"") for strings in blocks)
    return b"\n".join(shown).decode("latin-1")


def drawn(figure: Figure, width: float) -> Any:
    """matplotlib's figure, laid out, and its renderer."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _settings():
        drawing = _drawing(figure, width)
        return drawing, FigureCanvasAgg(drawing).get_renderer()


def visible_texts(drawing: Any) -> Iterator[Any]:
    from matplotlib.text import Text

    for axes in drawing.axes:
        seen = [axis for axis in (axes.xaxis, axes.yaxis) if axis.get_visible()]
        yield from (
            label for axis in seen for label in (*axis.get_ticklabels(), axis.label) if label.get_text()
        )
        yield from (text for text in (*axes.texts, axes.title, axes._left_title) if text.get_text())
    yield from (text for legend in drawing.legends for text in legend.findobj(Text) if text.get_text())


def test_two_widths_come_in_three_kinds(written):
    assert sorted(written) == [
        f"every-{width}in.{kind}" for width in WIDTHS for kind in ("pdf", "png", "svg")
    ]


@pytest.mark.parametrize(("width", "points"), [(3.25, b"234"), (6.75, b"486")])
def test_a_drawing_is_as_wide_as_its_column(written, width, points):
    pdf, svg, png = (written[f"every-{width}in.{kind}"] for kind in ("pdf", "svg", "png"))
    assert re.search(rb"/MediaBox \[ ?0 0 (\d+) ", pdf).group(1) == points
    assert re.search(rb'<svg [^>]*width="(\d+)pt"', svg).group(1) == points
    assert struct.unpack(">I", png[16:20]) == (int(300 * width),)


def test_a_pdf_holds_real_text_in_truetype(written):
    for width in WIDTHS:
        pdf = written[f"every-{width}in.pdf"]
        assert b"/Type3" not in pdf
        assert b"/FontFile2" in pdf
        text = pdf_text(pdf)
        for name in (SPECIAL, "inverse_sqrt", "learning_rate", "examples seen", "best", "default", "+50"):
            assert name in text


def test_an_svg_holds_real_text(written):
    for width in WIDTHS:
        texts = re.findall(r"<text [^>]*>([^<]*)</text>", written[f"every-{width}in.svg"].decode())
        assert {
            SPECIAL,
            "inverse_sqrt",
            "pruned",
            "learning_rate",
            "examples seen",
            "best",
            "default",
        } <= set(texts)
        assert "wärmup → décay" in " ".join(texts)


def test_the_same_figure_is_the_same_bytes(written, tmp_path):
    assert contents(write_paper(every_mark(), tmp_path)) == written


def test_another_process_writes_the_same_bytes_without_pyplot(written, tmp_path):
    program = """
import sys
from pathlib import Path
from sample_figure import every_mark
from hpo.report.draw_paper import write_paper
assert "matplotlib" not in sys.modules
write_paper(every_mark(), Path(sys.argv[1]))
assert "matplotlib.pyplot" not in sys.modules
"""
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=environment)
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert there == {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}


def test_the_users_settings_neither_matter_nor_change(written, tmp_path):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        assert contents(write_paper(every_mark(), tmp_path)) == written
        assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("width", WIDTHS)
def test_every_text_is_inside_legible_and_clear_of_the_others(width):
    drawing, renderer = drawn(every_mark(), width)
    texts = list(visible_texts(drawing))
    boxes = [text.get_window_extent(renderer) for text in texts]
    page = drawing.bbox
    assert len(texts) > 30
    for text, box in zip(texts, boxes, strict=True):
        assert page.x0 - 1 <= box.x0 <= box.x1 <= page.x1 + 1, text.get_text()
        assert page.y0 - 1 <= box.y0 <= box.y1 <= page.y1 + 1, text.get_text()
        assert 7 <= text.get_fontsize() <= 8
    for index, (text, box) in enumerate(zip(texts, boxes, strict=True)):
        if text.get_rotation() in {0, 90}:
            for other, beside in zip(texts[:index], boxes, strict=False):
                overlap = (
                    min(box.x1, beside.x1) - max(box.x0, beside.x0),
                    min(box.y1, beside.y1) - max(box.y0, beside.y0),
                )
                assert min(overlap) < 1.5, (text.get_text(), other.get_text())


@pytest.mark.parametrize("width", WIDTHS)
def test_the_legend_hides_no_data(width):
    drawing, renderer = drawn(every_mark(), width)
    (legend,) = drawing.legends
    assert {text.get_text() for text in legend.get_texts()} == set(legend_entries(every_mark()))
    assert len(legend.legend_handles) == 5
    top = legend.get_window_extent(renderer).y1
    assert all(top < axes.get_window_extent(renderer).y0 for axes in drawing.axes)


def test_panels_stand_in_one_column_or_in_up_to_three():
    marks, x, y = (Line([0, 1], [0, 1]),), Axis("x"), Axis("y")
    six = Figure(
        "six", "t", "c", "a", [Panel(marks, x, y, f"panel {i}") for i in range(6)], every_mark().table
    )
    for width, columns in ((3.25, 1), (6.75, 3)):
        drawing, _ = drawn(six, width)
        assert len({round(axes.get_position().x0, 3) for axes in drawing.axes}) == columns
        heights = [axes.get_position().height * drawing.get_figheight() for axes in drawing.axes]
        assert min(heights) > 0.6
        assert max(heights) - min(heights) < 0.02
        assert drawing.get_figheight() < 9
        titled = [axes for axes in drawing.axes if axes.get_xlabel()]
        assert len(titled) == columns


def test_more_rows_make_a_panel_higher():
    heights = []
    for rows in (4, 8):
        y = list(range(rows))
        figure = figure_of(Intervals(y, y, y, y), y=Axis(ticks=[(i, f"row {i}") for i in y]), rows=rows)
        heights.append(drawn(figure, 3.25)[0].get_figheight())
    assert heights[1] - heights[0] == pytest.approx(4 * 0.24)


def test_a_gap_stays_a_gap():
    drawing, _ = drawn(
        figure_of(Line([0, 1, 2, 3], [0, NAN, 2, 3], band=([0, NAN, 1, 2], [1, NAN, 3, 4]))), 3.25
    )
    (axes,) = drawing.axes
    (line,) = axes.lines
    (band,) = axes.collections
    assert [str(v) for v in line.get_ydata()] == ["0.0", "nan", "2.0", "3.0"]
    alone, area = band.get_paths()
    assert set(alone.vertices[:, 0]) == {0}
    assert (area.vertices[:, 0].min(), area.vertices[:, 0].max()) == (2, 3)
    assert (area.vertices[:, 1].min(), area.vertices[:, 1].max()) == (1, 4)


def test_a_tail_is_faint_and_steps_hold_their_value():
    drawing, _ = drawn(figure_of(Line([0, 1, 2, 3], [0, 1, 2, 3], step=True, tail_from=2)), 3.25)
    trusted, tail = drawing.axes[0].lines
    assert (list(trusted.get_xdata()), list(tail.get_xdata())) == ([0, 1], [1, 2, 3])
    assert tail.get_alpha() < trusted.get_alpha()
    assert trusted.get_drawstyle() == "steps-post"


def test_limits_and_turned_and_hidden_axes_are_as_the_figure_says():
    figure = figure_of(Dots([1, 2], [1, 2]), x=Axis("x", limits=(6, 1)), y=Axis("y", hidden=True))
    drawing, _ = drawn(figure, 3.25)
    (axes,) = drawing.axes
    assert axes.get_xlim() == (6, 1)
    assert not axes.yaxis.get_visible()
    assert not axes.spines["left"].get_visible()


def test_a_matrix_has_its_first_row_on_top_and_colours_that_text_reads_on():
    drawing, _ = drawn(every_mark(), 3.25)
    axes = drawing.axes[2]
    assert axes.get_ylim() == (1.5, -0.5)
    colours = [patch.get_facecolor()[:3] for patch in axes.patches]
    assert colours[0] == colours[3] == (1, 1, 1)
    assert colours[1][2] > colours[1][0]
    assert colours[2][0] > colours[2][2]
    assert all(0.2126 * r + 0.7152 * g + 0.0722 * b > 0.5 for r, g, b in colours)


def test_grey_print_tells_strategies_apart_by_dash_and_by_marker():
    lines = [Line([0], [0], style=style) for style in range(6)]
    assert len({dash(line) for line in lines}) == 6
    assert len({marker(Dots([0], [0], style=style)) for style in range(7)}) == 7
    drawing, _ = drawn(figure_of(*(Line([0, 1], [i, i], style=i) for i in range(6))), 3.25)
    assert len({str(line._dash_pattern) for line in drawing.axes[0].lines}) == 6


def test_a_script_without_a_font_is_told_once_a_drawing(tmp_path):
    unknown = "\U0010fff0"
    with pytest.warns(UserWarning, match="no font on this machine has") as told:
        paths = write_paper(figure_of(Words(0, 0, unknown)), tmp_path)
    assert len(told) == len(WIDTHS)
    assert unknown in contents(paths)["one-3.25in.svg"].decode()


def test_names_of_europe_need_no_other_font(written):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing, _ = drawn(figure_of(Line([0, 1], [0, 1], "Größe ≤ Ω, жар, _hidden")), 3.25)
    (label,) = drawing.legends[0].get_texts()
    assert label.get_text() == "Größe ≤ Ω, жар, _hidden"
    assert label.get_fontfamily() == ["sans-serif"]


def test_a_figure_without_panels_has_no_files(tmp_path):
    assert write_paper(Figure("none", "t", "c", "a", (), every_mark().table), tmp_path) == ()
    assert list(tmp_path.iterdir()) == []
