"""Synonyms of English words from the files of WordNet 3.0 (Fellbaum 1998)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from hpo.assets.fetch import fetch

Synonyms = Mapping[str, tuple[str, ...]]
"""Lower-case lemma to the other lemmas of its synsets, in alphabetical order, with spaces for underscores."""

FILES = ("data.noun1", "data.noun2", "data.verb", "data.adj", "data.adv")


def load_synonyms() -> Synonyms:
    """The synonyms of the asset ``wordnet``, fetched on first use and read once a process (1 s).

    Raises:
        UserError: it cannot be fetched.
    """
    return read_synonyms(fetch("wordnet"))


@lru_cache(maxsize=1)
def read_synonyms(folder: Path) -> Synonyms:
    """Read the ``data.*`` files in ``folder``; lemmas of one synset are synonyms, whatever their part of speech."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in FILES:
        for synset in parse_synsets(folder / name):
            for lemma in synset:
                found[lemma].update(synset)
    return {lemma: tuple(sorted(others - {lemma})) for lemma, others in found.items() if len(others) > 1}


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
