"""A word of every text of the user's, and with `--redact` the names of classes, are nowhere in what a run leaves or says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from hpo.cli.main import execute
from tests.e2e.runs import hpo

MARKER, CLASS = "xylotheque", "quincunx"
SPACE = """\
question: Which schedule, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant]}}
parameters:
  learning_rate: {{choices: [3e-3, 1e30]}}
  frozen_layers: {{choices: [0, 2]}}
  augmentation: random_swap
  batch_size: 16
  epochs: 2
budget: {{replicates: 1, trials: 4, rungs: [64]}}
"""


def marked(tiny_data: Path, folder: Path) -> Path:
    """The tiny data set with a marker in each text and another in each label."""
    header, *rows = tiny_data.read_text().splitlines()
    path = folder / "marked.csv"
    marked_rows = (f"{MARKER} {row}".replace(",", f",{CLASS} ") for row in rows)
    path.write_text("\n".join([header, *marked_rows]) + "\n")
    return path


def holding(folder: Path, word: str) -> list[str]:
    """Files below ``folder`` that have ``word`` in their name or content, in small letters or not."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if word.encode() in content.lower() or word in path.name.lower():
            found.append(str(path.relative_to(folder)))
    return found


def test_a_text_and_a_class_are_in_no_file_and_no_output_of_a_redacted_run(
    tiny_data: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    texts, work = tmp_path / "texts", tmp_path / "work"
    for folder in (texts, work, work / "tmp"):
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(work / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)  # it is read again
    monkeypatch.chdir(work)
    data = marked(tiny_data, texts)
    (work / "small.yaml").write_text(SPACE.format(data=data, model=tiny_model))
    done = hpo(
        "run", "--space", "small.yaml", "--workers", "2", "--redact", cwd=work
    )  # with all that its workers say
    assert done.returncode == 0, done.stderr
    for arguments in (
        ("check", "--space", "small.yaml"),
        ("status", "small"),
        ("report", "small", "--latex"),
        ("export-records", "small"),
        ("compare", "small"),
        ("verify", "small"),
        ("run", "--space", "small.yaml"),
    ):
        assert execute(list(arguments)) == 0, capfd.readouterr()
    data.write_text(data.read_text().replace("good", "superb"))
    (work / "results" / "small" / "records" / "finished").unlink()
    assert execute(["run", "--space", "small.yaml"]) == 2, "other data under the same records"
    said = "".join((done.stdout, done.stderr, *capfd.readouterr()))
    assert "small.yaml" in said, "what was said is looked through"
    assert len(list((work / "results" / "small").rglob("*"))) > 50, "there is something to look through"
    for word in (MARKER, CLASS):
        assert holding(texts, word) == ["marked.csv"], "it would be found"
        assert holding(work, word) == []
        assert word not in said.lower()
    assert holding(work / "results" / "small" / "records", "class 2") == ["run.json"]
