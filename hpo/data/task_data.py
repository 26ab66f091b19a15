"""The texts that a task trains, selects and tests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpo.config.experiment import Kind, Task
from hpo.data.cells import Text
from hpo.data.corpus import Corpus, load_corpus
from hpo.data.entities import types_of
from hpo.data.scrubbing import scrub_corpus
from hpo.data.splits import Split, digest, split
from hpo.records.setup import SplitInfo


@dataclass(frozen=True)
class Part:
    """One split: n texts, and their labels as ``hpo.data.corpus.Corpus`` has them."""

    texts: tuple[Text, ...]
    labels: np.ndarray


@dataclass(frozen=True)
class TaskData:
    """The three splits of a task, with what the report says of them."""

    train: Part
    validation: Part
    test: Part
    label_names: tuple[str, ...]
    info: SplitInfo
    kind: Kind = "text-classification"


def load_task(task: Task, seed: int) -> TaskData:
    """Read and split the data of ``task``; the same arguments give the same splits.

    Raises:
        UserError: the data cannot be read, its rows do not do, or there are too few.
    """
    corpus = load_corpus(task.data, task.kind)
    scrubbed = None
    if task.scrub:
        corpus, scrubbed = scrub_corpus(corpus)
    parts = split(corpus, task.train, task.validation, task.test, seed)
    return TaskData(
        train=_part(corpus, parts.train),
        validation=_part(corpus, parts.validation),
        test=_part(corpus, parts.test),
        label_names=corpus.label_names,
        info=_info(corpus, parts, task.kind).model_copy(update={"scrubbed": scrubbed}),
        kind=task.kind,
    )


def _part(corpus: Corpus, indices: np.ndarray) -> Part:
    return Part(tuple(corpus.texts[i] for i in indices), corpus.labels[indices])


def _info(corpus: Corpus, parts: Split, kind: Kind) -> SplitInfo:
    groups = None if corpus.groups is None else tuple(int(g) for g in corpus.groups[parts.test])
    return SplitInfo(
        source=corpus.source,
        licence=corpus.licence,
        labels=corpus.label_names if kind != "token-classification" else types_of(corpus.label_names),
        train=len(parts.train),
        validation=len(parts.validation),
        test=len(parts.test),
        duplicates_dropped=parts.duplicates_dropped,
        groups=groups,
        sha256=digest(corpus, parts),
    )
