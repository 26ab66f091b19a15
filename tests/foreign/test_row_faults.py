"""Faults of a table or of its cells, each told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from sources import imported, records, search_csv, write_csv, write_jsonl

from hpo.errors import UserError
from hpo.foreign.values import whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strategy,val_score\na,0.5\nb,good\n", "line 3: 'val_score': found 'good'; a number is required"),
        ("strategy,val_score\na,0.5,1\n", "line 2: found 3 cells; the header has 2 columns"),
        ("strategy,val_score\n,0.5\n", "line 2: column 'strategy' is empty"),
        ("strategy,seed,val_score\na,x,0.5\n", "line 2: 'seed': found 'x'; a number is required"),
        ("strategy,seed,val_score\na,0.5,0.5\n", "line 2: 'seed': found '0.5'; a whole number is required"),
        ("strategy,state,val_score\na,lost,0.5\n", "line 2: found the state 'lost'; known are complete"),
        ("strategy,phase,val_score\na,lost,0.5\n", "line 2: found the phase 'lost'; known of a confirmation"),
        ("strategy,cost,val_score\na,-1,0.5\n", "line 2: 'cost': found -1; seconds are required"),
        ("strategy,strategy\na,0.5\n", "line 1: found the column 'strategy' twice"),
        ("strategy\na\n", "line 1: found 1 columns; a header of different names is required"),
        ("strategy,val_score\n", "holds no training"),
        ("strategy,result\na,0.5\n", "no column is known as a score; there are 'strategy', 'result'"),
        (
            "strategy,seed,test_score\na,1,0.5\na,1,0.6\n",
            "line 3: seed 1 tests 'a' a second time, after line 2",
        ),
        ("strategy,val_loss\na,0.5\n", "it does not say whether a high or a low 'loss' is better"),
        ('strategy,val_score\n"a,0.5\n', "line 2: unexpected end of data"),
    ],
)
def test_a_fault_of_a_file_is_told_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        records(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message or "rows.csv" in caught.value.message
    assert caught.value.hint.endswith(".")


def test_scores_that_are_no_shares_are_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ("strategy", "test_accuracy"), [("a", 0.5), ("b", 93.4)])
    assert records(path).run.metric.share is False
    with pytest.raises(UserError, match=r"line 3: found the score 93\.4; shares lie in 0 to 1") as caught:
        records(path, share=True)
    assert "--percent" in caught.value.hint
    with pytest.raises(UserError, match=r"found the score 193; percents lie in 0 to 100"):
        records(write_csv(tmp_path / "t.csv", ("strategy", "test_accuracy"), [("a", 193)]), percent=True)


def test_damaged_json_lines_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"strategy": "a", "test_score": 1}\n{"strategy"\n')
    with pytest.raises(UserError, match=r"rows\.jsonl, line 2 is no JSON"):
        records(path)
    path.write_text('{"strategy": "a", "test_score": 1}\n[1]\n')
    with pytest.raises(UserError, match=r"rows\.jsonl, line 2: found no JSON object"):
        records(path)


def test_sources_of_different_formats_are_refused(tmp_path: Path) -> None:
    first = search_csv(tmp_path / "a.csv")
    second = write_jsonl(tmp_path / "b.jsonl", [{"strategy": "a", "val_score": 1}])
    with pytest.raises(UserError, match=r"of different formats: .*a\.csv: csv, .*b\.jsonl: jsonl"):
        records(first, second)
    (tmp_path / "c").write_bytes(bytes(10))
    with pytest.raises(UserError, match="is of no known format"):
        records(tmp_path / "c")


def test_a_source_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = search_csv(tmp_path / "a.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"a\.csv is named twice"):
        records(path, "a.csv")


def test_a_password_goes_to_no_second_server() -> None:
    with pytest.raises(UserError, match="one of several servers is named with a user") as caught:
        imported("http://me:secret@one.example", "http://two.example")
    assert "secret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("text", ["\u00b2", "--5", "+-5", "3_5"])
def test_what_only_looks_like_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="a number is required"):
        whole(text, "line 2", "seed")
