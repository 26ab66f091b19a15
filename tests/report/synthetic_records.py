"""Records of a run that never was: realistic sizes, accuracies, prunings and shared work, by seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpo.records.run import Records, Run
from hpo.records.search import ParameterInfo, Search
from hpo.records.setup import DeviceInfo, ModelInfo, SplitInfo
from hpo.records.trainings import Confirmation, Rung, Segment, Trial

SCHEDULES = ("constant", "linear", "cosine", "inverse_sqrt", "wsd")
RUNGS = (256, 512, 1024)
BATCH = 32


def experiment(names: tuple[str, ...], reference: str | None, sizes: dict[str, int]) -> dict[str, Any]:
    return {
        "name": "lr_schedules",
        "question": "Which learning-rate schedule should fine-tune this encoder on movie reviews?",
        "task": {
            "kind": "text-classification",
            "data": {"asset": "movie_reviews", "path": None, "hub": None},
            "train": 512,
            "validation": 400,
            "test": sizes["items"],
            "max_length": 128,
        },
        "model": "minilm",
        "compare": {"parameter": "schedule", "values": list(names), "reference": reference}
        if len(names) > 1
        else None,
        "parameters": {
            "learning_rate": {"kind": "range", "low": 5e-5, "high": 1e-3, "log": True, "default": 2e-4},
            "warmup_ratio": {"kind": "range", "low": 0.0, "high": 0.3, "step": 0.1, "default": 0.1},
            "frozen_layers": {"kind": "choices", "choices": [3, 4, 5], "default": 4},
            "head_hidden_sizes": {"kind": "choices", "choices": [[], [64]], "default": []},
            "schedule_decay_ratio": {
                "kind": "range",
                "low": 0.1,
                "high": 0.5,
                "default": 0.2,
                "when": {"schedule": ["wsd"]},
            },
            "epochs": {"kind": "fixed", "value": 2.0},
            "batch_size": {"kind": "fixed", "value": BATCH},
        },
        "budget": {
            "replicates": sizes["replicates"],
            "trials": sizes["trials"],
            "rungs": list(RUNGS[:-1]),
            "sampler": "tpe",
            "pruner": "successive_halving",
        },
        "confirmation": {"seeds": sizes["seeds"]},
        "baseline": {"learning_rate": 2e-5},
        "seed": 0,
    }


def space(names: tuple[str, ...]) -> tuple[ParameterInfo, ...]:
    compared = [ParameterInfo(name="schedule", kind="compared", values=names)] if len(names) > 1 else []
    return (
        *compared,
        ParameterInfo(name="learning_rate", kind="range", low=5e-5, high=1e-3, log=True, default=2e-4),
        ParameterInfo(name="warmup_ratio", kind="range", low=0.0, high=0.3, step=0.1, default=0.1),
        ParameterInfo(name="frozen_layers", kind="choices", values=(3, 4, 5), default=4),
        ParameterInfo(name="head_hidden_sizes", kind="choices", values=([], [64]), default=[]),
        ParameterInfo(
            name="schedule_decay_ratio",
            kind="range",
            low=0.1,
            high=0.5,
            default=0.2,
            when={"schedule": ("wsd",)},
        ),
        ParameterInfo(name="epochs", kind="fixed", values=(2.0,)),
        ParameterInfo(name="batch_size", kind="fixed", values=(BATCH,)),
    )


class Maker:
    """Draws trials and confirmations; ``skills``: true test accuracy of each strategy."""

    def __init__(self, skills: dict[str, float], sizes: dict[str, int], seed: int) -> None:
        self.skills, self.sizes = skills, sizes
        self.random = np.random.default_rng(seed)
        self.difficulty = self.random.normal(0, 1, sizes["items"])

    def configuration(self, strategy: str, draw: int) -> dict[str, Any]:
        drawn = {
            "learning_rate": 2e-4 if draw == 0 else float(10 ** self.random.uniform(np.log10(5e-5), -3)),
            "warmup_ratio": 0.1 if draw == 0 else float(self.random.choice([0.0, 0.1, 0.2, 0.3])),
            "frozen_layers": 4 if draw == 0 else int(self.random.choice([3, 4, 5])),
            "head_hidden_sizes": [] if draw == 0 else [[], [64]][self.random.integers(2)],
            "epochs": 2.0,
            "batch_size": BATCH,
            "schedule": strategy,
        }
        return drawn | ({"schedule_decay_ratio": 0.2} if strategy == "wsd" else {})

    def training(self, name: str, final: float, rungs: int) -> dict[str, Any]:
        share = np.array([0.75, 0.93, 1.0])[:rungs]
        reached = np.clip(0.5 + (final - 0.5) * share + self.random.normal(0, 0.01, rungs), 0.3, 0.99)
        return {
            "segments": tuple(
                Segment(
                    key=f"{name}/{i}", examples=e, steps=e // BATCH, seconds=round(4.1 * (1 + 0.02 * i), 3)
                )
                for i, e in enumerate(RUNGS[:rungs])
            ),
            "rungs": tuple(
                Rung(
                    examples=e,
                    steps=e // BATCH,
                    score=round(float(a), 4),
                    loss=round(float(1.2 - a), 4),
                    train_loss=round(float(1.1 - a), 4),
                    learning_rate=1e-4,
                    seconds=0.9,
                    evaluation=f"{name}/eval/{i}",
                )
                for i, (e, a) in enumerate(zip(RUNGS, reached, strict=False))
            ),
        }

    def study(self, strategy: str, replicate: int) -> list[Trial]:
        trials = [self.trial(strategy, replicate, draw) for draw in range(self.sizes["trials"])]
        if strategy == "constant" and replicate == 1 and len(trials) > 3:
            trials[3] = trials[3].model_copy(
                update={
                    "state": "failed",
                    "reason": "loss became NaN at step 9",
                    "score": None,
                    "best_rung": None,
                    "rungs": (),
                }
            )
        return trials

    def trial(self, strategy: str, replicate: int, draw: int) -> Trial:
        pruned = draw > 0 and self.random.random() < 0.4
        final = self.skills[strategy] + 0.01 + self.random.normal(0, 0.02) - 0.05 * pruned
        work = self.training(
            f"{strategy}/{replicate}/{draw}", final, 1 + int(self.random.integers(2)) if pruned else 3
        )
        scores = [rung.score for rung in work["rungs"]]
        return Trial(
            strategy=strategy,
            replicate=replicate,
            draw=draw,
            seed=1000 * replicate + draw,
            parameters=self.configuration(strategy, draw),
            state="pruned" if pruned else "complete",
            reason=f"below the better half at {RUNGS[len(scores) - 1]} examples"
            if pruned
            else "reached its last rung",
            score=None if pruned else max(scores),
            best_rung=None if pruned else scores.index(max(scores)),
            duplicate_of=None,
            **work,
        )

    def confirmation(
        self, role: str, strategy: str, replicate: int, index: int, selected: Trial | None
    ) -> Confirmation:
        skill = self.skills[strategy] + self.random.normal(0, 0.008)
        latent = self.difficulty + self.random.normal(0, 0.6, len(self.difficulty))
        correct = (latent < np.quantile(latent, skill)).astype(int)
        name = f"{role}/{strategy}/{replicate}/confirm/{index}"
        work = self.training(name, skill, 3)
        return Confirmation(
            role=role,
            strategy=strategy,
            replicate=replicate,
            index=index,
            seed=90_000 + 100 * replicate + index,
            draw=None if selected is None else selected.draw,
            parameters={"learning_rate": 2e-5} if selected is None else selected.parameters,
            selected_score=None if selected is None else selected.score,
            validation_score=work["rungs"][-1].score,
            validation_loss=work["rungs"][-1].loss,
            best_rung=2,
            test_score=float(correct.mean()),
            test_loss=0.55,
            test_predictions=tuple(int(c) for c in correct),
            test_correct=tuple(int(c) for c in correct),
            test_seconds=2.2,
            test_evaluation=f"{name}/test",
            **work,
        )


def make_records(
    skills: dict[str, float] | None = None,
    *,
    replicates: int = 5,
    trials: int = 4,
    seeds: int = 1,
    items: int = 1000,
    reference: str | None = None,
    baseline: str | None = "textbook",
    seed: int = 0,
) -> Records:
    """A finished run. The default: five strategies, one clearly worse, the others close, and a weak baseline."""
    skills = skills or dict(zip(SCHEDULES, (0.735, 0.775, 0.782, 0.768, 0.778), strict=True))
    names = tuple(skills)
    sizes = {"replicates": replicates, "trials": trials, "seeds": seeds, "items": items}
    maker = Maker(skills | ({baseline: 0.66} if baseline else {}), sizes, seed)
    all_trials, confirmations = [], []
    for name in names:
        for replicate in range(replicates):
            study = maker.study(name, replicate)
            chosen = max((t for t in study if t.state == "complete"), key=lambda t: t.score or 0)
            all_trials += study
            confirmations += [
                maker.confirmation("strategy", name, replicate, i, chosen) for i in range(seeds)
            ]
    for replicate in range(replicates if baseline else 0):
        confirmations += [maker.confirmation("baseline", baseline, replicate, i, None) for i in range(seeds)]
    asked = experiment(names, reference, sizes)
    head = Run(
        name="lr_schedules",
        question=asked["question"],
        task="movie_reviews",
        kind="text-classification",
        max_length=128,
        seed=0,
        experiment=asked,
        search=Search(
            sampler="tpe",
            pruner="successive_halving, reduction factor 2",
            independent=False,
            rungs=RUNGS[:-1],
            selection="the complete trial with the highest validation accuracy of its search",
            shared_draws=True,
        ),
        space=space(names),
        strategies=names,
        reference=reference,
        baseline=baseline,
        replicates=replicates,
        trials=trials,
        seeds=seeds,
        split=SplitInfo(
            source="movie_reviews (two sentiment classes)",
            licence="MIT",
            labels=("negative", "positive"),
            train=512,
            validation=400,
            test=items,
            duplicates_dropped=7,
            groups=None,
            sha256="3f" * 32,
        ),
        model=ModelInfo(
            source="all-MiniLM-L6-v2",
            licence="Apache-2.0",
            layers=6,
            hidden_size=384,
            parameters=22_713_216,
            sha256="a9" * 32,
        ),
        device=DeviceInfo(
            name="CPU", precision="float32", precision_reason="the CPU has no bfloat16 units", threads=2
        ),
        versions={"hpo": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "transformers": "5.23.0"},
    )
    return Records(run=head, trials=tuple(all_trials), confirmations=tuple(confirmations))
