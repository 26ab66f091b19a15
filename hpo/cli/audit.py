"""`hpo audit`: trains a sample of a run's pruned trials on to their end."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.runs import RESULTS, ResultsOption, RunArgument, find_run
from hpo.cli.spaces import fetch_assets
from hpo.cli.words import count_of, line, paragraph, printable, score

if TYPE_CHECKING:
    from pathlib import Path

    from hpo.records.run import Records
    from hpo.records.trainings import Audited, Trial

SAMPLE = 5

EXAMPLE = """\
Example:

  $ hpo audit lr_schedules
  lr_schedules: 5 of 68 pruned trials are trained to their end
  constant, replicate 0, draw 1: 0.781, below the 0.819 that its search selected
  ...
  None of 5 audited trials is better than what its search selected. ...
  report: results/lr_schedules/report.html
  next: hpo audit results/lr_schedules --sample 10
"""


def audit(
    run: RunArgument,
    sample: Annotated[
        int,
        typer.Option(
            "--sample", min=1, metavar="N", help="Pruned trials to finish, drawn at random over the run."
        ),
    ] = SAMPLE,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of the draw.")] = 0,
    results: ResultsOption = RESULTS,
) -> None:
    """Measure what pruning may have cost: train a sample of pruned trials on. Changes no trial and no verdict."""
    folder = find_run(run, results)
    from hpo.search.audit import Audit

    begun = Audit(folder, sample, seed)
    fetch_assets(begun.experiment, line)
    there = len(begun.sample) - len(begun.left)
    known = f", {there} of them have been" if there else ""
    line(
        f"{printable(folder.name)}: {len(begun.sample)} of {count_of(len(begun.pruned), 'pruned trial')} "
        f"are trained to their end{known}"
    )
    best = _selected(folder)
    begun.finish(
        lambda trial, ended: line(printable(_outcome(trial, ended, best[trial.strategy, trial.replicate])))
    )
    for warning in begun.warnings:
        line(f"note: {printable(warning)}")
    _close(folder, seed)


def _selected(folder: Path) -> dict[tuple[str, int], float]:
    """Score of the trial that each search selected."""
    from hpo.records.files import read_records
    from hpo.records.selection import selected_trials

    chosen = selected_trials(read_records(folder))
    return {search: trial.score for search, trial in chosen.items() if trial.score is not None}


def _outcome(trial: Trial, ended: Audited, selected: float) -> str:
    name = f"{trial.strategy}, replicate {trial.replicate}, draw {trial.draw}"
    if ended.score is None:
        return f"{name}: failed, {ended.reason}"
    side = "above" if ended.score > selected else "below" if ended.score < selected else "equal to"
    return f"{name}: {score(ended.score)}, {side} the {score(selected)} that its search selected"


def _close(folder: Path, seed: int) -> None:
    """What all audited trials say, where it stands, and what to do next."""
    from hpo.records.files import read_records
    from hpo.report.audit import missed_by_pruning
    from hpo.report.writing import write_report

    records = read_records(folder)
    found = missed_by_pruning(records)
    assert found is not None, "at least one trial is audited"
    print(paragraph(f"{_finding(found.better, found.audited, found.most, found.pruned)} {_cost(records)}"))
    print(f"report: {write_report(folder).html}")
    further = ["hpo", "audit", str(folder), "--sample", str(min(2 * found.audited, found.pruned))]
    further += ["--seed", str(seed)] if seed else []
    print(
        "next: "
        + shlex.join(further if found.audited < found.pruned else ["hpo", "ui", "--space", str(folder)])
    )


def _finding(better: int, audited: int, most: int, pruned: int) -> str:
    verb = "are" if better > 1 else "is"
    told = f"{better or 'None'} of {count_of(audited, 'audited trial')} {verb} better than what its search selected."
    if audited == pruned:
        return f"{told} That is all that were pruned."
    return f"{told} Of all {pruned} that were pruned it is at most {most}, with 95 % confidence."


def _cost(records: Records) -> str:
    spent = sum(audited.seconds for audited in records.audited)
    return f"The audit took {spent:,.1f} device-seconds, which are charged to no strategy."
