"""Test scores of the confirmations as arrays, paired by replicate, fresh seed and item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hpo.records.run import Records
from hpo.records.trainings import Confirmation
from hpo.stats.crossed import Array

Role = Literal["strategy", "baseline"]


@dataclass(frozen=True)
class Scores:
    """What each test item adds to the score of each confirmation of one strategy or of the baseline: the score is the mean.

    Of accuracy it is 1 where the item is right, else 0. Where single items were not recorded there is one column: the score
    of the whole split.

    Attributes:
        correct: (replicate, index of the fresh seed) -> (n,).
        by_search: whether units are searches (replicates), each the mean of its seeds; else units are seeds.
    """

    name: str
    correct: Mapping[tuple[int, int], Array]
    by_search: bool

    def matrix(self, keys: Iterable[tuple[int, int]] | None = None) -> Array:
        """(units, seeds a unit, n) over ``keys``; the first seeds of each unit, as many as every unit has."""
        units: dict[int, list[Array]] = {}
        for replicate, index in sorted(self.correct if keys is None else keys):
            unit = replicate if self.by_search else index
            units.setdefault(unit, []).append(self.correct[replicate, index])
        seeds = min(len(rows) for rows in units.values())
        return np.array([rows[:seeds] for _, rows in sorted(units.items())])


def collect(records: Records) -> dict[tuple[Role, str], Scores]:
    """Scores by (role, name), strategies in the order of the run, the baseline last; only those confirmed at all."""
    found: dict[tuple[Role, str], dict[tuple[int, int], Array]] = {}
    for item in records.confirmations:
        rows = found.setdefault((item.role, item.strategy), {})
        scores = (item.test_score,) if item.item_scores is None else item.item_scores
        rows[item.replicate, item.index] = np.array(scores, dtype=np.float64)
    order: list[tuple[Role, str]] = [("strategy", name) for name in records.run.strategies]
    order += [key for key in found if key[0] == "baseline"]
    by_search = records.run.replicates > 1
    return {key: Scores(key[1], found[key], by_search) for key in order if key in found}


def paired(first: Scores, second: Scores) -> tuple[Array, Array]:
    """Both as (units, seeds, n) over the replicates and fresh seeds that both have; empty where they share none."""
    keys = first.correct.keys() & second.correct.keys()
    if not keys:
        return np.empty((0, 0, 0)), np.empty((0, 0, 0))
    return first.matrix(keys), second.matrix(keys)


def seed_deviation(confirmations: Iterable[Confirmation]) -> float | None:
    """Standard deviation of validation accuracy over fresh seeds of one configuration, pooled over configurations.

    None where no configuration was trained with two seeds.
    """
    groups: dict[tuple[str, str, int], list[float]] = {}
    for item in confirmations:
        if item.validation_score is not None:
            key = (item.role, item.strategy, item.replicate)
            groups.setdefault(key, []).append(item.validation_score)
    several = [np.array(values) for values in groups.values() if len(values) > 1]
    if not several:
        return None
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in several)
    return float(np.sqrt(squares / sum(len(values) - 1 for values in several)))
