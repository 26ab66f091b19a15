"""A made-up run and its events, for the tests of the mirror."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.records.events import Work
from hpo.records.files import write_confirmation, write_trial
from hpo.records.run import Run
from hpo.records.search import ParameterInfo, Search
from hpo.records.setup import DeviceInfo, ModelInfo, SplitInfo
from hpo.records.trainings import Confirmation, Rung, Segment, Trial
from hpo.tracking.describe import Found
from hpo.tracking.mirror import Mirror
from hpo.tracking.patience import Patience
from hpo.tracking.store import Store
from hpo.tracking.tracker import Tracker
from hpo.tracking.uri import default_uri

TABLE = "| Strategy | Test accuracy |\n| --- | --- |\n| linear | 71.0 % |\n"
STEPS = (200, 400, 800)  # examples seen at the rungs


def make_run(
    name: str = "schedules",
    strategies: tuple[str, ...] = ("linear", "cosine"),
    baseline: str | None = "baseline",
    replicates: int = 2,
    trials: int = 2,
) -> Run:
    return Run(
        name=name,
        question="Which schedule should fine-tune <this> encoder?",
        task="reviews",
        search=Search(sampler="random"),
        space=(
            ParameterInfo(name="schedule", kind="compared", values=strategies),
            ParameterInfo(name="learning_rate", kind="range", low=1e-5, high=1e-3),
            ParameterInfo(name="warmup_ratio", kind="range", low=0.0, high=0.5),
            ParameterInfo(name="dropout", kind="fixed", values=(0.1,)),
        ),
        strategies=strategies,
        reference=None,
        baseline=baseline,
        replicates=replicates,
        trials=trials,
        seeds=1,
        split=SplitInfo(
            source="reviews",
            licence="MIT",
            labels=("bad", "good"),
            train=400,
            validation=200,
            test=300,
            duplicates_dropped=0,
            groups=None,
            sha256="0" * 64,
        ),
        model=ModelInfo(
            source="tiny", licence="MIT", layers=2, hidden_size=8, parameters=1000, sha256="1" * 64
        ),
        device=DeviceInfo(name="CPU", precision="float32", precision_reason="no bf16", threads=1),
        versions={"hpo": "0.1.0"},
    )


@dataclass(frozen=True)
class Made:
    """Accuracies at the rungs of one training, and what became of it."""

    strategy: str
    replicate: int
    index: int
    accuracies: tuple[float, ...]
    state: str = "complete"

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "learning_rate": 1e-05 * (1 + self.index),
            "warmup_ratio": 0.1,
            "schedule": self.strategy,
            "frozen_layers": 4,
            "head_hidden_sizes": [64, 32],
        }

    @property
    def rungs(self) -> tuple[Rung, ...]:
        return tuple(
            Rung(
                examples=examples,
                steps=examples // 10,
                score=accuracy,
                loss=1 - accuracy,
                train_loss=0.9 - accuracy,
                learning_rate=1e-05,
                seconds=0.5,
                evaluation=f"e{self.strategy}{self.replicate}{self.index}{examples}",
            )
            for examples, accuracy in zip(STEPS, self.accuracies, strict=False)
        )

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(
            Segment(key=r.evaluation, examples=r.examples, steps=r.steps, seconds=2.0) for r in self.rungs
        )

    @property
    def best_rung(self) -> int:
        return self.accuracies.index(max(self.accuracies))

    def work(self, confirmation: bool = False) -> Work:
        return Work(
            self.strategy, self.replicate, self.index, confirmation, 7, self.parameters, examples=STEPS[-1]
        )

    def trial(self) -> Trial:
        complete = self.state == "complete"
        return Trial(
            strategy=self.strategy,
            replicate=self.replicate,
            draw=self.index,
            seed=7,
            parameters=self.parameters,
            state=self.state,
            reason={
                "complete": "ran to the end",
                "pruned": "below the best half",
                "failed": "loss is not finite",
            }[self.state],
            score=max(self.accuracies) if complete else None,
            best_rung=self.best_rung if complete else None,
            duplicate_of=None,
            segments=self.segments,
            rungs=self.rungs,
        )

    def confirmation(self, test_score: float, role: str = "strategy") -> Confirmation:
        return Confirmation(
            role=role,
            strategy=self.strategy,
            replicate=self.replicate,
            index=self.index,
            seed=7,
            draw=None if role == "baseline" else 1,
            parameters=self.parameters,
            selected_score=None if role == "baseline" else 0.8,
            validation_score=max(self.accuracies),
            validation_loss=1 - max(self.accuracies),
            best_rung=self.best_rung,
            test_score=test_score,
            test_loss=1 - test_score,
            test_predictions=(0, 1),
            test_correct=(1, 1),
            test_seconds=1.0,
            test_evaluation="t",
            segments=self.segments,
            rungs=self.rungs,
        )


class Told:
    """The mirror in this process as an observer; writes after each event, or (``lazy``) what is due at the end alone."""

    def __init__(
        self,
        uri: str,
        run: Run,
        run_id: str,
        lazy: bool = False,
        patience: Patience | None = None,
        at: int | None = None,
    ) -> None:
        self.store = Store(uri, patience)
        self.mirror = Mirror(self.store, run, run_id, now() if at is None else at)
        self._write = (lambda: None) if lazy else self.mirror.write_all

    def started(self, work: Work) -> None:
        self.mirror.started(now(), work)
        self._write()

    def rung(self, work: Work, rung: Rung) -> None:
        self.mirror.rung(now(), work, rung)
        self._write()

    def trial(self, trial: Trial) -> None:
        self.mirror.trial(now(), trial)
        self._write()

    def confirmation(self, confirmation: Confirmation) -> None:
        self.mirror.confirmation(now(), confirmation)
        self._write()

    def note(self, text: str) -> None:
        self.mirror.note(text)
        self._write()

    def finish(self, *told: Any) -> None:
        *files, verdict, main_table = told
        self.mirror.finish(now(), *files, Found(verdict, main_table))

    def interrupt(self) -> None:
        self.mirror.interrupt()


class Recorded(Tracker):
    """The tracker of a run whose records are written before it is told of them, as the coordinator does."""

    def open(self, run: Run, run_id: str, folder: Path) -> None:
        self._folder = folder
        super().open(run, run_id, folder)

    def trial(self, trial: Trial) -> None:
        write_trial(self._folder, trial)
        super().trial(trial)

    def confirmation(self, confirmation: Confirmation) -> None:
        write_confirmation(self._folder, confirmation)
        super().confirmation(confirmation)


def now() -> int:
    return int(time.time() * 1000)


def tell(tracker: Any, made: Made) -> None:
    """All events of one trial, as the coordinator tells them."""
    tracker.started(made.work())
    for rung in made.rungs:
        tracker.rung(made.work(), rung)
    tracker.trial(made.trial())


def tell_confirmation(tracker: Any, made: Made, test_score: float, role: str = "strategy") -> None:
    tracker.started(made.work(confirmation=True))
    for rung in made.rungs:
        tracker.rung(made.work(confirmation=True), rung)
    tracker.confirmation(made.confirmation(test_score, role))


TRIALS = [
    Made("linear", 0, 0, (0.6, 0.8, 0.7)),
    Made("cosine", 0, 0, (0.5, 0.6, 0.65)),
    Made("linear", 1, 0, (0.55, 0.6, 0.6)),
    Made("cosine", 1, 0, (0.5,), "failed"),
    Made("linear", 0, 1, (0.85, 0.9), "pruned"),
    Made("cosine", 0, 1, (0.6, 0.7, 0.75)),
    Made("linear", 1, 1, (0.6, 0.7, 0.7)),
    Made("cosine", 1, 1, (0.6, 0.7, 0.7)),
]
CONFIRMATIONS = [(Made(s, r, 0, (0.6, 0.7)), 0.7 + 0.1 * r) for s in ("linear", "cosine") for r in (0, 1)]


def tell_all(tracker: Any) -> None:
    for made in TRIALS:
        tell(tracker, made)
    for made, score in CONFIRMATIONS:
        tell_confirmation(tracker, made, score)
    for replicate in (0, 1):
        tell_confirmation(tracker, Made("baseline", replicate, 0, (0.6, 0.6)), 0.5, "baseline")


def client(results: Path) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(default_uri(results))


def read(results: Path, name: str, run_id: str = "run1") -> dict[str, Any]:
    """All runs of ``run_id`` by hpo.key; fails where a key is there twice."""
    c = client(results)
    experiment = c.get_experiment_by_name(name)
    found = list(c.search_runs([experiment.experiment_id], f"tags.`hpo.run` = '{run_id}'", max_results=1000))
    keys = Counter(run.data.tags["hpo.key"] for run in found)
    assert max(keys.values()) == 1, keys
    return {run.data.tags["hpo.key"]: run for run in found}


def history(results: Path, run: Any, metric: str) -> list[tuple[int, float]]:
    return sorted((m.step, m.value) for m in client(results).get_metric_history(run.info.run_id, metric))


def files(folder: Path) -> tuple[Path, Path, list[Path], Path]:
    folder.mkdir(exist_ok=True)
    for file in ("space.yaml", "report.html", "main.tex", "verdict.json"):
        (folder / file).write_text(f"content of {file}")
    return folder / "space.yaml", folder / "report.html", [folder / "main.tex"], folder / "verdict.json"


def snapshot(results: Path, name: str) -> dict[str, Any]:
    """Everything MLflow holds of the run, histories included, but for times and ids."""
    runs = read(results, name)
    ignored = {"mlflow.parentRunId", "mlflow.user", "mlflow.source.name"}
    return {
        key: (
            run.info.status,
            run.info.run_name,
            run.data.params,
            {k: v for k, v in run.data.tags.items() if k not in ignored},
            {metric: history(results, run, metric) for metric in run.data.metrics},
        )
        for key, run in runs.items()
    }
