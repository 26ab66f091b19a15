"""Which executor trains a run: how many workers of how many threads, and in which processes."""

from __future__ import annotations

from typing import Literal

import torch

from hpo.records.setup import DeviceInfo
from hpo.runtime.in_process import InProcessExecutor
from hpo.runtime.jobs import Executor
from hpo.runtime.loading import Loaded, cores
from hpo.runtime.memory import free_memory
from hpo.runtime.placement import cards, share_of
from hpo.runtime.processes import ProcessExecutor
from hpo.runtime.ray_executor import RayExecutor
from hpo.runtime.recall import Recall
from hpo.runtime.serving import Setup, Wanted
from hpo.training.precision import Precision
from hpo.training.store import Store

# Bytes that a worker takes at most in the shipped searches, which train a small encoder whole.
WORKER_MEMORY = 2 * 2**30


On = Literal["here", "ray"]


class Engine:
    """The executor of a run with what the run's process knows of its trainings.

    Args:
        workers: that train; None: as many as are fastest.
        width: trainings of the run that can go on at once.
        on: this machine, or a Ray cluster.
        device: on which the run was begun; None: it begins. A cluster has nodes of several kinds.

    Attributes:
        workers, threads: as chosen; one worker here is the coordinator's own process.
        precision: of workers elsewhere; None: the coordinator finds what it is here.
    """

    recall: Recall
    executor: Executor

    def __init__(
        self,
        wanted: Wanted,
        workers: int | None,
        width: int,
        on: On = "here",
        device: DeviceInfo | None = None,
    ) -> None:
        self.wanted = wanted
        self.precision: Precision | None = None
        self._elsewhere: ProcessExecutor | RayExecutor | None = None
        if on == "ray":
            self._elsewhere = ray = RayExecutor(wanted, workers, width, device)
            self.workers, self.threads, self._share = ray.slots, ray.threads, ray.share
            self.precision = ray.precision
            return
        self.workers = workers or fastest(wanted.device, width)
        self.threads = max(1, cores() // self.workers)
        self._share = share_of(self.workers, len(cards(wanted.device)))
        if self.workers > 1:
            self._elsewhere = ProcessExecutor(self._setup(), self.workers)

    def begin(self, loaded: Loaded) -> None:
        """Make ``recall`` and ``executor``, now that the coordinator has loaded the parts."""
        wanted = self.wanted
        self._loaded = loaded
        self.recall = loaded.recall(Store(wanted.store, wanted.room), wanted.forks, self._share)
        if isinstance(self._elsewhere, RayExecutor):
            self._elsewhere.recall = self.recall
        self.executor = self._elsewhere or InProcessExecutor(loaded.worker(self.recall), loaded.test_sets)

    def open_test(self) -> None:
        """Allow jobs on the test split and the shift sets: the search is over."""
        self.recall.open_test(self._loaded.test_sets)
        self.executor.open_test()

    def close(self) -> None:
        """End the workers."""
        if self._elsewhere is not None:
            self._elsewhere.close()

    def _setup(self) -> Setup:
        fields = {name: getattr(self.wanted, name) for name in Wanted.model_fields}
        return Setup(**fields, threads=self.threads, share=self._share)


def fastest(device: str | None, width: int) -> int:
    """Number of workers that is fastest where nothing is asked for.

    On a CPU one worker of one thread for each core, for small batches gain little from a second thread: one
    worker of two threads takes 1.25 times as long (`python -m benchmarks workers`). No more than trainings
    that can go on at once, or than fit the memory. On GPUs one for each: two on one were not measured.
    """
    if device not in (None, "cpu") or (device is None and torch.cuda.is_available()):
        return max(1, min(len(cards(device)), width))
    return max(1, min(cores(), width, int(free_memory() // WORKER_MEMORY)))
