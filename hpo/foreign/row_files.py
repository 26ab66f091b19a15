"""Files of rows with named columns: CSV, JSON lines, and the CSV that Weights & Biases exports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.foreign.source import Entry, Source, base_name
from hpo.foreign.values import flat, number
from hpo.json_text import parse_json

Row = tuple[int, dict[str, Any]]  # line, columns
_CREATED = "Created"
WANDB = {"Name", "State", _CREATED, "Runtime"}  # columns of every export of a table of runs
_OTHERS = {
    "Agent",
    "Notes",
    "User",
    "Tags",
    "Sweep",
    "ID",
    "Group",
    "Job Type",
    "Hostname",
}  # of some of them


def read_csv(source: str) -> Source:
    """The rows of a file with a header, separated by commas, semicolons or tabs.

    Raises:
        UserError: it is no such file.
    """
    return _source(source, _csv_rows(Path(source)), "CSV", long=True)


def read_jsonl(source: str) -> Source:
    """The objects of a file of JSON lines; names of nested values are joined by a point.

    Raises:
        UserError: a line is no JSON object.
    """
    return _source(source, _json_rows(Path(source)), "JSON lines", long=True)


def read_wandb(source: str) -> Source:
    """The runs of a table that Weights & Biases exported as CSV: State, Runtime in seconds, config and summary.

    An export has them in the order of the page it was made from, mostly the newest first. They are taken in the order in
    which they were created, where the file tells it of each.

    Raises:
        UserError: it is no CSV file.
    """
    read = _source(source, _csv_rows(Path(source)), "Weights & Biases", long=False)
    entries = tuple(
        Entry(
            path=entry.path,
            place=f"{entry.place}, run {entry.attributes.get('Name')}",
            study=entry.study,
            attributes=entry.attributes,
            parameters={n: v for n, v in entry.parameters.items() if n not in WANDB | _OTHERS},
            state=entry.attributes.get("State"),
            seconds=number(entry.attributes.get("Runtime"), entry.where, "Runtime"),
        )
        for entry in read.entries
    )
    ordered, note = _by_creation(entries)
    return Source(
        label=read.label,
        entries=ordered,
        kind=read.kind,
        parameters_known=False,
        cost="Runtime, wall-clock",
        notes=(note,),
    )


def _by_creation(entries: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], str]:
    """The oldest first, and a note on the order: which trial was drawn before which decides what was best so far."""
    times = [_time(entry.attributes.get(_CREATED)) for entry in entries]
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return entries, f"rows are taken in the order of the file: {_CREATED} holds no time in some"
    pairs = sorted(zip(known, entries, strict=True), key=lambda pair: pair[0])
    ordered = tuple(entry for _, entry in pairs)
    return ordered, f"rows are taken in the order of {_CREATED}, the oldest first"


def _time(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _source(path: str, rows: Iterator[Row], kind: str, *, long: bool) -> Source:
    stem = Path(path).stem
    return Source(
        label=f"{kind} ({base_name(path)})",
        entries=tuple(
            Entry(path=path, place=f"line {line}", study=stem, attributes=columns, parameters=columns)
            for line, columns in rows
        ),
        kind="column",
        parameters_known=False,
        long=long,
    )


def _csv_rows(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _table(path, file.read())
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8 ({error.reason})", "Save it as CSV in UTF-8.") from error


def _table(path: Path, text: str) -> Iterator[Row]:
    first = text.split("\n", 1)[0]
    separator = max((",", ";", "\t"), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = _header(path, next(reader, []))
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise UserError(
                    f"{path}, line {reader.line_num}: found {len(cells)} cells; the header has {len(header)} columns",
                    "Correct the line; a cell that holds a separator stands in double quotes.",
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}", "Correct the line.") from error


def _header(path: Path, names: Sequence[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if len(names) < 2 or twice:
        found = f"the column {twice[0]!r} twice" if twice else f"{len(names)} columns"
        raise UserError(
            f"{path}, line 1: found {found}; a header of different names is required",
            "Give the file a header line, such as strategy,seed,test_score.",
        )
    return list(names)


def _json_rows(path: Path) -> Iterator[Row]:
    for line, text in enumerate(path.read_bytes().splitlines(), start=1):
        if not text.strip():
            continue
        try:
            found = parse_json(text)
        except ValueError as error:
            raise UserError(
                f"{path}, line {line} is no JSON: {error}", "Write one JSON object a line."
            ) from error
        if not isinstance(found, dict):
            raise UserError(f"{path}, line {line}: found no JSON object", "Write one JSON object a line.")
        yield line, flat(found, ".")
