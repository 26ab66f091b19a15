"""Texts without labels, from files of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpo.data.unlabelled import read_unlabelled
from hpo.errors import UserError


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def lines(folder: Path, *rows: object) -> Path:
    return file(folder, "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def test_a_column_of_a_csv_file_is_read_and_the_others_are_left(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", 'id,body\n1,"so, so"\n2,007\n')
    assert read_unlabelled(path, "text-classification", ["body"]).texts == ("so, so", "007")


def test_a_pair_is_read_from_two_columns(tmp_path: Path) -> None:
    path = lines(tmp_path, {"a": "one", "b": "two"})
    assert read_unlabelled(path, "pair", ["a", "b"]).texts == (("one", "two"),)


def test_words_are_given_or_found_in_the_text_with_their_places(tmp_path: Path) -> None:
    path = lines(tmp_path, {"text": ["New", "York", "."]}, {"text": "Ada's cat."}, {"text": "[sic] so"})
    found = read_unlabelled(path, "token-classification", ["text"])
    assert found.texts == (
        ("New", "York", "."),
        ("Ada", "'", "s", "cat", "."),
        ("[", "sic", "]", "so"),
    )
    assert found.places[0] is None
    assert found.places[1] == ((0, 3), (3, 4), (4, 5), (6, 9), (9, 10))
    quoted = file(tmp_path, "a.csv", 'text\n"[""New"", ""York""]"\n')
    assert read_unlabelled(quoted, "token-classification", ["text"]).texts == (("New", "York"),)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("text-classification", {"text": "  "}),
        ("text-classification", {"text": None}),
        ("pair", {"text": "one", "second_text": ""}),
        ("token-classification", {"text": []}),
        ("token-classification", {"text": ""}),
    ],
)
def test_an_empty_text_is_told_by_its_row(kind: str, row: dict[str, object], tmp_path: Path) -> None:
    path = lines(tmp_path, {"text": "fine", "second_text": "fine"}, row)
    columns = ["text", "second_text"] if kind == "pair" else ["text"]
    with pytest.raises(UserError, match="row 2: the text is empty"):
        read_unlabelled(path, kind, columns)


def test_a_missing_column_is_told_with_the_nearest(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", "id,texts\n1,secret words\n")
    with pytest.raises(UserError) as caught:
        read_unlabelled(path, "text-classification", ["text"])
    assert caught.value.message == f"{path}: no column `text`; its columns are `id`, `texts`"
    assert caught.value.hint.startswith("Name the column of the texts: `--text texts`")


def test_a_cell_that_is_no_text_is_told_without_its_content(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_unlabelled(lines(tmp_path, {"text": {"secret": "words"}}), "text-classification", ["text"])
    assert "row 1: the text is an object; a text is required" in caught.value.message
    assert "secret" not in caught.value.message
