"""Records as files: one JSON file a record, written whole or not at all.

<run folder>/records/run.json
<run folder>/records/trials/<strategy>.r<replicate>.d<draw>.json
<run folder>/records/confirmations/<strategy>.r<replicate>.s<index>.json
<run folder>/records/finished    how many records there are, written once nothing is left to do
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hpo.errors import UserError
from hpo.records.schema import Confirmation, Records, Run, Trial

T = TypeVar("T", bound=BaseModel)


def slug(name: str) -> str:
    """A file name for any strategy name: readable characters kept, a digest added where some were not."""
    safe = re.sub(r"[^A-Za-z0-9_=-]+", "-", name)[:60]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def write_run(folder: Path, run: Run) -> None:
    """Write the head of the records."""
    _write(folder / "records" / "run.json", run)


def write_trial(folder: Path, trial: Trial) -> None:
    """Write an ended trial."""
    _write(trial_path(folder, trial.strategy, trial.replicate, trial.draw), trial)


def write_confirmation(folder: Path, confirmation: Confirmation) -> None:
    """Write a scored confirmation."""
    c = confirmation
    _write(confirmation_path(folder, c.strategy, c.replicate, c.index), c)


def trial_path(folder: Path, strategy: str, replicate: int, draw: int) -> Path:
    """Where the record of one trial lies."""
    return folder / "records" / "trials" / f"{slug(strategy)}.r{replicate}.d{draw}.json"


def confirmation_path(folder: Path, strategy: str, replicate: int, index: int) -> Path:
    """Where the record of one confirmation lies."""
    return folder / "records" / "confirmations" / f"{slug(strategy)}.r{replicate}.s{index}.json"


def mark_finished(folder: Path) -> None:
    """Say that every trial and confirmation is recorded, and the report and its MLflow runs are written."""
    (folder / "records" / "finished").write_text(f"{_count(folder)} records\n")


def is_finished(folder: Path) -> bool:
    """Whether nothing is left to do: the run came to its end, and no record was taken away since."""
    path = folder / "records" / "finished"
    return path.is_file() and path.read_text() == f"{_count(folder)} records\n"


def _count(folder: Path) -> int:
    return len(list((folder / "records").glob("*/*.json")))


def read_run(folder: Path) -> Run | None:
    """The head of the records below ``folder``, or None where there is none yet.

    Raises:
        UserError: it does not fit the schema.
    """
    path = folder / "records" / "run.json"
    return _read(path, Run) if path.is_file() else None


def read_records(folder: Path) -> Records:
    """Read all records below ``folder``.

    Raises:
        UserError: there are none, or one does not fit the schema.
    """
    run = read_run(folder)
    if run is None:
        raise UserError(f"{folder} holds no records of a run", "Name a folder that `hpo run` made.")
    order = {name: i for i, name in enumerate(run.strategies)}
    last = len(order)
    trials = [_read(p, Trial) for p in (folder / "records" / "trials").glob("*.json")]
    confirmations = [_read(p, Confirmation) for p in (folder / "records" / "confirmations").glob("*.json")]
    trials.sort(key=lambda t: (order.get(t.strategy, last), t.replicate, t.draw))
    confirmations.sort(key=lambda c: (order.get(c.strategy, last), c.replicate, c.index))
    return Records(run=run, trials=tuple(trials), confirmations=tuple(confirmations))


def _read(path: Path, model: type[T]) -> T:
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path}: {where}: {first['msg']}",
            "Move the file away; `hpo run` writes it again from what it has stored.",
        ) from error


def _write(path: Path, record: BaseModel) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(record.model_dump_json(indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
