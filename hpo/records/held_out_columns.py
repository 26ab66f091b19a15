"""The tables of what selection never saw: items of the test split, and shift sets with their scores and items."""

from __future__ import annotations

from hpo.records.base import NOT_RECORDED
from hpo.records.columns import METRIC, REPLICATE, RUN, STRATEGY, Column, TableSchema

_ITEM = (
    Column("item", "int64", "", "Number of the item in the order of its set, from 0."),
    Column("group", "int64", "", "Number of its group.", "no groups"),
    Column("prediction", "int64", "", "Number of the predicted class.", NOT_RECORDED),
    Column("correct", "int64", "", "1 where the prediction is the label, else 0.", NOT_RECORDED),
    Column(
        "value",
        "float64",
        METRIC,
        "Share in the score of the set, which is the mean: a loss, or what the jackknife says.",
        "`correct` is it, or not recorded",
    ),
)

ITEMS = TableSchema(
    "items",
    "One test item of one confirmation; never its text.",
    ("run", "role", "strategy", "replicate", "index", "item"),
    (
        RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        STRATEGY,
        REPLICATE,
        Column("index", "int64", "", "Number of the confirmation's fresh seed within the replicate."),
        *_ITEM,
    ),
)
_SHIFT = Column("shift", "string", "", "Name of the shift set.")

SHIFTS = TableSchema(
    "shifts",
    "A further set of texts, of another domain, on which confirmations alone were scored.",
    ("run", "shift"),
    (
        RUN,
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
        Column("texts_cut", "int64", "texts", "Those that have more than `max_length` tokens.", NOT_RECORDED),
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
        RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        STRATEGY,
        REPLICATE,
        Column("index", "int64", "", "Number of the confirmation's fresh seed within the replicate."),
        _SHIFT,
        Column("score", "float64", METRIC, "On the shift set."),
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
        RUN,
        Column("role", "string", "", "`strategy` or `baseline`."),
        STRATEGY,
        REPLICATE,
        Column("index", "int64", "", "Number of the confirmation's fresh seed within the replicate."),
        _SHIFT,
        *_ITEM,
    ),
)
SHIFT_TABLES = (SHIFTS, SHIFT_SCORES, SHIFT_ITEMS)  # which tables of runs before there were shift sets lack
