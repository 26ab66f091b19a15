from __future__ import annotations

import pytest

from hpo.data.augmentation import Sources, variant
from hpo.data.tagger import Tagger
from hpo.data.wordnet import FILES, Synonyms, load_synonyms, parse_synsets, read_lemmas

# Lines of WordNet 3.0: its licence above, a synset with two lemmas, one with a marker, one with eleven (0b).
LINES = """\
  1 This software and database is being provided to you, the LICENSEE, by
06613686 10 n 02 movie 0 motion_picture 0 001 @ 06619428 n 0000 | a form of entertainment
00122128 00 s 02 erstwhile(a) 0 former(a) 2 001 & 00122626 a 0000 | belonging to some prior time
00000001 00 n 0b a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 Movie 1 000 | invented
"""


def test_synsets_are_read_with_hexadecimal_counts_and_without_markers(tmp_path):
    (tmp_path / "data.noun1").write_text(LINES)
    assert parse_synsets(tmp_path / "data.noun1") == [
        ("movie", "motion picture"),
        ("erstwhile", "former"),
        (*"abcdefghij", "movie"),
    ]


def test_synonyms_are_the_other_lemmas_of_all_synsets_of_one_part_of_speech_in_order(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("")
    (tmp_path / "data.noun1").write_text(LINES)
    (tmp_path / "data.noun2").write_text("1 00 n 02 movie 0 flick 0 000 | also a noun\n")
    (tmp_path / "data.verb").write_text("1 00 v 02 movie 0 shoot 0 000 | invented\n")
    lemmas = read_lemmas(tmp_path)
    assert lemmas["noun"]["movie"] == (*"abcdef", "flick", *"ghij", "motion picture")
    assert lemmas["noun"]["former"] == ("erstwhile",)
    assert lemmas["verb"] == {"movie": ("shoot",), "shoot": ("movie",)}
    assert lemmas["adjective"] == lemmas["adverb"] == {}


LEMMAS = {
    "noun": {"film": ("movie",), "love": ("affection",), "saw": ("proverb",)},
    "verb": {"film": ("shoot",), "love": ("adore",), "saw": ("cut",)},
    "adjective": {"better": ("improved",)},
    "adverb": {"well": ("good",)},
}


@pytest.mark.parametrize(
    ("word", "tag", "synonyms"),
    [
        ("film", "NN", ("movie",)),
        ("(Film),", "NNS", ("movie",)),
        ("film", "VB", ("shoot",)),
        ("film", "VBP", ("shoot",)),
        ("film", "JJ", ()),
        ("well", "RB", ("good",)),
        ("Film", "NNP", ()),  # a name
        ("saw", "VBD", ()),  # of "see", which is another word
        ("better", "JJR", ()),
        ("the", "DT", ()),
    ],
)
def test_a_word_has_the_synonyms_of_its_part_of_speech(word, tag, synonyms):
    tagger = Tagger({word: tag}, (), ())
    assert Synonyms(LEMMAS, tagger)([word]) == [synonyms]


def test_stop_words_have_no_synonyms():
    lemmas = {"noun": {}, "verb": {"have": ("possess",)}, "adjective": {}, "adverb": {}}
    assert Synonyms(lemmas, Tagger({"have": "VB"}, (), ()))(["have"]) == [()]


@pytest.fixture(scope="module")
def english() -> Synonyms:
    return load_synonyms()


def test_wordnet_gives_nouns_for_nouns_and_verbs_for_verbs(english):
    words = ["They", "watch", "a", "watch", "."]
    _, verbs, _, nouns, _ = english(words)
    assert {"see", "view"} <= set(verbs)
    assert {"ticker", "vigil"} <= set(nouns)
    assert set(verbs).isdisjoint({"ticker", "vigil"})


@pytest.mark.parametrize(
    "text",
    ["Этот фильм  очень хорош", "Tämä elokuva  oli todella hyvä", "这部电影非常好看 ，  我很喜欢"],  # noqa: RUF001 - the comma of Chinese
    ids=["Russian", "Finnish", "Chinese"],
)
@pytest.mark.parametrize("method", ["synonym_replacement", "random_insertion"])
def test_a_text_without_entries_in_wordnet_passes_unharmed(english, method, text):
    assert variant(text, method, 1.0, 1, 0, Sources(english)) == text
