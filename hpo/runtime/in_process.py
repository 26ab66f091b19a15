"""The executor in the coordinator's own process: turns planned segments into states and scores, each trained once."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from hpo.models.classifier import Classifier, build_classifier
from hpo.models.pretrained import Pretrained
from hpo.records.schema import Rung, Segment
from hpo.seeds import derive
from hpo.training.course import Course, plan_course
from hpo.training.evaluation import EvaluationSet, evaluate
from hpo.training.examples import TrainingTexts
from hpo.training.keys import evaluation_key
from hpo.training.loop import train_segment
from hpo.training.optimizers import build_optimizer
from hpo.training.precision import Precision
from hpo.training.states import capture, restore, state_digest
from hpo.training.store import EvaluationFacts, SegmentFacts, Store


class DivergedError(Exception):
    """The loss is no number by the end of ``segment``; ``args[0]`` says when and what to change."""

    def __init__(self, message: str, segment: Segment) -> None:
        super().__init__(message)
        self.segment = segment


@dataclass
class _Live:
    """The state in memory, the end of the segment of ``key``."""

    key: str
    model: Classifier
    optimizer: torch.optim.Optimizer


class InProcessExecutor:
    """Trains and evaluates in this process; knows the training and the validation split and no other.

    Attributes:
        seconds: time spent now, by kind of work (``train``, ``evaluate``, ``store``).
        trained: number of segments trained now.
        retrained_seconds: of ``train``, spent on segments known before whose states were gone.
    """

    def __init__(
        self,
        pretrained: Pretrained,
        texts: TrainingTexts,
        validation: EvaluationSet,
        classes: int,
        precision: Precision,
        store: Store,
    ) -> None:
        self._pretrained = pretrained
        self._texts = texts
        self._validation = validation
        self._classes = classes
        self._precision = precision
        self._store = store
        self._live: _Live | None = None
        self.seconds = {"train": 0.0, "evaluate": 0.0, "store": 0.0}
        self.trained = 0
        self.retrained_seconds = 0.0

    def plan(self, parameters: Mapping[str, Any], seed: int, rungs: tuple[int, ...]) -> Course:
        """The course of one training of this task and model."""
        origin = {
            "weights": self._pretrained.info.sha256,
            "classes": self._classes,
            "numerics": self._precision.numerics_class(),
        }
        return plan_course(parameters, seed, rungs, self._texts, origin)

    def advance(self, course: Course, index: int) -> tuple[Segment, Rung]:
        """Train segment ``index`` of ``course`` and evaluate its end on the validation split, or recall both.

        Raises:
            DivergedError: the loss is not finite.
        """
        key = course.keys[index + 1]
        facts = self._store.segment(key)
        if facts is None:
            facts = self._train(course, index)
        segment = Segment(
            key=key, examples=course.seen[index], steps=course.ends[index], seconds=facts.seconds
        )
        if facts.loss is None:
            raise DivergedError(_diverged("training", course.seen[index]), segment)
        score_key, scores = self._evaluate(course, index, self._validation, keep_predictions=False)
        if scores.loss is None:
            raise DivergedError(_diverged("validation", course.seen[index]), segment)
        rung = Rung(
            examples=course.seen[index],
            steps=course.ends[index],
            accuracy=scores.accuracy,
            loss=scores.loss,
            train_loss=facts.loss,
            learning_rate=course.rate_before(course.ends[index]),
            seconds=scores.seconds,
            evaluation=score_key,
        )
        return segment, rung

    def untrained(self, course: Course) -> Rung:
        """The start of ``course`` on the validation split: what a training is left with that diverged before any rung."""
        key, scores = self._evaluate(course, -1, self._validation, keep_predictions=False)
        assert scores.loss is not None, "a fresh head on finite weights has a finite loss"
        return Rung(
            examples=0,
            steps=0,
            accuracy=scores.accuracy,
            loss=scores.loss,
            train_loss=scores.loss,
            learning_rate=0.0,
            seconds=scores.seconds,
            evaluation=key,
        )

    def score(self, course: Course, index: int, texts: EvaluationSet) -> tuple[str, EvaluationFacts]:
        """Score the end of segment ``index`` (-1: the start) on further texts, item by item: (its key, its facts)."""
        return self._evaluate(course, index, texts, keep_predictions=True)

    def _evaluate(
        self, course: Course, index: int, texts: EvaluationSet, keep_predictions: bool
    ) -> tuple[str, EvaluationFacts]:
        key = evaluation_key(course.keys[index + 1], texts.key)
        facts = self._store.evaluation(key)
        if facts is None:
            live = self._at(course, index)
            started = time.perf_counter()
            scores = evaluate(live.model, texts, self._precision)
            seconds = time.perf_counter() - started
            self.seconds["evaluate"] += seconds
            facts = EvaluationFacts(
                accuracy=scores.accuracy,
                loss=scores.loss if math.isfinite(scores.loss) else None,
                seconds=seconds,
                predictions=tuple(scores.predictions.tolist()) if keep_predictions else None,
            )
            self._store.put_evaluation(key, facts)
        return key, facts

    def _at(self, course: Course, index: int) -> _Live:
        """The state at the end of segment ``index`` (-1: the start): in memory, from the store, or trained again."""
        key = course.keys[index + 1]
        if self._live is not None and self._live.key == key:
            return self._live
        tensors = self._store.state(key) if index >= 0 else {}
        if tensors is None:
            self._train(course, index)
            assert self._live is not None
            return self._live
        parameters = course.parameters
        head_seed = derive(course.seed, "head")
        model = build_classifier(self._pretrained, parameters, self._classes, head_seed)
        model.to(self._precision.device)
        optimizer = build_optimizer(model, parameters)
        if tensors:
            restore(model, optimizer, tensors)
        self._live = _Live(key, model, optimizer)
        return self._live

    def _train(self, course: Course, index: int) -> SegmentFacts:
        live = self._at(course, index - 1)
        self._live = None  # an interrupt in mid-segment must not leave a state under the old key
        clip = course.parameters["gradient_clip"]
        result = train_segment(
            live.model, live.optimizer, course.steps(index), course.seed, clip, self._precision
        )
        self.seconds["train"] += result.seconds
        self.trained += 1
        started = time.perf_counter()
        tensors = capture(live.model, live.optimizer)
        key = course.keys[index + 1]
        loss = result.loss if math.isfinite(result.loss) else None
        facts = SegmentFacts(loss=loss, seconds=result.seconds, state=state_digest(tensors))
        # Nothing goes on from the last one, and a kill costs one segment either way.
        if index < len(course.ends) - 1:
            self._store.put_state(key, tensors, facts.state, result.seconds, chance=1.0)
        known = self._store.segment(key)
        if known is None:
            self._store.put_segment(key, facts)
        else:
            self.retrained_seconds += result.seconds
        self._live = _Live(key, live.model, live.optimizer)
        self.seconds["store"] += time.perf_counter() - started
        return known or facts


def _diverged(split: str, examples: int) -> str:
    return f"diverged: the {split} loss was not finite by {examples} examples; lower learning_rate or gradient_clip"
