"""What a good space file becomes, and where it is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from space_texts import DATA, GOOD, MODELS, Faults, Load, parameters, replaced

from hpo.config.experiment import Choices, DataSource, Experiment, Fixed, Range
from hpo.config.space import find_space, load_space, shipped_spaces
from hpo.errors import UserError

# What a good file becomes


def test_a_good_file_becomes_an_experiment_named_after_the_file(load: Load) -> None:
    experiment = load(GOOD).experiment
    assert experiment.name == "s"
    assert experiment.question == "Which schedule?"
    assert experiment.task.data == DataSource(asset="movie")
    assert experiment.task.max_length == 128
    assert experiment.strategies() == ("linear", "wsd")
    assert experiment.reference() is None
    assert experiment.parameters["epochs"] == Fixed(value=2.0)
    assert experiment.parameters["learning_rate"] == Range(low=1e-5, high=1e-3, log=True, default=5e-5)
    assert experiment.budget.rungs == (50, 100)
    assert experiment.budget.sampler == "tpe"
    assert experiment.confirmation.seeds == 1
    assert experiment.baseline is None
    assert experiment.seed == 0


def test_an_experiment_survives_the_way_through_json(load: Load) -> None:
    extra = "  head_hidden_sizes: {choices: [[], [64, 32]]}\nbaseline: {head_hidden_sizes: [8], learning_rate: 1}\n"
    experiment = load(replaced("  epochs: 2\n", "  epochs: 2\n" + extra)).experiment
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


def test_one_replicate_is_confirmed_on_ten_seeds_where_the_file_says_nothing(load: Load) -> None:
    text = replaced("{trials: 4", "{replicates: 1, trials: 4")
    assert load(text).experiment.confirmation.seeds == 10
    assert load(text + "confirmation: {seeds: 6}\n").experiment.confirmation.seeds == 6


@pytest.mark.parametrize(
    ("written", "read"),
    [("1e-5", 1e-5), ("1E-5", 1e-5), ("1.e-5", 1e-5), (".00001", 1e-5), ("1", 1.0), ("0x10", 16.0)],
)
def test_every_way_to_write_a_number_is_a_number(load: Load, written: str, read: float) -> None:
    value = load(parameters(f"learning_rate: {written}")).experiment.parameters["learning_rate"]
    assert value == Fixed(value=read)
    assert isinstance(value, Fixed)
    assert isinstance(value.value, float)


def test_a_whole_number_may_be_written_with_an_exponent(load: Load) -> None:
    assert load(replaced("train: 100", "train: 1e2")).experiment.task.train == 100


def test_a_bare_list_is_fixed_for_a_list_parameter_alone(load: Load, faults: Faults) -> None:
    setting = load(parameters("head_hidden_sizes: [64, 32]")).experiment.parameters["head_hidden_sizes"]
    assert setting == Fixed(value=(64, 32))
    assert faults(parameters("dropout: [0.1, 0.2]")) == [
        (
            "6:12: parameters.dropout is a bare list; allowed: a number of at least 0 and below 1, or {choices: [...]}, "
            "or {low, high, log, step}; did you mean {choices: [0.1, 0.2]}?"
        )
    ]


@pytest.mark.parametrize(
    ("setting", "default"),
    [
        ("dropout: {low: 0, high: 0.5}", 0.1),  # the registry's own, which lies inside
        ("dropout: {low: 0.2, high: 0.5}", 0.35),  # the middle
        ("learning_rate: {low: 1e-4, high: 1e-2, log: true}", 1e-3),  # the geometric middle
        ("warmup_ratio: {low: 0.1, high: 0.5, step: 0.1}", 0.3),
        ("dropout: {low: 0.0, high: 0.5, step: 0.25}", 0.0),  # the registry's own on the nearest step
        ("frozen_layers: {low: 1, high: 6}", 4),
        ("frozen_layers: {low: 2, high: 8, step: 3}", 5),
        ("batch_size: {low: 1, high: 16, log: true}", 4),
        ("batch_size: {choices: [8, 32]}", 32),
        ("batch_size: {choices: [8, 16]}", 8),
        ("batch_size: {choices: [8, 16], default: 16}", 16),
        ("dropout: {low: 0.2, high: 0.5, default: 0.2}", 0.2),
    ],
)
def test_a_searched_parameter_has_a_default_within_it(load: Load, setting: str, default: float) -> None:
    [read] = load(parameters(setting)).experiment.parameters.values()
    assert isinstance(read, Choices | Range)
    assert read.default == default
    assert type(read.default) is type(default)


def test_a_range_of_a_whole_number_draws_whole_numbers(load: Load) -> None:
    settings = load(
        parameters("batch_size: {low: 8, high: 32}\nepochs: {low: 1, high: 3}")
    ).experiment.parameters
    assert [s.integer for s in settings.values() if isinstance(s, Range)] == [True, False]


def test_a_condition_may_name_one_value_or_several(load: Load) -> None:
    one = load(parameters("dropout: {low: 0, high: 0.5, when: {schedule: wsd}}"))
    several = load(parameters("dropout: {choices: [0, 0.5], when: {schedule: [wsd, linear]}}"))
    lists = load(
        parameters(
            """
            head_hidden_sizes: {choices: [[], [8], [16]]}
            dropout: {choices: [0, 0.5], when: {head_hidden_sizes: [[8], [16]]}}
            pooling: {choices: [cls, mean], when: {head_hidden_sizes: [8]}}
            """
        )
    ).experiment.parameters
    assert one.experiment.parameters["dropout"].when == {"schedule": ("wsd",)}  # type: ignore[union-attr]
    assert several.experiment.parameters["dropout"].when == {"schedule": ("wsd", "linear")}  # type: ignore[union-attr]
    assert lists["dropout"].when == {"head_hidden_sizes": ((8,), (16,))}  # type: ignore[union-attr]
    assert lists["pooling"].when == {"head_hidden_sizes": ((8,),)}  # type: ignore[union-attr]


def test_where_points_at_a_key_an_item_or_the_section_that_lacks_it(load: Load, tmp_path: Path) -> None:
    space = load(GOOD)
    file = tmp_path / "s.yaml"
    assert space.path == file
    assert space.text == GOOD
    assert space.where("parameters", "epochs") == f"{file}:7:3"
    assert space.where("compare", "values", 1) == f"{file}:4:49"
    assert space.where("parameters", "frozen_layers") == f"{file}:5:1"
    assert space.where("baseline") == f"{file}:1:1"


# Where data and model come from


def test_paths_are_sought_beside_the_file_and_in_the_current_folder(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "encoder").mkdir(parents=True)
    (tmp_path / "reviews.csv").write_text("text,label\n")
    monkeypatch.chdir(elsewhere)
    text = replaced("data: movie", "data: reviews.csv").replace("all-MiniLM-L6-v2", "encoder")
    experiment = load(text).experiment
    assert experiment.task.data == DataSource(path=str(tmp_path / "reviews.csv"))
    assert experiment.model == str(elsewhere / "encoder")


def test_columns_of_a_file_or_of_a_hub_data_set_are_named(load: Load, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("review,stars\n")
    file = replaced("data: movie", "data: {path: f.csv, text: review, label: stars, group: author}")
    hub = replaced("data: movie", "data: {hub: stanfordnlp/imdb, label: sentiment}")
    assert load(file).experiment.task.data == DataSource(
        path=str(tmp_path / "f.csv"), text="review", label="stars", group="author"
    )
    assert load(hub).experiment.task.data == DataSource(hub="stanfordnlp/imdb", label="sentiment")


def test_owner_and_name_are_an_id_of_the_hub(load: Load) -> None:
    text = replaced("data: movie", "data: stanfordnlp/imdb").replace(
        "all-MiniLM-L6-v2", "google/bert_uncased-2"
    )
    experiment = load(text).experiment
    assert experiment.task.data == DataSource(hub="stanfordnlp/imdb")
    assert experiment.model == "google/bert_uncased-2"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "movies",
            (
                "2:14: task.data is 'movies'; allowed: movie, amazon, bbc-news, an existing path, or owner/name of the "
                "Hugging Face hub; did you mean movie?"
            ),
        ),
        (
            "data/reviews.csv",
            (
                "2:14: task.data is 'data/reviews.csv'; allowed: movie, amazon, bbc-news, an existing path, or owner/name "
                "of the Hugging Face hub"
            ),
        ),
        (
            "{path: f.csv}",
            (
                "2:21: task.data.path 'f.csv' does not exist; allowed: an existing file or folder, sought beside this file "
                "and in the current folder"
            ),
        ),
        ("{hub: imdb}", "2:20: task.data.hub is 'imdb'; allowed: owner/name"),
        ("{text: review}", "2:14: task.data names no data; allowed: one of path and hub"),
        ('"\\0"', None),
        ("3", "2:14: task.data is 3; allowed: a text"),
    ],
)
def test_data_that_exist_nowhere_are_told(faults: Faults, data: str, message: str | None) -> None:
    found = faults(replaced("data: movie", f"data: {data}"))
    assert len(found) == 1
    assert message is None or found == [message]


def test_a_model_that_exists_nowhere_is_told_with_the_nearest_name(faults: Faults) -> None:
    assert faults(replaced("all-MiniLM-L6-v2", "all-MiniLM-L12")) == [
        (
            "3:8: model is 'all-MiniLM-L12'; allowed: all-MiniLM-L6-v2, an existing path, or owner/name of the Hugging "
            "Face hub; did you mean all-MiniLM-L6-v2?"
        )
    ]


# Finding it


@pytest.mark.parametrize("name", ["lr_schedules", "lr_schedules.yaml"])
def test_a_shipped_space_is_found_from_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_space(name) == shipped_spaces()["lr_schedules"]


def test_a_file_of_the_user_goes_before_a_shipped_one_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr_schedules.yaml").write_text(GOOD)
    assert find_space("lr_schedules.yaml") == Path("lr_schedules.yaml")
    assert load_space("lr_schedules.yaml", MODELS, DATA).experiment.question == "Which schedule?"


@pytest.mark.parametrize("name", ["lr_schedule", "x" * 5000, "a/lr_schedule.yaml"])
def test_a_space_that_does_not_exist_is_told_with_the_shipped_names(name: str) -> None:
    with pytest.raises(UserError) as error:
        find_space(name)
    guess = "; did you mean lr_schedules?" if name == "lr_schedule" else ""
    assert error.value.message.startswith(
        f"no space file {name}; shipped are {', '.join(sorted(shipped_spaces()))}{guess}"
    )
    assert error.value.hint == "Name a YAML file or a shipped space."
