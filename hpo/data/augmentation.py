"""Variants of texts from a finite pool: easy data augmentation (Wei and Zou 2019, section 2) and its kin.

Every variant is a function of the text, the method, the strength, its number and the seed: neither other texts nor the
order of calls matter, so the same variant comes back in every epoch, trial and process.

Words are what stands between white space, which English has and other languages may not: a word with letters of a script
that is written without spaces is never touched, and neither is a text of one word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from hpo.data.edits import METHODS, Draw, Edited, Sources, untouched
from hpo.data.entities import OUTSIDE
from hpo.data.mentions import MENTION_REPLACEMENT, Mentions, replace_mentions
from hpo.data.words import is_unspaced

__all__ = [
    "METHODS",
    "Edited",
    "Sources",
    "edited",
    "edited_words",
    "generator",
    "pool_choice",
    "variant",
    "variant_of_words",
]


def variant(
    text: str, method: str, strength: float, number: int, seed: int, sources: Sources | None = None
) -> str:
    """Variant ``number`` of ``text``; number 0 and strength 0 are the text itself, and so is method ``none``.

    Args:
        method: one of ``hpo.config.parameters.AUGMENTATIONS``.
        strength: share of the words that are touched, at least one (alpha of Wei and Zou). For ``random_deletion`` the
            probability of each word to go; for ``random_swap`` the number of swaps a word.
        number: from 0 up to the size of the pool.
        sources: of the words that the method puts in.
    """
    changed = edited(text, method, strength, number, seed, sources)
    return " ".join(changed.result()) if changed.touched else text


def edited(
    text: str, method: str, strength: float, number: int, seed: int, sources: Sources | None = None
) -> Edited:
    """What ``variant`` does to each word of ``text``."""
    words = text.split()
    if len(words) < 2 or number == 0 or strength == 0 or method == "none":
        return untouched(words)
    free = [i for i, word in enumerate(words) if not is_unspaced(word)]
    return _edited(words, free, method, strength, generator(seed, method, number, text), sources)


def variant_of_words(
    words: Sequence[str],
    labels: Sequence[str],
    method: str,
    strength: float,
    number: int,
    seed: int,
    sources: Sources | None = None,
    mentions: Mentions | None = None,
) -> tuple[list[str], list[str]]:
    """As ``variant``, of words with IOB2 labels (``O``, ``B-PER``, ``I-PER``): the words and labels of the variant.

    Only words outside of entities are touched, and the strength is the share of these: a word that takes their place
    or stands new beside them is outside too, and no entity is changed, moved, deleted or divided.
    ``mention_replacement`` alone replaces
    entities, as wholes, by others of their types among ``mentions``; there the strength is their share.
    """
    changed = edited_words(words, labels, method, strength, number, seed, sources, mentions)
    followed: list[str] = []
    for gap, slot, label in zip(changed.gaps, [*changed.slots, ()], [*labels, OUTSIDE], strict=True):
        inside = f"I{label[1:]}" if label.startswith("B-") else label
        followed += [OUTSIDE] * len(gap) + [label, *[inside] * len(slot)][: len(slot)]
    return changed.result(), followed


def edited_words(
    words: Sequence[str],
    labels: Sequence[str],
    method: str,
    strength: float,
    number: int,
    seed: int,
    sources: Sources | None = None,
    mentions: Mentions | None = None,
) -> Edited:
    """What ``variant_of_words`` does to each of ``words``."""
    if number == 0 or strength == 0 or method == "none":
        return untouched(words)
    rng = generator(seed, method, number, list(words))
    if method == MENTION_REPLACEMENT:
        return replace_mentions(words, labels, strength, rng, mentions or {})
    if len(words) < 2:
        return untouched(words)
    free = [i for i, label in enumerate(labels) if label == OUTSIDE and not is_unspaced(words[i])]
    return _edited(words, free, method, strength, rng, sources)


def pool_choice(items: np.ndarray, epoch: int, variants: int, seed: int) -> np.ndarray:
    """Which variant each text shows in this epoch: int64 [len(items)], from 0 (the text itself) to ``variants``.

    A text begins anywhere in its pool and goes round: it shows all before it shows one again, and epochs ``variants`` + 1
    apart read the same, so that what is computed of their texts is computed once. The choice of one text does not
    depend on the others in ``items``.
    """
    if len(items) == 0:
        return np.zeros(0, np.int64)
    rng = np.random.default_rng([seed, variants])
    first = np.take(rng.integers(0, variants + 1, size=int(np.max(items)) + 1), items)
    return (first + epoch) % (variants + 1)


def generator(seed: int, method: str, number: int, text: str | list[str]) -> np.random.Generator:
    """What variant ``number`` of ``text`` is drawn from."""
    key = json.dumps([seed, method, number, text]).encode()
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key).digest()[:16], "little"))


def _edited(
    words: Sequence[str],
    free: Sequence[int],
    method: str,
    strength: float,
    rng: np.random.Generator,
    sources: Sources | None,
) -> Edited:
    changed = untouched(words)
    if free:
        METHODS[method](changed, Draw(tuple(free), strength, rng, sources or Sources()))
    return changed
