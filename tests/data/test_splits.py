import dataclasses

import numpy as np
import pytest

from hpo.data.corpus import Corpus
from hpo.data.splits import Split, digest, normalised, split
from hpo.data.strata import quotas
from hpo.errors import UserError


def corpus(labels, texts=None, groups=None, splits=None) -> Corpus:
    labels = np.array(labels)
    return Corpus(
        texts=tuple(texts or (f"text {i}" for i in range(len(labels)))),
        labels=labels,
        label_names=tuple("abc"[: labels.max() + 1]),
        groups=None if groups is None else np.array(groups),
        splits=splits,
        source="source",
        licence="licence",
        origin="data.csv",
    )


def parts(drawn: Split) -> list[np.ndarray]:
    return [drawn.train, drawn.validation, drawn.test]


THREE_CLASSES = corpus([0] * 500 + [1] * 300 + [2] * 200)
GROUPED = corpus(
    np.random.default_rng(1).choice(3, 1000, p=[0.5, 0.3, 0.2]),
    groups=np.sort(np.random.default_rng(2).integers(0, 120, 1000)),
)


@pytest.mark.parametrize("data", [THREE_CLASSES, GROUPED])
def test_splits_are_disjoint_and_of_the_sizes_asked_for(data):
    drawn = split(data, 400, 101, 203, seed=5)
    assert [len(part) for part in parts(drawn)] == [400, 101, 203]
    assert len(set(np.concatenate(parts(drawn)))) == 704


def test_each_class_keeps_its_share_to_the_item():
    for part in parts(split(THREE_CLASSES, 400, 101, 203, seed=5)):
        counts = np.bincount(THREE_CLASSES.labels[part])
        assert np.abs(counts - len(part) * np.array([0.5, 0.3, 0.2])).max() < 1


def test_quotas_go_by_the_largest_remainder():
    # Seats of 100 for 416, 338 and 246 votes: 41.6, 33.8, 24.6 -> 41 + 33 + 24 = 98; the two largest remainders
    # are .8 and the first .6.
    assert quotas(np.array([416, 338, 246]), 100).tolist() == [42, 34, 24]
    assert quotas(np.array([3, 0, 5]), 8).tolist() == [3, 0, 5]


def test_no_group_stands_in_two_splits():
    drawn = split(GROUPED, 400, 100, 200, seed=0)
    groups = [set(GROUPED.groups[part]) for part in parts(drawn)]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]


def test_small_splits_of_large_groups_hold_texts_of_many_of_them():
    groups = np.repeat(np.arange(60), np.arange(20, 80))  # of 20 to 79 texts each
    data = corpus(np.arange(len(groups)) % 2, groups=groups)
    drawn = split(data, 120, 60, 60, seed=0)
    held = [len(set(groups[part])) for part in parts(drawn)]
    assert held[0] > 20  # of about 30 that are its share, 4 texts each
    assert min(held[1:]) > 10  # of about 15 each
    assert min(groups[np.concatenate(parts(drawn))]) < 10  # small groups as well as large ones


def test_grouped_splits_are_stratified_where_the_groups_allow():
    share = np.bincount(GROUPED.labels) / 1000
    for part in parts(split(GROUPED, 400, 100, 200, seed=0)):
        assert np.abs(np.bincount(GROUPED.labels[part]) / len(part) - share).max() < 0.03


def test_groups_that_cannot_fill_the_splits_are_an_error():
    data = corpus([0, 1] * 20, groups=[0] * 20 + [1] * 20)
    with pytest.raises(UserError) as caught:
        split(data, 10, 5, 5, seed=0)
    assert "data.csv: whole groups give" in caught.value.message
    assert caught.value.hint.startswith("Ask for smaller splits")


@pytest.mark.parametrize("data", [THREE_CLASSES, GROUPED])
def test_the_seed_alone_decides(data):
    np.random.seed(0)
    first = split(data, 100, 50, 50, seed=1)
    np.random.seed(1)
    again = split(data, 100, 50, 50, seed=1)
    other = split(data, 100, 50, 50, seed=2)
    assert digest(data, first) == digest(data, again) != digest(data, other)


def test_a_larger_training_split_leaves_test_and_validation_alone_and_contains_the_smaller():
    small, large = (split(THREE_CLASSES, size, 100, 200, seed=3) for size in (100, 400))
    assert small.test.tolist() == large.test.tolist()
    assert small.validation.tolist() == large.validation.tolist()
    assert set(small.train) <= set(large.train)


def test_duplicates_are_equal_but_for_case_white_space_and_composition():
    assert normalised("Caf\u00e9  au\nLAIT ") == normalised("cafe\u0301 au lait")
    assert normalised("Stra\u00dfe") == normalised("STRASSE")
    assert normalised("good film") != normalised("good, film")


def test_duplicates_are_dropped_before_splitting_and_counted():
    texts = [f"text {i}" for i in range(40)] + [f"  TEXT {i}" for i in range(10)]
    data = corpus([0, 1] * 25, texts=texts)
    drawn = split(data, 20, 10, 10, seed=0)
    assert drawn.duplicates_dropped == 10
    assert max(np.concatenate(parts(drawn))) < 40


def test_given_splits_are_kept_and_lose_duplicates_from_train_first():
    texts = ["a", "b", "c", "d", "e", "A", "f", "B", "E", "g"]
    given = ("train",) * 5 + ("validation",) * 2 + ("test",) * 3
    drawn = split(corpus([0, 1] * 5, texts=texts, splits=given), 2, 2, 3, seed=0)
    assert drawn.duplicates_dropped == 3
    assert drawn.train.tolist() == [2, 3]
    assert drawn.validation.tolist() == [5, 6]
    assert drawn.test.tolist() == [7, 8, 9]


def test_a_missing_validation_split_comes_from_the_training_texts():
    given = ("train",) * 60 + ("test",) * 40
    drawn = split(corpus([0, 1] * 50, splits=given), 40, 20, 40, seed=0)
    assert sorted([*drawn.train, *drawn.validation]) == list(range(60))
    assert drawn.test.tolist() == list(range(60, 100))


def test_too_few_texts_name_how_many_there_are():
    data = corpus([0, 1] * 5, texts=["x"] * 3 + [f"{i}" for i in range(7)])
    with pytest.raises(UserError) as caught:
        split(data, 6, 2, 1, seed=0)
    assert caught.value.message == (
        "data.csv: 8 texts are left after 2 duplicates were dropped, but train 6 + validation 2 + test 1 are asked for"
    )
    assert caught.value.hint == "Ask for at most 8 texts in all."


def test_too_few_texts_of_a_given_split_name_the_split():
    data = corpus([0, 1] * 5, splits=("train",) * 6 + ("test",) * 4)
    with pytest.raises(UserError, match=r"data.csv, test: 4 texts are left .* but test 5 are asked for"):
        split(data, 4, 2, 5, seed=0)


def test_a_class_that_training_lacks_is_an_error():
    data = corpus([0, 1] * 4 + [2], splits=("train",) * 6 + ("test",) * 3)
    with pytest.raises(UserError, match="the class `c` stands in test but not in train"):
        split(data, 4, 2, 3, seed=0)


def test_the_name_of_such_a_class_is_not_printed_where_it_is_long():
    data = corpus([0, 1] * 4 + [2], splits=("train",) * 6 + ("test",) * 3)
    data = dataclasses.replace(data, label_names=("a", "b", "secret" * 7))
    with pytest.raises(UserError, match="the class of 42 characters stands in test but not in train"):
        split(data, 4, 2, 3, seed=0)


def test_a_group_in_two_given_splits_is_an_error():
    data = corpus([0, 1] * 5, groups=[0] * 10, splits=("train",) * 4 + ("validation",) * 3 + ("test",) * 3)
    with pytest.raises(UserError, match="train and validation share a group"):
        split(data, 4, 3, 3, seed=0)


def test_one_group_alone_in_test_is_an_error():
    given = ("train",) * 4 + ("validation",) * 3 + ("test",) * 3
    data = corpus([0, 1] * 5, groups=[0] * 4 + [1] * 3 + [2] * 3, splits=given)
    with pytest.raises(UserError) as caught:
        split(data, 4, 3, 3, seed=0)
    assert caught.value.message == (
        "data.csv: all 3 texts of test stand in one group; at least two are required"
    )
    assert caught.value.hint == (
        "Ask for a larger test split, or leave `group` out: an interval rests on how groups differ."
    )
    assert len(split(dataclasses.replace(data, groups=np.arange(10)), 4, 3, 3, seed=0).test) == 3


def test_the_digest_covers_texts_labels_and_assignment():
    data = corpus([0, 1] * 5)
    drawn = split(data, 4, 2, 2, seed=0)
    moved = dataclasses.replace(drawn, train=drawn.validation, validation=drawn.train)
    relabelled = dataclasses.replace(data, labels=1 - data.labels)
    reworded = dataclasses.replace(data, texts=tuple(f"{text}!" for text in data.texts))
    digests = [digest(data, drawn), digest(data, moved), digest(relabelled, drawn), digest(reworded, drawn)]
    assert len(set(digests)) == 4
