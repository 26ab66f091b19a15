"""`hpo verify`: trains a sample of a run's segments again and compares."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.runs import RESULTS, ResultsOption, RunArgument, find_run, refuse_imported
from hpo.cli.spaces import fetch_assets
from hpo.cli.words import count_of, line, paragraph, printable

if TYPE_CHECKING:
    from hpo.search.verify import Compared, Verification

SAMPLE = 10
DIFFERENT = 1  # exit code

EXAMPLE = """\
Example:

  $ hpo verify lr_schedules
  lr_schedules: 10 of 313 segments are trained again
  constant, replicate 0, draw 2, steps 32 to 63: equal
  ...
  All 10 come to the recorded states, losses and scores, bit for bit.
  next: hpo report results/lr_schedules
"""


def verify(
    run: RunArgument,
    sample: Annotated[
        int,
        typer.Option(
            "--sample", min=1, metavar="N", help="Segments to train again, drawn from each strategy."
        ),
    ] = SAMPLE,
    results: ResultsOption = RESULTS,
) -> None:
    """Train some of what a run trained again, and compare states, losses and scores. Changes nothing that is stored."""
    folder = find_run(run, results)
    from hpo.config.experiment import Experiment
    from hpo.records.files import read_run

    head = read_run(folder)
    assert head is not None, "a run was found by its head"
    refuse_imported(head, folder)
    fetch_assets(Experiment.model_validate(head.experiment), line)
    from hpo.search.verify import Verification

    verification = Verification(folder, folder.parent / ".store", sample)
    name, size = printable(head.name), len(verification.sample)
    line(f"{name}: {size} of {count_of(verification.segments, 'segment')} are trained again")
    compared = []
    for one in verification.compare():
        line(printable(f"{one.sampled.name}: {outcome(one)}"))
        compared.append(one)
    for warning in verification.warnings:
        line(f"note: {printable(warning)}")
    line(paragraph(verdict(verification, compared)))
    if all(one.equal for one in compared):
        print("next: " + shlex.join(["hpo", "report", str(folder)]))
        return
    if size < verification.segments:
        print("next: " + shlex.join(["hpo", "verify", str(folder), "--sample", str(verification.segments)]))
    else:
        print(f"next: move {folder.parent / '.store'} away, so that no later run builds on it")
    raise typer.Exit(DIFFERENT)


def outcome(one: Compared) -> str:
    """How one segment came out."""
    alike = one.loss == one.score == 0.0
    if one.equal and (one.exact or (one.same_state and alike)):
        return "equal"
    if alike and not one.equal:
        return "differs: in the state alone"
    how = "alike" if one.equal else "differs"
    return f"{how}: losses by {one.loss:.2g}, scores by {one.score:.2g} at most"


def verdict(verification: Verification, compared: list[Compared]) -> str:
    """What the sample says of the run."""
    count, differing = len(compared), sum(not one.equal for one in compared)
    if not all(one.exact for one in compared):
        what = (
            f"{differing} of {count} differ by more than is taken as alike."
            if differing
            else f"All {count} come close to the recorded losses and scores."
        )
        return f"{what} {_class(verification.others)}"
    if differing:
        return (
            f"{differing} of {count} differ: this machine no longer computes the bits that it computed before, or what "
            "is stored was changed."
        )
    unknown = sum(one.same_state is None for one in compared)
    if unknown:
        whose = "its state" if unknown == 1 else "their states"
        return (
            f"All {count} come to the recorded losses and scores, bit for bit. The store has no facts of {unknown}, so "
            f"that {whose} could not be compared."
        )
    return f"All {count} come to the recorded states, losses and scores, bit for bit."


def _class(others: list[str]) -> str:
    from hpo.search.verify import LOSS_TOLERANCE, SCORE_TOLERANCE

    why = "; ".join(others) or "a GPU, or another build of hpo or torch"
    return (
        f"Equal bits are not promised here ({why}): losses within {LOSS_TOLERANCE} and scores within "
        f"{SCORE_TOLERANCE} are taken as alike."
    )
