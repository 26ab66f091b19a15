"""Scores of a state on a set of labelled texts: in batches of like lengths, without gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from hpo.data.batches import Batch, collate, evaluation_batches
from hpo.data.texts import Texts
from hpo.data.tokens import digest
from hpo.models.classifier import Classifier
from hpo.training.course import Reader
from hpo.training.precision import Precision, on_device


class EvaluationSet:
    """Texts with their labels. ``key`` names both in the keys of evaluations."""

    def __init__(self, texts: Texts, labels: NDArray[np.int64], pad_id: int) -> None:
        self.texts = texts
        self.labels = np.asarray(labels, dtype=np.int64)
        self.pad_id = pad_id
        self.key = f"{texts.key}/{digest([self.labels.astype(np.int32)])}"
        self._batches: dict[tuple[int, int], list[Batch]] = {}

    def batches(self, most: int, overhead: int) -> list[Batch]:
        """``evaluation_batches`` of the texts, made once."""
        if (most, overhead) not in self._batches:
            self._batches[most, overhead] = evaluation_batches(self.texts.lengths, most, overhead)
        return self._batches[most, overhead]


@dataclass(frozen=True)
class Scores:
    """``accuracy``: share of 1; ``loss``: mean cross-entropy in nats; ``predictions``: class index of each text."""

    accuracy: float
    loss: float
    predictions: NDArray[np.int64]


def evaluate(
    model: Classifier, data: EvaluationSet, precision: Precision, read: Reader | None = None
) -> Scores:
    """Score ``model`` on ``data``; ``read`` gives hidden states where its body begins at a depth."""
    model.eval()
    batches = data.batches(precision.texts_at_once, precision.batch_overhead)
    order = np.concatenate([batch.items for batch in batches])
    predictions, losses = [], []
    with torch.inference_mode():
        for batch in batches:
            rows, mask = collate(data.texts.ids, batch, data.pad_id)
            inputs = rows if read is None else read(data.texts, batch)
            labels = on_device(data.labels[batch.items], precision.device)
            with precision.autocast():
                logits = model(
                    on_device(inputs, precision.device),
                    on_device(mask[:, : inputs.shape[1]], precision.device),
                )
            predictions.append(logits.argmax(-1))
            losses.append(cross_entropy(logits.float(), labels, reduction="none"))
    predicted = np.empty(len(order), dtype=np.int64)
    predicted[order] = torch.cat(predictions).cpu().numpy()
    loss = float(torch.cat(losses).double().mean())
    return Scores(float((predicted == data.labels).mean()), loss, predicted)
