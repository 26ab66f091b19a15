"""The metrics that hpo measures, by the name that a space file gives them, and the kinds of task of which each is asked."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.records.base import Frozen


class Metric(Frozen):
    """What is measured on validation and test items; ``share``: a share of 1, shown in percent and points."""

    name: str = "accuracy"
    maximize: bool = True
    share: bool = True

    def better(self, first: float, second: float) -> bool:
        """Whether ``first`` is the better score of the two."""
        return first > second if self.maximize else first < second


LOG_LOSS = "log_loss"
METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(name="accuracy"),
    "macro_f1": Metric(name="macro F1"),
    "micro_f1": Metric(name="micro F1"),
    "matthews": Metric(name="Matthews correlation", share=False),
    "entity_f1": Metric(name="entity F1"),
    "entity_precision": Metric(name="entity precision"),
    "entity_recall": Metric(name="entity recall"),
    LOG_LOSS: Metric(name="log-loss", maximize=False, share=False),
}
_ONE_CLASS = ("accuracy", "macro_f1", "matthews", LOG_LOSS)
# Names by kind of task; the first decides where a space file names none.
METRICS_OF: Mapping[str, tuple[str, ...]] = {
    "text-classification": _ONE_CLASS,
    "sentiment": _ONE_CLASS,
    "pair": _ONE_CLASS,
    "multi-label": ("micro_f1", "macro_f1", LOG_LOSS),
    "token-classification": ("entity_f1", "entity_precision", "entity_recall", LOG_LOSS),
}
