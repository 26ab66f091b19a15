"""Records of one run stand on one space file, one data set, one model, one device and one set of versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.config.changes import changes
from hpo.config.space import Space
from hpo.errors import UserError
from hpo.records.files import read_run, was_test_opened
from hpo.records.redaction import has_names
from hpo.records.run import Run


def refuse_changes(space: Space, folder: Path) -> None:
    """Refuse a space file that is not as it was when ``folder`` was begun, but for a total budget before any test score.

    Raises:
        UserError: it says what changed.
    """
    before = read_run(folder)
    if before is None:
        return
    now = space.experiment.model_dump(mode="json")
    total = changes(_total(before.experiment), _total(now))
    if total and was_test_opened(folder):
        raise UserError(
            f"{space.path} changed since {folder} was begun:\n  "
            + "\n  ".join(total)
            + "\nThe test split was opened "
            "since, and no search goes on after that",
            "Undo the change, or give the space file another name: what this run trained is not trained again.",
        )
    found = [line for line in changes(before.experiment, now) if line not in total]
    if found:
        raise UserError(
            f"{space.path} changed since {folder} was begun:\n  " + "\n  ".join(found),
            f"Undo the change to go on, or give --results another folder, or move {folder} away to begin anew.",
        )


def _total(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What all searches may spend together, which may change until the test split is opened."""
    return {"budget": {"total": experiment["budget"].get("total")}}


def refuse_names(folder: Path) -> None:
    """Refuse to leave the names of classes out where they are written already.

    Raises:
        UserError: the records below ``folder`` have them.
    """
    before = read_run(folder)
    if before is not None and has_names(before):
        raise UserError(
            f"the records in {folder} name the classes already, and so does MLflow",
            f"Write its report without them by `hpo report {folder} --redact`, or give --results another folder.",
        )


# Versions that decide what is drawn, read and computed.
_DECIDING = ("hpo", "torch", "transformers", "optuna", "numpy")


def other_assets(before: Run, head: Run) -> list[str]:
    """What of data and weights is not as it was."""
    shifts = {shift.name: shift.sha256[:12] for shift in before.shifts}
    return _changed(
        ("data, SHA-256", before.split.sha256[:12], head.split.sha256[:12]),
        *((f"shift set {s.name}, SHA-256", shifts.get(s.name), s.sha256[:12]) for s in head.shifts),
        ("model, SHA-256", before.model.sha256[:12], head.model.sha256[:12]),
    )


def other_numerics(before: Run, head: Run) -> list[str]:
    """What of device and versions is not as it was."""
    return _changed(
        ("device", before.device.name, head.device.name),
        ("precision", before.device.precision, head.device.precision),
        ("threads", before.device.threads, head.device.threads),
        *((name, before.versions.get(name), head.versions.get(name)) for name in _DECIDING),
    )


def refuse_other_circumstances(folder: Path, head: Run) -> None:
    """Refuse to go on where data, model, device or versions are not as they were.

    Raises:
        UserError: it says what is not.
    """
    before = read_run(folder)
    if before is None:
        return
    found = [*other_assets(before, head), *other_numerics(before, head)]
    if found:
        raise UserError(
            f"not all is as it was when {folder} was begun:\n  " + "\n  ".join(found),
            f"Bring back what it began with, or give --results another folder, or move {folder} away to begin anew.",
        )


def _changed(*facts: tuple[str, object, object]) -> list[str]:
    return [f"{what}: {old} -> {new}" for what, old, new in facts if old != new]
