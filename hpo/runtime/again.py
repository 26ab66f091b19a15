"""Trains segments and whole trainings again from what a store keeps, and puts nothing into it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import Tensor

from hpo.errors import UserError
from hpo.models.classifier import Classifier
from hpo.models.pretrained import Pretrained
from hpo.records.setup import DeviceInfo
from hpo.records.trainings import SetScores
from hpo.runtime.jobs import TEST, Done, Job
from hpo.runtime.loading import Loaded
from hpo.runtime.memory import ran_out
from hpo.runtime.parts import as_trained, predict_within
from hpo.training.course import Course
from hpo.training.cuts import Forks
from hpo.training.facts import SegmentFacts
from hpo.training.keys import segment_key
from hpo.training.precision import EXACT, choose_precision
from hpo.training.store import Store


@dataclass(frozen=True)
class Piece:
    """A segment as records name it.

    Attributes:
        parameters, seed: of its training.
        key: of the segment.
        first, last: number of the training's steps before it and at its end.
        tested: whether the state at its end was scored on the test split and the shift sets.
    """

    parameters: Mapping[str, Any]
    seed: int
    key: str
    first: int
    last: int
    tested: bool


@dataclass(frozen=True)
class Again:
    """What training it again gave.

    Attributes:
        exact: whether its key came out as recorded, on a device where that promises equal bits.
        facts: None where training diverged before it.
        done: at the evaluation at its end, or at the first one behind it.
        tested: scores on the test split and the shift sets, by what jobs call them, where the piece was ``tested``.
    """

    exact: bool
    facts: SegmentFacts | None
    done: Done
    tested: Mapping[str, SetScores]


@dataclass(frozen=True)
class Whole:
    """A training's model, brought back.

    Attributes:
        model: with a body that begins with token ids.
        pretrained: what it was made of.
        retrained: segments that were trained for it; 0: its state was stored.
        metrics: every metric of the task by name, on the test split, scored anew.
    """

    model: Classifier
    pretrained: Pretrained
    retrained: int
    metrics: Mapping[str, float]


class Trainer:
    """Trains pieces again, one at a time, in this process.

    Args:
        kept: the store whose states it goes on from; None: there is none, and each training starts at its beginning.
    """

    def __init__(self, loaded: Loaded, forks: Forks, kept: Store | None) -> None:
        self._loaded = loaded
        self._folder = tempfile.TemporaryDirectory(prefix="hpo-verify-")
        recall = loaded.recall(_Aside(Path(self._folder.name), kept), forks)
        self._worker = loaded.worker(recall)

    def close(self) -> None:
        """Remove what it wrote for itself."""
        self._folder.cleanup()

    def train(self, piece: Piece) -> Again | None:
        """Train to the evaluation at the piece's end, or the first behind it, from the nearest state before the one
        that came before; None where this version cuts the training otherwise."""
        worker = self._worker
        parameters = as_trained(worker.recall, piece.parameters, piece.seed, piece.key)
        course = worker.recall.course(parameters, piece.seed)
        index = _index(course, piece)
        if index is None:
            return None
        known = segment_key(*course.keys[index : index + 2]) == piece.key
        rung = next(n for n, mark in enumerate(course.marks) if mark >= index)
        done = Done()
        # Elsewhere a training may diverge that did not; no state is found there, so that nothing is lost by looking.
        for number in range(rung if known else 0, rung + 1):
            done = self._do(Job(parameters=parameters, seed=piece.seed, rung=number))
            if done.diverged:
                break
        tested: dict[str, SetScores] = {}
        if piece.tested and not done.diverged:
            worker.recall.open_test(self._loaded.test_sets)
            for split in self._loaded.test_parts:
                job = Job(parameters=parameters, seed=piece.seed, rung=rung, split=split)
                scores = self._do(job).test
                assert scores is not None, "a job beside the validation split gives scores"
                tested[split] = scores
        exact = known and self._loaded.precision.device.type in EXACT
        return Again(exact, worker.recall.segment(course, index), done, tested)

    def whole(self, job: Job, key: str) -> Whole | None:
        """The model at an evaluation of a training, of which ``key`` is a segment; None where it diverges here before that.

        Raises:
            UserError: the memory is too small.
        """
        recall = self._worker.recall
        job = job.model_copy(update={"parameters": as_trained(recall, job.parameters, job.seed, key)})
        pretrained = recall.of(job.parameters).pretrained
        test = self._loaded.test_sets(pretrained)[TEST]
        try:
            found = self._worker.whole(job)
            if found is None:
                return None
            model, retrained = found
            predicted = predict_within(model, test, self._loaded.precision, None)
        except Exception as error:
            if not ran_out(error):
                raise
            raise _does_not_fit(self._worker.full()) from error
        return Whole(model, pretrained, retrained, recall.scoring.metrics(predicted, test))

    def _do(self, job: Job) -> Done:
        done = self._worker.do(job)
        if done.out_of_memory is not None:
            raise _does_not_fit(done.out_of_memory)
        return done


def _does_not_fit(what: str) -> UserError:
    return UserError(
        f"a training of the run does not fit here: {what}",
        "Free some memory, or go where the run was made, and give the command again.",
    )


class _Aside(Store):
    """An empty store without room for tensors, which reads the states of another."""

    def __init__(self, folder: Path, kept: Store | None) -> None:
        super().__init__(folder, limit=0)
        self._kept = kept

    def state(self, key: str) -> dict[str, Tensor] | None:
        return None if self._kept is None else self._kept.state(key)


def _index(course: Course, piece: Piece) -> int | None:
    """Which segment of the course it is; None: none of it."""
    ends = [0, *(cut.step for cut in course.cuts)]
    pairs = list(pairwise(ends))
    return pairs.index((piece.first, piece.last)) if (piece.first, piece.last) in pairs else None


def device_like(was: DeviceInfo) -> str:
    """The device at hand that is the recorded one, else one that computes as it does, else the CPU."""
    at_hand: dict[str, DeviceInfo] = {}
    for name in ("cpu", "cuda", "mps"):
        try:
            at_hand[name] = choose_precision(name).info
        except UserError:
            continue
    same = [name for name, info in at_hand.items() if info.name == was.name]
    reason = was.precision_reason
    alike = [name for name, info in at_hand.items() if info.precision_reason == reason]
    return (same or alike or ["cpu"])[0]
