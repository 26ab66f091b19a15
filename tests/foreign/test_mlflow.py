from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sources import imported, of, records

from hpo.errors import UserError
from hpo.foreign.recognising import recognise
from hpo.records.run import Records
from hpo.tracking.reading import TrackedRuns

START = 1_700_000_000_000  # milliseconds


def track(client: Any, experiment: str, schedule: str, scores: list[float], number: int, **more: Any) -> str:
    """A run with a history of ``val_accuracy`` and ``test_accuracy``, of 10 s and a step each."""
    from mlflow.entities import Metric, Param, RunTag

    parent = more.get("parent")
    tags = {"seed": str(number), **({"mlflow.parentRunId": parent} if parent else {}), **more.get("tags", {})}
    start = START + number + more.get("later", 0)
    run = client.create_run(experiment, start_time=start, run_name=f"{schedule}-{number}", tags=tags)
    metrics = [
        Metric("val_accuracy", score, START + step, step) for step, score in enumerate(scores, start=1)
    ]
    metrics += [
        Metric("test_accuracy", score - 0.1, START + step, step) for step, score in enumerate(scores, start=1)
    ]
    client.log_batch(
        run.info.run_id,
        metrics=metrics,
        params=[
            Param("schedule", schedule),
            Param("learning_rate", f"1e-{number + 2}"),
            Param("layers", "[4, 2]"),
        ],
        tags=[RunTag("owner", "someone")],
    )
    status = more.get("status", "FINISHED")
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status, end_time=start + 10_000 * len(scores))
    return str(run.info.run_id)


def fill(uri: str) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.create_experiment("schedules")
    parent = client.create_run(experiment, start_time=START, run_name="sweep")
    for schedule, bonus in (("linear", 0.0), ("cosine", 0.05)):
        inside = {"parent": parent.info.run_id, "later": 10 if schedule == "cosine" else 0}
        track(client, experiment, schedule, [0.5 + bonus, 0.7 + bonus, 0.6 + bonus], 1, **inside)
        track(client, experiment, schedule, [0.5 + bonus, 0.6 + bonus, 0.65 + bonus], 2, **inside)
        track(client, experiment, schedule, [0.4], 3, status="KILLED", **inside)
        track(client, experiment, schedule, [], 4, status="FAILED", **inside)
    track(client, experiment, "linear", [0.9], 5, status="RUNNING")
    client.set_terminated(parent.info.run_id, "FINISHED")
    other = client.create_experiment("other")
    track(client, other, "step", [0.9], 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    fill(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def made(store: Path) -> Records:
    return records(f"sqlite:///{store}", studies=("schedules",), strategy=("schedule",))


def test_runs_become_trials_with_their_histories_as_rungs(made: Records) -> None:
    assert made.run.strategies == ("linear", "cosine")
    first, second, killed, failed = of(made.trials, "linear")
    assert [(r.examples, r.score) for r in first.rungs] == [(1, 0.5), (2, 0.7), (3, 0.6)]
    assert (first.score, first.best_rung) == (0.7, 1), "the best on the way, as hpo itself selects"
    assert (second.score, second.best_rung) == (0.65, 2)
    assert [t.state for t in (first, second, killed, failed)] == ["complete", "complete", "pruned", "failed"]
    assert (killed.score, killed.reason) == (None, "KILLED (run 'linear-3' of experiment 'schedules')")
    assert len(killed.rungs) == 1
    assert failed.rungs == ()
    assert first.parameters == {"schedule": "linear", "learning_rate": 1e-3, "layers": [4, 2]}
    assert (first.seed, first.charged, killed.charged) == (1, 30.0, 10.0)
    assert made.run.resource == "step"
    assert (made.run.metric.name, made.run.metric.share) == ("accuracy", True)


def test_the_test_score_is_that_of_the_rung_that_was_selected(made: Records) -> None:
    (confirmation,) = of(made.confirmations, "cosine")
    assert (confirmation.draw, confirmation.best_rung) == (0, 1)
    assert confirmation.selected_score == pytest.approx(0.75)
    assert confirmation.test_score == pytest.approx(0.65)
    assert made.run.search.shared_draws is True, "both were trained with seed 1"


def test_parents_and_runs_that_go_on_are_left_out_and_told(store: Path) -> None:
    found = imported(f"sqlite:///{store}", studies=("schedules",), strategy=("schedule",))
    assert "1 that others are nested in, left out" in found.told
    assert "1 not ended, left out" in found.told
    assert len(found.records[""].trials) == 8


def test_experiments_are_the_strategies_where_nothing_else_is(store: Path) -> None:
    assert recognise(str(store)) == recognise(f"sqlite:///{store}") == "mlflow"
    assert records(store, score="val_accuracy").run.strategies == ("schedules", "other")


def test_a_tag_can_be_the_strategy_and_a_parameter_the_task(store: Path) -> None:
    found = imported(store, strategy=("owner",), task=("schedule",), score="val_accuracy").records
    assert list(found) == ["linear", "cosine", "step"]
    assert found["step"].run.task == "step"
    assert found["step"].run.name == "mlflow/step"
    assert found["step"].run.strategies == ("someone",)


def test_an_old_store_of_files_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Records
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    fill((tmp_path / "mlruns").as_uri())
    assert recognise(str(tmp_path / "mlruns")) == "mlflow"
    again = records(tmp_path / "mlruns", studies=("schedules",), strategy=("schedule",))
    assert again.trials == made.trials
    assert again.confirmations == made.confirmations


def test_a_store_of_files_is_left_without_the_folder_that_mlflow_makes_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    fill((tmp_path / "made").as_uri())
    store, trash = tmp_path / "mlruns", tmp_path / "mlruns" / ".trash"
    shutil.copytree(tmp_path / "made", store)  # MLflow keeps the store that it has opened once
    trash.rmdir()
    held = TrackedRuns(str(store))
    assert held.experiments() == ["schedules", "other"]
    assert trash.is_dir()
    del held
    gc.collect()
    assert not trash.exists()
    shutil.copytree(tmp_path / "made", tmp_path / "used")
    TrackedRuns(str(tmp_path / "used")).experiments()
    gc.collect()
    assert (tmp_path / "used" / ".trash").is_dir(), "it was there before"


def test_what_cannot_be_imported_is_told(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no experiment 'schedule'; there are 'schedules', 'other'"):
        records(store, studies=("schedule",))
    with pytest.raises(
        UserError, match="no parameter, tag or metric 'accuracy'; there are 'val_accuracy'"
    ) as caught:
        records(store, score="accuracy")
    assert caught.value.hint == "Name one of them, such as `--score 'val_accuracy'`."
    with pytest.raises(UserError, match="there is no file"):
        TrackedRuns(f"sqlite:///{tmp_path / 'missing.db'}")
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\x00" + bytes(100))
    with pytest.raises(UserError, match=r"mlflow\.db is no sqlite database"):
        records(tmp_path / "mlflow.db")
    with pytest.raises(UserError, match=r"MLflow at 'http://127\.0\.0\.1:9' cannot be read"):
        TrackedRuns("http://127.0.0.1:9").experiments()


def older_store(path: Path) -> Path:
    """A store of a schema that this version of MLflow migrates when it opens it."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    config = _get_alembic_config(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0584bdc529eb")  # of November 2024
    engine.dispose()
    return path


def test_a_store_of_an_older_schema_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    path = older_store(tmp_path / "mlflow.db")
    before = path.read_bytes()
    assert TrackedRuns(f"sqlite:///{path}").experiments() == []
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select version_num from alembic_version").fetchall() == [("0584bdc529eb",)]
    assert [p.name for p in tmp_path.iterdir()] == ["mlflow.db"]


def test_what_stands_in_the_log_of_a_database_is_read_too(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    shutil.copy(store, path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("update experiments set name = 'renamed' where name = 'other'")
        writer.commit()
        before = path.read_bytes()
        assert TrackedRuns(f"sqlite:///{path}").experiments() == ["schedules", "renamed"]
        assert path.read_bytes() == before
    before = path.read_bytes()
    assert TrackedRuns(f"sqlite:///{path}").experiments() == ["schedules", "renamed"]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["mlflow.db"], "no empty log is left beside it"


def test_a_copy_is_gone_with_the_runs_that_were_read_from_it(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = TrackedRuns(f"sqlite:///{store}")
    held.experiments()
    runs = held.runs("other")
    del held
    assert runs[0].history("val_accuracy") == {1: 0.9}
    assert list(tmp_path.glob("*/copy.db")) != []
    del runs
    gc.collect()
    assert list(tmp_path.glob("*/copy.db")) == []
