"""Failed trials that are tried again. What they left before is kept beside the records, and what comes of them tells of it.

<run folder>/records/retried/<strategy>.r<replicate>.d<draw>.json    the record that a trial had before
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hpo.records.files import Key, read_trials, trial_path
from hpo.records.trainings import Trial

AGAIN = "; tried again after: "  # in a reason, before the reason of the failure


def set_aside(folder: Path, trials: Iterable[Trial]) -> None:
    """Take the records of ``trials`` out of those of the run in ``folder``, so that it trains them again."""
    aside = folder / "records" / "retried"
    aside.mkdir(exist_ok=True)
    for trial in trials:
        path = trial_path(folder, trial.strategy, trial.replicate, trial.draw)
        path.replace(aside / path.name)


def set_aside_before(folder: Path) -> dict[Key, Trial]:
    """The records that were set aside, each the last of its trial."""
    found = read_trials(folder / "records" / "retried")
    return {(t.strategy, t.replicate, t.draw): t for t in found}


def after(record: Trial, before: Trial | None) -> Trial:
    """The new record of a trial, telling of the one before, whose device-seconds were spent and are charged to nobody."""
    if before is None or record.duplicate_of is not None:
        return record
    again = {segment.key for segment in record.segments}
    lost = sum(
        s.seconds for s in before.segments[-1:] if s.key in again
    )  # the others are the same work as now
    return record.model_copy(
        update={
            "reason": f"{record.reason}{AGAIN}{before.reason}",
            "retrained_seconds": record.retrained_seconds + before.retrained_seconds + lost,
        }
    )
