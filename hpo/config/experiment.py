"""The frozen Experiment that a space file becomes. ``hpo.config.space`` makes one from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from hpo.config.parameters import Value


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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


class DataSource(Frozen):
    """Where the labelled texts come from: exactly one of ``asset``, ``path`` and ``hub`` is set.

    Attributes:
        asset: a name of the catalogue (``hpo assets``).
        path: a CSV, JSON, JSON Lines or Parquet file, or a folder with train/validation/test files of these kinds.
        hub: a data set id of the Hugging Face hub.
        text, label, group: column names; texts of one group never stand in two splits.
    """

    asset: str | None = None
    path: str | None = None
    hub: str | None = None
    text: str = "text"
    label: str = "label"
    group: str | None = None


class Task(Frozen):
    """Labelled texts and the sizes of their splits, in texts; ``max_length`` in tokens."""

    kind: Literal["text-classification"] = "text-classification"
    data: DataSource
    train: int
    validation: int
    test: int
    max_length: int = 128


class Compare(Frozen):
    """The compared parameter; each value is a strategy. ``reference``: the value that others are held against."""

    parameter: str
    values: tuple[Value, ...]
    reference: Value | None = None


class Budget(Frozen):
    """What each strategy may spend. ``rungs``: numbers of examples seen at which a trial may be pruned, ascending."""

    replicates: int = 5
    trials: int
    rungs: tuple[int, ...] = ()
    sampler: Literal["tpe", "random", "qmc", "gp", "grid"] = "tpe"
    startup_trials: int | None = (
        None  # draws before a model-based sampler looks at results; None: half of trials, at most 10
    )
    pruner: Literal["successive_halving", "median", "hyperband", "none"] = "successive_halving"
    reduction_factor: int = 2


class Confirmation(Frozen):
    """Fresh seeds on which each study's selected configuration is trained again."""

    seeds: int


class Experiment(Frozen):
    """One question with all that decides its answer.

    Attributes:
        name: the space file's stem; names the MLflow experiment and the run's folder.
        parameters: every searched or fixed parameter that the file names (the compared one is not among them).
        baseline: a fixed recipe, confirmed on the same fresh seeds beside the strategies, or None.
        seed: every random draw derives from it.
    """

    name: str
    question: str
    task: Task
    model: str
    compare: Compare | None = None
    parameters: Mapping[str, Setting]
    budget: Budget
    confirmation: Confirmation
    baseline: Mapping[str, Value] | None = None
    seed: int = 0

    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies, in the order of the file; ``("all",)`` where nothing is compared."""
        if self.compare is None:
            return ("all",)
        return tuple(self.strategy_name(value) for value in self.compare.values)

    def strategy_name(self, value: Value) -> str:
        """Name of the strategy that sets the compared parameter to ``value``: the word itself, or ``parameter=value``."""
        assert self.compare is not None
        if isinstance(value, str):
            return value
        shown = list(value) if isinstance(value, tuple) else value
        return f"{self.compare.parameter}={shown}"

    def reference(self) -> str | None:
        """Name of the reference strategy, or None."""
        if self.compare is None or self.compare.reference is None:
            return None
        return self.strategy_name(self.compare.reference)
