"""Task and model of a space as every peer gets them: the splits and tokens of hpo, so that neither is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.assets.catalogue import CATALOGUE
from hpo.assets.fetch import fetch
from hpo.config.experiment import Experiment
from hpo.config.space import Space, load_space
from hpo.data.task_data import Part, load_task
from hpo.data.tokens import tokenize
from hpo.runtime.sources import load_sources
from hpo.seeds import derive
from hpo.training.examples import TrainingTexts


@dataclass(frozen=True)
class Split:
    """One split: token ids of each text, int32 [tokens], and int64 [n] labels."""

    ids: Sequence[NDArray[np.int32]]
    labels: NDArray[np.int64]


class HasParameters(Protocol):
    """A training of the list, or a record."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Every active parameter."""

    @property
    def seed(self) -> int:
        """Of the training."""


@dataclass(frozen=True)
class Assets:
    """What a peer trains with. ``model`` is a folder; ``epoch`` gives the training split."""

    experiment: Experiment
    model: Path
    tokenizer: Any
    train: TrainingTexts
    validation: Split
    test: Split
    classes: int

    def epoch(self, training: HasParameters, epoch: int) -> Split:
        """The training split as epoch ``epoch`` of ``training`` reads it: the originals or their variants."""
        texts = self.train.epoch(training.parameters, epoch, training.seed)
        return Split(texts.ids, self.train.labels)


def open_space(path: Path) -> Space:
    """Read a space file against the catalogue."""
    kinds = {
        kind: [a.name for a in CATALOGUE.values() if a.kind == kind] for kind in ("model", "data", "lexicon")
    }
    return load_space(str(path), kinds["model"], kinds["data"])


def load_assets(path: Path) -> Assets:
    """Load what the space at ``path`` names."""
    from transformers import AutoTokenizer

    experiment = open_space(path).experiment
    [source] = experiment.sources().values()
    name, length = source.name, experiment.task.max_length
    model = fetch(name) if name in CATALOGUE else path.parent / name
    tokenizer = AutoTokenizer.from_pretrained(model)
    task = load_task(experiment.task, experiment.seed)
    sources = load_sources(experiment.values("augmentation"), experiment.augmentation_model)

    def tokens(part: Part) -> Split:
        return Split(tokenize(tokenizer, part.texts, length), part.labels)

    return Assets(
        experiment=experiment,
        model=Path(model),
        tokenizer=tokenizer,
        train=TrainingTexts(task.train, tokenizer, length, sources, derive(experiment.seed, "augmentation")),
        validation=tokens(task.validation),
        test=tokens(task.test),
        classes=len(task.label_names),
    )
