"""The tables of trainings: trials, confirmations and what an audit trained on, with their rungs and costs."""

from __future__ import annotations

from hpo.records.base import NOT_RECORDED
from hpo.records.columns import METRIC, REPLICATE, RESOURCE, RUN, STRATEGY, Column, TableSchema

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
_WHOSE = (RUN, _TRAINING, STRATEGY, REPLICATE, _NUMBER)
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

TRIALS = TableSchema(
    "trials",
    "One configuration of one search, trained once.",
    ("run", "strategy", "replicate", "draw"),
    (
        RUN,
        STRATEGY,
        REPLICATE,
        Column("draw", "int64", "", "Number of the draw within its search, from 0."),
        Column("seed", "int64", "", "Of the training.", NOT_RECORDED),
        Column("state", "string", "", "`complete`, `pruned` or `failed`."),
        Column("reason", "string", "", "Why it ended so."),
        Column("score", "float64", METRIC, "Best validation score over the rungs.", "not complete"),
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
        RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        STRATEGY,
        REPLICATE,
        Column("index", "int64", "", "Number of the fresh seed within the replicate, from 0."),
        Column("seed", "int64", "", "Of the training.", NOT_RECORDED),
        Column(
            "fresh", "bool", "", "Whether selection never saw its seed; else it is the selected trial itself."
        ),
        Column("draw", "int64", "", "The selected trial's draw.", "the baseline, or not recorded"),
        Column(
            "selected_score", "float64", METRIC, "Validation score of the selected trial.", "as for `draw`"
        ),
        Column(
            "validation_score",
            "float64",
            METRIC,
            "On validation, of this training at its best rung.",
            NOT_RECORDED,
        ),
        Column("validation_loss", "float64", "nats", "As the validation score, the loss.", NOT_RECORDED),
        Column("best_rung", "int64", "", "The rung that was scored, from 0.", NOT_RECORDED),
        Column("test_score", "float64", METRIC, "On the test split."),
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
        Column("seen", "int64", RESOURCE, "How far the training was."),
        Column("steps", "int64", "optimizer steps", "Since the start of the training.", NOT_RECORDED),
        Column("score", "float64", METRIC, "On the validation split. A pruned trial's last is no result."),
        Column("metrics", "json", "", "Every metric of the task on the validation split, by name."),
        Column("loss", "float64", "nats", "Mean cross-entropy on the validation split.", NOT_RECORDED),
        Column("train_loss", "float64", "nats", "Mean over the steps since the rung before.", NOT_RECORDED),
        Column("learning_rate", "float64", "", "Of the last step before it.", NOT_RECORDED),
        Column("seconds", "float64", "device-seconds", "Of the evaluation."),
        Column("evaluation", "string", "", "Key of the evaluation; equal keys are the same work."),
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
        Column("seen", "int64", RESOURCE, "Where a segment ended.", "no segment"),
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
        RUN,
        STRATEGY,
        REPLICATE,
        Column("draw", "int64", "", "The trial's draw."),
        Column("sample_seed", "int64", "", "With which the sample was drawn from the pruned trials."),
        Column("state", "string", "", "`complete`, or `failed` where it diverged on the way."),
        Column("reason", "string", "", "Why it ended so."),
        Column("score", "float64", METRIC, "Best validation score over all its rungs.", "failed"),
        Column("charged_seconds", "float64", "device-seconds", "Of what was trained on."),
        Column(
            "spent_seconds",
            "float64",
            "device-seconds",
            "Really spent, training again what was lost included.",
        ),
    ),
)
