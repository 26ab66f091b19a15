"""The sections of a space file other than the parameters: task, model, what is compared, the baseline."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.config.document import Node
from hpo.config.experiment import (
    Budget,
    Compare,
    Confirmation,
    DataSource,
    ModelSource,
    Privacy,
    Task,
    Total,
    WarmStart,
)
from hpo.config.fragments import (
    TEXT,
    Fragment,
    allowed,
    given,
    parameter_fragment,
    read_fields,
    read_keys,
    read_section,
    read_value,
    section_fragment,
    shown,
)
from hpo.config.parameters import MODEL, PARAMETERS, Value
from hpo.config.problems import Problems, listed, nearest_name
from hpo.config.settings import listed_values, read_list, shown_value
from hpo.records.metrics import METRICS_OF

COLUMNS = section_fragment(DataSource, without=("asset", "path", "hub"))
DATA: Fragment = {
    "type": "object",
    "properties": {
        "path": TEXT
        | {
            "description": "A CSV, JSON, JSON Lines, Parquet or CoNLL file, or a folder with such train/test files."
        },
        "hub": TEXT | {"description": "A data set of the Hugging Face hub, as owner/name."},
        **COLUMNS["properties"],
    },
    "required": [],
    "additionalProperties": False,
}
DATA_FORMS: Fragment = {"anyOf": [TEXT, DATA]}
SHIFT: Fragment = {
    "type": "array",
    "minItems": 1,
    "items": DATA_FORMS,
    "description": "Further evaluation sets with the labels of the task, each a name of the catalogue, a file, owner/name "
    "of the Hugging Face hub, or a mapping: confirmations are scored on each once, and the report ranks on them.",
}
TASK = section_fragment(Task, without=("data", "shift"))
BUDGET = section_fragment(Budget, without=("total",))
TOTAL = section_fragment(Total) | {
    "minProperties": 1,
    "description": Budget.model_fields["total"].description,
}
FROM: Fragment = {
    "anyOf": [TEXT, {"type": "array", "minItems": 1, "items": TEXT}, section_fragment(WarmStart)],
    "description": "Earlier runs on the same data: their trials are observations for the sampler, never results, and their "
    "best configurations first draws.",
}
CONFIRMATION = section_fragment(Confirmation) | {"required": []}
PRIVACY = section_fragment(Privacy)
MODEL_MAPPING = section_fragment(ModelSource)
MODEL_FORMS: Fragment = {"anyOf": [TEXT, MODEL_MAPPING]}
COMPARE: dict[str, Fragment] = {
    "parameter": {
        "type": "string",
        "enum": [*PARAMETERS, MODEL],
        "description": "The parameter that tells the strategies apart.",
    },
    "values": {"type": "array", "description": "Its values: each is a strategy."},
    "reference": {
        "description": "The value that the others are held against; if absent, all pairs are compared."
    },
}
VALUES: dict[str, Fragment] = {name: parameter_fragment(parameter) for name, parameter in PARAMETERS.items()}

SENTIMENT_LENGTH = 64  # tokens of a text in a sentiment task, whose texts are sentences and tweets

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_FILE_SUFFIXES = (
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".parquet",
    ".conll",
    ".iob",
    ".iob2",
    ".bio",
    ".txt",
    ".gguf",
)


@dataclass(frozen=True)
class Names:
    """What a name in the file may mean: entries of the catalogue, and files beside the space file or the user."""

    models: Collection[str]
    data: Collection[str]
    folder: Path

    def local(self, name: str) -> str | None:
        """The absolute path of an existing file or folder, or None."""
        path = existing(self.folder, name) or existing(Path.cwd(), name)
        return None if path is None else str(path.resolve())


def existing(folder: Path, name: str) -> Path | None:
    """The path ``name`` seen from ``folder``, or None where nothing is there."""
    try:
        path = folder / Path(name).expanduser()
        return path if path.exists() else None
    except (
        OSError,
        RuntimeError,
        ValueError,
    ):  # no such user, a forbidden folder, a name too long or with a NUL
        return None


def read_task(node: Node, names: Names, problems: Problems, label: str = "task") -> dict[str, Any]:
    """The fields of a Task by name, with the defaults of its kind; None where a value is wrong."""
    properties = {"data": DATA_FORMS, "shift": SHIFT, **TASK["properties"]}
    written = node.value.get("kind") if isinstance(node.value, dict) else None
    defaults = _defaults(str(written.value) if written is not None else "")
    entries = read_keys(node, properties, ("data", *TASK["required"]), label, problems)
    fields = {**read_fields(entries, TASK, label, problems), "data": None, "shift": {}}
    if entries is None:
        return fields
    fields |= {key: value for key, value in defaults.items() if key not in entries}
    if "data" in entries:
        fields["data"] = _data(entries["data"], f"{label}.data", names, problems)
    if "shift" in entries:
        fields["shift"] = _shift(entries["shift"], f"{label}.shift", fields["data"], names, problems)
    elif "shift_test" in entries:
        found = f"{label}.shift_test has no effect, as {label}.shift names no set"
        problems.add(entries["shift_test"].at, found, "shift_test together with shift")
    _check_metric(fields, entries, label, problems)
    return fields


def _defaults(kind: str) -> dict[str, Any]:
    """What a kind of task takes where the file says nothing."""
    found: dict[str, Any] = {}
    if kind in METRICS_OF:
        found["metric"] = METRICS_OF[kind][0]
    if kind == "sentiment":
        found["max_length"] = SENTIMENT_LENGTH
    return found


def _check_metric(
    fields: Mapping[str, Any], entries: Mapping[str, Node], label: str, problems: Problems
) -> None:
    kind, metric = fields["kind"], fields["metric"]
    if kind is not None and metric is not None and metric not in METRICS_OF[kind]:
        problems.add(
            entries["metric"].at, f"{label}.metric is {metric}, and the task {kind}", listed(METRICS_OF[kind])
        )


def read_model(node: Node, names: Names, problems: Problems) -> str | None:
    """A name of the catalogue, the absolute path of a folder, or an id of the hub."""
    found = _source(node, names.models, "model", names, problems)
    return found[1] if found else None


def read_augmentation_model(node: Node, names: Names, problems: Problems) -> str | None:
    """The absolute path of a folder, or an id of the hub; the catalogue has no model that predicts words."""
    found = _source(node, (), "augmentation_model", names, problems)
    return found[1] if found else None


def _data(node: Node, label: str, names: Names, problems: Problems) -> DataSource | None:
    if not isinstance(node.value, dict):
        found = _source(node, names.data, label, names, problems)
        return DataSource.model_validate({found[0]: found[1]}) if found else None
    before = len(problems.found)
    entries = read_keys(node, DATA["properties"], (), label, problems) or {}
    values = read_fields(entries, DATA, label, problems)
    if ("path" in entries) == ("hub" in entries):
        problems.add(
            node.at,
            f"{label} has path and hub" if "path" in entries else f"{label} names no data",
            "one of path and hub",
        )
    if values["path"] is not None:
        local = names.local(values["path"])
        if local is None:
            problems.add(
                entries["path"].at,
                f"{label}.path {values['path']!r} does not exist",
                "an existing file or folder, sought beside this file and in the current folder",
            )
        values["path"] = local
    if values["hub"] is not None and not _HUB_ID.fullmatch(values["hub"]):
        problems.add(entries["hub"].at, f"{label}.hub is {values['hub']!r}", "owner/name")
    if values["text"] is not None and values["text"] == values["label"]:
        problems.add(
            (entries.get("label") or entries["text"]).at,
            f"{label} has the column {values['text']!r} for texts and labels",
            "two columns: labels are recorded and reported, texts are not",
        )
    return DataSource(**values) if len(problems.found) == before else None


def _shift(
    node: Node, label: str, own: DataSource | None, names: Names, problems: Problems
) -> dict[str, DataSource] | None:
    """Further evaluation sets by name, none of them the task's ``own`` data; None (and problems) where one is wrong."""
    if not isinstance(node.value, tuple) or not node.value:
        problems.add(node.at, f"{label} is {shown(node.plain())}", allowed(SHIFT))
        return None
    before = len(problems.found)
    sets: dict[str, DataSource] = {}
    for index, item in enumerate(node.value):
        source = _data(item, f"{label}[{index}]", names, problems)
        if source is None:
            continue
        if source == own:
            problems.add(item.at, f"{label}[{index}] is the data of the task itself", "other data")
        elif source.name in sets:
            found = f"{label}[{index}] is called {source.name}, as one before it"
            problems.add(item.at, found, "sets of different names")
        sets[source.name] = source
    return sets if len(problems.found) == before else None


def _source(
    node: Node, catalogue: Collection[str], label: str, names: Names, problems: Problems
) -> tuple[str, str] | None:
    """(``asset``, ``path`` or ``hub``; its name) of what ``node`` names; None (and a problem) where that is nothing."""
    name = read_value(node, TEXT, label, problems)
    if name is None:
        return None
    if name in catalogue:
        return "asset", name
    local = names.local(name)
    if local is not None:
        return "path", local
    if _HUB_ID.fullmatch(name) and not name.lower().endswith(_FILE_SUFFIXES):
        return "hub", name
    kinds = ", ".join([*catalogue, "an existing path, or owner/name of the Hugging Face hub"])
    problems.add(node.at, f"{label} is {shown(name)}", kinds, nearest_name(name, catalogue))
    return None


def read_budget(node: Node, problems: Problems) -> dict[str, Any]:
    """The fields of a Budget by name; None where a value is wrong."""
    properties = {**BUDGET["properties"], "total": TOTAL}
    entries = read_keys(node, properties, BUDGET["required"], "budget", problems)
    fields = {**read_fields(entries, BUDGET, "budget", problems), "total": None}
    if entries is not None and "total" in entries:
        fields["total"] = read_section(entries["total"], TOTAL, "budget.total", problems)
        if not entries["total"].value:
            problems.add(entries["total"].at, "budget.total is empty", allowed(TOTAL))
    return fields


def read_from(node: Node, problems: Problems) -> WarmStart | None:
    """The earlier runs; None (and problems) where that is wrong."""
    text, several, mapping = FROM["anyOf"]
    before = len(problems.found)
    if isinstance(node.value, dict):
        runs = {"anyOf": [text, mapping["properties"]["runs"]]}
        entries = read_keys(node, {**mapping["properties"], "runs": runs}, ("runs",), "from", problems) or {}
        named = entries.get("runs")
        fields = read_fields({k: v for k, v in entries.items() if k != "runs"}, mapping, "from", problems)
    else:
        named, fields = node, {"first_draws": mapping["properties"]["first_draws"]["default"]}
    if named is None or len(problems.found) > before:
        return None
    names = read_value(named, several if isinstance(named.value, tuple) else text, "from", problems)
    if names == ():
        problems.add(named.at, "from names no run", allowed(several))
    if not names or len(problems.found) > before:
        return None
    return WarmStart(runs=names if isinstance(names, tuple) else (names,), first_draws=fields["first_draws"])


def read_compare(node: Node, names: Names, problems: Problems) -> Compare | None:
    """What is compared; None (and problems) where that is wrong."""
    before = len(problems.found)
    entries = read_keys(node, COMPARE, ("parameter", "values"), "compare", problems) or {}
    name = (
        read_value(entries["parameter"], COMPARE["parameter"], "compare.parameter", problems)
        if ("parameter" in entries)
        else None
    )
    if name is None or "values" not in entries:
        return None
    models = None
    values: tuple[Value, ...] | None
    if name == MODEL:
        models = read_models(entries["values"], names, problems)
        values = None if models is None else tuple(models)
    else:
        values = read_list(entries["values"], VALUES[name], "compare.values", problems)
    if values is not None and len(values) < 2:
        problems.add(entries["values"].at, f"compare.values has {len(values)} value", "at least 2")
    reference = None
    if "reference" in entries:
        reference = _reference(entries["reference"], name, values, names, problems)
    if values is None or len(problems.found) > before:
        return None
    return Compare(parameter=name, values=values, reference=reference, models=models)


def _reference(
    node: Node, name: str, values: tuple[Value, ...] | None, names: Names, problems: Problems
) -> Value | None:
    reference: Value | None
    if name == MODEL:
        source = _model(node, "compare.reference", names, problems)
        reference = None if source is None else source.label
    else:
        reference = read_value(node, VALUES[name], "compare.reference", problems)
    if reference is not None and values is not None and reference not in values:
        problems.add(node.at, f"compare.reference is {shown_value(reference)}", listed_values(values))
    return reference


def read_models(node: Node, names: Names, problems: Problems) -> dict[str, ModelSource] | None:
    """The models of a list by their labels; None (and problems) where one is wrong."""
    if not isinstance(node.value, tuple) or not node.value:
        found = f"compare.values is {shown(node.plain())}"
        problems.add(node.at, found, f"a list, each {allowed(MODEL_FORMS)}")
        return None
    before = len(problems.found)
    models: dict[str, ModelSource] = {}
    for index, item in enumerate(node.value):
        source = _model(item, f"compare.values[{index}]", names, problems)
        if source is not None and source.label in models:
            problems.add(
                item.at, f"compare.values[{index}] is {source.label} a second time", "distinct models"
            )
        elif source is not None:
            models[source.label] = source
    return models if len(problems.found) == before else None


def _model(node: Node, label: str, names: Names, problems: Problems) -> ModelSource | None:
    """A model by its name, or with the number of layers that are kept."""
    if not isinstance(node.value, dict):
        found = _source(node, names.models, label, names, problems)
        return ModelSource(name=found[1]) if found else None
    before = len(problems.found)
    entries = read_keys(node, MODEL_MAPPING["properties"], MODEL_MAPPING["required"], label, problems) or {}
    found, layers = None, None
    if "name" in entries:
        found = _source(entries["name"], names.models, f"{label}.name", names, problems)
    if "num_layers" in entries:
        fragment = MODEL_MAPPING["properties"]["num_layers"]
        layers = read_value(entries["num_layers"], fragment, f"{label}.num_layers", problems)
    if found is None or len(problems.found) > before:
        return None
    return ModelSource(name=found[1], num_layers=layers)


def compares_models(root: Node) -> bool:
    """Whether the file compares models, so that it names none for all."""
    compare = root.value.get("compare") if isinstance(root.value, dict) else None
    parameter = compare.value.get("parameter") if compare and isinstance(compare.value, dict) else None
    return parameter is not None and parameter.value == MODEL


def read_baseline(node: Node, problems: Problems) -> dict[str, Value] | None:
    """The fixed recipe by parameter; None (and problems) where it is wrong."""
    before = len(problems.found)
    entries = read_keys(node, VALUES, given(node, VALUES), "baseline", problems) or {}
    recipe = {
        name: read_value(child, VALUES[name], f"baseline.{name}", problems) for name, child in entries.items()
    }
    return recipe if len(problems.found) == before else None
