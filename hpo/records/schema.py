"""What a run leaves behind: the only thing that reports read. Times are device-seconds, metrics are shares of 1."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA = 1


class Frozen(BaseModel):
    """A value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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

    examples: int
    steps: int
    accuracy: float
    loss: float  # mean cross-entropy, nats
    train_loss: float  # mean over the segment's steps, nats
    learning_rate: float  # of the segment's last step
    seconds: float  # of the evaluation
    evaluation: str  # key of the evaluation; equal keys are the same work


class Trial(Frozen):
    """One configuration of one study, trained once.

    Attributes:
        strategy, replicate, draw: which study, and which of its draws (0 is the default configuration).
        parameters: every active parameter by name.
        state: ``complete``, ``pruned`` or ``failed``.
        reason: why it ended so; never empty.
        accuracy: best validation accuracy over the rungs; None where it is not complete. Never compare it with a
            pruned trial's.
        best_rung: index into ``rungs`` of that accuracy (the earliest of equals).
        seed: of the training; a duplicate has that of the draw whose training it shares.
        duplicate_of: the draw of the same study with the same configuration, whose training this trial shares.
        passes: through frozen layers, of the texts that it read.
        retrained_seconds: spent on training again what was known but whose state was gone; charged to nobody.
    """

    schema_version: int = SCHEMA
    strategy: str
    replicate: int
    draw: int
    seed: int
    parameters: dict[str, Any]
    state: Literal["complete", "pruned", "failed"]
    reason: str
    accuracy: float | None
    best_rung: int | None
    duplicate_of: int | None
    segments: tuple[Segment, ...]
    rungs: tuple[Rung, ...]
    passes: tuple[Work, ...] = ()
    retrained_seconds: float = 0.0


class Confirmation(Frozen):
    """A selected configuration (or the baseline's) trained again with a fresh seed and scored on the test split once.

    Attributes:
        role: ``strategy`` or ``baseline``.
        draw: the selected trial's draw; None for the baseline.
        index: number of the fresh seed within the replicate.
        selected_accuracy: validation accuracy of the trial at selection; None for the baseline.
        validation_accuracy, validation_loss: of this training, at its best rung.
        test_predictions: class index of each test item, in the order of the split.
        test_correct: 1 where the prediction is the label, in the same order.
    """

    schema_version: int = SCHEMA
    role: Literal["strategy", "baseline"]
    strategy: str
    replicate: int
    index: int
    seed: int
    draw: int | None
    parameters: dict[str, Any]
    selected_accuracy: float | None
    validation_accuracy: float
    validation_loss: float
    best_rung: int
    test_accuracy: float
    test_loss: float | None  # None where it is not finite
    test_predictions: tuple[int, ...]
    test_correct: tuple[int, ...]
    test_seconds: float
    test_evaluation: str
    segments: tuple[Segment, ...]
    rungs: tuple[Rung, ...]
    passes: tuple[Work, ...] = ()
    retrained_seconds: float = 0.0


class SplitInfo(Frozen):
    """Facts about the data: sizes in texts; ``sha256`` covers texts, labels and their assignment to splits."""

    source: str  # name of the data and where it came from
    licence: str
    labels: tuple[str, ...]
    train: int
    validation: int
    test: int
    duplicates_dropped: int
    groups: (
        tuple[int, ...] | None
    )  # group of each test item, by number, in the order of the split; None: no groups
    sha256: str


class ModelInfo(Frozen):
    """The pretrained body; ``parameters`` counts it whole, ``sha256`` covers its weights."""

    source: str
    licence: str
    layers: int
    hidden_size: int
    parameters: int
    sha256: str


class DeviceInfo(Frozen):
    """Where training ran, with which number format, and why; in so many workers, each of so many ``threads``."""

    name: str
    precision: str
    precision_reason: str
    threads: int
    workers: int = 1


class Run(Frozen):
    """The head of the records: what was asked, of which data and model, on what, with which versions."""

    schema_version: int = SCHEMA
    name: str
    question: str
    experiment: dict[str, Any]  # the Experiment as JSON
    strategies: tuple[str, ...]
    reference: str | None
    baseline: str | None
    replicates: int
    trials: int
    seeds: int
    metric: str = "accuracy"
    split: SplitInfo
    model: ModelInfo
    device: DeviceInfo
    versions: dict[str, str]


class Records(Frozen):
    """Everything of one run. Trials and confirmations are sorted by strategy, replicate and draw (or index)."""

    run: Run
    trials: tuple[Trial, ...]
    confirmations: tuple[Confirmation, ...]


def charged_seconds(item: Trial | Confirmation) -> float:
    """Device-seconds that this item would have cost alone: what its strategy's budget is charged."""
    test = item.test_seconds if isinstance(item, Confirmation) else 0.0
    passed = sum(p.seconds for p in item.passes)
    return sum(s.seconds for s in item.segments) + passed + sum(r.seconds for r in item.rungs) + test


def spent_seconds(items: tuple[Trial | Confirmation, ...]) -> float:
    """Device-seconds that these items cost together: work of one key is counted once, and again if done again."""
    work: dict[str, float] = {}
    for item in items:
        for segment in item.segments:
            work.setdefault(segment.key, segment.seconds)
        for through in item.passes:
            work.setdefault(through.key, through.spent)
        for rung in item.rungs:
            work.setdefault(rung.evaluation, rung.seconds)
        if isinstance(item, Confirmation):
            work.setdefault(item.test_evaluation, item.test_seconds)
    return sum(work.values()) + sum(item.retrained_seconds for item in items)
