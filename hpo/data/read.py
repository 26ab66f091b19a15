"""Texts and labels as a model reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.cells import Text
from hpo.data.texts import NO_LABEL, Texts
from hpo.data.tokens import tokenize, tokenize_words


def read_texts(tokenizer: Any, texts: Sequence[Text], labels: NDArray[Any], max_length: int) -> Texts:
    """Token ids of ``texts``; with the label of each word at its first token where ``labels`` are of words.

    Args:
        labels: as ``hpo.data.corpus.Corpus`` has them.
    """
    if labels.dtype != object:
        return Texts(tokenize(tokenizer, texts, max_length))
    rows = tokenize_words(tokenizer, texts, max_length)
    tags = [_at_tokens(begins, own) for (_, begins), own in zip(rows, labels, strict=True)]
    return Texts([ids for ids, _ in rows], [begins for _, begins in rows], tags)


def _at_tokens(begins: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The label of each word at its first token, ``NO_LABEL`` elsewhere."""
    tags = np.full(len(begins), NO_LABEL, np.int64)
    tags[begins >= 0] = labels[begins[begins >= 0]]
    return tags
