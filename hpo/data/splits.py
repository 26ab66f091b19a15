"""Training, validation and test split: disjoint, without duplicates, stratified, whole groups, a function of the seed."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hpo.data.cells import Text
from hpo.data.corpus import Corpus, shown_label
from hpo.data.groups import draw_by_group
from hpo.data.strata import draw, quotas
from hpo.errors import UserError

DRAWN = ("test", "validation", "train")  # in this order, so that the test split depends on no other size


@dataclass(frozen=True)
class Split:
    """Which texts of a corpus stand where.

    Attributes:
        train, validation, test: int64 indices into the corpus, ascending.
        duplicates_dropped: texts left out because an equal one stays.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    duplicates_dropped: int


def split(corpus: Corpus, train: int, validation: int, test: int, seed: int) -> Split:
    """Draw splits of exactly these sizes, after duplicates are dropped.

    Each size is shared among the classes by largest remainder. Whole groups go to one split, which is then trimmed to
    its size. Where the data came split, each split is drawn from its own texts, as a sample of texts and not of groups, and
    one that is missing from those of train. Without groups, the test split depends on its own size and the seed alone.

    Raises:
        UserError: there are too few texts or groups, or train lacks a class (or shares a group) of another split.
    """
    kept = _without_duplicates(corpus)
    dropped = len(corpus.texts) - len(kept)
    sizes = {"test": test, "validation": validation, "train": train}
    parts: dict[str, np.ndarray] = {}
    for given, pool in _pools(corpus, kept).items():
        wanted = {name: sizes[name] for name in DRAWN if _pool_of(corpus, name) == given}
        _check_sizes(corpus, given, len(pool), wanted, dropped)
        if corpus.groups is None or len(wanted) == 1:  # of one split, no group can stand in another
            parts |= _draw_in_turn(corpus, pool, wanted, seed)
        else:
            groups = corpus.groups[pool]
            drawn = draw_by_group(corpus.strata[pool], groups, wanted, seed, corpus.origin)
            parts |= {name: pool[chosen] for name, chosen in drawn.items()}
    _check_parts(corpus, parts)
    return Split(parts["train"], parts["validation"], parts["test"], dropped)


def digest(corpus: Corpus, parts: Split) -> str:
    """Hexadecimal sha256 over the texts, the labels' names and their assignment to splits."""
    total = hashlib.sha256(b"hpo split 1")
    for name in DRAWN:
        for i in getattr(parts, name):
            for field in (name, corpus.label_text(i), as_one(corpus.texts[i])):
                content = field.encode("utf-8", "surrogatepass")
                total.update(len(content).to_bytes(8, "little") + content)
    return total.hexdigest()


def as_one(text: Text) -> str:
    """A text as it stands; two texts, or the words of one, as JSON."""
    return text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)


def normalised(text: str) -> str:
    """What two texts have in common when they count as duplicates: case and white space do not matter."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(folded.split())


def _without_duplicates(corpus: Corpus) -> np.ndarray:
    """Indices of the texts that stay: of equal ones the first, but one of test before validation before train."""
    rank = {name: i for i, name in enumerate(DRAWN)}
    given = corpus.splits
    order = range(len(corpus.texts))
    if given is not None:
        order = sorted(order, key=lambda i: rank[given[i]])  # type: ignore[assignment]
    first: dict[str, int] = {}
    for i in order:
        first.setdefault(normalised(as_one(corpus.texts[i])), i)
    return np.array(sorted(first.values()), np.int64)


def _pool_of(corpus: Corpus, name: str) -> str:
    """The given split from which split ``name`` is drawn; "" where the data came unsplit."""
    if corpus.splits is None:
        return ""
    return name if name in corpus.splits else "train"


def _pools(corpus: Corpus, kept: np.ndarray) -> dict[str, np.ndarray]:
    if corpus.splits is None:
        return {"": kept}
    names = np.array(corpus.splits)[kept]
    return {str(name): kept[names == name] for name in DRAWN if name in corpus.splits}


def _draw_in_turn(
    corpus: Corpus, pool: np.ndarray, sizes: Mapping[str, int], seed: int
) -> dict[str, np.ndarray]:
    parts = {}
    for name, size in sizes.items():
        labels = corpus.strata[pool]
        rng = np.random.default_rng([seed, DRAWN.index(name)])
        chosen = draw(labels, quotas(np.bincount(labels), size), rng)
        parts[name] = pool[chosen]
        pool = np.delete(pool, chosen)
    return parts


def _check_sizes(corpus: Corpus, given: str, there: int, wanted: Mapping[str, int], dropped: int) -> None:
    if sum(wanted.values()) <= there:
        return
    where = f"{corpus.origin}, {given}" if given else corpus.origin
    asked = " + ".join(f"{name} {wanted[name]}" for name in reversed(DRAWN) if name in wanted)
    raise UserError(
        f"{where}: {there} texts are left after {dropped} duplicates were dropped, but {asked} are asked for",
        f"Ask for at most {there} texts in all.",
    )


def _check_parts(corpus: Corpus, parts: Mapping[str, np.ndarray]) -> None:
    trained = corpus.label_indices(parts["train"])
    for name in ("validation", "test"):
        missing = sorted(corpus.label_indices(parts[name]) - trained)
        if missing:
            label = shown_label(corpus.label_names[missing[0]])
            raise UserError(
                f"{corpus.origin}: the class {label} stands in {name} but not in train",
                "Ask for a larger train split, or leave out classes with few texts.",
            )
    if corpus.groups is None:
        return
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if set(corpus.groups[parts[one]]) & set(corpus.groups[parts[other]]):
            raise UserError(
                f"{corpus.origin}: {one} and {other} share a group",
                "Split the data so that each group stands in one file, or give one file and let hpo split it.",
            )
    if len(set(corpus.groups[parts["test"]])) < 2:
        raise UserError(
            f"{corpus.origin}: all {len(parts['test'])} texts of test stand in one group; at least two are required",
            "Ask for a larger test split, or leave `group` out: an interval rests on how groups differ.",
        )
