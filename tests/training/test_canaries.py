"""Secrets put among the training texts are less exposed by a private training than by another of equal length.

A canary is a text of random words, and its secret is its class, drawn at random; each class comes equally often, so that
nothing is known of all canaries together, which privacy would not hide. Its exposure is how far up the true class stands
when all classes are ordered by the model's losses, in bits (Carlini et al. 2019, "The Secret Sharer", definition 4).
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.tiny import BAD, GOOD, NEUTRAL
from hpo.data.read import read_texts
from hpo.data.task_data import Part
from hpo.models.classifier import Classifier, build_classifier
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
from tests.training.planning import ORIGIN, plan

CLASSES = (*GOOD, *BAD)  # the word that an ordinary text of a class has, and no canary
CANARIES, ORDINARY, WORDS, LENGTH = 60, 320, 8, 16
BATCH, EPOCHS = 32, 30.0
EPSILON, DELTA = 8.0, 1e-4
# What a guess exposes: the mean over all ranks that the true class may have.
GUESSED = math.log2(len(CLASSES)) - sum(map(math.log2, range(1, len(CLASSES) + 1))) / len(CLASSES)
DEVIATION = float(np.std(np.log2(np.arange(1, len(CLASSES) + 1)))) / math.sqrt(
    CANARIES
)  # of a mean of guesses


@dataclass(frozen=True)
class Told:
    """What a training tells: of its canaries the mean exposure, in bits; of fresh ordinary texts the accuracy."""

    exposure: float
    accuracy: float


def canaries(rng: np.random.Generator) -> Part:
    texts = tuple(" ".join(rng.choice(NEUTRAL, WORDS)) for _ in range(CANARIES))
    return Part(texts, rng.permutation(CANARIES) % len(CLASSES))


def ordinary(rng: np.random.Generator, number: int) -> Part:
    labels = np.arange(number) % len(CLASSES)
    words = [[*[CLASSES[label]] * 3, *rng.choice(NEUTRAL, WORDS - 3)] for label in labels]
    return Part(tuple(" ".join(rng.permutation(w)) for w in words), labels)


def train(pretrained: Pretrained, part: Part, mechanism: Mechanism | None) -> Classifier:
    """A training on ``part``, private where there is a mechanism; all else is equal."""
    course = plan(
        TrainingTexts(part, pretrained.tokenizer, LENGTH, None, seed=1),
        rungs=(),
        origin={**ORIGIN, "classes": len(CLASSES)},
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
    model = build_classifier(pretrained, course.parameters, len(CLASSES), head_seed=1)
    backward = (
        Backward(model, precision)
        if course.private is None
        else PrivateBackward(model, precision, course.private)
    )
    optimizer = build_optimizer(model, course.parameters)
    for segment in range(len(course.cuts)):
        train_segment(backward, optimizer, course.steps_of(segment), 1, 1.0)
    return model


def losses(pretrained: Pretrained, model: Classifier, texts: tuple[str, ...]) -> NDArray[np.float64]:
    """(texts, classes), the loss of each text if it were of each class."""
    found = []
    for label in range(len(CLASSES)):
        labels = np.full(len(texts), label)
        read = read_texts(pretrained.tokenizer, texts, labels, LENGTH)
        found.append(predict(model, EvaluationSet(read, labels, 0), choose_precision("cpu")).losses)
    return np.stack(found, axis=1)


def told(pretrained: Pretrained, mechanism: Mechanism | None, seed: int) -> Told:
    rng = np.random.default_rng(seed)
    inside, plain, fresh = canaries(rng), ordinary(rng, ORDINARY), ordinary(rng, 200)
    labels = np.concatenate([inside.labels, plain.labels])
    model = train(pretrained, Part((*inside.texts, *plain.texts), labels), mechanism)
    of_canaries = losses(pretrained, model, inside.texts)
    true = np.take_along_axis(of_canaries, inside.labels[:, None], axis=1)
    ranks = 1 + (of_canaries < true).sum(axis=1)
    right = losses(pretrained, model, fresh.texts).argmin(axis=1) == fresh.labels
    return Told(float(np.mean(math.log2(len(CLASSES)) - np.log2(ranks))), float(right.mean()))


def test_a_private_training_learns_its_task_and_exposes_no_more_of_its_canaries_than_a_guess(
    pretrained: Pretrained,
) -> None:
    size = CANARIES + ORDINARY
    sampling = Sampling(BATCH / size, math.ceil(size * EPOCHS / BATCH))
    multiplier = least_multiplier(EPSILON, Trainings(1, (sampling,)), DELTA)
    assert multiplier is not None
    seed = secrets.randbits(32)  # no text, secret or noise is chosen: it holds of any
    mechanism = Mechanism(secret=secrets.token_hex(32), clip=1.0, multipliers=((EPSILON, multiplier),))
    plain, private = told(pretrained, None, seed), told(pretrained, mechanism, seed)
    told_of = f"seed {seed}: {plain}, {private}, a guess {GUESSED:.2f}"
    assert plain.exposure > GUESSED + 12 * DEVIATION, told_of
    assert private.exposure < GUESSED + 6 * DEVIATION, told_of
    assert min(plain.accuracy, private.accuracy) > 0.75, told_of
