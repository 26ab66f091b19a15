from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpo.config.parameters import complete
from hpo.data.task_data import Part, TaskData
from hpo.models.pretrained import Pretrained
from hpo.training.course import Course
from hpo.training.cuts import count_steps
from hpo.training.examples import TrainingTexts
from tests.data.augmenting import sources
from tests.training.planning import plan

SOURCES = sources({"good": ("fine",), "film": ("movie",), "bad": ("poor",)})


@pytest.fixture(scope="module")
def texts(pretrained: Pretrained, task: TaskData) -> TrainingTexts:
    return TrainingTexts(task.train, pretrained.tokenizer, 32, SOURCES, seed=11)


def evaluated(course: Course) -> list[tuple[int, int, int]]:
    """(rung, examples seen, steps) of each evaluation."""
    marks = zip(course.rungs, course.marks, strict=True)
    return [(rung, course.seen[mark], course.cuts[mark].step) for rung, mark in marks]


def test_a_rung_is_reached_at_the_first_step_that_has_seen_its_examples(texts: TrainingTexts) -> None:
    assert evaluated(plan(texts, rungs=(30, 64))) == [(30, 32, 4), (64, 64, 8), (128, 128, 16)]


def test_rungs_at_or_past_the_end_fall_away(texts: TrainingTexts) -> None:
    assert evaluated(plan(texts, rungs=(64, 128, 500))) == [(64, 64, 8), (128, 128, 16)]


def test_rungs_within_one_step_are_one_evaluation_named_by_the_last(texts: TrainingTexts) -> None:
    assert evaluated(plan(texts, rungs=(25, 30, 32))) == [(32, 32, 4), (128, 128, 16)]


def test_a_part_of_an_epoch_ends_the_training(texts: TrainingTexts) -> None:
    assert evaluated(plan(texts, rungs=(), epochs=1.5)) == [(96, 96, 12)]


def test_an_evaluation_asks_for_the_segments_since_the_one_before(texts: TrainingTexts) -> None:
    course = plan(
        texts, rungs=(32, 96), schedule="constant"
    )  # its open path is cut after the first epoch too
    assert [cut.step for cut in course.cuts] == [4, 8, 12, 16]
    assert [list(course.segments_of(rung)) for rung in (-1, 0, 1, 2)] == [[], [0], [1, 2], [3]]


def test_the_steps_of_all_segments_are_the_training_whatever_the_cuts(texts: TrainingTexts) -> None:
    whole, cut = plan(texts, rungs=()), plan(texts, rungs=(8, 40, 100))
    assert len(cut.cuts) > len(whole.cuts)
    steps = [
        [step for segment in range(len(course.cuts)) for step in course.steps_of(segment)]
        for course in (whole, cut)
    ]
    for a, b in zip(*steps, strict=True):
        assert (a.index, a.rate) == (b.index, b.rate)
        assert np.array_equal(a.texts, b.texts)
        assert np.array_equal(a.labels, b.labels)


def test_every_epoch_reads_every_text_once(texts: TrainingTexts) -> None:
    course = plan(texts, rungs=())
    steps = [step for segment in range(len(course.cuts)) for step in course.steps_of(segment)]
    rows = [row[m > 0].tobytes() for s in steps for row, m in zip(s.texts, s.mask, strict=True)]
    assert sorted(rows[:64]) == sorted(rows[64:])
    assert len(set(rows[:64])) == 64


def test_hidden_states_stand_in_place_of_token_ids_with_the_same_mask(texts: TrainingTexts) -> None:
    course = plan(texts, rungs=(), start=1)
    read = list(course.steps_of(0, lambda _, batch: np.ones((len(batch.items), batch.width, 4))))
    plain = list(course.steps_of(0))
    assert {step.texts.shape[2] for step in read} == {4}
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(read, plain, strict=True))
    first = list(course.steps_of(0, lambda _, batch: np.ones((len(batch.items), 1, 4))))
    assert {step.mask.shape[1] for step in first} == {1}


@pytest.mark.parametrize(
    ("items", "batch_size"), list(itertools.product((1, 2, 3, 7, 12), (1, 2, 3, 5, 12, 13)))
)
def test_steps_are_counted_as_the_course_has_them(
    pretrained: Pretrained, task: TaskData, items: int, batch_size: int
) -> None:
    part = Part(task.train.texts[:items], task.train.labels[:items])
    small = TrainingTexts(part, pretrained.tokenizer, 32, None, seed=1)
    for epochs in (0.01, 0.3, 0.5, 1.0, 1.1, 1.5, 2.0, 2.9, 3.0, 0.1 * 3):
        course = plan(small, rungs=(), batch_size=batch_size, epochs=epochs)
        assert course.steps == count_steps(items, batch_size, epochs), epochs


def test_augmentation_reads_variants_and_the_original(texts: TrainingTexts) -> None:
    settings = complete(
        {"augmentation": "random_swap", "augmentation_strength": 0.5, "augmentation_variants": 1}
    )
    plain = texts.epoch(complete({}), 0, 1).ids
    epochs = [texts.epoch(settings, epoch, 1) for epoch in range(3)]
    changed = [sum(not np.array_equal(a, b) for a, b in zip(plain, e.ids, strict=True)) for e in epochs]
    assert 10 < changed[0] < 54  # a coin for each of 64 texts: outside with p < 1e-8
    assert changed[0] + changed[1] <= 64
    assert epochs[2] is epochs[0]


def test_epochs_that_read_the_same_texts_are_listed_once(texts: TrainingTexts) -> None:
    augmented: dict[str, Any] = {"augmentation": "random_swap", "augmentation_variants": 2}
    course = plan(texts, rungs=(), epochs=5.0, schedule="constant", **augmented)
    assert len(course.epochs) == 3
    last = len(course.rungs) - 1
    assert course.texts_until(last) == list(course.epochs)
    assert [course.texts_of(s) for s in range(5)] == [[course.epochs[i % 3]] for i in range(5)]
    assert len(plan(texts, rungs=(), epochs=5.0).epochs) == 1


def test_texts_are_those_read_up_to_an_evaluation(texts: TrainingTexts) -> None:
    course = plan(texts, rungs=(32, 64, 72), epochs=2.0, augmentation="random_swap")
    assert [len(course.texts_until(rung)) for rung in range(4)] == [1, 1, 2, 2]


def test_the_rate_before_an_end_is_that_of_its_last_step(texts: TrainingTexts) -> None:
    course = plan(texts, schedule="linear")
    last = list(course.steps_of(len(course.cuts) - 1))[-1]
    assert course.rate_before(course.steps) == last.rate == pytest.approx(1e-3 / 16)


def test_the_same_seed_plans_the_same_course(texts: TrainingTexts) -> None:
    settings: dict[str, Any] = {"augmentation": "random_deletion", "augmentation_strength": 0.3}
    assert plan(texts, **settings).keys == plan(texts, **settings).keys


def test_texts_are_equal_by_their_tokens(
    texts: TrainingTexts, task: TaskData, pretrained: Pretrained
) -> None:
    again = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=99)
    plain = complete({})
    assert texts.epoch(plain, 0, 1) == again.epoch(plain, 7, 2)
    part = replace(task.train, texts=task.train.texts[::-1])
    other = TrainingTexts(part, pretrained.tokenizer, 32, None, seed=11)
    assert texts.epoch(plain, 0, 1) != other.epoch(plain, 0, 1)
