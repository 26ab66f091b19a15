import numpy as np
import pytest

from hpo.config.parameters import AUGMENTATIONS
from hpo.data.augmentation import METHODS, pool_choice, variant

WORDS = [f"word{i}" for i in range(40)]
TEXT = " ".join(WORDS)
SYNONYMS = {word: (f"{word}-one", f"{word}-two") for word in WORDS} | {"the": ("that",), "film": ("movie",)}


def variants(method: str, strength: float, number: int = 400, text: str = TEXT) -> list[list[str]]:
    return [variant(text, method, strength, v, 0, SYNONYMS).split() for v in range(1, number + 1)]


def test_every_augmentation_of_a_space_file_exists():
    assert set(METHODS) == set(AUGMENTATIONS) - {"none"}


@pytest.mark.parametrize("method", METHODS)
def test_number_zero_and_strength_zero_are_the_text_itself(method):
    text = " two  spaces, kept "
    assert variant(text, method, 0.5, 0, 0, SYNONYMS) == text
    assert variant(text, method, 0.0, 3, 0, SYNONYMS) == text
    assert variant(text, "none", 0.5, 3, 0, SYNONYMS) == text


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", ["", "film", "!"])
def test_a_text_of_one_word_passes_unharmed(method, text):
    assert variant(text, method, 1.0, 1, 0, SYNONYMS) == text


@pytest.mark.parametrize("method", ["synonym_replacement", "random_insertion"])
@pytest.mark.parametrize("text", ["words that  have none", "the the", "- -- !"])
def test_a_text_without_synonyms_passes_unharmed(method, text):
    assert variant(text, method, 1.0, 1, 0, SYNONYMS) == text


@pytest.mark.parametrize("method", METHODS)
def test_a_variant_is_a_function_of_its_arguments(method):
    def draw(text=TEXT, number=1, seed=0):
        return variant(text, method, 0.2, number, seed, SYNONYMS)

    np.random.seed(0)
    first = draw()
    np.random.seed(1)
    draw(TEXT + " more")
    assert draw() == first
    assert len({first, draw(number=2), draw(seed=1)}) == 3


@pytest.mark.parametrize(("strength", "touched"), [(0.01, 1), (0.1, 4), (0.25, 10), (1.0, 40)])
def test_synonym_replacement_replaces_the_asked_share_of_words(strength, touched):
    for words in variants("synonym_replacement", strength, 50):
        replaced = [(old, new) for old, new in zip(WORDS, words, strict=True) if old != new]
        assert len(replaced) == touched
        assert all(new in SYNONYMS[old] for old, new in replaced)


@pytest.mark.parametrize(("strength", "touched"), [(0.01, 1), (0.1, 4), (0.25, 10)])
def test_random_insertion_adds_the_asked_share_of_words(strength, touched):
    for words in variants("random_insertion", strength, 50):
        assert [word for word in words if word in WORDS] == WORDS
        assert len(words) == 40 + touched


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


def test_punctuation_and_capitals_stay_and_stop_words_are_not_replaced():
    assert (
        variant("The Film, (the film!)", "synonym_replacement", 1.0, 1, 0, SYNONYMS)
        == "The Movie, (the movie!)"
    )


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
