"""When and in how many calls the mirror writes to a real sqlite store, and how one that fails is said."""

from __future__ import annotations

import resource
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tracked_run import (
    TABLE,
    TRIALS,
    Made,
    Told,
    client,
    files,
    history,
    make_run,
    now,
    read,
    snapshot,
    tell_all,
)

from hpo.errors import UserError
from hpo.tracking.store import Store
from hpo.tracking.uri import default_uri


def test_a_disk_that_fills_up_while_the_tables_are_made_leaves_nothing_that_must_be_mended(
    tmp_path: Path,
) -> None:
    uri = default_uri(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UserError, match="MLflow at"):
            Store(uri)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "mlflow.db").exists()
    assert not Store(uri).knows("anything")


def test_a_database_that_mlflow_cannot_use_is_a_user_error(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table alembic_version (version_num varchar(32))")
        connection.execute("insert into alembic_version values ('no such version')")
    with pytest.raises(UserError) as caught:
        Told(f"sqlite:///{path}", make_run("x"), "run1")
    assert caught.value.message.startswith(f"MLflow at 'sqlite:///{path}' failed: ")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each writing call of MLflow was made since."""
    from mlflow.tracking import MlflowClient

    counted: Counter[str] = Counter()

    def count_calls(method: str) -> None:
        original = getattr(MlflowClient, method)

        def counting(*args: Any, **kwargs: Any) -> Any:
            counted[method] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(MlflowClient, method, counting)

    for method in ("create_run", "log_batch", "set_terminated", "update_run", "log_metric", "set_tag"):
        count_calls(method)
    return counted


def test_what_ends_before_its_turn_is_written_at_once_and_alike(
    results: Path, name: str, tmp_path: Path, calls: Counter[str]
) -> None:
    eager = Told(default_uri(results), make_run(name), "run1")
    tell_all(eager)
    eager.finish(*files(tmp_path), "A verdict.", TABLE)
    lazy = Told(default_uri(results), make_run(f"{name}b"), "run1", lazy=True)
    calls.clear()
    tell_all(lazy)
    assert not calls
    lazy.mirror.write_all()
    trainings, studies, strategies, comparison = 8 + 6, 4, 3, 1
    assert calls == {
        "create_run": trainings + studies,
        "log_batch": trainings + studies + strategies + comparison,
        "set_terminated": trainings,
    }
    lazy.finish(*files(tmp_path), "A verdict.", TABLE)
    assert snapshot(results, f"{name}b") == snapshot(results, name)


def test_a_training_under_way_waits_a_moment_and_an_ended_one_does_not(
    results: Path, name: str, calls: Counter[str]
) -> None:
    told = Told(default_uri(results), make_run(name), "run1", lazy=True)
    calls.clear()
    assert told.mirror.pause() is None
    told.started(TRIALS[0].work())
    pause = told.mirror.pause()
    assert pause is not None
    assert 0 < pause <= 1
    told.mirror.write_next()
    assert not calls
    told.trial(TRIALS[0].trial())
    assert told.mirror.pause() == 0
    told.mirror.write_next()
    assert calls == {"create_run": 2, "log_batch": 1, "set_terminated": 1}


def test_more_metrics_than_mlflow_takes_at_once_are_all_written(results: Path, name: str) -> None:
    told = Told(default_uri(results), make_run(name, replicates=1, trials=500), "run1", lazy=True)
    made = [Made("linear", 0, i, (0.5,)).trial() for i in range(500)]
    for trial in made:
        told.mirror._progressed(1, trial, *told.mirror._progress["linear"].add_trial(trial))
    told.mirror.write_all()
    study = read(results, name)["study/linear/r0"]
    for metric in ("best_so_far/accuracy", "cost/charged_seconds"):
        assert [step for step, _ in history(results, study, metric)] == list(range(1, 501))


def test_runs_keep_the_times_of_what_they_mirror_and_none_starts_with_another(
    results: Path, name: str
) -> None:
    told = Told(default_uri(results), make_run(name), "run1", lazy=True)
    at = now() + 1000
    told.mirror.started(at, TRIALS[0].work())
    told.mirror.rung(at + 5000, TRIALS[0].work(), TRIALS[0].rungs[0])
    told.mirror.trial(at + 9000, TRIALS[0].trial())
    told.mirror.trial(at + 9000, TRIALS[1].trial())
    told.mirror.write_all()
    runs = read(results, name)
    trial = runs["trial/linear/r0/d0"]
    assert (trial.info.start_time, trial.info.end_time) == (at + 1, at + 9000)
    stamps = [
        m.timestamp for m in client(results).get_metric_history(trial.info.run_id, "validation/accuracy")
    ]
    assert stamps == [at + 5000, at + 9000, at + 9000]
    starts = {key: run.info.start_time for key, run in runs.items() if key.startswith(("study", "trial"))}
    assert len(set(starts.values())) == 4
    assert starts["study/cosine/r0"] < starts["trial/cosine/r0/d0"]
