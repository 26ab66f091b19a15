"""Easy data augmentation (Wei and Zou 2019, section 2), from a finite pool of variants of each text.

Every variant is a function of the text, the method, the strength, its number and the seed: neither other texts nor the
order of calls matter, so the same variant comes back in every epoch, trial and process.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

import numpy as np

from hpo.data.stop_words import STOP_WORDS
from hpo.data.wordnet import Synonyms


def variant(
    text: str, method: str, strength: float, number: int, seed: int, synonyms: Synonyms | None = None
) -> str:
    """Variant ``number`` of ``text``; number 0 and strength 0 are the text itself, and so is method ``none``.

    Args:
        method: one of ``hpo.config.parameters.AUGMENTATIONS``.
        strength: share of the words that are touched, at least one (alpha of the paper). For ``random_deletion`` the
            probability of each word to go; for ``random_swap`` the number of swaps a word.
        number: from 0 up to the size of the pool.
        synonyms: required by ``hpo.config.parameters.NEEDS_SYNONYMS``. Words are looked up as they stand, in lower case.
    """
    words = text.split()
    if number == 0 or strength == 0 or method == "none" or len(words) < 2:
        return text
    rng = _generator(seed, method, number, text)
    changed = METHODS[method](words, strength, rng, synonyms or {})
    return text if changed == words else " ".join(changed)


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


def _generator(seed: int, method: str, number: int, text: str) -> np.random.Generator:
    key = json.dumps([seed, method, number, text]).encode()
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key).digest()[:16], "little"))


def _touched(words: list[str], strength: float) -> int:
    return max(1, round(strength * len(words)))


def _core(word: str) -> tuple[str, str, str]:
    """What stands before the word's first letter or digit, the word, and what follows its last."""
    core = re.sub(r"^\W+|\W+$", "", word)
    return word.partition(core) if core else (word, "", "")


def _choices(word: str, synonyms: Synonyms) -> tuple[str, ...]:
    core = _core(word)[1].lower()
    return () if core in STOP_WORDS else synonyms.get(core, ())


def _synonym_replacement(
    words: list[str], strength: float, rng: np.random.Generator, synonyms: Synonyms
) -> list[str]:
    """Replace n words that are no stop words, each by one of its synonyms."""
    replaceable = [i for i, word in enumerate(words) if _choices(word, synonyms)]
    changed = list(words)
    for i in rng.permutation(replaceable)[: _touched(words, strength)]:
        before, core, after = _core(words[i])
        synonym = str(rng.choice(_choices(words[i], synonyms)))
        changed[i] = f"{before}{synonym.capitalize() if core[0].isupper() else synonym}{after}"
    return changed


def _random_insertion(
    words: list[str], strength: float, rng: np.random.Generator, synonyms: Synonyms
) -> list[str]:
    """n times put a synonym of a random word of the text, no stop word, at a random place."""
    sources = [word for word in words if _choices(word, synonyms)]
    changed = list(words)
    if not sources:
        return changed
    for _ in range(_touched(words, strength)):
        source = sources[rng.integers(len(sources))]
        changed.insert(int(rng.integers(len(changed) + 1)), str(rng.choice(_choices(source, synonyms))))
    return changed


def _random_swap(
    words: list[str], strength: float, rng: np.random.Generator, _synonyms: Synonyms
) -> list[str]:
    """n times exchange two random words."""
    changed = list(words)
    for _ in range(_touched(words, strength)):
        i, j = rng.choice(len(changed), size=2, replace=False)
        changed[i], changed[j] = changed[j], changed[i]
    return changed


def _random_deletion(
    words: list[str], strength: float, rng: np.random.Generator, _synonyms: Synonyms
) -> list[str]:
    """Leave each word out with probability ``strength``; where none would stay, keep one."""
    stays = rng.random(len(words)) >= strength
    if not stays.any():
        stays[rng.integers(len(words))] = True
    return [word for word, keep in zip(words, stays, strict=True) if keep]


METHODS: dict[str, Callable[[list[str], float, np.random.Generator, Synonyms], list[str]]] = {
    "synonym_replacement": _synonym_replacement,
    "random_swap": _random_swap,
    "random_deletion": _random_deletion,
    "random_insertion": _random_insertion,
}
