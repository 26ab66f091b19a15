"""The frozen Experiment that a space file becomes. ``hpo.config.space`` makes one from YAML."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hpo.config.parameters import MODEL, NEEDS_SYNONYMS, PARAMETERS, Value, complete
from hpo.records.base import Frozen
from hpo.records.limits import Limit, seconds_for
from hpo.records.metrics import METRICS, METRICS_OF
from hpo.records.run import Form


class Fixed(Frozen):
    """A parameter with one value in every trial."""

    kind: Literal["fixed"] = "fixed"
    value: Value


class Choices(Frozen):
    """A parameter drawn from a list. ``default`` is its value in each study's first draw."""

    kind: Literal["choices"] = "choices"
    choices: tuple[Value, ...]
    default: Value
    when: Mapping[str, tuple[Value, ...]] = {}


class Range(Frozen):
    """A number drawn from ``low`` to ``high``, both included; ``when``: {other parameter: values} under which it exists."""

    kind: Literal["range"] = "range"
    low: float
    high: float
    log: bool = False
    step: float | None = None
    integer: bool = False
    default: Value
    when: Mapping[str, tuple[Value, ...]] = {}


Setting = Fixed | Choices | Range


Kind = Literal["text-classification", "sentiment", "pair", "multi-label", "token-classification"]
Column = Annotated[str, Field(min_length=1)]


class DataSource(Frozen):
    """Where the labelled texts come from: exactly one of ``asset``, ``path`` and ``hub`` is set.

    Attributes:
        asset: a name of the catalogue (``hpo assets``).
        path: a CSV, JSON, JSON Lines, Parquet or CoNLL file, or a folder with train/validation/test files of these kinds.
        hub: a data set id of the Hugging Face hub.
    """

    asset: str | None = None
    path: str | None = None
    hub: str | None = None
    text: Column = Field("text", description="Column of the texts; of entities, texts or lists of words.")
    second_text: Column = Field("second_text", description="Column of the second texts of a pair task.")
    label: Column = Field(
        "label",
        description="Column of the labels: a class each; of a multi-label task lists, or labels with commas between "
        "them; of entities a list of tags (IOB1, IOB2, IOBES), or of objects with start, end and label.",
    )
    group: Column | None = Field(
        None, description="Column of the groups; texts of one group never stand in two splits."
    )

    @property
    def name(self) -> str:
        """What the data are called, without folders of this machine."""
        return self.asset or self.hub or Path(self.path or "").name


class Task(Frozen):
    """Labelled texts and the sizes of their splits; ``shift``: further evaluation sets by name."""

    kind: Kind = Field(
        "text-classification",
        description="What a text is given: one class (sentiment is the same with defaults of its own, pair reads two "
        "texts), any number of labels, or a tag for each word.",
    )
    metric: str = Field(
        METRICS_OF["text-classification"][0],
        json_schema_extra={"enum": list(METRICS)},
        description="What selects trials and decides the comparison; if absent, accuracy, of several labels micro F1, of "
        "entities their F1.",
    )
    data: DataSource
    train: int = Field(ge=1, description="Texts of the training split.")
    validation: int = Field(ge=2, description="Texts of the validation split, by which trials are selected.")
    test: int = Field(ge=2, description="Texts of the test split, opened for the confirmations alone.")
    shift: Mapping[str, DataSource] = {}
    shift_test: int | None = Field(
        None, ge=2, description="Most texts of each set that shift names; if absent, as many as test."
    )
    max_length: int = Field(128, ge=4, description="Tokens of a text that are read; the rest is cut off.")
    scrub: bool = Field(
        False,
        description="Replace e-mail addresses, telephone numbers and card numbers in the texts before anything reads them.",
    )


class ModelSource(Frozen):
    """A pretrained model, as a comparison of models names it."""

    name: str = Field(
        min_length=1,
        description="A name of the catalogue, a folder or GGUF file, or owner/name of the Hugging Face hub.",
    )
    num_layers: int | None = Field(
        None, ge=1, description="Lowest layers that are kept, the others are left out; if absent, all."
    )

    @property
    def label(self) -> str:
        """What the strategy that trains it is called: a folder by its own name, fewer layers told."""
        path = Path(self.name)
        name = path.name if path.is_absolute() else self.name
        if self.num_layers is None:
            return name
        return f"{name} ({self.num_layers} layer{'' if self.num_layers == 1 else 's'})"


class Compare(Frozen):
    """The compared parameter; each value is a strategy. ``reference``: the value that others are held against.

    Where models are compared, ``models`` has what each value stands for.
    """

    parameter: str
    values: tuple[Value, ...]
    reference: Value | None = None
    models: Mapping[str, ModelSource] | None = None


class Total(Frozen):
    """What all searches together may spend, work that they share counted once."""

    trials: int | None = Field(None, ge=1, description="Trials of all searches.")
    examples: int | None = Field(None, ge=1, description="Training examples.")
    device_seconds: float | None = Field(None, gt=0, description="Seconds of the whole device.")
    wall_seconds: float | None = Field(
        None, gt=0, description="Seconds while `hpo run` is at work, over all its calls on this run."
    )
    money: float | None = Field(None, gt=0, description="Device-seconds in what they cost at price_per_hour.")


class Budget(Frozen):
    """What each strategy may spend."""

    replicates: int = Field(5, ge=1, description="Independent searches of each strategy.")
    trials: int = Field(
        ge=1,
        description="Configurations that each search trains, the default one first; the most where examples, "
        "device_seconds or money end it.",
    )
    examples: int | None = Field(
        None,
        ge=1,
        description="A search begins trials until they are charged so many training examples, pruned and repeated trials "
        "as far as they went, whatever was shared. The last one is finished.",
    )
    device_seconds: float | None = Field(
        None,
        gt=0,
        description="A search begins trials until they are charged so much: what each would have cost alone, whatever was "
        "shared, in seconds of the whole device, so that of two workers each counts half: the wall time that the search "
        "would take with the device to itself. The last one is finished.",
    )
    price_per_hour: float | None = Field(
        None, gt=0, description="Of a device, in any currency: the report tells costs in money too."
    )
    money: float | None = Field(
        None, gt=0, description="As device_seconds, in what they cost at price_per_hour."
    )
    total: Total | None = Field(
        None,
        description="Ends the searches of all strategies after the same number of draws: the next round of draws begins "
        "only while it is expected to end, with all confirmations, within it.",
    )
    stop_decided: bool | None = Field(
        None,
        description="Whether strategies make no further draws after half of their trials that can no longer change the "
        "comparison; if absent, none stops. What is selected by then is confirmed all the same.",
    )
    rungs: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="Numbers of examples seen at which a trial may be pruned, ascending."
    )
    sampler: Literal["tpe", "random", "qmc", "gp", "grid"] = Field(
        "tpe", description="How configurations are drawn."
    )
    startup_trials: int | None = Field(
        None,
        ge=1,
        description="Draws before a model-based sampler looks at results; if absent, half of trials and at most 10.",
    )
    pruner: Literal["successive_halving", "median", "hyperband", "none"] = Field(
        "successive_halving", description="How a trial that lags behind others of its search is stopped."
    )
    reduction_factor: int = Field(
        2, ge=2, description="Successive halving and Hyperband keep one in this many trials at each rung."
    )

    @property
    def limit(self) -> Limit:
        """What ends a search."""
        return Limit(self.trials, self.examples, self.most_seconds)

    @property
    def most_seconds(self) -> float | None:
        """Device-seconds that a search may be charged, as such or in money; None: any."""
        return self._seconds(self.device_seconds, self.money)

    @property
    def total_limit(self) -> Limit:
        """What all searches together may spend."""
        total = self.total
        if total is None:
            return Limit()
        seconds = self._seconds(total.device_seconds, total.money)
        return Limit(total.trials, total.examples, seconds, total.wall_seconds)

    def _seconds(self, seconds: float | None, money: float | None) -> float | None:
        """The fewer device-seconds of those given and those that ``money`` pays for."""
        paid = None
        if money is not None and self.price_per_hour is not None:
            paid = seconds_for(money, self.price_per_hour)
        return min((s for s in (seconds, paid) if s is not None), default=None)


class WarmStart(Frozen):
    """Earlier runs that the searches begin with."""

    runs: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        description="Names of runs in the results folder, or their folders."
    )
    first_draws: int = Field(
        1,
        ge=0,
        description="Good configurations of those runs that each search draws first after the default one, the same in "
        "every strategy.",
    )


class Confirmation(Frozen):
    """What follows each search."""

    seeds: int = Field(
        ge=1,
        description="Fresh seeds on which each search's selected configuration is trained again; "
        "if absent, 1, or 10 where there is one replicate.",
    )


class Privacy(Frozen):
    """Differential privacy of the training split, by DP-SGD."""

    epsilon: float | None = Field(
        None,
        gt=0,
        description="What all trainings of the run together meet; left out where privacy_epsilon is compared.",
    )
    delta: float = Field(
        gt=0,
        lt=1,
        description="The probability that goes with it; below 1 over the number of training texts.",
    )
    clip: float = Field(1.0, gt=0, description="Largest norm of the gradient of one text.")


class Experiment(Frozen):
    """One question with all that decides its answer.

    Attributes:
        name: the space file's stem; names the MLflow experiment and the run's folder.
        model: a name of the catalogue, a path or an id of the hub; None where models are compared.
        parameters: every searched or fixed parameter that the file names (the compared one is not among them).
        baseline: a fixed recipe, confirmed on the same fresh seeds beside the strategies, or None.
        seed: every random draw derives from it.
        privacy: of the private trainings, or None.
        augmentation_model: folder or hub id of a masked language model, for the augmentations that need one.
        warm_start: what the searches begin with (``from`` in the file), or None.
        form: ``small`` for the small form of the space (``hpo.config.small``), None for the space as it stands.
        store_limit: most bytes on disk for what trainings share, None where the file leaves it to hpo. No result
            depends on it, so that no dump, and with it no record, has it.
    """

    name: str
    question: str
    task: Task
    model: str | None = None
    compare: Compare | None = None
    parameters: Mapping[str, Setting]
    budget: Budget
    confirmation: Confirmation
    baseline: Mapping[str, Value] | None = None
    seed: int = Field(0, ge=0)
    privacy: Privacy | None = None
    augmentation_model: str | None = None
    warm_start: WarmStart | None = None
    form: Form | None = None
    store_limit: int | None = Field(None, ge=0, exclude=True)

    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies, in the order of the file; ``("all",)`` where nothing is compared."""
        if self.compare is None:
            return ("all",)
        return tuple(self.strategy_name(value) for value in self.compare.values)

    def strategy_name(self, value: Value) -> str:
        """Name of the strategy that sets the compared parameter to ``value``: the word itself, or ``parameter=value``."""
        if isinstance(value, str) or self.compare is None:
            return str(value)
        shown = list(value) if isinstance(value, tuple) else value
        return f"{self.compare.parameter}={shown}"

    def reference(self) -> str | None:
        """Name of the reference strategy, or None."""
        if self.compare is None or self.compare.reference is None:
            return None
        return self.strategy_name(self.compare.reference)

    def trial_values(self, name: str) -> tuple[Value, ...]:
        """Every value that parameter ``name`` can take in a trial; of a range its two ends."""
        if self.compare is not None and self.compare.parameter == name:
            return self.compare.values
        setting = self.parameters.get(name, Fixed(value=PARAMETERS[name].default))
        if isinstance(setting, Range):
            return (setting.low, setting.high)
        return setting.choices if isinstance(setting, Choices) else (setting.value,)

    def values(self, name: str) -> tuple[Value, ...]:
        """As ``trial_values``, with the baseline's."""
        if self.baseline is None:
            return self.trial_values(name)
        return (*self.trial_values(name), self.baseline.get(name, PARAMETERS[name].default))

    def combinations(self, names: Sequence[str]) -> list[dict[str, Value]]:
        """The active parameters of every training as far as ``names`` tell trainings apart; the baseline's last.

        Each is complete, the parameters that are not named at their defaults. Of a range of whole numbers each is taken, of
        others the two ends.
        """
        found: list[dict[str, Value]] = []
        for values in itertools.product(*(self._listed(name) for name in names)):
            drawn = dict(zip(names, values, strict=True))
            combination = complete({n: v for n, v in drawn.items() if self._exists(n, drawn)})
            if combination not in found:
                found.append(combination)
        return found if self.baseline is None else [*found, complete(self.baseline)]

    def _listed(self, name: str) -> Sequence[Value]:
        setting = self.parameters.get(name)
        if isinstance(setting, Range) and setting.integer:
            return range(int(setting.low), int(setting.high) + 1, int(setting.step or 1))
        return self.trial_values(name)

    def _exists(self, name: str, drawn: Mapping[str, Value]) -> bool:
        """Whether the conditions of the file on ``name`` hold under the values ``drawn`` of some parameters."""
        setting = self.parameters.get(name, Fixed(value=PARAMETERS[name].default))
        conditions = {} if isinstance(setting, Fixed) else setting.when
        return all(drawn[other] in values for other, values in conditions.items() if other in drawn)

    def sources(self) -> Mapping[str | None, ModelSource]:
        """The pretrained models by the value of ``model`` in the parameters of their trainings; None: one for all."""
        if self.compare is not None and self.compare.models is not None:
            return dict[str | None, ModelSource](self.compare.models.items())
        return {None: ModelSource(name=self.model or "")}

    def recipe(self) -> dict[str, Value]:
        """Every active parameter of the baseline; where models are compared, with the reference or else the first."""
        given = dict(self.baseline or {})
        if self.compare is not None and self.compare.models is not None:
            reference = self.compare.reference
            given[MODEL] = self.compare.values[0] if reference is None else reference
        return complete(given)

    def needs_synonyms(self) -> bool:
        """Whether any training may read WordNet."""
        return not set(NEEDS_SYNONYMS).isdisjoint(self.values("augmentation"))
