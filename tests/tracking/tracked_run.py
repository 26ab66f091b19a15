"""A made-up run and its events, for the tests of the mirror."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpo.records.events import Work
from hpo.records.schema import Confirmation, DeviceInfo, ModelInfo, Run, Rung, Segment, SplitInfo, Trial

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
        experiment={
            "parameters": {
                "learning_rate": {"kind": "range"},
                "warmup_ratio": {"kind": "range"},
                "dropout": {"kind": "fixed"},
            }
        },
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
                accuracy=accuracy,
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
            accuracy=max(self.accuracies) if complete else None,
            best_rung=self.best_rung if complete else None,
            duplicate_of=None,
            segments=self.segments,
            rungs=self.rungs,
        )

    def confirmation(self, test_accuracy: float, role: str = "strategy") -> Confirmation:
        return Confirmation(
            role=role,
            strategy=self.strategy,
            replicate=self.replicate,
            index=self.index,
            seed=7,
            draw=None if role == "baseline" else 1,
            parameters=self.parameters,
            selected_accuracy=None if role == "baseline" else 0.8,
            validation_accuracy=max(self.accuracies),
            validation_loss=1 - max(self.accuracies),
            best_rung=self.best_rung,
            test_accuracy=test_accuracy,
            test_loss=1 - test_accuracy,
            test_predictions=(0, 1),
            test_correct=(1, 1),
            test_seconds=1.0,
            test_evaluation="t",
            segments=self.segments,
            rungs=self.rungs,
        )


def tell(tracker: Any, made: Made) -> None:
    """All events of one trial, as the coordinator tells them."""
    tracker.started(made.work())
    for rung in made.rungs:
        tracker.rung(made.work(), rung)
    tracker.trial(made.trial())


def tell_confirmation(tracker: Any, made: Made, test_accuracy: float, role: str = "strategy") -> None:
    tracker.started(made.work(confirmation=True))
    for rung in made.rungs:
        tracker.rung(made.work(confirmation=True), rung)
    tracker.confirmation(made.confirmation(test_accuracy, role))
