"""Entities in a sentence of words: as tags (IOB1, IOB2, IOBES) and as spans."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

Span = tuple[int, int, str]  # first word, the one behind the last, type
OUTSIDE = "O"
_WORD = r"\w+|[^\w\s]"  # a run of letters and digits, or a single other character


def spans_of(tags: Sequence[str]) -> tuple[Span, ...]:
    """The entities that ``tags`` of words mean, in IOB1, IOB2 or IOBES alike.

    The rules of the CoNLL script (conlleval): an entity begins at B or S, or where what precedes is outside, ends or has
    another type; it ends before what begins another, before the outside, and behind E or S.

    Raises:
        ValueError: a tag is none.
    """
    spans: list[Span] = []
    start, kind = 0, ""
    for word, tag in enumerate([*tags, OUTSIDE]):
        prefix, name = _parts(tag)
        if kind and (prefix in "OBS" or name != kind):
            spans.append((start, word, kind))
            kind = ""
        if prefix != "O" and not kind:
            start, kind = word, name
        if prefix in "ES" and kind:
            spans.append((start, word + 1, kind))
            kind = ""
    return tuple(spans)


def _parts(tag: str) -> tuple[str, str]:
    prefix, _, name = tag.partition("-")
    if tag == OUTSIDE:
        return OUTSIDE, ""
    if prefix not in {"B", "I", "E", "S"} or not name:
        raise ValueError("a tag is O, or B-, I-, E- or S- with a type, such as B-PER")
    return prefix, name


def tags_of(spans: Iterable[Span], words: int) -> list[str]:
    """Tags of so many words in IOB2: B at the first word of each entity, I inside, O elsewhere."""
    tags = [OUTSIDE] * words
    for first, end, name in spans:
        tags[first:end] = [f"B-{name}", *[f"I-{name}"] * (end - first - 1)]
    return tags


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """The tags of entities of ``types`` in IOB2, O first."""
    return (OUTSIDE, *(f"{prefix}-{name}" for name in types for prefix in "BI"))


def types_of(tags: Iterable[str]) -> tuple[str, ...]:
    """The types of entities of ``tags`` in IOB2, in their order."""
    return tuple(tag.removeprefix("B-") for tag in tags if tag.startswith("B-"))


def word_places(text: str) -> list[tuple[int, int]]:
    """First character of each word of a text, and the one behind its last."""
    return [match.span() for match in re.finditer(_WORD, text)]


def words_of(text: str, spans: Iterable[tuple[int, int, str]]) -> tuple[tuple[str, ...], tuple[Span, ...]]:
    """Words of a text and its entities over them, from entities over its characters.

    A word is a run of letters and digits, or a single other character; one that an entity cuts is two.

    Raises:
        ValueError: an entity lies outside the text, holds no word, or overlaps another.
    """
    entities = sorted(spans)
    if any(first < 0 or end > len(text) or not text[first:end].strip() for first, end, _ in entities):
        raise ValueError("an entity holds no word of the text")
    if any(one[1] > other[0] for one, other in pairwise(entities)):
        raise ValueError("two entities overlap")
    bounds = sorted({place for first, end, _ in entities for place in (first, end)})
    places = [part for match in re.finditer(_WORD, text) for part in _cut(*match.span(), bounds)]
    starts, stops = [start for start, _ in places], [stop for _, stop in places]
    found = [(bisect_left(starts, first), bisect_right(stops, end), name) for first, end, name in entities]
    return tuple(text[start:stop] for start, stop in places), tuple(found)


def _cut(first: int, end: int, bounds: Sequence[int]) -> list[tuple[int, int]]:
    inside = bounds[bisect_right(bounds, first) : bisect_left(bounds, end)]
    return list(pairwise([first, *inside, end]))
