"""Records without the names of classes, which come from the user's data."""

from __future__ import annotations

from hpo.records.run import Run


def without_names(run: Run) -> Run:
    """``run`` with ``class 1``, ``class 2`` ... for the names of its classes, in the same order."""
    labels = tuple(f"class {number}" for number in range(1, len(run.split.labels) + 1))
    return run.model_copy(update={"split": run.split.model_copy(update={"labels": labels})})


def has_names(run: Run) -> bool:
    """Whether the names of classes are those of the data."""
    return run.split.labels != without_names(run).split.labels
