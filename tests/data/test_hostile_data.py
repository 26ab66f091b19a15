"""Data files made to hang, to fill the memory or to end in a traceback: a value or a UserError comes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from hpo.config.experiment import DataSource, Kind
from hpo.data.corpus import Corpus, load_corpus
from hpo.data.entities import words_of
from hpo.data.scrubbing import scrub
from hpo.data.unlabelled import read_unlabelled
from hpo.errors import UserError
from hpo.json_text import DEEPEST, parse_json
from hpo.records.parquet import ALWAYS, MOST_TIMES

ENTITIES: Kind = "token-classification"
DEEP, LONG = "[" * 100_000, "[" + "9" * 5000 + "]"


def read(path: Path, content: bytes, kind: Kind = "text-classification") -> Corpus:
    path.write_bytes(content)
    return load_corpus(DataSource(path=str(path)), kind)


@pytest.mark.parametrize("cell", [DEEP, LONG], ids=["nested", "a number of 5000 digits"])
def test_json_in_a_cell_that_python_cannot_read_is_a_text(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "x.csv"
    with pytest.raises(UserError, match="row 1: the label is a text"):
        read(path, f'text,label\n"{cell}",x\n'.encode(), ENTITIES)
    found = read_unlabelled(path, ENTITIES, ["text"])
    assert "".join(found.texts[0]) == cell


def test_json_is_read_to_a_depth_and_no_deeper() -> None:
    assert parse_json("[" * DEEPEST + "]" * DEEPEST) == json.loads("[" * DEEPEST + "]" * DEEPEST)
    assert parse_json(json.dumps(["[" * 200])) == ["[" * 200]
    for text in ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), '{"a":' * 900 + "1" + "}" * 900, DEEP):
        for form in (text, text.encode()):
            with pytest.raises(ValueError, match="it nests too deeply"):
                parse_json(form)


def test_a_text_of_as_many_entities_as_words_is_read_without_a_look_at_each_for_each() -> None:
    """40,000 of them took 4 minutes, since every word was held against every entity."""
    count = 40_000
    words, spans = words_of("a " * count, [(2 * i, 2 * i + 1, "PER") for i in range(count)])
    assert words == ("a",) * count
    assert spans == tuple((i, i + 1, "PER") for i in range(count))


def test_a_parquet_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rows = 3 * ALWAYS // 2**20
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 2**20]))
    pyarrow.parquet.write_table(pa.table({"text": text, "label": ["a"] * rows}), path, store_schema=False)
    assert path.stat().st_size * MOST_TIMES < ALWAYS
    with pytest.raises(UserError) as caught:
        load_corpus(DataSource(path=str(path)))
    assert caught.value.message == f"{path} cannot be read as PARQUET: it unpacks to far more than its size"


def test_a_parquet_file_of_many_batches_is_read_as_pyarrow_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    columns = {"text": [f"t{i}" for i in range(1000)], "label": [["a"] if i % 2 else [] for i in range(1000)]}
    pyarrow.parquet.write_table(pa.table(columns), path)
    corpus = load_corpus(DataSource(path=str(path)), "multi-label")
    assert corpus.texts == tuple(columns["text"])
    assert corpus.labels[:, 0].tolist() == [i % 2 for i in range(1000)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1",
        b"PAR1" + b"\xff" * 100 + b"\xff\xff\xff\x7fPAR1",
        b"PAR1\x15\x00\x00\x00\x00\x04\x00\x00\x00PAR1",
    ],
)
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserError, match="cannot be read as PARQUET"):
        read(tmp_path / "x.parquet", content)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, name: str) -> None:
    """A pipe would be waited for without end, a device read without end."""
    os.mkfifo(tmp_path / name)
    (tmp_path / "link.csv").symlink_to("/dev/zero")
    for path in (tmp_path / name, tmp_path / "link.csv"):
        with pytest.raises(UserError, match="no such file or folder"):
            load_corpus(DataSource(path=str(path)))
        with pytest.raises(UserError, match="no such file or folder"):
            read_unlabelled(path, "text-classification", ["text"])


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.",
        "a@",
        "a@b.",
        "@",
        "a-",
        "0 ",
        "0(",
        "+1 ",
        "(0",
        "1-",
        "4111 ",
        "4111-1111-",
        "3",
        "1.1.",
        "()/-. ",
    ],
)
def test_scrubbing_takes_no_more_than_linear_time_whatever_the_text(piece: str) -> None:
    """A quadratic expression would be at these for hours."""
    text = piece * (400_000 // len(piece)) + "\x00"
    for changed in (scrub(text), scrub(f"@{text}"), scrub(f"{text[:1000]}@{text}")):
        assert changed.endswith("\x00")
