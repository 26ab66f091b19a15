"""Entities as wholes: where they stand in a sentence of IOB2 labels, and variants in which others of their type take their place
(mention replacement, Dai and Adel 2020, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hpo.data.augmentation import OUTSIDE, generator

Mention = tuple[str, ...]  # the words of an entity


def spans(labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first word, word behind the last, type) of each entity of a sentence in IOB2: ``B-`` begins one, ``I-`` goes on with it."""
    found: list[tuple[int, int, str]] = []
    for i, label in enumerate(labels):
        if label.startswith("B-"):
            found.append((i, i + 1, label[2:]))
        elif label != OUTSIDE:
            first, end, kind = found[-1]
            assert (end, f"I-{kind}") == (i, label), "labels are IOB2"
            found[-1] = (first, i + 1, kind)
    return found


def pool(sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> dict[str, tuple[Mention, ...]]:
    """The different mentions of each type in sentences of words and labels, in order of the alphabet.

    Give it the training split alone: what stands in the others must not be seen in training.
    """
    found: dict[str, set[Mention]] = {}
    for words, labels in sentences:
        for first, end, kind in spans(labels):
            found.setdefault(kind, set()).add(tuple(words[first:end]))
    return {kind: tuple(sorted(mentions)) for kind, mentions in sorted(found.items())}


def with_other_mentions(
    words: Sequence[str],
    labels: Sequence[str],
    strength: float,
    number: int,
    seed: int,
    mentions: Mapping[str, Sequence[Mention]],
) -> tuple[list[str], list[str]]:
    """Variant ``number`` of a sentence: words and labels, with a share of its entities, at least one, replaced by others.

    Args:
        strength: the share of the entities; 0 is the sentence itself, as is number 0.
        mentions: of each type, as ``pool`` gives them.
    """
    there = spans(labels)
    new_words, new_labels = list(words), list(labels)
    if not there or number == 0 or strength == 0:
        return new_words, new_labels
    rng = generator(seed, "mention_replacement", number, list(words))
    chosen = rng.permutation(len(there))[: max(1, round(strength * len(there)))]
    for first, end, kind in sorted((there[i] for i in chosen), reverse=True):
        others = [mention for mention in mentions.get(kind, ()) if mention != tuple(words[first:end])]
        if others:
            mention = others[rng.integers(len(others))]
            new_words[first:end] = mention
            new_labels[first:end] = [f"B-{kind}", *[f"I-{kind}"] * (len(mention) - 1)]
    return new_words, new_labels
