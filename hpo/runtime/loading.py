"""From an experiment to all that its trainings need in one process: the same in the coordinator and in each worker."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hpo.config.experiment import Experiment
from hpo.data.augmentation import Sources
from hpo.data.read import read_texts
from hpo.data.shifts import ShiftSet, load_shifts
from hpo.data.task_data import Part, TaskData, load_task
from hpo.data.tokens import count_longer, padding_id
from hpo.models.objective import Outputs
from hpo.models.pretrained import Pretrained, load_pretrained
from hpo.models.structure import LAYERS, frozen_layers, kept_layers
from hpo.pulse import progress
from hpo.runtime.jobs import SHIFT, TEST
from hpo.runtime.memory import keep_freed_memory
from hpo.runtime.recall import ModelTrainings, Recall
from hpo.runtime.sources import load_sources
from hpo.runtime.worker import Worker
from hpo.seeds import derive
from hpo.training.course import Planner
from hpo.training.cuts import Forks
from hpo.training.evaluation import EvaluationSet
from hpo.training.examples import TrainingTexts
from hpo.training.precision import Precision, choose_precision
from hpo.training.prefixes import Prefixes
from hpo.training.privacy import Mechanism
from hpo.training.scoring import Scoring
from hpo.training.store import Store

# Part of a GPU's memory that workers take together; the rest is for what CUDA itself keeps in each process.
GPU_SHARE = 0.9
# Of it the part that may hold states, which give way when a training asks for more. Not measured.
HELD_SHARE = 0.25


# Kinds of tasks that read one text and give it one class: one training, whatever it is called.
PLAIN_KINDS = ("text-classification", "sentiment")


@dataclass(frozen=True)
class Loaded:
    """The parts of a run in memory. What searches gets a ``Recall`` that was never handed the test split.

    Attributes:
        models: by the value of ``model`` in the parameters of their trainings; None: the space's one.
    """

    experiment: Experiment
    models: Mapping[str | None, Pretrained]
    task: TaskData
    precision: Precision
    sources: Sources | None
    shifts: tuple[ShiftSet, ...] = ()
    mechanism: Mechanism | None = None

    def recall(self, store: Store, forks: Forks, share: float = 1.0) -> Recall:
        """The trainings of this experiment as ``store`` knows them."""
        models = {
            name: self._trainings(pretrained, store, forks, share) for name, pretrained in self.models.items()
        }
        task = self.experiment.task
        return Recall(models, store, Scoring(task.kind, self.task.label_names, task.metric))

    def _trainings(self, pretrained: Pretrained, store: Store, forks: Forks, share: float) -> ModelTrainings:
        experiment, tokenizer = self.experiment, pretrained.tokenizer
        length = experiment.task.max_length
        seed = derive(experiment.seed, "augmentation")
        texts = TrainingTexts(self.task.train, tokenizer, length, self.sources, seed, self.task.label_names)
        progress()
        numerics = {
            "weights": pretrained.info.sha256,
            "numerics": self.precision.numerics_class(),
            **({} if self.task.kind in PLAIN_KINDS else {"kind": self.task.kind}),
        }
        if self.mechanism is not None:  # keys of passes are recorded, and are a digest of all training texts
            numerics["secret"] = self.mechanism.fingerprint
        depths = frozen_depths(experiment, pretrained.info.layers)
        prefixes = Prefixes(pretrained, store, self.precision, numerics, depths, texts.pad_id, share)
        planner = Planner(
            texts=texts,
            rungs=experiment.budget.rungs,
            origin={
                **numerics,
                "classes": self._outputs.classes,
                "class_weights": self._outputs.balanced().tolist(),
                "first_token": pretrained.first_token_works,
            },
            forks=forks,
            start_of=lambda parameters: prefixes.start_of(parameters, texts.tokens),
            mechanism=self.mechanism,
        )
        validation = self._evaluation_set(self.task.validation, pretrained)
        return ModelTrainings(pretrained, planner, prefixes, validation)

    def worker(self, recall: Recall, share: float = 1.0) -> Worker:
        """What does the jobs in this process."""
        device, held = (
            self.precision.device,
            0,
        )  # on a CPU states are read from disk as fast as they are needed
        if device.type == "cuda":
            held = int(torch.cuda.get_device_properties(device).total_memory * GPU_SHARE * share * HELD_SHARE)
        return Worker(recall, self._outputs, self.precision, share, held)

    @property
    def test_parts(self) -> dict[str, Part]:
        """What selection never sees, by what jobs call it: the test split, then the shift sets."""
        return {TEST: self.task.test, **{SHIFT + shift.info.name: shift.part for shift in self.shifts}}

    def test_sets(self, pretrained: Pretrained) -> dict[str, EvaluationSet]:
        """``test_parts`` as a model reads them: opened once all configurations are selected."""
        return {split: self._evaluation_set(part, pretrained) for split, part in self.test_parts.items()}

    def count_cut(self, *parts: Part) -> int:
        """How many texts of ``parts`` have more tokens than are read; of several models, as the one that cuts most reads
        them."""
        return max(self._cut(pretrained.tokenizer, parts) for pretrained in self.models.values())

    def _cut(self, tokenizer: Any, parts: Sequence[Part]) -> int:
        words, length = self.task.kind == "token-classification", self.experiment.task.max_length
        return sum(count_longer(tokenizer, part.texts, length, words=words) for part in parts)

    def _evaluation_set(self, part: Part, pretrained: Pretrained) -> EvaluationSet:
        tokenizer, length = pretrained.tokenizer, self.experiment.task.max_length
        texts = read_texts(tokenizer, part.texts, part.labels, length)
        progress()
        return EvaluationSet(texts, part.labels, padding_id(tokenizer))

    @property
    def _outputs(self) -> Outputs:
        return Outputs(self.task.kind, len(self.task.label_names), self.task.train.labels)


def frozen_depths(experiment: Experiment, layers: int) -> list[int]:
    """Every number of layers that a training freezes below others that it trains."""
    combinations = experiment.combinations(LAYERS)
    frozen = {
        frozen_layers(p, layers) for p in combinations if frozen_layers(p, layers) < kept_layers(p, layers)
    }
    return sorted(frozen)


def load(
    experiment: Experiment,
    device: str | None,
    threads: int | None = None,
    share: float = 1.0,
    mechanism: Mechanism | None = None,
    elsewhere: Precision | None = None,
) -> Loaded:
    """Load what ``experiment`` names, fetching assets that are not cached. Files and folders have their full paths in it.

    Args:
        threads: of this process; None: as many as torch takes.
        share: of a GPU's memory that this process may take, so that no worker takes another's.
        mechanism: of the private trainings among the experiment's; None: there is none, or nothing is trained.
        elsewhere: with what is computed by workers on other machines; this process then plans what they train.

    Raises:
        UserError: something is not there, or does not fit together.
    """
    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)
    precision = elsewhere or choose_precision(device)
    if elsewhere is None and precision.device.type == "cuda" and share < 1:
        torch.cuda.set_per_process_memory_fraction(share * GPU_SHARE, precision.device)
    task = load_task(experiment.task, experiment.seed)
    progress()
    models = {}
    for name, source in experiment.sources().items():
        models[name] = load_pretrained(source.name, experiment.task.kind, source.num_layers)
        progress()
    if elsewhere is None:
        for pretrained in models.values():
            pretrained.body.to(precision.device)
    sources = load_sources(experiment.values("augmentation"), experiment.augmentation_model)
    progress()
    shifts = load_shifts(experiment.task, task, experiment.seed)
    progress()
    return Loaded(experiment, models, task, precision, sources, shifts, mechanism)


def cores() -> int:
    """Cores that this process may use: what ``OMP_NUM_THREADS`` says, else what the system allows."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
