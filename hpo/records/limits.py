"""What a search may be charged, or a whole run spend, before it begins no further trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

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
        return any(most is not None for unit, most in asdict(self).items() if unit != "trials")

    def reached(self, spent: Mapping[str, float]) -> str | None:
        """The first unit of which as much as there may be is ``spent``; None: there is room for more of all."""
        for unit, most in asdict(self).items():
            if most is not None and spent.get(unit, 0.0) >= most:
                return unit
        return None

    def costs(self, kind: str = "charged") -> str:
        """What limits beside the number of trials, in words: ``25 charged device-seconds``; empty: nothing does."""
        told = [
            f"{most:,g} {_WORDS[unit].format(f'{kind} ' if kind else '')}"
            for unit, most in asdict(self).items()
            if most is not None and unit != "trials"
        ]
        return " or ".join(told)

    def share(self, share: float) -> Limit:
        """The limit of a search with ``share`` of each amount but the number of trials."""
        examples = None if self.examples is None else max(1, round(self.examples * share))
        seconds = None if self.device_seconds is None else self.device_seconds * share
        return Limit(self.trials, examples, seconds)


def seconds_for(money: float, price_per_hour: float) -> float:
    """Device-seconds that ``money`` pays for."""
    return money / price_per_hour * HOUR


def price_of(device_seconds: float, price_per_hour: float) -> float:
    """What device-seconds cost."""
    return device_seconds / HOUR * price_per_hour
