"""Synonyms of English words in their part of speech, from the files of WordNet 3.0 (Fellbaum 1998).

A word's part of speech is told by its sentence (``hpo.data.tagger``), and its synonyms are the other lemmas of all
synsets of
this part of speech: "a good film" gives nouns for "film", "they film a story" verbs. Limits: a tagger errs; which of
    a word's
senses is meant is not told; and a word is looked up as it stands, in lower case, so that an inflected form, whose
synonyms would
need the same inflection, has none unless it is a lemma itself ("people").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hpo.assets.fetch import fetch
from hpo.data.stop_words import STOP_WORDS
from hpo.data.tagger import Tagger, read_tagger
from hpo.data.words import core

DICTIONARY = "wordnet/dict"  # folder of the data files in the asset; the tagger's lie at its top
FILES = {
    "data.noun1": "noun",
    "data.noun2": "noun",
    "data.verb": "verb",
    "data.adj": "adjective",
    "data.adv": "adverb",
}
# Tags of the Penn Treebank under which a lemma stands as it is. Names (NNP) have no synonyms; other forms of verbs, and
# comparatives, are inflected, and a lemma that looks alike is another word ("saw", "better").
PARTS = {
    "NN": "noun",
    "NNS": "noun",
    "VB": "verb",
    "VBP": "verb",
    "JJ": "adjective",
    "RB": "adverb",
}
# Part of speech to lower-case lemma to the other lemmas of its synsets, in alphabetical order, with spaces for underscores.
Lemmas = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Synonyms:
    """The synonyms of each word of a text; stop words have none."""

    lemmas: Lemmas
    tagger: Tagger

    def __call__(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Synonyms of each word, whose punctuation is no part of it, in its part of speech here."""
        return [self._of(word, tag) for word, tag in zip(words, self.tagger.tags(words), strict=True)]

    def _of(self, word: str, tag: str) -> tuple[str, ...]:
        lemma = core(word)[1].lower()
        if lemma in STOP_WORDS or tag not in PARTS:
            return ()
        return self.lemmas[PARTS[tag]].get(lemma, ())


def load_synonyms() -> Synonyms:
    """The synonyms of the asset ``wordnet``, fetched on first use and read once a process (1 s).

    Raises:
        UserError: it cannot be fetched.
    """
    return _read(fetch("wordnet"))


@lru_cache(maxsize=1)
def _read(folder: Path) -> Synonyms:
    return Synonyms(read_lemmas(folder / DICTIONARY), read_tagger(folder))


def read_lemmas(folder: Path) -> Lemmas:
    """Read the ``data.*`` files in ``folder``; lemmas of one synset are synonyms."""
    found: dict[str, dict[str, set[str]]] = {part: defaultdict(set) for part in FILES.values()}
    for name, part in FILES.items():
        for synset in parse_synsets(folder / name):
            for lemma in synset:
                found[part][lemma].update(synset)
    return {
        part: {lemma: tuple(sorted(others - {lemma})) for lemma, others in lemmas.items() if len(others) > 1}
        for part, lemmas in found.items()
    }


def parse_synsets(path: Path) -> list[tuple[str, ...]]:
    """The lemmas of each synset of one data file, in the format of WordNet's manual page wndb(5).

    A line is ``offset lexicographer-file type count lemma id lemma id ... | gloss``, the count in hexadecimal; the
    licence above the synsets is indented. Adjectives may carry a marker as in ``former(a)``.
    """
    synsets = []
    with path.open(encoding="latin-1") as file:
        for line in file:
            if line.startswith(" ") or not line.strip():
                continue
            fields = line.split(" ")
            lemmas = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
            synsets.append(tuple(lemma.split("(")[0].replace("_", " ").lower() for lemma in lemmas))
    return synsets
