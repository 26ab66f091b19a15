"""Path from the default configuration to the best: which changes the gain is predicted to come from.

Ablation analysis (Fawcett and Hoos, Journal of Heuristics 22, 2016) with predictions in place of trainings (Biedenkapp et
al., Efficient Parameter Importance Analysis via Ablation with Surrogates, AAAI 2017). Every score on the path, of its
two ends as well, is a prediction of a random forest; its out-of-bag R2 stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo.stats.forest import Fit, fit_forest
from hpo.stats.parameters import Configuration, Parameter, checked_trials, encode, is_active


@dataclass(frozen=True)
class Change:
    """A parameter's value before and after; None where it is inactive."""

    parameter: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Step:
    """One parameter's change, then those of the parameters that it switches on or off; the score predicted after it."""

    changes: tuple[Change, ...]
    score: float


@dataclass(frozen=True)
class Path:
    """Steps in order, and the score predicted at the default."""

    default_score: float
    steps: tuple[Step, ...]
    fit: Fit


def path(
    parameters: Sequence[Parameter],
    encoded: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    default: Configuration,
    best: Configuration,
    seed: int,
) -> Path:
    """Change one parameter at a time from ``default``'s value to ``best``'s: each time the one predicted to gain most.

    Higher scores are better, and the two configurations differ in ``parameters`` alone. A parameter that a change
    switches on takes ``best``'s value with it, and one that it switches off loses its own: they are one step, as by
    themselves they are no configuration of the space.

    Args:
        encoded: (n, p) codes of the configurations, NaN where inactive (``hpo.stats.parameters.encode``). The
            forest learns at each split to which side inactive values go.
        scores: (n,) scores of the same trials, each trained in full.

    Raises:
        ValueError: the shapes disagree, a score is not finite, there are fewer than two trials, or a configuration
            has a value that its parameter has not.
    """
    x, y = checked_trials(parameters, encoded, scores)
    if len(y) < 2:
        raise ValueError("a forest needs at least two trials")
    forest = fit_forest(parameters, x, y, seed=seed)
    # What a parameter takes that is switched on: the best's value, the default's where the best has none.
    values = {**default, **best}
    current, steps = dict(default), []
    while names := [p.name for p in parameters if _differs(p.name, current, best)]:
        reached = [_settled(parameters, current | {name: best[name]}, values) for name in names]
        scored = forest.predict(encode(parameters, reached))
        choice = int(np.argmax(scored))
        changes = _changes(parameters, names[choice], current, reached[choice])
        steps.append(Step(changes, float(scored[choice])))
        current = reached[choice]
    default_score = float(forest.predict(encode(parameters, [default]))[0])
    return Path(default_score, tuple(steps), forest.fit)


def _differs(name: str, current: Configuration, best: Configuration) -> bool:
    """Whether both have the parameter, with different values."""
    return name in current and name in best and current[name] != best[name]


def _settled(
    parameters: Sequence[Parameter], configuration: dict[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """``configuration`` without what is switched off, and with ``values`` of what is switched on."""
    settled = dict(configuration)
    for _ in parameters:  # a condition may hang on another conditional parameter
        for parameter in parameters:
            if not is_active(parameter, settled):
                settled.pop(parameter.name, None)
            elif parameter.name in values:
                settled.setdefault(parameter.name, values[parameter.name])
    return settled


def _changes(
    parameters: Sequence[Parameter], first: str, old: Configuration, new: Configuration
) -> tuple[Change, ...]:
    """Changes from ``old`` to ``new``, that of parameter ``first`` at the head."""
    names = [first] + [parameter.name for parameter in parameters if parameter.name != first]
    changes = (Change(name, old.get(name), new.get(name)) for name in names)
    return tuple(change for change in changes if change.old != change.new)
