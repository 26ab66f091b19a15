"""What a user says of a source that the source itself does not."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, get_args

Format = Literal["records", "optuna", "mlflow", "ray", "wandb", "csv", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class Roles:
    """Names of the attributes that hold each thing, several joined; empty or None: nothing does, or none is said."""

    strategy: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    replicate: str | None = None
    seed: str | None = None
    score: str | None = None
    test_score: str | None = None
    rung: str | None = None
    trial: str | None = None
    cost: str | None = None
    state: str | None = None
    phase: str | None = None

    def names(self, role: str) -> tuple[str, ...]:
        """The attributes that hold ``role``."""
        value = getattr(self, role)
        return (value,) if isinstance(value, str) else tuple(value or ())

    def taken(self) -> set[str]:
        """Attributes with a role."""
        return {name for role in fields(self) for name in self.names(role.name)}


@dataclass(frozen=True)
class Asked:
    """Options of an import; None (or empty): not said.

    Attributes:
        format: of the sources; None: found by looking at them.
        name, question, reference, metric: of the records' head.
        maximize: whether higher scores are better.
        share, percent: whether scores are shares of 1, or percents of it.
        independent: whether draws did not look at results.
        paired: whether replicate and seed mean the same for every strategy.
        no_pruning: that no training was stopped early but those of which the source says so.
        studies: studies of Optuna or experiments of MLflow that are read; empty: all.
        named: how studies are named: ``{strategy}-{replicate}``.
        roles: what holds what.
        parameters: names or patterns (``config.*``) of what is configuration.
    """

    format: Format | None = None
    name: str | None = None
    question: str | None = None
    reference: str | None = None
    metric: str | None = None
    maximize: bool | None = None
    share: bool | None = None
    percent: bool = False
    independent: bool | None = None
    paired: bool | None = None
    no_pruning: bool = False
    studies: tuple[str, ...] = ()
    named: str | None = None
    roles: Roles = field(default_factory=Roles)
    parameters: tuple[str, ...] = ()
