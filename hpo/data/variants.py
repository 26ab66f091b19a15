"""Variants of the items of a split, whatever their kind: a text, two of them, or words with a label each."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from hpo.data.augmentation import Edited, Sources, edited, edited_words, variant, variant_of_words
from hpo.data.cells import Text
from hpo.data.mentions import Mention, pool
from hpo.data.task_data import Part


class Variants:
    """The variants of each item of ``part``.

    Args:
        names: of the tags of words, where labels are of words.
        sources: of the words that augmentation puts in.
        seed: from which all are drawn.
    """

    def __init__(self, part: Part, names: tuple[str, ...], sources: Sources | None, seed: int) -> None:
        self._part = part
        self._names = names
        self._index = {name: i for i, name in enumerate(names)}
        self._sources = sources
        self._seed = seed

    def make(self, item: int, method: str, strength: float, number: int) -> tuple[Text, Any]:
        """Variant ``number`` of an item, and its label; of two texts both are changed, each by itself."""
        text, label = self._part.texts[item], self._part.labels[item]
        how = (method, strength, number, self._seed, self._sources)
        if isinstance(text, str):
            return variant(text, *how), label
        if not self._of_words:
            return tuple(variant(one, *how) for one in text), label
        words, tags = variant_of_words(text, self._tags(item), *how, self._mentions)
        return tuple(words), np.array([self._index[tag] for tag in tags], np.int64)

    def edits(self, item: int, method: str, strength: float, number: int) -> list[Edited]:
        """What ``make`` does to each word, of each text of the item."""
        text = self._part.texts[item]
        how = (method, strength, number, self._seed, self._sources)
        if self._of_words:
            return [edited_words(list(text), self._tags(item), *how, self._mentions)]
        return [edited(one, *how) for one in ((text,) if isinstance(text, str) else text)]

    @property
    def _of_words(self) -> bool:
        return self._part.labels.dtype == object

    def _tags(self, item: int) -> list[str]:
        return [self._names[tag] for tag in self._part.labels[item]]

    @cached_property
    def _mentions(self) -> dict[str, tuple[Mention, ...]]:
        return pool((text, self._tags(item)) for item, text in enumerate(self._part.texts))
