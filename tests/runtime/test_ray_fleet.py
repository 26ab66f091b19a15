"""Workers on nodes that are pretended: what becomes of a bad node, of a slow start, and of a run that goes on."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("ray")

from hpo.config.space import load_space
from hpo.errors import UserError
from hpo.records.setup import DeviceInfo
from hpo.runtime import ray_executor, ray_fleet
from hpo.runtime.jobs import Job
from hpo.runtime.parcels import Parcel
from hpo.runtime.ray_executor import RayExecutor
from hpo.runtime.recall import Recall
from hpo.runtime.serving import Wanted
from hpo.search import coordinator
from hpo.search.coordinator import run_experiment
from tests.runtime.pretended_ray import (
    CPU,
    PENDING,
    PretendedCluster,
    Script,
    died,
    done,
    hello,
    raised,
    refused,
)
from tests.runtime.trainings import space
from tests.search.nobody import Nobody

OTHER = DeviceInfo(name="another processor", precision="float32", threads=1)
ENDED = "The actor is dead because its worker process has died."


class Pretended:
    """Makes executors on nodes with these scripts."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = patch

    def __call__(
        self, *scripts: Script, device: DeviceInfo | None = None, workers: int | None = None
    ) -> RayExecutor:
        self.cluster = PretendedCluster(*scripts)
        self._patch.setattr(ray_executor, "RayCluster", lambda cpus: self.cluster)
        wanted = Wanted(experiment=space(), device="cpu", forks=(), store=self._folder / "store", room=1)
        return RayExecutor(wanted, workers or len(scripts), len(scripts), device)


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretended:
    return Pretended(tmp_path, monkeypatch)


def job(seed: int) -> Job:
    return Job(parameters={"epochs": 1.0}, seed=seed, rung=0)


def ended(executor: RayExecutor, jobs: int = 1) -> list[Any]:
    """What jobs given at once came to."""
    for seed in range(jobs):
        executor.submit(job(seed))
    return [executor.next_done()[1] for _ in range(jobs)]


def notes(found: list[Any]) -> list[str]:
    """What was told, once where workers were laid out was."""
    first, *more = [note for one in found for note in one.warnings]
    assert first.startswith("a worker on each of ")
    return more


def once(first: Any, then: Any) -> Any:
    """Of workers that answer one after another the first answers otherwise."""
    answers = iter([first])

    def answer(*given: Any) -> Any:
        said = next(answers, then)
        return said(*given) if callable(said) else said

    return answer


@pytest.mark.parametrize(
    "bad",
    [refused("no such data"), raised(RuntimeError("CUDA error: uncorrectable ECC error"))],
    ids=["told its user", "raised"],
)
def test_a_node_whose_worker_fails_is_left_out_and_its_job_is_done_on_another(
    on: Pretended, bad: Any
) -> None:
    executor = on(Script(do=bad), Script())
    found = ended(executor, 2)
    assert [one.trained for one in found] == [1, 1]
    (note,) = notes(found)
    assert note.startswith("node 10.0.0.1 is left out, for a worker failed there: ")
    executor.close()


def test_an_error_of_two_nodes_ends_the_run_and_names_the_second(on: Pretended) -> None:
    executor = on(*(Script(do=refused("no such data")) for _ in range(3)))
    with pytest.raises(UserError, match=r"node 10\.0\.0\.[123]: no such data") as caught:
        ended(executor)
    assert caught.value.hint == "mend it"
    assert len(set(on.cluster.ray.started)) == 3


def test_an_error_on_the_only_node_ends_the_run_as_it_was_raised(on: Pretended) -> None:
    executor = on(Script(do=raised(ZeroDivisionError("of ours"))))
    with pytest.raises(ZeroDivisionError) as caught:
        ended(executor)
    assert caught.value.__notes__ == ["Raised in a worker on node 10.0.0.1."]


def test_a_node_on_which_no_worker_begins_is_left_out_and_the_only_one_ends_the_run(on: Pretended) -> None:
    failing = raised(ModuleNotFoundError("No module named 'transformers'"))
    with pytest.raises(
        UserError, match=r"node 10\.0\.0\.1: no worker begins there \(ModuleNotFoundError: No module"
    ):
        on(Script(hello=failing))
    executor = on(Script(hello=failing), Script())
    assert notes(ended(executor)) == [
        "node 10.0.0.1 is left out: no worker begins there (ModuleNotFoundError: No module named 'transformers')"
    ]


def test_a_node_with_other_versions_is_left_out(on: Pretended) -> None:
    executor = on(Script(hello=hello(versions={"torch": "1.0"})), Script())
    (note,) = notes(ended(executor))
    assert note.startswith("node 10.0.0.1 is left out: it has other versions than the coordinator: hpo None")


def test_where_no_worker_ever_begins_the_run_ends_and_tells_why(
    on: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=itertools.count(0.0, 10.0).__next__, sleep=lambda seconds: None)
    monkeypatch.setattr(ray_fleet, "time", clock)
    monkeypatch.setattr(ray_executor, "time", clock)
    with pytest.raises(
        UserError, match=r"has had a worker for 600 s: node 10\.0\.0\.1: a worker did not start: in 300"
    ):
        on(Script(hello=PENDING))


def test_a_worker_that_does_not_begin_is_told_once_while_others_work(
    on: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_fleet, "START_SECONDS", 0.0)
    executor = on(Script(hello=PENDING), Script())
    (note,) = notes(ended(executor, 3))
    assert note.startswith("node 10.0.0.1: a worker did not start: in 0 s it did not begin")


def test_a_run_goes_on_with_the_nodes_like_those_that_it_was_begun_on_whoever_answers_first(
    on: Pretended,
) -> None:
    mixed = Script(hello=hello(device=OTHER)), Script(), Script(hello=hello(device=OTHER))
    executor = on(*mixed, device=CPU.model_copy(update={"workers": 8}))
    assert executor.precision.info.name == CPU.name
    assert len(notes(ended(executor, 2))) == 2, "one a node"
    with pytest.raises(
        UserError, match=r"node .*: it computes on another processor in float32 with 1 threads, and this"
    ):
        on(mixed[0], device=CPU)


def test_a_node_with_many_slots_that_does_not_fit_is_told_once(on: Pretended) -> None:
    executor = on(Script(cpus=8.0), Script(hello=hello(device=OTHER), cpus=4.0), workers=12)
    assert len(notes(ended(executor, 2))) == 1


def test_a_worker_that_linux_killed_for_memory_counts_as_killed_and_no_other(on: Pretended) -> None:
    short = Script(do=died(ENDED), kills=1)
    executor = on(short)
    assert ended(executor)[0].out_of_memory == "the worker was killed, most likely for memory"
    crashing = Script(do=died(ENDED))
    executor = on(crashing)
    with pytest.raises(UserError, match=r"lost 3 times at the same job \(The actor is dead"):
        ended(executor)


def test_an_idle_worker_that_died_is_let_go_before_it_is_given_an_order(
    on: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_executor, "BEAT_SECONDS", 0.0)
    executor = on(Script(do=once(PENDING, done)), Script(do=once(PENDING, done)))
    idle = next(actor for actor in executor._workers if actor is not executor._workers[0])
    on.cluster.ray.scripts[idle.node.id].beat = once(died(ENDED), (1, 0))
    ended(executor)
    assert idle not in executor._workers
    assert on.cluster.ray.started.count(idle.node.id) == 2, "another takes its place"


def test_an_answer_that_was_read_is_held_no_longer(on: Pretended) -> None:
    executor = on(Script())
    ended(executor)
    assert [actor.answer for actor in executor._workers] == [None]


def test_a_worker_without_the_folder_has_the_states_that_its_last_answer_named_and_no_others(
    on: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []

    def pack(recall: Any, job: Job, held: set[str]) -> Parcel:
        asked.append(set(held))
        return Parcel({"states/sent": b""}, (), "states/sent")

    def answer(order: bytes, *files: Any) -> Any:
        return (*done(order)[:2], ["states/kept"])

    monkeypatch.setattr(ray_executor, "pack", pack)
    monkeypatch.setattr(ray_executor, "take", lambda store, files: None)
    executor = on(Script(hello=hello(shares=False), do=answer))
    executor.recall = cast(Recall, SimpleNamespace(store=None))
    ended(executor)
    ended(executor)
    assert asked == [set(), {"states/kept"}]


def test_a_run_that_goes_on_hands_the_device_on_which_it_was_begun_to_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AskedError(Exception):
        """With what an engine is asked for."""

    def engine(*asked: Any) -> Any:
        raise AskedError(*asked[3:])

    monkeypatch.setattr(coordinator, "Engine", engine)
    monkeypatch.setattr(coordinator, "Tracker", Nobody)
    monkeypatch.setattr(coordinator, "read_run", lambda folder: SimpleNamespace(device=OTHER))
    shipped = load_space("lr_schedules", ["all-MiniLM-L6-v2"], ["movie"])
    with pytest.raises(AskedError) as caught:
        run_experiment(shipped, tmp_path, None, "cpu", Nobody(), None, on="ray")
    assert caught.value.args == ("ray", OTHER)
