"""Writes the report across runs: a page, tables and figures of its own beside the reports of the runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from hpo.errors import UserError
from hpo.records.files import read_records
from hpo.report.across import Across, analyse_across, labels_of
from hpo.report.across_data import write_data
from hpo.report.across_tables import results_table, runs_table, without_table
from hpo.report.across_words import AcrossVerdict, across_verdict, samples_scope, unlike
from hpo.report.files import write_text
from hpo.report.kit.writing import write_across_kit
from hpo.report.made import forget_others
from hpo.report.page import Head, render_page
from hpo.report.section import Section
from hpo.report.sections.effects import effects_of
from hpo.report.sections.forest import Forest, Row
from hpo.report.sections.ranks import ranks_of
from hpo.report.text import counted
from hpo.report.writing import write_parts
from hpo.stats.comparisons import simultaneous_confidence
from hpo.stats.crossed import crossed


def across_sections(across: Across, reports: Mapping[str, str] | None = None) -> tuple[Section, ...]:
    """The sections of the page across runs, in its order; ``reports``: address of each run's own report by label."""
    blocks = across.blocks
    return (
        Section("results", "Results", unlike(across), (results_table(across), runs_table(across, reports))),
        ranks_of(blocks),
        effects_of(
            across.samples, _forest(across), blocks.centre, blocks.centre_reason, _effects_scope(across)
        ),
        Section("robustness", "Robustness", parts=(without_table(across),)),
    )


def _effects_scope(across: Across) -> str:
    """What differences and effects are over."""
    differences = f"Differences are over {across.blocks.over}." if across.blocks.metric else ""
    return " ".join(filter(None, (differences, samples_scope(across))))


def _forest(across: Across) -> Forest | None:
    """Differences from the centre with Student's intervals over blocks; none where metrics differ."""
    blocks = across.blocks
    if blocks.units is None:
        return None
    centre = blocks.names.index(blocks.centre)
    family = len(blocks.names) - 1
    rows = []
    for index in (i for i in range(len(blocks.names)) if i != centre):
        differences = blocks.scores[:, index] - blocks.scores[:, centre]
        estimate = crossed(differences[:, np.newaxis])
        rows.append(
            Row(
                name=blocks.names[index],
                style=blocks.styles[index],
                mean=estimate.mean,
                interval=estimate.interval(),
                together=estimate.interval(simultaneous_confidence(family)),
                outcome="",
                over=blocks.over,
                singles=tuple(float(difference) for difference in differences),
            )
        )
    one = len(set(blocks.margins)) == 1
    return Forest(
        rows=tuple(rows),
        units=blocks.units,
        centre=blocks.centre,
        reason=blocks.centre_reason,
        margin=max(blocks.margins),
        whose="the margin of practical equivalence" if one else f"the largest margin of the {blocks.plural}",
        method=(
            f"Mean over {blocks.over} with Student's 95 % interval over them: of each alone (thick), and together over "
            f"{counted(family, 'difference')} (Bonferroni; thin)."
        ),
    )


@dataclass(frozen=True)
class AcrossReport:
    """Where a report across runs lies, and what it says.

    Attributes:
        html, tables, figures, markdown, verdict: as of ``Report``.
        data: blocks and samples as Parquet and CSV.
        kit: the methods' paragraph, its references and the manifest.
    """

    html: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    data: tuple[Path, ...]
    kit: tuple[Path, ...]
    markdown: Path
    verdict: AcrossVerdict


def write_across(folders: Sequence[Path], to: Path, *, figures: bool = False) -> AcrossReport:
    """Write the page across the runs in ``folders``, tables, data and the texts for a paper into folder ``to``.

    The reports of the runs are left as they are; the page leads to those that there are.

    Args:
        figures: draw every figure for print into ``figures/`` too.

    Raises:
        UserError: ``to`` is the folder of a run; or as ``read_records`` and ``analyse_across``.
        OSError: a file cannot be written.
    """
    if (to / "records" / "run.json").is_file():
        raise UserError(
            f"{to} is the folder of a run, whose report a report across runs would overwrite",
            "Give the report across runs another name with --to.",
        )
    records = [read_records(folder) for folder in folders]
    across = analyse_across(records)
    reports = _reports(dict(zip(labels_of(records), folders, strict=True)), to)
    judged, sections = across_verdict(across), across_sections(across, reports)
    page = render_page(
        Head(to.name, "", judged.question, judged.state, judged.word, judged.sentences), sections
    )
    html = write_text(to / "report.html", page)
    markdown = write_text(to / "verdict.md", judged.markdown())
    tables, drawn = write_parts(sections, to, figures=figures)
    data = write_data(across, to / "data")
    forget_others(to, (*tables, *drawn, *data))
    made = (html, markdown, *tables, *drawn, *data)
    kit = write_across_kit(to, across, judged, sections, made, command=_command(folders, to))
    return AcrossReport(html, tables, drawn, data, kit, markdown, judged)


def _reports(folders: Mapping[str, Path], to: Path) -> dict[str, str]:
    """Address, seen from ``to``, of each report that there is, by label.

    None of a run outside the folder that ``to`` lies in: an address would hold folders of this machine.
    """
    found = {}
    for label, folder in folders.items():
        page = folder.resolve() / "report.html"
        if page.is_file() and page.is_relative_to(to.resolve().parent):
            found[label] = quote(Path(os.path.relpath(page, to.resolve())).as_posix())
    return found


def _command(folders: Sequence[Path], to: Path) -> str:
    """What makes the report again, runs named from the folder that ``to`` lies in; of others the name alone."""
    results = to.resolve().parent
    whole = [folder.resolve() for folder in folders]
    names = [f.relative_to(results).as_posix() if f.is_relative_to(results) else f.name for f in whole]
    return shlex.join(["hpo", "report", *names, "--to", to.name])
