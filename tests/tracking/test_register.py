"""Exported folders as versions of models in MLflow's registry."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from tracked_run import TABLE, Told, client, files, make_run, read, tell_all

from hpo.errors import UserError
from hpo.tracking.register import check_name, register
from hpo.tracking.uri import default_uri

NUMBER = count()
TAGS = {"hpo.strategy": "linear"}


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry") / "my results"


@pytest.fixture
def tracked(results: Path, tmp_path: Path) -> str:
    """An experiment with a finished run of its own."""
    name = f"registered{next(NUMBER)}"
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    return name


def folder(at: Path, weights: bytes) -> Path:
    at.mkdir()
    (at / "model.safetensors").write_bytes(weights)
    (at / "config.json").write_text("{}")
    return at


def content(results: Path, name: str, version: str) -> bytes:
    from urllib.parse import unquote, urlsplit

    place = client(results).get_model_version_download_uri(name, version)
    return (Path(unquote(urlsplit(place).path)) / "model.safetensors").read_bytes()


def test_a_folder_becomes_a_version_that_belongs_to_the_comparison(
    results: Path, tracked: str, tmp_path: Path
) -> None:
    model = folder(tmp_path / "model", b"weights")
    name = f"winner of {tracked}"
    assert register(default_uri(results), tracked, "run1", model, name, "It won.", TAGS) == "1"
    version = client(results).get_model_version(name, "1")
    assert version.run_id == read(results, tracked)["comparison"].info.run_id
    assert version.description == "It won."
    assert version.tags == TAGS
    assert content(results, name, "1") == b"weights"


def test_a_further_version_leaves_those_before_as_they_are(
    results: Path, tracked: str, tmp_path: Path
) -> None:
    uri, name = default_uri(results), f"winner of {tracked}"
    first, second = folder(tmp_path / "a", b"first"), folder(tmp_path / "b", b"second")
    numbers = [
        register(uri, tracked, "run1", model, name, "x" * 9000, TAGS) for model in (first, second, first)
    ]
    assert numbers == ["1", "2", "3"]
    assert [content(results, name, number) for number in numbers] == [b"first", b"second", b"first"]
    assert len(client(results).get_model_version(name, "1").description) == 5000


def test_what_mlflow_gives_back_is_the_folder(results: Path, tracked: str, tmp_path: Path) -> None:
    import mlflow

    uri, name = default_uri(results), f"winner of {tracked}"
    register(uri, tracked, "run1", folder(tmp_path / "model", b"weights"), name, "", TAGS)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        got = mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path / "got"))
    finally:
        mlflow.set_tracking_uri(before)
    assert (Path(got) / "model.safetensors").read_bytes() == b"weights"


def test_a_run_that_is_not_tracked_there_is_refused_and_nothing_is_made(
    results: Path, tracked: str, tmp_path: Path
) -> None:
    model = folder(tmp_path / "model", b"weights")
    for uri, run_id in ((default_uri(tmp_path / "nowhere"), "run1"), (default_uri(results), "another")):
        with pytest.raises(UserError, match="has no comparison of this run"):
            register(uri, tracked, run_id, model, "never", "", TAGS)
    assert not (tmp_path / "nowhere").exists()
    assert [m.name for m in client(results).search_registered_models() if m.name == "never"] == []


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "..", "-x", "x" * 300, "a\nb"])
def test_what_is_no_name_of_a_model_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="a model's name has"):
        check_name(name)
