"""The JSON Schema of the space file, with which editors complete and check it: `hpo schema` prints it."""

from __future__ import annotations

from hpo.config.fragments import SEED, SIZE, TEXT, Fragment, parameter_fragment
from hpo.config.parameters import MODEL, PARAMETERS, Parameter
from hpo.config.sections import (
    BUDGET,
    COMPARE,
    CONFIRMATION,
    DATA_FORMS,
    FROM,
    MODEL_FORMS,
    PRIVACY,
    SHIFT,
    TASK,
    TOTAL,
    VALUES,
)
from hpo.config.settings import choices_fragment, is_numeric, range_fragment, shown_value

_RUNS = FROM["anyOf"][2]["properties"]["runs"]
_NAMES = {"anyOf": [TEXT, _RUNS], "description": _RUNS["description"]}
_FROM_MAPPING = FROM["anyOf"][2] | {"properties": FROM["anyOf"][2]["properties"] | {"runs": _NAMES}}
FROM_FORMS = FROM | {"anyOf": [*FROM["anyOf"][:2], _FROM_MAPPING]}
_WHEN = {"$ref": "#/$defs/when"}


def schema() -> Fragment:
    """The schema in the 2020-12 draft. It cannot say all: what sections ask of each other only `hpo check` knows."""
    data = DATA_FORMS | {
        "description": "A name of the catalogue (`hpo assets`), a file, owner/name of the Hugging Face hub, or a mapping."
    }
    task = TASK | {
        "properties": {"data": data, "shift": SHIFT, **TASK["properties"]},
        "required": ["data", *TASK["required"]],
    }
    settings = {name: {"$ref": f"#/$defs/{name}"} for name in PARAMETERS}
    values = {name: parameter_fragment(p) | _described(p) for name, p in PARAMETERS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Space file of hpo",
        "description": "One question about fine-tuning, with all that decides its answer.",
        **_mapping(
            {
                "question": TEXT
                | {"description": "What is asked, as one sentence; the report opens with it."},
                "task": task | {"description": "Labelled texts and the sizes of their splits."},
                "tasks": {
                    "type": "array",
                    "minItems": 2,
                    "items": task,
                    "description": "In place of task: the whole comparison is run on each, and reported across them.",
                },
                "model": TEXT
                | {
                    "description": "A name of the catalogue (`hpo assets`), a folder or GGUF file, or owner/name of the "
                    "Hugging Face hub; none where models are compared."
                },
                "augmentation_model": TEXT
                | {
                    "description": "A masked language model, as a folder or owner/name of the Hugging Face hub, for "
                    "augmentation: masked_replacement."
                },
                "compare": _compare(),
                "parameters": _mapping(settings)
                | {
                    "description": "What is fixed and what is searched; a parameter left out has its default."
                },
                "baseline": _mapping(values)
                | {
                    "description": "A fixed recipe beside the strategies; a parameter left out has its default."
                },
                "budget": BUDGET
                | {
                    "properties": {**BUDGET["properties"], "total": TOTAL},
                    "description": "What each strategy may spend.",
                },
                "confirmation": CONFIRMATION | {"description": "What follows each search."},
                "privacy": PRIVACY
                | {"description": "Differential privacy of the training split, by DP-SGD (docs/privacy.md)."},
                "from": FROM_FORMS,
                "seed": SEED | {"default": 0, "description": "Every random draw derives from it."},
                "store_limit": SIZE
                | {
                    "description": "Most room on disk, below the results folder, for states of trainings that others can "
                    "go on from: 2GB, 500 MB, 1.5 GiB, or a number of bytes. It changes no result."
                },
            },
            required=("question", "parameters", "budget"),
        ),
        "oneOf": [{"required": ["task"]}, {"required": ["tasks"]}],
        **_one_model(),
        "$defs": {name: _setting(p) for name, p in PARAMETERS.items()} | {"when": _when()},
    }


def _one_model() -> Fragment:
    """A model for all trainings, or models that are compared."""
    compares = {
        "type": "object",
        "properties": {"parameter": {"const": MODEL}},
        "required": ["parameter"],
    }
    return {
        "if": {"properties": {"compare": compares}, "required": ["compare"]},
        "then": {"not": {"required": ["model"]}},
        "else": {"required": ["model"]},
    }


def _mapping(properties: dict[str, Fragment], required: tuple[str, ...] = ()) -> Fragment:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _described(parameter: Parameter) -> Fragment:
    doc = parameter.doc
    if parameter.active_when is not None:
        other, values = parameter.active_when
        doc += f" It acts with {other}: {' or '.join(shown_value(value) for value in values)}."
    if parameter.inactive_when is not None:
        other, values = parameter.inactive_when
        doc += f" It does not act with {other}: {' or '.join(shown_value(value) for value in values)}."
    if parameter.default_from is not None:
        return {"description": f"{doc} If absent, the value of {parameter.default_from}."}
    default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    return {"description": doc, "default": default}


def _setting(parameter: Parameter) -> Fragment:
    """A value, choices, or (for a number) a range."""
    forms = [choices_fragment(parameter)] + ([range_fragment(parameter)] if is_numeric(parameter) else [])
    closed = [
        form | {"properties": form["properties"] | {"when": _WHEN}, "additionalProperties": False}
        for form in forms
    ]
    return {**_described(parameter), "anyOf": [parameter_fragment(parameter), *closed]}


def _when() -> Fragment:
    values = {name: parameter_fragment(parameter) for name, parameter in PARAMETERS.items()}
    one_or_more = {
        name: {"anyOf": [value, {"type": "array", "minItems": 1, "items": value}]}
        for name, value in values.items()
    }
    return _mapping(one_or_more) | {
        "description": "Other parameters and their values under which this one exists."
    }


def _compare() -> Fragment:
    values = COMPARE["values"] | {"minItems": 2, "uniqueItems": True}
    typed = [
        {
            "if": {"properties": {"parameter": {"const": name}}, "required": ["parameter"]},
            "then": {
                "properties": {
                    "values": {"items": value},
                    "reference": value,
                }
            },
        }
        for name, value in {**VALUES, MODEL: MODEL_FORMS}.items()
    ]
    return _mapping(COMPARE | {"values": values}, required=("parameter", "values")) | {
        "description": "The parameter whose values are the strategies.",
        "allOf": typed,
    }
