"""From logits to what training minimises and to what is predicted, by kind of task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from hpo.data.texts import NO_LABEL

# The parameters that ``Outputs.objective`` reads.
OBJECTIVE = ("label_smoothing", "class_weights")


class Objective:
    """One class a text: logits (batch, classes), labels (batch,) int64.

    Args:
        smoothing: share of each label that is spread over all classes (Szegedy et al. 2016, section 7).
        weights: (classes,), of each class in the loss; None: all alike.
    """

    def __init__(self, smoothing: float = 0.0, weights: Tensor | None = None) -> None:
        self._smoothing = smoothing
        self._weights = weights
        self._mass = None if weights is None else weights.double().cpu().numpy()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """What training minimises: the mean cross-entropy of the batch in nats, smoothed and weighted as asked for."""
        return cross_entropy(logits, labels, self._weights, label_smoothing=self._smoothing)

    def mass(self, labels: NDArray[np.int64]) -> float:
        """What a batch with these labels weighs in the loss of a larger one: the means of parts, so weighted, add up
        to it."""
        return float(len(labels)) if self._mass is None else float(self._mass[labels].sum())

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of each text in nats, (batch,), neither smoothed nor weighted: what evaluations tell."""
        return cross_entropy(logits, labels, reduction="none")

    def predictions(self, logits: Tensor) -> Tensor:
        """Class index of each text, (batch,)."""
        return logits.argmax(-1)


class LabelSets(Objective):
    """Any number of labels a text: logits (batch, labels), labels (batch, labels) int64 of 0 and 1.

    Smoothing moves both ends towards a half; weights are of what has a label against what has not.
    """

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean binary cross-entropy over texts and labels, in nats."""
        wanted = labels.to(logits.dtype) * (1 - self._smoothing) + self._smoothing / 2
        return binary_cross_entropy_with_logits(logits, wanted, pos_weight=self._weights)

    def mass(self, labels: NDArray[np.int64]) -> float:
        """Texts: each has as many labels as another, whatever these weigh."""
        return float(len(labels))

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over labels of each text, (batch,)."""
        return binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none").mean(-1)

    def predictions(self, logits: Tensor) -> Tensor:
        """1 where a label is more likely than not, (batch, labels)."""
        return (logits > 0).long()


class Tags(Objective):
    """A tag a word: logits (batch, width, tags), labels (batch, width) int64, ``NO_LABEL`` where no word begins."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean cross-entropy over words, in nats."""
        return cross_entropy(
            logits.flatten(0, 1),
            labels.flatten(),
            self._weights,
            ignore_index=NO_LABEL,
            label_smoothing=self._smoothing,
        )

    def mass(self, labels: NDArray[np.int64]) -> float:
        """Words, each by the weight of its tag."""
        return super().mass(labels[labels != NO_LABEL])

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over words of each sentence, (batch,)."""
        each = cross_entropy(logits.transpose(1, 2), labels, ignore_index=NO_LABEL, reduction="none")
        return each.sum(-1) / (labels != NO_LABEL).sum(-1).clamp(min=1)

    def predictions(self, logits: Tensor) -> Tensor:
        """Tag index at each token, (batch, width)."""
        return logits.argmax(-1)


_KINDS: Mapping[str, type[Objective]] = {"multi-label": LabelSets, "token-classification": Tags}


@dataclass(frozen=True)
class Outputs:
    """What a task wants of a model.

    Attributes:
        kind: of the task.
        classes: number of logits.
        labels: of the training split, as ``hpo.data.corpus.Corpus`` has them; they decide balanced weights.
    """

    kind: str
    classes: int
    labels: NDArray[Any]

    def objective(self, parameters: Mapping[str, Any], device: torch.device) -> Objective:
        """The objective of one training; ``parameters``: those of ``OBJECTIVE`` are read."""
        weights = None
        if parameters["class_weights"] == "balanced":
            weights = torch.tensor(self.balanced(), dtype=torch.float32, device=device)
        return _KINDS.get(self.kind, Objective)(parameters["label_smoothing"], weights)

    def balanced(self) -> NDArray[np.float64]:
        """(classes,), n / (classes x number of the class) (King and Zeng 2001); of label sets those without over those with.

        What the training split lacks weighs 1.
        """
        if self.labels.ndim == 2:
            having = self.labels.sum(axis=0)
            return _divided(len(self.labels) - having, having)
        single = np.concatenate([*self.labels]) if self.labels.dtype == object else self.labels
        counts = np.bincount(single, minlength=self.classes)
        return _divided(np.full(self.classes, counts.sum() / self.classes), counts)


def _divided(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.ones(len(whole)), where=whole > 0)
    return shares
