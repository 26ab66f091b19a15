from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hpo.data.batches import Batch
from hpo.data.read import read_texts
from hpo.data.texts import NO_LABEL
from hpo.data.tokens import tokenize, tokenize_words
from hpo.models.pretrained import load_pretrained
from hpo.models.reading import token_types
from hpo.models.shortcuts import _shallow, start_at, stretch


def test_a_body_reads_two_texts_as_the_tokenizer_says(tiny_model: Path) -> None:
    plain, told = load_pretrained(str(tiny_model)), load_pretrained(str(tiny_model), "pair")
    encoded = told.tokenizer("good film", "bad plot", return_tensors="pt")
    assert 1 in encoded["token_type_ids"]
    ids, mask = encoded["input_ids"], encoded["attention_mask"]
    assert torch.equal(token_types(ids, told.tokenizer.sep_token_id), encoded["token_type_ids"])
    with torch.no_grad():
        expected = plain.body(**encoded).last_hidden_state
        found = told.body(input_ids=ids, attention_mask=mask).last_hidden_state
        without = plain.body(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(found, expected)
    assert not torch.equal(without, expected)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_frozen_prefix_of_two_texts_holds_the_types(tiny_model: Path, depth: int) -> None:
    told = load_pretrained(str(tiny_model), "pair")
    encoded = told.tokenizer("good film", "bad plot", return_tensors="pt")
    ids, mask = encoded["input_ids"], encoded["attention_mask"]
    with torch.no_grad():
        expected = told.body(input_ids=ids, attention_mask=mask).last_hidden_state
        tail = _shallow(told.body)
        start_at(tail, depth)
        hidden = stretch(told.body, 0, depth)(ids, mask)
        found = tail(inputs_embeds=hidden, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(found, expected)
    assert told.starts_at(depth)


def test_two_texts_are_cut_from_the_longer_one(tiny_model: Path) -> None:
    tokenizer = load_pretrained(str(tiny_model)).tokenizer
    ids = tokenize(tokenizer, [("good " * 20, "bad plot")], 12)[0]
    assert len(ids) == 12
    assert tokenizer.decode(ids).split()[-3:] == ["bad", "plot", "[SEP]"]


def test_the_label_of_a_word_stands_at_its_first_token(tiny_model: Path) -> None:
    tokenizer = load_pretrained(str(tiny_model), "token-classification").tokenizer
    # Two words of one token, one that is no word of the vocabulary, and one that is cut off.
    sentences = [("good", "zzz", "film", "plot"), ("bad",)]
    labels = np.empty(2, object)
    labels[0], labels[1] = np.array([1, 2, 0, 3]), np.array([4])
    texts = read_texts(tokenizer, sentences, labels, 5)
    rows = tokenize_words(tokenizer, sentences, 5)
    assert [begins.tolist() for _, begins in rows] == [[-1, 0, 1, 2, -1], [-1, 0, -1]]
    batch = texts.labels(Batch(np.array([0, 1]), 6), labels)
    assert batch.tolist() == [
        [NO_LABEL, 1, 2, 0, NO_LABEL, NO_LABEL],
        [NO_LABEL, 4, NO_LABEL, NO_LABEL, NO_LABEL, NO_LABEL],
    ]
