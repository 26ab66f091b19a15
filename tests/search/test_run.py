"""Whole runs on the tiny model: records do not depend on workers, their deaths, or how much the store may keep."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.config.space import Space, load_space
from hpo.errors import UserError
from hpo.models.pretrained import load_pretrained
from hpo.records.files import read_records, write_run
from hpo.records.run import Records
from hpo.runtime import engine
from hpo.runtime.jobs import Job
from hpo.runtime.processes import ProcessExecutor
from hpo.runtime.serving import Setup
from hpo.search import coordinator, stopping
from hpo.search.circumstances import refuse_other_circumstances
from hpo.search.coordinator import Outcome, run_experiment
from hpo.search.journal import journal_path
from hpo.search.prepare import prepare, run_record
from hpo.search.stopping import Stopped, request_stop
from hpo.search.storage import StudyStorage
from hpo.seeds import derive
from hpo.training.partial import scan
from hpo.training.quota import Quota
from tests.cluster.namespaces import run_alone
from tests.e2e.runs import facts, tree
from tests.search.nobody import Nobody

SPACE = """\
question: Which schedule, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant, wsd], reference: linear}}
parameters:
  learning_rate: {{choices: [1e-3, 9e-3]}}
  warmup_ratio: 0.25
  frozen_layers: {{choices: [0, 2, 3]}}
  pooling: {{choices: [cls, mean]}}
  augmentation: {{choices: [none, random_swap]}}
  augmentation_strength: {{choices: [0.3], when: {{augmentation: [random_swap]}}}}
  batch_size: 16
  epochs: 3
baseline: {{optimizer: adam, learning_rate: 2e-5, schedule: constant, epochs: 3}}
budget: {{replicates: 3, trials: 4, rungs: [32, 64, 128], sampler: {sampler}, pruner: {pruner}}}
"""
# Bytes. All hidden states that the run reads fit the eighth that is allowed to one list of texts, so that trainings begin
# where they do without a limit; together with the states they are several times as large.
TIGHT = 800_000


class Kills(Nobody):
    """Kills a worker at a few of the run's evaluations."""

    def __init__(self, executors: list[ProcessExecutor]) -> None:
        self.executors = executors
        self.heard = 0
        self.killed: set[int] = set()

    def rung(self, *_: Any) -> None:
        self.heard += 1
        if self.heard in (3, 20):
            pid = self.executors[0]._workers[self.heard % 2].process.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            self.killed.add(pid)


class Stops(Nobody):
    """Asks the run to stop at one of its evaluations."""

    def __init__(self, folder: Path, now: bool) -> None:
        self.folder, self.now = folder, now
        self.heard = 0

    def rung(self, *_: Any) -> None:
        self.heard += 1
        if self.heard == 8:
            assert request_stop(self.folder, now=self.now)
            requests = next(t for t in threading.enumerate() if isinstance(t, stopping.Requests))
            while not requests.soon():
                time.sleep(0.01)
            time.sleep(0.2)  # until the signal of one to stop now has come


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)


@pytest.fixture
def executors(monkeypatch: pytest.MonkeyPatch) -> list[ProcessExecutor]:
    """The process executors of the test's runs."""
    made: list[ProcessExecutor] = []

    class Noted(ProcessExecutor):
        def __init__(self, setup: Setup, count: int) -> None:
            super().__init__(setup, count)
            made.append(self)

    monkeypatch.setattr(engine, "ProcessExecutor", Noted)
    return made


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path, tiny_model: Path) -> dict[str, Space]:
    folder = tmp_path_factory.mktemp("spaces")
    loaded = {}
    for sampler, pruner in (("random", "none"), ("tpe", "successive_halving")):
        path = folder / f"{sampler}.yaml"
        path.write_text(SPACE.format(data=tiny_data, model=tiny_model, sampler=sampler, pruner=pruner))
        loaded[sampler] = load_space(str(path), [], [])
    return loaded


def run(
    space: Space,
    results: Path,
    workers: int = 1,
    limit: int | None = None,
    observer: Any = None,
    storage: str | None = None,
) -> Outcome:
    """With one thread a worker, so that all runs are of one class of numerics."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "cores", lambda: workers)
        return run_experiment(
            space, results, None, "cpu", observer or Nobody(), workers, limit, storage=storage
        )


@pytest.fixture(scope="module")
def alone(
    spaces: dict[str, Space], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Outcome]]:
    """By sampler, the results folder of a run of one worker without a limit to speak of, and its outcome."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        for name, space in spaces.items():
            folder = tmp_path_factory.mktemp(name)
            found[name] = (folder, run(space, folder))
    return found


def told(folder: Path) -> Any:
    """The records without clocks, and without the number of workers."""
    records = facts(folder)
    records["run"]["device"].pop("workers", None)
    return records


def segment_keys(records: Records) -> set[str]:
    return {s.key for item in (*records.trials, *records.confirmations) for s in item.segments}


def held(store: Path) -> int:
    """Bytes of all that the quota is about: not of facts being written, which reserve nothing."""
    folders = (store / name for name in ("states", "prefixes", "partial"))
    found = (file for folder in folders for file in scan(folder))
    return sum(status.st_size for file, status in found if not file.name.startswith("0-"))


class Watch(threading.Thread):
    """Looks again and again how much a store holds, between the writers' turns."""

    def __init__(self, results: Path) -> None:
        super().__init__(daemon=True)
        self._store = results / ".store"
        self._quota = Quota(self._store, 0)
        self._over = threading.Event()
        self.found: list[int] = []

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(0.002):
            if (self._store / "partial").is_dir():
                with self._quota.locked():
                    self.found.append(held(self._store))


def test_the_space_does_what_these_tests_are_about(alone: dict[str, tuple[Path, Outcome]]) -> None:
    for name, (folder, _) in alone.items():
        records = read_records(folder / name)
        assert len(records.trials) == 36
        assert len(records.confirmations) == 12
        assert any(trial.passes for trial in records.trials)
        assert any(not trial.passes for trial in records.trials)
        assert any(trial.state == "pruned" for trial in records.trials) is (name == "tpe")
        assert held(folder / ".store") > 2 * TIGHT


def test_one_worker_trains_each_segment_once(alone: dict[str, tuple[Path, Outcome]]) -> None:
    for name, (folder, outcome) in alone.items():
        records = read_records(folder / name)
        everything = [s for item in (*records.trials, *records.confirmations) for s in item.segments]
        assert outcome.trained == len(segment_keys(records)) < len(everything)
        assert all(item.retrained_seconds == 0 for item in (*records.trials, *records.confirmations))


def test_two_workers_of_whom_some_are_killed_leave_the_records_of_one_where_draws_look_at_results(
    spaces: dict[str, Space],
    alone: dict[str, tuple[Path, Outcome]],
    tmp_path: Path,
    executors: list[ProcessExecutor],
) -> None:
    kills = Kills(executors)
    run(spaces["tpe"], tmp_path, workers=2, observer=kills)
    assert len(kills.killed) == 2
    assert told(tmp_path / "tpe") == told(alone["tpe"][0] / "tpe")


@pytest.mark.parametrize(("name", "workers"), [("tpe", 2), ("random", 1)])
def test_a_run_asked_to_stop_and_taken_up_again_leaves_the_records_of_one_never_asked(
    spaces: dict[str, Space],
    alone: dict[str, tuple[Path, Outcome]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    workers: int,
) -> None:
    monkeypatch.setattr(stopping, "PAUSE", 0.01)
    soon, now = (Stops(tmp_path / name, now) for now in (False, True))
    for stops in (soon, now):
        with pytest.raises(Stopped):
            run(spaces[name], tmp_path, workers, observer=stops)
    assert 8 <= soon.heard < 8 + workers  # evaluations of what was in hand
    assert now.heard == 8
    outcome = run(spaces[name], tmp_path, workers)
    assert told(tmp_path / name) == told(alone[name][0] / name)
    assert outcome.trained < alone[name][1].trained
    assert not (tmp_path / name / "at-work").exists()


def test_workers_on_a_ray_cluster_leave_the_records_of_one_in_this_process(
    spaces: dict[str, Space], alone: dict[str, tuple[Path, Outcome]], tmp_path: Path
) -> None:
    done = run_alone("tests.cluster.run_on_ray", str(spaces["tpe"].path), str(tmp_path), "2")
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) == alone["tpe"][1].trained, "no segment is trained twice"
    assert read_records(tmp_path / "tpe").run.device.workers == 2
    assert told(tmp_path / "tpe") == told(alone["tpe"][0] / "tpe")


def test_a_worker_without_trials_left_confirms_and_the_test_split_waits_for_the_last_of_them(
    spaces: dict[str, Space], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    class Tells(Nobody):
        def trial(self, *_: Any) -> None:
            events.append("trial ended")

    class Noted(ProcessExecutor):
        def submit(self, job: Job) -> None:
            events.append(job.split if job.seed in seeds else "trial")
            super().submit(job)

    experiment = spaces["tpe"].experiment
    seeds = {derive(experiment.seed, "confirmation", replicate, 0) for replicate in range(3)}
    monkeypatch.setattr(engine, "ProcessExecutor", Noted)
    run(spaces["tpe"], tmp_path, workers=2, observer=Tells())
    assert events.count("trial ended") == 36
    assert "test" in events
    last = len(events) - events[::-1].index("trial ended")
    assert "validation" in events[:last]
    assert "test" not in events[:last]


@pytest.mark.parametrize(("name", "workers"), [("tpe", 1), ("random", 2)])
def test_neither_a_tight_limit_nor_two_workers_change_a_record_and_the_limit_holds_at_every_moment(
    spaces: dict[str, Space],
    alone: dict[str, tuple[Path, Outcome]],
    tmp_path: Path,
    name: str,
    workers: int,
) -> None:
    with Watch(tmp_path) as watch:
        outcome = run(spaces[name], tmp_path, workers, TIGHT)
    device = read_records(tmp_path / name).run.device
    assert (device.workers, device.threads) == (workers, 1)
    assert told(tmp_path / name) == told(alone[name][0] / name)
    assert outcome.trained > alone[name][1].trained, "states that gave way were trained again"
    assert TIGHT / 2 < max(watch.found) <= TIGHT


def test_where_nothing_is_kept_the_records_are_the_same(
    spaces: dict[str, Space], alone: dict[str, tuple[Path, Outcome]], tmp_path: Path
) -> None:
    run(spaces["random"], tmp_path, limit=0)
    assert held(tmp_path / ".store") == 0
    found, wanted = (told(folder / "random")["trials"] for folder in (tmp_path, alone["random"][0]))
    assert any(trial["passes"] for trial in wanted)
    assert found == wanted


def test_a_run_of_the_same_assets_under_another_name_trains_nothing(
    spaces: dict[str, Space], alone: dict[str, tuple[Path, Outcome]]
) -> None:
    folder = alone["random"][0]
    space = spaces["random"]
    other = replace(space, experiment=space.experiment.model_copy(update={"name": "other"}))
    assert run(other, folder).trained == 0
    found, wanted = told(folder / "other"), told(folder / "random")
    assert (found["trials"], found["confirmations"]) == (wanted["trials"], wanted["confirmations"])


def test_a_journal_that_is_lost_is_drawn_again_as_it_was_and_nothing_is_trained(
    spaces: dict[str, Space], alone: dict[str, tuple[Path, Outcome]], tmp_path: Path
) -> None:
    """With it half of the trials and all confirmations: their draws look at results that the journal had."""
    results = Path(shutil.copytree(alone["tpe"][0], tmp_path / "results"))
    folder = results / "tpe"
    wanted = drawn(folder)
    for path in (journal_path(folder), folder / "records" / "finished"):
        path.unlink()
    shutil.rmtree(folder / "records" / "confirmations")
    for path in sorted((folder / "records" / "trials").iterdir())[::2]:
        path.unlink()
    assert run(spaces["tpe"], results).trained == 0
    assert told(folder) == told(alone["tpe"][0] / "tpe")
    assert drawn(folder) == wanted


def drawn(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """The trials of each study as the journal has them."""
    storage = StudyStorage(folder)
    records = read_records(folder).run
    studies = {f"{s} {r}": storage.study(s, r) for s in records.strategies for r in range(records.replicates)}
    return {
        name: [(t.params, t.state, t.values, t.intermediate_values, t.user_attrs) for t in study.trials()]
        for name, study in studies.items()
    }


@pytest.mark.parametrize("changed", ["data", "model"])
def test_a_file_changed_under_a_run_is_refused_by_its_content(
    tiny: Path, tmp_path: Path, changed: str
) -> None:
    data = Path(shutil.copy(tiny / "reviews.csv", tmp_path / "mine.csv"))
    config = Path(shutil.copytree(tiny / "model", tmp_path / "mine")) / "config.json"
    path = tmp_path / "random.yaml"
    path.write_text(SPACE.format(data=data, model=config.parent, sampler="random", pruner="none"))
    space = load_space(str(path), [], [])
    folder = tmp_path / "results" / "random"
    head = run_record(prepare(space, "cpu", 1), 1)
    write_run(folder, head)
    before = tree(folder / "records")
    os.utime(data, (1000, 1000))
    refuse_other_circumstances(folder, run_record(prepare(space, "cpu", 1), 1))
    if changed == "data":
        data.write_text(data.read_text().replace("film", "plot"))
    else:
        config.write_text(config.read_text().replace('"num_attention_heads": 2', '"num_attention_heads": 4'))
    load_pretrained.cache_clear()  # as in another process
    with pytest.raises(
        UserError, match=f"not all is as it was when .* was begun:\n  {changed}, SHA-256: "
    ) as caught:
        run(space, tmp_path / "results")
    assert caught.value.message.count("\n") == 1
    assert tree(folder / "records") == before


def test_a_longer_run_goes_on_from_what_a_shorter_one_trained(
    spaces: dict[str, Space], alone: dict[str, tuple[Path, Outcome]]
) -> None:
    """More trials of the same searches: the earlier ones are recalled."""
    folder, outcome = alone["random"]
    experiment = spaces["random"].experiment
    budget = experiment.budget.model_copy(update={"trials": 5})
    longer = experiment.model_copy(update={"name": "longer", "budget": budget})
    more = run(replace(spaces["random"], experiment=longer), folder)
    keys = [segment_keys(read_records(folder / name)) for name in ("longer", "random")]
    assert more.trained == len(keys[0] - keys[1]) < outcome.trained / 2


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Runs in this process set torch's threads."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
