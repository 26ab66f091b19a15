"""Parts of speech of English words in their sentence: Brill's rule-based tagger (Brill 1992; Brill 1995, section 4).

A word first gets its most frequent tag by the lexicon, an unknown one a guess by its form; then transformations such as
"a noun after TO is a verb" are applied, one after another, each to the whole sentence. Tags are those of the Penn Treebank.
Lexicon and rules are those of Brill's tagger 1.14, trained on the Brown corpus and the Wall Street Journal, as the
package of
the asset ``wordnet`` has them; that lexicon has one tag a word, so that a transformation may give a word a tag that the
training corpus never showed it with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.data.words import core

OUT = "STAART"  # word and tag of what stands before and behind a sentence
_NUMBER = re.compile(r"[\d.,:/$%+-]*\d[\d.,:/$%+-]*")
_CLITIC = re.compile(r"(?<=\w)(n't|'s|'re|'ve|'ll|'d|'m)$", re.IGNORECASE)
_SAME_MARKS = re.compile(r"(\W)\1*")


@dataclass(frozen=True)
class Guess:
    """A rule for the tag of an unknown word: ``tag`` where ``test`` holds of the word, now tagged ``old`` (any where
    None)."""

    old: str | None
    test: str
    value: str
    tag: str


@dataclass(frozen=True)
class Transformation:
    """A rule for the tag of a word in its sentence: from ``old`` (any where ``*``) to ``tag`` where ``test`` holds."""

    old: str
    tag: str
    test: str
    first: str
    second: str


# Of an unknown word with the words before and behind it, the rule's value and the lexicon.
_GUESS_TESTS: dict[str, Callable[[str, str, str, str, Mapping[str, str]], bool]] = {
    "char": lambda word, _b, _a, x, _lexicon: x in word,
    "haspref": lambda word, _b, _a, x, _lexicon: word.startswith(x),
    "hassuf": lambda word, _b, _a, x, _lexicon: word.endswith(x),
    "addpref": lambda word, _b, _a, x, lexicon: x + word in lexicon,
    "addsuf": lambda word, _b, _a, x, lexicon: word + x in lexicon,
    "deletepref": lambda word, _b, _a, x, lexicon: word.startswith(x) and word.removeprefix(x) in lexicon,
    "deletesuf": lambda word, _b, _a, x, lexicon: word.endswith(x) and word.removesuffix(x) in lexicon,
    "goodleft": lambda _word, _b, after, x, _lexicon: x == after,
    "goodright": lambda _word, before, _a, x, _lexicon: x == before,
}

# Of words w and tags t around position i, both with three times ``OUT`` at each end, and the rule's two values.
_Test = Callable[[Sequence[str], Sequence[str], int, str, str], bool]
_TESTS: dict[str, _Test] = {
    "PREVTAG": lambda _w, t, i, x, _y: t[i - 1] == x,
    "NEXTTAG": lambda _w, t, i, x, _y: t[i + 1] == x,
    "PREV2TAG": lambda _w, t, i, x, _y: t[i - 2] == x,
    "NEXT2TAG": lambda _w, t, i, x, _y: t[i + 2] == x,
    "PREV1OR2TAG": lambda _w, t, i, x, _y: x in t[i - 2 : i],
    "NEXT1OR2TAG": lambda _w, t, i, x, _y: x in t[i + 1 : i + 3],
    "PREV1OR2OR3TAG": lambda _w, t, i, x, _y: x in t[i - 3 : i],
    "NEXT1OR2OR3TAG": lambda _w, t, i, x, _y: x in t[i + 1 : i + 4],
    "SURROUNDTAG": lambda _w, t, i, x, y: t[i - 1] == x and t[i + 1] == y,
    "PREVBIGRAM": lambda _w, t, i, x, y: t[i - 2] == x and t[i - 1] == y,
    "NEXTBIGRAM": lambda _w, t, i, x, y: t[i + 1] == x and t[i + 2] == y,
    "CURWD": lambda w, _t, i, x, _y: w[i] == x,
    "PREVWD": lambda w, _t, i, x, _y: w[i - 1] == x,
    "NEXTWD": lambda w, _t, i, x, _y: w[i + 1] == x,
    "PREV1OR2WD": lambda w, _t, i, x, _y: x in w[i - 2 : i],
    "NEXT1OR2WD": lambda w, _t, i, x, _y: x in w[i + 1 : i + 3],
    "LBIGRAM": lambda w, _t, i, x, y: w[i - 1] == x and w[i] == y,
    "RBIGRAM": lambda w, _t, i, x, y: w[i] == x and w[i + 1] == y,
    "WDAND2AFT": lambda w, _t, i, x, y: w[i] == x and w[i + 2] == y,
    "WDPREVTAG": lambda w, t, i, x, y: t[i - 1] == x and w[i] == y,
    "WDNEXTTAG": lambda w, t, i, x, y: w[i] == x and t[i + 1] == y,
    "WDAND2TAGBFR": lambda w, t, i, x, y: t[i - 2] == x and w[i] == y,
    "WDAND2TAGAFT": lambda w, t, i, x, y: w[i] == x and t[i + 2] == y,
}

_OF_TWO = {
    "SURROUNDTAG",
    "PREVBIGRAM",
    "NEXTBIGRAM",
    "LBIGRAM",
    "RBIGRAM",
    "WDAND2AFT",
    "WDPREVTAG",
    "WDNEXTTAG",
    "WDAND2TAGBFR",
    "WDAND2TAGAFT",
}


def _can_be(word: str, tag: str) -> bool:
    """Whether a rule may give a word this tag.

    The program holds a rule to the tags that the word has in its lexicon; this lexicon names one tag a word. What the ending
    tells is kept: a present participle ends in "ing".
    """
    return tag != "VBG" or word.lower().endswith("ing")


@dataclass(frozen=True)
class Tagger:
    """The lexicon (word to its most frequent tag) and the rules in their order."""

    lexicon: Mapping[str, str]
    guesses: tuple[Guess, ...]
    transformations: tuple[Transformation, ...]

    def tags(self, words: Sequence[str]) -> list[str]:
        """The tag of each word of a text, whose words may have punctuation around them; of a contraction, of its
        first part."""
        tokens: list[str] = []
        at: list[int] = []  # index of each word's token
        for word in words:
            before, parts, after = self._parts(word.replace("\u2019", "'"))
            at.append(len(tokens) + len(before) if parts else len(tokens) + len(before) - 1)
            tokens += [*before, *parts, *after]
        tagged = [tag for sentence in self._sentences(tokens) for tag in self._tag(sentence)]
        return [tagged[i] for i in at]

    def _parts(self, word: str) -> tuple[list[str], list[str], list[str]]:
        """Tokens before, of and behind the word proper; a mark or an abbreviation that the lexicon has is one."""
        before, inner, after = core(word)
        parts = [part for part in _CLITIC.split(inner) if part]
        if len(parts) < 2 and word in self.lexicon:
            return [], [word], []
        return _marks(before), parts, _marks(after)

    def _sentences(self, tokens: Sequence[str]) -> Iterator[list[str]]:
        sentence: list[str] = []
        for token in tokens:
            sentence.append(token)
            if self.lexicon.get(token) == ".":
                yield sentence
                sentence = []
        yield sentence

    def _tag(self, sentence: Sequence[str]) -> list[str]:
        """Tags of the tokens of one sentence."""
        tags = [
            self._known(token, first=i == 0) or self._guess(sentence, i) for i, token in enumerate(sentence)
        ]
        around = [OUT] * 3
        w, t = [*around, *sentence, *around], [*around, *tags, *around]
        inside = range(3, len(sentence) + 3)
        for rule in self.transformations:
            holds = _TESTS[rule.test]
            for i in inside:
                fits = t[i] == rule.old or rule.old == "*"
                if fits and _can_be(w[i], rule.tag) and holds(w, t, i, rule.first, rule.second):
                    t[i] = rule.tag
        return t[3:-3]

    def _known(self, token: str, *, first: bool) -> str | None:
        small = self.lexicon.get(token.lower()) if first or token.isupper() else None
        return self.lexicon.get(token, small)

    def _guess(self, sentence: Sequence[str], i: int) -> str:
        """Tag of a word that the lexicon lacks."""
        word = sentence[i]
        if _NUMBER.fullmatch(word):
            return "CD"
        if word.istitle():
            return "NNP"
        before = sentence[i - 1] if i else OUT
        after = sentence[i + 1] if i + 1 < len(sentence) else OUT
        tag = "NN"
        for rule in self.guesses:
            fits = rule.old in {None, tag}
            if fits and _GUESS_TESTS[rule.test](word, before, after, rule.value, self.lexicon):
                tag = rule.tag
        return tag


def read_tagger(folder: Path) -> Tagger:
    """Read ``en-lexicon.txt``, ``en-morphology.txt`` and ``en-context.txt`` in ``folder``."""
    lexicon = {word: tags.split("|")[0] for word, tags, *_ in _lines(folder / "en-lexicon.txt")}
    guesses = tuple(_guess_rule(fields) for fields in _lines(folder / "en-morphology.txt"))
    rules = [fields for fields in _lines(folder / "en-context.txt") if len(fields) == _fields_of(fields[2])]
    return Tagger(
        lexicon, guesses, tuple(Transformation(*fields[:4], *fields[4:] or ("",)) for fields in rules)
    )


def _fields_of(test: str) -> int:
    """Fields of a right line; the file has one that gives two values to a test of one, and would turn nouns into
    pronouns."""
    return 5 if test in _OF_TWO else 4


def _lines(path: Path) -> Iterable[list[str]]:
    """The fields of each line that is no comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return (line.split() for line in lines if line.strip() and not line.startswith(";;;"))


def _guess_rule(fields: Sequence[str]) -> Guess:
    """Of ``NN ed fhassuf 2 VBN x`` (a tag in front) or ``ly hassuf 2 RB x``; the tag given is the last but one."""
    if fields[1] in _GUESS_TESTS:
        return Guess(None, fields[1], fields[0], fields[-2])
    return Guess(fields[0], fields[2].removeprefix("f"), fields[1], fields[-2])


def _marks(text: str) -> list[str]:
    """Punctuation as tokens, marks of one kind together."""
    return [found.group() for found in _SAME_MARKS.finditer(text)]
