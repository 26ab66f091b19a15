"""R: Ray Tune with the Trainer set well, one core a trial as the Trainer asks of Ray by default; replays only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray import tune
from torch import nn

from benchmarks.data import Assets
from benchmarks.peers.report import Done, Report
from benchmarks.peers.source import Replay, Source, rates_of
from benchmarks.peers.trainer import Side, arguments_of


def run(assets: Assets, source: Source, _trials: int, folder: Path, started: float) -> Report:
    """Make the listed trainings by one call of ``tune.run``; each confirmation is scored by its own Trainer after it."""
    assert isinstance(source, Replay)
    trainings = [t for t in source.trainings if not t.confirmation]
    side = Side(assets, folder, started, well_set=True)
    fields = {name: [arguments_of(t)[name] for t in trainings] for name in arguments_of(trainings[0])}

    def model_init(trial: dict[str, Any] | None) -> nn.Module:
        if trial is None:
            return nn.Linear(1, 1)
        training = trainings[trial["number"]]
        side.watch.follow(training)
        trainer.rates = rates_of(training)
        return side.model(training)

    def space(_: Any) -> dict[str, Any]:
        drawn = {name: _listed(values) for name, values in fields.items()}
        return {"number": tune.grid_search(list(range(len(trainings)))), **drawn}

    trainer = side.trainer({}, model_init=model_init)
    best = trainer.hyperparameter_search(
        hp_space=space,
        compute_objective=lambda metrics: metrics["eval_accuracy"],
        n_trials=1,
        direction="maximize",
        backend="ray",
        storage_path=str((folder / "ray").resolve()),
        verbose=0,
    )
    for result in best.run_summary.trials:  # type: ignore[union-attr] # always one BestRun with a summary
        training = trainings[result.config["number"]]
        ended = result.last_result["time_total_s"]
        steps, scored = result.last_result["steps"], tuple(result.last_result["evaluations"])
        side.report.done.append(Done(training.study, steps, scored, result.last_result["objective"], ended))
    for training in source.trainings:
        if training.confirmation:
            side.confirm(training)
    return side.report


def _listed(values: list[Any]) -> Any:
    return tune.sample_from(lambda spec: values[spec.config.number])
