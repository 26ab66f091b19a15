"""What an executor of training is asked for and what it answers, and the interface of all executors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from hpo.records.base import Frozen
from hpo.records.trainings import Rung, Segment, SetScores, Work

UNTRAINED = -1  # in place of an evaluation's number: the start of a training
VALIDATION, TEST = "validation", "test"  # splits
SHIFT = "shift:"  # before the name of a shift set, in place of a split


class Job(Frozen):
    """Bring one training to one of its evaluations, from the last state that is known, and evaluate it there.

    Attributes:
        parameters: every active parameter of the training.
        rung: number of the evaluation in the training's course; ``UNTRAINED`` for the state before the first step.
        split: ``VALIDATION`` while the search goes on; for a confirmation ``TEST``, or ``SHIFT`` and the name of a
            shift set, item by item.
    """

    parameters: Mapping[str, Any]
    seed: int
    rung: int
    split: str = VALIDATION


class Done(Frozen):
    """What a job came to.

    Attributes:
        segments: trained from the evaluation before to this one.
        rung: scores on the validation split; None where training diverged, or for another split.
        test: scores on the test split or a shift set.
        diverged: why there are no scores: when it diverged and what to change.
        out_of_memory: whose memory was too small; nothing else is told then but what the attempt took.
        passes: through frozen layers, of the texts that were read.
        trained: number of segments trained now, the rest being known.
        retrained_seconds: spent on segments known before whose states were gone.
        seconds: spent now, by kind of work (``train``, ``evaluate``, ``store``, ``pass``).
        warnings: for the user, a sentence each.
    """

    segments: tuple[Segment, ...] = ()
    rung: Rung | None = None
    test: SetScores | None = None
    diverged: str | None = None
    out_of_memory: str | None = None
    passes: tuple[Work, ...] = ()
    trained: int = 0
    retrained_seconds: float = 0.0
    seconds: Mapping[str, float] = {}
    warnings: tuple[str, ...] = ()


class Executor(Protocol):
    """Does jobs, ``slots`` of them at once, and hands back what they came to as they end."""

    @property
    def slots(self) -> int:
        """Most jobs between ``submit`` and ``next_done``; of a cluster that loses or gains nodes it changes."""

    def submit(self, job: Job) -> None:
        """Begin ``job``."""

    def next_done(self) -> tuple[Job, Done]:
        """Wait for a job to end; at least one was begun.

        A job that does not fit the memory ends so, and the others go on.

        Raises:
            UserError: it cannot be done on this machine.
        """

    def open_test(self) -> None:
        """Allow jobs on the test split and the shift sets: the search is over."""

    def close(self) -> None:
        """Let go of all that was begun."""
