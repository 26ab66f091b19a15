"""Both executors behind one interface: the coordinator's own process, and worker processes that may die."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hpo.errors import UserError
from hpo.runtime import attempts, processes
from hpo.runtime import engine as module
from hpo.runtime.engine import Engine, fastest
from hpo.runtime.in_process import InProcessExecutor
from hpo.runtime.jobs import Done, Executor, Job
from hpo.runtime.loading import load
from hpo.runtime.processes import ProcessExecutor
from hpo.runtime.serving import Order, Wanted
from hpo.training.store import STORE_LIMIT, Store
from tests.runtime.trainings import Desk, facts, job, setup_of, space


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, tiny_data: Path, tiny_model: Path
) -> Iterator[ProcessExecutor]:
    """Two worker processes; to load takes seconds, so that tests share them and ask for trainings of their own."""
    folder = tmp_path_factory.mktemp("store")
    with closing(ProcessExecutor(setup_of(folder, tiny_data, tiny_model), 2)) as executor:
        yield executor


@pytest.fixture
def one(tmp_path: Path, tiny_data: Path, tiny_model: Path) -> Iterator[ProcessExecutor]:
    with closing(ProcessExecutor(setup_of(tmp_path / "store", tiny_data, tiny_model), 1)) as executor:
        yield executor


@pytest.fixture
def mine(desk: Desk, tmp_path: Path, tiny_data: Path, tiny_model: Path) -> InProcessExecutor:
    """An executor in this process on the data of ``two``, with a store of its own."""
    loaded = load(space(tiny_data, tiny_model), "cpu")
    recall = loaded.recall(Store(tmp_path / "mine"), ())
    return InProcessExecutor(loaded.worker(recall), loaded.test_sets)


def results(executor: Executor, jobs: list[Job]) -> dict[str, Done]:
    """What each job came to, as many at once as there are slots."""
    waiting, found, begun = list(jobs), {}, 0
    while waiting or begun:
        while waiting and begun < executor.slots:
            executor.submit(waiting.pop(0))
            begun += 1
        asked, done = executor.next_done()
        found[asked.model_dump_json()] = done
        begun -= 1
    return found


def test_the_executor_in_this_process_has_one_slot_and_does_the_job_it_was_given(
    mine: InProcessExecutor,
) -> None:
    assert mine.slots == 1
    with pytest.raises(AssertionError, match="nothing was submitted"):
        mine.next_done()
    asked = job(0)
    mine.submit(asked)
    with pytest.raises(AssertionError, match="one slot"):
        mine.submit(job(1))
    answered, done = mine.next_done()
    assert answered is asked
    assert done.trained == 1
    with pytest.raises(AssertionError, match="opened when the search is over"):
        results(mine, [job(0, split="test")])
    mine.open_test()
    assert next(iter(results(mine, [job(0, split="test")]).values())).test is not None


def test_worker_processes_give_the_bits_of_this_process(
    two: ProcessExecutor, mine: InProcessExecutor
) -> None:
    jobs = [
        job(0, frozen_layers=0, head_hidden_sizes=(8,)),
        job(0, frozen_layers=2, augmentation="random_swap"),
        job(0, frozen_layers=3, learning_rate=1 / 3e3, seed=2),
        job(1, frozen_layers=2, augmentation="random_swap"),
    ]
    found, wanted = results(two, jobs), results(mine, jobs)
    for asked in jobs:
        assert facts([found[asked.model_dump_json()]]) == facts([wanted[asked.model_dump_json()]])


def test_a_worker_that_is_killed_costs_nothing_but_time(
    two: ProcessExecutor, mine: InProcessExecutor
) -> None:
    jobs = [job(0, epochs=6.0, seed=seed) for seed in (11, 12)]
    for asked in jobs:
        two.submit(asked)
    victim = two._workers[0].process.pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    ended = [two.next_done(), two.next_done()]
    assert two._workers[0].process.pid != victim
    found = {asked.seed: done for asked, done in ended}
    assert set(found) == {11, 12}
    wanted = results(mine, jobs)
    for asked in jobs:
        assert facts([found[asked.seed]]) == facts([wanted[asked.model_dump_json()]])


def kill_twice(executor: ProcessExecutor) -> None:
    for _ in range(2):
        process = executor._workers[0].process
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        while executor._workers[0].process is process:
            time.sleep(0.01)


def test_a_job_at_which_linux_kills_a_worker_for_memory_twice_is_taken_not_to_fit(
    one: ProcessExecutor, mine: InProcessExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = itertools.count(10**9)
    monkeypatch.setattr(processes, "memory_kills", lambda: next(counted))
    asked = job(0, epochs=5000.0)
    one.submit(asked)
    killer = threading.Thread(target=kill_twice, args=(one,))
    killer.start()
    answered, done = one.next_done()
    killer.join()
    assert answered is asked
    assert done == Done(out_of_memory="the worker was killed, most likely for memory")
    after = job(0, seed=31)
    assert facts([*results(one, [after]).values()]) == facts([*results(mine, [after]).values()])


def test_a_job_at_which_somebody_kills_a_worker_twice_is_done_as_it_was_asked(
    one: ProcessExecutor, mine: InProcessExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "memory_kills", lambda: 7)
    asked = job(0, seed=32)
    one.submit(asked)
    killer = threading.Thread(target=kill_twice, args=(one,))
    killer.start()
    found = one.next_done()[1]
    killer.join()
    assert facts([found]) == facts([*results(mine, [asked]).values()])


def test_a_worker_that_died_with_nothing_in_its_hands_is_replaced_and_told_that_the_test_split_is_open(
    two: ProcessExecutor, mine: InProcessExecutor
) -> None:
    pid = two._workers[0].process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    two._workers[0].process.join()
    two.open_test()
    mine.open_test()
    asked = [job(0, seed=21, split="test"), job(0, seed=22, split="test")]
    found, wanted = results(two, asked), results(mine, asked)
    for one in asked:
        ours, theirs = found[one.model_dump_json()].test, wanted[one.model_dump_json()].test
        assert ours is not None
        assert theirs is not None
        assert ours.model_dump(exclude={"seconds"}) == theirs.model_dump(exclude={"seconds"})


def test_asked_for_too_early_the_test_split_kills_a_worker_and_three_deaths_at_one_job_are_told(
    one: ProcessExecutor,
) -> None:
    one.submit(job(0, split="test"))
    with pytest.raises(UserError) as caught:
        one.next_done()
    assert caught.value.message == "a worker was lost 3 times at the same job (exit code 1)"
    assert caught.value.hint == (
        "Give the command again with fewer --workers if memory ran out; it goes on where it stopped."
    )


def test_what_a_worker_cannot_load_is_told_as_the_user_can_mend_it(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    setup = setup_of(tmp_path / "store", tmp_path / "no.csv", tiny_model)
    with closing(ProcessExecutor(setup, 1)) as executor:
        executor.submit(job(0))
        with pytest.raises(UserError, match=r"no\.csv"):
            executor.next_done()


def test_closing_ends_the_workers_in_the_middle_of_their_work(one: ProcessExecutor) -> None:
    one.submit(job(0, epochs=5000.0))
    process = one._workers[0].process
    one.close()
    assert not process.is_alive()


def test_a_worker_whose_coordinator_is_gone_ends_itself(one: ProcessExecutor) -> None:
    one.submit(job(0, epochs=5000.0))
    worker = one._workers[0]
    worker.pipe.close()
    worker.process.join(60)
    assert worker.process.exitcode == 0


def wanted(tmp_path: Path, data: Path, model: Path) -> Wanted:
    return Wanted(
        experiment=space(data, model),
        device="cpu",
        forks=(),
        store=tmp_path / "store",
        room=STORE_LIMIT,
    )


def test_one_worker_is_the_coordinators_own_process(
    tmp_path: Path, tiny_data: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cores", lambda: 3)
    with closing(Engine(wanted(tmp_path, tiny_data, tiny_model), 1, width=9)) as engine:
        assert (engine.workers, engine.threads) == (1, 3)
        engine.begin(load(space(tiny_data, tiny_model), "cpu"))
        assert isinstance(engine.executor, InProcessExecutor)
        engine.executor.submit(job(0))
        assert engine.executor.next_done()[1].trained == 1
        assert engine.recall.known(job(0)) is not None
        assert engine.recall.known(job(1)) is None
        assert engine.recall.of({}).test is None
        engine.open_test()
        assert engine.recall.of({}).test is not None


@pytest.mark.parametrize(
    ("cores", "width", "gigabytes", "workers"),
    [(4, 9, 64, 4), (4, 2, 64, 2), (4, 9, 4, 2), (4, 9, 1, 1), (1, 9, 64, 1)],
)
def test_there_are_as_many_workers_as_cores_trainings_and_memory_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, width: int, gigabytes: int, workers: int
) -> None:
    monkeypatch.setattr(module, "cores", lambda: cores)
    monkeypatch.setattr(module, "free_memory", lambda: gigabytes * 2**30)
    assert fastest("cpu", width) == workers
    assert fastest("cuda", width) == fastest("cuda:1", width) == 1


def test_a_worker_that_is_stopped_is_ended_and_its_job_done_by_another(
    one: ProcessExecutor, mine: InProcessExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    results(one, [job(0, seed=41)])  # it has loaded
    stopped = one._workers[0].process
    assert stopped.pid is not None
    os.kill(stopped.pid, signal.SIGSTOP)
    monkeypatch.setattr(attempts, "SILENT_SECONDS", 3.0)
    monkeypatch.setattr(attempts, "BEAT_SECONDS", 1.0)
    one.submit(job(0, seed=42))
    while one._workers[0].process is stopped:
        assert one._hear(1.0) == []
        one._end_hung(1.0)
    monkeypatch.undo()  # the other one loads first
    assert stopped.exitcode == -signal.SIGKILL
    one._hand_out()
    asked, done = one.next_done()
    assert asked.seed == 42
    assert facts([done]) == facts([*results(mine, [job(0, seed=42)]).values()])


def test_a_worker_hangs_where_it_is_silent_or_ends_no_step_while_the_coordinator_listens() -> None:
    watch = attempts.Watch()
    watch.listened(attempts.SILENT_SECONDS - 1)
    assert watch.hangs() is None
    watch.heard(1)
    watch.listened(attempts.SILENT_SECONDS - 1)
    assert watch.hangs() is None, "silence is counted from the last sign of life"
    watch.listened(1)
    assert watch.hangs() == "it gave no sign of life for 120 s"
    alive, going = attempts.Watch(), attempts.Watch()
    for beat in range(int(attempts.STUCK_SECONDS / 60)):
        assert alive.hangs() is None
        for each, progress in ((alive, 7), (going, beat)):
            each.heard(progress)
            each.listened(60.0)
    alive.heard(7)
    going.heard(31)
    assert alive.hangs() == "it ended no step for 1800 s"
    assert going.hangs() is None


def test_a_worker_imports_neither_the_library_of_the_search_nor_that_of_the_tracking(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    setup = setup_of(tmp_path / "store", tiny_data, tiny_model)
    order = Order(attempt=1, job=job(0))
    code = (
        "import sys; from hpo.runtime.serving import Order, Server, Setup; "
        "answer = Server(Setup.model_validate_json(sys.argv[1])).answer(Order.model_validate_json(sys.argv[2])); "
        "print(answer.done.trained, *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, setup.model_dump_json(), order.model_dump_json()],
        capture_output=True,
        text=True,
        check=True,
    )
    trained, *modules = done.stdout.split()
    assert trained == "1"
    assert "torch" in modules
    assert {"optuna", "mlflow", "hpo.search", "hpo.tracking"}.isdisjoint(modules)
