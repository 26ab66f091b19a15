"""Importances of parameters, with what may be shown of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hpo.records.run import Records
from hpo.report.sections.explored import Explored
from hpo.stats.fanova import Effect, Fanova, fanova
from hpo.stats.forest import Fit
from hpo.stats.ped_anova import PedAnova, ped_anova

SEED = 0  # of forests and resamples
LEAST_TOP = 5  # best trials, for a density
_DIGITS = 12  # of a share: what is nothing but rounding is 0


@dataclass(frozen=True)
class Share:
    """An effect of one or two parameters; ``shown``: whether its forest explains anything out of bag."""

    effect: Effect

    @property
    def name(self) -> str:
        """Of the first parameter."""
        return self.effect.parameters[0]

    @property
    def shown(self) -> bool:
        """A forest no better than the mean of the scores has no shares worth a look."""
        r2 = self.effect.fit.r2
        return (
            self.effect.share is not None and self.effect.interval is not None and r2 is not None and r2 > 0
        )

    @property
    def value(self) -> float:
        """0 to 1.

        Raises:
            ValueError: it is not shown.
        """
        if self.effect.share is None:
            raise ValueError("the effect has no share")
        return round(self.effect.share, _DIGITS)

    @property
    def interval(self) -> tuple[float, float]:
        """At 95 %.

        Raises:
            ValueError: it is not shown.
        """
        if self.effect.interval is None:
            raise ValueError("the share has no interval")
        low, high = self.effect.interval
        return round(low, _DIGITS), round(high, _DIGITS)


@dataclass(frozen=True)
class Importances:
    """fANOVA and PED-ANOVA of the same trials."""

    fanova: Fanova
    ped: PedAnova

    @cached_property
    def mains(self) -> tuple[Share, ...]:
        """Main effects in the order of the parameters."""
        return tuple(Share(e) for e in self.fanova.effects if len(e.parameters) == 1)

    @cached_property
    def pairs(self) -> tuple[Share, ...]:
        """Interactions of two that may be shown, the largest first."""
        found = [Share(e) for e in self.fanova.effects if len(e.parameters) == 2]
        return tuple(sorted((pair for pair in found if pair.shown), key=lambda pair: -pair.value))

    @property
    def ped_shown(self) -> bool:
        """Whether the best trials are enough for a density."""
        return self.ped.top >= LEAST_TOP

    @property
    def fit(self) -> Fit:
        """Of the forest that most trials are in."""
        return max((share.effect.fit for share in self.mains), key=lambda fit: (fit.available, fit.r2 or 0.0))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names of the parameters, the most important first: by fANOVA as far as it is shown, else by PED-ANOVA."""
        divergence = {one.parameter: one.value or 0.0 for one in self.ped.importances}
        ranked = sorted(
            self.mains,
            key=lambda s: (-s.value if s.shown else 0.0, -divergence[s.name] if self.ped_shown else 0.0),
        )
        return tuple(share.name for share in ranked)


def importances(records: Records, explored: Explored) -> Importances:
    """Both of ``explored``, the score being what the run's metric is."""
    oriented = explored.oriented(records.run.metric.maximize)
    return Importances(
        fanova(explored.parameters, explored.encoded, explored.scores, seed=SEED),
        ped_anova(explored.parameters, explored.encoded, oriented, seed=SEED),
    )
