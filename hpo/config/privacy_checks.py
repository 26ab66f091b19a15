"""What private trainings ask of a space file: a cost that is known beforehand, and no text that acts but by its gradient."""

from __future__ import annotations

from collections.abc import Iterator

from hpo.config.checks import Draft
from hpo.config.experiment import Range
from hpo.config.parameters import PARAMETERS, Value
from hpo.config.problems import Position, Problems
from hpo.config.settings import listed_values, shown_value

PARAMETER = "privacy_epsilon"
# Values with which a text acts on the gradients of others, or on what is trained without noise.
_LEAKING: dict[str, tuple[Value, str]] = {
    "class_weights": ("balanced", "counts the labels of the training texts, without noise"),
    "augmentation": ("mention_replacement", "puts entities of other training texts into a text"),
    "unfreezing": (
        "gradual",
        "trains other layers at other steps, for which Opacus has no gradients of each text",
    ),
}


def check_privacy(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the privacy of ``draft`` to ``problems``."""
    _check_epsilon(draft, problems)
    if draft.privacy is None or not any(_epsilons(draft)):
        return
    _check_delta(draft, problems)
    _check_batches(draft, problems)
    for name, (value, why) in _LEAKING.items():
        if value in _possible(draft, name):
            problems.add(_where(draft, name), f"{name} is {value}, which {why}", "the others under privacy")
    recipe = draft.baseline or {}
    if draft.can_be_above("mixup_alpha", 0.0) or recipe.get("mixup_alpha"):
        problems.add(
            _where(draft, "mixup_alpha"),
            "mixup_alpha is above 0, which mixes a text into the gradients of others",
            "0 under privacy",
        )
    compared = draft.compare is not None and draft.compare.parameter == "gradient_clip"
    if (compared or "gradient_clip" in draft.searched()) and all(_epsilons(draft)):
        problems.add(
            _where(draft, "gradient_clip"),
            "gradient_clip has no effect under privacy",
            "privacy.clip, the largest norm of the gradient of each text",
        )


def _check_epsilon(draft: Draft, problems: Problems) -> None:
    """Either the section says epsilon, or it is compared."""
    compared = draft.compare is not None and draft.compare.parameter == PARAMETER
    if ("parameters", PARAMETER) in draft.places:
        problems.add(
            draft.where("parameters", PARAMETER),
            f"parameters has {PARAMETER}",
            f"privacy.epsilon, or {PARAMETER} compared: the noise is fixed before the first training",
        )
    if draft.privacy is None:
        if any(_epsilons(draft)):
            problems.add(
                _where(draft, PARAMETER),
                f"{PARAMETER} is above 0, and the file has no privacy",
                "privacy: {delta: ...}",
            )
        return
    if compared and draft.privacy["epsilon"] is not None:
        problems.add(
            draft.where("privacy", "epsilon"),
            f"privacy has epsilon, and {PARAMETER} is compared",
            "one of the two",
        )
    elif not compared and draft.privacy["epsilon"] is None and ("privacy", "epsilon") not in draft.places:
        problems.add(draft.where("privacy"), "privacy has no epsilon", f"epsilon, or {PARAMETER} compared")


def _check_delta(draft: Draft, problems: Problems) -> None:
    delta, train = (draft.privacy or {}).get("delta"), draft.task["train"]
    if delta is not None and train is not None and delta >= 1 / train:
        problems.add(
            draft.where("privacy", "delta"),
            f"privacy.delta is {delta:g}, with which one of {train} texts may be told whole",
            f"below {1 / train:g}, 1 over the training texts",
        )


def _check_batches(draft: Draft, problems: Problems) -> None:
    """The cost of a training is known where its rates of sampling are."""
    values, train = draft.values("batch_size"), draft.task["train"]
    if isinstance(values, Range):
        problems.add(
            _where(draft, "batch_size"),
            "parameters.batch_size is a range, and what each value costs is counted beforehand",
            "one value, or {choices: [...]} under privacy",
        )
        return
    recipe = (
        ()
        if draft.baseline is None
        else (draft.baseline.get("batch_size", PARAMETERS["batch_size"].default),)
    )
    large = [v for v in (*(values or ()), *recipe) if train is not None and isinstance(v, int) and v > train]
    if large:
        problems.add(
            _where(draft, "batch_size"),
            f"batch_size is {listed_values(tuple(large))} under privacy",
            f"at most {shown_value(train)}, the training texts, of which a step draws so many on average",
        )


def _epsilons(draft: Draft) -> Iterator[float]:
    """Epsilon of each kind of training, as far as it can be told; 0: it is not private."""
    yield from (float(v) for v in _possible(draft, PARAMETER) if isinstance(v, int | float))


def _possible(draft: Draft, name: str) -> tuple[Value, ...]:
    """The listed values of a parameter in trials and in the baseline."""
    values = draft.values(name)
    recipe = {} if draft.baseline is None else {name: PARAMETERS[name].default, **draft.baseline}
    return (*(values if isinstance(values, tuple) else ()), *([recipe[name]] if recipe else []))


def _where(draft: Draft, name: str) -> Position:
    """Where a parameter has its values."""
    if draft.compare is not None and draft.compare.parameter == name:
        return draft.where("compare", "values")
    if ("parameters", name) in draft.places:
        return draft.where("parameters", name)
    return (
        draft.where("baseline", name) if draft.baseline and name in draft.baseline else draft.where("privacy")
    )
