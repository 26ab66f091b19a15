"""A list of tokenised texts that is read as a whole: an epoch of the training split, an evaluation split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hpo.data.tokens import digest

Ids = NDArray[np.int32]  # (length,) of one text


class Texts:
    """Token ids of each text. Two of the same digest are equal and read the same."""

    def __init__(self, ids: Sequence[Ids]) -> None:
        self.ids = tuple(ids)
        self.lengths: NDArray[np.int64] = np.array([len(row) for row in self.ids], dtype=np.int64)

    @cached_property
    def key(self) -> str:
        """Digest over all ids and the bounds between texts."""
        return digest(self.ids)

    @cached_property
    def each(self) -> NDArray[np.uint8]:
        """Digest of each text by itself, (texts, 16): equal texts of other lists have the same."""
        digests = [hashlib.sha256(row.astype("<i4").tobytes()).digest()[:16] for row in self.ids]
        return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)

    @property
    def tokens(self) -> int:
        """Tokens of all texts together."""
        return int(self.lengths.sum())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
