"""What an executor of training is asked for and what it answers, and the interface of all executors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from hpo.records.schema import Frozen, Rung, Segment, Work

UNTRAINED = -1  # in place of an evaluation's number: the start of a training


class Job(Frozen):
    """Bring one training to one of its evaluations, from the last state that is known, and evaluate it there.

    Attributes:
        parameters: every active parameter of the training.
        rung: number of the evaluation in the training's course; ``UNTRAINED`` for the state before the first step.
        split: ``validation`` while the search goes on; ``test``, item by item, for a confirmation.
    """

    parameters: Mapping[str, Any]
    seed: int
    rung: int
    split: Literal["validation", "test"] = "validation"


class TestScores(Frozen):
    """Scores on the test split.

    Attributes:
        metrics: every metric of the task by name.
        predictions, correct: of each item, in the order of the split, its class index and whether it is the label; None
            where items have no one class.
        values: of each item, with the score as their mean; None where ``correct`` is that.
    """

    score: float
    metrics: dict[str, float]
    loss: float | None
    predictions: tuple[int, ...] | None
    correct: tuple[int, ...] | None
    values: tuple[float, ...] | None
    seconds: float
    evaluation: str


class Done(Frozen):
    """What a job came to.

    Attributes:
        segments: trained from the evaluation before to this one.
        rung: scores on the validation split; None where training diverged, or for the test split.
        diverged: why there are no scores: when it diverged and what to change.
        passes: through frozen layers, of the texts that were read.
        trained: number of segments trained now, the rest being known.
        retrained_seconds: spent on segments known before whose states were gone.
        seconds: spent now, by kind of work (``train``, ``evaluate``, ``store``, ``pass``).
        warnings: for the user, a sentence each.
    """

    segments: tuple[Segment, ...] = ()
    rung: Rung | None = None
    test: TestScores | None = None
    diverged: str | None = None
    passes: tuple[Work, ...] = ()
    trained: int = 0
    retrained_seconds: float = 0.0
    seconds: Mapping[str, float] = {}
    warnings: tuple[str, ...] = ()


class Executor(Protocol):
    """Does jobs, ``slots`` of them at once, and hands back what they came to as they end.

    Attributes:
        slots: most jobs between ``submit`` and ``next_done``.
    """

    slots: int

    def submit(self, job: Job) -> None:
        """Begin ``job``."""

    def next_done(self) -> tuple[Job, Done]:
        """Wait for a job to end; at least one was begun.

        Raises:
            UserError: it cannot be done on this machine.
        """

    def open_test(self) -> None:
        """Allow jobs on the test split: the search is over."""

    def close(self) -> None:
        """Let go of all that was begun."""
