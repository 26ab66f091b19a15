"""Typing errors of one word: the four of Damerau (1964), on the keys of a QWERTY keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
OFFSETS = (0.0, 0.25, 0.75)  # of each row to the right, in keys
REACH = 1.26  # keys between the middles of two that are hit for each other


def _neighbours() -> dict[str, str]:
    """Each letter to the letters beside it, small ones alone."""
    places = {
        key: (column + offset, row)
        for row, (keys, offset) in enumerate(zip(ROWS, OFFSETS, strict=True))
        for column, key in enumerate(keys)
    }
    return {
        key: "".join(k for k, (u, v) in places.items() if 0 < (u - x) ** 2 + (v - y) ** 2 < REACH**2)
        for key, (x, y) in places.items()
    }


NEIGHBOURS = _neighbours()


def _replaced(word: str, rng: np.random.Generator) -> Iterator[str]:
    """A letter hit beside its key."""
    for i in _letters(word):
        near = NEIGHBOURS[word[i].lower()]
        hit = near[rng.integers(len(near))]
        yield word[:i] + (hit.upper() if word[i].isupper() else hit) + word[i + 1 :]


def _transposed(word: str, _rng: np.random.Generator) -> Iterator[str]:
    """Two letters in the wrong order."""
    letters = set(_letters(word))
    for i in range(len(word) - 1):
        if {i, i + 1} <= letters and word[i] != word[i + 1]:
            yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _omitted(word: str, _rng: np.random.Generator) -> Iterator[str]:
    """A letter left out, never the only one."""
    letters = _letters(word)
    if len(letters) > 1:
        yield from (word[:i] + word[i + 1 :] for i in letters)


def _doubled(word: str, _rng: np.random.Generator) -> Iterator[str]:
    """A key hit twice."""
    yield from (word[: i + 1] + word[i:] for i in _letters(word))


ERRORS: dict[str, Callable[[str, np.random.Generator], Iterator[str]]] = {
    "replaced": _replaced,
    "transposed": _transposed,
    "omitted": _omitted,
    "doubled": _doubled,
}


def can_be_mistyped(word: str) -> bool:
    """Whether ``word`` has a letter of the keyboard."""
    return bool(_letters(word))


def mistyped(word: str, rng: np.random.Generator) -> str:
    """``word``, which has a letter of the keyboard, with one error: its kind is drawn first, then its place."""
    kinds = [found for error in ERRORS.values() if (found := list(error(word, rng)))]
    places = kinds[rng.integers(len(kinds))]
    return places[rng.integers(len(places))]


def _letters(word: str) -> list[int]:
    return [i for i, letter in enumerate(word) if letter.lower() in NEIGHBOURS]
