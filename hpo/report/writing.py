"""Writes a report beside the records it is made from: the same records give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.records.files import read_records
from hpo.records.redaction import without_names
from hpo.records.tables import write_tables
from hpo.report.draw_paper import write_paper
from hpo.report.figure import Figure
from hpo.report.files import write_text
from hpo.report.kit.manifest import figures_of
from hpo.report.kit.table_tex import table_tex
from hpo.report.kit.writing import write_kit
from hpo.report.made import EXAMPLE, forget_others
from hpo.report.page import render
from hpo.report.section import Section
from hpo.report.sections import build_sections
from hpo.report.sentences import Verdict, verdict
from hpo.report.table_markdown import table_markdown


@dataclass(frozen=True)
class Report:
    """Where a report lies, and what it says.

    Attributes:
        html: the page.
        tables: LaTeX, CSV and Markdown files.
        figures: PDF, SVG and PNG files, each figure in two widths; none where none was ever asked for.
        data: the records as Parquet and CSV.
        kit: the methods' paragraph, its references, the checklist and the manifest; with LaTeX an example of them all.
        markdown: the verdict alone.
    """

    html: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    data: tuple[Path, ...]
    kit: tuple[Path, ...]
    markdown: Path
    verdict: Verdict


def write_report(folder: Path, *, figures: bool = False, latex: bool = False, redact: bool = False) -> Report:
    """Write ``report.html``, ``verdict.md``, ``tables/``, ``data/`` and the paper kit from the records below ``folder``.

    Files that an earlier report wrote there and this one does not are removed: none is left of other records.

    Args:
        figures: draw every figure for print into ``figures/`` too, which takes a second or two each. Else those stay that
            an earlier report drew from the same records.
        latex: write ``example.tex`` too, which includes all tables and figures; else an earlier one is removed, since
            tables and figures that it names may be gone.
        redact: name classes by number.

    Raises:
        UserError: there are no records, or one does not fit the schema.
        OSError: a file cannot be written.
    """
    records = read_records(folder)
    if redact:
        records = records.model_copy(update={"run": without_names(records.run)})
    judged = verdict(records)
    sections = build_sections(records, judged)
    html = write_text(folder / "report.html", render(records.run, judged, sections))
    markdown = write_text(folder / "verdict.md", judged.markdown())
    tables, drawn = write_parts(sections, folder, figures=figures)
    if not figures:
        drawn = figures_of(folder, records)
    data = write_tables(records, folder / "data")
    made = (html, markdown, *tables, *drawn, *data)
    kit = write_kit(folder, records, judged, sections, made, latex=latex)
    forget_others(folder, (*tables, *drawn, *data, *(path for path in kit if path.name == EXAMPLE)))
    return Report(html, tables, drawn, data, kit, markdown, judged)


def write_parts(
    sections: Sequence[Section], folder: Path, *, figures: bool
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Write every table of ``sections`` into ``folder``/tables and, if asked for, every figure into figures."""
    tables = tuple(write_text(folder / "tables" / name, text) for name, text in _tables(sections))
    return tables, tuple(_figures(sections, folder / "figures")) if figures else ()


def _tables(sections: Iterable[Section]) -> Iterator[tuple[str, str]]:
    """File names and contents of every table: those under figures, which no paper prints, as CSV alone."""
    for part in (part for section in sections for part in section.parts):
        if isinstance(part, Figure):
            yield f"figure-{part.name}.csv", part.table.csv()
        else:
            yield f"{part.name}.tex", table_tex(part)
            yield f"{part.name}.csv", part.csv()
            yield f"{part.name}.md", table_markdown(part)


def _figures(sections: Iterable[Section], folder: Path) -> Iterator[Path]:
    for figure in (part for section in sections for part in section.parts if isinstance(part, Figure)):
        if figure.paper:
            yield from write_paper(figure, folder)
