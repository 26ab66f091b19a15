"""Secrets put among the training texts are less exposed by a private training than by another of equal length.

A canary is a text of random words with a random class (Carlini et al. 2019, "The Secret Sharer"): only who was trained on it
can know its class. How much a training tells of its canaries is how well their losses tell them from canaries that it never
saw (Yeom et al. 2018, "Privacy risk in machine learning", section 3).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.tiny import BAD, GOOD, NEUTRAL
from hpo.data.read import read_texts
from hpo.data.task_data import Part
from hpo.models.classifier import build_classifier
from hpo.models.pretrained import Pretrained
from hpo.training.accounting import Sampling, Trainings, least_multiplier
from hpo.training.backward import Backward
from hpo.training.evaluation import EvaluationSet, predict
from hpo.training.examples import TrainingTexts
from hpo.training.loop import train_segment
from hpo.training.optimizers import build_optimizer
from hpo.training.precision import choose_precision
from hpo.training.privacy import Mechanism
from hpo.training.private_steps import PrivateBackward
from tests.training.planning import plan

CANARIES, ORDINARY, WORDS = 96, 32, 8
BATCH, EPOCHS = 16, 30.0
EPSILON, DELTA = 1.0, 1e-3


def canaries(seed: int) -> Part:
    rng = np.random.default_rng(seed)
    texts = tuple(" ".join(rng.choice([*GOOD, *BAD, *NEUTRAL], WORDS)) for _ in range(CANARIES))
    return Part(texts, rng.integers(0, 2, CANARIES))


def ordinary() -> Part:
    rng = np.random.default_rng(0)
    labels = np.arange(ORDINARY) % 2
    words = [[*rng.choice((BAD, GOOD)[label], 2), *rng.choice(NEUTRAL, 4)] for label in labels]
    return Part(tuple(" ".join(rng.permutation(w)) for w in words), labels)


def losses(
    pretrained: Pretrained, mechanism: Mechanism | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the canaries that a training read, and of others, after a training that is private where there is a mechanism."""
    inside, plain = canaries(1), ordinary()
    part = Part((*inside.texts, *plain.texts), np.concatenate([inside.labels, plain.labels]))
    texts = TrainingTexts(part, pretrained.tokenizer, 16, None, seed=1)
    course = plan(
        texts,
        rungs=(),
        mechanism=mechanism,
        privacy_epsilon=0.0 if mechanism is None else EPSILON,
        fine_tuning="full",
        embeddings="frozen",
        dropout=0.0,
        pooling="mean",
        batch_size=BATCH,
        epochs=EPOCHS,
        learning_rate=3e-3,
        schedule="constant",
    )
    precision = choose_precision("cpu")
    model = build_classifier(pretrained, course.parameters, 2, head_seed=1)
    backward = (
        Backward(model, precision)
        if course.private is None
        else PrivateBackward(model, precision, course.private)
    )
    optimizer = build_optimizer(model, course.parameters)
    for segment in range(len(course.cuts)):
        train_segment(backward, optimizer, course.steps_of(segment), 1, 1.0)
    found = []
    for group in (inside, canaries(2)):
        read = read_texts(pretrained.tokenizer, group.texts, group.labels, 16)
        found.append(predict(model, EvaluationSet(read, group.labels, 0), precision).losses)
    return found[0], found[1]


def advantage(members: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """The best over thresholds of: share of members below it, less that of others."""
    return float(stats.ks_2samp(members, others, alternative="greater").statistic)


@pytest.fixture(scope="module")
def multiplier() -> float:
    texts = CANARIES + ORDINARY
    sampling = Sampling(BATCH / texts, math.ceil(texts * EPOCHS / BATCH))
    found = least_multiplier(EPSILON, Trainings(1, (sampling,)), DELTA)
    assert found is not None
    return found


def test_a_private_training_exposes_its_canaries_less(pretrained: Pretrained, multiplier: float) -> None:
    open_members, open_others = losses(pretrained, None)
    mechanism = Mechanism(secret="9d" * 32, clip=1.0, multipliers=((EPSILON, multiplier),))
    members, others = losses(pretrained, mechanism)
    exposed, protected = advantage(open_members, open_others), advantage(members, others)
    assert stats.mannwhitneyu(open_members, open_others, alternative="less").pvalue < 1e-9, (
        "it learned them by heart"
    )
    assert exposed > 0.5
    assert protected < exposed / 2
    # What (epsilon, delta) allows at most (Humphries et al. 2023, theorem 1), and four deviations of its measurement.
    bound = (math.exp(EPSILON) - 1 + 2 * DELTA) / (math.exp(EPSILON) + 1)
    assert protected < bound + 4 * math.sqrt(0.5 / CANARIES)
    assert float(np.mean(others) - np.mean(members)) < float(np.mean(open_others) - np.mean(open_members)) / 4
