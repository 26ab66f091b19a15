"""Records as files, written whole or not at all: one JSON file a record, or all of them as JSON lines, each with a checksum.

<run folder>/records/run.json
<run folder>/records/trials/<strategy>.r<replicate>.d<draw>.json
<run folder>/records/confirmations/<strategy>.r<replicate>.s<index>.json
<run folder>/records/trials.jsonl, confirmations.jsonl    of an imported run, which may have tens of thousands
<run folder>/records/audit/<strategy>.r<replicate>.d<draw>.json
<run folder>/records/test-opened    once every trial is selected, before anything is scored on the test split
<run folder>/records/finished    how many trials and confirmations there are, written once nothing is left to do
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hpo.errors import UserError
from hpo.json_text import parse_json
from hpo.records.base import SCHEMA
from hpo.records.run import Records, Run
from hpo.records.sealed import BrokenSealError, seal, unseal
from hpo.records.trainings import Audited, Confirmation, Trial

Key = tuple[str, int, int]  # of a trial: strategy, replicate, draw
T = TypeVar("T", bound=BaseModel)
LONGEST_NAME = 200  # bytes; file systems have room for 255, and MLflow for less in a path


def slug(name: str) -> str:
    """A file name for any strategy name: readable characters kept, a digest added where some were not."""
    safe = re.sub(r"[^A-Za-z0-9_=-]+", "-", name)[:60]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def is_folder_name(name: str) -> bool:
    """Whether ``name`` can be that of a run's folder: of printable characters, no path, and not hidden as the store is."""
    return (
        name.isprintable()
        and not name.startswith((".", " "))
        and not set(name) & set("/\\:")
        and 0 < len(name.encode()) <= LONGEST_NAME
    )


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


def write_audited(folder: Path, audited: Audited) -> None:
    """Write a pruned trial that was trained on to its end."""
    _write(audited_path(folder, audited.strategy, audited.replicate, audited.draw), audited)


def write_records(folder: Path, records: Records) -> None:
    """Write the records of a run that is over, its trials and confirmations as JSON lines, and mark it finished."""
    _write_lines(folder / "records" / "trials.jsonl", records.trials)
    _write_lines(folder / "records" / "confirmations.jsonl", records.confirmations)
    for audited in records.audited:
        write_audited(folder, audited)
    write_run(folder, records.run)
    mark_finished(folder)


def trial_path(folder: Path, strategy: str, replicate: int, draw: int) -> Path:
    """Where the record of one trial lies."""
    return folder / "records" / "trials" / f"{slug(strategy)}.r{replicate}.d{draw}.json"


def confirmation_path(folder: Path, strategy: str, replicate: int, index: int) -> Path:
    """Where the record of one confirmation lies."""
    return folder / "records" / "confirmations" / f"{slug(strategy)}.r{replicate}.s{index}.json"


def audited_path(folder: Path, strategy: str, replicate: int, draw: int) -> Path:
    """Where the record of one audited trial lies."""
    return folder / "records" / "audit" / f"{slug(strategy)}.r{replicate}.d{draw}.json"


def mark_test_opened(folder: Path) -> None:
    """Say that the test split is opened now, after which nothing may be selected anew."""
    _replace(folder / "records" / "test-opened", ["the test split was opened"])


def was_test_opened(folder: Path) -> bool:
    """Whether anything may have been scored on the test split."""
    confirmed = any((folder / "records" / "confirmations").glob("*.json"))
    return confirmed or (folder / "records" / "test-opened").is_file()


def mark_finished(folder: Path) -> None:
    """Say that every trial and confirmation is recorded, and the report and its MLflow runs are written."""
    (folder / "records" / "finished").write_text(f"{_count(folder)} records\n")


def is_finished(folder: Path) -> bool:
    """Whether nothing is left to do: the run came to its end, and no record was taken away since."""
    path = folder / "records" / "finished"
    return path.is_file() and path.read_text() == f"{_count(folder)} records\n"


def _count(folder: Path) -> int:
    """Trials and confirmations; what an audit adds comes after the end."""
    paths = [folder / "records" / kind for kind in ("trials", "confirmations")]
    lines = [path.with_suffix(".jsonl") for path in paths]
    files = sum(len(list(path.glob("*.json"))) for path in paths)
    return files + sum(path.read_bytes().count(b"\n") for path in lines if path.is_file())


def read_run(folder: Path) -> Run | None:
    """The head of the records below ``folder``, or None where there is none yet.

    Raises:
        UserError: it does not fit the schema.
    """
    path = folder / "records" / "run.json"
    return _read(path, Run) if path.is_file() else None


def read_trial(folder: Path, strategy: str, replicate: int, draw: int) -> Trial:
    """One ended trial.

    Raises:
        UserError: it is not there, or does not fit the schema.
    """
    return _read(trial_path(folder, strategy, replicate, draw), Trial)


def read_confirmation(folder: Path, strategy: str, replicate: int, index: int) -> Confirmation:
    """One scored confirmation.

    Raises:
        UserError: it is not there, or does not fit the schema.
    """
    return _read(confirmation_path(folder, strategy, replicate, index), Confirmation)


def read_trials(folder: Path) -> list[Trial]:
    """The trials whose files lie in ``folder``.

    Raises:
        UserError: one does not fit the schema.
    """
    return list(_read_all(folder, Trial))


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
    trials = list(_read_all(folder / "records" / "trials", Trial))
    confirmations = list(_read_all(folder / "records" / "confirmations", Confirmation))
    audited = [_read(p, Audited) for p in (folder / "records" / "audit").glob("*.json")]
    trials.sort(key=lambda t: (order.get(t.strategy, last), t.replicate, t.draw))
    confirmations.sort(key=lambda c: (order.get(c.strategy, last), c.replicate, c.index))
    audited.sort(key=lambda a: (order.get(a.strategy, last), a.replicate, a.draw))
    return Records(run=run, trials=tuple(trials), confirmations=tuple(confirmations), audited=tuple(audited))


def _read_all(path: Path, model: type[T]) -> Iterator[T]:
    """Records of one kind: those in the folder ``path`` and those in the file of JSON lines beside it."""
    yield from (_read(file, model) for file in path.glob("*.json"))
    lines = path.with_suffix(".jsonl")
    if lines.is_file():
        with lines.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield _parse(
                    line,
                    model,
                    f"{lines}, line {number}",
                    "Import the run again; `hpo import` writes the file anew.",
                )


def _read(path: Path, model: type[T]) -> T:
    hint = "Move the file away; `hpo run` writes it again from what it has stored."
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", hint) from error
    return _parse(text, model, str(path), hint)


def _parse(text: bytes, model: type[T], where: str, hint: str) -> T:
    try:
        return model.model_validate_json(unseal(text))
    except BrokenSealError as error:
        raise UserError(f"{where}: {error}", hint) from error
    except ValidationError as error:
        version = _version(text)
        if version not in {None, SCHEMA}:
            raise UserError(
                f"{where} is of schema version {version}; this hpo reads version {SCHEMA}",
                "Use the hpo that made it, or give --results another folder to begin anew.",
            ) from error
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{where}: {field}: {first['msg']}", hint) from error


def _version(text: bytes) -> Any:
    try:
        found = parse_json(text)
    except ValueError:
        return None
    return found.get("schema_version") if isinstance(found, dict) else None


def _write(path: Path, record: BaseModel) -> None:
    _replace(path, [seal(record.model_dump_json(indent=1))])


def _write_lines(path: Path, records: Iterable[BaseModel]) -> None:
    _replace(path, (seal(record.model_dump_json()) for record in records))


def _replace(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
