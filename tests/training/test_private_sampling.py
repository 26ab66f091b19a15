"""The draws of private trainings: their distribution, and that they hang on the secret and the training alone."""

from __future__ import annotations

import json
import secrets
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hpo.data.task_data import TaskData
from hpo.models.pretrained import Pretrained
from hpo.training.course import Course
from hpo.training.examples import TrainingTexts
from hpo.training.privacy import Mechanism, Private
from tests.training.planning import plan

CHANCE = 1e-7  # of a red test without a fault


@pytest.fixture(scope="module")
def texts(pretrained: Pretrained, task: TaskData) -> TrainingTexts:
    return TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=11)


def mechanism() -> Mechanism:
    """With a fresh secret: what is tested holds for any."""
    return Mechanism(secret=secrets.token_hex(32), clip=0.5, multipliers=((8.0, 3.0),))


def private(given: Mechanism | None = None, texts: int = 400, seed: int = 1, **more: Any) -> Private:
    parameters = {"privacy_epsilon": 8.0, "batch_size": 40, **more}
    found = (given or mechanism()).of(parameters, {"seed": seed}, texts)
    assert found is not None
    return found


def steps(course: Course) -> list[Any]:
    return [step for segment in range(len(course.cuts)) for step in course.steps_of(segment)]


def test_each_text_is_drawn_by_each_step_with_the_rate_whatever_else_is_drawn() -> None:
    own = private()
    drawn = np.zeros((2000, 400), bool)
    for step in range(len(drawn)):
        drawn[step, own.sample(step)] = True
    sizes = drawn.sum(axis=1)
    # The number drawn by a step, and the number of steps that draw a text, are binomial.
    for counts, number in ((sizes, 400), (drawn.sum(axis=0), 2000)):
        assert stats.binomtest(int(counts.sum()), len(counts) * number, 0.1).pvalue > CHANCE
        expected = number * 0.1 * 0.9
        spread = (len(counts) - 1) * counts.var(ddof=1) / expected
        assert CHANCE < stats.chi2.cdf(spread, len(counts) - 1) < 1 - CHANCE


def test_noise_is_gaussian_with_the_multiplier_times_the_clipping_norm() -> None:
    own = private()
    drawn = np.concatenate([own.noise(step, 5000) for step in range(20)])
    assert drawn.dtype == np.float32
    assert stats.kstest(drawn, stats.norm(scale=1.5).cdf).pvalue > CHANCE
    assert abs(np.corrcoef(own.noise(0, 50_000), own.noise(1, 50_000))[0, 1]) < 6 / np.sqrt(50_000)


def test_draws_are_a_function_of_secret_training_and_step() -> None:
    one = mechanism()
    first, again = private(one), private(one)
    np.testing.assert_array_equal(first.noise(3, 10), again.noise(3, 10))
    np.testing.assert_array_equal(first.sample(3), again.sample(3))
    assert first.dropout_seed(3, 1) == again.dropout_seed(3, 1)
    others = [
        private(one.model_copy(update=change)) for change in ({"clip": 0.6}, {"multipliers": ((8.0, 2.0),)})
    ]
    for other in (private(one, seed=2), private(one, learning_rate=1e-3), private(mechanism()), *others):
        assert not np.allclose(first.noise(3, 10), other.noise(3, 10))
        assert first.dropout_seed(3, 1) != other.dropout_seed(3, 1)
        assert set(first.sample(3)) != set(other.sample(3))
    seeds = {first.dropout_seed(step, part) for step in range(5) for part in range(4)}
    assert len(seeds) == 20


def test_a_training_reads_what_was_sampled_and_records_what_was_expected(texts: TrainingTexts) -> None:
    course = plan(texts, privacy_epsilon=8.0, epochs=2.5, batch_size=6, rungs=(30, 60))
    assert course.private is not None
    found = steps(course)
    assert len(found) == course.steps == 27  # of 160 examples
    assert [len(step.labels) for step in found] == [len(course.private.sample(s)) for s in range(27)]
    ids = course.epochs[0].ids
    for step in found:
        wanted = sorted(ids[item].tolist() for item in course.private.sample(step.index))
        rows = zip(step.texts, step.mask, strict=True)
        assert sorted(row[mask > 0].tolist() for row, mask in rows) == wanted
    assert course.seen[-1] == 27 * 6
    assert course.rungs[:-1] == (30, 60)
    assert [course.cuts[mark].step for mark in course.marks] == [5, 10, 27]


def test_a_step_that_draws_no_text_reads_none(texts: TrainingTexts) -> None:
    course = plan(texts, privacy_epsilon=8.0, epochs=1.0, batch_size=1)
    empty = [step for step in steps(course) if not len(step.labels)]
    assert empty, "a step draws none with probability 0.36"
    assert all(step.texts.shape[0] == step.mask.shape[0] == 0 for step in empty)


def test_neither_the_secret_nor_the_key_is_shown() -> None:
    one = mechanism()
    own = private(one)
    assert one.secret not in repr(one) + str(one) + repr(own)
    assert repr(own.key) not in repr(own)
    assert one.secret not in json.dumps([own.origin, one.fingerprint])
    with pytest.raises(ValueError, match="clip") as caught:
        Mechanism.model_validate({"secret": one.secret, "clip": one.secret, "multipliers": ()})
    assert one.secret not in str(caught.value)


def test_a_digest_of_texts_is_disguised_by_the_secret_alone() -> None:
    one, other = mechanism(), mechanism()
    assert one.disguised("ab") == one.disguised("ab") != one.disguised("cd")
    assert one.disguised("ab") != other.disguised("ab")
