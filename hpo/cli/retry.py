"""`hpo retry`: has the failed trials of a run trained again."""

from __future__ import annotations

from pathlib import Path

from hpo.cli.runs import RunArgument, find_run, refuse_imported
from hpo.cli.status import next_command
from hpo.cli.words import printable
from hpo.errors import UserError

EXAMPLE = """\
Example:

  $ hpo retry lr_schedules
  linear, replicate 1, draw 2: out of memory with one text at a time: ...
  1 failed trial is trained again by the next `hpo run`
  next: hpo run --space lr_schedules
"""
SAME = (
    "note: a training that diverged diverges again where the same bits are computed, as on a CPU, unless the machine was "
    "at fault"
)


def retry(run: RunArgument) -> None:
    """Have all failed trials of a run trained again by the next `hpo run`, as they were drawn.

    Refused once the test split was opened: what a search selects must not change after that.
    """
    from filelock import FileLock, Timeout

    from hpo.records.files import read_records
    from hpo.records.retried import set_aside

    folder = find_run(run)
    try:
        with FileLock(folder / ".lock", timeout=0):
            records = read_records(folder)
            refuse_imported(records.run, folder)
            failed = [trial for trial in records.trials if trial.state == "failed"]
            if failed:
                _refuse_opened(folder)
                set_aside(folder, failed)
    except Timeout:
        raise UserError(
            f"a process works on {folder}", f"Stop it first (`hpo stop {run}`), then give the command again."
        ) from None
    for trial in failed:
        print(printable(f"{trial.strategy}, replicate {trial.replicate}, draw {trial.draw}: {trial.reason}"))
    if any("diverged" in trial.reason for trial in failed):
        print(SAME)
    are = "trial is" if len(failed) == 1 else "trials are"
    print(
        f"{len(failed)} failed {are} trained again by the next `hpo run`" if failed else "no trial has failed"
    )
    print(f"next: {next_command(records.run.name, folder, running=False)}")


def _refuse_opened(folder: Path) -> None:
    from hpo.records.files import was_test_opened

    if was_test_opened(folder):
        raise UserError(
            f"{folder} has opened the test split: a search that selected anew after that would be no fair one",
            "Run the space in another --results folder to train all of it again, or report as it is.",
        )
