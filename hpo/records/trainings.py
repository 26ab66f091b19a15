"""What one training leaves behind: of a trial, of a confirmation, of what an audit trained on.

Times are device-seconds, scores are of the run's metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from hpo.records.base import SCHEMA, Frozen


class Segment(Frozen):
    """Training from one rung to the next. Equal keys are the same work: it is charged to each trial, spent once."""

    key: str
    examples: int  # seen since the start of the trial, at the segment's end
    steps: int  # optimizer steps since the start of the trial, at the segment's end
    seconds: float


class Work(Frozen):
    """A pass of texts through frozen layers, which trainings and evaluations read. Charged and spent as segments are.

    Attributes:
        seconds: that all its texts take: what is charged.
        spent: that those of its texts took which no pass before it held.
    """

    key: str
    seconds: float
    spent: float


class Rung(Frozen):
    """One evaluation on the validation split."""

    examples: int  # seen since the start of the trial, or what ``Run.resource`` counts
    steps: int | None = None
    score: float
    metrics: Mapping[str, float] = {}  # every metric of the task by name, the run's own among them
    loss: float | None = None  # mean cross-entropy, nats
    train_loss: float | None = None  # mean over the segment's steps, nats
    learning_rate: float | None = None  # of the segment's last step
    seconds: float = 0.0  # of the evaluation
    evaluation: str = ""  # key of the evaluation; equal keys are the same work


class Trial(Frozen):
    """One configuration of one study, trained once.

    Attributes:
        strategy, replicate, draw: which study, and which of its draws (0 is the default configuration).
        parameters: every active parameter by name.
        state: ``complete``, ``pruned`` or ``failed``.
        reason: why it ended so; never empty.
        score: best validation score over the rungs; None where it is not complete. Never compare it with a
            pruned trial's.
        best_rung: index into ``rungs`` of that score (the earliest of equals).
        seed: of the training; a duplicate has that of the draw whose training it shares.
        duplicate_of: the draw of the same study with the same configuration, whose training this trial shares.
        passes: through frozen layers, of the texts that it read.
        retrained_seconds: spent on training again what was known but whose state was gone; charged to nobody.
        charged: device-seconds that it cost, where the source has them whole and there are no segments.
    """

    schema_version: int = SCHEMA
    strategy: str
    replicate: int
    draw: int
    seed: int = -1  # not recorded
    parameters: dict[str, Any]
    state: Literal["complete", "pruned", "failed"]
    reason: str
    score: float | None
    best_rung: int | None = None
    duplicate_of: int | None = None
    segments: tuple[Segment, ...] = ()
    rungs: tuple[Rung, ...] = ()
    passes: tuple[Work, ...] = ()
    retrained_seconds: float = 0.0
    charged: float | None = None


class SetScores(Frozen):
    """Scores of one trained state on a labelled set that selection never saw: the test split, or a shift set.

    Attributes:
        metrics: every metric of the task by name.
        loss: None where it is not finite.
        predictions, correct: of each item, in the order of the set, its class index and whether it is the label; None
            where items have no one class.
        values: of each item, with the score as their mean; None where ``correct`` is that.
        evaluation: key of the evaluation; equal keys are the same work.
    """

    score: float
    metrics: dict[str, float]
    loss: float | None
    predictions: tuple[int, ...] | None
    correct: tuple[int, ...] | None
    values: tuple[float, ...] | None
    seconds: float
    evaluation: str


class Confirmation(Frozen):
    """A selected configuration (or the baseline's) trained again with a fresh seed and scored on the test split once.

    Attributes:
        role: ``strategy`` or ``baseline``.
        draw: the selected trial's draw; None for the baseline.
        index: number of the fresh seed within the replicate.
        selected_score: validation score of the trial at selection; None for the baseline.
        validation_score, validation_loss: of this training, at its best rung.
        test_predictions: class index of each test item, in the order of the split.
        test_correct: 1 where the prediction is the label, in the same order; None where items have no one class, or were
            not recorded.
        test_values: of each item, in the same order, with the score as their mean: the loss of log-loss, or what the
            jackknife says that the item does to a score of the whole split (``hpo.metrics.influence``); None where
            ``test_correct`` is that, or nothing was recorded.
        test_metrics: every metric of the task by name, the run's own among them.
        shifts: scores on each shift set by its name, in the state that was scored on the test split.
        fresh: whether it was trained with a seed that selection never saw; else it is the selected trial itself.
    """

    schema_version: int = SCHEMA
    role: Literal["strategy", "baseline"]
    strategy: str
    replicate: int
    index: int
    seed: int = -1  # not recorded
    draw: int | None = None
    parameters: dict[str, Any]
    selected_score: float | None = None
    validation_score: float | None = None
    validation_loss: float | None = None
    best_rung: int = -1  # not recorded
    test_score: float
    test_loss: float | None = None  # None where it is not finite, too
    test_predictions: tuple[int, ...] | None = None
    test_correct: tuple[int, ...] | None = None
    test_values: tuple[float, ...] | None = None
    test_metrics: Mapping[str, float] = {}
    test_seconds: float = 0.0
    test_evaluation: str = ""
    shifts: Mapping[str, SetScores] = {}
    fresh: bool = True
    segments: tuple[Segment, ...] = ()
    rungs: tuple[Rung, ...] = ()
    passes: tuple[Work, ...] = ()
    retrained_seconds: float = 0.0
    charged: float | None = None

    @property
    def item_scores(self) -> tuple[float, ...] | None:
        """Of each test item, in the order of the split, with the test score as their mean; None: not recorded."""
        return self.test_correct if self.test_values is None else self.test_values


class Audited(Frozen):
    """A pruned trial, trained on to its end after the run (``hpo audit``). It changes no trial and no verdict.

    Attributes:
        strategy, replicate, draw: of the trial.
        sample_seed: with which the sample was drawn, uniformly and without replacement, from the pruned trials of the
            run (``hpo.records.selection.auditable``).
        state: ``complete``, or ``failed`` where it diverged on the way.
        score: best validation score over all its rungs, the trial's own included; None where it failed.
        segments, rungs, passes: behind the trial's last rung: what the audit is charged.
        seconds: device-seconds spent on it, with training again what was known but whose state was gone.
    """

    schema_version: int = SCHEMA
    strategy: str
    replicate: int
    draw: int
    sample_seed: int
    state: Literal["complete", "failed"]
    reason: str
    score: float | None
    segments: tuple[Segment, ...]
    rungs: tuple[Rung, ...]
    passes: tuple[Work, ...]
    seconds: float
