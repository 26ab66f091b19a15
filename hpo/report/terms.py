"""What the trainings behind a verdict are called, by what is recorded of a search."""

from __future__ import annotations

from hpo.records.schema import NOT_RECORDED, Run
from hpo.report.text import counted

UNRECORDED = NOT_RECORDED.capitalize()  # at the beginning of a sentence


def without_search(run: Run) -> bool:
    """Whether another tool recorded trainings and no search: then nothing was selected, and no seed was kept fresh."""
    return run.source != "hpo" and run.trials == 0


def single_training(run: Run) -> bool:
    """Whether each strategy was confirmed by one training: an interval is then over test items alone, of that model."""
    return run.replicates == 1 and run.seeds == 1


def units_of(run: Run) -> tuple[str, str]:
    """What a mean is over, one and several of them: searches, or seeds of the one search; trainings without a search."""
    if without_search(run):
        several = run.replicates > 1 and run.seeds > 1
        return ("replicate", "replicates") if several else ("training", "trainings")
    return ("search", "searches") if run.replicates > 1 else ("seed", "seeds")


def recorded(run: Run) -> str:
    """The trainings of a strategy where no search is recorded: ``14 trainings``, ``5 replicates of 2 trainings``."""
    if run.replicates == 1:
        return counted(run.seeds, "training")
    each = f" of {run.seeds:,} trainings" if run.seeds > 1 else ""
    return f"{counted(run.replicates, *units_of(run))}{each}"


def inferred(run: Run, words: str) -> str:
    """What the import that made the records noted with these ``words``; empty: nothing."""
    return "; ".join(note for note in run.notes if words in note)
