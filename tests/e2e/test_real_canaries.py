"""Canaries of the real encoder, trained by the engine: what a private training tells of them at equal epochs.

Film reviews with texts of random words among them, each with a random class (``tests/training/test_canaries.py`` says
more). Of two classes it is the share of canaries whose class the model has right; a guess has half of them.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.config.experiment import Budget, Confirmation, DataSource, Experiment, Fixed, Task
from hpo.config.parameters import complete
from hpo.data.task_data import Part
from hpo.runtime.jobs import Job
from hpo.runtime.loading import Loaded, load
from hpo.training.accounting import Sampling, Trainings, least_multiplier
from hpo.training.privacy import Mechanism
from hpo.training.store import Store

CANARIES, ORDINARY, WORDS = 100, 2000, 8
EPSILON, DELTA = 8.0, 1e-4
FIXED = {
    "frozen_layers": 5,
    "dropout": 0.0,
    "batch_size": 100,
    "epochs": 10.0,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "accumulation": 2,
}


def with_canaries() -> Loaded:
    """The canaries are among the training texts, and are the validation split too: its accuracy is what is told of them."""
    experiment = Experiment(
        name="canaries",
        question="What is told?",
        task=Task(data=DataSource(asset="movie"), train=ORDINARY, validation=50, test=1000, max_length=48),
        model="all-MiniLM-L6-v2",
        parameters={name: Fixed(value=value) for name, value in FIXED.items()},
        budget=Budget(trials=1),
        confirmation=Confirmation(seeds=1),
    )
    loaded = load(experiment, "cpu")
    rng = np.random.default_rng(secrets.randbits(32))
    vocabulary = sorted(w for w in loaded.models[None].tokenizer.get_vocab() if w.isalpha() and len(w) > 3)
    texts = tuple(" ".join(rng.choice(vocabulary, WORDS)) for _ in range(CANARIES))
    canaries = Part(texts, rng.permutation(CANARIES) % 2)
    train = loaded.task.train
    both = Part((*texts, *train.texts), np.concatenate([canaries.labels, train.labels]))
    return replace(loaded, task=replace(loaded.task, train=both, validation=canaries))


def told(loaded: Loaded, folder: Path, epsilon: float) -> tuple[float, float]:
    """Of a training: the share of its canaries that it has right, and of fresh texts."""
    recall = loaded.recall(Store(folder), ())
    worker = loaded.worker(recall)
    parameters = complete({**FIXED, "privacy_epsilon": epsilon})
    last = len(recall.course(parameters, 1).marks) - 1
    asked = Job(parameters=parameters, seed=1, rung=last)
    rung = worker.do(asked).rung
    recall.open_test(loaded.test_sets)
    test = worker.do(asked.model_copy(update={"split": "test"})).test
    assert rung is not None
    assert test is not None
    return rung.metrics["accuracy"], test.metrics["accuracy"]


@pytest.mark.slow
def test_a_private_training_of_the_real_encoder_tells_of_its_canaries_hardly_more_than_a_guess(
    tmp_path: Path,
) -> None:
    loaded = with_canaries()
    size = CANARIES + ORDINARY
    batch, epochs = FIXED["batch_size"], FIXED["epochs"]
    sampling = Sampling(batch / size, math.ceil(size * epochs / batch))
    multiplier = least_multiplier(EPSILON, Trainings(1, (sampling,)), DELTA)
    assert multiplier is not None
    mechanism = Mechanism(secret=secrets.token_hex(32), clip=1.0, multipliers=((EPSILON, multiplier),))
    plain, learned = told(loaded, tmp_path, 0.0)
    private, kept = told(replace(loaded, mechanism=mechanism), tmp_path, EPSILON)
    print(f"canaries {plain:.2f} and {private:.2f}, fresh texts {learned:.3f} and {kept:.3f}")
    deviation = 0.5 / math.sqrt(CANARIES)
    assert plain > 0.9
    assert private < 0.5 + 5 * deviation
    assert kept > 0.6
