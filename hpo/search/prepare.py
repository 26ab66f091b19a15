"""Everything a run needs before its first trial: assets, data, model, device, and the head of the records."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path

from hpo import __version__
from hpo.config.experiment import Experiment
from hpo.config.space import Space
from hpo.data.task_data import TaskData, load_task
from hpo.data.tokens import tokenize
from hpo.data.wordnet import Synonyms, load_synonyms
from hpo.errors import UserError
from hpo.models.classifier import structure_faults
from hpo.models.pretrained import Pretrained, load_pretrained
from hpo.records.schema import DeviceInfo, ModelInfo, Run, SplitInfo
from hpo.runtime.in_process import InProcessExecutor
from hpo.search.plan import Plan, make_plan
from hpo.seeds import derive
from hpo.training.evaluation import EvaluationSet
from hpo.training.examples import TrainingTexts
from hpo.training.precision import Precision, choose_precision
from hpo.training.store import Store

BASELINE = "baseline"  # what records and MLflow call the fixed recipe


@dataclass(frozen=True)
class Checked:
    """What ``hpo check`` shows."""

    plan: Plan
    split: SplitInfo
    model: ModelInfo
    device: DeviceInfo


@dataclass(frozen=True)
class Prepared:
    """Loaded parts of a run. The search gets an executor that was never handed the test split."""

    experiment: Experiment
    pretrained: Pretrained
    task: TaskData
    precision: Precision
    synonyms: Synonyms | None

    def executor(self, folder: Path) -> InProcessExecutor:
        """The executor of this run's trainings, with its store below ``folder``."""
        task, tokenizer = self.task, self.pretrained.tokenizer
        length = self.experiment.task.max_length
        texts = TrainingTexts(
            task.train, tokenizer, length, self.synonyms, derive(self.experiment.seed, "augmentation")
        )
        ids = tokenize(tokenizer, task.validation.texts, length)
        validation = EvaluationSet(ids, task.validation.labels, texts.pad_id)
        classes = len(task.label_names)
        return InProcessExecutor(
            self.pretrained, texts, validation, classes, self.precision, Store(folder / "store")
        )

    def test_set(self) -> EvaluationSet:
        """The test split: opened once all configurations are selected."""
        tokenizer = self.pretrained.tokenizer
        ids = tokenize(tokenizer, self.task.test.texts, self.experiment.task.max_length)
        return EvaluationSet(ids, self.task.test.labels, tokenizer.pad_token_id or 0)

    def run_record(self) -> Run:
        """The head of the records."""
        e = self.experiment
        return Run(
            name=e.name,
            question=e.question,
            experiment=e.model_dump(mode="json"),
            strategies=e.strategies(),
            reference=e.reference(),
            baseline=None if e.baseline is None else BASELINE,
            replicates=e.budget.replicates,
            trials=e.budget.trials,
            seeds=e.confirmation.seeds,
            split=self.task.info,
            model=self.pretrained.info,
            device=self.precision.info,
            versions=_versions(),
        )


def prepare(space: Space, device: str | None) -> Prepared:
    """Load what ``space`` names, fetching assets that are not cached.

    Raises:
        UserError: something is not there, or does not fit together.
    """
    experiment = space.experiment
    precision = choose_precision(device)
    task = load_task(experiment.task, experiment.seed)
    pretrained = load_pretrained(experiment.model, space.path.parent)
    frozen = [v for v in experiment.values("frozen_layers") if isinstance(v, int | float)]
    poolings = {str(v) for v in experiment.values("pooling")}
    faults = structure_faults(pretrained, int(max(frozen)), poolings, experiment.task.max_length)
    if faults:
        lines = [f"{_where(space, name)}: {name}: {fault}" for name, fault in faults.items()]
        raise UserError("\n".join(lines), "Change the space file and give the command again.")
    synonyms = load_synonyms() if experiment.needs_synonyms() else None
    return Prepared(experiment, pretrained, task, precision, synonyms)


def check_experiment(space: Space, device: str | None) -> Checked:
    """Load everything, train nothing, write nothing but the cache of assets."""
    prepared = prepare(space, device)
    info = prepared.task.info
    return Checked(make_plan(space.experiment), info, prepared.pretrained.info, prepared.precision.info)


def _where(space: Space, name: str) -> str:
    compare, baseline = space.experiment.compare, space.experiment.baseline
    if name == "max_length":
        return space.where("task", "max_length")
    if compare is not None and compare.parameter == name:
        return space.where("compare", "values")
    if name not in space.experiment.parameters and name in (baseline or {}):
        return space.where("baseline", name)
    return (
        space.where("parameters", name) if name in space.experiment.parameters else space.where("parameters")
    )


def _versions() -> dict[str, str]:
    names = ("torch", "transformers", "optuna", "mlflow", "numpy")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"hpo": __version__, "python": platform.python_version(), **found}
