"""Files of labelled texts, and folders of them: CSV, JSON, JSON Lines and Parquet with named columns, and CoNLL."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from hpo.config.experiment import DataSource, Kind
from hpo.config.problems import nearest_name
from hpo.data.conll import CONLL_ENDINGS, read_conll
from hpo.data.tables import SPLITS, Reading, Table, table_from_columns
from hpo.errors import UserError
from hpo.json_text import parse_json
from hpo.records.parquet import read_parquet

Columns = Mapping[str, Sequence[object]]
LONGEST_CELL = 2**31 - 1  # characters; Python's own limit of 131,072 is short for documents


def read_path(name: str, source: DataSource, kind: Kind) -> Reading:
    """Read the columns that ``source`` names from the file or folder at ``name``.

    A file holds all texts, and is split later. A folder holds one file for each given split: train, and where they
    exist validation and test, each with one of the known endings.

    Raises:
        UserError: nothing is there, its type is unknown, or it cannot be read.
    """
    path = Path(name)
    if path.is_dir():
        files = _files_of_splits(path, kind)
    elif path.is_file():
        files = {"": path}
    else:
        raise _nothing_there(path)
    tables = {name: _table(file, source, kind) for name, file in files.items()}
    return Reading(tables=tables, source=name, licence="not stated")


def _table(file: Path, source: DataSource, kind: Kind) -> Table:
    entities = kind == "token-classification"
    ending = file.suffix.lower()
    if ending in CONLL_ENDINGS and (entities or ending != ".txt"):
        if not entities:
            raise UserError(
                f"{file}: a CoNLL file holds entities, and the task is {kind}",
                "Set `kind: token-classification` under `task`, or name a file with a class for each text.",
            )
        return read_guarded(file, read_conll)
    return table_from_columns(str(file), read_columns(file, _endings(kind)), source, kind)


def _endings(kind: Kind) -> tuple[str, ...]:
    """Endings of the files that a task may name."""
    return (*READERS, *CONLL_ENDINGS) if kind == "token-classification" else tuple(READERS)


def _files_of_splits(folder: Path, kind: Kind) -> dict[str, Path]:
    files: dict[str, Path] = {}
    endings = _endings(kind)
    for name in SPLITS:
        found = [folder / f"{name}{ending}" for ending in endings if (folder / f"{name}{ending}").is_file()]
        if len(found) > 1:
            names = " and ".join(file.name for file in found)
            raise UserError(f"{folder}: both {names} stand there", "Leave one file for each split.")
        if found:
            files[name] = found[0]
    if "train" not in files:
        allowed = ", ".join(f"train{ending}" for ending in endings)
        raise UserError(
            f"{folder}: no file with the training texts; it is one of {allowed}",
            "Name the files of the folder train, validation and test, or name one file under `path`.",
        )
    return files


def read_columns(path: Path, endings: Sequence[str] = ()) -> Columns:
    """The named columns of a CSV, JSON, JSON Lines or Parquet file.

    Args:
        endings: of the files that may be named instead; none: those four alone.

    Raises:
        UserError: it is not there, its type is unknown, or it cannot be read.
    """
    if not path.is_file():
        raise _nothing_there(path)
    read = READERS.get(path.suffix.lower())
    if read is None:
        allowed = ", ".join(endings or READERS)
        raise UserError(
            f"{path}: files of type `{path.suffix or 'none'}` are not known; the known ones are {allowed}",
            "Convert the file, or rename it where the ending is wrong.",
        )
    return read_guarded(path, read)


Read = TypeVar("Read")


def read_guarded(path: Path, read: Callable[[Path], Read]) -> Read:
    """What ``read`` makes of a file.

    Raises:
        UserError: it cannot be read, for whatever reason a parser has.
    """
    try:
        return read(path)
    except (OSError, ValueError) as error:  # parsers tell the line, not its text
        raise _unreadable(path, (str(error).strip().splitlines() or [type(error).__name__])[0]) from error


def _unreadable(path: Path, why: str) -> UserError:
    kind = path.suffix.lstrip(".").upper()
    return UserError(
        f"{path} cannot be read as {kind}: {why}", "Repair the file, or write it again as UTF-8."
    )


def _read_csv(path: Path) -> Columns:
    """Every cell is text: "NA" and "null" are words, and "007" keeps its zeros."""
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            rows = [row for row in lines if row]
        except csv.Error as error:
            raise ValueError(f"line {lines.line_num}: {error}") from error
    if not rows:
        raise ValueError("no header with the columns' names")
    header, *cells = rows
    if len(set(header)) < len(header):
        raise ValueError("two columns have one name")
    for number, row in enumerate(cells, start=1):
        if len(row) > len(header):
            raise UserError(
                f"{path}, row {number}: {len(row)} cells, but the header names {len(header)} columns",
                'Put quotes around texts that hold a comma: "so, like this",label.',
            )
    # A row that ends early lacks its last cells: whether they are needed, the columns' roles tell.
    return {name: [row[i] if i < len(row) else None for row in cells] for i, name in enumerate(header)}


def _read_parquet(path: Path) -> Columns:
    return read_parquet(path)[1]


def _read_json(path: Path) -> Columns:
    rows = parse_json(path.read_text(encoding="utf-8-sig"))
    if not isinstance(rows, list):
        raise ValueError("a list of objects is required")
    return _columns_of_rows(rows)


def _read_json_lines(path: Path) -> Columns:
    rows = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            try:
                rows.append(parse_json(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number}, column {error.colno}: {error.msg}") from error
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
    return _columns_of_rows(rows)


def _columns_of_rows(rows: list[object]) -> Columns:
    records = [row for row in rows if isinstance(row, dict)]
    if len(records) < len(rows):
        number = next(i for i, row in enumerate(rows, start=1) if not isinstance(row, dict))
        raise ValueError(f"row {number} is not an object")
    names = dict.fromkeys(str(name) for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


READERS: dict[str, Callable[[Path], Columns]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}


def _nothing_there(path: Path) -> UserError:
    beside = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
    near = nearest_name(path.name, beside)
    hint = (
        f"Did you mean `{path.parent / near}`?"
        if near
        else "Look whether the path is right from where you stand."
    )
    return UserError(f"{path}: no such file or folder", hint)
