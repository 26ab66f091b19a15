"""Texts to token ids: ragged, nothing padded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np


def tokenize(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[np.ndarray]:
    """Token ids of each text, int32 [tokens], special tokens included, cut to ``max_length``.

    Args:
        tokenizer: of transformers.
    """
    if not texts:
        return []
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length, return_attention_mask=False)
    return [np.array(ids, np.int32) for ids in encoded["input_ids"]]


def digest(ids: Sequence[np.ndarray]) -> str:
    """Hexadecimal sha256 over the ids and the bounds between texts."""
    total = hashlib.sha256(b"hpo tokens 1")
    total.update(np.array([len(ids), *map(len, ids)], "<i8").tobytes())
    for text in ids:
        total.update(text.astype("<i4").tobytes())
    return total.hexdigest()


def tells_case(tokenizer: Any) -> bool:
    """Whether texts in capitals are other tokens than the same in small letters."""
    capitals, small = tokenizer(list(ascii_uppercase)), tokenizer(list(ascii_lowercase))
    return bool(capitals["input_ids"] != small["input_ids"])
