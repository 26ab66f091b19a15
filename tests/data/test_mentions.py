from __future__ import annotations

import numpy as np
import pytest

from hpo.data.augmentation import variant_of_words
from hpo.data.entities import spans_of
from hpo.data.mentions import MENTION_REPLACEMENT, pool

WORDS = ["Ann", "Lee", "of", "the", "United", "Nations", "met", "Ben", "Rob", "Kim"]
LABELS = ["B-PER", "I-PER", "O", "O", "B-ORG", "I-ORG", "O", "B-PER", "B-PER", "I-PER"]
MENTIONS = {
    "PER": (("Ann", "Lee"), ("Ada",), ("Max", "van", "Dam")),
    "ORG": (("NATO",), ("United", "Nations")),
}


def with_other_mentions(words, labels, strength, number, seed, mentions):
    return variant_of_words(words, labels, MENTION_REPLACEMENT, strength, number, seed, None, mentions)


def test_the_pool_has_each_mention_once_by_type():
    assert pool([(WORDS, LABELS), (["Ben"], ["B-PER"]), (["no", "one"], ["O", "O"])]) == {
        "ORG": (("United", "Nations"),),
        "PER": (("Ann", "Lee"), ("Ben",), ("Rob", "Kim")),
    }


def mentions_of(words: list[str], labels: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    return [(kind, tuple(words[first:end])) for first, end, kind in spans_of(labels)]


@pytest.mark.parametrize(("strength", "replaced"), [(0.1, 1), (0.5, 2), (1.0, 4)])
def test_a_share_of_the_entities_gives_way_to_others_of_their_type_and_all_else_stays(strength, replaced):
    before = mentions_of(WORDS, LABELS)
    for number in range(1, 60):
        words, labels = with_other_mentions(WORDS, LABELS, strength, number, 0, MENTIONS)
        assert len(words) == len(labels)
        after = mentions_of(words, labels)
        assert [kind for kind, _ in after] == [kind for kind, _ in before]
        changed = [new for old, new in zip(before, after, strict=True) if new != old]
        assert len(changed) == replaced
        assert all(mention in MENTIONS[kind] for kind, mention in changed)
        outside = [word for word, label in zip(words, labels, strict=True) if label == "O"]
        assert outside == ["of", "the", "met"]


def test_every_entity_and_every_other_mention_of_its_type_has_its_turn():
    seen = set()
    for number in range(1, 200):
        words, labels = with_other_mentions(WORDS, LABELS, 0.25, number, 0, MENTIONS)
        seen |= {(i, m) for i, (_, m) in enumerate(mentions_of(words, labels))}
    originals = [mention for _, mention in mentions_of(WORDS, LABELS)]
    for i, kind in enumerate(["PER", "ORG", "PER", "PER"]):
        assert {m for j, m in seen if j == i} == {originals[i], *MENTIONS[kind]}


def test_without_another_mention_of_the_type_the_entity_stays():
    assert with_other_mentions(["Ann"], ["B-PER"], 1.0, 1, 0, {"PER": (("Ann",),)}) == (["Ann"], ["B-PER"])
    assert with_other_mentions(["Ann"], ["B-PER"], 1.0, 1, 0, {}) == (["Ann"], ["B-PER"])


def test_number_zero_strength_zero_and_no_entity_are_the_sentence_itself():
    for strength, number in [(0.0, 1), (1.0, 0)]:
        assert with_other_mentions(WORDS, LABELS, strength, number, 0, MENTIONS) == (WORDS, LABELS)
    assert with_other_mentions(["a", "b"], ["O", "O"], 1.0, 1, 0, MENTIONS) == (["a", "b"], ["O", "O"])


def test_a_variant_is_a_function_of_its_arguments():
    np.random.seed(0)
    first = with_other_mentions(WORDS, LABELS, 0.5, 1, 0, MENTIONS)
    np.random.seed(1)
    assert with_other_mentions(WORDS, LABELS, 0.5, 1, 0, MENTIONS) == first
    drawn = [
        with_other_mentions(WORDS, LABELS, 0.5, n, s, MENTIONS)[0]
        for n, s in [(1, 0), (2, 0), (3, 0), (1, 1)]
    ]
    assert len({tuple(words) for words in drawn}) > 1
