"""The tables of what was asked: the run and its search space."""

from __future__ import annotations

from hpo.records.base import NOT_RECORDED
from hpo.records.columns import RESOURCE, RUN, Column, TableSchema

RUNS = TableSchema(
    "runs",
    "What was asked, of which data and model, on what.",
    ("run",),
    (
        RUN,
        Column("question", "string", "", "The question that was asked."),
        Column(
            "task", "string", "", "Name of the data; strategies are ranked across runs of different tasks."
        ),
        Column("kind", "string", "", "Kind of the task.", NOT_RECORDED),
        Column("max_length", "int64", "tokens", "Tokens of a text that are read.", NOT_RECORDED),
        Column("seed", "int64", "", "From which every random draw derives.", NOT_RECORDED),
        Column("source", "string", "", "`hpo`, or what the records were imported from."),
        Column(
            "form",
            "string",
            "",
            "`small` where the small form of a space was run, which answers nothing.",
            "the space as it stands",
        ),
        Column("strategies", "json", "", "Names of the strategies, in order."),
        Column(
            "reference", "string", "", "Strategy that the others are compared with.", "all pairs are compared"
        ),
        Column("baseline", "string", "", "Name of the fixed recipe beside the strategies.", "there is none"),
        Column(
            "replicates", "int64", "", "Independent searches of each strategy, the most where they differ."
        ),
        Column("trials", "int64", "", "Trials of each search, the most where they differ."),
        Column(
            "examples",
            "int64",
            "",
            "Charged to a search before it begins no further trial.",
            "they do not end it",
        ),
        Column(
            "device_seconds",
            "float64",
            "device-seconds",
            "Charged to a search before it begins no further trial.",
            "they do not end it",
        ),
        Column(
            "money",
            "float64",
            "any currency",
            "That a search might be charged, counted in its `device_seconds`.",
            "it was not limited by money",
        ),
        Column("price_per_hour", "float64", "any currency", "Of a device for an hour.", "none was named"),
        Column("total", "json", "", "What all searches together might spend.", "anything"),
        Column(
            "early_stop", "json", "", "Strategies that stopped half-way, after how many draws.", "not asked"
        ),
        Column("warm_start", "json", "", "Earlier runs that searches began with.", "there were none"),
        Column(
            "closed",
            "json",
            "",
            "After how many draws of each search the total ended them, and why.",
            "it did not",
        ),
        Column("seeds", "int64", "", "Confirmations of each search, the most where they differ."),
        Column("metric", "string", "", "Name of the metric."),
        Column("maximize", "bool", "", "Whether higher is better."),
        Column("share", "bool", "", "Whether the metric is a share of 1, shown in percent."),
        Column("resource", "string", "", "What rungs count."),
        Column("sampler", "string", "", "How configurations were drawn.", NOT_RECORDED),
        Column("pruner", "string", "", "How trials were stopped early.", NOT_RECORDED),
        Column("independent", "bool", "", "Whether draws are independent of results.", NOT_RECORDED),
        Column("rungs", "json", RESOURCE, "Where a trial could be stopped; the end is not among them."),
        Column(
            "selection", "string", "", "Rule by which each search's configuration was selected.", NOT_RECORDED
        ),
        Column(
            "shared_draws",
            "bool",
            "",
            "Whether draw i of a replicate has the same shared values, seed and data order in each strategy.",
            NOT_RECORDED,
        ),
        Column("data", "string", "", "Name of the data and where it came from.", NOT_RECORDED),
        Column("data_licence", "string", "", "Licence of the data.", NOT_RECORDED),
        Column(
            "data_sha256", "string", "", "Covers texts, labels and their assignment to splits.", NOT_RECORDED
        ),
        Column("labels", "json", "", "Names of the classes, in the order of the predictions' numbers."),
        Column("train", "int64", "texts", "Size of the training split.", NOT_RECORDED),
        Column("validation", "int64", "texts", "Size of the validation split.", NOT_RECORDED),
        Column("test", "int64", "texts", "Size of the test split.", NOT_RECORDED),
        Column("duplicates_dropped", "int64", "texts", "Duplicates dropped before splitting."),
        Column(
            "texts_cut",
            "int64",
            "texts",
            "Those of all splits that have more than `max_length` tokens, of several models as the one that cuts most.",
            NOT_RECORDED,
        ),
        Column(
            "scrubbed",
            "json",
            "",
            "How many e-mail addresses (`EMAIL`), `PHONE` and `CARD` numbers were replaced in the texts.",
            "none was looked for",
        ),
        Column(
            "test_groups",
            "json",
            "",
            "Group of each test item, by number, in the order of the split.",
            "no groups",
        ),
        Column("model", "string", "", "The pretrained body and where it came from.", NOT_RECORDED),
        Column("model_licence", "string", "", "Licence of the weights.", NOT_RECORDED),
        Column(
            "model_sha256",
            "string",
            "",
            "Covers the weights, and files that say how they are read.",
            NOT_RECORDED,
        ),
        Column("model_layers", "int64", "", "Layers of the body.", NOT_RECORDED),
        Column("model_hidden_size", "int64", "", "Width of a layer.", NOT_RECORDED),
        Column("model_parameters", "int64", "", "Parameters of the whole body.", NOT_RECORDED),
        Column(
            "models",
            "json",
            "",
            "Where models are compared: of each strategy source, licence, layers, hidden_size, parameters and sha256 of its "
            "model; else `{}`.",
        ),
        Column("device", "string", "", "Where training ran.", NOT_RECORDED),
        Column("precision", "string", "", "Number format of the training.", NOT_RECORDED),
        Column("precision_reason", "string", "", "Why this format.", NOT_RECORDED),
        Column("threads", "int64", "", "Threads of each worker.", NOT_RECORDED),
        Column("workers", "int64", "", "Processes that trained."),
        Column("versions", "json", "", "Versions of the software, by name."),
        Column(
            "began",
            "string",
            "UTC, ISO 8601",
            "When the run began, before any score was known.",
            NOT_RECORDED,
        ),
        Column("command", "string", "", "The command as given, without the machine's folders.", NOT_RECORDED),
        Column(
            "git",
            "string",
            "",
            "Commit of the space file's folder; `+changes` where files differed.",
            NOT_RECORDED,
        ),
        Column("plan_sha256", "string", "", "Of what was fixed beforehand.", NOT_RECORDED),
        Column(
            "privacy",
            "json",
            "",
            "What private trainings meet together, at which noise, and how that was counted.",
            "there are none",
        ),
        Column(
            "experiment",
            "json",
            "",
            "The whole experiment as it was asked for; `{}` where hpo did not run it.",
        ),
        Column(
            "notes",
            "json",
            "",
            "What an import took for what, and what it inferred; `[]` where hpo ran it.",
        ),
    ),
)

SPACE = TableSchema(
    "space",
    "The search space, one row a parameter.",
    ("run", "position"),
    (
        RUN,
        Column("position", "int64", "", "Place in the space file, from 0."),
        Column("name", "string", "", "Name of the parameter."),
        Column("kind", "string", "", "`compared`, `fixed`, `choices` or `range`."),
        Column(
            "values",
            "json",
            "",
            "Values of a compared parameter or of choices; the one of a fixed parameter.",
        ),
        Column("low", "float64", "", "Least value of a range.", "no range"),
        Column("high", "float64", "", "Greatest value of a range.", "no range"),
        Column("log", "bool", "", "Whether the range is drawn on a logarithmic scale."),
        Column("step", "float64", "", "Distance of neighbouring values.", "any value"),
        Column("integer", "bool", "", "Whether values are whole numbers."),
        Column("default", "json", "", "Value in each search's first draw.", "none"),
        Column("when", "json", "", "{other parameter: values} under which it exists."),
        Column("meaning", "string", "", "What it is; may be an empty text."),
        Column(
            "observed",
            "bool",
            "",
            "Whether the range is only that of the values seen in an import, whose source does not hold it.",
        ),
    ),
)
