"""Draws a figure for print: one and two columns wide, as PDF and SVG with real text and as PNG.

matplotlib is imported where it is used, never through pyplot, and its settings are left as they were found.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.report.figure import Figure, Panel
from hpo.report.paper_marks import sample
from hpo.report.paper_panel import draw_panel, row_labels, share_titles
from hpo.report.styles import has_cells, legend_entries, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

WIDTHS = (3.25, 6.75)  # inches: a column of a paper, and both
TALLEST = 8.5  # inches of panels: what a page holds

_NAME = 40  # characters of a name in the legend
_FONT = "DejaVu Sans"  # comes with matplotlib
_WIDER_FONTS = (  # with the scripts of East Asia
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "Malgun Gothic",
    "Arial Unicode MS",
)
_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": [_FONT],
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.5,
    "axes.edgecolor": "#666666",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.linewidth": 0.4,
    "grid.color": "#e2e2e2",
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "hatch.linewidth": 0.5,
    "text.parse_math": False,  # a name's dollar signs are dollar signs
    "text.usetex": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "hpo",
}
# What of a file would differ from one drawing to the next.
_METADATA: dict[str, dict[str, str | None]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}


def write_paper(figure: Figure, folder: Path) -> tuple[Path, ...]:
    """Write ``<name>-3.25in`` and ``<name>-6.75in`` as ``.pdf``, ``.svg`` and ``.png`` (300 dots an inch) into ``folder``.

    The same figure gives the same bytes with the same version of matplotlib, which brings the font. One column of
    panels stands on the narrower width, up to three on the other. A figure without panels has no files.

    Raises:
        OSError: ``folder`` cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for width in WIDTHS if figure.panels else ():
        with _settings():
            drawing = _drawing(figure, width)
            for kind, metadata in _METADATA.items():
                target = io.BytesIO()
                drawing.savefig(target, format=kind, dpi=300, metadata=metadata)
                written.append(_write(folder / f"{figure.name}-{width}in.{kind}", target.getvalue()))
    return tuple(written)


def _write(path: Path, content: bytes) -> Path:
    """Write whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    return path


@contextmanager
def _settings() -> Iterator[None]:
    """matplotlib's own settings and these, whatever the user's are; both are put back at the end."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph ")  # one warning of our own tells of all of them
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def _drawing(figure: Figure, width: float) -> Drawing:
    from matplotlib.figure import Figure as Drawing

    panels = figure.panels
    columns = _columns(panels, width)
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    heights = [max(_height(panel, width / columns, len(rows)) for panel in row) for row in rows]
    entries = legend_entries(figure)
    names = [shortened(name, _NAME) for name in entries]
    beside = _beside(names, width)
    below = 0.17 * -(-len(names) // beside) + 0.06 if names else 0.0
    drawing = Drawing(figsize=(width, sum(heights) + below), layout="constrained")
    grid = drawing.add_gridspec(len(rows), columns, height_ratios=heights)
    for index, panel in enumerate(panels):
        axes = drawing.add_subplot(grid[divmod(index, columns)])
        draw_panel(axes, panel, (width / columns, heights[index // columns]))
        share_titles(axes, panels, index, columns)
    if names:
        drawing.legend(
            [sample(mark) for mark in entries.values()],
            names,
            loc="outside lower center",
            ncols=beside,
            frameon=False,
            handlelength=3,
            columnspacing=1.2,
            borderaxespad=0.2,
        )
    _add_fonts(drawing)
    _fix_layout(drawing)
    return drawing


def _fix_layout(drawing: Drawing) -> None:
    """Lay out once for all kinds of file, without the last bits, in which the solver's answers differ."""
    drawing.draw_without_rendering()
    drawing.set_layout_engine("none")
    for axes in drawing.axes:
        left, bottom, width, height = (round(share, 5) for share in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def _add_fonts(drawing: Drawing) -> None:
    """Let the machine's fonts draw the characters that matplotlib's own has not; warn of those that none has."""
    from matplotlib.font_manager import findfont, fontManager, get_font
    from matplotlib.text import Text

    texts = [text for text in drawing.findobj(Text) if isinstance(text, Text)]
    missing = {character for text in texts for character in text.get_text() if character != "\n"}
    fonts, installed = [], {font.name for font in fontManager.ttflist}
    for name in (_FONT, *_WIDER_FONTS):
        if missing and name in installed:
            known = get_font(findfont(name)).get_charmap()
            missing = {character for character in missing if ord(character) not in known}
            fonts.append(name)
    if len(fonts) > 1:
        for text in texts:
            text.set_fontfamily(fonts)
    if missing:
        told = "".join(sorted(missing))
        warnings.warn(f"no font on this machine has {told}: figures for print show boxes", stacklevel=2)


def _columns(panels: Sequence[Panel], width: float) -> int:
    """Panels side by side: one in a column of a paper, on both columns two or three, by what leaves fewer gaps."""
    if width == WIDTHS[0]:
        return 1
    most = 2 if any(panel.rows for panel in panels) or len(panels) == 4 else 3
    return min(most, len(panels))


def _height(panel: Panel, width: float, stacked: int) -> float:
    """Inches of ``panel``: by rows, else by its width, less where many are ``stacked`` one above another."""
    if panel.rows:
        row = 0.32 if any("\n" in text for text in row_labels(panel, width)) else 0.24
        names = 0.0 if panel.x.hidden else 0.75 if has_cells(panel) else 0.4
        return 0.15 + row * panel.rows + names
    return max(1.1, min(2.4, 0.45 + 0.55 * width, TALLEST / stacked))


def _beside(names: Sequence[str], width: float) -> int:
    """Columns of the legend: as many as fit, each as wide as its longest name."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=7)
    around = 7 * (3 + 0.8 + 1.2)  # the sample, the gap after it, and that between columns
    widths = [
        around + text_to_path.get_text_width_height_descent(name, font, ismath=False)[0] for name in names
    ]
    for columns in range(len(names), 1, -1):
        longest = (max(part) for part in _parts(widths, columns))
        if sum(longest) <= 72 * width:
            return columns
    return 1


def _parts(items: Sequence[float], count: int) -> Iterator[Sequence[float]]:
    """``items`` in ``count`` columns as matplotlib's legend fills them, the first ones longer by one."""
    size, longer = divmod(len(items), count)
    start = 0
    for index in range(count):
        end = start + size + (index < longer)
        yield items[start:end]
        start = end
