"""Runs that never were, with a known truth: searches, fresh seeds and scores of single items.

A training's true accuracy is a + luck: a is the accuracy that its configuration has on average over seeds and items,
luck what its seed adds. An item is right where a standard normal variable, shared in parts by all trainings, by those
of one strategy and by those of one configuration, lies below the quantile of the true accuracy; so the share of right
items is the true accuracy whatever is shared, and true differences are known exactly. What all trainings of one
replicate share falls out of every difference between strategies and is counted with what all share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from hpo.stats.crossed import Array

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Design:
    """``searches`` independent ones a strategy, ``seeds`` fresh seeds a search."""

    strategies: int
    searches: int
    seeds: int

    @property
    def comparisons(self) -> int:
        """All pairs of strategies."""
        return self.strategies * (self.strategies - 1) // 2

    @property
    def trainings(self) -> int:
        """Confirmations of a run."""
        return self.strategies * self.searches * self.seeds


@dataclass(frozen=True)
class Trained:
    """The confirmations of one run, before the test items are scored.

    Attributes:
        configuration: (strategies, searches) true accuracy of the selected configurations.
        selected_luck: (strategies, searches) of the seed of the selected trial itself.
        luck: (strategies, searches, seeds) of the fresh seeds.
        validation: (strategies, searches, seeds) accuracy on the validation items.
        latent: (strategies, searches, seeds, items) standard normal.
    """

    configuration: Array
    selected_luck: Array
    luck: Array
    validation: Array
    latent: npt.NDArray[np.float32]

    def correct(self, configuration: Array) -> Bools:
        """Right test items, shaped as ``latent``, had the configurations these true accuracies instead."""
        return below(configuration[..., None] + self.luck, self.latent)


@dataclass(frozen=True)
class Model:
    """Magnitudes, accuracies in shares of 1.

    Estimated from the differences between the strategies of ``results/example`` by ``hpo.stats.power.components``:
    searches and seeds together deviate by 1.6 points a side, and items within a pair of trainings by 0.42. That run
    has one seed a search, so how much of either is the seed's is assumed: two fifths of the first, half of the second.

    Attributes:
        best: true accuracy of the best configuration of the space.
        shortfall: mean of how far a drawn configuration lies below it (exponential).
        seed: standard deviation of the luck.
        trials: draws of a search, each trained once; the one with the best validation accuracy is selected.
        validation, items: of the splits.
        all_share, strategy_share, configuration_share: of the variance of an item's normal variable; the rest is the
            training's own.
    """

    best: float = 0.70
    shortfall: float = 0.08
    seed: float = 0.0104
    trials: int = 20
    validation: int = 160
    items: int = 1000
    all_share: float = 0.81
    strategy_share: float = 0.01
    configuration_share: float = 0.13

    def train(self, random: np.random.Generator, design: Design) -> Trained:
        """Search as often as ``design`` says and train what is selected with fresh seeds; strategies are identical."""
        k, searches = design.strategies, design.searches
        drawn = self.best - self.shortfall * random.exponential(size=(k, searches * self.trials))
        trial_luck = self.seed * random.standard_normal(drawn.shape)
        seen = self.validate(random, (drawn + trial_luck)[..., None])
        chosen = seen.reshape(k, searches, self.trials).argmax(axis=-1)[..., None]
        configuration, selected_luck = (
            np.take_along_axis(values.reshape(k, searches, self.trials), chosen, axis=-1)[..., 0]
            for values in (drawn, trial_luck)
        )
        luck = self.seed * random.standard_normal((k, searches, design.seeds))
        return Trained(
            configuration=configuration,
            selected_luck=selected_luck,
            luck=luck,
            validation=self.validate(random, configuration[..., None] + luck),
            latent=self.latent(random, luck.shape, self.items),
        )

    def validate(self, random: np.random.Generator, accuracies: Array) -> Array:
        """Accuracies on the validation items, of true ones shaped (strategies, configurations, seeds)."""
        found: Array = below(accuracies, self.latent(random, accuracies.shape, self.validation)).mean(axis=-1)
        return found

    def latent(
        self, random: np.random.Generator, shape: tuple[int, ...], items: int
    ) -> npt.NDArray[np.float32]:
        """(strategies, configurations, seeds, items) from its shared parts."""
        strategies, configurations, _ = shape
        own = 1 - self.all_share - self.strategy_share - self.configuration_share
        latent = _normal(random, (*shape, items), own)
        latent += (
            _normal(random, (1, 1, 1, items), self.all_share)
            + _normal(random, (strategies, 1, 1, items), self.strategy_share)
            + _normal(random, (strategies, configurations, 1, items), self.configuration_share)
        )
        return latent


def _normal(random: np.random.Generator, shape: tuple[int, ...], variance: float) -> npt.NDArray[np.float32]:
    drawn = random.standard_normal(shape, dtype=np.float32)
    drawn *= np.float32(np.sqrt(variance))
    return drawn


def below(accuracies: Array, latent: npt.NDArray[np.float32]) -> Bools:
    """Right items, shaped as ``latent``, of trainings with these true accuracies."""
    thresholds: npt.NDArray[np.float32] = ndtri(accuracies).astype(np.float32)
    return latent < thresholds[..., None]
