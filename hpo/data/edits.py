"""The methods that change the words of a text, each within the words that may be touched.

A method works on an ``Edited`` and leaves on record which words it touched, so that labels of words can follow and
shares can be
measured. Strength is the share of the words that may be touched: at least one of them is, where the method can do so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.data.stop_words import STOP_WORDS
from hpo.data.typing_errors import can_be_mistyped, mistyped
from hpo.data.words import core, in_case_of

# The words of a text to what may stand in place of each: synonyms of its part of speech, none where it must stay.
Synonyms = Callable[[Sequence[str]], Sequence[tuple[str, ...]]]
# The words of a text and the position of one to what may stand there, most probable first.
MaskedWords = Callable[[Sequence[str], int], tuple[str, ...]]

MARKS = (".", ";", "?", ":", "!", ",")  # of AEDA


@dataclass(frozen=True)
class Sources:
    """Where words come from; None where no method asks for it."""

    synonyms: Synonyms | None = None
    masked: MaskedWords | None = None


@dataclass
class Edited:
    """What became of the words of a text.

    Attributes:
        words: as they were.
        slots: of each word what stands in its place: itself where it was left, nothing where it was deleted.
        gaps: what was inserted before each word and, last, at the end; one longer than ``words``.
    """

    words: tuple[str, ...]
    slots: list[tuple[str, ...]]
    gaps: list[tuple[str, ...]]

    @property
    def touched(self) -> int:
        """Words replaced, moved or deleted, and words inserted."""
        replaced = sum(slot != (word,) for word, slot in zip(self.words, self.slots, strict=True))
        return replaced + sum(len(gap) for gap in self.gaps)

    def result(self) -> list[str]:
        """The words as they are now."""
        pairs = zip(self.gaps, [*self.slots, ()], strict=True)
        return [word for gap, slot in pairs for word in (*gap, *slot)]


def untouched(words: Sequence[str]) -> Edited:
    """The words as they are."""
    return Edited(tuple(words), [(word,) for word in words], [()] * (len(words) + 1))


@dataclass(frozen=True)
class Draw:
    """What a method works with.

    Attributes:
        free: positions of the words that may be touched, ascending; one at least.
        strength: share of them that is touched.
    """

    free: tuple[int, ...]
    strength: float
    rng: np.random.Generator
    sources: Sources

    @property
    def count(self) -> int:
        """Words to touch."""
        return max(1, round(self.strength * len(self.free)))

    def some(self, positions: Sequence[int]) -> list[int]:
        """As many of ``positions`` as words are to be touched, or all."""
        return [int(i) for i in self.rng.permutation(positions)[: self.count]]

    def gaps(self) -> list[int]:
        """Gaps beside a word that may be touched: none is inside an entity."""
        return sorted({gap for i in self.free for gap in (i, i + 1)})

    def one_of(self, choices: Sequence[str]) -> str:
        """One of ``choices``."""
        return choices[int(self.rng.integers(len(choices)))]


def _replace(text: Edited, position: int, by: str) -> None:
    """Put ``by`` in place of a word, with its punctuation and its capitals."""
    before, inner, after = core(text.words[position])
    text.slots[position] = tuple(f"{before}{in_case_of(by, inner)}{after}".split())


def _synonyms(text: Edited, draw: Draw) -> dict[int, tuple[str, ...]]:
    """Synonyms of the words that may be touched and have any."""
    assert draw.sources.synonyms is not None
    found = draw.sources.synonyms(text.words)
    return {i: found[i] for i in draw.free if found[i]}


def _synonym_replacement(text: Edited, draw: Draw) -> None:
    """Replace words that are no stop words, each by one of its synonyms (Wei and Zou 2019, section 2)."""
    synonyms = _synonyms(text, draw)
    for i in draw.some(list(synonyms)):
        _replace(text, i, draw.one_of(synonyms[i]))


def _masked_replacement(text: Edited, draw: Draw) -> None:
    """Replace words that are no stop words, each by one of a masked language model's top predictions for its place
    (Kobayashi 2018, without its condition on the label)."""
    assert draw.sources.masked is not None
    for i in draw.some([i for i in draw.free if _has_meaning(core(text.words[i])[1])]):
        if predicted := draw.sources.masked(text.words, i):
            _replace(text, i, draw.one_of(predicted))


def _has_meaning(word: str) -> bool:
    return word.isalpha() and word.lower() not in STOP_WORDS


def _random_insertion(text: Edited, draw: Draw) -> None:
    """n times put a synonym of a random word of the text, no stop word, at a random place (Wei and Zou 2019)."""
    synonyms = _synonyms(text, draw)
    gaps = draw.gaps()
    for _ in range(draw.count if synonyms else 0):
        synonym = draw.one_of(synonyms[int(draw.rng.choice(list(synonyms)))])
        gap = gaps[draw.rng.integers(len(gaps))]
        text.gaps[gap] += tuple(synonym.split())


def _random_swap(text: Edited, draw: Draw) -> None:
    """n times exchange two random words, so that up to 2 n are touched (Wei and Zou 2019)."""
    for _ in range(draw.count if len(draw.free) > 1 else 0):
        i, j = draw.rng.choice(draw.free, size=2, replace=False)
        text.slots[i], text.slots[j] = text.slots[j], text.slots[i]


def _random_deletion(text: Edited, draw: Draw) -> None:
    """Leave each word out with probability ``strength``; where none would stay, keep one (Wei and Zou 2019)."""
    goes = draw.rng.random(len(draw.free)) < draw.strength
    if goes.all() and len(draw.free) == len(text.words):
        goes[draw.rng.integers(len(goes))] = False
    for i, gone in zip(draw.free, goes, strict=True):
        if gone:
            text.slots[i] = ()


def _punctuation_insertion(text: Edited, draw: Draw) -> None:
    """Put punctuation marks before random words, one before each (AEDA, Karimi et al. 2021, section 3).

    The paper draws their number between one and a third of the words; here it is the strength that says it.
    """
    for gap in draw.some([gap for gap in draw.gaps() if gap < len(text.words)]):
        text.gaps[gap] = (draw.one_of(MARKS),)


def _typing_errors(text: Edited, draw: Draw) -> None:
    """Mistype words, each in one place: a key beside the right one, two letters in the wrong order, one left out or
    doubled."""
    for i in draw.some([i for i in draw.free if can_be_mistyped(text.words[i])]):
        text.slots[i] = (mistyped(text.words[i], draw.rng),)


def _case(text: Edited, draw: Draw) -> None:
    """Write words in another case: all small, all capitals, the first a capital, or each the other way."""
    cases = {i: _other_cases(text.words[i]) for i in draw.free}
    for i in draw.some([i for i, others in cases.items() if others]):
        text.slots[i] = (draw.one_of(cases[i]),)


def _other_cases(word: str) -> list[str]:
    before, inner, after = core(word)
    cases = {inner.lower(), inner.upper(), in_case_of(inner.lower(), "A"), inner.swapcase()} - {inner}
    return [f"{before}{other}{after}" for other in sorted(cases)]


METHODS: dict[str, Callable[[Edited, Draw], None]] = {
    "synonym_replacement": _synonym_replacement,
    "masked_replacement": _masked_replacement,
    "random_swap": _random_swap,
    "random_deletion": _random_deletion,
    "random_insertion": _random_insertion,
    "punctuation_insertion": _punctuation_insertion,
    "typing_errors": _typing_errors,
    "case": _case,
}
