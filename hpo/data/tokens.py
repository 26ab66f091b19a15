"""Texts to token ids: ragged, nothing padded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from hpo.data.cells import Text

LONGEST = 10**9  # tokens: no text is cut


def tokenize(tokenizer: Any, texts: Sequence[Text], max_length: int) -> list[np.ndarray]:
    """Token ids of each text, int32 [tokens], special tokens included, cut to ``max_length``; never none at all.

    Of two texts the longer one is cut first. What the tokenizer does not put between them (``between``) stands there, too.

    Args:
        tokenizer: of transformers.
    """
    if not texts:
        return []
    columns: list[list[Any]] = [list(texts)]
    if not isinstance(texts[0], str):
        first, second = zip(*texts, strict=True)
        columns = [list(first), [f"{between(tokenizer)}{text}" for text in second]]
    encoded = tokenizer(*columns, truncation=True, max_length=max_length, return_attention_mask=False)
    # Decoders add no special tokens, so that nothing would stand for a text without a word.
    rows = encoded["input_ids"]
    return [np.array(ids or [padding_id(tokenizer)], np.int32) for ids in rows]


def between(tokenizer: Any) -> str:
    """What must be put before a second text so that it does not run into the first: where the tokenizer puts nothing there,
    as those of many decoders do not, its end of a text, or a line break if it has none."""
    if tokenizer.num_special_tokens_to_add(pair=True) > tokenizer.num_special_tokens_to_add(pair=False):
        return ""
    end: str = tokenizer.eos_token or "\n"
    return end


def padding_id(tokenizer: Any) -> int:
    """The id that fills up a batch: the padding token's, or another special one's, for what is filled up is masked."""
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id)
    padding: int = next((number for number in ids if number is not None), 0)
    return padding


def tokenize_words(
    tokenizer: Any, sentences: Sequence[Sequence[str]], max_length: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each sentence its token ids, as ``tokenize``, and the word that begins at each token.

    Returns:
        For each sentence int32 [tokens] and int64 [tokens], -1 where no word begins. A word that was cut off, or that the
        tokenizer leaves out, begins nowhere.
    """
    if not sentences:
        return []
    encoded = tokenizer(
        [list(words) for words in sentences],
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
        return_attention_mask=False,
    )
    found = []
    for row, ids in enumerate(encoded["input_ids"]):
        words = [-1 if word is None else word for word in encoded.word_ids(row)]
        begins = np.array(words or [-1], np.int64)
        begins[1:][begins[1:] == begins[:-1]] = -1
        found.append((np.array(ids or [padding_id(tokenizer)], np.int32), begins))
    return found


def count_longer(tokenizer: Any, texts: Sequence[Text], length: int, *, words: bool) -> int:
    """How many of ``texts`` have more than ``length`` tokens, special ones included; ``words``: they are lists of words."""
    if words:
        return sum(len(ids) > length for ids, _ in tokenize_words(tokenizer, texts, LONGEST))
    return sum(len(ids) > length for ids in tokenize(tokenizer, texts, LONGEST))


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
