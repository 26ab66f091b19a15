"""A few steps of a training, taken to see what its steps cost in time and memory, and thrown away."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hpo.data.batches import Batch, collate
from hpo.data.texts import Texts
from hpo.models.classifier import Classifier
from hpo.runtime.loading import Loaded
from hpo.runtime.memory import Usage, ran_out
from hpo.runtime.parts import parts_of
from hpo.training.course import Course, Step
from hpo.training.cuts import Forks
from hpo.training.loop import train_segment
from hpo.training.precision import on_device
from hpo.training.states import capture
from hpo.training.store import Store

SMALL = 4  # a batch is first tried with one in so many of its texts
LONG = 2.0  # seconds of such a step from which on half of a batch is tried in place of the whole


@dataclass(frozen=True)
class Cost:
    """What trainings of one structure cost; tokens are padded ones, and of a step in parts those of a part.

    Attributes:
        step, token: seconds of a step, and of each of its tokens beside it.
        read: seconds of a token without gradients, as evaluations pass it.
        passed: seconds of a token in one frozen layer that is passed once for all; 0 where none is.
        base, held: bytes that the process takes at most in a step, whatever its size, and for each of its tokens.
        scoring: bytes that it takes at most in an evaluation.
        state: bytes of a state.
    """

    step: float
    token: float
    read: float
    passed: float
    base: float
    held: float
    scoring: float
    state: float

    def peak(self, tokens: int) -> float:
        """Bytes that the process takes at most where a step has so many tokens."""
        return max(self.base + self.held * tokens, self.scoring)


@dataclass(frozen=True)
class _Part:
    """A part of a step as training reads it; ``width``: of its batch, in tokens."""

    step: Step
    width: int

    @property
    def tokens(self) -> int:
        """Padding among them."""
        return len(self.step.labels) * self.width

    def first(self, share: int) -> _Part:
        """One in ``share`` of its texts, one at least."""
        s, count = self.step, max(1, len(self.step.labels) // share)
        return _Part(
            replace(s, texts=s.texts[:count], mask=s.mask[:count], labels=s.labels[:count]), self.width
        )


class Probe:
    """Tries trainings of a run. What it computes is kept in a folder of its own, which goes with it.

    Attributes:
        recall: the run's trainings, as one that has trained nothing knows them.
        measured: whether the system tells how much memory is taken.
    """

    def __init__(self, loaded: Loaded, forks: Forks) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hpo-check-")
        self.recall = loaded.recall(Store(Path(self._folder.name), limit=0), forks)
        self._worker = loaded.worker(self.recall)
        self._precision = loaded.precision
        self._usage = Usage(loaded.precision.device)
        self.measured = self._usage.now() is not None

    def close(self) -> None:
        """Remove what it wrote for itself."""
        self._folder.cleanup()

    def cost(self, course: Course, room: float) -> Cost | None:
        """Try steps of ``course``, in its widest batch and in one of the usual width.

        Args:
            room: bytes that the process may take: a batch that seems not to fit is not tried whole.

        Returns:
            None where not even a few texts fit.
        """
        try:
            return self._cost(course, room)
        except Exception as error:
            if not ran_out(error):
                raise
        finally:
            gc.collect()  # models hold themselves in cycles
        return None

    def _cost(self, course: Course, room: float) -> Cost:
        order = np.argsort(course.padded(), kind="stable")
        wide, passed = self._read(course, int(order[-1]))
        usual, again = self._read(course, int(order[len(order) // 2]))
        before = self._taken()
        backward, optimizer = self._worker.begin(course)
        settings = course.parameters

        def take(part: _Part) -> float:
            steps, clip, mixup = [part.step], settings["gradient_clip"], settings["mixup_alpha"]
            return train_segment(backward, optimizer, steps, course.seed, clip, mixup=mixup).seconds

        small = wide.first(SMALL)
        take(small)  # libraries choose their kernels, and the optimizer makes its moments
        # A worker writes one while it trains to the next.
        states = [capture(backward.model, optimizer), capture(backward.model, optimizer)]
        least, seconds = self._peak(lambda: take(small))
        grown = before + SMALL * (least - before)  # if all of it grew with the batch, as not all does
        share = 1 if grown <= room and seconds < LONG else 2
        large = wide.first(share)
        most, _ = self._peak(lambda: take(large))
        base, held = _line((small.tokens, least), (large.tokens, most))
        timed = [
            (part.tokens, min(take(part), take(part))) for part in (usual.first(SMALL), usual.first(share))
        ]
        step, token = _line(*timed)
        scoring, seconds = self._peak(lambda: self._score(course, backward.model))
        return Cost(
            step=step,
            token=token,
            read=seconds,
            passed=again or passed,
            base=base,
            held=held,
            scoring=scoring,
            state=float(sum(tensor.nbytes for tensor in states[0].tensors.values())),
        )

    def _read(self, course: Course, index: int) -> tuple[_Part, float]:
        """The first part of a step; seconds of a token in each frozen layer, where it reads hidden states."""
        segment = next(number for number, cut in enumerate(course.cuts) if index < cut.step)
        step = next(step for step in course.steps_of(segment) if step.index == index)
        whole = replace(step, unfrozen=None)  # all that the training ever changes
        part = _Part(whole, step.texts.shape[1]).first(parts_of(course.parameters))
        if not course.start:
            return part, 0.0
        hidden, seconds = self._hidden(course, part.step.texts, part.step.mask)
        read = replace(part.step, texts=hidden, mask=part.step.mask[:, : hidden.shape[1]])
        return _Part(read, part.width), seconds

    def _hidden(
        self, course: Course, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], float]:
        """What the body of a training that begins at a depth reads of a batch; seconds of a token in each layer below."""
        lengths, prefixes = mask.sum(axis=1), self.recall.of(course.parameters).prefixes
        texts = Texts([row[:n].astype(np.int32) for row, n in zip(ids, lengths, strict=True)])
        seconds = prefixes.make(texts, course.start, course.parameters)
        batch = Batch(np.arange(len(lengths)), ids.shape[1])
        hidden = prefixes.hidden(texts, course.start, course.parameters).batch(batch)
        return hidden, seconds / (texts.tokens * course.start)

    def _peak(self, work: Callable[[], float]) -> tuple[float, float]:
        """Bytes that the process takes at most during some work, and what this returns."""
        self._usage.begin()
        found = work()
        return float(self._usage.peak() or 0), found

    def _taken(self) -> float:
        self._usage.begin()
        return float(self._usage.now() or 0)

    def _score(self, course: Course, model: Classifier) -> float:
        """Seconds of a token in the largest batch of an evaluation."""
        data = self.recall.of(course.parameters).validation
        batches = data.batches(self._precision.texts_at_once, self._precision.batch_overhead)
        ids, mask = collate(data.texts.ids, max(batches, key=lambda b: len(b.items) * b.width), data.pad_id)
        given: NDArray[Any] = self._hidden(course, ids, mask)[0] if course.start else ids
        texts, attended = (on_device(a, self._precision.device) for a in (given, mask[:, : given.shape[1]]))
        taken = []
        model.eval()
        with torch.inference_mode(), self._precision.autocast():
            for _ in range(2):
                started = time.perf_counter()
                float(model(texts, attended).sum())  # waits for the device
                taken.append(time.perf_counter() - started)
        return min(taken) / ids.size


def _line(small: tuple[float, float], large: tuple[float, float]) -> tuple[float, float]:
    """Value at 0, and rise, of the line through two points; it neither falls nor begins below 0."""
    (x, y), (x2, y2) = small, large
    if x2 <= x:
        return y2, 0.0
    rise = max(0.0, (y2 - y) / (x2 - x))
    return max(0.0, y - rise * x), rise
