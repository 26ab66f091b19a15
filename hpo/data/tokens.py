"""Texts to token ids: ragged, nothing padded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def tokenize(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[np.ndarray]:
    """Token ids of each text, int32 [tokens], special tokens included, cut to ``max_length``; never none at all.

    Args:
        tokenizer: of transformers.
    """
    if not texts:
        return []
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length, return_attention_mask=False)
    # Decoders add no special tokens, so that nothing would stand for a text without a word.
    rows = encoded["input_ids"]
    return [np.array(ids or [padding_id(tokenizer)], np.int32) for ids in rows]


def padding_id(tokenizer: Any) -> int:
    """The id that fills up a batch: the padding token's, or another special one's, for what is filled up is masked."""
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id)
    padding: int = next((number for number in ids if number is not None), 0)
    return padding


def digest(ids: Sequence[np.ndarray]) -> str:
    """Hexadecimal sha256 over the ids and the bounds between texts."""
    total = hashlib.sha256(b"hpo tokens 1")
    total.update(np.array([len(ids), *map(len, ids)], "<i8").tobytes())
    for text in ids:
        total.update(text.astype("<i4").tobytes())
    return total.hexdigest()
