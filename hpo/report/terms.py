"""What the trainings behind a verdict are called, by what is recorded of a search."""

from __future__ import annotations

from hpo.records.base import NOT_RECORDED
from hpo.records.run import Run

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


def class_of(kind: str) -> tuple[str, str]:
    """What the labels of a kind of task are, one and several of them: a text has one class, but any number of labels."""
    if kind == "multi-label":
        return ("label", "labels")
    return ("type of entity", "types of entities") if kind == "token-classification" else ("class", "classes")


def inferred(run: Run, words: str) -> str:
    """What the import that made the records noted with these ``words``; empty: nothing."""
    return "; ".join(note for note in run.notes if words in note)


def seed_of(run: Run) -> str:
    """What one of several test scores of a replicate is: a fresh seed of its search, or a training without one."""
    return "training" if without_search(run) else "fresh seed"


def tested(run: Run) -> str:
    """What a strategy is compared by."""
    return "test score" if without_search(run) else "confirmed configuration"
