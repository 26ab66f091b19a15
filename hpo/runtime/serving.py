"""What a worker outside of the coordinator's process is told and answers, wherever it runs, and how it does its jobs.

It knows of trainings alone: neither of the search nor of the tracking, whose libraries it never imports.
"""

from __future__ import annotations

from pathlib import Path

from hpo.config.experiment import Experiment
from hpo.errors import UserError
from hpo.records.base import Frozen
from hpo.runtime.jobs import Done, Job
from hpo.training.privacy import Mechanism


class Wanted(Frozen):
    """What is to be trained where.

    Attributes:
        forks: ``hpo.training.cuts.Forks``: lengths and cool-downs of the space, between which trunks are shared.
        store, room: folder and bytes of the store.
        mechanism: of private trainings; None: there is none.
    """

    experiment: Experiment
    device: str | None
    forks: tuple[tuple[float, float], ...]
    store: Path
    room: int
    mechanism: Mechanism | None = None


class Setup(Wanted):
    """What a worker is told at its start. ``threads``: of its process; ``share``: part of the device that it has."""

    threads: int
    share: float


class Order(Frozen):
    """A job in the hands of a worker. ``attempt``: unlike that of any other order of the run."""

    attempt: int
    job: Job
    test_is_open: bool = False


class Answer(Frozen):
    """What an order came to: what the job came to, or the error that its user can mend."""

    attempt: int
    done: Done | None = None
    message: str = ""
    hint: str = ""


class Beat(Frozen):
    """A sign of life, sent again and again. ``progress``: units of work that have ended (``hpo.pulse``)."""

    progress: int


class Server:
    """Loads once, then does one order after another.

    Raises:
        UserError: something is not there, or does not fit together.
    """

    def __init__(self, setup: Setup) -> None:
        from hpo.runtime.loading import load
        from hpo.runtime.memory import offer_to_be_killed
        from hpo.training.store import Store

        offer_to_be_killed()
        self._loaded = load(setup.experiment, setup.device, setup.threads, setup.share, setup.mechanism)
        self.recall = self._loaded.recall(Store(setup.store, setup.room), setup.forks, setup.share)
        self._worker = self._loaded.worker(self.recall, setup.share)

    def answer(self, order: Order) -> Answer:
        """Do what is ordered."""
        if order.test_is_open:
            self.recall.open_test(self._loaded.test_sets)
        try:
            return Answer(attempt=order.attempt, done=self._worker.do(order.job))
        except UserError as error:
            return failure(order, error)


def failure(order: Order, error: UserError) -> Answer:
    """The answer to an order that cannot be done."""
    return Answer(attempt=order.attempt, message=error.message, hint=error.hint)
