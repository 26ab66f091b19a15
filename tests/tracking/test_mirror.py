"""What the mirror writes to a real sqlite store, read back through MLflow's own client."""

from __future__ import annotations

import resource
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tracked_run import (
    CONFIRMATIONS,
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
    tell,
    tell_all,
    tell_confirmation,
)

from hpo.errors import UserError
from hpo.tracking import store as store_module
from hpo.tracking.attach import attach
from hpo.tracking.store import Store
from hpo.tracking.uri import default_uri

NUMBER = count()


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for all tests: making one takes seconds. The folder's name is as awkward as is allowed."""
    return tmp_path_factory.mktemp("track") / "my results #1 é"


@pytest.fixture
def name() -> str:
    """An experiment of its own for each test."""
    return f"space{next(NUMBER)}"


def test_a_note_stands_with_the_comparison(results: Path, name: str) -> None:
    observer = Told(default_uri(results), make_run(name), "run1")
    observer.note("fine")
    assert read(results, name)["comparison"].data.tags["hpo.notes"] == "fine"


def test_runs_nest_as_strategy_study_trial_and_confirmation(results: Path, name: str, tmp_path: Path) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path), "Linear and cosine cannot be told apart.", TABLE)
    runs = read(results, name)

    def parent(key: str) -> str | None:
        above = runs[key].data.tags.get("mlflow.parentRunId")
        return next((k for k, run in runs.items() if run.info.run_id == above), None)

    assert len(runs) == 1 + 3 + 4 + 8 + 6
    assert parent("trial/cosine/r1/d0") == "study/cosine/r1"
    assert parent("confirmation/linear/r0/s0") == "study/linear/r0"
    assert parent("study/cosine/r1") == "strategy/cosine"
    assert parent("confirmation/baseline/r1/s0") == "strategy/baseline"
    assert all("mlflow.parentRunId" not in runs[k].data.tags for k in ("comparison", "strategy/cosine"))
    starts = [
        runs[k].info.start_time
        for k in ("comparison", "strategy/linear", "strategy/cosine", "study/linear/r0")
    ]
    assert starts == sorted(starts)


def test_a_trial_carries_flat_parameters_its_rungs_by_examples_and_its_state(
    results: Path, name: str
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    for made in TRIALS:
        tell(tracker, made)
    runs = read(results, name)
    linear = runs["trial/linear/r0/d0"]
    assert linear.data.params == {
        "learning_rate": "1e-05",
        "warmup_ratio": "0.1",
        "schedule": "linear",
        "frozen_layers": "4",
        "head_hidden_sizes": "[64, 32]",
    }
    assert history(results, linear, "validation/accuracy") == [(200, 0.6), (400, 0.8), (800, 0.7)]
    assert history(results, linear, "train/loss")[0] == (200, pytest.approx(0.3))
    assert history(results, linear, "learning_rate") == [(200, 1e-05), (400, 1e-05), (800, 1e-05)]
    assert history(results, linear, "validation/best_accuracy") == [(400, 0.8)]
    assert linear.data.metrics["cost/charged_seconds"] == pytest.approx(3 * 2.0 + 3 * 0.5)
    assert linear.info.status == "FINISHED"
    assert runs["trial/linear/r0/d1"].info.status == "KILLED"
    assert runs["trial/linear/r0/d1"].data.tags["hpo.state"] == "pruned"
    assert "validation/best_accuracy" not in runs["trial/linear/r0/d1"].data.metrics
    assert runs["trial/cosine/r1/d0"].info.status == "FAILED"
    assert runs["trial/cosine/r1/d0"].data.tags["hpo.reason"] == "loss is not finite"


def test_best_so_far_never_counts_pruned_trials_and_waits_for_every_replicate(
    results: Path, name: str
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    for made in TRIALS:
        tell(tracker, made)
    runs = read(results, name)
    best = "best_so_far/accuracy"
    assert history(results, runs["study/linear/r0"], best) == [(1, 0.8), (2, 0.8)]
    assert history(results, runs["study/cosine/r1"], best) == [(2, 0.7)]
    assert history(results, runs["strategy/linear"], best) == [
        (1, pytest.approx(0.7)),
        (2, pytest.approx(0.75)),
    ]
    assert history(results, runs["strategy/cosine"], best) == [(2, pytest.approx(0.725))]


def test_test_scores_reach_the_strategy_once_all_confirmations_are_in(results: Path, name: str) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_confirmation(tracker, *CONFIRMATIONS[0])
    assert "test/accuracy" not in read(results, name)["strategy/linear"].data.metrics
    tell_confirmation(tracker, *CONFIRMATIONS[1])
    runs = read(results, name)
    assert history(results, runs["strategy/linear"], "test/accuracy") == [(2, pytest.approx(0.75))]
    assert runs["confirmation/linear/r1/s0"].data.metrics["test/accuracy"] == pytest.approx(0.8)
    assert runs["confirmation/linear/r1/s0"].data.metrics["test/loss"] == pytest.approx(0.2)
    assert runs["strategy/linear"].data.metrics["cost/charged_seconds"] == pytest.approx(2 * (2 * 2.5 + 1.0))


def test_finish_stores_files_and_verdict_and_leaves_nothing_running(
    results: Path, name: str, tmp_path: Path
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell(tracker, TRIALS[0])
    tracker.started(TRIALS[1].work())
    tracker.note("two duplicates dropped")
    tracker.finish(*files(tmp_path), "No *winner* <yet>.", TABLE)
    runs = read(results, name)
    comparison = runs["comparison"]
    names = {f.path for f in client(results).list_artifacts(comparison.info.run_id)}
    assert names == {"space.yaml", "report.html", "tables", "verdict.json"}
    tables = client(results).list_artifacts(comparison.info.run_id, "tables")
    assert [f.path for f in tables] == ["tables/main.tex"]
    text = comparison.data.tags["mlflow.note.content"]
    assert text.startswith("### Verdict\n\nNo \\*winner\\* &lt;yet&gt;.\n")
    assert TABLE in text
    assert "- two duplicates dropped\n" in text
    described = client(results).get_experiment_by_name(name).tags["mlflow.note.content"]
    assert described.startswith("### Verdict\n\nNo \\*winner\\* &lt;yet&gt;.\n\n" + TABLE)
    assert Counter(run.info.status for run in runs.values()) == {"FINISHED": 7, "KILLED": 1}
    assert runs["trial/cosine/r0/d0"].data.tags["hpo.state"] == "interrupted"
    artifacts = results / "mlflow_artifacts"
    assert next(artifacts.rglob("main.tex")).read_text() == "content of main.tex"


def test_telling_everything_again_changes_nothing(
    results: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    before = snapshot(results, name)
    tell_all(tracker)
    monkeypatch.setattr(store_module, "PAGE", 5)
    again = Told(default_uri(results), make_run(name), "run1")
    tell_all(again)
    again.finish(*files(tmp_path), "A verdict.", TABLE)
    assert snapshot(results, name) == before


def test_a_record_alone_gives_the_same_run_as_its_events(results: Path, name: str) -> None:
    live = Told(default_uri(results), make_run(name), "run1")
    tell_all(live)
    told = Told(default_uri(results), make_run(f"{name}b"), "run1")
    for made in TRIALS:
        told.trial(made.trial())
    for made, score in CONFIRMATIONS:
        told.confirmation(made.confirmation(score))
    for replicate in (0, 1):
        told.confirmation(Made("baseline", replicate, 0, (0.6, 0.6)).confirmation(0.5, "baseline"))
    assert snapshot(results, f"{name}b") == snapshot(results, name)


def test_an_interrupted_run_reads_killed_and_is_continued(results: Path, name: str, tmp_path: Path) -> None:
    whole = Told(default_uri(results), make_run(name), "run1")
    tell_all(whole)
    whole.finish(*files(tmp_path), "A verdict.", TABLE)

    cut = f"{name}b"
    first = Told(default_uri(results), make_run(cut), "run1")
    tell(first, TRIALS[0])
    first.started(TRIALS[1].work())
    first.rung(TRIALS[1].work(), TRIALS[1].rungs[0])
    first.interrupt()
    statuses = {key: run.info.status for key, run in read(results, cut).items()}
    assert statuses.pop("trial/linear/r0/d0") == "FINISHED"
    assert set(statuses.values()) == {"KILLED"}

    second = Told(default_uri(results), make_run(cut), "run1")
    tell_all(second)
    assert read(results, cut)["strategy/cosine"].info.status == "RUNNING"
    second.finish(*files(tmp_path), "A verdict.", TABLE)
    assert snapshot(results, cut) == snapshot(results, name)


def test_a_failed_trial_that_is_tried_again_is_the_same_run_and_reads_what_came_of_it(
    results: Path, name: str, tmp_path: Path
) -> None:
    whole = Told(default_uri(results), make_run(name), "run1")
    tell_all(whole)
    whole.finish(*files(tmp_path), "A verdict.", TABLE)

    cut = f"{name}b"
    first = Told(default_uri(results), make_run(cut), "run1")
    shared, alone = TRIALS[1], TRIALS[0]  # a draw that shares the failed training is told of at its end alone
    first.started(alone.work())
    for made in (alone, shared):
        first.trial(replace(made, state="failed", accuracies=made.accuracies[:1]).trial())
    first.interrupt()
    assert read(results, cut)["trial/linear/r0/d0"].info.status == "FAILED"

    second = Told(default_uri(results), make_run(cut), "run1")
    second.started(alone.work())
    assert read(results, cut)["trial/linear/r0/d0"].info.status == "RUNNING"
    second.trial(shared.trial())
    tell_all(second)
    second.finish(*files(tmp_path), "A verdict.", TABLE)
    found, wanted = snapshot(results, cut), snapshot(results, name)
    assert found.keys() == wanted.keys()
    for key in wanted:
        if key.startswith(("trial/", "confirmation/")):
            *ours, points = found[key]
            *theirs, wanted_points = wanted[key]
            assert ours == theirs
            # What the failed attempt was charged stands at the step at which it ended.
            assert {m: told[-1] for m, told in points.items()} == {
                m: told[-1] for m, told in wanted_points.items()
            }


def test_a_stop_while_runs_are_opened_or_ended_leaves_none_running(
    results: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after(number: int, method: str) -> None:
        """Ctrl-C after ``number`` calls."""
        original, calls = getattr(Store, method), count(1)

        def stopped(*args: Any, **kwargs: Any) -> Any:
            if next(calls) == number + 1:
                raise KeyboardInterrupt
            return original(*args, **kwargs)

        monkeypatch.setattr(Store, method, stopped)

    stop_after(2, "create")
    with pytest.raises(KeyboardInterrupt):
        Told(default_uri(results), make_run(name), "run1")
    monkeypatch.undo()
    assert [run.info.status for run in read(results, name).values()] == ["KILLED"] * 2

    tracker = Told(default_uri(results), make_run(name), "run1")
    tell(tracker, TRIALS[0])
    stop_after(1, "end")
    with pytest.raises(KeyboardInterrupt):
        tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    tracker.interrupt()  # as the coordinator does on any stop
    statuses = Counter(run.info.status for run in read(results, name).values())
    assert statuses == {"FINISHED": 2, "KILLED": 4}


@pytest.mark.parametrize("method", ["create_run", "update_run"])
def test_a_stop_inside_a_call_of_mlflow_leaves_no_run_running(
    results: Path, name: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    first = Told(default_uri(results), make_run(name), "run1")
    first.started(TRIALS[0].work())
    first.interrupt()
    tracker = Told(default_uri(results), make_run(name), "run1")
    client = tracker.store._client
    original = getattr(client, method)

    def done_and_stopped(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(client, method, done_and_stopped)
    with pytest.raises(KeyboardInterrupt):
        tell(tracker, TRIALS[1 if method == "create_run" else 0])
    monkeypatch.undo()
    assert "RUNNING" in {run.info.status for run in read(results, name).values()}
    tracker.interrupt()
    assert {run.info.status for run in read(results, name).values()} == {"KILLED"}


def test_a_run_that_cannot_be_ended_does_not_keep_the_others(
    results: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    client = tracker.store._client
    original, calls = client.set_terminated, count()

    def failing_once(*args: Any) -> None:
        if next(calls) == 0:
            raise OSError("database is locked")
        original(*args)

    monkeypatch.setattr(client, "set_terminated", failing_once)
    tracker.interrupt()
    statuses = Counter(run.info.status for run in read(results, name).values())
    assert statuses == {"RUNNING": 1, "KILLED": 3}


def test_a_store_that_fails_does_not_hide_why_a_run_was_stopped(
    results: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    failing = OSError("disk full")
    monkeypatch.setattr(tracker.store._client, "set_terminated", lambda *_: (_ for _ in ()).throw(failing))
    tracker.interrupt()
    assert read(results, name)["comparison"].info.status == "RUNNING"


def test_two_runs_of_one_space_share_an_experiment_and_no_run(results: Path, name: str) -> None:
    first = Told(default_uri(results), make_run(name), "run1")
    second = Told(default_uri(results), make_run(name), "run2")
    tell(first, TRIALS[0])
    tell(second, TRIALS[0])
    ids = [{run.info.run_id for run in read(results, name, run_id).values()} for run_id in ("run1", "run2")]
    assert len(ids[0]) == len(ids[1]) == 6
    assert not ids[0] & ids[1]


def test_a_deleted_experiment_and_a_deleted_run_are_restored(results: Path, name: str) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell(tracker, TRIALS[0])
    before = snapshot(results, name)
    client(results).delete_run(read(results, name)["trial/linear/r0/d0"].info.run_id)
    client(results).delete_experiment(client(results).get_experiment_by_name(name).experiment_id)
    again = Told(default_uri(results), make_run(name), "run1")
    tell(again, TRIALS[0])
    assert snapshot(results, name) == before


def test_descriptions_name_the_question_and_escape_it(results: Path, name: str) -> None:
    Told(default_uri(results), make_run(name), "run1")
    tags = client(results).get_experiment_by_name(name).tags
    assert "### Which schedule should fine-tune &lt;this&gt; encoder?\n" in tags["mlflow.note.content"]
    assert "`linear`, `cosine`" in tags["mlflow.note.content"]
    assert "metrics.`test/accuracy`" in tags["mlflow.sharedViewState.hpo"]
    strategy = read(results, name)["strategy/cosine"].data.tags["mlflow.note.content"]
    assert "the strategy `cosine`: searched 2 times" in strategy


def test_the_small_form_of_a_space_is_told(results: Path, name: str) -> None:
    Told(default_uri(results), make_run(name).model_copy(update={"form": "small"}), "run1")
    tags = client(results).get_experiment_by_name(name).tags
    assert (
        "compared 2 strategies by accuracy, in the small form of the space: each"
        in tags["mlflow.note.content"]
    )
    assert read(results, name)["comparison"].data.params["form"] == "small"


def test_a_budget_in_device_seconds_is_told_by_its_unit(results: Path, name: str) -> None:
    Told(default_uri(results), make_run(name).model_copy(update={"device_seconds": 24.0}), "run1")
    tags = client(results).get_experiment_by_name(name).tags
    budget = "24 charged device-seconds (at most 2 trials)"
    assert f"an equal budget of {budget}, and" in tags["mlflow.note.content"]
    runs = read(results, name)
    assert f"{budget} a search" in runs["strategy/cosine"].data.tags["mlflow.note.content"]
    params = runs["comparison"].data.params
    assert (params["trials_per_study"], params["device_seconds_per_study"]) == ("at most 2", "24")


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
    trainings, studies, strategies = 8 + 6, 4, 3
    assert calls == {
        "create_run": trainings + studies,
        "log_batch": trainings + studies + strategies,
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


def test_where_the_clock_was_set_back_what_is_taken_up_still_starts_after_what_stands_above_it(
    results: Path, name: str
) -> None:
    first = Told(default_uri(results), make_run(name), "run1")
    tell(first, TRIALS[0])
    first.interrupt()
    second = Told(default_uri(results), make_run(name), "run1", lazy=True, at=now() - 10**9)
    second.mirror.started(now() - 10**9, TRIALS[1].work())
    second.mirror.trial(now() - 10**9 + 5000, TRIALS[1].trial())
    second.mirror.write_all()
    runs = read(results, name)
    assert runs["study/cosine/r0"].info.start_time > runs["strategy/cosine"].info.start_time
    trial = runs["trial/cosine/r0/d0"].info
    assert runs["study/cosine/r0"].info.start_time < trial.start_time <= trial.end_time


def test_figures_drawn_later_lie_with_the_comparison(results: Path, name: str, tmp_path: Path) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    figure = tmp_path / "effects.svg"
    figure.write_text("<svg/>")
    assert attach(default_uri(results), name, "run1", [(figure, "figures")])
    comparison = read(results, name)["comparison"].info.run_id
    assert [f.path for f in client(results).list_artifacts(comparison, "figures")] == ["figures/effects.svg"]


def test_nothing_is_made_where_a_run_is_not_tracked(results: Path, name: str, tmp_path: Path) -> None:
    assert not attach(default_uri(tmp_path / "nowhere"), name, "run1", [])
    assert not (tmp_path / "nowhere").exists()
    Told(default_uri(results), make_run(name), "run1")
    assert not attach(default_uri(results), "another", "run1", [])
    assert not attach(default_uri(results), name, "another", [])


def test_a_deleted_experiment_stays_deleted(results: Path, name: str, tmp_path: Path) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    found = client(results).get_experiment_by_name(name)
    client(results).delete_experiment(found.experiment_id)
    assert not attach(default_uri(results), name, "run1", [])
    assert client(results).get_experiment_by_name(name).lifecycle_stage == "deleted"
