"""Whatever is wrong with a file, the message names the place and never the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpo.config.experiment import DataSource, Kind, Task
from hpo.data.task_data import load_task
from hpo.errors import UserError

MARKER = "xylotheque"
TEXT = f"a {MARKER} of quiet power and great charm"
GOOD = [(f"{TEXT} {number}", ("bad", "good")[number % 2]) for number in range(40)]
CSV = "text,label\n" + "".join(f"{text},{label}\n" for text, label in GOOD)
WORDS = json.dumps(TEXT.split())


def jsonl(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


FILES: dict[str, tuple[str, str | bytes, Kind]] = {
    "no header": ("a.csv", CSV.partition("\n")[2], "text-classification"),
    "no header, other columns": ("a.csv", f"{TEXT},more of it\n{TEXT} again,x\n", "text-classification"),
    "too many cells": ("a.csv", f"{CSV}{TEXT},{TEXT},good\n", "text-classification"),
    "an open quote": ("a.csv", f'{CSV}"{TEXT},good\n', "text-classification"),
    "no label": ("a.csv", f"{CSV}{TEXT},\n", "text-classification"),
    "an empty text": ("a.csv", f"{CSV},{MARKER}\n", "text-classification"),
    "texts as labels": ("a.csv", "label,text\n" + CSV.partition("\n")[2], "text-classification"),
    "one long label": (
        "a.csv",
        "label,text\n" + "".join(f"{TEXT},x {n}\n" for n in range(40)),
        "text-classification",
    ),
    "too few texts": ("a.csv", "\n".join(CSV.splitlines()[:9]), "text-classification"),
    "not UTF-8": ("a.csv", CSV.encode() + f"{TEXT} caf\xe9,good\n".encode("latin-1"), "text-classification"),
    "half a surrogate pair": (
        "a.jsonl",
        '{"text": "' + TEXT + ' \\ud800", "label": "good"}\n',
        "text-classification",
    ),
    "broken JSON": ("a.json", f'[{{"text": "{TEXT}", "label": }}]', "text-classification"),
    "a broken line": ("a.jsonl", f'{{"text": "{TEXT}\n', "text-classification"),
    "no object": ("a.jsonl", jsonl([TEXT]), "text-classification"),
    "an object for a text": ("a.jsonl", jsonl({"text": {"of": TEXT}, "label": "x"}), "text-classification"),
    "an object for a label": ("a.jsonl", jsonl({"text": TEXT, "label": {"of": TEXT}}), "text-classification"),
    "no Parquet": ("a.parquet", CSV, "text-classification"),
    "a list for a pair": (
        "a.jsonl",
        jsonl({"text": TEXT, "second_text": [TEXT], "label": "x"}),
        "pair",
    ),
    "no list of labels": ("a.jsonl", jsonl({"text": TEXT, "label": {"of": TEXT}}), "multi-label"),
    "a word without a tag": ("a.conll", f"{MARKER}\n", "token-classification"),
    "a tag that is none": ("a.conll", f"one {MARKER}\n", "token-classification"),
    "fewer tags than words": (
        "a.jsonl",
        jsonl({"text": TEXT.split(), "label": ["O"]}),
        "token-classification",
    ),
    "tags that are words": (
        "a.jsonl",
        jsonl({"text": TEXT.split(), "label": TEXT.split()}),
        "token-classification",
    ),
    "an entity outside": (
        "a.jsonl",
        jsonl({"text": TEXT, "label": [{"start": 500, "end": 510, "label": "PER"}]}),
        "token-classification",
    ),
    "no entity": ("a.jsonl", jsonl({"text": TEXT, "label": [TEXT]}), "token-classification"),
}


@pytest.mark.parametrize(("name", "content", "kind"), FILES.values(), ids=FILES)
def test_no_text_is_in_the_message(tmp_path: Path, name: str, content: str | bytes, kind: Kind) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    task = Task(kind=kind, data=DataSource(path=str(path)), train=20, validation=8, test=8)
    with pytest.raises(UserError) as caught:
        load_task(task, seed=0)
    told = f"{caught.value.message}\n{caught.value.hint}"
    assert str(path) in told, "it says where"
    assert MARKER not in told


def test_the_columns_that_there_are_have_their_names_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("txt,label,date of entry\nx,y,z\n")
    task = Task(data=DataSource(path=str(path)), train=1, validation=2, test=2)
    with pytest.raises(UserError) as caught:
        load_task(task, seed=0)
    assert caught.value.message.endswith("its columns are `txt`, `label`, `date of entry`")
    assert caught.value.hint == "Set `text: txt` under `data`."
