"""Orders, answers and losses, with workers that are told what to answer."""

from __future__ import annotations

from collections import deque

import pytest

from hpo.errors import UserError
from hpo.runtime import attempts
from hpo.runtime.attempts import ATTEMPTS, Hand, Lost, WorkersExecutor
from hpo.runtime.jobs import Done, Job
from hpo.runtime.serving import Answer, Beat, Order


class Scripted(WorkersExecutor[Hand]):
    """Workers that tell what the test puts into ``told``; ``orders``: what they were given.

    ``gone``: for as many orders their worker is gone already.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.slots = count
        self._workers = [Hand() for _ in range(count)]
        self.told: deque[tuple[int, Answer | Beat | Lost]] = deque()
        self.orders: list[Order] = []
        self.renewed: list[Lost | None] = []
        self.gone = 0

    def _hear(self, seconds: float) -> list[tuple[Hand, Answer | Beat | Lost]]:
        worker, message = self.told.popleft()
        return [(self._workers[worker], message)]

    def _send(self, worker: Hand, order: Order) -> Lost | None:
        if self.gone:
            self.gone -= 1
            return KILLED
        self.orders.append(order)
        return None

    def _renew(self, worker: Hand, *, lost: Lost | None) -> None:
        self.renewed.append(lost)

    def close(self) -> None: ...


def job(seed: int) -> Job:
    return Job(parameters={"epochs": 1.0}, seed=seed, rung=0)


GONE = Lost(killed=False, how="gone")
KILLED = Lost(killed=True, how="killed")


def answer(attempt: int, trained: int = 1) -> Answer:
    return Answer(attempt=attempt, done=Done(trained=trained))


def test_the_late_answer_of_an_attempt_that_was_given_up_is_dropped() -> None:
    executor = Scripted(1)
    executor.submit(job(1))
    executor.told.extend([(0, GONE), (0, answer(1, trained=7)), (0, Beat(progress=1)), (0, answer(2))])
    assert executor.next_done() == (job(1), Done(trained=1))
    assert [order.attempt for order in executor.orders] == [1, 2]


def test_no_two_orders_have_one_number() -> None:
    executor = Scripted(2)
    executor.submit(job(1))
    executor.submit(job(2))
    executor.told.extend([(1, GONE), (0, answer(1)), (1, answer(3))])
    assert [executor.next_done()[0].seed for _ in range(2)] == [1, 2]
    assert [(o.attempt, o.job.seed) for o in executor.orders] == [(1, 1), (2, 2), (3, 2)]


def test_a_job_is_given_as_often_as_attempts_are_allowed_and_then_its_losses_are_told() -> None:
    executor = Scripted(1)
    executor.submit(job(1))
    executor.told.extend([(0, GONE)] * ATTEMPTS)
    with pytest.raises(UserError, match=r"lost 3 times at the same job \(gone\)"):
        executor.next_done()
    assert len(executor.orders) == ATTEMPTS


def test_two_workers_killed_at_one_job_say_that_it_does_not_fit_and_at_two_jobs_say_nothing() -> None:
    executor = Scripted(1)
    executor.submit(job(1))
    executor.told.extend([(0, KILLED), (0, answer(2))])
    assert executor.next_done()[1].out_of_memory is None
    executor.submit(job(2))
    executor.told.extend([(0, KILLED), (0, KILLED)])
    assert executor.next_done()[1].out_of_memory == "the worker was killed, most likely for memory"


def test_workers_that_were_killed_before_they_had_a_job_cost_it_no_attempt() -> None:
    executor = Scripted(1)
    for seed in (1, 2):
        executor.gone = ATTEMPTS - 1
        executor.submit(job(seed))
        executor.told.extend([(0, GONE)] * (ATTEMPTS - 1))
        executor.told.append((0, answer(4 * seed + seed)))  # after two that nobody had and two that were lost
        assert executor.next_done()[1] == Done(trained=1)
    assert len(executor.orders) == 2 * ATTEMPTS


def test_a_worker_killed_with_no_job_in_hand_is_renewed_and_no_job_pays_for_it() -> None:
    executor = Scripted(2)
    executor.submit(job(1))
    executor.told.extend([(1, KILLED), (1, KILLED), (0, answer(1))])
    assert executor.next_done()[1] == Done(trained=1)
    assert executor.renewed == [KILLED, KILLED]
    executor.submit(job(2))
    assert len(executor.orders) == 2


def test_a_worker_lost_again_and_again_with_no_job_in_hand_is_told_and_not_renewed_for_ever() -> None:
    executor = Scripted(2)
    executor.submit(job(1))
    executor.told.extend([(1, GONE)] * ATTEMPTS)
    with pytest.raises(UserError, match=r"lost 3 times with no job in hand \(gone\)"):
        executor.next_done()
    sending = Scripted(1)
    sending.gone = ATTEMPTS
    with pytest.raises(UserError, match=r"lost 3 times with no job in hand \(killed\)"):
        sending.submit(job(1))


def test_what_a_worker_says_that_its_user_can_mend_is_told_at_once() -> None:
    executor = Scripted(1)
    executor.submit(job(1))
    executor.told.append((0, Answer(attempt=1, message="no file", hint="name one")))
    with pytest.raises(UserError, match="no file") as caught:
        executor.next_done()
    assert caught.value.hint == "name one"


def test_a_job_that_does_not_fit_gets_its_worker_renewed_and_is_not_given_again() -> None:
    executor = Scripted(1)
    executor.submit(job(1))
    executor.told.append((0, Answer(attempt=1, done=Done(out_of_memory="full"))))
    assert executor.next_done()[1].out_of_memory == "full"
    assert executor.renewed == [None]


def test_once_the_test_split_is_open_every_order_says_so() -> None:
    executor = Scripted(1)
    executor.submit(job(1))
    executor.told.append((0, answer(1)))
    executor.next_done()
    executor.open_test()
    executor.submit(job(2))
    assert [order.test_is_open for order in executor.orders] == [False, True]


def test_a_worker_that_hangs_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "SILENT_SECONDS", 0.0)
    executor = Scripted(1)
    executor.submit(job(1))
    executor.told.extend([(0, Beat(progress=1)), (0, answer(2))])
    assert executor.next_done()[0].seed == 1
    assert executor.renewed == [Lost(killed=False, how="it gave no sign of life for 0 s")]
    assert len(executor.orders) == 2
