"""What the trainings of a run that read the training split cost in privacy, all together, and the noise that follows."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.config.experiment import Experiment, Fixed, Privacy
from hpo.config.parameters import PARAMETERS, Value
from hpo.errors import UserError
from hpo.records.setup import PrivacyInfo, PrivateGroup
from hpo.search.draws import strategy_values
from hpo.search.secret import noise_secret
from hpo.training.accounting import Sampling, Trainings, accountant, least_multiplier, spent
from hpo.training.privacy import Mechanism

EPSILON = "privacy_epsilon"
BASELINE = "baseline"


@dataclass(frozen=True)
class _Group:
    """Trainings of one epsilon, and whose they are."""

    trainings: Trainings
    strategies: tuple[str, ...]


def privacy_info(experiment: Experiment) -> PrivacyInfo | None:
    """What the private trainings of ``experiment`` meet; None where none is private.

    All trainings with one epsilon meet it together: trials, confirmations and the baseline's, of all strategies and
    replicates. Whether one is trained to its end, and with which of its configurations, may depend on the results of others.

    Raises:
        UserError: no noise is enough.
    """
    privacy = experiment.privacy
    groups = _groups(experiment)
    if privacy is None or not any(groups):
        return None
    found = {epsilon: _counted(group, epsilon, privacy) for epsilon, group in groups.items() if epsilon}
    return PrivacyInfo(
        accountant=accountant(),
        delta=privacy.delta,
        clip=privacy.clip,
        groups=tuple(found.values()),
        together=spent([(found[e].noise_multiplier, groups[e].trainings) for e in found], privacy.delta),
        unprotected=groups[0.0].strategies if 0.0 in groups else (),
    )


def mechanism(experiment: Experiment, folder: Path) -> Mechanism | None:
    """How the private trainings of the run in ``folder`` draw; None where none is private.

    Raises:
        UserError: the run was begun and its secret is gone.
    """
    info = privacy_info(experiment)
    if info is None:
        return None
    multipliers = tuple((group.epsilon, group.noise_multiplier) for group in info.groups)
    return Mechanism(secret=noise_secret(folder), clip=info.clip, multipliers=multipliers)


def _groups(experiment: Experiment) -> dict[float, _Group]:
    """Trainings by their epsilon, in the order of the strategies; 0: those that are not private."""
    found: dict[float, list[str]] = {}
    for strategy, value in strategy_values(experiment).items():
        found.setdefault(_epsilon(experiment, value), []).append(strategy)
    recipe = experiment.baseline
    if recipe is not None:
        found.setdefault(float(str(recipe.get(EPSILON, 0.0))), []).append(BASELINE)
    return {epsilon: _Group(_trainings(experiment, names), tuple(names)) for epsilon, names in found.items()}


def _epsilon(experiment: Experiment, value: Value | None) -> float:
    compared = experiment.compare
    if compared is not None and compared.parameter == EPSILON:
        return float(str(value))
    (fixed,) = experiment.trial_values(EPSILON)
    return float(str(fixed))


def _trainings(experiment: Experiment, names: list[str]) -> Trainings:
    """Of these strategies (and the baseline): how many, and each rate of sampling with the most steps that go with it."""
    budget, seeds = experiment.budget, experiment.confirmation.seeds
    each = budget.replicates * (budget.trials + seeds)
    count = sum(budget.replicates * seeds if name == BASELINE else each for name in names)
    texts = experiment.task.train
    found: dict[float, int] = {}
    pairs: list[tuple[Any, Any]] = []
    if names != [BASELINE]:
        pairs += itertools.product(_possible(experiment, "batch_size"), _possible(experiment, "epochs"))
    if BASELINE in names:
        recipe = experiment.recipe()
        pairs.append((recipe["batch_size"], recipe["epochs"]))
    for size, passes in pairs:
        steps = math.ceil(math.ceil(texts * passes) / size)
        found[size / texts] = max(steps, found.get(size / texts, 0))
    return Trainings(count, tuple(Sampling(rate, steps) for rate, steps in sorted(found.items())))


def _possible(experiment: Experiment, name: str) -> tuple[Value, ...]:
    """Every value of a trial, the default of the registry among them where the file's values hold under a condition."""
    setting = experiment.parameters.get(name)
    conditional = setting is not None and not isinstance(setting, Fixed) and bool(setting.when)
    own = experiment.trial_values(name)
    return (*own, PARAMETERS[name].default) if conditional else own


def _counted(group: _Group, epsilon: float, privacy: Privacy) -> PrivateGroup:
    trainings = group.trainings
    multiplier = least_multiplier(epsilon, trainings, privacy.delta)
    if multiplier is None:
        raise UserError(
            f"no noise brings {trainings.count} trainings to epsilon {epsilon:g} at delta {privacy.delta:g}",
            "Ask for a larger epsilon or delta, or for fewer trials, replicates or epochs.",
        )
    return PrivateGroup(
        epsilon=epsilon,
        spent=spent([(multiplier, trainings)], privacy.delta),
        noise_multiplier=multiplier,
        trainings=trainings.count,
        strategies=group.strategies,
        steps=max(s.steps for s in trainings.samplings),
        rate=max(s.rate for s in trainings.samplings),
    )
