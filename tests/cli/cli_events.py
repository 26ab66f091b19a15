"""Records and events made up for the tests of the command line."""

from __future__ import annotations

from hpo.config.experiment import Budget, Choices, Compare, DataSource, Experiment, Fixed, Task
from hpo.config.experiment import Confirmation as ConfirmationBudget
from hpo.records.events import Work
from hpo.records.run import Run
from hpo.records.search import Search
from hpo.records.setup import DeviceInfo, ModelInfo, SplitInfo
from hpo.records.trainings import Confirmation, Rung, Segment, Trial

EXAMPLES = 100
SECONDS = 10.0  # that the record of one full training charges


def experiment(*strategies: str, replicates: int = 2, trials: int = 2, baseline: bool = False) -> Experiment:
    return Experiment(
        name="tiny",
        question="Which schedule?",
        task=Task(data=DataSource(asset="movie"), train=EXAMPLES, validation=10, test=10),
        model="minilm",
        compare=Compare(parameter="schedule", values=strategies or ("linear", "cosine"), reference="linear"),
        parameters={
            "epochs": Fixed(value=1.0),
            "batch_size": Choices(choices=(10, 20), default=10),
        },
        budget=Budget(replicates=replicates, trials=trials, rungs=(50,)),
        confirmation=ConfirmationBudget(seeds=1),
        baseline={"learning_rate": 2e-5} if baseline else None,
    )


def work(strategy: str, replicate: int, index: int, *, confirmation: bool = False) -> Work:
    return Work(strategy, replicate, index, confirmation, 7, {}, EXAMPLES)


def rung(examples: int, accuracy: float) -> Rung:
    return Rung(
        examples=examples,
        steps=examples // 10,
        score=accuracy,
        loss=0.5,
        train_loss=0.6,
        learning_rate=1e-4,
        seconds=0.0,
        evaluation=f"e{examples}",
    )


def segment(examples: int) -> Segment:
    return Segment(key=f"k{examples}", examples=examples, steps=examples // 10, seconds=SECONDS)


def trial(strategy: str, replicate: int, draw: int, accuracy: float | None = 0.7, state: str = "") -> Trial:
    state = state or ("complete" if accuracy is not None else "pruned")
    seen = EXAMPLES if state == "complete" else 50
    return Trial(
        strategy=strategy,
        replicate=replicate,
        draw=draw,
        seed=7,
        parameters={},
        state=state,  # type: ignore[arg-type]
        reason="trained to the end" if state == "complete" else "below the better half",
        score=accuracy,
        best_rung=None if accuracy is None else 0,
        duplicate_of=None,
        segments=(segment(seen),),
        rungs=(rung(seen, accuracy or 0.5),),
    )


def confirmation(strategy: str, replicate: int, test: float, role: str = "strategy") -> Confirmation:
    return Confirmation(
        role=role,  # type: ignore[arg-type]
        strategy=strategy,
        replicate=replicate,
        index=0,
        seed=9,
        draw=0,
        parameters={},
        selected_score=0.7,
        validation_score=0.7,
        validation_loss=0.5,
        best_rung=0,
        test_score=test,
        test_loss=0.5,
        test_predictions=(),
        test_correct=(),
        test_seconds=0.0,
        test_evaluation="t",
        segments=(segment(EXAMPLES),),
        rungs=(rung(EXAMPLES, 0.7),),
    )


SPLIT = SplitInfo(
    source="movie reviews",
    licence="MIT",
    labels=("negative", "positive"),
    train=100,
    validation=10,
    test=10,
    duplicates_dropped=3,
    groups=None,
    sha256="0" * 64,
)
MODEL = ModelInfo(
    source="minilm", licence="Apache-2.0", layers=6, hidden_size=384, parameters=22_700_000, sha256="0" * 64
)
DEVICE = DeviceInfo(name="cpu", precision="float32", precision_reason="the CPU has no bf16", threads=2)


def run_record(asked: Experiment) -> Run:
    return Run(
        name=asked.name,
        question=asked.question,
        task="reviews",
        experiment=asked.model_dump(mode="json"),
        search=Search(sampler=asked.budget.sampler),
        space=(),
        strategies=asked.strategies(),
        reference=asked.reference(),
        baseline="baseline" if asked.baseline is not None else None,
        replicates=asked.budget.replicates,
        trials=asked.budget.trials,
        seeds=asked.confirmation.seeds,
        split=SPLIT,
        model=MODEL,
        device=DEVICE,
        versions={},
    )
