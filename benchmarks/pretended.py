"""Searches in which nothing is trained: whole runs through the real coordinator, with a worker that makes its scores up.

What a worker stores is stored, and what the coordinator does is done: draws, courses and their keys, the journal, records,
MLflow and the report. A score is a pure function of the parameters, the seed and the share of the training that was done.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hpo.runtime.engine import Engine
from hpo.runtime.in_process import InProcessExecutor
from hpo.runtime.jobs import VALIDATION, Done, Job
from hpo.runtime.loading import Loaded
from hpo.runtime.recall import Recall, state_of
from hpo.runtime.serving import Wanted
from hpo.training.course import Course
from hpo.training.evaluation import Predicted
from hpo.training.facts import EvaluationFacts, SegmentFacts
from hpo.training.keys import segment_key

BEST = 0.8
SECONDS = 60.0  # of a segment


class Pretender:
    """Does jobs as a worker does, without training.

    Args:
        took: key of a segment to the seconds that it is said to have taken.

    Attributes:
        seconds: spent in ``do``, which is no work of the coordinator.
    """

    def __init__(self, recall: Recall, took: Callable[[str], float] = lambda _: SECONDS) -> None:
        self.recall = recall
        self.seconds = 0.0
        self._took = took

    def do(self, job: Job) -> Done:
        """Store what training and evaluating would have given, and answer from there."""
        began = time.perf_counter()
        course = self.recall.course(job.parameters, job.seed)
        new = 0
        spent = 0.0
        for index in range(course.segments_of(job.rung).stop):
            if self.recall.segment(course, index) is None:
                key = segment_key(course.keys[index], course.keys[index + 1])
                seconds = self._took(key)
                facts = SegmentFacts(loss=0.7 - 0.05 * index, seconds=seconds, state=_digest(key))
                self.recall.store.put_segment(key, facts)
                new, spent = new + 1, spent + seconds
        if self.recall.evaluation(course, job) is None:
            self.recall.store.put_evaluation(
                self.recall.evaluation_key(course, job), self._scores(course, job)
            )
        done = self.recall.known(job)
        assert done is not None, "all that it stands on was stored"
        self.seconds += time.perf_counter() - began
        return done.model_copy(update={"trained": new, "seconds": {"train": spent}})

    def _scores(self, course: Course, job: Job) -> EvaluationFacts:
        """Right and wrong items, drawn by the state's key around the accuracy that it is to have."""
        data, scoring = self.recall.data(job), self.recall.scoring
        key = course.keys[state_of(course, job.rung)]
        random = np.random.default_rng(int(hashlib.sha256(key.encode()).hexdigest()[:15], 16))
        share = 0.0 if job.rung < 0 else course.seen[course.marks[job.rung]] / course.seen[-1]
        right = random.random(len(data.labels)) < accuracy(job.parameters, share)
        predictions = np.where(right, data.labels, 1 - data.labels)
        predicted = Predicted(tuple(predictions), np.where(right, 0.2, 1.5))
        return EvaluationFacts(
            metrics=scoring.metrics(predicted, data),
            loss=predicted.loss,
            seconds=SECONDS / 10,
            items=None if job.split == VALIDATION else scoring.items(predicted, data),
        )


def accuracy(parameters: Mapping[str, Any], share: float) -> float:
    """What a configuration reaches after this share of its training: best at a rate of 1e-3, little dropout."""
    off = abs(math.log10(parameters["learning_rate"]) + 3) + parameters["dropout"]
    return 0.5 + (BEST - 0.5) * math.exp(-off) * (1 - math.exp(-3 * share))


class PretendedEngine(Engine):
    """The engine of a run whose only worker pretends, in this process."""

    pretender: Pretender

    def __init__(self, wanted: Wanted, *_: Any) -> None:
        super().__init__(wanted, workers=1, width=1)

    def begin(self, loaded: Loaded) -> None:
        super().begin(loaded)
        self.pretender = Pretender(self.recall)
        self.executor = InProcessExecutor(self.pretender, loaded.test_sets)  # type: ignore[arg-type]


def _digest(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()
