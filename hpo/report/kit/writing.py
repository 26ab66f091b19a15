"""Writes the paper kit beside a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.records.run import Records
from hpo.report.across import Across
from hpo.report.across_words import AcrossVerdict
from hpo.report.files import write_text
from hpo.report.kit.checklist import checklist_markdown
from hpo.report.kit.example_tex import example_tex
from hpo.report.kit.manifest import MANIFEST, manifest_across, manifest_json
from hpo.report.kit.methods import methods_tex
from hpo.report.kit.methods_across import methods_across
from hpo.report.kit.references import bibliography
from hpo.report.made import EXAMPLE
from hpo.report.section import Section
from hpo.report.sentences import Verdict


def write_kit(
    folder: Path,
    records: Records,
    judged: Verdict,
    sections: Sequence[Section],
    made: Sequence[Path],
    *,
    latex: bool,
) -> tuple[Path, ...]:
    """Write ``methods.tex``, ``references.bib``, ``checklist.md`` and ``manifest.json`` into ``folder``.

    Args:
        made: every other file of the report, already written: the manifest lists them.
        latex: write ``example.tex`` too, which takes the narrow PDF of every figure from ``figures/``.

    Raises:
        OSError: a file cannot be written, or one of ``made`` read.
    """
    methods = methods_tex(records, judged, sections)
    texts = {
        "methods.tex": methods,
        "references.bib": bibliography(records.run, methods),
        "checklist.md": checklist_markdown(records, judged),
    }
    if latex:
        texts[EXAMPLE] = example_tex(records.run, judged, sections)
    written = _write(folder, texts)
    manifest = manifest_json(folder, records, (*made, *written))
    return (*written, write_text(folder / MANIFEST, manifest))


def write_across_kit(
    folder: Path,
    across: Across,
    judged: AcrossVerdict,
    sections: Sequence[Section],
    made: Sequence[Path],
    *,
    command: str,
) -> tuple[Path, ...]:
    """Write ``methods.tex``, ``references.bib`` and ``manifest.json`` of a report across runs into ``folder``.

    Args:
        made: every other file of the report, already written: the manifest lists them.
        command: what makes the report again.

    Raises:
        OSError: a file cannot be written, or one of ``made`` read.
    """
    methods = methods_across(across, judged, sections)
    written = _write(folder, {"methods.tex": methods, "references.bib": bibliography(None, methods)})
    runs = {run.label: run.records for run in across.runs}
    manifest = manifest_across(folder, runs, command, (*made, *written))
    return (*written, write_text(folder / MANIFEST, manifest))


def _write(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    return tuple(write_text(folder / name, text) for name, text in texts.items())
