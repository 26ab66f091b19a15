"""An experiment on the tiny model for the tests of the search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpo.config.experiment import (
    Budget,
    Choices,
    Compare,
    Confirmation,
    DataSource,
    Experiment,
    Fixed,
    Range,
    Task,
)


def experiment(data: Path | str = "reviews.csv", model: Path | str = "tiny", **changes: Any) -> Experiment:
    budget: dict[str, Any] = {"replicates": 3, "trials": 4, "rungs": (32, 64), "startup_trials": 2}
    budget |= changes.pop("budget", {})
    settings: dict[str, Any] = {
        "name": "tiny",
        "question": "Which schedule?",
        "task": Task(data=DataSource(path=str(data)), train=64, validation=40, test=60, max_length=32),
        "model": str(model),
        "compare": Compare(
            parameter="schedule", values=("linear", "cosine_with_restarts"), reference="linear"
        ),
        "parameters": {
            "learning_rate": Range(low=1e-4, high=1e-2, log=True, default=3e-3),
            "warmup_ratio": Range(low=0.0, high=0.3, default=0.1),
            "head_hidden_sizes": Choices(choices=((), (8,)), default=()),
            "frozen_layers": Choices(choices=(0, 1, 2), default=1),
            "schedule_cycles": Range(
                low=1, high=3, integer=True, default=2, when={"schedule": ("cosine_with_restarts",)}
            ),
            "batch_size": Fixed(value=16),
            "epochs": Fixed(value=2.0),
        },
        "budget": Budget(**budget),
        "confirmation": Confirmation(seeds=1),
        "baseline": {"optimizer": "adam", "learning_rate": 2e-5, "schedule": "constant", "epochs": 2.0},
        "seed": 5,
    }
    return Experiment(**settings | changes)
