"""The reproducibility checklists of ACL and NeurIPS, each item with what the records hold on it.

An answer is a number or a fact of the records, or "not recorded"; none is ever "yes". Items that no record can answer are
listed for the authors. The questions are shortened; the numbers are those of the lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpo.records.base import NOT_RECORDED
from hpo.records.run import Records
from hpo.report.kit import answers
from hpo.report.sentences import Verdict
from hpo.report.table import Table, make_table
from hpo.report.text import markdown

AUTHORS = f"{NOT_RECORDED}: for the authors"

Answer = Callable[[Records, Verdict], str]


@dataclass(frozen=True)
class Item:
    """One question of a checklist; ``answer`` is None where no record can know."""

    number: str
    question: str
    answer: Answer | None = None


@dataclass(frozen=True)
class Checklist:
    """One list; ``name``: stem of its table; ``source``: where the whole questions stand, below https://."""

    name: str
    title: str
    source: str
    items: tuple[Item, ...]


CHECKLISTS = (
    Checklist(
        "checklist-acl",
        "ACL responsible NLP checklist",
        "aclrollingreview.org/responsibleNLPresearch",
        (
            Item("A1, A2", "Limitations; risks"),
            Item("B1", "Creators of data, models and software", answers.creators),
            Item("B2", "Licences", answers.licences),
            Item("B3-B5", "Intended use; personal or offensive content; documentation of data"),
            Item("B6", "Numbers of examples and splits", answers.splits),
            Item("C1", "Number of parameters", answers.model_size),
            Item("C1", "Computational budget", answers.budget),
            Item("C1", "Infrastructure", answers.infrastructure),
            Item("C2", "Hyperparameter search: space", answers.bounds),
            Item("C2", "Hyperparameter search: method and criterion", answers.search),
            Item("C2", "Best-found hyperparameter values", answers.selected),
            Item("C3", "Descriptive statistics; mean, maximum or a single run", answers.statistics),
            Item("C4", "Packages and their settings", answers.packages),
            Item("D, E", "Human annotators; AI assistants"),
        ),
    ),
    Checklist(
        "checklist-nlp-reproducibility",
        "NLP reproducibility checklist (EMNLP 2020, NAACL 2021)",
        "2021.naacl.org/calls/reproducibility-checklist",
        (
            Item("1", "Description of setting, algorithm and model", answers.question),
            Item("2", "Source code with its dependencies", answers.code),
            Item("3", "Computing infrastructure", answers.infrastructure),
            Item("4", "Average runtime", answers.runtime),
            Item("5", "Number of parameters in each model", answers.model_size),
            Item("6", "Validation performance for each test result", answers.validation),
            Item("7", "Evaluation measure", answers.metric),
            Item("8", "Exact number of training and evaluation runs", answers.runs),
            Item("9", "Bounds for each hyperparameter", answers.bounds),
            Item("10", "Hyperparameter configurations of the best models", answers.selected),
            Item("11", "Method of choosing values and criterion of selection", answers.search),
            Item("12", "Summary statistics of the results", answers.statistics),
            Item("13", "Number of examples and label distributions", answers.examples),
            Item("14", "Train, validation and test splits", answers.splits),
            Item("15", "Excluded data and pre-processing", answers.excluded),
            Item("16", "Languages"),
            Item("17", "Where the data can be had", answers.data),
            Item("18", "Collection of new data"),
        ),
    ),
    Checklist(
        "checklist-neurips",
        "NeurIPS paper checklist",
        "neurips.cc/public/guides/PaperChecklist",
        (
            Item("1-3", "Claims; limitations; theory"),
            Item("4", "Reproducibility of the results", answers.reproducibility),
            Item("5", "Access to data and code", answers.access),
            Item("6", "Training and test details: splits", answers.splits),
            Item("6", "Training and test details: hyperparameters, how chosen", answers.search),
            Item(
                "7",
                "Statistical significance: what error bars are over, and how computed",
                answers.statistics,
            ),
            Item("7", "Statistical significance: tests", answers.significance),
            Item("8", "Compute resources: kind of workers", answers.infrastructure),
            Item("8", "Compute resources: each run", answers.runtime),
            Item("8", "Compute resources: all experiments, pruned and failed ones too", answers.budget),
            Item("9-11", "Code of ethics; broader impacts; safeguards"),
            Item("12", "Licences of existing assets", answers.licences),
            Item("13-16", "New assets; human subjects; review boards; use of language models"),
        ),
    ),
)


def checklist_tables(records: Records, judged: Verdict) -> tuple[Table, ...]:
    """A table a checklist: item, question, answer."""
    return tuple(_table(checklist, records, judged) for checklist in CHECKLISTS)


def _table(checklist: Checklist, records: Records, judged: Verdict) -> Table:
    rows = [
        {
            "Item": item.number,
            "Asks for": item.question,
            "What the records hold": AUTHORS if item.answer is None else item.answer(records, judged),
        }
        for item in checklist.items
    ]
    raw = [dict(zip(("item", "asks_for", "answer"), row.values(), strict=True)) for row in rows]
    note = "Questions shortened. An answer is what was recorded, never a yes."
    return make_table(checklist.name, checklist.title, note, rows, raw)


def checklist_markdown(records: Records, judged: Verdict) -> str:
    """The checklists as one Markdown document, to be copied into a submission's form."""
    lines = ["# Checklists", ""]
    for checklist, table in zip(CHECKLISTS, checklist_tables(records, judged), strict=True):
        whole = f"The whole questions: <https://{checklist.source}>."
        lines += [f"## {markdown(table.title)}", "", f"{markdown(table.note)} {whole}", ""]
        lines += [f"- **{markdown(i)}** {markdown(asked)}: {markdown(told)}" for i, asked, told in table.rows]
        lines.append("")
    return "\n".join(lines)
