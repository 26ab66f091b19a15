"""Entities as wholes: the mentions of the training split, and variants in which others of their type take an entity's place
(mention replacement, Dai and Adel 2020, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hpo.data.edits import Edited, untouched
from hpo.data.entities import spans_of

Mention = tuple[str, ...]  # the words of an entity
Mentions = Mapping[str, Sequence[Mention]]  # by type
MENTION_REPLACEMENT = "mention_replacement"


def pool(sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> dict[str, tuple[Mention, ...]]:
    """The different mentions of each type in sentences of words and labels, in order of the alphabet.

    Give it the training split alone: what stands in the others must not be seen in training.
    """
    found: dict[str, set[Mention]] = {}
    for words, labels in sentences:
        for first, end, kind in spans_of(labels):
            found.setdefault(kind, set()).add(tuple(words[first:end]))
    return {kind: tuple(sorted(mentions)) for kind, mentions in sorted(found.items())}


def replace_mentions(
    words: Sequence[str], labels: Sequence[str], strength: float, rng: np.random.Generator, mentions: Mentions
) -> Edited:
    """A sentence with a share of its entities, at least one, replaced by others of their types.

    Args:
        mentions: of each type, as ``pool`` gives them.
    """
    changed = untouched(words)
    there = spans_of(labels)
    for i in rng.permutation(len(there))[: max(1, round(strength * len(there)))]:
        first, end, kind = there[i]
        others = [mention for mention in mentions.get(kind, ()) if mention != tuple(words[first:end])]
        if others:
            changed.slots[first:end] = [others[rng.integers(len(others))], *[()] * (end - first - 1)]
    return changed
