"""The tagger by each of its rules (Brill 1992; the rules' names as in his program), and whole on real English."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.assets.fetch import fetch
from hpo.data.tagger import OUT, Guess, Tagger, Transformation, read_tagger

# Words of one tag each: the letter is the tag.
LEXICON = {"a": "A", "b": "B", "c": "C", "d": "D", "x": "X"}


def changed(rule: tuple[str, ...], text: str) -> list[int]:
    """The words of ``text`` that the rule, from tag X to Y, changes."""
    test, first, second = (*rule, "")[:3]
    tags = Tagger(LEXICON, (), (Transformation("X", "Y", test, first, second),)).tags(text.split())
    return [i for i, tag in enumerate(tags) if tag == "Y"]


@pytest.mark.parametrize(
    ("rule", "text", "found"),
    [
        (("PREVTAG", "A"), "a x x b x", [1]),
        (("NEXTTAG", "A"), "x x a x", [1]),
        (("PREV2TAG", "A"), "a b x x a x", [2]),
        (("NEXT2TAG", "A"), "x x b a x", [1]),
        (("PREV1OR2TAG", "A"), "a x x x", [1, 2]),
        (("NEXT1OR2TAG", "A"), "x x x a", [1, 2]),
        (("PREV1OR2OR3TAG", "A"), "a x x x x", [1, 2, 3]),
        (("NEXT1OR2OR3TAG", "A"), "x x x x a", [1, 2, 3]),
        (("SURROUNDTAG", "A", "B"), "a x b x a x", [1]),
        (("SURROUNDTAG", OUT, "B"), "x b x b", [0]),
        (("PREVBIGRAM", "A", "B"), "a b x b a x", [2]),
        (("NEXTBIGRAM", "A", "B"), "x a b x b a", [0]),
        (("CURWD", "x"), "a x b x", [1, 3]),
        (("PREVWD", "a"), "a x b x", [1]),
        (("NEXTWD", "b"), "a x b x", [1]),
        (("PREV1OR2WD", "a"), "a x x x", [1, 2]),
        (("NEXT1OR2WD", "a"), "x x x a", [1, 2]),
        (("LBIGRAM", "a", "x"), "a x b x", [1]),
        (("RBIGRAM", "x", "b"), "a x b x a", [1]),
        (("WDAND2AFT", "x", "a"), "x b a x a", [0]),
        (("WDPREVTAG", "A", "x"), "a x b x", [1]),
        (("WDNEXTTAG", "x", "B"), "x b x a", [0]),
        (("WDAND2TAGBFR", "A", "x"), "a b x x", [2]),
        (("WDAND2TAGAFT", "x", "A"), "x b a x", [0]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_a_transformation_changes_a_tag_where_its_test_holds(rule, text, found):
    assert changed(rule, text) == found


def test_transformations_follow_one_another_each_on_the_whole_sentence():
    rules = (Transformation("X", "Y", "PREVTAG", "B", ""), Transformation("B", "Z", "NEXTTAG", "Y", ""))
    assert Tagger(LEXICON, (), rules).tags(["b", "x", "b", "x", "a"]) == ["Z", "Y", "Z", "Y", "A"]
    assert Tagger(LEXICON, (), rules[::-1]).tags(["b", "x", "b", "x", "a"]) == ["B", "Y", "B", "Y", "A"]


def test_a_rule_for_any_tag_and_one_that_feeds_itself():
    assert Tagger(LEXICON, (), (Transformation("*", "Y", "CURWD", "b", ""),)).tags(["a", "b"]) == ["A", "Y"]
    spread = Transformation("X", "A", "PREVTAG", "A", "")
    assert Tagger(LEXICON, (), (spread,)).tags(["a", "x", "x", "b", "x"]) == ["A", "A", "A", "B", "X"]


@pytest.mark.parametrize(
    ("guess", "word", "tag"),
    [
        (Guess("NN", "hassuf", "ed", "VBN"), "blurbed", "VBN"),
        (Guess("NN", "hassuf", "ed", "VBN"), "blurb", "NN"),
        (Guess("JJ", "hassuf", "ed", "VBN"), "blurbed", "NN"),
        (Guess(None, "hassuf", "ed", "VBN"), "blurbed", "VBN"),
        (Guess("NN", "haspref", "un", "JJ"), "unblurb", "JJ"),
        (Guess("NN", "char", "-", "JJ"), "blurb-like", "JJ"),
        (Guess("NN", "addsuf", "ly", "JJ"), "quick", "JJ"),
        (Guess("NN", "addpref", "un", "JJ"), "likely", "JJ"),
        (Guess("NN", "deletesuf", "ly", "RB"), "slowly", "RB"),
        (Guess("NN", "deletepref", "un", "JJ"), "unslow", "JJ"),
        (Guess("NN", "goodright", "the", "XX"), "blurb", "XX"),
        (Guess("NN", "goodleft", "slow", "XX"), "blurb", "XX"),
        (Guess("NN", "goodright", "slow", "XX"), "blurb", "NN"),
    ],
)
def test_an_unknown_word_is_guessed_by_its_form(guess, word, tag):
    known = {"quickly": "RB", "unlikely": "JJ", "slow": "JJ", "the": "DT"}
    assert Tagger(known, (guess,), ()).tags(["the", word, "slow"])[1] == tag


def test_numbers_names_and_the_rest_of_unknown_words():
    words = ["blurb", "Blurb", "1,000", "$5.50", "10%", "3d"]
    assert Tagger({}, (), ()).tags(words) == ["NN", "NNP", "CD", "CD", "CD", "NN"]


def test_a_word_is_known_in_small_letters_where_a_sentence_begins_and_in_capitals():
    tagger = Tagger({"run": "VB", ".": ".", "Will": "NNP", "will": "MD"}, (), ())
    assert tagger.tags(["Run", "Run", "RUN.", "Run", "Will"]) == ["VB", "NNP", "VB", "VB", "NNP"]


def test_punctuation_around_words_and_clitics_are_tokens_of_their_own():
    lexicon = {"do": "VBP", "n't": "RB", "(": "(", ")": ")", ",": ",", "go": "NN", "etc.": "FW", "'s": "POS"}
    rules = (
        Transformation("VBP", "seen", "NEXTWD", "n't", ""),
        Transformation("NN", "seen", "PREVWD", "(", ""),
    )
    tagger = Tagger(lexicon, (), rules)
    assert tagger.tags(["don't", "(go),", "etc.", "'s", "..."]) == ["seen", "seen", "FW", "POS", "NN"]
    assert tagger.tags(["don\u2019t"]) == ["seen"]
    assert tagger.tags([]) == []


def test_a_rule_with_a_value_too_many_is_left_out(tmp_path: Path):
    (tmp_path / "en-lexicon.txt").write_text(";;; words\nfun NN\nare VBP\nmine NN|PRP\n")
    (tmp_path / "en-morphology.txt").write_text("NN s fhassuf 1 NNS x\nly hassuf 2 RB x\n")
    (tmp_path / "en-context.txt").write_text(
        ";;; rules\nNN PRP PREVWD are mine\nNN JJ RBIGRAM fun fun\n* IN CURWD are\n"
    )
    tagger = read_tagger(tmp_path)
    assert tagger.lexicon["mine"] == "NN"
    assert tagger.guesses == (Guess("NN", "hassuf", "s", "NNS"), Guess(None, "hassuf", "ly", "RB"))
    assert [rule.tag for rule in tagger.transformations] == ["JJ", "IN"]
    assert tagger.tags(["blurbs", "are", "fun"]) == ["NNS", "IN", "NN"]


@pytest.fixture(scope="module")
def english() -> Tagger:
    return read_tagger(fetch("wordnet"))


@pytest.mark.parametrize(
    "tagged",
    [
        # Words that are more than one part of speech, in sentences that tell which.
        "I/PRP want/VBP to/TO film/VB the/DT plot/NN of/IN this/DT film/NN ./.",
        "they/PRP love/VBP it/PRP ,/, for/IN love/NN is/VBZ blind/JJ ./.",
        "the/DT run/NN was/VBD long/JJ ;/: we/PRP run/VBP to/TO watch/VB it/PRP ./.",
        "this/DT is/VBZ a/DT cut/NN that/WDT will/MD cut/VB costs/NNS ./.",
        "he/PRP will/MD answer/VB ,/, and/CC the/DT answer/NN is/VBZ long/JJ ./.",
        "a/DT very/RB dull/JJ and/CC badly/RB directed/VBN movie/NN",
    ],
)
def test_real_english_is_tagged_by_its_context(english, tagged):
    words, tags = zip(*(token.rsplit("/", 1) for token in tagged.split()), strict=True)
    coarse = [tag[:2] for tag in english.tags(words)]
    assert coarse == [tag[:2] for tag in tags]
