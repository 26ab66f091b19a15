"""The course of one training: every step's texts, widths and learning rate, and the keys of its segments, fixed before
the first step. It depends on the whole training's length, never on where a pruner may stop it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.batches import Batch, collate, epoch_batches
from hpo.seeds import derive
from hpo.training.examples import Ids, TrainingTexts
from hpo.training.keys import segment_key, start_key
from hpo.training.schedules import learning_rates, schedule_of


@dataclass(frozen=True)
class Step:
    """One optimizer step: ``ids`` and ``mask`` (batch, width) int64, ``labels`` (batch,) int64."""

    index: int
    rate: float
    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Course:
    """One training, planned.

    Attributes:
        parameters: every active parameter.
        seed: of the head, the order of texts, their variants and dropout.
        ends: step index at which each segment ends, the last being the number of steps.
        seen: examples seen at each of these ends.
        rungs: the rung that each end stands for, in examples; the last is the end of training, no rung of the space.
        keys: of the states: the start, then each segment's end; one longer than ``ends``.
    """

    parameters: Mapping[str, Any]
    seed: int
    ends: tuple[int, ...]
    seen: tuple[int, ...]
    rungs: tuple[int, ...]
    keys: tuple[str, ...]
    _batches: tuple[tuple[Batch, tuple[Ids, ...]], ...]
    _rates: NDArray[np.float64]
    _labels: NDArray[np.int64]
    _pad: int

    def rate_before(self, end: int) -> float:
        """Learning rate of the last step before step index ``end``."""
        return float(self._rates[end - 1])

    def steps(self, segment: int) -> Iterator[Step]:
        """The steps of one segment, in order."""
        first = self.ends[segment - 1] if segment else 0
        for index in range(first, self.ends[segment]):
            batch, ids = self._batches[index]
            rows, mask = collate(ids, batch, self._pad)
            yield Step(index, float(self._rates[index]), rows, mask, self._labels[batch.items])


def plan_course(
    parameters: Mapping[str, Any],
    seed: int,
    rungs: tuple[int, ...],
    texts: TrainingTexts,
    origin: Mapping[str, Any],
) -> Course:
    """Plan one training.

    Args:
        parameters: every active parameter.
        rungs: examples seen at which it is evaluated; those at or past its end fall away, its end is always one.
        origin: what the first state depends on beside the parameters: weights, classes, class of numerics.
    """
    batches = _plan_batches(parameters, seed, texts)
    sizes = np.cumsum([len(batch.items) for batch, _ in batches])
    inner = sorted({int(np.searchsorted(sizes, rung)) + 1 for rung in rungs if rung < sizes[-1]})
    ends = (*(end for end in inner if end < len(batches)), len(batches))
    seen = tuple(int(sizes[end - 1]) for end in ends)
    course = Course(
        parameters=parameters,
        seed=seed,
        ends=ends,
        seen=seen,
        rungs=(*(max(r for r in rungs if r <= n) for n in seen[:-1]), seen[-1]),
        keys=(start_key(_start(parameters, seed, origin)),),
        _batches=tuple(batches),
        _rates=learning_rates(schedule_of(parameters), parameters["learning_rate"], len(batches)),
        _labels=texts.labels,
        _pad=texts.pad_id,
    )
    return _with_keys(course)


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


def _start(parameters: Mapping[str, Any], seed: int, origin: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: parameters[name] for name in _STATE_PARAMETERS if name in parameters}
    return {"parameters": chosen, "seed": seed, "loss": "mean cross-entropy", **origin}


def _plan_batches(
    parameters: Mapping[str, Any], seed: int, texts: TrainingTexts
) -> list[tuple[Batch, tuple[Ids, ...]]]:
    """Batches of all epochs, each with the token ids of all texts in that epoch; a part of an epoch at the end."""
    wanted = math.ceil(len(texts.labels) * parameters["epochs"])
    planned: list[tuple[Batch, tuple[Ids, ...]]] = []
    seen = 0
    epoch = 0
    while seen < wanted:
        ids = texts.epoch_ids(parameters, epoch, seed)
        lengths = np.array([len(row) for row in ids])
        for batch in epoch_batches(lengths, parameters["batch_size"], derive(seed, "order"), epoch):
            if seen >= wanted:
                break
            planned.append((batch, ids))
            seen += len(batch.items)
        epoch += 1
    return planned


def _with_keys(course: Course) -> Course:
    keys = list(course.keys)
    for segment in range(len(course.ends)):
        digest = hashlib.sha256()
        for step in course.steps(segment):
            digest.update(np.array([step.index, *step.ids.shape]).tobytes())
            digest.update(np.float64(step.rate).tobytes())
            for array in (step.ids, step.mask, step.labels):
                digest.update(array.tobytes())
        keys.append(segment_key(keys[-1], {"count": course.ends[segment], "digest": digest.hexdigest()}))
    return Course(**{**course.__dict__, "keys": tuple(keys)})
