"""What a search may be charged, or a whole run spend, before it begins no further trial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

HOUR = 3600.0  # seconds
_WORDS = {
    "trials": "trials",
    "examples": "{}examples",
    "device_seconds": "{}device-seconds",
    "wall_seconds": "seconds of wall time",
}


@dataclass(frozen=True)
class Limit:
    """An amount of each unit, None where it limits nothing: the first that is reached ends what is limited.

    Attributes:
        trials: that have ended.
        examples: seen in training.
        device_seconds: of training and evaluation.
        wall_seconds: while a process was at work.
    """

    trials: int | None = None
    examples: int | None = None
    device_seconds: float | None = None
    wall_seconds: float | None = None

    @property
    def by_cost(self) -> bool:
        """Whether something other than the number of trials may end it."""
        return bool(self._amounts.keys() - {"trials"})

    def reached(self, spent: Mapping[str, float]) -> str | None:
        """The first unit of which as much as there may be is ``spent``; None: there is room for more of all."""
        return next((u for u, most in self._amounts.items() if spent.get(u, 0.0) >= most), None)

    def exceeded(self, expected: Mapping[str, float]) -> str | None:
        """The first unit of which more than there may be is ``expected``."""
        return next((u for u, most in self._amounts.items() if expected.get(u, 0.0) > most), None)

    def times(self, charged: Mapping[str, float]) -> float:
        """How many times as much as is ``charged`` there may be, of the unit that is reached first; infinite: no limit."""
        return min(
            (most / charged[u] for u, most in self._amounts.items() if charged.get(u)), default=math.inf
        )

    @cached_property
    def _amounts(self) -> dict[str, float]:
        return {unit: most for unit, most in asdict(self).items() if most is not None}

    def costs(self) -> str:
        """What limits a search beside the number of its trials: ``25 charged device-seconds``; empty: nothing does."""
        return " or ".join(told(u, most, "charged ") for u, most in self._amounts.items() if u != "trials")

    def in_all(self) -> str:
        """What limits a run: ``3,600 seconds of wall time``; empty: nothing does."""
        return " or ".join(told(u, most) for u, most in self._amounts.items())

    def share(self, share: float) -> Limit:
        """The limit of a search with ``share`` of each amount but the number of trials."""
        examples = None if self.examples is None else max(1, round(self.examples * share))
        seconds = None if self.device_seconds is None else self.device_seconds * share
        return Limit(self.trials, examples, seconds)


def told(unit: str, amount: float, kind: str = "") -> str:
    """An amount of a unit in words."""
    return f"{amount:,.6g} {_WORDS[unit].format(kind)}"


def seconds_for(money: float, price_per_hour: float) -> float:
    """Device-seconds that ``money`` pays for."""
    return money / price_per_hour * HOUR


def price_of(device_seconds: float, price_per_hour: float) -> float:
    """What device-seconds cost."""
    return device_seconds / HOUR * price_per_hour
