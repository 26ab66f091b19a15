"""Shift sets: labelled texts of other domains, on which the trainings of a task are scored and by which none is selected."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.config.experiment import DataSource, Task
from hpo.data.corpus import Corpus, load_corpus, shown_label
from hpo.data.scrubbing import scrub_corpus
from hpo.data.splits import as_one, normalised
from hpo.data.strata import draw, quotas
from hpo.data.task_data import Part, TaskData
from hpo.errors import UserError
from hpo.records.setup import ShiftInfo
from hpo.seeds import derive

MOST_LISTED = 20  # labels in a message


@dataclass(frozen=True)
class ShiftSet:
    """Texts with labels by the task's names, and what the report says of them."""

    part: Part
    info: ShiftInfo


def load_shifts(task: Task, data: TaskData, seed: int) -> tuple[ShiftSet, ...]:
    """Read the shift sets of ``task``; the same arguments give the same texts.

    Of data that came split it is the test split, where there is one. Texts that also stand in the task's own splits, and
    all but the first of equal ones, are left out; of more than are asked for so many are drawn, each class with its share.

    Raises:
        UserError: a set cannot be read, has a label that is none of the task's, or too few texts.
    """
    parts = (data.train, data.validation, data.test)
    own = frozenset(normalised(as_one(text)) for part in parts for text in part.texts)
    return tuple(_load(name, source, task, data, own, seed) for name, source in task.shift.items())


def _load(
    name: str, source: DataSource, task: Task, data: TaskData, own: Collection[str], seed: int
) -> ShiftSet:
    try:
        corpus = load_corpus(source, task.kind)
    except UserError as error:
        raise UserError(f"shift set {name}: {error.message}", error.hint) from error
    if task.scrub:
        corpus, _ = scrub_corpus(corpus)
    labels = _by_the_tasks_names(name, corpus, data.label_names)
    kept, overlapping, duplicates = _new(corpus, own)
    most = task.test if task.shift_test is None else task.shift_test
    if len(kept) > most:
        strata = corpus.strata[kept]
        chance = np.random.default_rng(derive(seed, "shift", name))
        kept = kept[draw(strata, quotas(np.bincount(strata), most), chance)]
    _check_size(name, corpus, kept, overlapping, duplicates)
    return ShiftSet(
        part=Part(tuple(corpus.texts[i] for i in kept), labels[kept]),
        info=ShiftInfo(
            name=name,
            source=corpus.source,
            licence=corpus.licence,
            size=len(kept),
            overlap_dropped=overlapping,
            duplicates_dropped=duplicates,
            largest_class=_largest_class(labels[kept]),
            groups=None if corpus.groups is None else tuple(int(g) for g in corpus.groups[kept]),
            sha256=_digest(corpus, kept),
        ),
    )


def _by_the_tasks_names(name: str, corpus: Corpus, wanted: tuple[str, ...]) -> np.ndarray:
    """The labels as indices into the task's names."""
    unknown = [label for label in corpus.label_names if label not in wanted]
    if unknown:
        raise UserError(
            f"shift set {name}: labels that the task has not: {_listed(unknown)}; those of the task: {_listed(wanted)}",
            "Write the labels as the task has them, or leave the set out of `shift`.",
        )
    place = np.array([wanted.index(label) for label in corpus.label_names], np.int64)
    if corpus.labels.ndim == 2:
        found = np.zeros((len(corpus.labels), len(wanted)), np.int64)
        found[:, place] = corpus.labels
        return found
    if corpus.labels.dtype != object:
        indices: NDArray[np.int64] = place[corpus.labels]
        return indices
    rows = np.empty(len(corpus.labels), object)
    for i, row in enumerate(corpus.labels):
        rows[i] = place[row]
    return rows


def _listed(labels: Sequence[str]) -> str:
    shown = [shown_label(label) for label in labels[:MOST_LISTED]]
    return ", ".join([*shown, "..."] if len(labels) > MOST_LISTED else shown)


def _new(corpus: Corpus, own: Collection[str]) -> tuple[NDArray[np.int64], int, int]:
    """Indices of the texts that stand neither in ``own`` nor before; how many did in the one, and in the other."""
    among: Sequence[int] = range(len(corpus.texts))
    splits = corpus.splits
    if splits is not None and "test" in splits:
        among = [i for i in among if splits[i] == "test"]
    kept: dict[str, int] = {}
    overlapping = 0
    for i in among:
        key = normalised(as_one(corpus.texts[i]))
        if key in own:
            overlapping += 1
        else:
            kept.setdefault(key, i)
    return np.array([*kept.values()], np.int64), overlapping, len(among) - overlapping - len(kept)


def _check_size(
    name: str, corpus: Corpus, kept: NDArray[np.int64], overlapping: int, duplicates: int
) -> None:
    """An interval over items needs two of them, or two groups."""
    groups = None if corpus.groups is None else set(corpus.groups[kept])
    if len(kept) >= 2 and (groups is None or len(groups) >= 2):
        return
    found = f"{len(kept)} in all" if groups is None else f"{len(kept)} in all, in {len(groups)} groups"
    raise UserError(
        f"shift set {name}: too few texts are left, {found}, after {overlapping} that stand in the task's own splits and "
        f"{duplicates} duplicates were dropped; two are required{'' if groups is None else ', of different groups'}",
        "Name a set with other texts, or leave it out of `shift`.",
    )


def _largest_class(labels: np.ndarray) -> float | None:
    """Share of the most frequent class; None where items have no one class."""
    if labels.ndim != 1 or labels.dtype == object:
        return None
    return float(np.bincount(labels).max() / len(labels))


def _digest(corpus: Corpus, kept: NDArray[np.int64]) -> str:
    """Hexadecimal sha256 over the texts and the labels' names."""
    total = hashlib.sha256(b"hpo shift 1")
    for i in kept:
        for field in (corpus.label_text(i), as_one(corpus.texts[i])):
            content = field.encode("utf-8", "surrogatepass")
            total.update(len(content).to_bytes(8, "little") + content)
    return total.hexdigest()
