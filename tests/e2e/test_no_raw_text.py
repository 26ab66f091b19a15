"""A word that stands in every text of the user's is nowhere in what a run leaves or says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.runs import hpo

MARKER = "xylotheque"
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
    """The tiny data set with the marker in each text."""
    header, *rows = tiny_data.read_text().splitlines()
    path = folder / "marked.csv"
    path.write_text("\n".join([header, *(f"{MARKER} {row}" for row in rows)]) + "\n")
    return path


def holding(folder: Path, word: str) -> list[str]:
    """Files below ``folder`` that have ``word`` in their name or content, in small letters or not."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if word.encode() in content.lower() or word in path.name.lower():
            found.append(str(path.relative_to(folder)))
    return found


def test_a_text_is_in_no_file_and_no_output_of_a_run(
    tiny_data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, work = tmp_path / "texts", tmp_path / "work"
    for folder in (texts, work, work / "tmp"):
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(work / "tmp"))
    data = marked(tiny_data, texts)
    (work / "small.yaml").write_text(SPACE.format(data=data, model=tiny_model))
    said = []
    for arguments in (
        ("check", "--space", "small.yaml"),
        ("run", "--space", "small.yaml", "--workers", "2"),
        ("status", "small"),
        ("report", "small", "--latex"),
        ("export-records", "small"),
        ("compare", "small"),
        ("verify", "small"),
        ("run", "--space", "small.yaml"),
    ):
        done = hpo(*arguments, cwd=work)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)
    data.write_text(data.read_text().replace("good", "superb"))
    (work / "results" / "small" / "records" / "finished").unlink()
    done = hpo("run", "--space", "small.yaml", cwd=work)
    assert done.returncode == 2, "other data under the same records"
    said.append(done.stdout + done.stderr)
    assert len(list((work / "results" / "small").rglob("*"))) > 50, "there is something to look through"
    assert holding(texts, MARKER) == ["marked.csv"], "it would be found"
    assert holding(work, MARKER) == []
    assert not [text for text in said if MARKER in text.lower()]
