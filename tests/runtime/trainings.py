"""Trainings of the tiny model as a run does them, for the tests of this room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from hpo.config.experiment import Choices, Experiment
from hpo.config.parameters import complete
from hpo.data.task_data import TaskData
from hpo.models.pretrained import Pretrained
from hpo.runtime.jobs import Done, Job
from hpo.runtime.loading import Loaded
from hpo.runtime.serving import Setup
from hpo.runtime.worker import Worker
from hpo.training.cuts import Forks
from hpo.training.keys import segment_key
from hpo.training.precision import choose_precision
from hpo.training.prefixes import LARGEST
from hpo.training.store import STORE_LIMIT, Store
from tests.search.search_space import experiment

RUNGS = 3  # evaluations of each training: at 64 and 128 examples and at its end


def space(
    data: Path | str = "reviews.csv", model: Path | str = "tiny", depths: tuple[int, ...] = (0, 1, 2, 3)
) -> Experiment:
    frozen = {"frozen_layers": Choices(choices=depths, default=depths[0])}
    return experiment(data, model, parameters=frozen, budget={"rungs": (64, 128)}, baseline=None)


def setup_of(folder: Path, data: Path, model: Path) -> Setup:
    return Setup(
        experiment=space(data, model),
        device="cpu",
        forks=(),
        store=folder,
        room=STORE_LIMIT,
        threads=torch.get_num_threads(),
        share=0.5,
    )


class Desk:
    """Makes workers on one folder; each is what a new process would have: the folder and nothing in memory."""

    def __init__(self, pretrained: Pretrained, task: TaskData) -> None:
        self._pretrained = pretrained
        self._task = task

    def loaded(self, depths: tuple[int, ...] = (0, 1, 2, 3)) -> Loaded:
        models = {None: self._pretrained}
        return Loaded(space(depths=depths), models, self._task, choose_precision("cpu"), None)

    def worker(
        self,
        folder: Path,
        limit: int = STORE_LIMIT,
        largest: int = LARGEST,
        depths: tuple[int, ...] = (0, 1, 2, 3),
        forks: Forks = (),
    ) -> Worker:
        loaded = self.loaded(depths)
        recall = loaded.recall(Store(folder, limit), forks)
        recall.of({}).prefixes._largest = largest
        return loaded.worker(recall)


def job(rung: int = 0, seed: int = 1, **given: Any) -> Job:
    settings = {"epochs": 3.0, "batch_size": 16, "learning_rate": 3e-3, "frozen_layers": 1, **given}
    split = settings.pop("split", "validation")
    return Job(parameters=complete(settings), seed=seed, rung=rung, split=split)


def train(worker: Worker, **given: Any) -> list[Done]:
    """One training through all its evaluations."""
    return [worker.do(job(rung, **given)) for rung in range(RUNGS)]


def facts(done: list[Done]) -> list[dict[str, Any]]:
    """What a clock has no part in."""
    return [
        {
            "segments": [s.model_dump(exclude={"seconds"}) for s in d.segments],
            "rung": d.rung.model_dump(exclude={"seconds"}) if d.rung else d.diverged,
            "passes": [p.key for p in d.passes],
        }
        for d in done
    ]


def digests(worker: Worker, **given: Any) -> list[str]:
    """Of the states at the end of each segment that was trained."""
    course = worker.recall.course(job(**given).parameters, given.get("seed", 1))
    keys = [segment_key(*course.keys[i : i + 2]) for i in range(len(course.cuts))]
    return [known.state for key in keys if (known := worker.recall.store.segment(key)) is not None]
