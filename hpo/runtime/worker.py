"""Does one job after another in one process: trains and evaluates what the store does not know."""

from __future__ import annotations

import gc
import json
import math
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hpo.config.parameters import MODEL
from hpo.data.batches import Batch
from hpo.data.texts import Texts
from hpo.errors import UserError
from hpo.models.classifier import STRUCTURE, Classifier, build_classifier
from hpo.models.objective import Outputs
from hpo.runtime.jobs import UNTRAINED, VALIDATION, Done, Job
from hpo.runtime.memory import give_back, ran_out
from hpo.runtime.parts import predict_within
from hpo.runtime.recall import Recall, state_of
from hpo.seeds import derive
from hpo.training.backward import Backward, recorded_on_gpu
from hpo.training.course import Course, Reader
from hpo.training.facts import EvaluationFacts, SegmentFacts
from hpo.training.held import HeldStates
from hpo.training.keys import segment_key
from hpo.training.loop import train_segment
from hpo.training.optimizers import as_scored, build_optimizer
from hpo.training.precision import Precision
from hpo.training.private_steps import PrivateBackward
from hpo.training.states import Captured, capture, restore, state_digest
from hpo.training.warm import WarmModels


@dataclass
class _Live:
    """The state in memory, of ``key``."""

    key: str
    backward: Backward
    optimizer: torch.optim.Optimizer

    @property
    def model(self) -> Classifier:
        return self.backward.model


class Worker:
    """Trains and evaluates the trainings of one run.

    Args:
        share: of the device that this worker has; seconds are those of the whole device.
        held_bytes: of states that may stay in the device's memory.
    """

    def __init__(
        self,
        recall: Recall,
        outputs: Outputs,
        precision: Precision,
        share: float = 1.0,
        held_bytes: int = 0,
    ) -> None:
        self.recall = recall
        self._outputs = outputs
        self._precision = precision
        self._share = share
        self._live: _Live | None = None
        self._held = HeldStates(held_bytes)
        self._warm = WarmModels(precision, recorded_on_gpu() if precision.device.type == "cuda" else None)
        self._aside = ThreadPoolExecutor(1, "hpo-write")
        self._aside.submit(
            int
        ).result()  # its thread starts now: later there may be no memory for one, nor a word of it
        self._written: Future[None] | None = None
        self._trained = 0
        self._retrained = 0.0
        self._seconds: dict[str, float] = {}

    def do(self, job: Job) -> Done:
        """Bring a training to the evaluation asked for; what is known is recalled."""
        self._count_anew()
        course = self.recall.course(job.parameters, job.seed)
        with self.recall.store.warnings() as warnings:
            fits = self._fits(course, job) or (self._let_go() and self._fits(course, job))
        done = self.recall.known(job) if fits else Done(out_of_memory=self.full())
        if done is None:  # what was known to end finite was trained again, and did not
            raise UserError(
                "a training that is stored with a finite loss diverged when it was trained again",
                "Look with `hpo verify` whether this machine computes the same bits; run in another --results folder.",
            )
        return done.model_copy(
            update={
                "trained": self._trained,
                "retrained_seconds": self._retrained,
                "seconds": self._seconds,
                "warnings": tuple(warnings),
            }
        )

    def whole(self, job: Job) -> tuple[Classifier, int] | None:
        """The model at the evaluation that ``job`` names, its body beginning with token ids.

        Returns:
            It, and how many segments were trained for it: none where the store has its state. None where training diverged.
        """
        self._count_anew()
        course = self.recall.course(job.parameters, job.seed)
        last = state_of(course, job.rung) - 1
        reached = self._reach(course, last, last)
        self._settle()
        if not reached:
            return None
        live = self._live
        assert live is not None
        model, trained = self._build(course, 0), live.model.trained()
        with as_scored(live.optimizer), torch.no_grad():
            for name, parameter in model.trained().items():
                parameter.copy_(trained[name])
        return model, self._trained

    def _count_anew(self) -> None:
        self._trained, self._retrained = 0, 0.0
        self._seconds = {"train": 0.0, "evaluate": 0.0, "store": 0.0, "pass": 0.0}

    def _fits(self, course: Course, job: Job) -> bool:
        """Bring the job to its end; False: the memory was too small."""
        try:
            self._bring(course, job)
        except Exception as error:
            if not ran_out(error):
                raise
            self._live = None
            return False  # the error holds the tensors of the failed step until it is forgotten
        return True

    def _let_go(self) -> bool:
        """Let go of what is kept in memory for later; whether there was any."""
        kept = any([self._held.clear(), self._warm.clear()])
        gc.collect()  # models hold themselves in cycles
        give_back()
        return kept

    def full(self) -> str:
        """Let go of what the last attempt left; the text says whose memory was too small."""
        self._let_go()
        return f"{'the GPU' if self._precision.device.type == 'cuda' else 'this machine'} has no memory left"

    def _bring(self, course: Course, job: Job) -> None:
        """Compute what the store does not know of the job."""
        if self._train(course, job):
            self._evaluate(course, job)
            self._make_passes(course, job)
        self._settle()

    def _train(self, course: Course, job: Job) -> bool:
        """Train the segments up to the job's evaluation that must be; whether the loss stayed finite."""
        segments = course.segments_of(job.rung)
        unknown = [i for i in segments if self.recall.segment(course, i) is None]
        goal = max(unknown, default=UNTRAINED)
        if self.recall.evaluation(course, job) is None:
            goal = segments.stop - 1
        if any(self._diverged(course, i) for i in segments):
            return False
        first = min(unknown, default=goal + 1)
        return goal < first or self._reach(course, goal, first - 1)

    def _diverged(self, course: Course, segment: int) -> bool:
        facts = self.recall.segment(course, segment)
        return facts is not None and facts.loss is None

    def _reach(self, course: Course, goal: int, latest: int) -> bool:
        """Train to the end of segment ``goal``, from a state no later than that of ``latest``; whether all was finite."""
        self._live = self._latest_state(course, latest)
        start = course.keys.index(self._live.key)  # number of segments trained so far
        return all(self._train_segment(course, segment) for segment in range(start, goal + 1))

    def _latest_state(self, course: Course, latest: int) -> _Live:
        """The latest state at hand, no later than the end of segment ``latest`` (-1: the start)."""
        for index in range(latest + 1, 0, -1):
            key = course.keys[index]
            if self._live is not None and self._live.key == key:
                return self._live
            started = time.perf_counter()
            tensors = self._held.get(key) or self.recall.store.state(key)
            if tensors is not None:
                live = self._fresh(course)
                restore(live.model, live.optimizer, tensors)
                live.key = key
                self._count("store", started)
                return live
        return self._fresh(course)

    def _fresh(self, course: Course) -> _Live:
        """The training at its start, in place of the one in memory."""
        self._live = None  # its model may be taken
        fresh = self._build(course, course.start)
        shape = [course.parameters.get(name) for name in STRUCTURE]
        structure = json.dumps([course.parameters.get(MODEL), course.start, *shape])
        backward = self._backward(course, structure, fresh)
        return _Live(course.keys[0], backward, build_optimizer(backward.model, course.parameters))

    def _build(self, course: Course, start: int) -> Classifier:
        """The model of a training at its start, its body beginning at depth ``start``."""
        head_seed = derive(course.seed, "head")
        pretrained = self.recall.of(course.parameters).pretrained
        objective = self._outputs.objective(course.parameters, self._precision.device)
        fresh = build_classifier(
            pretrained, course.parameters, self._outputs.classes, head_seed, start, objective
        )
        return fresh.to(self._precision.device)

    def _backward(self, course: Course, structure: str, fresh: Classifier) -> Backward:
        if course.private is not None:
            return PrivateBackward(fresh, self._precision, course.private)
        return self._warm.take(structure, fresh)

    def begin(self, course: Course) -> tuple[Backward, torch.optim.Optimizer]:
        """A training at its start, for who tries a few of its steps."""
        live = self._fresh(course)
        return live.backward, live.optimizer

    def _train_segment(self, course: Course, segment: int) -> bool:
        live, self._live = self._live, None  # an interrupt must not leave a state under the old key
        assert live is not None
        read = self._reader(course)
        self._read_ahead(course, segment)
        steps = course.steps_of(segment, read)
        parameters = course.parameters
        result = train_segment(
            live.backward,
            live.optimizer,
            steps,
            course.seed,
            parameters["gradient_clip"],
            accumulation=parameters["accumulation"],
            mixup=parameters["mixup_alpha"],
        )
        seconds = result.seconds * self._share
        self._seconds["train"] += seconds
        self._trained += 1
        started = time.perf_counter()
        if self.recall.segment(course, segment) is not None:
            self._retrained += seconds
        captured = capture(live.model, live.optimizer)
        if math.isfinite(result.loss) and course.cuts[segment].chance > 0:
            self._held.put(course.keys[segment + 1], captured.tensors)
        self._settle()
        self._written = self._aside.submit(self._write, course, segment, captured, result.loss, seconds)
        self._live = _Live(course.keys[segment + 1], live.backward, live.optimizer)
        self._count("store", started)
        return math.isfinite(result.loss)

    def _write(self, course: Course, segment: int, captured: Captured, loss: float, seconds: float) -> None:
        """Store a segment's end; it runs aside, while the state in memory is evaluated or trained on."""
        finite = math.isfinite(loss)
        tensors = captured.on_cpu()
        digest = state_digest(tensors)
        chance = course.cuts[segment].chance
        if finite and chance > 0:
            self.recall.store.put_state(course.keys[segment + 1], tensors, digest, seconds, chance)
        facts = SegmentFacts(loss=loss if finite else None, seconds=seconds, state=digest)
        self.recall.store.put_segment(segment_key(*course.keys[segment : segment + 2]), facts)

    def _settle(self) -> None:
        """Wait until all is written."""
        written, self._written = self._written, None
        if written is not None:
            written.result()

    def _evaluate(self, course: Course, job: Job) -> None:
        if self.recall.evaluation(course, job) is not None:
            return
        data = self.recall.data(job)
        wanted = course.keys[state_of(course, job.rung)]
        if self._live is None or self._live.key != wanted:
            self._reach(course, state_of(course, job.rung) - 1, state_of(course, job.rung) - 1)
        assert self._live is not None
        read = self._reader(course)
        if read is not None:
            self._pass(data.texts, course)
        started = time.perf_counter()
        with as_scored(self._live.optimizer):
            predicted = predict_within(self._live.model, data, self._precision, read)
        finite = math.isfinite(predicted.loss)
        scoring = self.recall.scoring
        facts = EvaluationFacts(
            metrics=scoring.metrics(predicted, data),
            loss=predicted.loss if finite else None,
            seconds=self._count("evaluate", started),
            items=None if job.split == VALIDATION else scoring.items(predicted, data),
        )
        self.recall.store.put_evaluation(self.recall.evaluation_key(course, job), facts)

    def _reader(self, course: Course) -> Reader | None:
        """What reads hidden states, where the body begins at a depth."""
        if not course.start:
            return None
        prefixes = self.recall.of(course.parameters).prefixes

        def read(texts: Texts, batch: Batch) -> NDArray[np.float32]:
            return prefixes.hidden(texts, course.start, course.parameters).batch(batch)

        return read

    def _read_ahead(self, course: Course, segment: int) -> None:
        """Make the passes that a segment reads, so that their time is not counted as training."""
        if course.start:
            for texts in course.texts_of(segment):
                self._pass(texts, course)

    def _make_passes(self, course: Course, job: Job) -> None:
        """Make what is missing of the passes that the job is charged."""
        if course.start:
            prefixes = self.recall.of(course.parameters).prefixes
            until = course.texts_until(job.rung) if job.rung != UNTRAINED else []
            for texts in (*until, self.recall.data(job).texts):
                if prefixes.work(texts, course.start, course.parameters) is None:
                    self._pass(texts, course)

    def _pass(self, texts: Texts, course: Course) -> None:
        prefixes = self.recall.of(course.parameters).prefixes
        self._seconds["pass"] += prefixes.make(texts, course.start, course.parameters)

    def _count(self, kind: str, started: float) -> float:
        seconds = (time.perf_counter() - started) * self._share
        self._seconds[kind] += seconds
        return seconds
