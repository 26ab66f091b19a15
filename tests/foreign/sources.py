"""Sources made by the tools themselves, for the tests of imports."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import optuna

from hpo.foreign.asked import Asked, Roles
from hpo.foreign.building import Imported
from hpo.foreign.importing import import_runs
from hpo.records.run import Records
from hpo.records.trainings import Confirmation, Trial

SEARCH_HEADER = (
    "strategy",
    "replicate",
    "seed",
    "params.lr",
    "params.head",
    "state",
    "seconds",
    "val_accuracy",
    "test_accuracy",
)


def imported(source: Path | str, *more: Path | str, **asked: Any) -> Imported:
    roles = {role.name: asked.pop(role.name) for role in fields(Roles) if role.name in asked}
    return import_runs([str(source), *map(str, more)], Asked(roles=Roles(**roles), **asked))


def records(source: Path | str, *more: Path | str, **asked: Any) -> Records:
    """The records of a source of one task."""
    found = imported(source, *more, **asked).records
    assert list(found) == [""]
    return found[""]


def of(items: Iterable[Trial | Confirmation], strategy: str, replicate: int = 0) -> list[Any]:
    """Trials or confirmations of one study."""
    return [item for item in items if (item.strategy, item.replicate) == (strategy, replicate)]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def search_csv(path: Path) -> Path:
    """Two strategies, two searches each, three trials a search."""
    rows = [
        ("linear", 7, 1, 1e-3, "[8]", "complete", 10, 0.70, 0.65),
        ("linear", 7, 1, 1e-2, "[8]", "Finished", 11, 0.80, 0.66),
        ("linear", 7, 1, 1e-1, "[]", "diverged", 3, "", ""),
        ("linear", 11, 2, 1e-3, "[8]", "complete", 10, 0.75, 0.71),
        ("linear", 11, 2, 1e-2, "[8]", "complete", 11, 0.75, 0.60),
        ("linear", 11, 2, 1e-1, "[]", "pruned", 3, 0.9, ""),
        ("cosine", 7, 1, 1e-3, "[8]", "complete", 10, 0.72, 0.69),
        ("cosine", 7, 1, 1e-2, "[8]", "complete", 11, "nan", 0.7),
        ("cosine", 7, 1, 1e-1, "[]", "running", 3, "", ""),
        ("cosine", 11, 2, 1e-3, "[8]", "complete", 10, 0.71, 0.70),
        ("cosine", 11, 2, 1e-2, "[8]", "complete", 11, 0.78, 0.72),
        ("cosine", 11, 2, 1e-1, "[]", "pruned", 3, 0.2, ""),
    ]
    return write_csv(path, SEARCH_HEADER, rows)


def optimize(storage: Any, name: str, trials: int = 6, bonus: float = 0.0, **create: Any) -> optuna.Study:
    """A study of Optuna: trial 1 is pruned at its second step, trial 2 raises, trial 3 comes to NaN."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            sampler=optuna.samplers.RandomSampler(seed=len(name)),
            **{"direction": "maximize", **create},
        )

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True)
        layers = trial.suggest_int("layers", 1, 8 if trial.number < 4 else 16)
        trial.suggest_categorical("head", [None, "wide", "deep"])
        trial.suggest_categorical("optimizer", ["adam", "sgd"])
        trial.set_user_attr("seed", 100 + trial.number)
        for step in range(3):
            trial.report(0.5 + 0.05 * step, step)
            if trial.number == 1 and step == 1:
                raise optuna.TrialPruned
        if trial.number == 2:
            raise RuntimeError("out of memory")
        if trial.number == 3:
            return float("nan")
        score = 0.6 + bonus + layers / 100 - rate
        trial.set_user_attr("test_value", score - 0.01)
        return score

    study.optimize(objective, n_trials=trials, catch=(RuntimeError,))
    return study
