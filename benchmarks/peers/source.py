"""What a peer trains next: the trial list replayed, or its own search of the space."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import optuna

from benchmarks.trainings import Training, horizon
from hpo.config.experiment import Choices, Experiment, Fixed
from hpo.config.parameters import complete
from hpo.seeds import derive
from hpo.training.schedules import learning_rates, schedule_of


class Source(Protocol):
    """Gives the training of each trial of Optuna."""

    @property
    def searches(self) -> bool:
        """Whether the peer prunes by its own pruner; else each training ends where the list says."""

    @property
    def seed(self) -> int:
        """Of the sampler."""

    def training(self, trial: optuna.Trial) -> Training:
        """The training of this trial of Optuna."""


@dataclass(frozen=True)
class Replay:
    """Trial i is training i of the list."""

    trainings: list[Training]
    searches: bool = False
    seed: int = 0

    def training(self, trial: optuna.Trial) -> Training:
        """The listed training; its rate stands in Optuna's record as if it had been drawn."""
        found = self.trainings[trial.number]
        rate = found.parameters["learning_rate"]
        trial.suggest_float("learning_rate", rate, rate)
        return found


@dataclass(frozen=True)
class Search:
    """Trial i is what Optuna's sampler draws from the space, each with a seed of its own."""

    experiment: Experiment
    texts: int
    seed: int
    searches: bool = True

    def training(self, trial: optuna.Trial) -> Training:
        """A training of the drawn configuration, evaluated at the space's rungs and at its end."""
        parameters: dict[str, Any] = complete(
            {n: _value(trial, n, s) for n, s in self.experiment.parameters.items()}
        )
        total = horizon(self.texts, parameters)
        rungs = [-(-rung // parameters["batch_size"]) for rung in self.experiment.budget.rungs]
        ends: tuple[int, ...] = (*(r for r in rungs if r < total), total)
        seed = derive(self.seed, "trial", trial.number)
        return Training("all.0", False, parameters, seed, total, total, ends)


def _value(trial: optuna.Trial, name: str, setting: Any) -> Any:
    if isinstance(setting, Fixed):
        return setting.value
    if isinstance(setting, Choices):
        raw = trial.suggest_categorical(name, [json.dumps(value) for value in setting.choices])
        value = json.loads(raw)
        return tuple(value) if isinstance(value, list) else value
    if setting.integer:
        return trial.suggest_int(name, int(setting.low), int(setting.high), log=setting.log)
    return trial.suggest_float(name, setting.low, setting.high, step=setting.step, log=setting.log)


def rates_of(training: Training) -> np.ndarray:
    """Learning rate of every step of the whole training, the same numbers on every side."""
    parameters = training.parameters
    return learning_rates(schedule_of(parameters), parameters["learning_rate"], training.horizon)
