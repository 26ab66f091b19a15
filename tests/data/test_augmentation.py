from __future__ import annotations

import itertools

import numpy as np
import pytest

from hpo.config.parameters import AUGMENTATIONS
from hpo.data.augmentation import METHODS, edited, pool_choice, variant, variant_of_words
from hpo.data.edits import MARKS
from hpo.data.mentions import MENTION_REPLACEMENT
from hpo.data.typing_errors import NEIGHBOURS
from tests.data.augmenting import sources

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = [f"word{a}{b}" for a, b in itertools.product("abcd", "abcdefghij")]
TEXT = " ".join(WORDS)
FOUND = {word: (f"{word}one", f"{word}two") for word in WORDS}
SOURCES = sources(FOUND | {"film": ("movie",)})
# Methods of which every word of TEXT can be touched, once at most.
TOUCH_ONCE = [
    "synonym_replacement", "masked_replacement", "random_insertion", "punctuation_insertion", "typing_errors", "case",
]  # fmt: skip


def variants(method: str, strength: float, number: int = 400, text: str = TEXT) -> list[list[str]]:
    return [variant(text, method, strength, v, 0, SOURCES).split() for v in range(1, number + 1)]


def test_every_augmentation_of_a_space_file_exists():
    assert (*METHODS, MENTION_REPLACEMENT) == AUGMENTATIONS[1:]


@pytest.mark.parametrize("method", METHODS)
def test_number_zero_and_strength_zero_are_the_text_itself(method):
    text = " two  spaces, kept "
    assert variant(text, method, 0.5, 0, 0, SOURCES) == text
    assert variant(text, method, 0.0, 3, 0, SOURCES) == text
    assert variant(text, "none", 0.5, 3, 0, SOURCES) == text


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", ["", "film", "!"])
def test_a_text_of_one_word_passes_unharmed(method, text):
    assert variant(text, method, 1.0, 1, 0, SOURCES) == text


@pytest.mark.parametrize("method", ["synonym_replacement", "random_insertion", "masked_replacement"])
@pytest.mark.parametrize("text", ["words that  have none", "ein Satz auf  Deutsch", "- -- !"])
def test_a_text_without_synonyms_passes_unharmed(method, text):
    assert variant(text, method, 1.0, 1, 0, SOURCES) == text


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "text",
    [
        "这部电影非常好看，我很喜欢。",  # noqa: RUF001 - the comma of Chinese
        "这部电影  非常好看，我很喜欢。 剧情也不错。",  # noqa: RUF001 - the comma of Chinese
        "この映画は  とても面白い。 また見たい。",
        "ภาพยนตร์เรื่องนี้ดีมาก  ฉันชอบมัน",
        "ཧ་ཅང་ཡག་པོ།  འདུག",
    ],
    ids=["Chinese", "Chinese with spaces", "Japanese", "Thai", "Tibetan"],
)
def test_a_text_of_a_script_without_spaces_passes_unharmed(method, text):
    assert all(variant(text, method, 1.0, number, 0, SOURCES) == text for number in range(1, 20))


@pytest.mark.parametrize("method", METHODS)
def test_words_of_a_script_without_spaces_stay_in_their_order_among_others(method):
    text = " ".join(["电影非常好看", *WORDS[:8], "我很喜欢", *WORDS[8:16]])
    for words in variants(method, 0.5, 30, text):
        assert [word for word in words if not word.isascii()] == ["电影非常好看", "我很喜欢"]


@pytest.mark.parametrize("text", ["이 영화 정말 재미있다", "Этот фильм очень хорош", "هذا الفيلم جيد جدا"])
def test_a_keyboard_of_other_letters_is_not_guessed(text):
    assert variant(text, "typing_errors", 1.0, 1, 0) == text
    assert sorted(variant(text, "random_swap", 1.0, 1, 0).split()) == sorted(text.split())


@pytest.mark.parametrize("method", METHODS)
def test_a_variant_is_a_function_of_its_arguments(method):
    def draw(text=TEXT, number=1, seed=0):
        return variant(text, method, 0.2, number, seed, SOURCES)

    np.random.seed(0)
    first = draw()
    np.random.seed(1)
    draw(TEXT + " more")
    assert draw() == first
    assert len({first, draw(number=2), draw(seed=1)}) == 3


@pytest.mark.parametrize("method", TOUCH_ONCE)
@pytest.mark.parametrize(("strength", "touched"), [(0.01, 1), (0.1, 4), (0.25, 10), (0.5, 20)])
def test_the_asked_share_of_words_is_touched_in_every_variant(method, strength, touched):
    for number in range(1, 51):
        change = edited(TEXT, method, strength, number, 0, SOURCES)
        assert change.touched == touched
        # Counted again from the variant itself: inserted words are new, all others stand in the order of the text.
        words = change.result()
        if method in {"random_insertion", "punctuation_insertion"}:
            assert len(words) == 40 + touched
            assert [word for word in words if word in WORDS] == WORDS
        else:
            assert sum(old != new for old, new in zip(WORDS, words, strict=True)) == touched


@pytest.mark.parametrize("method", TOUCH_ONCE)
@pytest.mark.parametrize("strength", [0.1, 0.3])
def test_over_texts_of_many_lengths_the_share_is_the_strength_up_to_rounding(method, strength):
    """At least one word is touched, so that short texts are touched more than asked."""
    rng = np.random.default_rng(0)
    shares, expected, lengths = [], [], []
    for number in range(1, 301):
        words = list(rng.permutation(WORDS)[: rng.integers(2, 40)])
        change = edited(" ".join(words), method, strength, number, 0, SOURCES)
        shares.append(change.touched / len(words))
        expected.append(max(1 / len(words), strength))
        lengths.append(len(words))
    difference = np.subtract(shares, expected)
    assert abs(difference.mean()) < 0.01
    assert np.abs(difference * lengths).max() < 0.5 + 1e-9


def test_a_whole_text_can_be_touched():
    for method in (
        "synonym_replacement",
        "masked_replacement",
        "typing_errors",
        "case",
        "punctuation_insertion",
    ):
        assert edited(TEXT, method, 1.0, 1, 0, SOURCES).touched == 40


@pytest.mark.parametrize("method", ["synonym_replacement", "masked_replacement"])
def test_a_word_is_replaced_by_one_of_those_that_the_source_gives(method):
    for words in variants(method, 0.5, 50):
        assert all(new == old or new in FOUND[old] for old, new in zip(WORDS, words, strict=True))


def test_inserted_words_are_synonyms_of_words_of_the_text():
    text = " ".join(WORDS[:5])
    known = {synonym for word in WORDS[:5] for synonym in FOUND[word]}
    inserted = {word for words in variants("random_insertion", 0.5, 200, text) for word in words} - set(WORDS)
    assert inserted == known


@pytest.mark.parametrize(("strength", "swaps"), [(0.01, 1), (0.1, 4), (0.25, 10)])
def test_random_swap_makes_the_asked_number_of_swaps(strength, swaps):
    moved = [
        sum(a != b for a, b in zip(WORDS, words, strict=True)) for words in variants("random_swap", strength)
    ]
    # A place stays untouched by n swaps with probability (1 - 2/40)^n; a second swap rarely puts a word back.
    expected = 40 * (1 - (1 - 2 / 40) ** swaps)
    assert abs(np.mean(moved) - expected) < 0.4
    assert max(moved) <= 2 * swaps
    assert all(sorted(words) == sorted(WORDS) for words in variants("random_swap", strength, 20))


@pytest.mark.parametrize("strength", [0.05, 0.3, 0.9])
def test_random_deletion_leaves_each_word_out_with_the_asked_probability(strength):
    gone = np.array(
        [[word not in words for word in WORDS] for words in variants("random_deletion", strength)]
    )
    deviation = np.sqrt(strength * (1 - strength) / gone.size)
    assert abs(gone.mean() - strength) < 5 * deviation
    assert np.abs(gone.mean(axis=0) - strength).max() < 5 * deviation * np.sqrt(40)


def test_random_deletion_keeps_one_word_at_least():
    assert {len(words) for words in variants("random_deletion", 1.0, 50)} == {1}


def test_marks_are_those_of_aeda_and_stand_before_words_one_before_each():
    seen = set()
    for words in variants("punctuation_insertion", 0.3, 100):
        marks = [i for i, word in enumerate(words) if word in MARKS]
        seen |= {words[i] for i in marks}
        assert all(words[i + 1] in WORDS for i in marks)  # never two in a row, nor one at the end
    assert seen == set(".;?:!,")


def distance_of_one(old: str, new: str) -> str:
    """The one error of Damerau (1964) that makes ``new`` of ``old``."""
    if len(new) == len(old):
        places = [i for i in range(len(old)) if old[i] != new[i]]
        if len(places) == 1:
            assert new[places[0]].lower() in NEIGHBOURS[old[places[0]].lower()]
            assert new[places[0]].isupper() == old[places[0]].isupper()
            return "replaced"
        assert places == [places[0], places[0] + 1]
        assert new[places[0]] + new[places[1]] == old[places[1]] + old[places[0]]
        return "transposed"
    if len(new) < len(old):
        assert any(old[:i] + old[i + 1 :] == new for i in range(len(old)))
        return "omitted"
    assert any(old[: i + 1] + old[i:] == new for i in range(len(old)))
    return "doubled"


def test_each_typing_error_is_one_of_four_kinds_and_all_come_alike():
    text = "The Quick, brown fox - it's 2 (jumps) over the lazy dog!"
    kinds: list[str] = []
    for words in variants("typing_errors", 0.5, 200, text):
        kinds += [distance_of_one(a, b) for a, b in zip(text.split(), words, strict=True) if a != b]
        assert {"-", "2"} <= set(words)  # they have no letter
    counts = np.array([kinds.count(kind) for kind in sorted(set(kinds))])
    assert len(counts) == 4
    assert np.abs(counts / counts.sum() - 0.25).max() < 0.06


def test_keys_are_neighbours_as_on_a_qwerty_keyboard():
    assert set(NEIGHBOURS) == set(LETTERS)
    expected = {"q": "wa", "s": "adwezx", "g": "fhtyvb", "p": "ol", "m": "njk", "z": "asx", "l": "kop"}
    assert {key: "".join(sorted(NEIGHBOURS[key])) for key in expected} == {
        key: "".join(sorted(near)) for key, near in expected.items()
    }
    assert all(key in NEIGHBOURS[near] for key in NEIGHBOURS for near in NEIGHBOURS[key])


def test_case_changes_letters_alone_and_shows_every_way():
    text = "The (Movie), was great 2"
    seen = set()
    for words in variants("case", 1.0, 100, text):
        assert " ".join(words).lower() == text.lower()
        assert all(new != old for old, new in zip(text.split(), words, strict=True) if old != "2")
        seen |= set(words)
    assert {"the", "THE", "tHE", "(movie),", "(MOVIE),", "Great", "GREAT"} <= seen
    assert "great" not in seen


def test_punctuation_and_capitals_stay_where_a_word_is_replaced():
    text = "The Film, (the film!) FILM..."
    assert variant(text, "synonym_replacement", 1.0, 1, 0, SOURCES) == "The Movie, (the movie!) MOVIE..."


def test_a_synonym_of_two_words_keeps_the_punctuation_around_both():
    found = sources({"film": ("motion picture",)})
    assert variant("the (Film) ends", "synonym_replacement", 1.0, 1, 0, found) == "the (Motion picture) ends"


def test_stop_words_are_not_given_to_the_language_model():
    found = sources({"the": ("this",), "not": ("very",), "good": ("fine",)})
    assert variant("the good not 2", "masked_replacement", 1.0, 1, 0, found) == "the fine not 2"


# Words with labels


def sentence(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Words and IOB2 labels: entities of one to three words among others, some side by side."""
    words: list[str] = []
    labels: list[str] = []
    for _ in range(int(rng.integers(1, 9))):
        if rng.random() < 0.4:
            kind, length = str(rng.choice(["PER", "ORG"])), int(rng.integers(1, 4))
            words += [f"{kind.title()}{rng.integers(100)}" for _ in range(length)]
            labels += [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
        else:
            words += list(rng.permutation(WORDS)[: rng.integers(1, 5)])
            labels += ["O"] * (len(words) - len(labels))
    return [str(word) for word in words], labels


def entities(words: list[str], labels: list[str]) -> list[tuple[str, ...]]:
    """Type and words of each entity; it fails where labels are not IOB2."""
    found: list[tuple[str, ...]] = []
    before = "O"
    for word, label in zip(words, labels, strict=True):
        if label.startswith("I-"):
            assert before in {f"B-{label[2:]}", label}
            found[-1] += (word,)
        elif label != "O":
            assert label.startswith("B-")
            found.append((label[2:], word))
        before = label
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_entities_stay_whole_and_in_their_order_and_labels_follow_their_words(method, strength):
    rng = np.random.default_rng(5)
    changed = 0
    for number in range(1, 151):
        words, labels = sentence(rng)
        new_words, new_labels = variant_of_words(words, labels, method, strength, number, 0, SOURCES)
        assert entities(new_words, new_labels) == entities(words, labels)
        outside = [word for word, label in zip(words, labels, strict=True) if label == "O"]
        still = [w for w, label in zip(new_words, new_labels, strict=True) if label == "O"]
        changed += (new_words, new_labels) != (words, labels)
        if not outside or len(words) == 1:
            assert (new_words, new_labels) == (words, labels)
        elif method == "random_swap":
            assert sorted(still) == sorted(outside)
        elif method == "random_deletion":
            assert set(still) <= set(outside)
        elif method in {"random_insertion", "punctuation_insertion"}:
            assert [word for word in still if word in outside] == outside
        else:
            assert len(still) == len(outside)
    assert changed > 40


@pytest.mark.parametrize("method", TOUCH_ONCE)
def test_the_strength_is_the_share_of_the_words_outside_entities(method):
    words, labels = ["Ann", *WORDS, "Ben", "Lee"], ["B-PER", *["O"] * 40, "B-PER", "I-PER"]
    for number in range(1, 30):
        new, followed = variant_of_words(words, labels, method, 0.25, number, 0, SOURCES)
        outside = [word for word, label in zip(new, followed, strict=True) if label == "O"]
        if len(outside) > 40:
            assert len(outside) == 50
        else:
            assert sum(old != now for old, now in zip(WORDS, outside, strict=True)) == 10


def test_a_sentence_without_a_number_or_a_strength_is_itself():
    words, labels = ["Ann", "likes", "films"], ["B-PER", "O", "O"]
    for method, strength, number in [("none", 0.5, 1), ("random_swap", 0.0, 1), ("random_swap", 0.5, 0)]:
        assert variant_of_words(words, labels, method, strength, number, 0) == (words, labels)


# The pool


def test_a_text_shows_its_whole_pool_before_it_shows_a_variant_again():
    chosen = np.array([pool_choice(np.arange(100), epoch, 4, 0) for epoch in range(10)])
    assert np.array_equal(np.sort(chosen[:5], axis=0), np.repeat(np.arange(5)[:, None], 100, axis=1))
    assert np.array_equal(chosen[:5], chosen[5:])


def test_each_epoch_uses_the_pool_evenly():
    counts = np.bincount(pool_choice(np.arange(10_000), 3, 4, 0), minlength=5)
    assert len(counts) == 5
    assert np.abs(counts - 2000).max() < 5 * np.sqrt(10_000 * 0.2 * 0.8)


def test_the_choice_of_one_text_does_not_depend_on_the_others():
    everything = pool_choice(np.arange(100), 3, 4, 1)
    assert pool_choice(np.array([70, 2, 2]), 3, 4, 1).tolist() == everything[[70, 2, 2]].tolist()
    assert everything.tolist() != pool_choice(np.arange(100), 4, 4, 1).tolist()
    assert everything.tolist() != pool_choice(np.arange(100), 3, 4, 2).tolist()
    assert pool_choice(np.array([], np.int64), 3, 4, 1).tolist() == []
