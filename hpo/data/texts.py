"""A list of tokenised texts that is read as a whole: an epoch of the training split, an evaluation split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hpo.data.batches import Batch
from hpo.data.tokens import digest

Ids = NDArray[np.int32]  # (length,) of one text
Row = TypeVar("Row")
NO_LABEL = -100  # at a token that no label is read off


class Texts:
    """Token ids of each text. Two of the same digest are equal and read the same.

    Args:
        begins: of each text (length,) int64, the word that begins at each token, -1 where none does; None where
            labels are of
            whole texts, not of words.
        tags: of each text (length,) int64, the label of the word that begins at each token, ``NO_LABEL`` where none does.
    """

    def __init__(
        self,
        ids: Sequence[Ids],
        begins: Sequence[NDArray[np.int64]] = (),
        tags: Sequence[NDArray[np.int64]] = (),
    ) -> None:
        self.ids = tuple(ids)
        self.begins = tuple(begins)
        self.tags = tuple(tags)
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

    def labels(self, batch: Batch, of_texts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The labels of a batch: (batch, width) at its tokens, or what ``of_texts`` (texts, ...) says of whole texts."""
        if not self.tags:
            rows: NDArray[np.int64] = of_texts[batch.items]
            return rows
        labels = np.full((len(batch.items), batch.width), NO_LABEL, np.int64)
        for row, item in enumerate(batch.items):
            labels[row, : len(self.tags[item])] = self.tags[item]
        return labels

    @property
    def tokens(self) -> int:
        """Tokens of all texts together."""
        return int(self.lengths.sum())

    def replaced(self, items: Sequence[int], by: Texts) -> Texts:
        """These texts with those of ``by`` in place of ``items``."""
        place = dict(zip(items, range(len(items)), strict=True))

        def chosen(own: Sequence[Row], new: Sequence[Row]) -> list[Row]:
            return [new[place[i]] if i in place else row for i, row in enumerate(own)]

        return Texts(chosen(self.ids, by.ids), chosen(self.begins, by.begins), chosen(self.tags, by.tags))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
