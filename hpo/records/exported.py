"""Records from the Parquet tables that ``hpo.records.tables`` wrote."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.records.base import NOT_RECORDED, SCHEMA
from hpo.records.columns import TableSchema
from hpo.records.description import RECORDS, TABLES
from hpo.records.held_out_columns import SHIFT_TABLES
from hpo.records.metrics import Metric
from hpo.records.parquet import read_parquet
from hpo.records.run import Records, Run, Stamp
from hpo.records.search import ParameterInfo, Search
from hpo.records.setup import DeviceInfo, ModelInfo, ShiftInfo, SplitInfo
from hpo.records.trainings import Audited, Confirmation, Rung, Segment, SetScores, Trial, Work

Row = dict[str, Any]
Key = tuple[str, str, int, int]  # training, strategy, replicate, number


def read_tables(folder: Path) -> Records:
    """The records whose tables lie in ``folder``, equal to those that were written.

    Raises:
        UserError: a table is missing, is none of this version of the schema, or does not fit the others.
    """
    try:
        return _records(folder)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise UserError(
            f"{folder}: its tables do not hold the records of a run: {type(error).__name__}: {said}",
            "Export the run again.",
        ) from error


def _records(folder: Path) -> Records:
    shifts = any((folder / f"{table.name}.parquet").exists() for table in SHIFT_TABLES)
    there = [table for table in TABLES if shifts or table not in SHIFT_TABLES]
    rows = {table.name: _rows(folder, table) if table in there else [] for table in TABLES}
    if len(rows["runs"]) != 1:
        raise UserError(
            f"{folder / 'runs.parquet'}: found {len(rows['runs'])} runs; one is required",
            "Import the tables of each run by themselves.",
        )
    work = _Work(rows)
    return Records(
        run=_run(rows["runs"][0], rows["space"], rows["shifts"]),
        trials=tuple(_trial(row, work) for row in rows["trials"]),
        confirmations=tuple(_confirmation(row, work) for row in rows["confirmations"]),
        audited=tuple(_audited(row, work) for row in rows["audited"]),
    )


class _Work:
    """What belongs to each training, by its key."""

    def __init__(self, rows: dict[str, list[Row]]) -> None:
        self._parameters: dict[Key, dict[str, Any]] = defaultdict(dict)
        for row in rows["parameters"]:
            self._parameters[_key(row)][row["name"]] = json.loads(row["value"])
        self._rungs, self._costs = _grouped(rows["rungs"]), _grouped(rows["costs"])
        self._items: dict[Key, list[Row]] = defaultdict(list)
        for row in rows["items"]:
            self._items[_confirmed(row)].append(row)
        items: dict[tuple[Key, str], list[Row]] = defaultdict(list)
        for row in rows["shift_items"]:
            items[_confirmed(row), row["shift"]].append(row)
        self._shifts: dict[Key, dict[str, SetScores]] = defaultdict(dict)
        for row in rows["shift_scores"]:
            key = _confirmed(row)
            self._shifts[key][row["shift"]] = _scores(row, items[key, row["shift"]])

    def fields(self, key: Key) -> dict[str, Any]:
        """Fields that all trainings share."""
        pieces = self._costs[key]
        return {
            "rungs": tuple(_rung(row) for row in self._rungs[key]),
            "segments": tuple(
                Segment(key=p["key"], examples=p["seen"], steps=p["steps"], seconds=p["seconds"])
                for p in pieces
                if p["work"] == "segment"
            ),
            "passes": tuple(
                Work(key=p["key"], seconds=p["seconds"], spent=p["new_seconds"])
                for p in pieces
                if p["work"] == "pass"
            ),
        }

    def parameters(self, key: Key) -> dict[str, Any]:
        """The configuration."""
        return self._parameters[key]

    def items(self, key: Key, column: str) -> tuple[Any, ...] | None:
        """A column of the test items; None where it was not recorded."""
        return _column(self._items[key], column)

    def shifts(self, key: Key) -> dict[str, SetScores]:
        """Scores on the shift sets by their names."""
        return self._shifts[key]


def _confirmed(row: Row) -> Key:
    """The key of the confirmation that a row of scores belongs to."""
    training = "baseline" if row["role"] == "baseline" else "confirmation"
    return training, row["strategy"], row["replicate"], row["index"]


def _column(items: list[Row], column: str) -> tuple[Any, ...] | None:
    """A column of the items of one set; None where it was not recorded."""
    values = tuple(row[column] for row in items)
    return None if not values or values[0] is None else values


def _scores(row: Row, items: list[Row]) -> SetScores:
    return SetScores(
        **_part(row, "score", "loss", "seconds", "evaluation"),
        metrics=json.loads(row["metrics"]),
        predictions=_column(items, "prediction"),
        correct=_column(items, "correct"),
        values=_column(items, "value"),
    )


def _grouped(rows: list[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[_key(row)].append(row)
    return found


def _key(row: Row) -> Key:
    return row["training"], row["strategy"], row["replicate"], row["number"]


def _rows(folder: Path, table: TableSchema) -> list[Row]:
    path = folder / f"{table.name}.parquet"
    hint = "Give the folder that `hpo export-records` wrote, with all its files."
    if not path.is_file():
        raise UserError(f"{folder} holds no {path.name}, which belongs to the tables of a run", hint)
    try:
        metadata, columns = read_parquet(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is no Parquet file: {(str(error).splitlines() or [''])[0]}", hint) from error
    if metadata.get(b"hpo.schema") != RECORDS.name.encode():
        raise UserError(f"{path} is no table of a run: its metadata do not say {RECORDS.name}", hint)
    version = metadata.get(b"hpo.version", b"").decode()
    if version != str(SCHEMA):
        raise UserError(
            f"{path}: found version {version} of the schema; this hpo reads version {SCHEMA}",
            "Export the run again with this version of hpo, or import with the version that wrote it.",
        )
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _run(row: Row, space: list[Row], shifts: list[Row]) -> Run:
    stamp = None if row["began"] is None else Stamp(**_part(row, "began", "command", "git", "plan_sha256"))
    named = (
        *(
            "question",
            "task",
            "max_length",
            "seed",
            "source",
            "reference",
            "baseline",
            "replicates",
            "trials",
        ),
        *("seeds", "resource"),
    )
    return Run(
        name=row["run"],
        kind=_text(row["kind"]),
        strategies=tuple(json.loads(row["strategies"])),
        metric=Metric(name=row["metric"], **_part(row, "maximize", "share")),
        search=Search(
            **_part(row, "sampler", "pruner", "independent", "selection", "shared_draws"),
            rungs=tuple(json.loads(row["rungs"])),
        ),
        space=tuple(_parameter(parameter) for parameter in space),
        split=_split(row),
        shifts=tuple(_shift(shift) for shift in shifts),
        model=ModelInfo(
            source=_text(row["model"]),
            licence=_text(row["model_licence"]),
            layers=row["model_layers"] or 0,
            hidden_size=row["model_hidden_size"] or 0,
            parameters=row["model_parameters"] or 0,
            sha256=_text(row["model_sha256"]),
        ),
        # Tables of an earlier hpo have no such columns.
        models={name: ModelInfo(**info) for name, info in json.loads(row.get("models", "{}")).items()},
        form=row.get("form"),
        **{name: row.get(name) for name in ("examples", "device_seconds", "money", "price_per_hour")},
        **{name: _object(row, name) for name in ("total", "closed", "early_stop", "warm_start")},
        device=DeviceInfo(
            name=_text(row["device"]),
            precision=_text(row["precision"]),
            precision_reason=_text(row["precision_reason"]),
            threads=row["threads"] or 0,
            workers=row["workers"],
        ),
        versions=json.loads(row["versions"]),
        stamp=stamp,
        privacy=_object(row, "privacy"),
        experiment=json.loads(row["experiment"]),
        notes=tuple(json.loads(row.get("notes", "[]"))),  # tables of an earlier hpo have no such column
        **_part(row, *named),
    )


def _split(row: Row) -> SplitInfo:
    return SplitInfo(
        source=_text(row["data"]),
        licence=_text(row["data_licence"]),
        labels=tuple(json.loads(row["labels"])),
        train=row["train"] or 0,
        validation=row["validation"] or 0,
        test=row["test"] or 0,
        duplicates_dropped=row["duplicates_dropped"],
        texts_cut=row.get("texts_cut"),
        scrubbed=_object(row, "scrubbed"),
        groups=None if row["test_groups"] is None else tuple(json.loads(row["test_groups"])),
        sha256=_text(row["data_sha256"]),
    )


def _object(row: Row, name: str) -> Any:
    """The JSON of a column that tables of an earlier hpo do not have; None where it is empty."""
    text = row.get(name)
    return None if text is None else json.loads(text)


def _shift(row: Row) -> ShiftInfo:
    return ShiftInfo(
        **_part(row, "size", "overlap_dropped", "duplicates_dropped", "texts_cut", "largest_class"),
        name=row["shift"],
        source=row["data"],
        licence=row["data_licence"],
        groups=None if row["groups"] is None else tuple(json.loads(row["groups"])),
        sha256=row["data_sha256"],
    )


def _parameter(row: Row) -> ParameterInfo:
    return ParameterInfo(
        **_part(row, "name", "kind", "low", "high", "log", "step", "integer", "meaning"),
        values=tuple(json.loads(row["values"])),
        default=None if row["default"] is None else json.loads(row["default"]),
        when=json.loads(row["when"]),
        observed=row.get("observed", False),
    )


def _trial(row: Row, work: _Work) -> Trial:
    named = ("strategy", "replicate", "draw", "state", "reason", "score", "best_rung", "duplicate_of")
    key = ("trial", row["strategy"], row["replicate"], row["draw"])
    return Trial(
        **_part(row, *named, "retrained_seconds"),
        seed=_number(row["seed"]),
        charged=row["recorded_seconds"],
        parameters=work.parameters(key),
        **work.fields(key),
    )


def _confirmation(row: Row, work: _Work) -> Confirmation:
    named = (
        *("role", "strategy", "replicate", "index", "fresh", "draw", "selected_score", "validation_score"),
        *(
            "validation_loss",
            "test_score",
            "test_loss",
            "test_seconds",
            "test_evaluation",
            "retrained_seconds",
        ),
    )
    key = _confirmed(row)
    return Confirmation(
        **_part(row, *named),
        seed=_number(row["seed"]),
        best_rung=_number(row["best_rung"]),
        charged=row["recorded_seconds"],
        parameters=work.parameters(key),
        test_predictions=work.items(key, "prediction"),
        test_correct=work.items(key, "correct"),
        test_values=work.items(key, "value"),
        test_metrics=json.loads(row["test_metrics"]),
        shifts=work.shifts(key),
        **work.fields(key),
    )


def _audited(row: Row, work: _Work) -> Audited:
    named = ("strategy", "replicate", "draw", "sample_seed", "state", "reason", "score")
    key = ("audit", row["strategy"], row["replicate"], row["draw"])
    return Audited(**_part(row, *named), seconds=row["spent_seconds"], **work.fields(key))


def _rung(row: Row) -> Rung:
    return Rung(
        examples=row["seen"],
        metrics=json.loads(row["metrics"]),
        **_part(row, "steps", "score", "loss", "train_loss", "learning_rate", "seconds", "evaluation"),
    )


def _part(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _text(text: str | None) -> str:
    return NOT_RECORDED if text is None else text


def _number(number: int | None) -> int:
    return -1 if number is None else number
