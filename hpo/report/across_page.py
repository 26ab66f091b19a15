"""Writes the report across runs: a page, tables and figures of its own beside the reports of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.errors import UserError
from hpo.records.files import read_records
from hpo.report.across import Across, analyse_across
from hpo.report.across_tables import results_table, runs_table, without_table
from hpo.report.across_words import AcrossVerdict, across_verdict, unlike
from hpo.report.files import write_text
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


def across_sections(across: Across) -> tuple[Section, ...]:
    """The sections of the page across runs, in its order."""
    blocks = across.blocks
    return (
        Section("results", "Results", unlike(across), (results_table(across), runs_table(across))),
        ranks_of(blocks),
        effects_of(
            across.samples, _forest(across), blocks.centre, blocks.centre_reason, _effects_scope(across)
        ),
        Section("robustness", "Robustness", parts=(without_table(across),)),
    )


def _effects_scope(across: Across) -> str:
    samples = across.samples
    told = [f"Differences are over {across.blocks.over}."] if across.blocks.metric else []
    if samples.least > 1:
        told.append(
            f"Probabilities of improvement{', interquartile means and profiles' if samples.metric else ''} are over the "
            f"{samples.plural} of {samples.within}, which their bootstrap takes as given: they describe these."
        )
    return " ".join(told)


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
    """Where a report across runs lies, and what it says; as ``Report``, without data of its own."""

    html: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    markdown: Path
    verdict: AcrossVerdict


def write_across(folders: Sequence[Path], to: Path, *, figures: bool = False) -> AcrossReport:
    """Write ``report.html``, ``verdict.md`` and ``tables/`` across the runs in ``folders`` into folder ``to``.

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
    across = analyse_across([read_records(folder) for folder in folders])
    judged, sections = across_verdict(across), across_sections(across)
    page = render_page(
        Head(to.name, "", judged.question, judged.state, judged.word, judged.sentences), sections
    )
    tables, drawn = write_parts(sections, to, figures=figures)
    forget_others(to, (*tables, *drawn))
    return AcrossReport(
        html=write_text(to / "report.html", page),
        tables=tables,
        figures=drawn,
        markdown=write_text(to / "verdict.md", judged.markdown()),
        verdict=judged,
    )
