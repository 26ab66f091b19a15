"""Further evaluation sets of a task, and several tasks in one space file."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML
from space_texts import DATA, GOOD, MODELS, Faults, Load, replaced

from hpo.config.changes import changes
from hpo.config.experiment import DataSource, Experiment
from hpo.config.schema import schema
from hpo.config.space import Space, load_space, load_spaces
from hpo.errors import UserError

TASKS = GOOD.replace(
    "task: {data: movie, train: 100, validation: 50, test: 50}",
    "tasks:\n"
    "  - {data: movie, train: 100, validation: 50, test: 50}\n"
    "  - {data: amazon, train: 200, validation: 50, test: 50}",
)


def shifted(sets: str) -> str:
    return replaced("test: 50}", f"test: 50, {sets}}}")


def spaces(tmp_path: Path, text: str) -> tuple[Space, ...]:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    return load_spaces(str(path), MODELS, DATA)


def test_shift_sets_are_named_as_data_is(load: Load, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\n")
    sets = "shift: [amazon, reviews.csv, owner/other, {hub: owner/more, label: stars}], shift_test: 20"
    task = load(shifted(sets)).experiment.task
    assert task.shift == {
        "amazon": DataSource(asset="amazon"),
        "reviews.csv": DataSource(path=str(tmp_path / "reviews.csv")),
        "owner/other": DataSource(hub="owner/other"),
        "owner/more": DataSource(hub="owner/more", label="stars"),
    }
    assert task.shift_test == 20


def test_a_task_without_shift_sets_has_none(load: Load) -> None:
    task = load(GOOD).experiment.task
    assert (task.shift, task.shift_test) == ({}, None)


def test_shift_sets_survive_the_way_through_json_and_a_changed_one_is_told(load: Load) -> None:
    experiment = load(shifted("shift: [amazon]")).experiment
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment
    other = load(shifted("shift: [bbc-news]")).experiment
    told = changes(experiment.model_dump(mode="json"), other.model_dump(mode="json"))
    assert [line.split(":")[0] for line in told] == ["task.shift.amazon", "task.shift.bbc-news"]


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (
            "shift: movie",
            (
                "2:66: task.shift is 'movie'; allowed: a list, each a text or a mapping of path, hub, text, second_text, "
                "label, group"
            ),
        ),
        ("shift: [movie]", "2:67: task.shift[0] is the data of the task itself; allowed: other data"),
        (
            "shift: [amazon, amazon]",
            "2:75: task.shift[1] is called amazon, as one before it; allowed: sets of different names",
        ),
        (
            "shift: [amazn]",
            (
                "2:67: task.shift[0] is 'amazn'; allowed: movie, amazon, bbc-news, an existing path, or owner/name of the "
                "Hugging Face hub; did you mean amazon?"
            ),
        ),
        (
            "shift: [{hub: owner/name, label: text}]",
            (
                "2:92: task.shift[0] has the column 'text' for texts and labels; allowed: two columns: labels are recorded "
                "and reported, texts are not"
            ),
        ),
        (
            "shift_test: 20",
            "2:71: task.shift_test has no effect, as task.shift names no set; allowed: shift_test together with shift",
        ),
        (
            "shift: [amazon], shift_test: 1",
            "2:88: task.shift_test is 1; allowed: a whole number of at least 2",
        ),
    ],
)
def test_a_wrong_shift_set_is_told_with_its_place(faults: Faults, sets: str, message: str) -> None:
    assert faults(shifted(sets)) == [message]


def test_each_task_becomes_an_experiment_of_its_own_that_differs_in_nothing_else(tmp_path: Path) -> None:
    one, other = spaces(tmp_path, TASKS)
    assert (one.experiment.name, other.experiment.name) == ("s-movie", "s-amazon")
    assert (one.experiment.task.train, other.experiment.task.train) == (100, 200)
    assert other.experiment.task.data == DataSource(asset="amazon")
    same = {"name": "s-movie", "task": one.experiment.task}
    assert other.experiment.model_copy(update=same) == one.experiment
    assert one.text == other.text == TASKS
    assert other.where(*other.task_at, "train") == f"{tmp_path / 's.yaml'}:4:20"


def test_one_task_is_an_experiment_named_after_the_file(tmp_path: Path) -> None:
    (only,) = spaces(tmp_path, GOOD)
    assert only.experiment.name == "s"
    assert only.where(*only.task_at, "train") == f"{tmp_path / 's.yaml'}:2:21"


def test_a_file_of_several_tasks_is_refused_where_one_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TASKS)
    with pytest.raises(UserError, match="has 2 tasks, and one is wanted"):
        load_space(str(path), MODELS, DATA)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TASKS.replace("train: 200", "train: 0"),
            "4:27: tasks[1].train is 0; allowed: a whole number of at least 1",
        ),
        (
            TASKS.replace("data: amazon", "data: movie"),
            "4:5: tasks[1] has data called movie, as one before it; allowed: data of different names",
        ),
        (GOOD.replace("task: {", "tasks: 3\nother: {"), None),
        (
            TASKS.replace("compare: {parameter: schedule, values: [linear, wsd]}\n", ""),
            "2:1: the file has tasks and compares nothing; allowed: compare, or one task",
        ),
        (
            GOOD + "tasks: [{data: movie, train: 100, validation: 50, test: 50}, "
            "{data: amazon, train: 100, validation: 50, test: 50}]\n",
            "9:1: the file has task and tasks; allowed: one of them",
        ),
    ],
)
def test_what_is_wrong_with_several_tasks_is_told_with_its_place(
    faults: Faults, text: str, message: str | None
) -> None:
    told = faults(text)
    if message is None:
        assert "2:8: tasks is 3; allowed: a list of at least 2 tasks" in told
    else:
        assert told == [message]


def test_the_schema_asks_for_one_task_or_for_several_and_knows_shift_sets() -> None:
    def errors(text: str) -> list[str]:
        document = YAML(typ="safe", pure=True).load(text)
        return [error.message for error in jsonschema.Draft202012Validator(schema()).iter_errors(document)]

    assert errors(GOOD) == errors(TASKS) == errors(shifted("shift: [amazon, {path: a.csv}]")) == []
    assert errors(GOOD + "tasks: [{data: movie, train: 1, validation: 2, test: 2}]\n")
    assert errors(GOOD.replace("task: {", "tsak: {"))
    assert errors(shifted("shift: []"))
