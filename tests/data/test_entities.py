import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from hpo.data.entities import spans_of, tag_names, tags_of, words_of

TYPES = ("PER", "LOC", "ORG")


def random_tags(seed: int, prefixes: str) -> list[str]:
    random = np.random.default_rng(seed)
    names = ["O", "O", *(f"{prefix}-{kind}" for prefix in prefixes for kind in TYPES)]
    return [str(name) for name in random.choice(names, size=30)]


@pytest.mark.parametrize("prefixes", ["I", "BI", "BIES"])
@pytest.mark.parametrize("seed", range(20))
def test_tags_of_any_scheme_mean_the_entities_that_seqeval_finds(seed: int, prefixes: str) -> None:
    # Whatever follows whatever: no sequence is broken by the rules of the CoNLL script.
    tags = random_tags(seed, prefixes)
    theirs = [(first, last + 1, kind) for kind, first, last in get_entities(tags)]
    assert list(spans_of(tags)) == theirs


def test_the_three_schemes_say_the_same_of_one_sentence() -> None:
    # Two neighbours of one type, a single word, and an entity at the end.
    spans = ((0, 2, "PER"), (2, 3, "PER"), (4, 5, "LOC"), (6, 9, "ORG"))
    iob1 = ["I-PER", "I-PER", "B-PER", "O", "I-LOC", "O", "I-ORG", "I-ORG", "I-ORG"]
    iob2 = ["B-PER", "I-PER", "B-PER", "O", "B-LOC", "O", "B-ORG", "I-ORG", "I-ORG"]
    iobes = ["B-PER", "E-PER", "S-PER", "O", "S-LOC", "O", "B-ORG", "I-ORG", "E-ORG"]
    assert spans_of(iob1) == spans_of(iob2) == spans_of(iobes) == spans
    assert tags_of(spans, 9) == iob2


@pytest.mark.parametrize("seed", range(10))
def test_tags_come_back_from_their_spans(seed: int) -> None:
    tags = tags_of(spans_of(random_tags(seed, "BI")), 30)
    assert tags_of(spans_of(tags), 30) == tags
    assert set(tags) <= set(tag_names(TYPES))


@pytest.mark.parametrize("tag", ["", "PER", "X-PER", "B-", "b-PER"])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="a tag is O"):
        spans_of(["O", tag])


def test_entities_by_characters_become_entities_of_words() -> None:
    text = "Ann-Marie flew to New York, via Rome."
    words, spans = words_of(text, [(18, 26, "LOC"), (0, 9, "PER"), (32, 36, "LOC")])
    assert words == ("Ann", "-", "Marie", "flew", "to", "New", "York", ",", "via", "Rome", ".")
    assert [(words[first:end], kind) for first, end, kind in spans] == [
        (("Ann", "-", "Marie"), "PER"), (("New", "York"), "LOC"), (("Rome",), "LOC"),
    ]  # fmt: skip


def test_a_word_that_an_entity_cuts_is_two() -> None:
    words, spans = words_of("the UNs plan", [(4, 6, "ORG")])
    assert words == ("the", "UN", "s", "plan")
    assert spans == ((1, 2, "ORG"),)


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([(0, 3, "A"), (2, 5, "B")], "overlap"),
        ([(4, 4, "A")], "no word"),
        ([(3, 4, "A")], "no word"),
        ([(2, 99, "A")], "no word"),
        ([(-1, 2, "A")], "no word"),
    ],
)
def test_entities_that_no_words_have_are_refused(entities: list[tuple[int, int, str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        words_of("abc def", entities)
