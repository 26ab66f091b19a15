"""Models and data by their ids on the Hugging Face hub, as far as that goes without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.runs import hpo


def in_the_hubs_cache(model: Path, home: Path, name: str) -> None:
    """Lay ``model`` out as huggingface_hub does after a download."""
    repository = home / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    for path in model.iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())


def test_a_hub_id_names_a_model(
    tiny_model: Path, tiny_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_hubs_cache(tiny_model, tmp_path / "home", "someone/tiny-bert")
    space = tmp_path / "hub.yaml"
    space.write_text(tiny_space.read_text().replace(f"model: {tiny_model}", "model: someone/tiny-bert"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    done = hpo("check", "--space", str(space), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "hub someone/tiny-bert: 3 layers" in " ".join(done.stdout.split())


def test_a_hub_id_that_cannot_be_had_is_an_error_with_what_to_do(
    tiny_model: Path, tiny_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = tmp_path / "hub.yaml"
    space.write_text(tiny_space.read_text().replace(f"model: {tiny_model}", "model: someone/nothing"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    done = hpo("check", "--space", str(space), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {space}:3:1: model 'someone/nothing' cannot be loaded: ")
    assert done.stderr.splitlines()[-1].startswith("hint: Name a model of `hpo assets`")


def test_a_hub_id_names_data_which_the_library_datasets_reads(
    tiny_data: Path, tiny_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``load_dataset`` looks for the id in the working folder before it asks the hub."""
    (tmp_path / "someone" / "reviews").mkdir(parents=True)
    (tmp_path / "someone" / "reviews" / "train.csv").write_bytes(tiny_data.read_bytes())
    space = tmp_path / "hub.yaml"
    space.write_text(tiny_space.read_text().replace(f"path: {tiny_data}", "hub: someone/reviews"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    done = hpo("check", "--space", str(space), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = " ".join(done.stdout.split())
    assert "someone/reviews of the Hugging Face hub: 64 train, 40 validation, 60 test; 2 classes" in printed
