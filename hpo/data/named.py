"""Readers of the catalogue's data sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hpo.assets.catalogue import Asset
from hpo.config.experiment import Kind
from hpo.data.conll import read_conll
from hpo.data.tables import Reading, Table

NEUTRAL_BELOW = 0.5  # a mean rating nearer to zero has no clear sign

SENTIMENT_FILES = {
    "movie": "movieReviewSnippets_GroundTruth.txt",
    "amazon": "amazonReviewSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
    "nyt": "nytEditorialSnippets_GroundTruth.txt",
}
GROUPED = ("amazon", "nyt")
CONLL_2003 = "conll-2003"
CONLL_FILES = {"train": "train.txt", "validation": "valid.txt", "test": "test.txt"}
PRIVACY_QA = "privacy-qa"


def kinds_of(name: str) -> tuple[Kind, ...]:
    """Kinds of tasks that the labels of the data set ``name`` do for, its own first."""
    if name == CONLL_2003:
        return "token-classification", "multi-label"
    return ("pair",) if name == PRIVACY_QA else ("text-classification", "sentiment")


def read_named(asset: Asset, folder: Path, kind: Kind) -> Reading:
    """Read the data set ``asset``, whose files lie in ``folder``, for a task of one of its kinds."""
    if asset.name in SENTIMENT_FILES:
        table = read_sentiment(folder / SENTIMENT_FILES[asset.name], grouped=asset.name in GROUPED)
    elif asset.name == CONLL_2003:
        tables = {split: read_conll(folder / file) for split, file in CONLL_FILES.items()}
        if kind == "multi-label":
            tables = {split: with_types(table) for split, table in tables.items()}
        return _reading(asset, tables)
    elif asset.name == PRIVACY_QA:
        table = read_privacy_qa(folder / "test.jsonl")
    else:
        table = read_class_folders(folder, asset.name)
    return _reading(asset, {"": table})


def _reading(asset: Asset, tables: Mapping[str, Table]) -> Reading:
    source = f"{asset.name}: {asset.source}; from {asset.package} {asset.version}"
    return Reading(tables=tables, source=source, licence=asset.licence)


def read_sentiment(path: Path, *, grouped: bool) -> Table:
    """Read VADER's ratings: a row is id, mean of at least 20 raters on -4..4, text, between tabs.

    The class is the sign of a mean of at least 0.5 on either side (Hutto and Gilbert 2014); the rest is left out.
    With ``grouped`` the id is ``document_sentence`` and the document is the group.
    """
    with path.open(encoding="utf-8") as file:
        rows = [line.split("\t", 2) for line in file]
    clear = [(number, float(mean), text.strip()) for number, mean, text in rows if _is_clear(mean, text)]
    return Table(
        where=path.name,
        texts=[text for _, _, text in clear],
        labels=["positive" if mean > 0 else "negative" for _, mean, _ in clear],
        groups=[number.split("_")[0] for number, _, _ in clear] if grouped else None,
    )


def _is_clear(mean: str, text: str) -> bool:
    return abs(float(mean)) >= NEUTRAL_BELOW and bool(text.strip())


def with_types(table: Table) -> Table:
    """Sentences and their entities as texts, words with blanks between them, and sets of the entities' types."""
    return Table(
        where=table.where,
        texts=[" ".join(words or ()) for words in table.texts],
        labels=[frozenset(span[2] for span in spans or ()) for spans in table.labels],
        groups=table.groups,
    )


def read_privacy_qa(path: Path) -> Table:
    """Read questions about privacy policies, each with clauses of the policy. A question is a group.

    A row is an object of ``question``, ``context`` (the clause) and ``answer``: "True" where the clause bears on the
    question in the judgement of lawyers (Ravichander et al. 2019, section 3).
    """
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return Table(
        where=path.name,
        texts=[(row["question"].strip(), row["context"].strip()) for row in rows],
        labels=["relevant" if row["answer"] == "True" else "irrelevant" for row in rows],
        groups=[row["question"].strip() for row in rows],
    )


def read_class_folders(folder: Path, where: str) -> Table:
    """Read ``<class>/*.txt``, one text a file."""
    paths = sorted(folder.glob("*/*.txt"))
    return Table(
        where=where,
        texts=[_decode(path.read_bytes()).strip() for path in paths],
        labels=[path.parent.name for path in paths],
    )


def _decode(content: bytes) -> str:
    """UTF-8 where it is, else Latin-1: a few articles have a lone pound sign."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
