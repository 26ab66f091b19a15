"""Trainings that do not fit the memory: each step computed in more parts, down to one text a part.

A training in n parts a step is the one whose ``accumulation`` is n, bit by bit, and is stored under the keys of that one.
Records keep the parameters as they were drawn; the keys of their segments tell in how many parts they were trained.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from itertools import pairwise
from typing import Any

from hpo.models.classifier import Classifier
from hpo.runtime.jobs import Done, Job
from hpo.runtime.memory import ran_out
from hpo.runtime.recall import Recall
from hpo.training.course import Reader
from hpo.training.evaluation import EvaluationSet, Predicted, predict
from hpo.training.keys import segment_key
from hpo.training.precision import EXACT, Precision
from hpo.training.privacy import has_dropout


class DoesNotFitError(Exception):
    """The memory was too small for a job, of which ``done`` tells; the text says whose memory."""

    def __init__(self, done: Done) -> None:
        super().__init__(done.out_of_memory)
        self.done = done


def fitting(job: Job) -> Generator[Job, Done, Done]:
    """What ``job`` comes to.

    Raises:
        DoesNotFitError: the memory was too small for it.
    """
    done = yield job
    if done.out_of_memory is not None:
        raise DoesNotFitError(done)
    return done


def parts_of(parameters: Mapping[str, Any]) -> int:
    """In how many parts each step is computed."""
    return int(parameters.get("accumulation", 1))


def in_more_parts(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """The training with twice the parts a step; None where a part is one text, or more would be another private training."""
    parts, texts = parts_of(parameters), int(parameters["batch_size"])
    fixed = parts >= texts or draws_by_parts(parameters)
    return None if fixed else {**parameters, "accumulation": min(2 * parts, texts)}


def draws_by_parts(parameters: Mapping[str, Any]) -> bool:
    """Whether in more parts it would be another private training, which costs privacy again."""
    return bool(parameters.get("privacy_epsilon")) and has_dropout(parameters)


def least_part(parameters: Mapping[str, Any]) -> str:
    """Why a training is computed in no more parts, after ``out of memory``."""
    if draws_by_parts(parameters):
        return (
            f"in {parts_of(parameters)} parts a step; more would cost privacy again, since dropout is drawn part by part: "
            "set dropout: 0, or more accumulation from the start"
        )
    return "with one text at a time"


def as_trained(recall: Recall, parameters: Mapping[str, Any], seed: int, key: str) -> Mapping[str, Any]:
    """``parameters``, in as many parts a step as the training had that the segment of ``key`` is of.

    Where no number of parts gives that key, as on a machine of other numerics, they are returned as they are.
    """
    tried: Mapping[str, Any] | None = parameters
    while tried is not None:
        course = recall.course(tried, seed)
        if any(segment_key(*pair) == key for pair in pairwise(course.keys)):
            return tried
        tried = in_more_parts(tried)
    return parameters


def predict_within(
    model: Classifier, data: EvaluationSet, precision: Precision, read: Reader | None
) -> Predicted:
    """``predict``, in smaller batches where memory is short and the device promises no equal bits in any case."""
    most = precision.texts_at_once
    while True:
        try:
            return predict(model, data, precision, read, most)
        except Exception as error:
            if not ran_out(error) or most == 1 or precision.device.type in EXACT:
                raise
        most //= 2
