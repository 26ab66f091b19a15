"""What so many private trainings cost together, and the noise with which they cost no more than was asked for.

The accountant is Opacus' of Renyi differential privacy (Mironov 2017; of the sampled Gaussian mechanism, Mironov, Talwar and
Zhang 2019), with its conversion to (epsilon, delta) (Balle et al. 2020, theorem 21). Neighbours are data that differ by one
text of the training split, there or not.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Orders at which divergences are bounded: few, since each bounds epsilon by itself; the largest for a small epsilon.
ORDERS = (
    1.1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9, 10, 11, 12, 13, 14,
    16, 18, 20, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256, 512,
)  # fmt: skip
LEAST, MOST = 0.2, 1e5  # multipliers of the noise that are tried
PRECISION = 1.001  # within which the least multiplier is found


@dataclass(frozen=True)
class Sampling:
    """A private training of so many ``steps``, in each of which a text is drawn with probability ``rate``."""

    rate: float
    steps: int


@dataclass(frozen=True)
class Trainings:
    """So many private trainings; each is at most the costliest of ``samplings``."""

    count: int
    samplings: tuple[Sampling, ...]


def accountant() -> str:
    """Its name, for reports."""
    return f"RDP, by Opacus {version('opacus')}"


def spent(parts: Sequence[tuple[float, Trainings]], delta: float) -> float:
    """Epsilon at ``delta`` of all ``parts`` together: trainings with the multiplier of their noise.

    Divergences of one order add up also where what is trained, and for how long, is chosen by the results of what was
    trained before (Mironov 2017, proposition 1): so samplers that look at results, and pruners, cost nothing more.
    """
    with np.errstate(all="ignore"):
        total = np.sum([_costliest(multiplier, t.samplings) * t.count for multiplier, t in parts], axis=0)
    rdp: Any = _library()
    with warnings.catch_warnings():  # an order at the end of the list bounds epsilon as well as any other
        warnings.filterwarnings("ignore", message="Optimal order is the")
        epsilon, _ = rdp.get_privacy_spent(orders=list(ORDERS), rdp=total, delta=delta)
    return float(epsilon)


def least_multiplier(epsilon: float, trainings: Trainings, delta: float) -> float | None:
    """The least standard deviation of the noise, over the clipping norm, with which no more is spent; None: none does."""

    def is_enough(multiplier: float) -> bool:
        return spent([(multiplier, trainings)], delta) <= epsilon

    high = 1.0
    while not is_enough(high):
        high *= 2
        if high > MOST:
            return None
    low = high / 2
    while low >= LEAST and is_enough(low):
        high, low = low, low / 2
    while high / low > PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _costliest(multiplier: float, samplings: Sequence[Sampling]) -> NDArray[np.float64]:
    """Divergence of one training at each order, at most."""
    found: NDArray[np.float64] = np.max(
        [_divergences(multiplier, s.rate) * s.steps for s in samplings], axis=0
    )
    return found


@lru_cache(maxsize=4096)
def _divergences(multiplier: float, rate: float) -> NDArray[np.float64]:
    """Of one step, at each order."""
    rdp: Any = _library()
    found = rdp.compute_rdp(q=rate, noise_multiplier=multiplier, steps=1, orders=list(ORDERS))
    return np.asarray(found, np.float64)


def _library() -> Any:
    from opacus.accountants.analysis import rdp

    return rdp
