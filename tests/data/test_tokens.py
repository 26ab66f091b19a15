import numpy as np
import pytest
from transformers import BertTokenizer

from hpo.data.tokens import digest, tells_case, tokenize


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


@pytest.mark.parametrize(("lower", "tells"), [(True, False), (False, True)])
def test_a_tokenizer_tells_case_or_does_not(lower: bool, tells: bool):
    vocabulary = {
        token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "A"])
    }
    assert tells_case(BertTokenizer(vocab=vocabulary, do_lower_case=lower)) is tells
