"""The space file: what a good one becomes, and that each fault is told with its place, to the letter."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.config.experiment import Choices, DataSource, Experiment, Fixed, Range
from hpo.config.space import Space, SpaceFileError, find_space, load_space, shipped_spaces
from hpo.errors import UserError

MODELS = ("all-MiniLM-L6-v2",)
DATA = ("movie", "amazon", "bbc-news")

GOOD = """\
question: Which schedule?
task: {data: movie, train: 100, validation: 50, test: 50}
model: all-MiniLM-L6-v2
compare: {parameter: schedule, values: [linear, wsd]}
parameters:
  learning_rate: {low: 1e-5, high: 1e-3, log: true}
  epochs: 2
budget: {trials: 4, rungs: [50, 100]}
"""

Load = Callable[[str], Space]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(text: str) -> Space:
        path = tmp_path / "s.yaml"
        path.write_text(text, encoding="utf-8")
        return load_space(str(path), MODELS, DATA)

    return write_and_load


@pytest.fixture
def faults(load: Load, tmp_path: Path) -> Callable[[str], list[str]]:
    """The lines of the error, without the file's name in front; an empty list where the text is a good file."""

    def tell(text: str) -> list[str]:
        try:
            load(text)
        except SpaceFileError as error:
            prefix = f"{tmp_path / 's.yaml'}:"
            lines = error.message.splitlines()
            assert all(line.startswith(prefix) for line in lines)
            return [line.removeprefix(prefix) for line in lines]
        return []

    return tell


Faults = Callable[[str], list[str]]


def parameters(text: str) -> str:
    """The good file with these lines as its parameters, which start in line 6."""
    start, end = GOOD.index("  learning_rate"), GOOD.index("budget:")
    return GOOD[:start] + textwrap.indent(textwrap.dedent(text).strip("\n"), "  ") + "\n" + GOOD[end:]


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


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
    assert load(text + "confirmation: {seeds: 3}\n").experiment.confirmation.seeds == 3


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


# The file as YAML


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: an empty file; allowed: a space file; `hpo schema` describes it"),
        ("# nothing\n", "1:1: an empty file; allowed: a space file; `hpo schema` describes it"),
        (
            "a: [1\nb: 2",
            "2:2: broken YAML: expected ',' or ']', but got ':' while parsing a flow sequence; allowed: YAML 1.2",
        ),
        ("a: b: c", "1:5: broken YAML: mapping values are not allowed here; allowed: YAML 1.2"),
        (
            "--- a\n--- b\n",
            "2:1: broken YAML: but found another document expected a single document in the stream; allowed: YAML 1.2",
        ),
        (
            "a: 1\nb: \x07",
            "2:4: broken YAML: unacceptable character #x0007: special characters are not allowed; allowed: YAML 1.2",
        ),
        ("a: *b\n", "1:4: broken YAML: found undefined alias 'b'; allowed: YAML 1.2"),
        ("a: &b [*b]\n", "1:4: an alias inside the value that it names; allowed: aliases of finished values"),
        ("%YAML 1.1\n---\na: 1", "1:1: the YAML directive %YAML; allowed: YAML 1.2 without directives"),
        (
            "question: !!python/object:os.system x",
            ("1:11: the YAML tag !!python/object:os.system; allowed: plain values without a tag"),
        ),
        ("question: !mine x", "1:11: the YAML tag !mine; allowed: plain values without a tag"),
        ("? [a]\n: 1\n", "1:3: a list or mapping as a key; allowed: a word as a key"),
        (
            "[" * 5000,
            "1:1: lists or mappings nested too deeply; allowed: the levels that the documentation shows",
        ),
        (
            "- question\n",
            (
                "1:1: the file is ['question']; allowed: a mapping of question, task, model, compare, parameters, "
                "baseline, budget, confirmation, seed"
            ),
        ),
    ],
)
def test_what_is_no_plain_yaml_mapping_is_told_with_its_place(
    faults: Faults, text: str, message: str
) -> None:
    assert faults(text) == [message]


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"question: a\nmodel: \xff\n")
    with pytest.raises(SpaceFileError) as error:
        load_space(str(path), MODELS, DATA)
    assert error.value.message == f"{path}:2:1: a byte that is not UTF-8; allowed: text in UTF-8"


def test_nested_aliases_are_stopped_before_they_multiply(faults: Faults) -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 40)
    )
    [message] = faults(laughs)
    assert message.endswith(": too many values, with those that aliases repeat; allowed: at most 10000")


def test_an_alias_stands_for_its_value(load: Load) -> None:
    text = parameters("learning_rate: {choices: &few [1, 2]}\nweight_decay: {choices: *few}")
    settings = load(text).experiment.parameters
    assert settings["weight_decay"].choices == settings["learning_rate"].choices == (1.0, 2.0)  # type: ignore[union-attr]


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_space(str(path), MODELS, DATA).experiment.question == "Which schedule?"


# Keys and types


def test_a_key_that_stands_twice_is_told(faults: Faults) -> None:
    assert faults(GOOD + "question: again\n") == [
        "9:1: key 'question' a second time; allowed: once (line 1 has it)"
    ]


def test_a_misspelt_key_is_told_once_and_not_as_missing_too(faults: Faults) -> None:
    assert faults(replaced("task:", "tsak:")) == [
        (
            "2:1: unknown key 'tsak'; allowed: question, task, model, compare, parameters, baseline, budget, "
            "confirmation, seed; did you mean task?"
        )
    ]
    assert faults(replaced("trials: 4", "trails: 4")) == [
        (
            "8:10: unknown key 'trails' in budget; allowed: replicates, trials, rungs, sampler, startup_trials, pruner, "
            "reduction_factor; did you mean trials?"
        )
    ]


def test_missing_and_empty_keys_are_told_at_their_section(faults: Faults) -> None:
    text = "question:\ntask: {data: movie, validation: 50, test: 50}\nparameters: {learning_rate: }\nbudget: {}\n"
    assert faults(text) == [
        "1:1: missing key 'model'; allowed: a text",
        "1:1: question is empty; allowed: a text",
        "2:1: missing key 'train' in task; allowed: a whole number of at least 1",
        "3:14: parameters.learning_rate is empty; allowed: a number above 0",
        "4:1: missing key 'trials' in budget; allowed: a whole number of at least 1",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train: 100", 'train: "100"', "2:28: task.train is '100'; allowed: a whole number of at least 1"),
        ("train: 100", "train: true", "2:28: task.train is true; allowed: a whole number of at least 1"),
        ("train: 100", "train: 1.5", "2:28: task.train is 1.5; allowed: a whole number of at least 1"),
        ("train: 100", "train: 0", "2:28: task.train is 0; allowed: a whole number of at least 1"),
        ("train: 100", "train: .inf", "2:28: task.train is inf; allowed: a whole number of at least 1"),
        ("train: 100", "train: [1]", "2:28: task.train is [1]; allowed: a whole number of at least 1"),
        ("Which schedule?", "3", "1:11: question is 3; allowed: a text"),
        ("epochs: 2", "epochs: three", "7:11: parameters.epochs is 'three'; allowed: a number above 0"),
        ("epochs: 2", "epochs: .nan", "7:11: parameters.epochs is nan; allowed: a number above 0"),
        (
            "epochs: 2",
            "dropout: 1",
            "7:12: parameters.dropout is 1; allowed: a number of at least 0 and below 1",
        ),
        (
            "epochs: 2",
            "optimizer: adamm",
            ("7:14: parameters.optimizer is 'adamm'; allowed: adamw, adam, sgd; did you mean adam?"),
        ),
        (
            "epochs: 2",
            "head_hidden_sizes: [64, 0]",
            ("7:27: parameters.head_hidden_sizes[1] is 0; allowed: a whole number of at least 1"),
        ),
        (
            "epochs: 2",
            "head_hidden_sizes: 64",
            ("7:22: parameters.head_hidden_sizes is 64; allowed: a list, each a whole number of at least 1"),
        ),
        (
            "rungs: [50, 100]",
            "rungs: [50, x]",
            "8:33: budget.rungs[1] is 'x'; allowed: a whole number of at least 1",
        ),
        (
            "rungs: [50, 100]",
            "sampler: tp, rungs: [50]",
            ("8:30: budget.sampler is 'tp'; allowed: tpe, random, qmc, gp, grid; did you mean tpe?"),
        ),
        (
            "rungs: [50, 100]",
            "rungs: [50], startup_trials: 0",
            ("8:50: budget.startup_trials is 0; allowed: a whole number of at least 1"),
        ),
    ],
)
def test_a_value_of_another_type_or_beyond_its_bounds_is_told(
    faults: Faults, old: str, new: str, message: str
) -> None:
    assert faults(replaced(old, new)) == [message]


# Settings


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "dropout: {low: 0.5, high: 0.1}",
            "6:18: parameters.dropout.low is 0.5; allowed: less than high, which is 0.1",
        ),
        (
            "dropout: {low: 0.1, high: 0.1}",
            "6:18: parameters.dropout.low is 0.1; allowed: less than high, which is 0.1",
        ),
        (
            "dropout: {low: 0, high: 0.1, log: true}",
            ("6:18: parameters.dropout.low is 0 with log: true; allowed: a number above 0"),
        ),
        ("dropout: {low: 0, high: 0.1, log: 1}", "6:37: parameters.dropout.log is 1; allowed: true or false"),
        (
            "dropout: {low: 0, high: 1}",
            "6:27: parameters.dropout.high is 1; allowed: a number of at least 0 and below 1",
        ),
        (
            "dropout: {low: 0, high: 0.5, step: 0.2}",
            ("6:38: parameters.dropout.step is 0.2; allowed: a step that divides high - low, which is 0.5"),
        ),
        (
            "dropout: {low: 0, high: 0.5, step: 0.6}",
            ("6:38: parameters.dropout.step is 0.6; allowed: a step that divides high - low, which is 0.5"),
        ),
        (
            "dropout: {low: 0, high: 0.5, step: 0}",
            "6:38: parameters.dropout.step is 0; allowed: a number above 0",
        ),
        (
            "dropout: {low: 0.1, high: 0.5, step: 0.1, log: true}",
            ("6:40: parameters.dropout.step is 0.1 with log: true; allowed: one of the two"),
        ),
        (
            "dropout: {low: 0, high: 0.5, default: 0.6}",
            ("6:41: parameters.dropout.default is 0.6; allowed: a number from 0 to 0.5"),
        ),
        (
            "dropout: {low: 0, high: 0.4, step: 0.2, default: 0.3}",
            ("6:52: parameters.dropout.default is 0.3; allowed: 0 and whole steps of 0.2 above it"),
        ),
        (
            "batch_size: {low: 8, high: 16.5}",
            ("6:30: parameters.batch_size.high is 16.5; allowed: a whole number of at least 1"),
        ),
        (
            "dropout: {low: 0}",
            ("6:3: missing key 'high' in parameters.dropout; allowed: a number of at least 0 and below 1"),
        ),
        (
            "dropout: {low: 0, high: 0.5, lgo: true}",
            (
                "6:32: unknown key 'lgo' in parameters.dropout; allowed: low, high, "
                "log, step, default, when; did you mean log?"
            ),
        ),
        (
            "dropout: {chocies: [0, 0.1]}",
            (
                "6:13: unknown key 'chocies' in parameters.dropout; allowed: choices, default, "
                "when; did you mean choices?"
            ),
        ),
        (
            "dropout: {choices: []}",
            (
                "6:22: parameters.dropout.choices is []; allowed: a list, each a number of at least 0 "
                "and below 1"
            ),
        ),
        (
            "dropout: {choices: [0, 0.1, 0.0]}",
            ("6:31: parameters.dropout.choices[2] is 0 a second time; allowed: distinct values"),
        ),
        (
            "pooling: {choices: [cls, mena]}",
            ("6:28: parameters.pooling.choices[1] is 'mena'; allowed: cls, mean; did you mean mean?"),
        ),
        (
            "pooling: {choices: [cls], default: mean}",
            "6:38: parameters.pooling.default is mean; allowed: cls",
        ),
        ("pooling: {low: cls, high: mean, choices: [cls]}", None),
        (
            "learnin_rate: 1",
            (
                "6:3: unknown key 'learnin_rate' in parameters; allowed: learning_rate, schedule, "
                "schedule_cycles, schedule_power, schedule_decay_ratio, warmup_ratio, optimizer, weight_decay, momentum, "
                "gradient_clip, batch_size, epochs, dropout, frozen_layers, head_hidden_sizes, pooling, augmentation, "
                "augmentation_strength, augmentation_variants; did you mean learning_rate?"
            ),
        ),
    ],
)
def test_a_setting_that_cannot_be_searched_is_told(faults: Faults, setting: str, message: str | None) -> None:
    found = faults(parameters(setting))
    assert found == [message] if message else len(found) == 2


def test_a_misspelt_parameter_is_not_taken_for_its_default(faults: Faults) -> None:
    found = faults(parameters("augmentatoin: random_swap\naugmentation_strength: 0.2"))
    assert [line.split(";")[0] for line in found] == ["6:3: unknown key 'augmentatoin' in parameters"]


# Conditions and effects


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "dropout: {choices: [0, 0.1], when: {shedule: wsd}}",
            (
                "6:39: unknown key 'shedule' in parameters.dropout.when; "
                "allowed: learning_rate, schedule, schedule_cycles, schedule_power, schedule_decay_ratio, warmup_ratio, "
                "optimizer, weight_decay, momentum, gradient_clip, batch_size, epochs, dropout, frozen_layers, "
                "head_hidden_sizes, pooling, augmentation, augmentation_strength, augmentation_variants; did you mean schedule?"
            ),
        ),
        (
            "dropout: {choices: [0, 0.1], when: {schedule: wds}}",
            (
                "6:49: parameters.dropout.when.schedule is 'wds'; "
                "allowed: constant, linear, cosine, cosine_with_restarts, polynomial, inverse_sqrt, wsd; did you mean wsd?"
            ),
        ),
        (
            "dropout: {choices: [0, 0.1], when: {schedule: cosine}}",
            (
                "6:39: parameters.dropout never exists, as schedule "
                "is never cosine; allowed: what schedule can be, linear, wsd"
            ),
        ),
        (
            "epochs: {low: 1, high: 2}\ndropout: {choices: [0, 0.1], when: {epochs: 3}}",
            (
                "7:39: parameters.dropout never "
                "exists, as epochs is never 3; allowed: what epochs can be, 1 to 2"
            ),
        ),
        (
            "dropout: {choices: [0, 0.1], when: {dropout: 0.1}}",
            (
                "6:39: parameters.dropout.when goes round: dropout needs "
                "dropout; allowed: conditions that end at a parameter without one"
            ),
        ),
        (
            "augmentation: {choices: [none, random_swap], when: {augmentation_strength: 0.1}}\naugmentation_strength: 0.1",
            (
                "6:55: parameters.augmentation.when goes round: augmentation needs augmentation_strength needs augmentation; "
                "allowed: conditions that end at a parameter without one"
            ),
        ),
        (
            "schedule_cycles: 2",
            (
                "6:3: parameters.schedule_cycles has no effect, as schedule is only linear, wsd; allowed: "
                "schedule_cycles together with schedule: cosine_with_restarts"
            ),
        ),
        (
            "momentum: {low: 0.5, high: 0.9}",
            (
                "6:3: parameters.momentum has no effect, as optimizer is only adamw; "
                "allowed: momentum together with optimizer: sgd"
            ),
        ),
        (
            "augmentation_strength: 0.2",
            (
                "6:3: parameters.augmentation_strength has no effect, as augmentation is only "
                "none; allowed: augmentation_strength together with augmentation: synonym_replacement or random_swap or "
                "random_deletion or random_insertion"
            ),
        ),
        (
            "schedule_decay_ratio: {low: 0.1, high: 0.3, when: {schedule: linear}}",
            (
                "6:3: parameters.schedule_decay_ratio "
                "has no effect, as schedule is only linear; allowed: schedule_decay_ratio together with schedule: wsd"
            ),
        ),
        (
            "schedule: linear",
            "6:3: parameters has schedule, which is compared; allowed: one of parameters and compare",
        ),
    ],
)
def test_a_parameter_that_can_never_act_is_told(faults: Faults, lines: str, message: str) -> None:
    assert faults(parameters(lines)) == [message]


@pytest.mark.parametrize(
    "lines",
    [
        "schedule_decay_ratio: {low: 0.1, high: 0.3}",  # one compared value uses it
        "optimizer: {choices: [adamw, sgd]}\nmomentum: 0.5",
        "epochs: {low: 1, high: 2}\ndropout: {choices: [0, 0.1], when: {epochs: 2}}",
        "augmentation: random_swap\naugmentation_variants: 2",
    ],
)
def test_a_parameter_that_acts_in_some_trial_is_welcome(faults: Faults, lines: str) -> None:
    assert faults(parameters(lines)) == []


def test_a_recipe_s_parameter_without_effect_is_told(faults: Faults) -> None:
    assert faults(GOOD + "baseline: {optimizer: adam, momentum: 0.3}\n") == [
        "9:29: baseline.momentum has no effect, as optimizer is adam; allowed: momentum together with optimizer: sgd"
    ]
    assert faults(GOOD + "baseline: {optimizer: sgd, momentum: 0.3}\n") == []


# What is compared


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        (
            "{parameter: schedul, values: [linear, wsd]}",
            (
                "4:22: compare.parameter is 'schedul'; allowed: learning_rate, "
                "schedule, schedule_cycles, schedule_power, schedule_decay_ratio, warmup_ratio, optimizer, weight_decay, "
                "momentum, gradient_clip, batch_size, epochs, dropout, frozen_layers, head_hidden_sizes, pooling, augmentation, "
                "augmentation_strength, augmentation_variants; did you mean schedule?"
            ),
        ),
        ("{parameter: schedule, values: [linear]}", "4:40: compare.values has 1 value; allowed: at least 2"),
        (
            "{parameter: schedule, values: linear}",
            (
                "4:40: compare.values is 'linear'; allowed: a list, each constant, "
                "linear, cosine, cosine_with_restarts, polynomial, inverse_sqrt, wsd"
            ),
        ),
        (
            "{parameter: schedule, values: [linear, wsd, linear]}",
            ("4:54: compare.values[2] is linear a second time; allowed: distinct values"),
        ),
        (
            "{parameter: schedule, values: [linear, wsd], reference: cosine}",
            ("4:66: compare.reference is cosine; allowed: linear, wsd"),
        ),
        ("{parameter: schedule}", "4:1: missing key 'values' in compare; allowed: a list"),
        (
            "{parameter: momentum, values: [0.5, 0.9]}",
            (
                "4:11: compare.parameter momentum has no effect, as optimizer is "
                "only adamw; allowed: momentum together with optimizer: sgd"
            ),
        ),
    ],
)
def test_a_comparison_that_cannot_be_made_is_told(faults: Faults, compare: str, message: str) -> None:
    assert faults(replaced("{parameter: schedule, values: [linear, wsd]}", compare)) == [message]


def test_numbers_and_lists_can_be_compared(load: Load) -> None:
    old = "{parameter: schedule, values: [linear, wsd]}"
    layers = load(replaced(old, "{parameter: frozen_layers, values: [0, 2], reference: 2}")).experiment
    heads = load(
        replaced(old, "{parameter: head_hidden_sizes, values: [[], [64]], reference: []}")
    ).experiment
    assert (layers.strategies(), layers.reference()) == (
        ("frozen_layers=0", "frozen_layers=2"),
        "frozen_layers=2",
    )
    assert heads.reference() == "head_hidden_sizes=[]"


# The budget


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (
            "{replicates: 2, trials: 4, rungs: [50]}",
            ("8:10: budget.replicates is 2, which cannot separate strategies; allowed: 1, or at least 3"),
        ),
        (
            "{trials: 1, rungs: [50]}",
            ("8:10: budget.trials is 1, which searches nothing of learning_rate; allowed: at least 2"),
        ),
        (
            "{trials: 4}",
            (
                "8:1: budget has the pruner successive_halving and no rungs; allowed: rungs at which it can stop "
                "a trial, or pruner: none"
            ),
        ),
        (
            "{trials: 4, pruner: median}",
            (
                "8:21: budget has the pruner median and no rungs; allowed: rungs at which it can "
                "stop a trial, or pruner: none"
            ),
        ),
        (
            "{trials: 4, rungs: [100, 50]}",
            "8:34: budget.rungs[1] is 50; allowed: more than the rung before it, 100",
        ),
        (
            "{trials: 4, rungs: [50, 201]}",
            (
                "8:33: budget.rungs[1] is 201; allowed: at most 200, the examples of the "
                "shortest training (100 texts x 2 epochs)"
            ),
        ),
        (
            "{trials: 4, rungs: [50], sampler: grid}",
            (
                "6:3: parameters.learning_rate is a range without a step under "
                "sampler: grid; allowed: a step, or choices"
            ),
        ),
    ],
)
def test_a_budget_too_small_for_the_question_is_told(faults: Faults, budget: str, message: str) -> None:
    assert faults(replaced("{trials: 4, rungs: [50, 100]}", budget)) == [message]


def test_the_budget_may_be_small_where_little_is_asked(faults: Faults) -> None:
    compared = "compare: {parameter: schedule, values: [linear, wsd]}\n"
    two = replaced("{trials: 4", "{replicates: 2, trials: 4").replace(compared, "")
    fixed = parameters("epochs: 2").replace("{trials: 4, rungs: [50, 100]}", "{trials: 1}")
    assert faults(two) == []
    assert faults(fixed) == []


def test_a_grid_counts_the_points_that_act_in_the_largest_strategy(faults: Faults) -> None:
    lines = """
        batch_size: {choices: [8, 16]}
        frozen_layers: {low: 0, high: 2}
        schedule_decay_ratio: {low: 0.1, high: 0.3, step: 0.1}
        warmup_ratio: {choices: [0, 0.1], when: {schedule: linear}}
        epochs: 2
        """
    text = parameters(lines).replace(
        "{trials: 4, rungs: [50, 100]}", "{trials: %d, rungs: [50], sampler: grid}"
    )
    assert faults(text % 17) == [
        (
            "11:10: budget.trials is 17 under sampler: grid; allowed: at least 18, the points of the grid of schedule: wsd "
            "(2 x 3 x 3)"
        )
    ]
    assert faults(text % 18) == []


def test_rungs_must_lie_within_the_shortest_training(faults: Faults) -> None:
    text = parameters("epochs: {low: 0.505, high: 3}")
    assert faults(text.replace("[50, 100]", "[50, 51]")) == []
    assert faults(text.replace("[50, 100]", "[50, 52]")) == [
        (
            "7:33: budget.rungs[1] is 52; allowed: at most 51, the examples of the shortest training "
            "(100 texts x 0.505 epochs)"
        )
    ]


# All of it at once


def test_all_errors_of_a_file_are_told_at_once_in_the_order_of_its_lines(load: Load, tmp_path: Path) -> None:
    text = """\
question: Which?
task: {data: movies, train: "1", validation: 50, test: 50}
model: all-MiniLM-L6-v2
parameters:
  learning_rate: {low: 1e-3, high: 1e-5, log: true}
  schedule_cycles: 3
budget: {trials: 4, rungs: [50], sampler: tp}
extra: 1
"""
    with pytest.raises(SpaceFileError) as error:
        load(text)
    file = tmp_path / "s.yaml"
    assert error.value.message == "\n".join(
        f"{file}:{line}"
        for line in [
            (
                "2:14: task.data is 'movies'; allowed: movie, amazon, bbc-news, an existing path, or owner/name of the "
                "Hugging Face hub; did you mean movie?"
            ),
            "2:29: task.train is '1'; allowed: a whole number of at least 1",
            "5:24: parameters.learning_rate.low is 0.001; allowed: less than high, which is 1e-05",
            (
                "6:3: parameters.schedule_cycles has no effect, as schedule is only linear; allowed: schedule_cycles "
                "together with schedule: cosine_with_restarts"
            ),
            "7:43: budget.sampler is 'tp'; allowed: tpe, random, qmc, gp, grid; did you mean tpe?",
            (
                "8:1: unknown key 'extra'; allowed: question, task, model, compare, parameters, baseline, budget, "
                "confirmation, seed"
            ),
        ]
    )
    assert error.value.hint == f"Correct the file, then try it with `hpo check --space {file}`."


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
        f"no space file {name}; shipped are augmentation, frozen_layers, lr_schedules{guess}"
    )
    assert error.value.hint == "Name a YAML file or a shipped space."
