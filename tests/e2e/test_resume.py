"""A run killed at random moments ends as one that never was; a finished one changes nothing; a changed one is refused."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path

import mlflow
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hpo.records.files import read_records
from hpo.search.journal import journal_path
from tests.e2e.processes import alive, below
from tests.e2e.runs import facts, hpo, start, tree

TRIALS, CONFIRMATIONS = 36, 12


@pytest.fixture(scope="module")
def undisturbed(tiny_space: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = hpo("run", "--space", str(tiny_space), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


GRACE = 10.0  # seconds until a machine that is taken away is gone


def segments(folder: Path) -> int:
    store = folder / "results" / ".store" / "segments"
    return len(list(store.glob("*.json"))) if store.is_dir() else 0


def optuna_facts(folder: Path) -> list[object]:
    storage = JournalStorage(JournalFileBackend(str(journal_path(folder / "results" / "tiny"))))
    studies = sorted(optuna.get_all_study_names(storage))
    return [
        (name, [(t.state, t.params, t.intermediate_values, t.values) for t in trials])
        for name in studies
        for trials in [optuna.load_study(study_name=name, storage=storage).trials]
    ]


def mlflow_runs(folder: Path) -> list[tuple[str, str]]:
    """(what it mirrors, state) of every run of the store."""
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'results' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    return sorted((r.data.tags["hpo.key"], r.info.status) for r in runs)


def kill_at_random(tiny_space: Path, folder: Path, kind: signal.Signals, chance: random.Random) -> int:
    """Start the run, send a signal after a random number of further segments; its exit code."""
    process = start("run", "--space", str(tiny_space), cwd=folder)
    target = segments(folder) + chance.randint(0, 12)
    deadline = time.monotonic() + 120
    while process.poll() is None and segments(folder) <= target and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(chance.random() * 0.15)
    process.send_signal(kind)
    process.communicate(timeout=60)
    return process.returncode


def test_a_run_killed_at_random_moments_ends_with_the_records_of_one_never_killed(
    tiny_space: Path, undisturbed: Path, tmp_path: Path
) -> None:
    seed = time.time_ns() % 10**9
    print(f"moments drawn with seed {seed}")
    chance = random.Random(seed)
    codes = [kill_at_random(tiny_space, tmp_path, signal.SIGKILL, chance) for _ in range(3)]
    assert codes.count(-signal.SIGKILL) >= 2
    done = hpo("run", "--space", str(tiny_space), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert facts(tmp_path / "results" / "tiny") == facts(undisturbed / "results" / "tiny")
    assert optuna_facts(tmp_path) == optuna_facts(undisturbed)
    assert mlflow_runs(tmp_path) == mlflow_runs(undisturbed)


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_run_says_that_the_same_command_goes_on(
    tiny_space: Path, undisturbed: Path, tmp_path: Path, kind: signal.Signals, code: int
) -> None:
    process = start("run", "--space", str(tiny_space), cwd=tmp_path)
    while segments(tmp_path) < 5 and process.poll() is None:
        time.sleep(0.01)
    family = below(process.pid)
    process.send_signal(kind)
    until = time.monotonic() + GRACE
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    while (
        any(map(alive, family)) and time.monotonic() < until
    ):  # what had nothing to write yet ends by itself
        time.sleep(0.05)
    assert len(family) >= 3 or not family  # the workers' server, workers and what writes to MLflow
    assert not any(map(alive, family))
    assert stderr.splitlines()[-1] == "interrupted: the same command goes on where it stopped"
    assert all(state != "RUNNING" for key, state in mlflow_runs(tmp_path) if key.startswith("trial"))
    done = hpo("run", "--space", str(tiny_space), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert facts(tmp_path / "results" / "tiny") == facts(undisturbed / "results" / "tiny")


def test_a_run_that_was_asked_to_stop_says_so_and_the_same_command_goes_on(
    tiny_space: Path, undisturbed: Path, tmp_path: Path
) -> None:
    process = start("run", "--space", str(tiny_space), cwd=tmp_path)
    while segments(tmp_path) < 5 and process.poll() is None:
        time.sleep(0.01)
    asked = hpo("stop", "tiny", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 3
    assert stderr.splitlines()[-1] == "stopped as asked: the same command goes on where it stopped"
    states = [state for key, state in mlflow_runs(tmp_path) if key.startswith("trial")]
    assert states
    assert "RUNNING" not in states
    again = hpo("stop", "tiny", cwd=tmp_path)
    assert again.returncode == 2
    assert "no process works on results/tiny: there is nothing to stop" in again.stderr
    done = hpo("run", "--space", str(tiny_space), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert facts(tmp_path / "results" / "tiny") == facts(undisturbed / "results" / "tiny")


def test_nothing_is_lost_or_counted_twice(undisturbed: Path) -> None:
    states = mlflow_runs(undisturbed)
    kinds = [key.split("/")[0] for key, _ in states]
    assert kinds.count("trial") == TRIALS
    assert kinds.count("confirmation") == CONFIRMATIONS
    assert {state for _, state in states} <= {"FINISHED", "KILLED"}
    read = facts(undisturbed / "results" / "tiny")
    assert len(read["trials"]) == TRIALS
    assert any(t["duplicate_of"] is not None for t in read["trials"])
    assert len(read["confirmations"]) == CONFIRMATIONS
    assert sum(state == "KILLED" for _, state in states) == sum(
        t["state"] == "pruned" for t in read["trials"]
    )


def test_the_same_command_again_changes_nothing(tiny_space: Path, undisturbed: Path) -> None:
    before = tree(undisturbed / "results")
    done = hpo("run", "--space", str(tiny_space), cwd=undisturbed)
    assert done.returncode == 0, done.stderr
    assert tree(undisturbed / "results") == before


def test_a_record_taken_away_is_made_again_from_what_is_stored(
    tiny_space: Path, undisturbed: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed / "results", tmp_path / "results")
    records = tmp_path / "results" / "tiny" / "records"
    (records / "trials" / "linear.r1.d2.json").unlink()
    (records / "confirmations" / "wsd.r0.s0.json").unlink()
    done = hpo("run", "--space", str(tiny_space), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert facts(tmp_path / "results" / "tiny") == facts(undisturbed / "results" / "tiny")


def test_a_run_is_not_continued_with_another_number_of_threads(
    tiny_space: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(undisturbed / "results", tmp_path / "results")
    (tmp_path / "results" / "tiny" / "records" / "finished").unlink()
    threads = read_records(undisturbed / "results" / "tiny").run.device.threads
    others = threads + 1
    monkeypatch.setenv("OMP_NUM_THREADS", str(others))
    done = hpo("run", "--space", str(tiny_space), "--workers", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert (
        f"not all is as it was when results/tiny was begun:\n  threads: {threads} -> {others}\n"
        in done.stderr
    )


def test_a_changed_space_file_over_records_is_refused_with_what_changed(
    tiny_space: Path, undisturbed: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "tiny.yaml"
    changed.write_text(tiny_space.read_text().replace("trials: 4", "trials: 5"))
    before = tree(undisturbed / "results")
    done = hpo("run", "--space", str(changed), cwd=undisturbed)
    assert done.returncode == 2
    assert "changed since results/tiny was begun:\n  budget.trials: 4 -> 5\n" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("hint: Undo the change to go on")
    assert tree(undisturbed / "results") == before


def test_a_second_process_on_one_run_is_refused(tiny_space: Path, tmp_path: Path) -> None:
    first = start("run", "--space", str(tiny_space), cwd=tmp_path)
    while segments(tmp_path) < 2 and first.poll() is None:
        time.sleep(0.01)
    second = hpo("run", "--space", str(tiny_space), cwd=tmp_path)
    first.communicate(timeout=300)
    assert second.returncode == 2
    assert "another process is at work on results/tiny" in second.stderr
    assert first.returncode == 0


def test_selection_is_the_same_whatever_the_test_split_says(
    tiny_space: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials and selected draws with every test text and label replaced: the search was never handed them."""
    import dataclasses

    from hpo.config.space import load_space
    from hpo.data import task_data
    from hpo.runtime import engine, loading
    from hpo.search.coordinator import run_experiment
    from hpo.search.watchers import Watchers

    original = task_data.load_task

    def poisoned(task: object, seed: int) -> task_data.TaskData:
        data = original(task, seed)  # type: ignore[arg-type]
        test = task_data.Part(("film",) * len(data.test.texts), 1 - data.test.labels)
        return dataclasses.replace(data, test=test)

    monkeypatch.setattr(loading, "load_task", poisoned)
    threads = read_records(undisturbed / "results" / "tiny").run.device.threads
    monkeypatch.setattr(engine, "cores", lambda: threads)
    folder = undisturbed / "poisoned"
    space = load_space(str(tiny_space), [], [])
    uri = f"sqlite:///{undisturbed / 'results' / 'mlflow.db'}"
    space = dataclasses.replace(space, experiment=space.experiment.model_copy(update={"name": "poisoned"}))
    run_experiment(space, folder, uri, "cpu", Watchers([]), workers=1)  # here, where it is poisoned
    clean, other = facts(undisturbed / "results" / "tiny"), facts(folder / "poisoned")
    assert other["trials"] == clean["trials"]
    chosen = [
        [(c["strategy"], c["replicate"], c["draw"]) for c in r["confirmations"]] for r in (clean, other)
    ]
    assert chosen[0] == chosen[1]
    assert [c["test_score"] for c in other["confirmations"]] != [
        c["test_score"] for c in clean["confirmations"]
    ]
