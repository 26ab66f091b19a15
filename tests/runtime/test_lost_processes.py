"""How worker processes are lost, with ones that load nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from hpo.errors import UserError
from hpo.runtime import processes
from hpo.runtime.attempts import Lost
from hpo.runtime.processes import ProcessExecutor
from tests.runtime.trainings import job, setup_of


def deaf(pipe: Connection) -> None:
    """A worker that takes orders and does nothing."""
    while True:
        pipe.recv_bytes()


def stillborn(pipe: Connection) -> None:
    """A worker that dies before it reads what it is told."""
    os._exit(3)


@contextmanager
def deaf_ones(
    count: int, data: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ProcessExecutor]:
    monkeypatch.setattr(processes, "serve", deaf)
    with closing(ProcessExecutor(setup_of(Path("store"), data, model), count)) as executor:
        yield executor


def kill_all(executor: ProcessExecutor) -> list[Lost]:
    """Kill the workers, and hear of their ends."""
    for worker in executor._workers:
        worker.process.kill()
    lost: list[Lost] = []
    while len(lost) < len(executor._workers):
        heard = executor._hear(10.0)
        assert heard
        for worker, message in heard:
            assert isinstance(message, Lost)
            executor._take(worker, message)
            lost.append(message)
    return lost


def test_of_workers_that_linux_kills_at_once_each_is_known_to_be_killed_for_memory(
    tiny_data: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = 7
    monkeypatch.setattr(processes, "memory_kills", lambda: kills)
    with deaf_ones(2, tiny_data, tiny_model, monkeypatch) as executor:
        for seed in (1, 2):
            executor.submit(job(seed=seed))
        kills += 2
        assert [lost.killed for lost in kill_all(executor)] == [True, True]
        executor._hand_out()
        assert [lost.killed for lost in kill_all(executor)] == [False, False], "of the next, none since"


def test_idle_workers_that_are_killed_are_heard_of_and_replaced_and_no_job_pays_for_it(
    tiny_data: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deaf_ones(2, tiny_data, tiny_model, monkeypatch) as executor:
        before = [worker.process.pid for worker in executor._workers]
        kill_all(executor)
        assert all(worker.process.is_alive() for worker in executor._workers)
        assert not set(before) & {worker.process.pid for worker in executor._workers}
        executor.submit(job())
        task = executor._workers[0].task
        assert task is not None
        assert (task.attempts, task.kills) == (1, 0)


def test_a_worker_that_dies_before_it_reads_its_setup_is_lost_as_any_other(
    tiny_data: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "serve", stillborn)
    setup = setup_of(Path("x" * 10**6), tiny_data, tiny_model)  # more than a pipe holds unread
    with (
        closing(ProcessExecutor(setup, 1)) as executor,
        pytest.raises(UserError, match=r"lost 3 times with no job in hand \(exit code 3\)"),
    ):
        executor.submit(job())
