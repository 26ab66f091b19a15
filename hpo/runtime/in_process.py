"""The executor in the coordinator's own process: one job at a time, on all threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hpo.models.pretrained import Pretrained
from hpo.runtime.jobs import Done, Job
from hpo.runtime.worker import Worker
from hpo.training.evaluation import EvaluationSet


class InProcessExecutor:
    """Does each job when its end is waited for.

    Args:
        test: opens the test split and the shift sets for a model; called when the search is over.
    """

    slots = 1

    def __init__(self, worker: Worker, test: Callable[[Pretrained], Mapping[str, EvaluationSet]]) -> None:
        self._worker = worker
        self._test = test
        self._job: Job | None = None

    def submit(self, job: Job) -> None:
        assert self._job is None, "there is one slot"
        self._job = job

    def next_done(self) -> tuple[Job, Done]:
        assert self._job is not None, "nothing was submitted"
        job, self._job = self._job, None
        return job, self._worker.do(job)

    def open_test(self) -> None:
        self._worker.recall.open_test(self._test)

    def close(self) -> None:
        self._job = None
