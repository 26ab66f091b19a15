"""The space file: found by path or name, read from YAML to a frozen Experiment, every error with its line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo.config.checks import Draft, check
from hpo.config.document import Node, positions, read_document
from hpo.config.experiment import Budget, Confirmation, Experiment, Fixed, Privacy, Setting, Task
from hpo.config.fragments import given, read_keys, read_section, read_size, read_value
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
    read_compare,
    read_model,
    read_task,
)
from hpo.config.settings import read_setting
from hpo.errors import UserError

__all__ = ["Space", "SpaceFileError", "find_space", "load_space", "shipped_spaces"]


@dataclass(frozen=True)
class Space:
    """A space file that was read without an error.

    Attributes:
        text: the content of the file.
        places: line and column of each key path.
    """

    experiment: Experiment
    path: Path
    text: str
    places: Mapping[tuple[str | int, ...], Position] = field(repr=False)

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
    """Read a space file; ``models`` and ``data`` are the catalogue's names.

    Raises:
        SpaceFileError: with every error of the file.
        UserError: there is no such file.
    """
    path = find_space(name_or_path)
    problems = Problems()
    text = _read_text(path, problems)
    root = read_document(text, problems)
    if root is None:
        raise SpaceFileError(path, problems.found)
    experiment = _experiment(root, path, Names(models, data, path.parent), problems)
    if experiment is None:
        raise SpaceFileError(path, problems.found)
    return Space(experiment, path, text, positions(root))


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


def _experiment(root: Node, path: Path, names: Names, problems: Problems) -> Experiment | None:
    """The Experiment of ``root``; None where the file has errors."""
    top = schema()
    several = compares_models(root)
    required = [*top["required"], *([] if several else ["model"])]
    entries = read_keys(root, top["properties"], required, "", problems)
    if entries is None:
        return None
    question, seed = (
        read_value(entries[key], top["properties"][key], key, problems) if key in entries else None
        for key in ("question", "seed")
    )
    model = read_model(entries["model"], names, problems) if "model" in entries else None
    masked = (
        read_augmentation_model(entries["augmentation_model"], names, problems)
        if "augmentation_model" in entries
        else None
    )
    if model is not None and several:
        found = "the file has model, and compare.parameter is model"
        problems.add(entries["model"].key_at, found, "one of model and compare")
    limit = read_size(entries["store_limit"], "store_limit", problems) if "store_limit" in entries else None
    draft = _draft(root, entries, names, problems)
    check(draft, problems)
    check_schedules(draft, problems)
    check_privacy(draft, problems)
    if problems.found:
        return None
    budget = Budget(**draft.budget)
    return Experiment(
        name=path.stem,
        question=question,
        task=Task(**draft.task),
        model=model,
        compare=draft.compare,
        parameters={name: setting for name, setting in draft.parameters.items() if setting is not None},
        baseline=draft.baseline,
        budget=budget,
        confirmation=Confirmation(seeds=draft.seeds or (10 if budget.replicates == 1 else 1)),
        seed=seed or 0,
        privacy=None if draft.privacy is None else Privacy(**draft.privacy),
        augmentation_model=masked,
        store_limit=limit,
    )


def _draft(root: Node, entries: Mapping[str, Node], names: Names, problems: Problems) -> Draft:
    """The sections that the checks look at together. A missing section is all None: it is a problem already."""
    task: dict[str, Any] = dict.fromkeys(("data", *TASK["properties"]))
    if "task" in entries:
        task = read_task(entries["task"], names, problems)
    budget: dict[str, Any] = dict.fromkeys(BUDGET["properties"])
    if "budget" in entries:
        budget = read_section(entries["budget"], BUDGET, "budget", problems)
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
