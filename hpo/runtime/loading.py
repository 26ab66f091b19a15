"""From an experiment to all that its trainings need in one process: the same in the coordinator and in each worker."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from hpo.config.experiment import Experiment
from hpo.data.read import read_texts
from hpo.data.shifts import ShiftSet, load_shifts
from hpo.data.task_data import Part, TaskData, load_task
from hpo.data.tokens import count_longer
from hpo.data.wordnet import Synonyms, load_synonyms
from hpo.models.objective import Outputs
from hpo.models.pretrained import Pretrained, load_pretrained
from hpo.runtime.jobs import SHIFT, TEST
from hpo.runtime.memory import keep_freed_memory
from hpo.runtime.recall import Recall
from hpo.runtime.worker import Worker
from hpo.seeds import derive
from hpo.training.course import Planner
from hpo.training.cuts import Forks
from hpo.training.evaluation import EvaluationSet
from hpo.training.examples import TrainingTexts
from hpo.training.precision import Precision, choose_precision
from hpo.training.prefixes import Prefixes
from hpo.training.scoring import Scoring
from hpo.training.store import Store

# Part of a GPU's memory that workers take together; the rest is for what CUDA itself keeps in each process.
GPU_SHARE = 0.9
# Of it the part that may hold states, which give way when a training asks for more. Not measured.
HELD_SHARE = 0.25


@dataclass(frozen=True)
class Loaded:
    """The parts of a run in memory. What searches gets a ``Recall`` that was never handed the test split."""

    experiment: Experiment
    pretrained: Pretrained
    task: TaskData
    precision: Precision
    synonyms: Synonyms | None
    shifts: tuple[ShiftSet, ...] = ()

    def recall(self, store: Store, forks: Forks, share: float = 1.0) -> Recall:
        """The trainings of this experiment as ``store`` knows them."""
        experiment, tokenizer = self.experiment, self.pretrained.tokenizer
        length = experiment.task.max_length
        seed = derive(experiment.seed, "augmentation")
        texts = TrainingTexts(self.task.train, tokenizer, length, self.synonyms, seed)
        numerics = {
            "weights": self.pretrained.info.sha256,
            "numerics": self.precision.numerics_class(),
        }
        depths = [int(v) for v in experiment.values("frozen_layers") if isinstance(v, int | float)]
        prefixes = Prefixes(self.pretrained, store, self.precision, numerics, depths, texts.pad_id, share)
        planner = Planner(
            texts=texts,
            rungs=experiment.budget.rungs,
            origin={
                **numerics,
                "kind": self.task.kind,
                "classes": self._outputs.classes,
                "class_weights": self._outputs.balanced().tolist(),
                "first_token": self.pretrained.first_token_works,
            },
            forks=forks,
            start_of=lambda parameters: prefixes.start_of(parameters, texts.tokens),
        )
        task = experiment.task
        scoring = Scoring(task.kind, self.task.label_names, task.metric)
        return Recall(planner, store, prefixes, self._evaluation_set(self.task.validation), scoring)

    def worker(self, recall: Recall, share: float = 1.0) -> Worker:
        """What does the jobs in this process."""
        device, held = (
            self.precision.device,
            0,
        )  # on a CPU states are read from disk as fast as they are needed
        if device.type == "cuda":
            held = int(torch.cuda.get_device_properties(device).total_memory * GPU_SHARE * share * HELD_SHARE)
        return Worker(self.pretrained, recall, self._outputs, self.precision, share, held)

    @property
    def test_parts(self) -> dict[str, Part]:
        """What selection never sees, by what jobs call it: the test split, then the shift sets."""
        return {TEST: self.task.test, **{SHIFT + shift.info.name: shift.part for shift in self.shifts}}

    def test_sets(self) -> dict[str, EvaluationSet]:
        """``test_parts`` as the model reads them: opened once all configurations are selected."""
        return {split: self._evaluation_set(part) for split, part in self.test_parts.items()}

    def count_cut(self, *parts: Part) -> int:
        """How many texts of ``parts`` have more tokens than are read."""
        words, length = self.task.kind == "token-classification", self.experiment.task.max_length
        tokenizer = self.pretrained.tokenizer
        return sum(count_longer(tokenizer, part.texts, length, words=words) for part in parts)

    def _evaluation_set(self, part: Part) -> EvaluationSet:
        tokenizer, length = self.pretrained.tokenizer, self.experiment.task.max_length
        texts = read_texts(tokenizer, part.texts, part.labels, length)
        return EvaluationSet(texts, part.labels, tokenizer.pad_token_id or 0)

    @property
    def _outputs(self) -> Outputs:
        return Outputs(self.task.kind, len(self.task.label_names), self.task.train.labels)


def load(
    experiment: Experiment, base: Path, device: str | None, threads: int | None = None, share: float = 1.0
) -> Loaded:
    """Load what ``experiment`` names, fetching assets that are not cached.

    Args:
        base: folder to which a model's folder is relative.
        threads: of this process; None: as many as torch takes.
        share: of a GPU's memory that this process may take, so that no worker takes another's.

    Raises:
        UserError: something is not there, or does not fit together.
    """
    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)
    precision = choose_precision(device)
    if precision.device.type == "cuda" and share < 1:
        torch.cuda.set_per_process_memory_fraction(share * GPU_SHARE, precision.device)
    task = load_task(experiment.task, experiment.seed)
    pretrained = load_pretrained(experiment.model, base, experiment.task.kind)
    pretrained.body.to(precision.device)
    synonyms = load_synonyms() if experiment.needs_synonyms() else None
    shifts = load_shifts(experiment.task, task, experiment.seed)
    return Loaded(experiment, pretrained, task, precision, synonyms, shifts)


def cores() -> int:
    """Cores that this process may use: what ``OMP_NUM_THREADS`` says, else what the system allows."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
