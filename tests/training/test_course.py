from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpo.config.parameters import complete
from hpo.data.task_data import TaskData
from hpo.models.pretrained import Pretrained
from hpo.training.course import Course, plan_course
from hpo.training.examples import TrainingTexts

SYNONYMS = {"good": ("fine",), "film": ("movie",), "bad": ("poor",)}


@pytest.fixture(scope="module")
def texts(pretrained: Pretrained, task: TaskData) -> TrainingTexts:
    return TrainingTexts(task.train, pretrained.tokenizer, 32, SYNONYMS, seed=11)


def plan(texts: TrainingTexts, seed: int = 1, rungs: tuple[int, ...] = (32, 64), **given: Any) -> Course:
    settings = {"epochs": 2.0, "batch_size": 8, "learning_rate": 1e-3, **given}
    return plan_course(complete(settings), seed, rungs, texts, {"weights": "w"})


def test_a_rung_is_reached_at_the_first_step_that_has_seen_its_examples(texts: TrainingTexts) -> None:
    course = plan(texts, rungs=(30, 64))
    assert course.seen == (32, 64, 128)
    assert course.rungs == (30, 64, 128)
    assert course.ends == (4, 8, 16)


def test_rungs_at_or_past_the_end_fall_away(texts: TrainingTexts) -> None:
    assert plan(texts, rungs=(64, 128, 500)).seen == (64, 128)


def test_a_part_of_an_epoch_ends_the_training(texts: TrainingTexts) -> None:
    assert plan(texts, rungs=(), epochs=1.5).seen == (96,)


def test_every_epoch_reads_every_text_once(texts: TrainingTexts) -> None:
    course = plan(texts, rungs=())
    rows = [row[m > 0].tobytes() for s in course.steps(0) for row, m in zip(s.ids, s.mask, strict=True)]
    assert sorted(rows[:64]) == sorted(rows[64:])
    assert len(set(rows[:64])) == 64


def test_schedules_share_the_keys_of_their_common_warmup_and_nothing_after_it(texts: TrainingTexts) -> None:
    linear = plan(texts, schedule="linear", warmup_ratio=0.25)
    wsd = plan(texts, schedule="wsd", warmup_ratio=0.25)
    constant = plan(texts, schedule="constant", warmup_ratio=0.25)
    assert linear.keys[:2] == wsd.keys[:2] == constant.keys[:2]
    assert linear.keys[2] != wsd.keys[2]
    assert wsd.keys[2] == constant.keys[2]
    assert wsd.keys[3] != constant.keys[3]


def test_a_schedule_is_known_by_its_rates_and_not_by_its_name(texts: TrainingTexts) -> None:
    one_cycle = plan(texts, schedule="cosine_with_restarts", schedule_cycles=1)
    assert one_cycle.keys == plan(texts, schedule="cosine").keys


def test_a_longer_budget_extends_a_constant_rate(texts: TrainingTexts) -> None:
    short = plan(texts, schedule="constant", epochs=1.0, rungs=(32,))
    long = plan(texts, schedule="constant", epochs=2.0, rungs=(32, 64))
    assert long.keys[: len(short.keys)] == short.keys


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 2e-3},
        {"dropout": 0.2},
        {"frozen_layers": 1},
        {"head_hidden_sizes": (8,)},
        {"pooling": "mean"},
        {"optimizer": "adam"},
        {"weight_decay": 0.1},
        {"gradient_clip": 2.0},
        {"batch_size": 16},
        {"seed": 2},
        {"augmentation": "random_swap", "augmentation_strength": 0.5},
    ],
)
def test_whatever_changes_training_changes_the_key(texts: TrainingTexts, change: dict[str, Any]) -> None:
    assert plan(texts, **change).keys[1] != plan(texts).keys[1]


def test_augmentation_of_strength_zero_is_no_augmentation(texts: TrainingTexts) -> None:
    changed = plan(texts, augmentation="synonym_replacement", augmentation_strength=0.0)
    assert changed.keys == plan(texts).keys


def test_augmentation_reads_variants_and_the_original(texts: TrainingTexts) -> None:
    settings = complete(
        {"augmentation": "random_swap", "augmentation_strength": 0.5, "augmentation_variants": 1}
    )
    plain = texts.epoch_ids(complete({}), 0, 1)
    changed = sum(
        not np.array_equal(a, b) for a, b in zip(plain, texts.epoch_ids(settings, 0, 1), strict=True)
    )
    assert 10 < changed < 54  # a coin for each of 64 texts: outside with p < 1e-8


def test_the_same_seed_plans_the_same_course(texts: TrainingTexts) -> None:
    settings: dict[str, Any] = {"augmentation": "random_deletion", "augmentation_strength": 0.3}
    assert plan(texts, **settings).keys == plan(texts, **settings).keys
