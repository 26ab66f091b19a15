"""Which texts of a shift set are kept, by which names they are labelled, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.config.experiment import DataSource, Kind, Task
from hpo.data.shifts import ShiftSet, load_shifts
from hpo.data.task_data import TaskData, load_task
from hpo.errors import UserError

OWN = [(f"own text {i}", "abc"[i % 3]) for i in range(60)]


def write(path: Path, rows: Sequence[Sequence[Any]], names: Sequence[str] = ("text", "label")) -> DataSource:
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    return DataSource(path=str(path), group="group" if "group" in names else None)


@pytest.fixture
def own(tmp_path: Path) -> DataSource:
    return write(tmp_path / "own.jsonl", OWN)


def loaded(
    own: DataSource, shift: DataSource, most: int | None = None, kind: Kind = "text-classification"
) -> tuple[TaskData, ShiftSet]:
    task = Task(
        kind=kind, data=own, train=30, validation=15, test=15, shift={"other": shift}, shift_test=most
    )
    data = load_task(task, seed=1)
    (found,) = load_shifts(task, data, seed=1)
    return data, found


def test_labels_are_the_tasks_even_where_the_set_lacks_some_of_them(own: DataSource, tmp_path: Path) -> None:
    rows = [("one", "c"), ("two", "b"), ("three", "c")]
    data, found = loaded(own, write(tmp_path / "other.jsonl", rows))
    assert found.part.texts == ("one", "two", "three")
    assert [data.label_names[i] for i in found.part.labels] == ["c", "b", "c"]
    assert (found.info.name, found.info.size, found.info.groups) == ("other", 3, None)
    assert found.info.largest_class == pytest.approx(2 / 3)


def test_texts_of_the_tasks_own_splits_and_duplicates_are_left_out_and_counted(
    own: DataSource, tmp_path: Path
) -> None:
    rows = [("OWN  text 7", "a"), ("new", "a"), ("own text 20", "b"), ("New ", "a"), ("newer", "b")]
    _, found = loaded(own, write(tmp_path / "other.jsonl", rows))
    assert found.part.texts == ("new", "newer")
    assert (found.info.overlap_dropped, found.info.duplicates_dropped) == (2, 1)


def test_texts_of_a_task_that_is_scrubbed_are_scrubbed_here_too(own: DataSource, tmp_path: Path) -> None:
    shift = write(
        tmp_path / "other.jsonl", [("mail a@example.com", "a"), ("mail b@example.org", "a"), ("call", "b")]
    )
    task = Task(data=own, train=30, validation=15, test=15, shift={"other": shift}, scrub=True)
    (found,) = load_shifts(task, load_task(task, seed=1), seed=1)
    assert found.part.texts == ("mail [EMAIL]", "call")
    assert found.info.duplicates_dropped == 1


def test_a_text_that_the_task_left_undrawn_is_none_of_its_own(tmp_path: Path) -> None:
    rows = [(f"text {i}", "ab"[i % 2]) for i in range(100)]
    data, found = loaded(write(tmp_path / "own.jsonl", rows), write(tmp_path / "other.jsonl", rows))
    used = {t for part in (data.train, data.validation, data.test) for t in part.texts}
    assert found.info.overlap_dropped == len(used) == 60
    assert not used & set(found.part.texts)


def test_of_many_texts_as_many_as_the_test_split_has_are_drawn_each_class_with_its_share(
    own: DataSource, tmp_path: Path
) -> None:
    rows = [(f"new {i}", "abbccc"[i % 6]) for i in range(600)]
    shift = write(tmp_path / "other.jsonl", rows)
    _, found = loaded(own, shift)
    assert len(found.part.texts) == found.info.size == 15
    counts = np.bincount(found.part.labels)
    assert np.abs(counts - 15 * np.array([1, 2, 3]) / 6).max() < 1
    _, again = loaded(own, shift)
    assert again.part.texts == found.part.texts
    assert again.info == found.info
    _, more = loaded(own, shift, most=60)
    assert np.bincount(more.part.labels).tolist() == [10, 20, 30]
    assert more.info.sha256 != found.info.sha256


def test_the_hash_covers_texts_and_labels(own: DataSource, tmp_path: Path) -> None:
    rows = [("one", "a"), ("two", "b"), ("three", "a")]
    _, first = loaded(own, write(tmp_path / "one.jsonl", rows))
    _, same = loaded(own, write(tmp_path / "two.jsonl", rows))
    _, other = loaded(own, write(tmp_path / "three.jsonl", [*rows[:2], ("three", "b")]))
    assert first.info.sha256 == same.info.sha256 != other.info.sha256


def test_of_data_that_came_split_the_test_split_is_taken(own: DataSource, tmp_path: Path) -> None:
    (tmp_path / "split").mkdir()
    write(tmp_path / "split" / "train.jsonl", [("one", "a"), ("two", "b")])
    write(tmp_path / "split" / "test.jsonl", [("three", "a"), ("four", "b"), ("five", "a")])
    _, found = loaded(own, DataSource(path=str(tmp_path / "split")))
    assert found.part.texts == ("three", "four", "five")


def test_groups_are_kept_with_the_texts_that_are(own: DataSource, tmp_path: Path) -> None:
    rows = [("own text 1", "a", "x"), ("one", "a", "x"), ("two", "b", "y"), ("three", "a", "x")]
    _, found = loaded(own, write(tmp_path / "other.jsonl", rows, ("text", "label", "group")))
    groups = found.info.groups
    assert groups is not None
    assert groups[0] == groups[2] != groups[1]


def test_labels_that_the_task_has_not_are_named(own: DataSource, tmp_path: Path) -> None:
    shift = write(tmp_path / "other.jsonl", [("one", "a"), ("two", "bad"), ("three", "worse")])
    with pytest.raises(UserError) as caught:
        loaded(own, shift)
    assert caught.value.message == (
        "shift set other: labels that the task has not: `bad`, `worse`; those of the task: `a`, `b`, `c`"
    )
    assert caught.value.hint == "Write the labels as the task has them, or leave the set out of `shift`."


def test_too_few_texts_are_refused_with_what_was_dropped(own: DataSource, tmp_path: Path) -> None:
    rows = [("own text 1", "a"), ("new", "b"), ("new", "b"), ("own text 2", "a")]
    with pytest.raises(UserError, match="too few texts are left, 1 in all, after 2 that stand") as caught:
        loaded(own, write(tmp_path / "other.jsonl", rows))
    assert "own text" not in caught.value.message


def test_texts_of_one_group_are_too_few(own: DataSource, tmp_path: Path) -> None:
    rows = [("one", "a", "x"), ("two", "b", "x")]
    with pytest.raises(UserError, match="2 in all, in 1 groups"):
        loaded(own, write(tmp_path / "other.jsonl", rows, ("text", "label", "group")))


def test_what_cannot_be_read_is_told_with_the_sets_name(own: DataSource, tmp_path: Path) -> None:
    shift = write(tmp_path / "other.jsonl", [("one", "a"), ("two", "b")], ("text", "stars"))
    with pytest.raises(UserError, match=r"^shift set other: .*no column `label`"):
        loaded(own, shift)


def test_label_sets_stand_in_the_columns_of_the_task(tmp_path: Path) -> None:
    own = write(tmp_path / "own.jsonl", [(f"text {i}", ["a", "b", "c"][: i % 4]) for i in range(60)])
    shift = write(tmp_path / "other.jsonl", [("one", ["c"]), ("two", []), ("three", ["b", "c"])])
    data, found = loaded(own, shift, kind="multi-label")
    assert data.label_names == ("a", "b", "c")
    assert found.part.labels.tolist() == [[0, 0, 1], [0, 0, 0], [0, 1, 1]]


def test_tags_are_numbered_as_the_task_does(tmp_path: Path) -> None:
    rows = [([f"w{i}", "x", "y"], ["B-LOC", "O", "B-PER"]) for i in range(60)]
    shift = write(
        tmp_path / "other.jsonl", [(["new", "y"], ["O", "B-PER"]), (["so", "new"], ["B-PER", "I-PER"])]
    )
    data, found = loaded(write(tmp_path / "own.jsonl", rows), shift, kind="token-classification")
    named = [[data.label_names[tag] for tag in row] for row in found.part.labels]
    assert named == [["O", "B-PER"], ["B-PER", "I-PER"]]
