"""Training texts beside their variants, as `hpo augment` shows them: what trainings would read, without training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpo.config.experiment import Experiment, Fixed
from hpo.config.parameters import PARAMETERS
from hpo.config.space import Space
from hpo.data.augmentation import Edited
from hpo.data.task_data import load_task
from hpo.data.variants import Variants
from hpo.runtime.sources import load_sources
from hpo.seeds import derive
from hpo.training.examples import pool_seed

MEASURED = 200  # texts over which shares are measured, the first of the training split
NUMBER = 1  # of the variant in the pool


@dataclass(frozen=True)
class Shown:
    """One method on the training texts.

    Attributes:
        strength: that was asked for.
        texts: measured.
        changed: how many of them the variant differs from.
        share: of their words that are touched.
        examples: the first texts that are changed, as many as were asked for.
    """

    method: str
    strength: float
    texts: int
    changed: int
    share: float
    examples: tuple[Edited, ...]


def show(space: Space, methods: Sequence[str], strength: float | None, count: int) -> Iterator[Shown]:
    """Variants of the space's training texts by each of the methods, the first of each text's pool.

    Args:
        strength: of all methods; None: the space's default.
        count: examples of each method.

    Raises:
        UserError: the data or what a method reads is not there.
    """
    experiment = space.experiment
    sources = load_sources(methods, experiment.augmentation_model)
    task = load_task(experiment.task, experiment.seed)
    names = task.label_names if experiment.task.kind == "token-classification" else ()
    made = Variants(task.train, names, sources, pool_seed(derive(experiment.seed, "augmentation")))
    share = _strength(experiment) if strength is None else strength
    for method in methods:
        items = range(min(len(task.train.texts), max(MEASURED, count)))
        variants = [one for item in items for one in made.edits(item, method, share, NUMBER)]
        changed = [variant for variant in variants if variant.touched]
        words = sum(len(variant.words) for variant in variants)
        yield Shown(
            method=method,
            strength=share,
            texts=len(variants),
            changed=len(changed),
            share=sum(variant.touched for variant in variants) / words,
            examples=tuple(changed[:count]),
        )


def _strength(experiment: Experiment) -> float:
    """The strength of the space's default configuration."""
    setting = experiment.parameters.get("augmentation_strength")
    if setting is None:
        value = PARAMETERS["augmentation_strength"].default
    else:
        value = setting.value if isinstance(setting, Fixed) else setting.default
    assert isinstance(value, int | float)
    return float(value)
