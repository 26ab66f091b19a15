"""The space file: found by path or name, read from YAML to a frozen Experiment, every error with its line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from hpo.config.checks import Draft, check
from hpo.config.document import Node, positions, read_document
from hpo.config.experiment import Budget, Confirmation, Experiment, Fixed, Privacy, Setting, Task
from hpo.config.fragments import given, read_keys, read_section, read_size, read_value, shown
from hpo.config.privacy_checks import PARAMETER, check_privacy
from hpo.config.problems import Position, Problems, SpaceFileError, listed, nearest_name
from hpo.config.schedule_checks import check_schedules
from hpo.config.schema import schema
from hpo.config.sections import (
    BUDGET,
    CONFIRMATION,
    PRIVACY,
    TASK,
    VALUES,
    Names,
    compares_models,
    existing,
    read_augmentation_model,
    read_baseline,
    read_budget,
    read_compare,
    read_from,
    read_model,
    read_task,
)
from hpo.config.settings import read_setting
from hpo.config.warm_checks import check_warm_start
from hpo.errors import UserError
from hpo.records.files import is_folder_name, slug

__all__ = ["Space", "SpaceFileError", "find_space", "load_space", "load_spaces", "shipped_spaces"]

At = tuple[str | int, ...]  # a key path of the file
TASK_AT: At = ("task",)


@dataclass(frozen=True)
class Space:
    """A space file that was read without an error.

    Attributes:
        text: the content of the file.
        places: line and column of each key path.
        task_at: key path of the task of ``experiment``: the file may have several.
    """

    experiment: Experiment
    path: Path
    text: str
    places: Mapping[At, Position] = field(repr=False)
    task_at: At = TASK_AT

    def where(self, *keys: str | int) -> str:
        """``file:line:column`` of a key path, or of the nearest section above it that the file has."""
        while keys not in self.places:
            keys = keys[:-1]
        line, column = self.places[keys]
        return f"{self.path}:{line}:{column}"


def shipped_spaces() -> dict[str, Path]:
    """The space files that come with hpo, by name."""
    package = Path(__file__).parents[1]
    installed, checkout = package / "search_spaces", package.parent / "search_spaces"
    folder = installed if installed.is_dir() else checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_space(name_or_path: str) -> Path:
    """The path of a space file, given as a path or as the name of a shipped one with or without ``.yaml``.

    Raises:
        UserError: neither exists.
    """
    path = existing(Path(), name_or_path)
    if path is not None and path.is_file():
        return path
    shipped = shipped_spaces()
    name = name_or_path.removesuffix(".yaml")
    if name in shipped:
        return shipped[name]
    nearest = nearest_name(Path(name).name, shipped)
    guess = f"; did you mean {nearest}?" if nearest else ""
    raise UserError(
        f"no space file {name_or_path}; shipped are {listed(shipped)}{guess}",
        "Name a YAML file or a shipped space.",
    )


def load_space(name_or_path: str, models: Collection[str], data: Collection[str]) -> Space:
    """Read a space file of one task; as ``load_spaces``.

    Raises:
        UserError: also where it has several tasks.
    """
    first, *others = load_spaces(name_or_path, models, data)
    if others:
        raise UserError(
            f"{first.path} has {1 + len(others)} tasks, and one is wanted",
            "Write the one that is meant as `task`.",
        )
    return first


def load_spaces(name_or_path: str, models: Collection[str], data: Collection[str]) -> tuple[Space, ...]:
    """Read a space file: one Space, or where it has ``tasks`` one for each; ``models``, ``data``: the catalogue's names.

    Raises:
        SpaceFileError: with every error of the file.
        UserError: there is no such file.
    """
    path = find_space(name_or_path)
    if not is_folder_name(path.stem):
        raise UserError(
            f"the run's folder is named as the space file, and {path.stem!r} can be no such name",
            "Rename the file: printable characters, none of them / \\ or a colon, and no dot before them.",
        )
    problems = Problems()
    text = _read_text(path, problems)
    root = read_document(text, problems)
    if root is None:
        raise SpaceFileError(path, problems.found)
    experiments = _experiments(root, path, Names(models, data, path.parent), problems)
    if problems.found:
        raise SpaceFileError(path, problems.found)
    places = positions(root)
    return tuple(Space(experiment, path, text, places, at) for at, experiment in experiments.items())


def _read_text(path: Path, problems: Problems) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.add((line, 1), "a byte that is not UTF-8", "text in UTF-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}", "Make the file readable, or name another."
        ) from error
    raise SpaceFileError(path, problems.found)


def _experiments(root: Node, path: Path, names: Names, problems: Problems) -> dict[At, Experiment]:
    """The Experiment of each task by where the task stands; of a file with errors they do not count."""
    top = schema()
    several = compares_models(root)
    tasks = given(root, {"tasks": top["properties"]["tasks"]})
    required = [*top["required"], *(tasks or ["task"]), *([] if several else ["model"])]
    entries = read_keys(root, top["properties"], required, "", problems)
    if entries is None:
        return {}
    shared = _shared(entries, several, names, problems)
    found: dict[At, Experiment] = {}
    for at, node in _tasks(entries, problems).items():
        draft = _draft(root, at, node, entries, names, problems)
        check(draft, problems)
        check_warm_start(draft, shared["warm_start"], problems)
        check_schedules(draft, problems)
        check_privacy(draft, problems)
        if not problems.found:
            found[at] = _experiment(path.stem, at, draft, shared)
    _check_names(found, positions(root), problems)
    return found


def _shared(entries: Mapping[str, Node], several: bool, names: Names, problems: Problems) -> dict[str, Any]:
    """Fields of the Experiment of every task that are no section; ``several``: models are compared."""
    properties = schema()["properties"]
    question, seed = (
        read_value(entries[key], properties[key], key, problems) if key in entries else None
        for key in ("question", "seed")
    )
    model, masked = (
        read(entries[key], names, problems) if key in entries else None
        for key, read in (("model", read_model), ("augmentation_model", read_augmentation_model))
    )
    if model is not None and several:
        found = "the file has model, and compare.parameter is model"
        problems.add(entries["model"].key_at, found, "one of model and compare")
    warm_start = read_from(entries["from"], problems) if "from" in entries else None
    limit = read_size(entries["store_limit"], "store_limit", problems) if "store_limit" in entries else None
    return {
        "question": question,
        "model": model,
        "seed": seed or 0,
        "augmentation_model": masked,
        "warm_start": warm_start,
        "store_limit": limit,
    }


def _experiment(stem: str, at: At, draft: Draft, shared: Mapping[str, Any]) -> Experiment:
    """The Experiment of one task; ``shared``: fields of it that are no section."""
    budget, task = Budget(**draft.budget), Task(**draft.task)
    return Experiment(
        name=stem if at == TASK_AT else f"{stem}-{slug(PurePath(task.data.name).stem)}",
        task=task,
        compare=draft.compare,
        parameters={name: setting for name, setting in draft.parameters.items() if setting is not None},
        baseline=draft.baseline,
        budget=budget,
        confirmation=Confirmation(seeds=draft.seeds or (10 if budget.replicates == 1 else 1)),
        privacy=None if draft.privacy is None else Privacy(**draft.privacy),
        **shared,
    )


def _tasks(entries: Mapping[str, Node], problems: Problems) -> dict[At, Node | None]:
    """Each task by where it stands; None: nowhere, so that the other sections are read all the same."""
    one = {TASK_AT: entries.get("task")}
    several = entries.get("tasks")
    if several is None:
        return one
    if "task" in entries:
        problems.add(several.key_at, "the file has task and tasks", "one of them")
    if not isinstance(several.value, tuple) or len(several.value) < 2:
        problems.add(several.at, f"tasks is {shown(several.plain())}", "a list of at least 2 tasks")
        return one
    if "compare" not in entries:
        problems.add(several.key_at, "the file has tasks and compares nothing", "compare, or one task")
    return {("tasks", index): node for index, node in enumerate(several.value)}


def _check_names(
    experiments: Mapping[At, Experiment], places: Mapping[At, Position], problems: Problems
) -> None:
    """Tasks name the folders of their runs by their data."""
    seen: set[str] = set()
    for at, experiment in experiments.items():
        if experiment.name in seen:
            found = f"{at[0]}[{at[1]}] has data called {experiment.task.data.name}, as one before it"
            problems.add(places[at], found, "data of different names")
        seen.add(experiment.name)


def _draft(
    root: Node, at: At, node: Node | None, entries: Mapping[str, Node], names: Names, problems: Problems
) -> Draft:
    """The sections that the checks look at together. A missing section is all None: it is a problem already."""
    task: dict[str, Any] = dict.fromkeys(("data", *TASK["properties"]))
    if node is not None:
        label = "task" if at == TASK_AT else f"{at[0]}[{at[1]}]"
        task = read_task(node, names, problems, label)
    budget: dict[str, Any] = dict.fromkeys((*BUDGET["properties"], "total"))
    if "budget" in entries:
        budget = read_budget(entries["budget"], problems)
    compare = read_compare(entries["compare"], names, problems) if "compare" in entries else None
    parameters = _parameters(entries["parameters"], problems) if "parameters" in entries else {}
    baseline = read_baseline(entries["baseline"], problems) if "baseline" in entries else None
    if task["kind"] == "token-classification":
        if compare is None or compare.parameter != "pooling":
            parameters.setdefault("pooling", Fixed(value="none"))
        if baseline is not None:
            baseline.setdefault("pooling", "none")
    privacy = read_section(entries["privacy"], PRIVACY, "privacy", problems) if "privacy" in entries else None
    if privacy is not None and privacy["epsilon"] is not None:
        parameters.setdefault(PARAMETER, Fixed(value=privacy["epsilon"]))
        if baseline is not None:
            baseline.setdefault(PARAMETER, privacy["epsilon"])
    return Draft(
        task=task,
        budget=budget,
        compared="compare" in entries,
        compare=compare,
        parameters=parameters,
        baseline=baseline,
        seeds=_seeds(entries, problems),
        masked="augmentation_model" in entries,
        privacy=privacy,
        places=positions(root),
    )


def _seeds(entries: Mapping[str, Node], problems: Problems) -> int | None:
    if "confirmation" not in entries:
        return None
    seeds: int | None = read_section(entries["confirmation"], CONFIRMATION, "confirmation", problems)["seeds"]
    return seeds


def _parameters(node: Node, problems: Problems) -> dict[str, Setting | None]:
    """Every parameter that the section names; one whose name is misspelt counts as wrong, not as left out."""
    entries = read_keys(node, VALUES, given(node, VALUES), "parameters", problems) or {}
    written = node.value if isinstance(node.value, dict) else {}
    settings: dict[str, Setting | None] = {}
    for key in written:
        if key in entries:
            settings[key] = read_setting(key, entries[key], problems)
        elif (name := nearest_name(key, VALUES)) is not None and name not in written:
            settings[name] = None
    return settings
