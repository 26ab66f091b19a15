"""The head of the records of a run, and all of them: the only thing that reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from hpo.records.base import NOT_RECORDED, SCHEMA, Frozen
from hpo.records.limits import Limit
from hpo.records.metrics import Metric
from hpo.records.search import Closed, EarlyStop, ParameterInfo, Search, WarmStart
from hpo.records.setup import DeviceInfo, ModelInfo, PrivacyInfo, ShiftInfo, SplitInfo
from hpo.records.trainings import Audited, Confirmation, Trial

# How the notes of an import say what it inferred of costs and of trials that ended early.
AS_SECONDS, AS_PRUNED = "taken as device-seconds", "taken as pruned"
Form = Literal["small"]  # of a space, where it is not run as it stands
SMALL_FORM = "This is the small form of its space: a trial of the machinery, and no answer to the question."


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
            ``model`` what can be said of all together.
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
    experiment: Mapping[str, Any] = {}
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
    models: Mapping[str, ModelInfo] = {}
    device: DeviceInfo = DeviceInfo()
    versions: Mapping[str, str] = {}
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
