from types import SimpleNamespace

import numpy as np
import pytest

from hpo.data.tokens import digest, padding_id, tokenize


def letters(texts, truncation, max_length, return_attention_mask):
    """A tokenizer with the interface of transformers: one id a letter, cut where asked."""
    return {
        "input_ids": [
            [ord(letter) for letter in text][: max_length if truncation else None] for text in texts
        ]
    }


def test_ids_are_ragged_and_cut_to_the_longest_length():
    ids = tokenize(letters, ["ab", "c", "defgh"], max_length=3)
    assert [i.tolist() for i in ids] == [[97, 98], [99], [100, 101, 102]]
    assert all(i.dtype == np.int32 for i in ids)
    assert tokenize(letters, [], max_length=3) == []


def test_the_digest_sees_ids_and_where_texts_end():
    digests = {
        digest(tokenize(letters, texts, 9)) for texts in (["ab", "c"], ["a", "bc"], ["abc"], ["ab", "d"])
    }
    assert len(digests) == 4
    assert digest(tokenize(letters, ["ab"], 9)) == digest(tokenize(letters, ["ab"], 5))


def special(**ids):
    """A tokenizer with some special tokens, which adds none to a text."""
    known = {"pad_token_id": None, "eos_token_id": None, "unk_token_id": None} | ids

    class Tokenizer(SimpleNamespace):
        def __call__(self, texts, **given):
            return letters(texts, **given)

    return Tokenizer(**known)


@pytest.mark.parametrize(
    ("ids", "padding"),
    [
        ({"pad_token_id": 3, "eos_token_id": 2}, 3),
        ({"pad_token_id": 0, "eos_token_id": 2}, 0),
        ({"eos_token_id": 2, "unk_token_id": 5}, 2),
        ({"unk_token_id": 5}, 5),
        ({}, 0),
    ],
)
def test_a_model_without_a_padding_token_fills_up_with_another_special_one(ids, padding):
    assert padding_id(special(**ids)) == padding


def test_a_text_without_a_token_has_one():
    ids = tokenize(special(eos_token_id=2), ["ab", ""], 9)
    assert [i.tolist() for i in ids] == [[97, 98], [2]]
