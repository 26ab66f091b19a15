"""What a run leaves behind: the only thing that reports read. Times are device-seconds, scores are of the run's metric.

Runs of other tools are records too (``hpo import``): what their source does not hold is None, or an empty tuple.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from hpo.records.limits import Limit

SCHEMA = 2
NOT_RECORDED = "not recorded"
# How the notes of an import say what it inferred of costs and of trials that ended early.
AS_SECONDS, AS_PRUNED = "taken as device-seconds", "taken as pruned"

Form = Literal["small"]  # of a space, where it is not run as it stands
SMALL_FORM = "This is the small form of its space: a trial of the machinery, and no answer to the question."


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

    examples: int  # seen since the start of the trial, or what ``Run.resource`` counts
    steps: int | None = None
    score: float
    metrics: dict[str, float] = {}  # every metric of the task by name, the run's own among them
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
    test_metrics: dict[str, float] = {}
    test_seconds: float = 0.0
    test_evaluation: str = ""
    shifts: dict[str, SetScores] = {}
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


class SplitInfo(Frozen):
    """Facts about the data: sizes in texts (0: not recorded), and what makes them these data.

    Attributes:
        source: name of the data and where it came from.
        labels: classes, labels, or types of entities.
        texts_cut: how many of all splits have more tokens than are read, of several models as the one that cuts most
            reads them;
            None: not recorded.
        scrubbed: how many e-mail addresses (``EMAIL``), ``PHONE`` and ``CARD`` numbers were replaced in the texts of the
            source; None: none was looked for.
        groups: group of each test item, by number, in the order of the split; None: no groups.
        sha256: covers texts, labels and their assignment to splits.
    """

    source: str = NOT_RECORDED
    licence: str = NOT_RECORDED
    labels: tuple[str, ...] = ()
    train: int = 0
    validation: int = 0
    test: int = 0
    duplicates_dropped: int = 0
    texts_cut: int | None = None
    scrubbed: dict[str, int] | None = None
    groups: tuple[int, ...] | None = None
    sha256: str = NOT_RECORDED


class ShiftInfo(Frozen):
    """A further set of labelled texts, of another domain, on which confirmations alone were scored.

    Attributes:
        size: in texts.
        overlap_dropped: texts left out because they also stand in the task's own splits.
        texts_cut: how many have more tokens than are read; None: not recorded.
        largest_class: share of the texts with the most frequent class; None where a text has no one class.
        groups: group of each item, by number, in the order of the set; None: no groups.
        sha256: covers texts and labels.
    """

    name: str
    source: str
    licence: str
    size: int
    overlap_dropped: int = 0
    duplicates_dropped: int = 0
    texts_cut: int | None = None
    largest_class: float | None = None
    groups: tuple[int, ...] | None = None
    sha256: str


class ModelInfo(Frozen):
    """The pretrained body.

    Attributes:
        parameters: of all its layers; 0: not recorded.
        sha256: covers its weights; of a model from outside the catalogue its configuration and tokenizer too.
    """

    source: str = NOT_RECORDED
    licence: str = NOT_RECORDED
    layers: int = 0
    hidden_size: int = 0
    parameters: int = 0
    sha256: str = NOT_RECORDED


class DeviceInfo(Frozen):
    """Where training ran, with which number format, and why; in so many workers, each of so many ``threads``."""

    name: str = NOT_RECORDED
    precision: str = NOT_RECORDED
    precision_reason: str = NOT_RECORDED
    threads: int = 0
    workers: int = 1


class PrivateGroup(Frozen):
    """Private trainings of one epsilon.

    Attributes:
        epsilon: that was asked for.
        spent: that all of them together meet, as counted beforehand.
        noise_multiplier: standard deviation of the noise over the clipping norm.
        trainings: how many there are at most: trials, confirmations and the baseline's.
        strategies: whose trainings they are.
        steps, rate: of one training, the most: its steps, and the probability with which each draws a text.
    """

    epsilon: float
    spent: float
    noise_multiplier: float
    trainings: int
    strategies: tuple[str, ...]
    steps: int
    rate: float


class PrivacyInfo(Frozen):
    """Differential privacy of the training split by DP-SGD; the noise's seed is nowhere in the records.

    Attributes:
        accountant: with which it was counted.
        delta: goes with each epsilon.
        clip: largest norm of the gradient of one text.
        together: epsilon of the trainings of all groups.
        unprotected: strategies (and the baseline) whose trainings are not private.
    """

    accountant: str
    delta: float
    clip: float
    groups: tuple[PrivateGroup, ...]
    together: float
    unprotected: tuple[str, ...] = ()


class Metric(Frozen):
    """What is measured on validation and test items; ``share``: a share of 1, shown in percent and points."""

    name: str = "accuracy"
    maximize: bool = True
    share: bool = True

    def better(self, first: float, second: float) -> bool:
        """Whether ``first`` is the better score of the two."""
        return first > second if self.maximize else first < second


class ParameterInfo(Frozen):
    """One parameter of the space: a fixed value, choices, a range, or the compared one with its strategies' values.

    Attributes:
        values: of a compared parameter or of choices; the one value of a fixed parameter.
        low, high, log, step, integer: of a range.
        default: in each study's first draw; None where there is none.
        when: {other parameter: values} under which it exists.
        observed: whether the range is only that of the values seen in an imported run, whose source does not hold it.
    """

    name: str
    kind: Literal["compared", "fixed", "choices", "range"]
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    integer: bool = False
    default: Any = None
    when: dict[str, tuple[Any, ...]] = {}
    meaning: str = ""
    observed: bool = False


class Search(Frozen):
    """How configurations were drawn, stopped and selected; None where the source does not say.

    Attributes:
        independent: whether draws are independent of results, as estimates of tuning curves need it.
        rungs: examples seen at which a trial could be stopped; the end is not among them.
        shared_draws: whether draw i of a replicate has the same shared values, seed and data order in each strategy.
    """

    sampler: str | None = None
    pruner: str | None = None
    independent: bool | None = None
    rungs: tuple[int, ...] = ()
    selection: str | None = None
    shared_draws: bool | None = None


class Stamp(Frozen):
    """Written when the run began, before any score was known.

    Attributes:
        began: UTC, ISO 8601.
        command: as given, without the folders of this machine.
        git: commit of the folder of the space file, ``+changes`` after it where files differ; None outside git.
        plan_sha256: of what was fixed beforehand (``hpo.records.plan``).
    """

    began: str
    command: str
    git: str | None
    plan_sha256: str


class Closed(Frozen):
    """The searches of a run, ended by its total budget after ``rounds`` draws each."""

    rounds: int
    reason: str


class Earlier(Frozen):
    """A run that a warm start took up; ``sha256`` covers its records of trials as they were read."""

    name: str
    trials: int
    confirmations: int
    sha256: str


class WarmStart(Frozen):
    """What searches began with.

    Attributes:
        first_draws: configurations that each search drew first after its default one, the same in every strategy.
        observations: of each search of a replicate, by replicate; None of them is a trial of this run.
        left_out: how many trials that were read were no observations, by reason.
        replicates: of the run with the fewest: replicate r of a search took up those of replicate r modulo this.
        sha256: of the file in the run's folder that holds what was taken up.
    """

    earlier: tuple[Earlier, ...]
    first_draws: int
    observations: tuple[int, ...]
    left_out: dict[str, int] = {}
    replicates: int
    sha256: str


class EarlyStop(Frozen):
    """The strategies whose searches ended after so many draws, as they could no longer change the comparison; or none."""

    after: int
    strategies: tuple[str, ...]


class Run(Frozen):
    """The head of the records: what was asked, of which data and model, on what, with which versions.

    Attributes:
        kind, max_length: of the task, and tokens of a text that are read.
        seed: from which every random draw derives.
        task: the data's name; strategies are ranked across runs of different tasks.
        source: ``hpo``, or what the records were imported from.
        form: ``small`` where the small form of a space was run (``hpo run --budget small``); None: the space as it stands.
        experiment: the Experiment as JSON; empty where hpo did not run it.
        resource: what ``Rung.examples`` and ``Search.rungs`` count.
        model, models: the pretrained model; where several are compared, each by its strategy in ``models``, and in
            ``model`` what
            can be said of all together.
        replicates, trials, seeds: of each strategy, the most where they differ.
        privacy: of private trainings; None: there are none.
        examples, device_seconds: charged to a search before it begins no further trial, whichever is reached first;
            both None: its trials are counted alone.
        money: that a search may be charged, which is part of ``device_seconds``; None: it was not limited by it.
        total: what all searches together might spend before no further round of draws began; None: anything.
        warm_start: what searches began with; None: nothing.
        early_stop: what was decided half-way; None: nothing yet, or it was not asked for.
        closed: that it ended them; None: it did not.
        price_per_hour: of a device, in the currency of whoever asked; None: none was named.
        notes: what an import took for what, and what it inferred, as it printed it; none where hpo ran it.
    """

    schema_version: int = SCHEMA
    name: str
    question: str
    task: str
    kind: str = NOT_RECORDED
    max_length: int | None = None
    seed: int | None = None
    source: str = "hpo"
    form: Form | None = None
    experiment: dict[str, Any] = {}
    strategies: tuple[str, ...]
    reference: str | None = None
    baseline: str | None = None
    replicates: int
    trials: int
    examples: int | None = None
    device_seconds: float | None = None
    money: float | None = None
    price_per_hour: float | None = None
    total: Limit | None = None
    closed: Closed | None = None
    early_stop: EarlyStop | None = None
    warm_start: WarmStart | None = None
    seeds: int
    metric: Metric = Metric()
    resource: str = "examples seen"
    search: Search
    space: tuple[ParameterInfo, ...]
    split: SplitInfo = SplitInfo()
    shifts: tuple[ShiftInfo, ...] = ()
    model: ModelInfo = ModelInfo()
    models: dict[str, ModelInfo] = {}
    device: DeviceInfo = DeviceInfo()
    versions: dict[str, str] = {}
    privacy: PrivacyInfo | None = None
    stamp: Stamp | None = None
    notes: tuple[str, ...] = ()

    @property
    def limit(self) -> Limit:
        """What ends a search of a strategy that did not stop early."""
        trials = self.trials if self.closed is None else self.closed.rounds
        return Limit(trials, self.examples, self.device_seconds)

    @property
    def may_end_early(self) -> bool:
        """Whether searches might end before ``limit`` ends them: by the total of the run, or as they decide nothing."""
        asked = self.experiment.get("budget", {})
        return self.total is not None or bool(asked.get("stop_decided"))

    def limit_of(self, strategy: str) -> Limit:
        """What ends a search of a strategy."""
        stop = self.early_stop
        if stop is None or strategy not in stop.strategies:
            return self.limit
        return replace(self.limit, trials=min(stop.after, self.limit.trials or stop.after))


class Records(Frozen):
    """Everything of one run. Trials, confirmations and audited ones are sorted by strategy, replicate, draw (or index)."""

    run: Run
    trials: tuple[Trial, ...]
    confirmations: tuple[Confirmation, ...]
    audited: tuple[Audited, ...] = ()


def charged_examples(trial: Trial) -> int:
    """Examples that this trial would have been trained on alone, those of shared segments included."""
    return trial.segments[-1].examples if trial.segments else 0


def spent_examples(trials: Iterable[Trial]) -> int:
    """Examples that these trials were trained on together, those of a segment that several share once."""
    seen: dict[str, int] = {}
    for trial in trials:
        before = 0
        for segment in trial.segments:
            seen.setdefault(segment.key, segment.examples - before)
            before = segment.examples
    return sum(seen.values())


def charged_seconds(item: Trial | Confirmation | Audited) -> float:
    """Device-seconds that this item would have cost alone: what its strategy's budget, or the audit, is charged."""
    if not isinstance(item, Audited) and item.charged is not None:
        return item.charged
    test = 0.0
    if isinstance(item, Confirmation):
        test = item.test_seconds + sum(scores.seconds for scores in item.shifts.values())
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
            for scores in item.shifts.values():
                work.setdefault(scores.evaluation, scores.seconds)
    return sum(work.values()) + sum(item.retrained_seconds + (item.charged or 0.0) for item in items)
