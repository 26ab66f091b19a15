from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.csv
import pyarrow.parquet
import pytest

from hpo.errors import UserError
from hpo.records.charges import charged_seconds, spent_seconds
from hpo.records.description import RECORDS, TABLES, as_markdown
from hpo.records.exported import read_tables
from hpo.records.files import read_records
from hpo.records.limits import Limit
from hpo.records.run import Records, Run, Stamp
from hpo.records.search import Closed, ParameterInfo, Search
from hpo.records.setup import ModelInfo, PrivacyInfo, PrivateGroup, SplitInfo
from hpo.records.tables import tables, write_tables
from hpo.records.trainings import Audited, Confirmation, Rung, Segment, Trial, Work

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "records.md"


@pytest.fixture(scope="module")
def example() -> Records:
    return read_records(ROOT / "results" / "example")


@pytest.fixture(scope="module")
def exported(example: Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_tables(example, folder)
    return folder


def foreign(strategy: str = "adam", **changes: Any) -> Records:
    """What an import leaves: no items, seeds, splits or keys; a minimised metric; a cost in one piece."""
    run: dict[str, Any] = {
        "name": "imported",
        "question": "Which optimizer?",
        "task": "cifar",
        "source": "CSV",
        "strategies": (strategy, "sgd"),
        "replicates": 1,
        "trials": 2,
        "seeds": 1,
        "search": Search(),
        "notes": ("cost: column seconds", "3 not ended, left out"),
        "space": (
            ParameterInfo(name="lr", kind="range", low=0.1, high=1.0, log=True, observed=True),
            ParameterInfo(
                name="head", kind="choices", values=((8, 4), "none", None), default=[8, 4], when={"a": (1,)}
            ),
        ),
    }
    parameters = {"lr": -0.5, "head": [8, 4], "name": "=1+1", "nothing": None, "flag": True}
    rungs = (Rung(examples=1, score=0.5), Rung(examples=2, score=0.25))
    known = {"strategy": strategy, "replicate": 0, "parameters": parameters, "rungs": rungs, "charged": 3.5}
    return Records(
        run=Run(**{**run, **changes}),
        trials=(
            Trial(**known, draw=0, state="complete", reason="said so", score=0.25),
            Trial(
                **{**known, "charged": None, "rungs": ()}, draw=1, state="failed", reason="loss", score=None
            ),
        ),
        confirmations=(Confirmation(role="strategy", **known, index=0, test_score=0.3, fresh=False),),
    )


def test_an_export_reads_back_equal(example: Records, exported: Path) -> None:
    assert example.run.stamp is not None
    assert example.audited
    assert read_tables(exported) == example


def test_an_imported_run_reads_back_equal(tmp_path: Path) -> None:
    split = SplitInfo(test=3, groups=(0, 0, 1))
    stamp = Stamp(began="2026-01-01", command="hpo run", git=None, plan_sha256="0")
    records = foreign(split=split, stamp=stamp, metric={"name": "loss", "maximize": False, "share": False})
    write_tables(records, tmp_path)
    again = read_tables(tmp_path)
    # JSON knows no tuples, in memory or in the files of a run.
    assert again.model_dump(mode="json") == records.model_dump(mode="json")
    assert again.confirmations[0].test_correct is None
    assert again.trials[0].seed == -1
    assert again.run.notes == records.run.notes


def test_tables_from_before_what_imports_inferred_was_kept_are_read(tmp_path: Path) -> None:
    write_tables(foreign(), tmp_path)
    since = (
        *(("runs", "notes"), ("runs", "models"), ("runs", "texts_cut"), ("runs", "form")),
        *(("runs", "device_seconds"), ("space", "observed")),
        *(
            ("runs", "examples"),
            ("runs", "money"),
            ("runs", "price_per_hour"),
            ("runs", "total"),
            ("runs", "closed"),
        ),
    )
    for name, column in since:
        path = tmp_path / f"{name}.parquet"
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).drop_columns([column]), path)
    run = read_tables(tmp_path).run
    assert run.notes == ()
    assert run.models == {}
    assert (run.form, run.examples, run.device_seconds, run.price_per_hour) == (None, None, None, None)
    assert run.split.texts_cut is None
    assert [p.observed for p in run.space] == [False, False]


def test_form_and_budget_of_a_run_read_back(tmp_path: Path) -> None:
    head = {"form": "small", "examples": 640, "device_seconds": 12.5, "money": 0.01, "price_per_hour": 2.88}
    ended = {"total": {"trials": 9}, "closed": {"rounds": 2, "reason": "so"}}
    write_tables(foreign(**head, **ended), tmp_path)
    run = read_tables(tmp_path).run
    assert (run.total, run.closed) == (Limit(trials=9), Closed(rounds=2, reason="so"))
    assert head.items() <= run.model_dump(include=set(head)).items()


def test_the_models_that_a_run_compares_read_back_equal(tmp_path: Path) -> None:
    small = ModelInfo(
        source="folder small", licence="MIT", layers=3, hidden_size=8, parameters=900, sha256="1"
    )
    records = foreign(models={"small": small, "large": ModelInfo(source="hub large")})
    write_tables(records, tmp_path)
    assert read_tables(tmp_path).run.models == records.run.models


def test_an_audit_reads_back_equal_and_adds_nothing_to_what_the_run_spent(
    example: Records, tmp_path: Path
) -> None:
    pruned = next(t for t in example.trials if t.state == "pruned")
    audited = Audited(
        strategy=pruned.strategy,
        replicate=pruned.replicate,
        draw=pruned.draw,
        sample_seed=7,
        state="complete",
        reason="trained to its end",
        score=0.7,
        segments=(Segment(key="s", examples=512, steps=32, seconds=2.0),),
        rungs=(Rung(examples=512, score=0.7, seconds=0.5, evaluation="e"),),
        passes=(Work(key="p", seconds=1.0, spent=0.25),),
        seconds=4.0,
    )
    records = example.model_copy(update={"audited": (audited,)})
    write_tables(records, tmp_path)
    assert read_tables(tmp_path) == records
    costs = pd.read_parquet(tmp_path / "costs.parquet")
    assert costs.query("training == 'audit'")["charged_seconds"].sum() == charged_seconds(audited) == 3.5
    everything = (*example.trials, *example.confirmations)
    assert costs["spent_seconds"].sum() == pytest.approx(spent_seconds(everything), rel=1e-12)


def test_a_run_without_any_training_has_all_tables(tmp_path: Path) -> None:
    records = foreign().model_copy(update={"trials": (), "confirmations": ()})
    write_tables(records, tmp_path)
    assert read_tables(tmp_path).trials == ()
    assert pd.read_parquet(tmp_path / "items.parquet").columns.tolist() == [
        *("run", "role", "strategy", "replicate", "index", "item", "group", "prediction", "correct", "value")
    ]


def test_the_tables_hold_what_the_records_hold(example: Records, exported: Path) -> None:
    trials = pd.read_parquet(exported / "trials.parquet")
    assert len(trials) == len(example.trials)
    assert trials["score"].dropna().tolist() == [t.score for t in example.trials if t.score is not None]
    assert trials["charged_seconds"].tolist() == [charged_seconds(t) for t in example.trials]
    rungs = pd.read_parquet(exported / "rungs.parquet")
    everything = (*example.trials, *example.confirmations, *example.audited)
    assert len(rungs) == sum(len(item.rungs) for item in everything)
    items = pd.read_parquet(exported / "items.parquet")
    means = items.groupby(["role", "strategy", "replicate", "index"])["correct"].mean()
    for c in example.confirmations:
        assert means[c.role, c.strategy, c.replicate, c.index] == pytest.approx(c.test_score, abs=1e-12)
    parameters = pd.read_parquet(exported / "parameters.parquet")
    rates = parameters.query("training == 'trial' and name == 'learning_rate'")["number_value"]
    assert rates.tolist() == [t.parameters["learning_rate"] for t in example.trials]


def test_costs_sum_to_what_is_charged_and_to_what_was_spent(example: Records, exported: Path) -> None:
    costs = pd.read_parquet(exported / "costs.parquet")
    costs = costs[costs["training"] != "audit"]
    everything = (*example.trials, *example.confirmations)
    assert costs["spent_seconds"].sum() == pytest.approx(spent_seconds(everything), rel=1e-12)
    charged = costs.groupby(["training", "strategy", "replicate", "number"])["charged_seconds"].sum()
    for t in example.trials:
        assert charged["trial", t.strategy, t.replicate, t.draw] == pytest.approx(
            charged_seconds(t), rel=1e-12
        )
    assert costs["charged_seconds"].sum() == pytest.approx(sum(map(charged_seconds, everything)), rel=1e-12)


def test_a_cost_in_one_piece_is_charged_and_spent_once() -> None:
    records = foreign()
    costs = next(table for schema, table in tables(records).items() if schema.name == "costs").to_pandas()
    assert costs["work"].tolist() == ["whole", "whole"]
    assert costs["charged_seconds"].tolist() == costs["spent_seconds"].tolist() == [3.5, 3.5]


def test_equal_records_give_equal_bytes(example: Records, exported: Path, tmp_path: Path) -> None:
    written = write_tables(example, tmp_path)
    assert len(written) == 2 * len(TABLES) + 1
    for path in written:
        assert path.read_bytes() == (exported / path.name).read_bytes(), path.name


def test_the_csv_holds_the_numbers_of_the_parquet_file(exported: Path) -> None:
    for table in TABLES:
        parquet = pyarrow.parquet.read_table(exported / f"{table.name}.parquet")
        options = pyarrow.csv.ConvertOptions(
            column_types=parquet.schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        text = pyarrow.csv.read_csv(exported / f"{table.name}.csv", convert_options=options)
        assert text.to_pylist() == parquet.to_pylist(), table.name


def test_no_text_of_a_csv_begins_like_a_formula(tmp_path: Path) -> None:
    write_tables(foreign("=cmd|' /C calc'!A0", question="+1+A1", task="@SUM(1)"), tmp_path)
    for path in tmp_path.glob("*.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                text = {name: cell for name, cell in row.items() if cell.startswith(("=", "+", "@", "\t"))}
                assert not text, path.name
    with (tmp_path / "runs.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["question"] == "'+1+A1"
    with (tmp_path / "parameters.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["value"], row["number_value"]) == ("-0.5", "-0.5"), "a number stays a number"
    assert read_tables(tmp_path).run.strategies[0] == "=cmd|' /C calc'!A0"


def test_no_cell_is_empty_that_may_not_be(exported: Path, tmp_path: Path) -> None:
    write_tables(foreign(), tmp_path)
    for folder in (exported, tmp_path):
        for table in TABLES:
            frame = pyarrow.parquet.read_table(folder / f"{table.name}.parquet")
            for column in table.columns:
                assert column.empty or frame.column(column.name).null_count == 0, (table.name, column.name)


def test_keys_are_different_in_each_row(exported: Path) -> None:
    for table in TABLES:
        frame = pd.read_parquet(exported / f"{table.name}.parquet")
        assert not frame.duplicated(list(table.key)).any(), table.name


def test_every_parquet_file_says_schema_version_and_units(exported: Path) -> None:
    for table in TABLES:
        found = pyarrow.parquet.read_schema(exported / f"{table.name}.parquet")
        assert found.metadata[b"hpo.schema"] == b"hpo.records"
        assert found.metadata[b"hpo.version"] == b"2"
        for column in table.columns:
            metadata = found.field(column.name).metadata
            assert metadata[b"unit"].decode() == column.unit
            assert metadata[b"meaning"].decode() == column.meaning
    assert json.loads((exported / "schema.json").read_text()) == RECORDS.as_json()


def test_every_column_has_a_meaning_and_every_number_of_time_a_unit() -> None:
    for table in TABLES:
        assert len(set(table.names)) == len(table.columns)
        assert set(table.key) <= set(table.names)
        for column in table.columns:
            assert column.meaning.endswith(".") or column.meaning.endswith("`"), column
            assert not column.name.endswith("seconds") or column.unit == "device-seconds"


def test_the_page_on_the_tables_is_current() -> None:
    command = "from pathlib import Path; from hpo.records.description import as_markdown as page; "
    command += "Path('docs/records.md').write_text(page(), encoding='utf-8')"
    assert PAGE.read_text(encoding="utf-8") == as_markdown(), f'run: python -c "{command}"'


def test_a_missing_table_is_named(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no runs\.parquet") as caught:
        read_tables(tmp_path)
    assert "hpo export-records" in caught.value.hint


def test_tables_of_another_version_or_kind_are_refused(tmp_path: Path) -> None:
    write_tables(foreign(), tmp_path)
    path = tmp_path / "runs.parquet"
    table = pyarrow.parquet.read_table(path)
    old = table.replace_schema_metadata({**table.schema.metadata, b"hpo.version": b"1"})
    pyarrow.parquet.write_table(old, path)
    with pytest.raises(
        UserError, match=r"runs\.parquet: found version 1 of the schema; this hpo reads version 2"
    ):
        read_tables(tmp_path)
    pyarrow.parquet.write_table(table.replace_schema_metadata(None), path)
    with pytest.raises(UserError, match="is no table of a run"):
        read_tables(tmp_path)
    path.write_bytes(b"PAR?")
    with pytest.raises(UserError, match="is no Parquet file"):
        read_tables(tmp_path)


def test_what_was_replaced_and_what_privacy_was_promised_read_back_equal(tmp_path: Path) -> None:
    group = PrivateGroup(
        epsilon=8.0,
        spent=7.99,
        noise_multiplier=1.5,
        trainings=20,
        strategies=("a", "b"),
        steps=48,
        rate=0.125,
    )
    info = PrivacyInfo(
        accountant="RDP", delta=1e-5, clip=1.0, groups=(group,), together=7.99, unprotected=("c",)
    )
    records = foreign(split=SplitInfo(scrubbed={"EMAIL": 2, "CARD": 0, "PHONE": 1}), privacy=info)
    write_tables(records, tmp_path)
    assert read_tables(tmp_path).model_dump(mode="json") == records.model_dump(mode="json")
    for column in ("scrubbed", "privacy"):
        path = tmp_path / "runs.parquet"
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).drop_columns([column]), path)
    before = read_tables(tmp_path).run
    assert before.split.scrubbed is None
    assert before.privacy is None
