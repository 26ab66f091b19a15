from types import SimpleNamespace

import numpy as np
import pytest
from transformers import BertTokenizer

from hpo.data.tokens import digest, padding_id, tells_case, tokenize, tokenize_words


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


class Joining:
    """A tokenizer that puts nothing between two texts, as those of decoders."""

    def __init__(self, eos_token):
        self.eos_token = eos_token

    def num_special_tokens_to_add(self, pair=False):
        return 1

    def __call__(self, first, second, **given):
        return letters([a + b for a, b in zip(first, second, strict=True)], **given)


@pytest.mark.parametrize(("end", "between"), [("|", "|"), (None, "\n")])
def test_two_texts_never_run_into_each_other(end, between):
    [ids] = tokenize(Joining(end), [("ab", "c")], 9)
    assert ids.tolist() == [ord(letter) for letter in f"ab{between}c"]


def test_two_texts_between_which_a_tokenizer_puts_something_are_left_as_they_are():
    vocabulary = {
        token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])
    }
    [ids] = tokenize(BertTokenizer(vocab=vocabulary), [("a", "b")], 9)
    assert ids.tolist() == [2, 5, 3, 6, 3]


class Words(SimpleNamespace):
    """A tokenizer of words that knows "a" alone and adds no special tokens."""

    def __call__(self, sentences, is_split_into_words, truncation, max_length, return_attention_mask):
        kept = [[place for place, word in enumerate(words) if word == "a"] for words in sentences]
        encoded = Encoded(input_ids=[[7] * len(places) for places in kept])
        encoded.places = kept
        return encoded


class Encoded(dict):
    def word_ids(self, row):
        return self.places[row]


def test_a_sentence_without_a_token_has_one_at_which_no_word_begins():
    tokenizer = Words(pad_token_id=None, eos_token_id=2, unk_token_id=None)
    rows = tokenize_words(tokenizer, [["b", "a"], ["b"]], 9)
    assert [(ids.tolist(), begins.tolist()) for ids, begins in rows] == [([7], [1]), ([2], [-1])]
