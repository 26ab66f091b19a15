"""The real command with studies in PostgreSQL and its mirror on an MLflow server with accounts: both go away for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import RDBStorage

from tests.e2e.runs import facts, hpo, start
from tests.mlflow_server import MlflowServer
from tests.postgres import Postgres

pytestmark = pytest.mark.slow
ABSENCE = 60.0  # seconds


@pytest.fixture(scope="module")
def mlflow_server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    made = MlflowServer(tmp_path_factory.mktemp("mlflow"), postgres)
    yield made
    made.down()


def entries(uri: str) -> Any:
    """What MLflow holds of the run: states, parameters, last metrics, and how often a rung's score was logged."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    assert len({run.data.tags["hpo.key"] for run in runs}) == len(runs), "no run is there twice"
    clocks = ("seconds", "cost/", "mlflow.")
    return {
        run.data.tags["hpo.key"]: (
            run.info.status,
            run.data.params,
            {k: v for k, v in run.data.metrics.items() if not any(clock in k for clock in clocks)},
            sorted(
                (m.step, m.value) for m in client.get_metric_history(run.info.run_id, "validation/accuracy")
            ),
        )
        for run in runs
    }


def segments(folder: Path) -> int:
    return len(list((folder / "results" / ".store" / "segments").glob("*.json")))


def test_a_run_whose_servers_go_away_ends_as_one_without_them_and_no_password_is_left(
    tiny_space: Path,
    postgres: Postgres,
    mlflow_server: MlflowServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone, folder = tmp_path / "alone", tmp_path / "served"
    alone.mkdir()
    folder.mkdir()
    assert hpo("run", "--space", str(tiny_space), cwd=alone).returncode == 0
    storage = postgres.make("e2e")
    command = ["run", "--space", str(tiny_space), "--storage", storage, "--tracking-uri", mlflow_server.uri]
    process = start(*command, cwd=folder)
    while segments(folder) < 5 and process.poll() is None:
        time.sleep(0.01)
    mlflow_server.down()
    gone = time.monotonic()
    postgres.down()
    time.sleep(3)
    postgres.up()
    time.sleep(max(0.0, ABSENCE - (time.monotonic() - gone)))
    mlflow_server.up()
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr
    assert "is away (" in stdout
    assert facts(folder / "results" / "tiny") == facts(alone / "results" / "tiny")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", mlflow_server.password)
    assert entries(mlflow_server.address) == entries(f"sqlite:///{alone / 'results' / 'mlflow.db'}")
    studies = RDBStorage(storage)
    trials = [t for s in studies.get_all_studies() for t in studies.get_all_trials(s._study_id)]
    studies.engine.dispose()
    assert (len(trials), all(t.state.is_finished() for t in trials)) == (36, True)
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in (postgres.password, mlflow_server.password):
        assert secret not in stdout + stderr
        assert secret.encode() not in written


def test_a_wrong_password_is_refused_by_name_and_not_repeated(
    tiny_space: Path, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    uri = mlflow_server.uri.replace(mlflow_server.password, "hunter2")
    done = hpo("run", "--space", str(tiny_space), "--tracking-uri", uri, cwd=tmp_path)
    assert done.returncode == 2
    assert "the server refused the user or the password (HTTP 401)" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
