"""Everything a run needs before its first trial: assets, data, model, device, and the head of the records."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterator

from hpo import __version__
from hpo.config.experiment import Experiment, Fixed, ModelSource, Range, Setting
from hpo.config.parameters import MODEL, MODEL_DOC, PARAMETERS
from hpo.config.space import Space
from hpo.data.tokens import tells_case
from hpo.errors import UserError
from hpo.models.classifier import structure_faults
from hpo.models.pretrained import Pretrained, UnusableModelError
from hpo.models.structure import LAYERS
from hpo.records.metrics import METRICS
from hpo.records.run import Run
from hpo.records.search import ParameterInfo, Search
from hpo.records.setup import ModelInfo, ShiftInfo, SplitInfo
from hpo.runtime.loading import Loaded, frozen_depths, load
from hpo.search.accounts import BASELINE, EPSILON, privacy_info
from hpo.training.precision import Precision
from hpo.training.privacy import Mechanism
from hpo.training.private_probe import PROBED, unsupported


def prepare(
    space: Space,
    device: str | None,
    threads: int | None = None,
    drawn: Mechanism | None = None,
    elsewhere: Precision | None = None,
) -> Loaded:
    """Load what ``space`` names, fetching assets that are not cached; the arguments are those of ``load``.

    Raises:
        UserError: something is not there, or does not fit together.
    """
    experiment = space.experiment
    try:
        loaded = load(experiment, device, threads, mechanism=drawn, elsewhere=elsewhere)
    except UnusableModelError as error:
        asked = ModelSource(name=error.name, num_layers=error.num_layers)
        raise UserError(f"{_where_model(space, asked)}: {error.message}", error.hint) from error
    lines = [line for name in loaded.models for line in _faults(space, loaded, name)]
    if lines:
        raise UserError("\n".join(lines), "Change the space file and give the command again.")
    return loaded


def _faults(space: Space, loaded: Loaded, name: str | None) -> Iterator[str]:
    """What of the space one of its models cannot do, each with its place."""
    experiment, pretrained = space.experiment, loaded.models[name]
    structures = experiment.combinations(LAYERS)
    poolings = {str(v) for v in experiment.values("pooling")}
    faults = structure_faults(pretrained, structures, poolings, experiment.task.max_length)
    if "case" in experiment.values("augmentation") and not tells_case(pretrained.tokenizer):
        faults["augmentation"] = (
            "case was found; this model reads capitals as small letters, so that it would change nothing; "
            "allowed are the others"
        )
    if not faults:
        faults = _private_faults(experiment, pretrained)
    of = "" if name is None else f"{name}: "
    for parameter, fault in faults.items():
        yield f"{_where(space, parameter)}: {parameter}: {of}{fault}"


def _private_faults(experiment: Experiment, pretrained: Pretrained) -> dict[str, str]:
    """What private trainings would train and Opacus has no gradient of each text for."""
    if experiment.privacy is None:
        return {}
    structures = [p for p in experiment.combinations((*PROBED, EPSILON)) if p[EPSILON]]
    missing = unsupported(pretrained, structures)
    return {} if missing is None else {"privacy": missing}


def slower_starts(loaded: Loaded) -> Iterator[str]:
    """For each model that cannot begin with stored hidden states where its space freezes layers: that it does not."""
    for pretrained in loaded.models.values():
        depths = frozen_depths(loaded.experiment, pretrained.info.layers)
        if not all(pretrained.starts_at(depth) for depth in depths if depth):
            kind = type(pretrained.body).__name__
            yield (
                f"{pretrained.info.source}: {kind} cannot begin at stored hidden states, so that frozen layers are "
                "computed again in every step: freezing saves less time than in other architectures"
            )


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
        form=e.form,
        experiment=e.model_dump(mode="json"),
        strategies=e.strategies(),
        reference=e.reference(),
        baseline=None if e.baseline is None else BASELINE,
        replicates=e.budget.replicates,
        trials=e.budget.trials,
        examples=e.budget.examples,
        device_seconds=e.budget.most_seconds,
        money=e.budget.money,
        price_per_hour=e.budget.price_per_hour,
        total=None if e.budget.total is None else e.budget.total_limit,
        seeds=e.confirmation.seeds,
        metric=METRICS[e.task.metric],
        search=_search(e),
        space=_space(e),
        split=_split(loaded),
        shifts=_shifts(loaded),
        model=_model(loaded),
        models=_models(loaded),
        device=loaded.precision.info.model_copy(update={"workers": workers}),
        privacy=privacy_info(e),
        versions=_versions(e),
    )


def _split(loaded: Loaded) -> SplitInfo:
    """Of private trainings without what was counted in the texts, and without a digest by which a guess could be checked."""
    task = loaded.task
    if loaded.mechanism is None:
        cut = loaded.count_cut(task.train, task.validation, task.test)
        return task.info.model_copy(update={"texts_cut": cut})
    disguised = loaded.mechanism.disguised(task.info.sha256)
    return task.info.model_copy(update={"sha256": disguised, "scrubbed": None})


def _shifts(loaded: Loaded) -> tuple[ShiftInfo, ...]:
    return tuple(s.info.model_copy(update={"texts_cut": loaded.count_cut(s.part)}) for s in loaded.shifts)


def _models(loaded: Loaded) -> dict[str, ModelInfo]:
    """The models that are compared, by strategy."""
    return {name: model.info for name, model in loaded.models.items() if name is not None}


def _model(loaded: Loaded) -> ModelInfo:
    """The model, or what can be said of several together."""
    infos = [pretrained.info for pretrained in loaded.models.values()]
    if len(infos) == 1:
        return infos[0]
    return ModelInfo(
        source="; ".join(info.source for info in infos),
        licence="; ".join(dict.fromkeys(info.licence for info in infos)),
        sha256=hashlib.sha256(" ".join(info.sha256 for info in infos).encode()).hexdigest(),
    )


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
        independent=budget.sampler in _INDEPENDENT
        and budget.pruner == "none"
        and experiment.warm_start is None,
        rungs=budget.rungs,
        selection=f"the complete trial with the {best} validation {metric.name} of its search",
        shared_draws=True,
    )


def _space(experiment: Experiment) -> tuple[ParameterInfo, ...]:
    compared = experiment.compare
    first = []
    if compared is not None:
        name = compared.parameter
        meaning = MODEL_DOC if name == MODEL else PARAMETERS[name].doc
        first = [ParameterInfo(name=name, kind="compared", values=compared.values, meaning=meaning)]
    return (*first, *(_parameter(name, setting) for name, setting in experiment.parameters.items()))


def _parameter(name: str, setting: Setting) -> ParameterInfo:
    meaning = PARAMETERS[name].doc
    if isinstance(setting, Fixed):
        return ParameterInfo(name=name, kind="fixed", values=(setting.value,), meaning=meaning)
    facts = setting.model_dump(exclude={"choices"})
    values = () if isinstance(setting, Range) else setting.choices
    return ParameterInfo.model_validate({**facts, "name": name, "values": values, "meaning": meaning})


def _where_model(space: Space, asked: ModelSource) -> str:
    """The line that names a model."""
    compare = space.experiment.compare
    if compare is None or compare.models is None:
        return space.where("model")
    return space.where("compare", "values", list(compare.models.values()).index(asked))


def _where(space: Space, name: str) -> str:
    compare, baseline = space.experiment.compare, space.experiment.baseline
    if name == "max_length":
        return space.where(*space.task_at, "max_length")
    if name == "privacy":
        return space.where("privacy")
    if compare is not None and compare.parameter == name:
        return space.where("compare", "values")
    if name not in space.experiment.parameters and name in (baseline or {}):
        return space.where("baseline", name)
    return (
        space.where("parameters", name) if name in space.experiment.parameters else space.where("parameters")
    )


def _versions(experiment: Experiment) -> dict[str, str]:
    names = ["torch", "transformers", "optuna", "mlflow", "numpy"]
    if "schedule_free_adamw" in experiment.values("optimizer"):
        names.append("schedulefree")
    if experiment.privacy is not None:
        names.append("opacus")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"hpo": __version__, "python": platform.python_version(), **found}
