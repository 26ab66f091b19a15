"""The card of an exported model: the ``README.md`` of its folder, from records alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo.config.parameters import PARAMETERS
from hpo.records.origin import Form
from hpo.records.run import Records, Run
from hpo.records.setup import ModelInfo
from hpo.records.trainings import Confirmation
from hpo.report.privacy import promise
from hpo.report.sentences import Verdict
from hpo.report.setup_tables import space_table
from hpo.report.table_markdown import table_markdown
from hpo.report.text import Units, counted, listed, markdown, value_text
from hpo.stats.crossed import crossed

FOLDER = "path/to/this/folder"  # in examples: a folder may be moved


@dataclass(frozen=True)
class Folder:
    """What a card tells of its folder.

    Attributes:
        form: how the head stands in it.
        model: what it was made of.
        between: what must be put before the second text of a pair (``hpo.data.tokens``).
        difference: the largest difference of logits between it and the training, in the largest logit, on so many
            validation texts as ``compared`` says.
        rescored: the test score of what was exported, scored again.
        retrained: segments that were trained again for it; 0: its state was stored.
        others: what was not then as it was when the run was trained.
    """

    form: Form
    model: ModelInfo
    between: str
    difference: float
    compared: int
    rescored: float
    retrained: int
    others: Sequence[str]


def model_card(records: Records, judged: Verdict, confirmation: Confirmation, folder: Folder) -> str:
    """The card in Markdown for the training of ``confirmation``; what came from a user is escaped."""
    run, c = records.run, confirmation
    sections = (
        _front(run),
        f"# {markdown(run.task)}: {markdown(c.strategy)}",
        f"**Question.** {markdown(run.question)}",
        f"**Verdict.** {markdown(judged.text)}",
        "## How to use it",
        *_use(run, folder),
        "## How good it is",
        *_score(records, judged, c),
        "## Where it comes from",
        *_origin(records, c, folder),
        "### Configuration",
        _table(("Parameter", "Value", "Meaning"), _configuration(c.parameters)),
        table_markdown(space_table(records)).rstrip(),
        "### Versions",
        _table(("Package", "Version"), sorted(run.versions.items())),
    )
    return "\n\n".join(sections) + "\n"


def _front(run: Run) -> str:
    """What the Hugging Face hub reads of a card."""
    task = "token-classification" if run.kind == "token-classification" else "text-classification"
    return f"---\nlibrary_name: transformers\npipeline_tag: {task}\ntags:\n- hpo\n---"


def _use(run: Run, folder: Folder) -> Iterator[str]:
    loads = "It loads with transformers alone."
    if folder.form == "hpo":
        loads = (
            "It needs `hpo` beside transformers: no class of transformers has such a head, and `import hpo.transformers` "
            "makes one known. No code lies in this folder."
        )
    yield loads
    imported = "import hpo.transformers\n" if folder.form == "hpo" else ""
    yield f"```python\n{imported}from transformers import pipeline\n\n{_call(run.kind, folder.between)}\n```"
    reads = f"It reads the first {run.max_length:,} tokens of a text" if run.max_length else "It reads a text"
    command = f"`hpo predict {FOLDER} texts.csv` scores a file."
    yield f"{reads}, as it did in training; what stands behind them is cut off. {command}"
    if run.experiment.get("task", {}).get("scrub"):
        yield _SCRUBBED
    if folder.form in _BESIDE:
        yield f"{_LAYER} {_BESIDE[folder.form]}"


_SCRUBBED = (
    "In all texts of the run `[EMAIL]`, `[PHONE]` and `[CARD]` stood for e-mail addresses, telephone and card numbers. "
    "`hpo predict` puts them there, too; a pipeline does not."
)
_LAYER = (
    "In the class that transformers has for this architecture a dense layer and a function stand before the head, which the "
    "training did not have."
)
_BESIDE: Mapping[str, str] = {
    "paired": "Here they are set so that they hand the result of the trained head on.",
    "scaled": (
        "Here the layer is 2^-16 times the identity, where tanh changes nothing that float32 holds, and the head is "
        "multiplied by 2^16. So use the folder in float32 or bfloat16, not in float16, and do not train it further."
    ),
}


def _call(kind: str, between: str) -> str:
    if kind == "token-classification":
        return (
            f'find = pipeline("token-classification", model="{FOLDER}", aggregation_strategy="first")\n'
            'find("A sentence.")'
        )
    scores = ", top_k=None" if kind == "multi-label" else ""
    text = '"A text."'
    if kind == "pair":
        text = f'{{"text": "A text.", "text_pair": {json.dumps(between + "Another.")}}}'
    return (
        f'classify = pipeline("text-classification", model="{FOLDER}", truncation=True{scores})\n'
        f"classify({text})"
    )


def _score(records: Records, judged: Verdict, c: Confirmation) -> Iterator[str]:
    run, units = records.run, Units(records.run.metric)
    items = "" if not run.split.test else f" over {counted(run.split.test, 'test text')}"
    yield (
        f"Test {markdown(run.metric.name)}: {units.value(c.test_score)} (95 % interval{items}: "
        f"{units.interval(_interval(c.test_score, c.item_scores, run.split.groups))}). It was scored on the test split once."
    )
    analysis = judged.analysis
    standings = (*analysis.standings, *([] if analysis.baseline is None else [analysis.baseline]))
    mean = next((s for s in standings if s.name == c.strategy), None)
    if mean is not None:
        confirmed = sum(one.role == c.role and one.strategy == c.strategy for one in records.confirmations)
        estimate = mean.estimate
        yield (
            f"It is one of the {counted(confirmed, 'confirmation')} of its strategy, whose mean is "
            f"{units.value(estimate.mean)} (95 % interval {units.interval(estimate.interval())}): that with the best "
            f"validation {markdown(run.metric.name)}, {units.value(c.validation_score)}, of equals the first. No test "
            "score decided which."
        )
    if c.test_metrics:
        told = listed(f"{name} {value:.4g}" for name, value in c.test_metrics.items())
        yield f"Every metric on the test split: {markdown(told)}."
    if run.shifts:
        yield "On sets of other domains, which played no part in any choice:"
        columns = ("Set", "Texts", f"Test {run.metric.name}", "95 % interval")
        yield _table(columns, _shifted(run, c))


def _interval(
    score: float, items: Sequence[float] | None, groups: Sequence[int] | None
) -> tuple[float, float]:
    """Of one training's score over the items of a set."""
    scores = np.array([[score] if items is None else items], dtype=np.float64)
    return crossed(scores, groups if scores.shape[1] > 1 else None).interval()


def _shifted(run: Run, c: Confirmation) -> Iterator[tuple[str, ...]]:
    """Of each set of another domain its name, texts, score and interval."""
    units = Units(run.metric)
    for shift in run.shifts:
        scores = c.shifts[shift.name]
        items = scores.correct if scores.values is None else scores.values
        interval = units.interval(_interval(scores.score, items, shift.groups))
        yield shift.name, f"{shift.size:,}", units.value(scores.score), interval


def _origin(records: Records, c: Confirmation, folder: Folder) -> Iterator[str]:
    run = records.run
    yield _table(("What", "Which"), _facts(run, c, folder.model))
    yield (
        f"The weights are made of those of {markdown(folder.model.source)} and of {markdown(_data(run))}: the licences of "
        "both hold for what is done with them."
    )
    score, units = c.test_score, Units(run.metric)
    if folder.others:
        yield (
            "This model is alike and not equal to the one that was tested, since it was trained again where not all was as "
            f"before ({markdown('; '.join(folder.others))}). Its own test {markdown(run.metric.name)} is "
            f"{units.value(folder.rescored)}, where {units.value(score)} was recorded."
        )
    elif folder.retrained:
        yield (
            f"It was trained again from its records, {counted(folder.retrained, 'segment')} of it; scored again it has "
            f"a test {markdown(run.metric.name)} of {units.value(folder.rescored)}."
        )
    yield (
        f"Loaded from this folder, its logits on {counted(folder.compared, 'validation text')} differ from those of the "
        f"training by at most {folder.difference:.1g} of the largest."
    )


def _facts(run: Run, c: Confirmation, model: ModelInfo) -> Iterator[tuple[str, str]]:
    split, rung = run.split, c.rungs[c.best_rung]
    yield (
        "Run",
        f"{run.name}, strategy {c.strategy}, replicate {c.replicate}, fresh seed {c.index} ({c.seed})",
    )
    yield (
        "Trained on",
        f"{rung.examples:,} of {c.rungs[-1].examples:,} examples: its best evaluation on validation texts",
    )
    yield "Kind of task", run.kind
    yield "Labels", ", ".join(split.labels)
    yield "Data", _data(run)
    yield "Licence of the data", split.licence
    yield "Splits", f"{split.train:,} training, {split.validation:,} validation, {split.test:,} test texts"
    yield "Splits, SHA-256", split.sha256
    if run.privacy is not None:
        yield "Differential privacy", promise(run.privacy, c.strategy)
    yield "Pretrained model", model.source
    yield "Licence of the model", model.licence
    yield "Pretrained weights, SHA-256", model.sha256


def _data(run: Run) -> str:
    """The data's name; of a file without the folder that it lies in."""
    own = run.experiment.get("task", {}).get("data", {}).get("path")
    return run.task if own else run.split.source


def _configuration(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(parameters):
        meaning = PARAMETERS[name].doc if name in PARAMETERS else ""
        yield name, value_text(parameters[name]), meaning


def _table(columns: Sequence[str], rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> str:
    lines = [columns, ["---"] * len(columns), *([markdown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
