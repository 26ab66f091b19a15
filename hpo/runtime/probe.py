"""A few steps of a training, taken to see what its steps cost in time and memory, and thrown away."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hpo.data.batches import Batch
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
        base, held: bytes that the process takes at most, whatever its steps, and for each token of a step.
        state: bytes of a state.
    """

    step: float
    token: float
    read: float
    passed: float
    base: float
    held: float
    state: float


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
        return _Part(replace(s, texts=s.texts[:count], mask=s.mask[:count], labels=s.labels[:count]), self.width)


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
        clip = course.parameters["gradient_clip"]

        def take(part: _Part) -> float:
            return train_segment(backward, optimizer, [part.step], course.seed, clip).seconds

        small = wide.first(SMALL)
        take(small)  # libraries choose their kernels, and the optimizer makes its moments
        state = capture(backward.model, optimizer)  # a worker has one to write while it trains on
        least, seconds = self._peak(take, small)
        grown = before + SMALL * (least - before)  # if all of it grew with the batch, as not all does
        share = 1 if grown <= room and seconds < LONG else 2
        large = wide.first(share)
        most, _ = self._peak(take, large)
        base, held = _line((small.tokens, least), (large.tokens, most))
        timed = [(part.tokens, min(take(part), take(part))) for part in (usual.first(SMALL), usual.first(share))]
        step, token = _line(*timed)
        return Cost(
            step=step,
            token=token,
            read=self._reading(backward.model, usual.first(share)),
            passed=again or passed,
            base=base,
            held=held,
            state=float(sum(tensor.nbytes for tensor in state.tensors.values())),
        )

    def _read(self, course: Course, index: int) -> tuple[_Part, float]:
        """The first part of a step; seconds of a token in each frozen layer, where it reads hidden states."""
        segment = next(number for number, cut in enumerate(course.cuts) if index < cut.step)
        step = next(step for step in course.steps_of(segment) if step.index == index)
        part = _Part(step, step.texts.shape[1]).first(parts_of(course.parameters))
        if not course.start:
            return part, 0.0
        step, lengths = part.step, part.step.mask.sum(axis=1)
        texts = Texts([row[:n].astype(np.int32) for row, n in zip(step.texts, lengths, strict=True)])
        seconds = self.recall.prefixes.make(texts, course.start, course.parameters)
        batch = Batch(np.arange(len(lengths)), part.width)
        hidden = self.recall.prefixes.hidden(texts, course.start, course.parameters).batch(batch)
        read = replace(step, texts=hidden, mask=step.mask[:, : hidden.shape[1]])
        return _Part(read, part.width), seconds / (texts.tokens * course.start)

    def _peak(self, take: Callable[[_Part], float], part: _Part) -> tuple[float, float]:
        """Bytes that the process takes at most during a step, and its seconds."""
        self._usage.begin()
        seconds = take(part)
        return float(self._usage.peak() or 0), seconds

    def _taken(self) -> float:
        self._usage.begin()
        return float(self._usage.now() or 0)

    def _reading(self, model: Classifier, part: _Part) -> float:
        """Seconds of a token without gradients."""
        model.eval()
        texts, mask = (on_device(a, self._precision.device) for a in (part.step.texts, part.step.mask))
        taken = []
        with torch.inference_mode(), self._precision.autocast():
            for _ in range(2):
                started = time.perf_counter()
                float(model(texts, mask).sum())  # waits for the device
                taken.append(time.perf_counter() - started)
        return min(taken) / part.tokens


def _line(small: tuple[float, float], large: tuple[float, float]) -> tuple[float, float]:
    """Value at 0, and rise, of the line through two points; it neither falls nor begins below 0."""
    (x, y), (x2, y2) = small, large
    if x2 <= x:
        return y2, 0.0
    rise = max(0.0, (y2 - y) / (x2 - x))
    return max(0.0, y - rise * x), rise
