"""Records as flat tables in Parquet and CSV: the same records give the same bytes (of one version of pyarrow)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.records.base import NOT_RECORDED
from hpo.records.cells import harmless
from hpo.records.charges import charged_seconds
from hpo.records.columns import Column, TableSchema
from hpo.records.costs import costs, trainings, whose_work
from hpo.records.description import RECORDS, TABLES, Description
from hpo.records.held_out_columns import ITEMS, SHIFT_ITEMS, SHIFT_SCORES, SHIFTS
from hpo.records.run import Records, Run
from hpo.records.run_columns import RUNS, SPACE
from hpo.records.training_columns import AUDITED, CONFIRMATIONS, COSTS, PARAMETERS, RUNGS, TRIALS
from hpo.records.trainings import Audited, Confirmation, Trial

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


def write_tables(records: Records, folder: Path) -> tuple[Path, ...]:
    """Write every table of ``records`` into ``folder`` as ``<table>.parquet`` and ``.csv``, and ``schema.json``.

    ``hpo.records.columns`` describes them. Returns what was written.
    """
    return write_described(RECORDS, tables(records), folder)


def write_described(
    described: Description, made: Mapping[TableSchema, pa.Table], folder: Path
) -> tuple[Path, ...]:
    """Write the tables ``made`` as ``write_tables`` does, and their description as ``schema.json``."""
    import pyarrow.csv
    import pyarrow.parquet

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for schema, table in made.items():
        parquet, csv = folder / f"{schema.name}.parquet", folder / f"{schema.name}.csv"
        pyarrow.parquet.write_table(table, parquet, compression="zstd")
        pyarrow.csv.write_csv(_harmless(schema, table), csv)
        written += [parquet, csv]
    description = folder / "schema.json"
    text = json.dumps(described.as_json(), indent=1, ensure_ascii=False) + "\n"
    description.write_text(text, encoding="utf-8", newline="\n")
    return (*written, description)


def tables(records: Records) -> dict[TableSchema, pa.Table]:
    """Every table of ``records`` in memory, its schema and units in the metadata."""
    name = records.run.name
    rows: dict[TableSchema, Iterator[Row]] = {
        RUNS: iter([_run(records.run)]),
        SPACE: _space(records.run),
        TRIALS: ({"run": name, **_trial(t)} for t in records.trials),
        CONFIRMATIONS: ({"run": name, **_confirmation(c)} for c in records.confirmations),
        PARAMETERS: _parameters(records),
        RUNGS: _rungs(records),
        COSTS: ({"run": name, **cost} for cost in costs(records)),
        AUDITED: ({"run": name, **_audited(a)} for a in records.audited),
        SHIFTS: _shifts(records.run),
        SHIFT_SCORES: _shift_scores(records),
    }
    made = {schema: arrow_table(RECORDS, schema, found) for schema, found in rows.items()}
    made[ITEMS] = _table(RECORDS, ITEMS, _items(records))
    made[SHIFT_ITEMS] = _table(RECORDS, SHIFT_ITEMS, _shift_items(records))
    return {schema: made[schema] for schema in TABLES}


def arrow_table(described: Description, schema: TableSchema, rows: Iterable[Row]) -> pa.Table:
    """``rows`` as one of the tables ``described``, its schema, units and meanings in the metadata."""
    return _table(described, schema, _columns(schema, rows))


def _columns(schema: TableSchema, rows: Iterable[Row]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for row in rows:
        for name, values in columns.items():
            values.append(row[name])
    return columns


def _table(described: Description, schema: TableSchema, columns: Mapping[str, list[Any]]) -> pa.Table:
    import pyarrow as pa

    fields = [_field(column) for column in schema.columns]
    metadata = {
        "hpo.schema": described.name,
        "hpo.version": str(described.version),
        "hpo.table": schema.name,
    }
    return pa.table(
        [pa.array(columns[field.name], field.type) for field in fields],
        schema=pa.schema(fields, metadata=metadata),
    )


def _field(column: Column) -> pa.Field:
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "json": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
    }
    metadata = {"unit": column.unit, "meaning": column.meaning, "empty": column.empty}
    return pa.field(column.name, kinds[column.dtype], nullable=bool(column.empty), metadata=metadata)


def _harmless(schema: TableSchema, table: pa.Table) -> pa.Table:
    """``table`` for CSV: no text of a user's begins like a formula."""
    import pyarrow as pa

    for index, column in enumerate(schema.columns):
        if column.dtype == "string":
            texts = table.column(index).to_pylist()
            cells = [None if text is None else harmless(text) for text in texts]
            table = table.set_column(index, table.field(index), pa.array(cells, pa.string()))
    return table


def _run(run: Run) -> Row:
    split, model, device, stamp = run.split, run.model, run.device, run.stamp
    began = {} if stamp is None else stamp.model_dump()
    return {
        **{name: getattr(run, name) for name in ("question", "task", "max_length", "seed", "source", "form")},
        **{name: getattr(run, name) for name in ("reference", "baseline", "replicates", "trials", "seeds")},
        **{name: getattr(run.search, name) for name in ("sampler", "pruner", "independent", "selection")},
        "run": run.name,
        "kind": _text(run.kind),
        "strategies": _json(run.strategies),
        "metric": run.metric.name,
        "maximize": run.metric.maximize,
        "share": run.metric.share,
        "resource": run.resource,
        **{name: getattr(run, name) for name in ("examples", "device_seconds", "money", "price_per_hour")},
        "total": None if run.total is None else _json(asdict(run.total)),
        "warm_start": None if run.warm_start is None else _json(run.warm_start.model_dump()),
        "early_stop": None if run.early_stop is None else _json(run.early_stop.model_dump()),
        "closed": None if run.closed is None else _json(run.closed.model_dump()),
        "rungs": _json(run.search.rungs),
        "shared_draws": run.search.shared_draws,
        "data": _text(split.source),
        "data_licence": _text(split.licence),
        "data_sha256": _text(split.sha256),
        "labels": _json(split.labels),
        "train": split.train or None,
        "validation": split.validation or None,
        "test": split.test or None,
        "duplicates_dropped": split.duplicates_dropped,
        "texts_cut": split.texts_cut,
        "scrubbed": None if split.scrubbed is None else _json(split.scrubbed),
        "test_groups": None if split.groups is None else _json(split.groups),
        "model": _text(model.source),
        "model_licence": _text(model.licence),
        "model_sha256": _text(model.sha256),
        "model_layers": model.layers or None,
        "model_hidden_size": model.hidden_size or None,
        "model_parameters": model.parameters or None,
        "models": _json({name: info.model_dump() for name, info in run.models.items()}),
        "device": _text(device.name),
        "precision": _text(device.precision),
        "precision_reason": _text(device.precision_reason),
        "threads": device.threads or None,
        "workers": device.workers,
        "versions": _json(run.versions),
        **{name: began.get(name) for name in ("began", "command", "git", "plan_sha256")},
        "privacy": None if run.privacy is None else _json(run.privacy.model_dump()),
        "experiment": _json(run.experiment),
        "notes": _json(run.notes),
    }


def _space(run: Run) -> Iterator[Row]:
    for position, parameter in enumerate(run.space):
        yield {
            "run": run.name,
            "position": position,
            **parameter.model_dump(),
            "values": _json(parameter.values),
            "default": None if parameter.default is None else _json(parameter.default),
            "when": _json(parameter.when),
        }


def _trial(trial: Trial) -> Row:
    named = ("strategy", "replicate", "draw", "state", "reason", "score", "best_rung", "duplicate_of")
    return {**{name: getattr(trial, name) for name in named}, "seed": _number(trial.seed), **_cost(trial)}


def _confirmation(confirmation: Confirmation) -> Row:
    named = (
        *("role", "strategy", "replicate", "index", "fresh", "draw", "selected_score", "validation_score"),
        *("validation_loss", "test_score", "test_loss", "test_seconds", "test_evaluation"),
    )
    return {
        **{name: getattr(confirmation, name) for name in named},
        "test_metrics": _json(confirmation.test_metrics),
        "seed": _number(confirmation.seed),
        "best_rung": _number(confirmation.best_rung),
        **_cost(confirmation),
    }


def _audited(audited: Audited) -> Row:
    named = ("strategy", "replicate", "draw", "sample_seed", "state", "reason", "score")
    return {
        **{name: getattr(audited, name) for name in named},
        "charged_seconds": charged_seconds(audited),
        "spent_seconds": audited.seconds,
    }


def _cost(item: Trial | Confirmation) -> Row:
    return {
        "charged_seconds": charged_seconds(item),
        "retrained_seconds": item.retrained_seconds,
        "recorded_seconds": item.charged,
    }


def _parameters(records: Records) -> Iterator[Row]:
    configured: list[Trial | Confirmation] = [*records.trials, *records.confirmations]
    for item in configured:
        whose = {"run": records.run.name, **whose_work(item)}
        for name, value in item.parameters.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            yield {
                **whose,
                "name": name,
                "value": _json(value),
                "number_value": float(value) if number else None,
            }


def _rungs(records: Records) -> Iterator[Row]:
    for item in trainings(records):
        whose = {"run": records.run.name, **whose_work(item)}
        for number, rung in enumerate(item.rungs):
            facts = rung.model_dump(exclude={"examples"})
            yield {**whose, "rung": number, "seen": rung.examples, **facts, "metrics": _json(rung.metrics)}


def _shifts(run: Run) -> Iterator[Row]:
    for position, shift in enumerate(run.shifts):
        facts = shift.model_dump(exclude={"name", "source", "licence", "sha256", "groups"})
        yield {
            "run": run.name,
            "shift": shift.name,
            "position": position,
            "data": shift.source,
            "data_licence": shift.licence,
            "data_sha256": shift.sha256,
            **facts,
            "groups": None if shift.groups is None else _json(shift.groups),
        }


def _shift_scores(records: Records) -> Iterator[Row]:
    for c in records.confirmations:
        for name, scores in c.shifts.items():
            facts = scores.model_dump(include={"score", "loss", "seconds", "evaluation"})
            yield {**_whose_items(records, c), "shift": name, **facts, "metrics": _json(scores.metrics)}


def _items(records: Records) -> dict[str, list[Any]]:
    """Columns of the items: there may be millions of rows, so none is made by itself."""
    columns: dict[str, list[Any]] = defaultdict(list)
    for c in records.confirmations:
        scores = (c.test_predictions, c.test_correct, c.test_values)
        _add_items(columns, _whose_items(records, c), records.run.split.groups, scores)
    return columns or {name: [] for name in ITEMS.names}


def _shift_items(records: Records) -> dict[str, list[Any]]:
    """As ``_items``, of the shift sets."""
    columns: dict[str, list[Any]] = defaultdict(list)
    groups = {shift.name: shift.groups for shift in records.run.shifts}
    for c in records.confirmations:
        for name, s in c.shifts.items():
            whose = {**_whose_items(records, c), "shift": name}
            _add_items(columns, whose, groups.get(name), (s.predictions, s.correct, s.values))
    return columns or {name: [] for name in SHIFT_ITEMS.names}


def _whose_items(records: Records, c: Confirmation) -> Row:
    return {
        "run": records.run.name,
        **{name: getattr(c, name) for name in ("role", "strategy", "replicate", "index")},
    }


def _add_items(
    columns: dict[str, list[Any]],
    whose: Row,
    groups: Sequence[int] | None,
    scores: tuple[Sequence[float] | None, Sequence[float] | None, Sequence[float] | None],
) -> None:
    """Rows of the items of one confirmation on one set; ``scores``: predictions, whether they are right, values."""
    count = next((len(known) for known in scores if known), 0)
    empty = [None] * count
    for name, value in whose.items():
        columns[name] += [value] * count
    columns["item"] += range(count)
    columns["group"] += empty if groups is None else groups[:count]
    for name, known in zip(("prediction", "correct", "value"), scores, strict=True):
        columns[name] += empty if known is None else known


def _text(text: str) -> str | None:
    return None if text == NOT_RECORDED else text


def _number(number: int) -> int | None:
    return None if number < 0 else number


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
