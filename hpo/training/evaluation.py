"""Scores of a state on a set of labelled texts: in batches of like lengths, without gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hpo.data.batches import Batch, collate, evaluation_batches
from hpo.data.texts import Texts
from hpo.data.tokens import digest
from hpo.models.classifier import Classifier
from hpo.pulse import progress
from hpo.training.course import Reader
from hpo.training.precision import Precision, on_device


class EvaluationSet:
    """Texts with their labels, as ``hpo.data.corpus.Corpus`` has these. ``key`` names both in the keys of evaluations."""

    def __init__(self, texts: Texts, labels: NDArray[Any], pad_id: int) -> None:
        self.texts = texts
        self.labels = labels
        self.pad_id = pad_id
        self.key = f"{texts.key}/{digest([np.asarray(row, np.int32) for row in _rows(labels)])}"
        self._batches: dict[tuple[int, int], list[Batch]] = {}

    def batches(self, most: int, overhead: int) -> list[Batch]:
        """``evaluation_batches`` of the texts, made once."""
        if (most, overhead) not in self._batches:
            self._batches[most, overhead] = evaluation_batches(self.texts.lengths, most, overhead)
        return self._batches[most, overhead]


def _rows(labels: NDArray[Any]) -> list[NDArray[Any]]:
    """Labels as lists: one of all classes, else one a text."""
    return [labels] if labels.ndim == 1 and labels.dtype != object else list(labels)


@dataclass(frozen=True)
class Predicted:
    """What a state says of the texts of a set.

    Attributes:
        predictions: of each text what its objective predicts: a class index, (labels,) of 0 and 1, or (tokens,) tag indices.
        losses: (texts,), cross-entropy of each in nats.
    """

    predictions: tuple[NDArray[np.int64], ...]
    losses: NDArray[np.float64]

    @property
    def loss(self) -> float:
        """The mean over texts."""
        return float(self.losses.mean())


def predict(
    model: Classifier,
    data: EvaluationSet,
    precision: Precision,
    read: Reader | None = None,
    most: int | None = None,
) -> Predicted:
    """Let ``model`` predict ``data``; ``read`` gives hidden states where its body begins at a depth.

    Args:
        most: texts at once; None: as many as suit the device.
    """
    model.eval()
    batches = data.batches(most or precision.texts_at_once, precision.batch_overhead)
    order = np.concatenate([batch.items for batch in batches])
    predictions, losses = [], []
    with torch.inference_mode():
        for batch in batches:
            rows, mask = collate(data.texts.ids, batch, data.pad_id)
            inputs = rows if read is None else read(data.texts, batch)
            labels = on_device(data.texts.labels(batch, data.labels), precision.device)
            with precision.autocast():
                logits = model(
                    on_device(inputs, precision.device),
                    on_device(mask[:, : inputs.shape[1]], precision.device),
                )
            predictions.append(model.objective.predictions(logits))
            losses.append(model.objective.losses(logits.float(), labels))
            progress()
    found = [row for rows in predictions for row in rows.cpu().numpy()]
    back = np.argsort(order)
    return Predicted(
        predictions=tuple(np.asarray(found[place]) for place in back),
        losses=torch.cat(losses).double().cpu().numpy()[back],
    )
