"""Everything a run needs before its first trial: assets, data, model, device, and the head of the records."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass

from hpo import __version__
from hpo.config.experiment import Experiment, Fixed, Range, Setting
from hpo.config.parameters import PARAMETERS
from hpo.config.space import Space
from hpo.errors import UserError
from hpo.models.classifier import structure_faults
from hpo.records.metrics import METRICS
from hpo.records.schema import DeviceInfo, ModelInfo, ParameterInfo, Run, Search, ShiftInfo, SplitInfo
from hpo.runtime.loading import Loaded, load
from hpo.search.plan import Plan, make_plan

BASELINE = "baseline"  # what records and MLflow call the fixed recipe


@dataclass(frozen=True)
class Checked:
    """What ``hpo check`` shows."""

    plan: Plan
    split: SplitInfo
    shifts: tuple[ShiftInfo, ...]
    model: ModelInfo
    device: DeviceInfo


def prepare(space: Space, device: str | None, threads: int | None = None) -> Loaded:
    """Load what ``space`` names, fetching assets that are not cached.

    Raises:
        UserError: something is not there, or does not fit together.
    """
    experiment = space.experiment
    loaded = load(experiment, space.path.parent, device, threads)
    frozen = [v for v in experiment.values("frozen_layers") if isinstance(v, int | float)]
    poolings = {str(v) for v in experiment.values("pooling")}
    faults = structure_faults(loaded.pretrained, int(max(frozen)), poolings, experiment.task.max_length)
    if faults:
        lines = [f"{_where(space, name)}: {name}: {fault}" for name, fault in faults.items()]
        raise UserError("\n".join(lines), "Change the space file and give the command again.")
    return loaded


def run_record(loaded: Loaded, workers: int) -> Run:
    """The head of the records of a run trained by so many workers."""
    e = loaded.experiment
    return Run(
        name=e.name,
        question=e.question,
        task=_task(e),
        kind=e.task.kind,
        max_length=e.task.max_length,
        seed=e.seed,
        experiment=e.model_dump(mode="json"),
        strategies=e.strategies(),
        reference=e.reference(),
        baseline=None if e.baseline is None else BASELINE,
        replicates=e.budget.replicates,
        trials=e.budget.trials,
        seeds=e.confirmation.seeds,
        metric=METRICS[e.task.metric],
        search=_search(e),
        space=_space(e),
        split=_split(loaded),
        shifts=_shifts(loaded),
        model=loaded.pretrained.info,
        device=loaded.precision.info.model_copy(update={"workers": workers}),
        versions=_versions(),
    )


def _split(loaded: Loaded) -> SplitInfo:
    task = loaded.task
    cut = loaded.count_cut(task.train, task.validation, task.test)
    return task.info.model_copy(update={"texts_cut": cut})


def _shifts(loaded: Loaded) -> tuple[ShiftInfo, ...]:
    return tuple(s.info.model_copy(update={"texts_cut": loaded.count_cut(s.part)}) for s in loaded.shifts)


def _task(experiment: Experiment) -> str:
    """The data's name, without folders of this machine."""
    return experiment.task.data.name or experiment.name


# Draws of these samplers do not look at results. A grid's are no sample of anything.
_INDEPENDENT = {"random", "qmc"}


def _search(experiment: Experiment) -> Search:
    budget = experiment.budget
    metric = METRICS[experiment.task.metric]
    best = "highest" if metric.maximize else "lowest"
    pruner: str = budget.pruner
    if pruner in {"successive_halving", "hyperband"}:
        pruner += f", reduction factor {budget.reduction_factor}"
    return Search(
        sampler=budget.sampler,
        pruner=pruner,
        independent=budget.sampler in _INDEPENDENT and budget.pruner == "none",
        rungs=budget.rungs,
        selection=f"the complete trial with the {best} validation {metric.name} of its search",
        shared_draws=True,
    )


def _space(experiment: Experiment) -> tuple[ParameterInfo, ...]:
    compared = experiment.compare
    first = []
    if compared is not None:
        meaning = PARAMETERS[compared.parameter].doc
        first = [
            ParameterInfo(name=compared.parameter, kind="compared", values=compared.values, meaning=meaning)
        ]
    return (*first, *(_parameter(name, setting) for name, setting in experiment.parameters.items()))


def _parameter(name: str, setting: Setting) -> ParameterInfo:
    meaning = PARAMETERS[name].doc
    if isinstance(setting, Fixed):
        return ParameterInfo(name=name, kind="fixed", values=(setting.value,), meaning=meaning)
    facts = setting.model_dump(exclude={"choices"})
    values = () if isinstance(setting, Range) else setting.choices
    return ParameterInfo.model_validate({**facts, "name": name, "values": values, "meaning": meaning})


def check_experiment(space: Space, device: str | None) -> Checked:
    """Load everything, train nothing, write nothing but the cache of assets."""
    loaded = prepare(space, device)
    return Checked(
        make_plan(space.experiment),
        _split(loaded),
        _shifts(loaded),
        loaded.pretrained.info,
        loaded.precision.info,
    )


def _where(space: Space, name: str) -> str:
    compare, baseline = space.experiment.compare, space.experiment.baseline
    if name == "max_length":
        return space.where(*space.task_at, "max_length")
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
