"""How each metric is computed, by its name in ``hpo.records.metrics``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hpo.metrics import statistics
from hpo.metrics.counts import Counts
from hpo.metrics.influence import influence
from hpo.metrics.statistics import Array
from hpo.records.metrics import LOG_LOSS, METRICS_OF

_STATISTICS: Mapping[str, Callable[[NDArray[np.generic]], Array]] = {
    "accuracy": statistics.accuracy,
    "macro_f1": statistics.macro_f1,
    "micro_f1": statistics.micro_f1,
    "matthews": statistics.matthews,
    "entity_f1": statistics.micro_f1,
    "entity_precision": statistics.precision,
    "entity_recall": statistics.recall,
}


def score_all(kind: str, counts: Counts, losses: Array) -> dict[str, float]:
    """Every metric of a task of ``kind`` by name.

    Args:
        counts: of each item (``hpo.metrics.counts``).
        losses: (items,), cross-entropy of each in nats.
    """
    total = counts.sum(axis=0)
    return {
        name: float(losses.mean() if name == LOG_LOSS else _STATISTICS[name](total))
        for name in METRICS_OF[kind]
    }


def item_values(name: str, counts: Counts, losses: Array) -> Array:
    """A value for each item, (items,), whose mean is the metric ``name`` of all (``hpo.metrics.influence``)."""
    return losses if name == LOG_LOSS else influence(counts, _STATISTICS[name])
