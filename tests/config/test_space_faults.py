"""Each fault of one value, key or setting is told with its place, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from space_texts import (
    DATA,
    GOOD,
    MODELS,
    NAMED_OPTIMIZERS,
    NAMED_PARAMETERS,
    Faults,
    Load,
    parameters,
    replaced,
)

from hpo.config.space import SpaceFileError, load_space

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
                "1:1: the file is ['question']; allowed: a mapping of question, task, tasks, model, augmentation_model, "
                "compare, parameters, "
                "baseline, budget, confirmation, privacy, from, seed, store_limit"
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
            "2:1: unknown key 'tsak'; allowed: question, task, tasks, model, augmentation_model, compare, parameters, "
            "baseline, budget, "
            "confirmation, privacy, from, seed, store_limit; did you mean task?"
        )
    ]
    assert faults(replaced("trials: 4", "trails: 4")) == [
        (
            "8:10: unknown key 'trails' in budget; allowed: replicates, trials, examples, device_seconds, price_per_hour, "
            "money, stop_decided, rungs, sampler, startup_trials, pruner, reduction_factor, total; did you mean trials?"
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
        (
            "validation: 50",
            "validation: 1",
            "2:45: task.validation is 1; allowed: a whole number of at least 2",
        ),
        ("test: 50", "test: 1", "2:55: task.test is 1; allowed: a whole number of at least 2"),
        ("Which schedule?", "3", "1:11: question is 3; allowed: a text"),
        (
            "epochs: 2",
            "epochs: three",
            "7:11: parameters.epochs is 'three'; allowed: a number above 0 and at most 10000",
        ),
        (
            "epochs: 2",
            "epochs: .nan",
            "7:11: parameters.epochs is nan; allowed: a number above 0 and at most 10000",
        ),
        (
            "epochs: 2",
            "dropout: 1",
            "7:12: parameters.dropout is 1; allowed: a number of at least 0 and below 1",
        ),
        (
            "epochs: 2",
            "optimizer: adamm",
            f"7:14: parameters.optimizer is 'adamm'; allowed: {NAMED_OPTIMIZERS}; did you mean adam?",
        ),
        (
            "epochs: 2",
            "head_hidden_sizes: [64, 0]",
            (
                "7:27: parameters.head_hidden_sizes[1] is 0; allowed: a whole number of at least 1 and at most 65536"
            ),
        ),
        (
            "epochs: 2",
            "head_hidden_sizes: 64",
            (
                "7:22: parameters.head_hidden_sizes is 64; allowed: a list of at most 8, each a whole number "
                "of at least 1 and at most 65536"
            ),
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
            "epochs: 2",
            "head_hidden_sizes: [64, 2000000000]",
            (
                "7:27: parameters.head_hidden_sizes[1] is 2000000000; allowed: a whole number of at least 1 "
                "and at most 65536"
            ),
        ),
        (
            "epochs: 2",
            "head_hidden_sizes: [8, 8, 8, 8, 8, 8, 8, 8, 8]",
            (
                "7:22: parameters.head_hidden_sizes has 9 items; allowed: a list of at most 8, each a whole "
                "number of at least 1 and at most 65536"
            ),
        ),
        (
            "epochs: 2",
            "batch_size: 65537",
            "7:15: parameters.batch_size is 65537; allowed: a whole number of at least 1 and at most 65536",
        ),
        (
            "epochs: 2",
            "epochs: 10001",
            "7:11: parameters.epochs is 10001; allowed: a number above 0 and at most 10000",
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
            (
                "6:30: parameters.batch_size.high is 16.5; allowed: a whole number of at least 1 and at most 65536"
            ),
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
            (
                "6:28: parameters.pooling.choices[1] is 'mena'; allowed: cls, mean, max, last, none; did you mean mean?"
            ),
        ),
        (
            "pooling: {choices: [cls], default: mean}",
            "6:38: parameters.pooling.default is mean; allowed: cls",
        ),
        ("pooling: {low: cls, high: mean, choices: [cls]}", None),
        (
            "learnin_rate: 1",
            (
                f"6:3: unknown key 'learnin_rate' in parameters; allowed: {NAMED_PARAMETERS}; "
                "did you mean learning_rate?"
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


def test_one_search_on_few_seeds_can_only_end_undecided_and_is_refused(faults: Faults) -> None:
    text = replaced("{trials: 4", "{replicates: 1, trials: 4") + "confirmation: {seeds: 3}\n"
    expected = "9:16: confirmation.seeds is 3 with one replicate, which allows no verdict; "
    assert faults(text) == [expected + "allowed: at least 5, or at least 3 replicates"]


@pytest.mark.parametrize(
    ("columns", "column"), [("label: text", 41), ("text: label", 40), ("text: a, label: a", 50)]
)
def test_one_column_for_texts_and_labels_is_refused(faults: Faults, columns: str, column: int) -> None:
    name = columns.rsplit(" ", maxsplit=1)[-1]
    text = replaced("data: movie", f"data: {{hub: some/reviews, {columns}}}")
    expected = f"2:{column}: task.data has the column {name!r} for texts and labels; "
    assert faults(text) == [
        f"{expected}allowed: two columns: labels are recorded and reported, texts are not"
    ]
