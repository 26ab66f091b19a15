"""Scores of a state on a set of labelled texts: in batches of like lengths, without gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from hpo.data.batches import collate, evaluation_batches
from hpo.data.tokens import digest
from hpo.models.classifier import Classifier
from hpo.training.examples import Ids
from hpo.training.precision import Precision

BATCH = 64  # texts; no gradients are kept, so that memory allows more than in training


class EvaluationSet:
    """Texts as token ids with their labels. ``key`` names it in the keys of evaluations."""

    def __init__(self, ids: Sequence[Ids], labels: NDArray[np.int64], pad_id: int) -> None:
        self.ids = tuple(ids)
        self.labels = np.asarray(labels, dtype=np.int64)
        self.pad_id = pad_id
        self.key = f"{digest(ids)}/{digest([self.labels.astype(np.int32)])}"
        self.batches = evaluation_batches(np.array([len(row) for row in ids]), BATCH)


@dataclass(frozen=True)
class Scores:
    """``accuracy``: share of 1; ``loss``: mean cross-entropy in nats; ``predictions``: class index of each text."""

    accuracy: float
    loss: float
    predictions: NDArray[np.int64]


def evaluate(model: Classifier, texts: EvaluationSet, precision: Precision) -> Scores:
    """Score ``model`` on ``texts``."""
    model.eval()
    order = np.concatenate([batch.items for batch in texts.batches])
    predictions, losses = [], []
    with torch.inference_mode():
        for batch in texts.batches:
            rows, mask = collate(texts.ids, batch, texts.pad_id)
            labels = torch.from_numpy(texts.labels[batch.items]).to(precision.device)
            with precision.autocast():
                logits = model(
                    torch.from_numpy(rows).to(precision.device), torch.from_numpy(mask).to(precision.device)
                )
            predictions.append(logits.argmax(-1))
            losses.append(cross_entropy(logits.float(), labels, reduction="none"))
    predicted = np.empty(len(order), dtype=np.int64)
    predicted[order] = torch.cat(predictions).cpu().numpy()
    loss = float(torch.cat(losses).double().mean())
    return Scores(float((predicted == texts.labels).mean()), loss, predicted)
