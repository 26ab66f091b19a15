from __future__ import annotations

from pathlib import Path

import pytest
from cli_events import experiment

from hpo.cli.main import execute
from hpo.cli.spaces import asset_names
from hpo.config.experiment import Choices, Compare, DataSource, Fixed

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.mark.parametrize("command", ["run", "check"])
def test_what_is_not_cached_is_fetched_before_anything_else_is_shown(command, coordinator, capsys) -> None:
    coordinator.missing = ("movie", "wordnet")  # the space names movie, and no augmentation
    assert execute([command, "--space", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fetching movie"
    assert not any(text.startswith("Fetching") for text in lines[1:])


@pytest.mark.parametrize(
    "changed",
    [
        {"compare": Compare(parameter="augmentation", values=("none", "random_insertion"))},
        {"parameters": {"augmentation": Fixed(value="synonym_replacement")}},
        {"parameters": {"augmentation": Choices(choices=("none", "random_insertion"), default="none")}},
        {"baseline": {"augmentation": "synonym_replacement"}},
    ],
)
def test_an_augmentation_by_synonyms_names_wordnet_wherever_it_stands(changed) -> None:
    assert asset_names(experiment()) == ["movie", "minilm"]
    assert asset_names(experiment().model_copy(update=changed)) == ["movie", "minilm", "wordnet"]


def test_shift_sets_are_among_what_is_fetched() -> None:
    shift = {"amazon": DataSource(asset="amazon"), "a.csv": DataSource(path="/a.csv")}
    task = experiment().task.model_copy(update={"shift": shift})
    names = asset_names(experiment().model_copy(update={"task": task}))
    assert [name for name in names if name] == ["movie", "amazon", "minilm"]


def test_assets_lists_kind_size_licence_and_whether_cached(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    assert execute(["assets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "movie             data      2.5 MB  not cached" in lines
    at = lines.index("movie             data      2.5 MB  not cached")
    assert lines[at + 2] == "    licence: MIT (package); the texts are their authors'"
    assert max(map(len, lines)) <= 80


def test_fetch_knows_all_names_before_it_downloads_one(monkeypatch, capsys) -> None:
    fetched = []
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: fetched.append(name))
    assert execute(["fetch", "movie", "moovie"]) == 2
    assert fetched == []
    assert capsys.readouterr().err.endswith("hint: Did you mean `movie`?\n")


def test_fetch_prints_where_each_asset_lies(monkeypatch, capsys) -> None:
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: Path("/cache") / name)
    assert execute(["fetch", "movie", "wordnet"]) == 0
    assert capsys.readouterr().out == "movie: /cache/movie\nwordnet: /cache/wordnet\n"
