"""A run in MLflow that is told again, interrupted or half written: what it reads then, and after it was taken up."""

from __future__ import annotations

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
)

from hpo.tracking import store as store_module
from hpo.tracking.store import Store
from hpo.tracking.uri import default_uri


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


def test_a_study_and_its_strategy_read_right_after_a_failed_trial_was_trained_again(
    results: Path, name: str, tmp_path: Path
) -> None:
    """What must be read: the best of 0.6, 0.65 and 0.9; three rungs of 2.5 s for each of three trials."""
    run = make_run(name, strategies=("linear",), baseline=None, replicates=1, trials=3)
    others = [Made("linear", 0, 0, (0.5, 0.6, 0.6)), Made("linear", 0, 2, (0.5, 0.6, 0.65))]
    tried = [Made("linear", 0, 1, (0.5,), "failed"), Made("linear", 0, 1, (0.5, 0.8, 0.9))]
    ahead = now() + 3_600_000  # the clock was set back since
    for at, last in zip((ahead, now()), tried, strict=True):
        told = Told(default_uri(results), run, "run1", at=at)
        for made in [*others, last]:
            told.mirror.trial(at, made.trial())
        told.interrupt()
    for key in ("study/linear/r0", "strategy/linear"):
        of_run = read(results, name)[key]
        assert of_run.data.metrics == {"best_so_far/accuracy": 0.9, "cost/charged_seconds": 22.5}
        assert history(results, of_run, "best_so_far/accuracy") == [(1, 0.6), (2, 0.65), (3, 0.65), (3, 0.9)]
    again = Told(default_uri(results), run, "run1")
    for made in (tried[1], *others):  # in another order
        again.trial(made.trial())
    again.finish(*files(tmp_path), "A verdict.", TABLE)
    of_run = read(results, name)["strategy/linear"]
    assert history(results, of_run, "best_so_far/accuracy") == [(1, 0.6), (2, 0.65), (3, 0.65), (3, 0.9)]
    assert history(results, of_run, "cost/charged_seconds") == [(1, 7.5), (2, 15.0), (3, 17.5), (3, 22.5)]


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


def test_a_deleted_experiment_and_a_deleted_run_are_restored(results: Path, name: str) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell(tracker, TRIALS[0])
    before = snapshot(results, name)
    client(results).delete_run(read(results, name)["trial/linear/r0/d0"].info.run_id)
    client(results).delete_experiment(client(results).get_experiment_by_name(name).experiment_id)
    again = Told(default_uri(results), make_run(name), "run1")
    tell(again, TRIALS[0])
    assert snapshot(results, name) == before


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
