"""The tables of a run: every column with its type, unit and meaning. The one description of them, for all readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpo.records.schema import NOT_RECORDED

Dtype = Literal["string", "json", "int64", "float64", "bool"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        dtype: ``json`` is UTF-8 text that holds a JSON value, else as pandas and Arrow call it.
        unit: of the number; empty where it is none or has none.
        empty: what an empty cell means; an empty text: the cell is never empty.
    """

    name: str
    dtype: Dtype
    unit: str
    meaning: str
    empty: str = ""


@dataclass(frozen=True)
class TableSchema:
    """One table; the columns of ``key`` together are different in each row."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


_UNKNOWN = NOT_RECORDED
_METRIC = "the run's metric"
_RESOURCE = "the run's resource"

_RUN = Column("run", "string", "", "Name of the run.")
_STRATEGY = Column("strategy", "string", "", "Name of the strategy, or of the baseline.")
_REPLICATE = Column("replicate", "int64", "", "Number of the independent search, from 0.")
_NUMBER = Column(
    "number", "int64", "", "Draw of a trial or an audited one; number of a confirmation's fresh seed."
)
_TRAINING = Column(
    "training",
    "string",
    "",
    "`trial`, `confirmation` (of a selected configuration), `baseline` (a confirmation of it) or `audit` (what it added "
    "to a pruned trial).",
)
_WHOSE = (_RUN, _TRAINING, _STRATEGY, _REPLICATE, _NUMBER)
_TRAINED = ("run", "training", "strategy", "replicate", "number")
_COSTS = (
    Column(
        "charged_seconds",
        "float64",
        "device-seconds",
        "What it would have cost alone: what its strategy's budget is charged.",
    ),
    Column(
        "retrained_seconds",
        "float64",
        "device-seconds",
        "Spent on training again what was lost; charged to nobody.",
    ),
    Column(
        "recorded_seconds",
        "float64",
        "device-seconds",
        "What it cost, where the source has it whole.",
        "the cost is the sum of its rows in `costs`",
    ),
)

RUNS = TableSchema(
    "runs",
    "What was asked, of which data and model, on what.",
    ("run",),
    (
        _RUN,
        Column("question", "string", "", "The question that was asked."),
        Column(
            "task", "string", "", "Name of the data; strategies are ranked across runs of different tasks."
        ),
        Column("kind", "string", "", "Kind of the task.", _UNKNOWN),
        Column("max_length", "int64", "tokens", "Tokens of a text that are read.", _UNKNOWN),
        Column("seed", "int64", "", "From which every random draw derives.", _UNKNOWN),
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
        Column("sampler", "string", "", "How configurations were drawn.", _UNKNOWN),
        Column("pruner", "string", "", "How trials were stopped early.", _UNKNOWN),
        Column("independent", "bool", "", "Whether draws are independent of results.", _UNKNOWN),
        Column("rungs", "json", _RESOURCE, "Where a trial could be stopped; the end is not among them."),
        Column(
            "selection", "string", "", "Rule by which each search's configuration was selected.", _UNKNOWN
        ),
        Column(
            "shared_draws",
            "bool",
            "",
            "Whether draw i of a replicate has the same shared values, seed and data order in each strategy.",
            _UNKNOWN,
        ),
        Column("data", "string", "", "Name of the data and where it came from.", _UNKNOWN),
        Column("data_licence", "string", "", "Licence of the data.", _UNKNOWN),
        Column("data_sha256", "string", "", "Covers texts, labels and their assignment to splits.", _UNKNOWN),
        Column("labels", "json", "", "Names of the classes, in the order of the predictions' numbers."),
        Column("train", "int64", "texts", "Size of the training split.", _UNKNOWN),
        Column("validation", "int64", "texts", "Size of the validation split.", _UNKNOWN),
        Column("test", "int64", "texts", "Size of the test split.", _UNKNOWN),
        Column("duplicates_dropped", "int64", "texts", "Duplicates dropped before splitting."),
        Column(
            "texts_cut",
            "int64",
            "texts",
            "Those of all splits that have more than `max_length` tokens, of several models as the one that cuts most.",
            _UNKNOWN,
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
        Column("model", "string", "", "The pretrained body and where it came from.", _UNKNOWN),
        Column("model_licence", "string", "", "Licence of the weights.", _UNKNOWN),
        Column(
            "model_sha256",
            "string",
            "",
            "Covers the weights, and files that say how they are read.",
            _UNKNOWN,
        ),
        Column("model_layers", "int64", "", "Layers of the body.", _UNKNOWN),
        Column("model_hidden_size", "int64", "", "Width of a layer.", _UNKNOWN),
        Column("model_parameters", "int64", "", "Parameters of the whole body.", _UNKNOWN),
        Column(
            "models",
            "json",
            "",
            "Where models are compared: of each strategy source, licence, layers, hidden_size, parameters and sha256 of its "
            "model; else `{}`.",
        ),
        Column("device", "string", "", "Where training ran.", _UNKNOWN),
        Column("precision", "string", "", "Number format of the training.", _UNKNOWN),
        Column("precision_reason", "string", "", "Why this format.", _UNKNOWN),
        Column("threads", "int64", "", "Threads of each worker.", _UNKNOWN),
        Column("workers", "int64", "", "Processes that trained."),
        Column("versions", "json", "", "Versions of the software, by name."),
        Column(
            "began", "string", "UTC, ISO 8601", "When the run began, before any score was known.", _UNKNOWN
        ),
        Column("command", "string", "", "The command as given, without the machine's folders.", _UNKNOWN),
        Column(
            "git",
            "string",
            "",
            "Commit of the space file's folder; `+changes` where files differed.",
            _UNKNOWN,
        ),
        Column("plan_sha256", "string", "", "Of what was fixed beforehand.", _UNKNOWN),
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
        _RUN,
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

TRIALS = TableSchema(
    "trials",
    "One configuration of one search, trained once.",
    ("run", "strategy", "replicate", "draw"),
    (
        _RUN,
        _STRATEGY,
        _REPLICATE,
        Column("draw", "int64", "", "Number of the draw within its search, from 0."),
        Column("seed", "int64", "", "Of the training.", _UNKNOWN),
        Column("state", "string", "", "`complete`, `pruned` or `failed`."),
        Column("reason", "string", "", "Why it ended so."),
        Column("score", "float64", _METRIC, "Best validation score over the rungs.", "not complete"),
        Column("best_rung", "int64", "", "Rung of that score, from 0.", "not complete, or no rungs"),
        Column(
            "duplicate_of",
            "int64",
            "",
            "Draw of the same search with the same configuration, whose training it shares.",
            "no duplicate",
        ),
        *_COSTS,
    ),
)

CONFIRMATIONS = TableSchema(
    "confirmations",
    "A selected configuration (or the baseline's) scored on the test split once.",
    ("run", "role", "strategy", "replicate", "index"),
    (
        _RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        _STRATEGY,
        _REPLICATE,
        Column("index", "int64", "", "Number of the fresh seed within the replicate, from 0."),
        Column("seed", "int64", "", "Of the training.", _UNKNOWN),
        Column(
            "fresh", "bool", "", "Whether selection never saw its seed; else it is the selected trial itself."
        ),
        Column("draw", "int64", "", "The selected trial's draw.", "the baseline, or not recorded"),
        Column(
            "selected_score", "float64", _METRIC, "Validation score of the selected trial.", "as for `draw`"
        ),
        Column(
            "validation_score",
            "float64",
            _METRIC,
            "On validation, of this training at its best rung.",
            _UNKNOWN,
        ),
        Column("validation_loss", "float64", "nats", "As the validation score, the loss.", _UNKNOWN),
        Column("best_rung", "int64", "", "The rung that was scored, from 0.", _UNKNOWN),
        Column("test_score", "float64", _METRIC, "On the test split."),
        Column("test_loss", "float64", "nats", "On the test split.", "not recorded, or not finite"),
        Column("test_metrics", "json", "", "Every metric of the task on the test split, by name."),
        Column("test_seconds", "float64", "device-seconds", "Of the evaluation on the test split."),
        Column("test_evaluation", "string", "", "Key of that evaluation; equal keys are the same work."),
        *_COSTS,
    ),
)

PARAMETERS = TableSchema(
    "parameters",
    "The configurations: one row an active parameter of a training.",
    (*_TRAINED, "name"),
    (
        *_WHOSE,
        Column("name", "string", "", "Name of the parameter."),
        Column("value", "json", "", "Its value."),
        Column("number_value", "float64", "", "The value where it is a number.", "no number"),
    ),
)

RUNGS = TableSchema(
    "rungs",
    "One evaluation on the validation split.",
    (*_TRAINED, "rung"),
    (
        *_WHOSE,
        Column("rung", "int64", "", "Number of the evaluation within the training, from 0."),
        Column("seen", "int64", _RESOURCE, "How far the training was."),
        Column("steps", "int64", "optimizer steps", "Since the start of the training.", _UNKNOWN),
        Column("score", "float64", _METRIC, "On the validation split. A pruned trial's last is no result."),
        Column("metrics", "json", "", "Every metric of the task on the validation split, by name."),
        Column("loss", "float64", "nats", "Mean cross-entropy on the validation split.", _UNKNOWN),
        Column("train_loss", "float64", "nats", "Mean over the steps since the rung before.", _UNKNOWN),
        Column("learning_rate", "float64", "", "Of the last step before it.", _UNKNOWN),
        Column("seconds", "float64", "device-seconds", "Of the evaluation."),
        Column("evaluation", "string", "", "Key of the evaluation; equal keys are the same work."),
    ),
)

_ITEM = (
    Column("item", "int64", "", "Number of the item in the order of its set, from 0."),
    Column("group", "int64", "", "Number of its group.", "no groups"),
    Column("prediction", "int64", "", "Number of the predicted class.", _UNKNOWN),
    Column("correct", "int64", "", "1 where the prediction is the label, else 0.", _UNKNOWN),
    Column(
        "value",
        "float64",
        _METRIC,
        "Share in the score of the set, which is the mean: a loss, or what the jackknife says.",
        "`correct` is it, or not recorded",
    ),
)

ITEMS = TableSchema(
    "items",
    "One test item of one confirmation; never its text.",
    ("run", "role", "strategy", "replicate", "index", "item"),
    (
        _RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        _STRATEGY,
        _REPLICATE,
        Column("index", "int64", "", "Number of the confirmation's fresh seed within the replicate."),
        *_ITEM,
    ),
)

COSTS = TableSchema(
    "costs",
    "Where the time went: one row a piece of work of a training. Work of equal keys was done once and shared.",
    (*_TRAINED, "position"),
    (
        *_WHOSE,
        Column("position", "int64", "", "Place within the training, from 0."),
        Column(
            "work",
            "string",
            "",
            "`segment` (training to a rung), `pass` (texts through frozen layers), `evaluation`, `test`, `shift`, "
            "`retrained` (again what was lost) or `whole` (a training whose source has one time for it).",
        ),
        Column("key", "string", "", "What the work is; an empty text where it has no key."),
        Column("seen", "int64", _RESOURCE, "Where a segment ended.", "no segment"),
        Column("steps", "int64", "optimizer steps", "Where a segment ended.", "no segment"),
        Column("seconds", "float64", "device-seconds", "That the work takes."),
        Column(
            "new_seconds",
            "float64",
            "device-seconds",
            "Of a pass: for the texts that no pass before it held.",
            "no pass",
        ),
        Column(
            "charged_seconds",
            "float64",
            "device-seconds",
            "Charged to the training: sums give its cost alone.",
        ),
        Column(
            "spent_seconds",
            "float64",
            "device-seconds",
            "Really spent: 0 where an earlier row has the key; sums give the cost of all together.",
            "an audit, whose time is in `audited`",
        ),
    ),
)

AUDITED = TableSchema(
    "audited",
    "A pruned trial that `hpo audit` trained on to its end. It changes no trial and no verdict.",
    ("run", "strategy", "replicate", "draw"),
    (
        _RUN,
        _STRATEGY,
        _REPLICATE,
        Column("draw", "int64", "", "The trial's draw."),
        Column("sample_seed", "int64", "", "With which the sample was drawn from the pruned trials."),
        Column("state", "string", "", "`complete`, or `failed` where it diverged on the way."),
        Column("reason", "string", "", "Why it ended so."),
        Column("score", "float64", _METRIC, "Best validation score over all its rungs.", "failed"),
        Column("charged_seconds", "float64", "device-seconds", "Of what was trained on."),
        Column(
            "spent_seconds",
            "float64",
            "device-seconds",
            "Really spent, training again what was lost included.",
        ),
    ),
)

_SHIFT = Column("shift", "string", "", "Name of the shift set.")

SHIFTS = TableSchema(
    "shifts",
    "A further set of texts, of another domain, on which confirmations alone were scored.",
    ("run", "shift"),
    (
        _RUN,
        _SHIFT,
        Column("position", "int64", "", "Place in the space file, from 0."),
        Column("data", "string", "", "Name of the data and where it came from."),
        Column("data_licence", "string", "", "Licence of the data."),
        Column("data_sha256", "string", "", "Covers texts and labels."),
        Column("size", "int64", "texts", "Size of the set."),
        Column(
            "overlap_dropped", "int64", "texts", "Left out, since they also stand in the task's own splits."
        ),
        Column("duplicates_dropped", "int64", "texts", "Duplicates dropped before."),
        Column("texts_cut", "int64", "texts", "Those that have more than `max_length` tokens.", _UNKNOWN),
        Column(
            "largest_class",
            "float64",
            "",
            "Share of the texts with the most frequent class.",
            "texts have no one class",
        ),
        Column("groups", "json", "", "Group of each item, by number, in the order of the set.", "no groups"),
    ),
)

_SCORED = ("run", "role", "strategy", "replicate", "index", "shift")

SHIFT_SCORES = TableSchema(
    "shift_scores",
    "A confirmation scored on a shift set once, in the state that was scored on the test split.",
    _SCORED,
    (
        _RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        _STRATEGY,
        _REPLICATE,
        Column("index", "int64", "", "Number of the confirmation's fresh seed within the replicate."),
        _SHIFT,
        Column("score", "float64", _METRIC, "On the shift set."),
        Column("loss", "float64", "nats", "On the shift set.", "not finite"),
        Column("metrics", "json", "", "Every metric of the task on the shift set, by name."),
        Column("seconds", "float64", "device-seconds", "Of the evaluation."),
        Column("evaluation", "string", "", "Key of the evaluation; equal keys are the same work."),
    ),
)

SHIFT_ITEMS = TableSchema(
    "shift_items",
    "One item of a shift set and one confirmation; never its text.",
    (*_SCORED, "item"),
    (
        _RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        _STRATEGY,
        _REPLICATE,
        Column("index", "int64", "", "Number of the confirmation's fresh seed within the replicate."),
        _SHIFT,
        *_ITEM,
    ),
)

SHIFT_TABLES = (SHIFTS, SHIFT_SCORES, SHIFT_ITEMS)  # which tables of runs before there were shift sets lack
TABLES = (RUNS, SPACE, TRIALS, CONFIRMATIONS, PARAMETERS, RUNGS, ITEMS, COSTS, AUDITED, *SHIFT_TABLES)
