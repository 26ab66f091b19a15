"""Where the private trainings of a run get their randomness, and how much noise each step has.

DP-SGD (Abadi et al. 2016, algorithm 1) draws each batch by Poisson sampling and adds Gaussian noise to the sum of clipped
gradients. Both must stay unknown to whoever sees the results: all draws come from one secret of the run, never from its
recorded seed. Each training draws for itself, as composition asks for it: noise that two trainings share cancels in their
difference, and batches that they share are amplified by sampling once for both.

A draw is a function of (secret, training, purpose, step) by a counter-based generator (Philox, Salmon et al. 2011), so that
no state carries a generator. Philox is no cryptographic generator, and sums of floating-point numbers are not the real
numbers of the theory (Mironov 2012): neither is claimed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from hpo.records.base import Frozen

_SAMPLING, _NOISE, _DROPOUT = range(3)  # purposes of draws


class Mechanism(Frozen):
    """What the private trainings of a run have in common.

    Attributes:
        secret: hexadecimal, 256 bits that only the run's folder holds.
        clip: largest norm of the gradient of one text.
        multipliers: (``privacy_epsilon``, standard deviation of the noise over ``clip``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: str = Field(repr=False)
    clip: float
    multipliers: tuple[tuple[float, float], ...]

    @property
    def fingerprint(self) -> str:
        """Names the secret in keys, which nobody can guess then who knows all texts but one."""
        return hashlib.sha256(f"hpo secret {self.secret}".encode()).hexdigest()

    def disguised(self, digest: str) -> str:
        """A digest of the user's texts as records may have it: equal for equal texts, and no check of a guess at them."""
        return hmac.new(bytes.fromhex(self.secret), digest.encode(), hashlib.sha256).hexdigest()

    def of(self, parameters: Mapping[str, Any], training: Mapping[str, Any], texts: int) -> Private | None:
        """How the training with these parameters draws and disturbs; None where it is not private.

        Args:
            training: JSON of all else that tells it from others: no two trainings that differ may draw alike.
            texts: number of texts of the training split.
        """
        epsilon = parameters.get("privacy_epsilon", 0.0)
        if not epsilon:
            return None
        multiplier = dict(self.multipliers)[epsilon]
        # With the noise's size: equal draws at two sizes could be solved for what they disturb.
        shaping = {
            n: value for n, value in parameters.items() if n != "accumulation" or has_dropout(parameters)
        }
        identity = json.dumps([sorted(shaping.items()), training, self.clip, multiplier], sort_keys=True)
        key = hmac.new(bytes.fromhex(self.secret), identity.encode(), hashlib.sha256).digest()
        return Private(
            key=key[:16],
            clip=self.clip,
            multiplier=multiplier,
            batch_size=parameters["batch_size"],
            texts=texts,
            origin={
                "clip": self.clip,
                "secret": self.fingerprint,
                "draws": hashlib.sha256(key).hexdigest(),
                "opacus": version("opacus"),
            },
        )


def has_dropout(parameters: Mapping[str, Any]) -> bool:
    """Whether masks are drawn, which go by the parts of a batch; without, any number of parts gives the same sums.

    Then a private training in more parts is the same mechanism with the same noise, and costs no more.
    """
    return bool(parameters["dropout"] or parameters["head_dropout"])


@dataclass(frozen=True)
class Private:
    """The draws of one private training.

    Attributes:
        key: 128 bits.
        multiplier: standard deviation of the noise over ``clip``.
        batch_size: texts that a step draws on average.
        texts: number of texts of the training split.
        origin: what the first state depends on beside the parameters; no two trainings have the same.
    """

    key: bytes = field(repr=False)
    clip: float
    multiplier: float
    batch_size: int
    texts: int
    origin: Mapping[str, Any]

    def sample(self, step: int) -> NDArray[np.int64]:
        """Indices of the texts of a step: each is among them with probability batch_size / texts, whatever the others do."""
        chances = self._generator(_SAMPLING, step).random(self.texts)
        return np.flatnonzero(chances < self.batch_size / self.texts).astype(np.int64)

    def noise(self, step: int, size: int) -> NDArray[np.float32]:
        """(size,), what is added to the sum of clipped gradients."""
        drawn = self._generator(_NOISE, step).standard_normal(size, np.float32)
        return drawn * np.float32(self.clip * self.multiplier)

    def dropout_seed(self, step: int, part: int) -> int:
        """Seed of the dropout of one part of a step's batch.

        Masks are drawn row by row, so that a text more or less gives the others other ones: as long as nobody knows them,
        they are as good as those before.
        """
        return int(self._generator(_DROPOUT, step).integers(2**63, size=part + 1)[part])

    def _generator(self, purpose: int, step: int) -> np.random.Generator:
        key = np.frombuffer(self.key, "<u8")
        return np.random.Generator(
            np.random.Philox(key=key, counter=np.array([0, 0, purpose, step], np.uint64))
        )
