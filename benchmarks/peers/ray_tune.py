"""R: Ray Tune with the Trainer set well, one core a trial as the Trainer asks of Ray by default; replays only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ray import tune
from torch import nn

from benchmarks.data import Assets
from benchmarks.peers.report import Done, Report
from benchmarks.peers.source import Replay, Source, rates_of
from benchmarks.peers.trainer import Side, Watch, arguments_of


@dataclass
class Logged(Watch):
    """Writes what it saw to a file: Ray's trials run in other processes."""

    log: Path = Path()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        super().on_train_end(args, state, control)
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self.report.done[-1])) + "\n")


def run(assets: Assets, source: Source, _trials: int, folder: Path, started: float) -> Report:
    """Make the listed trainings by one call of ``tune.run``; each confirmation is scored by its own Trainer after it."""
    assert isinstance(source, Replay)
    trainings = [t for t in source.trainings if not t.confirmation]
    side = Side(assets, folder, started, well_set=True)
    log = folder.resolve() / "done.jsonl"
    watch, side.watch = side.watch, Logged(side.watch.variants, side.report, started, log=log)
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
    trainer.hyperparameter_search(
        hp_space=space,
        compute_objective=lambda metrics: metrics["eval_accuracy"],
        n_trials=1,
        direction="maximize",
        backend="ray",
        storage_path=str((folder / "ray").resolve()),
        verbose=0,
    )
    made = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    side.report.done += [Done(**{**one, "evaluations": tuple(one["evaluations"])}) for one in made]
    side.watch = watch
    for training in source.trainings:
        if training.confirmation:
            side.confirm(training)
    return side.report


def _listed(values: list[Any]) -> Any:
    return tune.sample_from(lambda spec: values[spec.config.number])  # type: ignore[attr-defined, unused-ignore]
