"""The course of one training: every step's texts, widths and learning rate, where it is cut into segments, and the keys of
its states, fixed before the first step. It depends on the whole training's length, never on where a pruner may stop it."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.batches import Batch, collate, epoch_batches, sampled_batch
from hpo.data.texts import Texts
from hpo.models.heads import has_bias
from hpo.seeds import derive
from hpo.training.cuts import Cut, Forks, plan_cuts
from hpo.training.examples import TrainingTexts
from hpo.training.keys import start_key, step_key
from hpo.training.optimizers import library
from hpo.training.privacy import Mechanism, Private
from hpo.training.schedules import learning_rates, schedule_of

# Texts and one of their batches to what the body reads of it: (batch, width) token ids or (batch, width, hidden) states.
Reader = Callable[[Texts, Batch], NDArray[Any]]


@dataclass(frozen=True)
class Step:
    """One optimizer step: ``texts`` as its reader gives them, ``mask`` (batch, width) int64, ``labels`` int64 as
    ``hpo.models.objective`` takes them.

    ``unfrozen`` is how many groups of layers it trains, the head being the first; None: all that the training changes.
    """

    index: int
    rate: float
    texts: NDArray[Any]
    mask: NDArray[np.int64]
    labels: NDArray[np.int64]
    unfrozen: int | None = None


@dataclass(frozen=True)
class Course:
    """One training, planned.

    Attributes:
        parameters: every active parameter.
        seed: of the head, the order of texts, their variants and dropout.
        start: depth at which the body begins, reading stored hidden states; 0: it reads token ids.
        cuts: the end of each segment, the last being the end of training.
        keys: of the states: the start, then each segment's end; one longer than ``cuts``.
        seen: examples seen at the end of each segment.
        rungs: of each evaluation the rung that it stands for, in examples; the last is the end of training.
        marks: of each evaluation the index of the segment at whose end it is made.
        epochs: the texts of each epoch.
        private: where a private training draws from; None: it is none.
    """

    parameters: Mapping[str, Any]
    seed: int
    start: int
    cuts: tuple[Cut, ...]
    keys: tuple[str, ...]
    seen: tuple[int, ...]
    rungs: tuple[int, ...]
    marks: tuple[int, ...]
    epochs: tuple[Texts, ...]
    private: Private | None
    _batches: tuple[tuple[Batch, Texts], ...]
    _rates: NDArray[np.float64]
    _labels: NDArray[np.int64]
    _pad: int
    _unfrozen: tuple[int, ...] | None

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return len(self._batches)

    def padded(self) -> NDArray[np.int64]:
        """Tokens of each step's batch, its padding among them, (steps,)."""
        return np.array([len(batch.items) * batch.width for batch, _ in self._batches], np.int64)

    def segment_start(self, segment: int) -> int:
        """Index of the first step of a segment."""
        return self.cuts[segment - 1].step if segment else 0

    def segments_of(self, rung: int) -> range:
        """Indices of the segments from the evaluation before number ``rung`` to that one; none for -1."""
        return range(self.marks[rung - 1] + 1 if rung else 0, self.marks[rung] + 1) if rung >= 0 else range(0)

    def source_of(self, step: int) -> str:
        """How what a step reads was computed: the digest of its epoch's texts where these are hidden states, else empty."""
        return self._batches[step][1].key if self.start else ""

    def rate_before(self, end: int) -> float:
        """Learning rate of the last step before step index ``end``."""
        return float(self._rates[end - 1])

    def texts_until(self, rung: int) -> list[Texts]:
        """Texts of the epochs that training reads up to an evaluation."""
        last = self.cuts[self.marks[rung]].step
        return list(dict.fromkeys(texts for _, texts in self._batches[:last]))

    def texts_of(self, segment: int) -> list[Texts]:
        """Texts of the epochs that a segment reads."""
        batches = self._batches[self.segment_start(segment) : self.cuts[segment].step]
        return list(dict.fromkeys(texts for _, texts in batches))

    def steps_of(self, segment: int, read: Reader | None = None) -> Iterator[Step]:
        """The steps of one segment, in order; ``read`` gives hidden states where the body begins at a depth."""
        for index in range(self.segment_start(segment), self.cuts[segment].step):
            batch, texts = self._batches[index]
            rows, mask = collate(texts.ids, batch, self._pad)
            inputs: NDArray[Any] = rows if read is None else read(texts, batch)
            labels = texts.labels(batch, self._labels)
            unfrozen = None if self._unfrozen is None else self._unfrozen[index]
            yield Step(index, float(self._rates[index]), inputs, mask[:, : inputs.shape[1]], labels, unfrozen)


@dataclass(frozen=True)
class Planner:
    """Plans the trainings of one run.

    Attributes:
        rungs: examples seen at which a training is evaluated; those at or past its end fall away, its end is always one.
        origin: what the first state depends on beside the parameters: weights, kind of task, classes, class of numerics;
            and ``class_weights``, the balanced ones, of which trainings without them take no note.
        forks: lengths and cool-downs of the space, between which trunks are shared.
        start_of: parameters to the depth at which the body begins.
        mechanism: of private trainings; None: there is none.
    """

    texts: TrainingTexts
    rungs: tuple[int, ...]
    origin: Mapping[str, Any]
    forks: Forks
    start_of: Callable[[Mapping[str, Any]], int]
    mechanism: Mechanism | None = None

    def plan(self, parameters: Mapping[str, Any], seed: int) -> Course:
        """The course of one training; ``parameters``: every active one."""
        private = self._private(parameters, seed)
        batches = _plan_batches(parameters, seed, self.texts, private)
        sizes = _seen(batches, private)
        ends = sorted({int(np.searchsorted(sizes, rung)) + 1 for rung in self.rungs if rung < sizes[-1]})
        ends = [*(end for end in ends if end < len(batches)), len(batches)]
        schedule, peak = schedule_of(parameters), parameters["learning_rate"]
        cuts = plan_cuts(
            schedule, peak, len(batches), ends, self.forks, len(self.texts.labels), parameters["batch_size"]
        )
        steps = [cut.step for cut in cuts]
        marks = tuple(steps.index(end) for end in ends)
        seen = tuple(int(sizes[step - 1]) for step in steps)
        at_end = int(sizes[-1])
        course = Course(
            parameters=parameters,
            seed=seed,
            start=self.start_of(parameters),
            cuts=cuts,
            keys=(),
            seen=seen,
            rungs=(*(max(r for r in self.rungs if r <= seen[mark]) for mark in marks[:-1]), at_end),
            marks=marks,
            epochs=tuple(dict.fromkeys(texts for _, texts in batches)),
            private=private,
            _batches=tuple(batches),
            _rates=learning_rates(schedule, peak, len(batches)),
            _labels=self.texts.labels,
            _pad=self.texts.pad_id,
            _unfrozen=_unfrozen(parameters, sizes, len(self.texts.labels)),
        )
        pre_image = _start(parameters, seed, course.start, self.origin)
        if private is not None:
            pre_image["private"] = {**private.origin, "noise": private.multiplier}
        first = start_key(pre_image)
        return Course(**{**course.__dict__, "keys": _keys(course, first)})

    def _private(self, parameters: Mapping[str, Any], seed: int) -> Private | None:
        if self.mechanism is None:
            return None
        training = {"seed": seed, "origin": dict(self.origin), "texts": self.texts.key}
        return self.mechanism.of(parameters, training, len(self.texts.labels))


# What shapes training from the first state on. Schedules, batches and augmentation act through the steps alone.
_STATE_PARAMETERS = (
    "optimizer",
    "weight_decay",
    "momentum",
    "gradient_clip",
    "dropout",
    "frozen_layers",
    "head_hidden_sizes",
    "pooling",
)


# As these; left out of a key at the value with which training is what it is without them. None: there is none.
_LATER_PARAMETERS: dict[str, Any] = {
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "accumulation": 1,
    "label_smoothing": 0.0,
    "class_weights": "none",
    "mixup_alpha": 0.0,
    "num_layers": 0,
    "embeddings": "trained",
    "layer_decay": 1.0,
    "unfreezing": "none",
    "reinitialised_layers": 0,
    "adapter_rank": None,
    "adapter_alpha": None,
    "adapter_targets": None,
    "head_activation": "gelu",
}


def _start(parameters: Mapping[str, Any], seed: int, start: int, origin: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: parameters[name] for name in _STATE_PARAMETERS if name in parameters}
    chosen |= {n: parameters[n] for n, idle in _LATER_PARAMETERS.items() if parameters.get(n, idle) != idle}
    if parameters["head_dropout"] != parameters["dropout"]:
        chosen["head_dropout"] = parameters["head_dropout"]
    if not has_bias(parameters):
        chosen["head_bias"] = False
    chosen |= _fine_tuning(parameters)
    fixed = {"loss": "mean cross-entropy", **library(parameters["optimizer"]), **origin}
    weights = fixed.pop("class_weights", None)
    if parameters["class_weights"] == "balanced":
        fixed["class_weights"] = weights
    return {"parameters": chosen, "seed": seed, "start": start, **fixed}


def _fine_tuning(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Full fine-tuning is that of all layers above none: one training, one key."""
    match parameters["fine_tuning"]:
        case "top_layers":
            return {}
        case "full":
            return {"frozen_layers": 0}
        case "lora" | "dora" as method:
            return {"fine_tuning": method, "peft": importlib.metadata.version("peft")}
        case other:
            return {"fine_tuning": other}


def _unfrozen(parameters: Mapping[str, Any], seen: NDArray[np.int64], texts: int) -> tuple[int, ...] | None:
    """Groups of layers that each step trains: the head in the first epoch, one more in each later one."""
    if parameters.get("unfreezing") != "gradual":
        return None
    return tuple(1 + int(epoch) for epoch in (seen - 1) // texts)


def _plan_batches(
    parameters: Mapping[str, Any], seed: int, texts: TrainingTexts, private: Private | None
) -> list[tuple[Batch, Texts]]:
    """Batches of all epochs, each with the texts of its epoch; a part of an epoch at the end."""
    wanted = math.ceil(len(texts.labels) * parameters["epochs"])
    if private is not None:
        return _sample_batches(parameters, seed, texts, private, math.ceil(wanted / private.batch_size))
    planned: list[tuple[Batch, Texts]] = []
    seen = 0
    epoch = 0
    while seen < wanted:
        read = texts.epoch(parameters, epoch, seed)
        for batch in epoch_batches(read.lengths, parameters["batch_size"], derive(seed, "order"), epoch):
            if seen >= wanted:
                break
            planned.append((batch, read))
            seen += len(batch.items)
        epoch += 1
    return planned


def _sample_batches(
    parameters: Mapping[str, Any], seed: int, texts: TrainingTexts, private: Private, steps: int
) -> list[tuple[Batch, Texts]]:
    """Batches by Poisson sampling: as many as epochs of batches of the mean size have, some of them empty."""
    planned = []
    for step in range(steps):
        read = texts.epoch(parameters, step * private.batch_size // private.texts, seed)
        planned.append((sampled_batch(private.sample(step), read.lengths), read))
    return planned


def _seen(batches: list[tuple[Batch, Texts]], private: Private | None) -> NDArray[np.int64]:
    """Examples seen at the end of each step. Of private trainings the mean: how many were drawn tells of the texts."""
    if private is not None:
        return private.batch_size * np.arange(1, len(batches) + 1)
    return np.cumsum([len(batch.items) for batch, _ in batches])


def _keys(course: Course, first: str) -> tuple[str, ...]:
    keys = [first]
    key = first
    for segment in range(len(course.cuts)):
        for step in course.steps_of(segment):
            # Hidden states are computed in batches of the whole epoch, whose make-up decides their last bits.
            source = course.source_of(step.index)
            groups = () if step.unfrozen is None else (np.array([step.unfrozen]),)
            key = step_key(key, step.index, step.rate, (step.texts, step.mask, step.labels, *groups), source)
        keys.append(key)
    return tuple(keys)
