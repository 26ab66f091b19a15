"""Parameters of a search space and their configurations as an array in the unit cube."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Configuration = Mapping[str, Any]  # value by parameter name; inactive parameters may be absent


@dataclass(frozen=True)
class Condition:
    """A parameter is active only where ``parameter`` has one of ``values``."""

    parameter: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Numerical:
    """A range of numbers, bounds included.

    Attributes:
        log: whether the range is searched, and so measured, on a log scale.
        step: distance of neighbouring values, an int where those are (1 for a range of integers); None: continuous.

    Raises:
        ValueError: the bounds are not in order, or have no logarithm where one is asked for.
    """

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    condition: Condition | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self.name}: low {self.low} is not below high {self.high}")
        if self.log and self.low - self._half <= 0:
            raise ValueError(f"{self.name}: a log scale needs a low above 0 and above half a step")

    @property
    def _half(self) -> float:
        return (self.step or 0.0) / 2

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else value

    def code(self, value: Any) -> float:
        """Place of ``value`` in [0, 1].

        The ends are low - step / 2 and high + step / 2: each step has a cell of its own, those at the bounds like
        the others, and a uniform draw of the range is uniform on [0, 1].

        Raises:
            ValueError: ``value`` is outside the range.
        """
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name}: {value!r} is outside {self.low} to {self.high}")
        start, end = self._scale(self.low - self._half), self._scale(self.high + self._half)
        return (self._scale(value) - start) / (end - start)

    def grid(self, points: int) -> tuple[float, ...]:
        """At most ``points`` values from low to high, evenly spaced on the scale, rounded to steps."""
        places = np.linspace(self._scale(self.low), self._scale(self.high), points)
        values = np.exp(places) if self.log else places
        if self.step is not None:
            values = self.low + self.step * np.round((values - self.low) / self.step)
        values = np.clip(values, self.low, self.high).astype(int if isinstance(self.step, int) else float)
        return tuple(dict.fromkeys(values.tolist()))


@dataclass(frozen=True)
class Categorical:
    """Values without an order."""

    name: str
    values: tuple[Any, ...]
    condition: Condition | None = None

    def code(self, value: Any) -> float:
        """Index of ``value``.

        Raises:
            ValueError: it is none of the values.
        """
        if value not in self.values:
            raise ValueError(f"{self.name}: {value!r} is none of {self.values}")
        return float(self.values.index(value))


Parameter = Numerical | Categorical


def is_active(parameter: Parameter, configuration: Configuration) -> bool:
    """Whether ``parameter`` has an effect under the other values of ``configuration``."""
    condition = parameter.condition
    return condition is None or configuration.get(condition.parameter) in condition.values


def encode(parameters: Sequence[Parameter], configurations: Sequence[Configuration]) -> Array:
    """Codes (n, p) of n configurations: numbers in [0, 1], categories by index, NaN where inactive.

    Nothing is imputed. The importances analyse a parameter over the trials in which it is active: with a value made
    up for the others they would count its being switched on as its own effect (on such adaptations: Baba, Ozaki and
    Watanabe, Conditional PED-ANOVA, KDD 2026).

    Raises:
        ValueError: an unconditional parameter has no value, or a value is none of its parameter's.
    """
    codes = [[_code(parameter, one) for parameter in parameters] for one in configurations]
    return np.array(codes, dtype=np.float64).reshape(len(configurations), len(parameters))


def _code(parameter: Parameter, configuration: Configuration) -> float:
    if parameter.name not in configuration and parameter.condition is None:
        raise ValueError(f"{parameter.name} has no condition and no value in {dict(configuration)}")
    if parameter.name not in configuration or not is_active(parameter, configuration):
        return math.nan
    return parameter.code(configuration[parameter.name])


def checked_trials(
    parameters: Sequence[Parameter], encoded: npt.ArrayLike, scores: npt.ArrayLike
) -> tuple[Array, Array]:
    """Codes (n, p) and scores (n,) as arrays.

    Raises:
        ValueError: the shapes disagree, or a score is not finite.
    """
    x, y = np.asarray(encoded, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if x.shape != (len(y), len(parameters)):
        raise ValueError(f"codes are {x.shape}, not {(len(y), len(parameters))} of the scores and parameters")
    if not np.isfinite(y).all():
        raise ValueError("every score must be finite: leave out trials that did not end")
    return x, y
