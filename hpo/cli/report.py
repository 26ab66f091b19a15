"""`hpo report`: the report of a run, again, from its records; of several runs the report across them."""

from __future__ import annotations

import shlex
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.runs import RESULTS, RedactOption, RunsArgument, TrackingOption, find_runs, folder_of_runs
from hpo.cli.words import paragraph, printable
from hpo.errors import UserError

if TYPE_CHECKING:
    from hpo.report.writing import Report

EXAMPLE = """\
Example:

  $ hpo report lr_schedules
  Inconclusive: ...
  report: results/lr_schedules/report.html
  tables: results/lr_schedules/tables, figures: results/lr_schedules/figures
  for a paper: results/lr_schedules/methods.tex, references.bib, checklist.md, manifest.json
  next: hpo report lr_schedules --open, or hpo ui --space lr_schedules

  $ hpo report reviews_run news_run questions_run --to schedules
  Inconclusive over 3 tasks (reviews, news and questions): ...
  report across runs: results/schedules/report.html
  tables: results/schedules/tables, figures: results/schedules/figures, data: results/schedules/data
  for a paper: results/schedules/methods.tex, references.bib, manifest.json
  next: hpo report results/reviews_run, for the report of that run alone
"""
ACROSS = "across"


def report(
    runs: RunsArgument,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="NAME",
            help="Folder under results/ of the report across several runs; without it that of the runs where one folder "
            f"of them was named, else `{ACROSS}`.",
        ),
    ] = None,
    latex: Annotated[
        bool,
        typer.Option("--latex", help="Write example.tex too: all tables, figures and methods in one paper."),
    ] = False,
    redact: RedactOption = False,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    tracking_uri: TrackingOption = None,
) -> None:
    """Write report.html, tables, figures and the texts for a paper again: of a run, or of several runs together.

    Trains nothing. The report of a run is kept with its comparison in MLflow, too; the report across several leaves theirs
    as they are and leads to those that there are.
    """
    folders = find_runs(runs)
    if len(folders) == 1:
        if to is not None:
            raise UserError(
                "--to names the place of a report across runs, and there is one run",
                "Leave --to away, or name further runs.",
            )
        page = _one(folders[0], latex=latex, redact=redact, tracking_uri=tracking_uri)
    elif latex:
        raise UserError(
            "--latex makes a paper of one run's report, and there are several runs",
            "Leave --latex away, or name one run.",
        )
    else:
        page = _several(folders, _place(runs, to))
    if show:
        webbrowser.open(page.resolve().as_uri())


def _place(runs: list[str], to: str | None) -> Path:
    if to is not None:
        return RESULTS / to
    together = folder_of_runs(runs[0]) if len(runs) == 1 else None
    return together or RESULTS / ACROSS


def _one(folder: Path, *, latex: bool, redact: bool, tracking_uri: str | None) -> Path:
    from hpo.report.writing import write_report

    written = write_report(folder, figures=True, latex=latex, redact=redact)
    print("\n".join(map(paragraph, written.verdict.sentences)))
    print(f"report: {written.html}")
    print(f"tables: {folder / 'tables'}, figures: {folder / 'figures'}")
    print(_for_a_paper(written.kit))
    if latex:
        from hpo.report.kit.example_tex import HINT

        print(f"compile it: cd {shlex.quote(str(folder))} && {HINT}")
    tracked = _attach(folder, written, tracking_uri)
    after = f", or hpo ui --space {folder.name}, where the figures lie with the comparison" if tracked else ""
    print(f"next: hpo report {folder.name} --open{after}")
    return written.html


def _for_a_paper(kit: Sequence[Path]) -> str:
    return f"for a paper: {kit[0]}, {', '.join(path.name for path in kit[1:])}"


def _attach(folder: Path, written: Report, tracking_uri: str | None) -> bool:
    """Keep the report with the run in MLflow, if it is tracked there."""
    own = folder / "run-id"
    if not own.is_file():
        return False
    from hpo.tracking.attach import attach
    from hpo.tracking.uri import default_uri

    uri = tracking_uri or default_uri(folder.parent)
    files: list[tuple[Path, str | None]] = [(written.html, None), (written.markdown, None)]
    files += [(path, path.parent.name) for path in (*written.tables, *written.figures)]
    try:
        return attach(uri, folder.name, own.read_text().strip(), files)
    except UserError as error:  # the report is written all the same
        print(f"note: the report is not in MLflow: {printable(error.message)}")
        return False


def _several(folders: list[Path], to: Path) -> Path:
    from hpo.report.across_page import write_across

    written = write_across(folders, to, figures=True)
    print("\n".join(map(paragraph, written.verdict.sentences)))
    print(f"report across runs: {written.html}")
    print(f"tables: {to / 'tables'}, figures: {to / 'figures'}, data: {to / 'data'}")
    print(_for_a_paper(written.kit))
    own = shlex.join(["hpo", "report", str(folders[0])])
    print(f"next: {own}, for the report of that run alone")
    return written.html
