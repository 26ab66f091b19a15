"""Sources of words that tests can foresee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpo.data.augmentation import Sources
from hpo.data.words import core


def sources(synonyms: Mapping[str, tuple[str, ...]]) -> Sources:
    """The same words as synonyms and as predictions, whatever stands around."""

    def of(word: str) -> tuple[str, ...]:
        return synonyms.get(core(word)[1].lower(), ())

    def all_of(words: Sequence[str]) -> list[tuple[str, ...]]:
        return [of(word) for word in words]

    return Sources(all_of, lambda words, position: of(words[position]))
