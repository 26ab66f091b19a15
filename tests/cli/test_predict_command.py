from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_export_command import ORIGIN

from hpo.cli.main import execute
from hpo.records.origin import Origin, write_origin
from hpo.runtime.prediction import Entity, Prediction


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("texts.csv").write_text("body,text\nsecret words,a\nmore of them,b\n")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the model: ``predictions`` is what it says."""
    fake = SimpleNamespace(predictions=[], cut=0, given=[])

    class Predictor:
        def __init__(self, folder: Path, device: str | None) -> None: ...

        def count_cut(self, given: Any) -> int:
            return int(fake.cut)

        def predict(self, given: Any) -> list[Prediction]:
            fake.given.append(given.texts)
            return list(fake.predictions)

    monkeypatch.setattr("hpo.runtime.prediction.Predictor", Predictor)
    return fake


def exported(**changes: Any) -> str:
    folder = Path("model")
    folder.mkdir()
    write_origin(folder, Origin.model_validate(ORIGIN | changes))
    return str(folder)


def test_each_text_has_a_row_with_its_label_and_no_text(model: SimpleNamespace, capsys) -> None:
    model.predictions = [Prediction({"positive": 0.91418}), Prediction({"=1+1": 0.5})]
    assert execute(["predict", exported(text="body"), "texts.csv"]) == 0
    assert model.given == [("secret words", "more of them")]
    captured = capsys.readouterr()
    assert captured.out == "row,label,probability\n1,positive,0.9142\n2,'=1+1,0.5000\n"
    assert captured.err == ""


def test_texts_are_scrubbed_as_those_of_the_training_were(model: SimpleNamespace, capsys) -> None:
    Path("texts.csv").write_text("text\nwrite to a.b@example.org\n")
    model.predictions = [Prediction({"positive": 0.9})]
    assert execute(["predict", exported(scrub=True), "texts.csv"]) == 0
    assert model.given == [("write to [EMAIL]",)]
    assert "example" not in capsys.readouterr().out


def test_another_column_and_another_place_are_asked_for(model: SimpleNamespace, capsys) -> None:
    model.predictions = [Prediction({"good": 0.9}), Prediction({"bad": 0.8})]
    model.cut = 1
    command = ["predict", exported(), "texts.csv", "--text", "body", "--to", "found.csv"]
    assert execute(command) == 0
    captured = capsys.readouterr()
    assert captured.out == "predictions: found.csv: 2 texts\n"
    assert captured.err == "note: 1 text of 2 had more than 64 tokens, and were read up to there\n"
    assert Path("found.csv").read_text() == "row,label,probability\n1,good,0.9000\n2,bad,0.8000\n"


def test_label_sets_have_the_likely_labels_and_the_probability_of_each(
    model: SimpleNamespace, capsys
) -> None:
    model.predictions = [Prediction({"a": 0.75, "b, c": 0.5001}), Prediction({"a": 0.1, "b, c": 0.5})]
    assert execute(["predict", exported(kind="multi-label"), "texts.csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [json.loads(row["labels"]) for row in rows] == [["a", "b, c"], []]
    assert json.loads(rows[1]["probabilities"]) == {"a": 0.1, "b, c": 0.5}


def test_entities_have_their_place(model: SimpleNamespace, capsys) -> None:
    model.predictions = [Prediction({}, (Entity(0, 6, "MISC", 0.98765),)), Prediction({})]
    assert execute(["predict", exported(kind="token-classification"), "texts.csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert json.loads(rows[0]["entities"]) == [{"start": 0, "end": 6, "label": "MISC", "probability": 0.9877}]
    assert rows[1] == {"row": "2", "entities": "[]"}


def test_a_folder_that_no_export_wrote_is_refused(model: SimpleNamespace, capsys) -> None:
    Path("mine").mkdir()
    assert execute(["predict", "mine", "texts.csv"]) == 2
    assert capsys.readouterr().err == (
        "error: mine holds no exported model: there is no hpo.json in it\n"
        "hint: Name a folder that `hpo export` wrote.\n"
    )
