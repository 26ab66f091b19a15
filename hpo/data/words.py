"""The words of a text as augmentation sees them: what stands between white space, with the punctuation around it."""

from __future__ import annotations

import re

# Scripts that are written without spaces between words: Thai and Lao, Tibetan, Myanmar, Khmer, the Japanese syllabaries
# and Han (Unicode 16, blocks).
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
_AROUND = re.compile(r"^\W+|\W+$")


def core(word: str) -> tuple[str, str, str]:
    """What stands before the word's first letter or digit, the word itself, and what follows its last."""
    inner = _AROUND.sub("", word)
    return word.partition(inner) if inner else (word, "", "")


def is_unspaced(word: str) -> bool:
    """Whether ``word`` holds letters of a script without spaces: it may be a whole clause, and is no word."""
    return _UNSPACED.search(word) is not None


def in_case_of(word: str, model: str) -> str:
    """``word`` with the capitals of ``model``: all, the first, or none."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
