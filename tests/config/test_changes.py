from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hpo.config.changes import changes
from hpo.config.space import load_space

TEXT = """\
question: Which?
task: {data: movie, train: 100, validation: 50, test: 50}
model: m/m
compare: {parameter: schedule, values: [linear, wsd]}
parameters: {learning_rate: {low: 1e-5, high: 1e-3, log: true}, head_hidden_sizes: {choices: [[], [8]]}}
budget: {trials: 4, rungs: [50]}
"""


def dump(tmp_path: Path, *edits: tuple[str, str]) -> dict[str, Any]:
    text = TEXT
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "s.yaml").write_text(text)
    experiment = load_space(str(tmp_path / "s.yaml"), [], ["movie"]).experiment
    read: dict[str, Any] = json.loads(experiment.model_dump_json())
    return read


def test_equal_experiments_have_no_changes_whether_read_from_json_or_not(tmp_path: Path) -> None:
    old = dump(tmp_path)
    experiment = load_space(str(tmp_path / "s.yaml"), [], ["movie"]).experiment
    assert changes(old, experiment.model_dump()) == []


def test_a_changed_number_is_told_with_its_path(tmp_path: Path) -> None:
    new = dump(tmp_path, ("trials: 4", "trials: 6"), ("1e-3", "1e-2"))
    assert changes(dump(tmp_path), new) == [
        "parameters.learning_rate.high: 0.001 -> 0.01",
        "budget.trials: 4 -> 6",
    ]


def test_a_setting_of_another_kind_is_told_as_the_file_writes_it(tmp_path: Path) -> None:
    new = dump(tmp_path, ("{low: 1e-5, high: 1e-3, log: true}", "0.001"))
    assert changes(dump(tmp_path), new) == [
        'parameters.learning_rate: {"low": 1e-05, "high": 0.001, "log": true, "default": 5e-05} -> 0.001'
    ]


def test_what_is_new_or_gone_is_told_as_not_set(tmp_path: Path) -> None:
    old = dump(tmp_path)
    new = dump(tmp_path, ("budget:", "baseline: {optimizer: adam}\nbudget:"))
    assert changes(old, new) == ['baseline: not set -> {"optimizer": "adam"}']
    assert changes(new, old) == ['baseline: {"optimizer": "adam"} -> not set']


def test_a_limit_of_the_store_is_no_change_for_it_changes_no_result(tmp_path: Path) -> None:
    limited = dump(tmp_path, ("budget:", "store_limit: 2GB\nbudget:"))
    assert limited == dump(tmp_path)


def test_a_changed_list_is_told_as_a_whole(tmp_path: Path) -> None:
    new = dump(tmp_path, ("[linear, wsd]", "[linear, cosine]"))
    assert changes(dump(tmp_path), new) == ['compare.values: ["linear", "wsd"] -> ["linear", "cosine"]']
