"""From what a state predicted to the metrics of its task, and to what each item contributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.entities import Span, spans_of, types_of
from hpo.metrics.counts import Counts, count_classes, count_entities, count_labels
from hpo.metrics.registry import item_values, score_all
from hpo.training.evaluation import EvaluationSet, Predicted
from hpo.training.facts import ItemFacts

LARGEST_LOSS = (
    100.0  # nats; what a loss that is not finite counts as, so that a log-loss is a number whatever happened
)


def _finite(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(losses, nan=LARGEST_LOSS, posinf=LARGEST_LOSS)


@dataclass(frozen=True)
class Scoring:
    """How one task is scored.

    Attributes:
        kind: of the task.
        names: of its classes, labels or tags.
        metric: what decides.
    """

    kind: str
    names: tuple[str, ...]
    metric: str

    def metrics(self, predicted: Predicted, data: EvaluationSet) -> dict[str, float]:
        """Every metric of the task by name."""
        return score_all(self.kind, self._count(predicted, data), _finite(predicted.losses))

    def items(self, predicted: Predicted, data: EvaluationSet) -> ItemFacts:
        """What is kept of the items of the test split."""
        losses = tuple(_finite(predicted.losses).tolist())
        if self._one_class:
            return ItemFacts(predictions=tuple(int(p) for p in predicted.predictions), losses=losses)
        counts = self._count(predicted, data).tolist()
        return ItemFacts(counts=tuple(tuple(map(tuple, item)) for item in counts), losses=losses)

    def correct(self, items: ItemFacts, data: EvaluationSet) -> tuple[int, ...] | None:
        """1 where an item's one class is predicted, else 0; None where items have no one class."""
        if items.predictions is None:
            return None
        return tuple(int(p == label) for p, label in zip(items.predictions, data.labels, strict=True))

    def values(self, items: ItemFacts, data: EvaluationSet) -> tuple[float, ...] | None:
        """A value of each item whose mean is the score; None where ``correct`` is that already."""
        if self.metric == "accuracy":
            return None
        if items.predictions is None:
            counts = np.array(items.counts, np.int64)
        else:
            counts = count_classes(data.labels, np.array(items.predictions), len(self.names))
        return tuple(item_values(self.metric, counts, np.array(items.losses)).tolist())

    @property
    def _one_class(self) -> bool:
        return self.kind not in ("multi-label", "token-classification")

    def _count(self, predicted: Predicted, data: EvaluationSet) -> Counts:
        if self._one_class:
            return count_classes(data.labels, np.array(predicted.predictions), len(self.names))
        if self.kind == "multi-label":
            return count_labels(data.labels, np.array(predicted.predictions))
        return self._count_entities(predicted, data)

    def _count_entities(self, predicted: Predicted, data: EvaluationSet) -> Counts:
        """Entities of each sentence: those of all its words, of which the ones that were cut off are predicted as
        outside."""
        found = []
        for own, begins, labels in zip(predicted.predictions, data.texts.begins, data.labels, strict=True):
            tags = np.zeros(len(labels), np.int64)
            tags[begins[begins >= 0]] = own[: len(begins)][begins >= 0]
            found.append(self._spans(tags))
        return count_entities([self._spans(labels) for labels in data.labels], found, types_of(self.names))

    def _spans(self, tags: NDArray[np.int64]) -> tuple[Span, ...]:
        return spans_of([self.names[tag] for tag in tags])
