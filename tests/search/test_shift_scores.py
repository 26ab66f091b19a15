"""Whole runs of a space with shift sets on the tiny model: who is scored on them, when, and at whose cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.tiny import BAD, GOOD, NEUTRAL
from hpo.config.space import Space, load_space
from hpo.errors import UserError
from hpo.records.charges import charged_seconds, spent_seconds
from hpo.records.files import read_records, read_run, write_run
from hpo.records.plan import plan_digest
from hpo.records.run import Records
from hpo.records.trainings import Confirmation
from hpo.runtime import engine
from hpo.runtime.jobs import Done, Job
from hpo.runtime.worker import Worker
from hpo.search import coordinator
from hpo.search.circumstances import other_assets
from hpo.search.coordinator import run_experiment
from hpo.search.verify import Verification
from tests.search.test_run import Nobody, told
from tests.search.test_verify import rewrite

SPACE = """\
question: Which schedule holds elsewhere?
task:
  data: {{path: {data}}}
  train: 64
  validation: 40
  test: 60
  max_length: 32
  shift: [{{path: {other}, group: topic}}]
  shift_test: 50
model: {model}
compare: {{parameter: schedule, values: [linear, constant], reference: linear}}
parameters:
  learning_rate: {{choices: [1e-3, 9e-3]}}
  frozen_layers: {{choices: [0, 2]}}
  batch_size: 16
  epochs: 2
baseline: {{optimizer: adam, learning_rate: 2e-5, schedule: constant, epochs: 2}}
budget: {{replicates: 3, trials: 2, rungs: [64], sampler: random}}
"""
NAME = "other.csv"


def write_other(path: Path, own: Path) -> None:
    """80 texts of other words' mixtures in 8 topics, and every text of the task's own data."""
    random = np.random.default_rng(8)
    rows = {}
    while len(rows) < 80:
        label = ("negative", "positive")[random.integers(2)]
        words = [*random.choice(GOOD if label == "positive" else BAD, 1), *random.choice(NEUTRAL, 11)]
        rows[" ".join(words)] = label
    lines = [f"{text},{label},{i % 8}\n" for i, (text, label) in enumerate(rows.items())]
    lines += [f"{line},9\n" for line in own.read_text().splitlines()[1:]]
    path.write_text("text,label,topic\n" + "".join(lines))


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    """Runs in this process set torch's threads."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path, tiny_model: Path) -> Space:
    folder = tmp_path_factory.mktemp("space")
    write_other(folder / NAME, tiny_data)
    path = folder / "shifted.yaml"
    path.write_text(SPACE.format(data=tiny_data, other=folder / NAME, model=tiny_model))
    return load_space(str(path), (), ())


def run(space: Space, results: Path, workers: int = 1) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        patch.setattr(engine, "cores", lambda: workers)
        return run_experiment(space, results, None, "cpu", Nobody(), workers=workers).folder


@pytest.fixture(scope="module")
def ran(space: Space, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The run's folder, and the splits of its jobs in order."""
    splits: list[str] = []

    class Noted(Worker):
        def do(self, job: Job) -> Done:
            splits.append(job.split)
            return super().do(job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hpo.runtime.loading.Worker", Noted)
        return run(space, tmp_path_factory.mktemp("ran")), splits


@pytest.fixture(scope="module")
def records(ran: tuple[Path, list[str]]) -> Records:
    return read_records(ran[0])


def test_every_confirmation_is_scored_on_the_set_once_and_item_by_item(
    records: Records, ran: tuple[Path, list[str]]
) -> None:
    assert len(records.confirmations) == 9
    assert {c.role for c in records.confirmations} == {"strategy", "baseline"}
    for c in records.confirmations:
        (scores,) = c.shifts.values()
        assert tuple(c.shifts) == (NAME,)
        assert len(scores.correct or ()) == len(scores.predictions or ()) == 50
        assert np.mean(scores.correct or ()) == pytest.approx(scores.score)
        assert scores.metrics["accuracy"] == scores.score
        assert scores.evaluation not in {"", c.test_evaluation}
    keys = {c.shifts[NAME].evaluation for c in records.confirmations}
    assert ran[1].count(f"shift:{NAME}") == len(keys)


def test_the_set_waits_for_the_search_to_end(ran: tuple[Path, list[str]]) -> None:
    first = next(place for place, split in enumerate(ran[1]) if split != "validation")
    trials = [json.loads(path.read_text()) for path in (ran[0] / "records" / "trials").glob("*.json")]
    evaluations = {rung["evaluation"] for trial in trials for rung in trial["rungs"]}
    assert ran[1][:first].count("validation") >= len(evaluations)


def test_the_head_says_what_the_set_is_and_the_plan_fixes_it(records: Records) -> None:
    (info,) = records.run.shifts
    assert (info.name, info.size, info.overlap_dropped, info.texts_cut) == (NAME, 50, 164, 0)
    assert info.groups is not None
    assert 5 <= len(set(info.groups)) <= 9  # eight topics, and what the task did not draw of its own
    assert records.run.stamp is not None
    assert records.run.stamp.plan_sha256 == plan_digest(records.run)
    other = records.run.model_copy(update={"shifts": (info.model_copy(update={"sha256": "0"}),)})
    assert plan_digest(other) != plan_digest(records.run)
    assert other_assets(records.run, other) == [f"shift set {NAME}, SHA-256: {info.sha256[:12]} -> 0"]


def without(c: Confirmation) -> Confirmation:
    return c.model_copy(update={"shifts": {}})


def test_its_evaluations_are_charged_to_confirmations_and_spent_once(records: Records) -> None:
    for c in records.confirmations:
        assert charged_seconds(c) - charged_seconds(without(c)) == pytest.approx(c.shifts[NAME].seconds)
        assert c.shifts[NAME].seconds > 0
    keys = {c.shifts[NAME].evaluation: c.shifts[NAME].seconds for c in records.confirmations}
    spent = spent_seconds(records.confirmations)
    assert spent - spent_seconds(tuple(map(without, records.confirmations))) == pytest.approx(
        sum(keys.values())
    )
    assert any(c.passes for c in records.confirmations)


def test_trials_and_test_scores_are_those_of_a_run_without_the_set(
    records: Records, space: Space, tmp_path: Path
) -> None:
    task = space.experiment.task.model_copy(update={"shift": {}, "shift_test": None})
    bare = Space(space.experiment.model_copy(update={"task": task}), space.path, space.text, space.places)
    other = read_records(run(bare, tmp_path))
    assert [t.score for t in other.trials] == [t.score for t in records.trials]
    assert [c.test_correct for c in other.confirmations] == [c.test_correct for c in records.confirmations]
    assert all(not c.shifts for c in other.confirmations)


def test_two_workers_leave_the_records_of_one(
    ran: tuple[Path, list[str]], space: Space, tmp_path: Path
) -> None:
    assert told(run(space, tmp_path, workers=2)) == told(ran[0])


def test_a_confirmation_that_was_lost_comes_back_without_training(
    ran: tuple[Path, list[str]], space: Space
) -> None:
    before = told(ran[0])
    path = next((ran[0] / "records" / "confirmations").glob("linear*.json"))
    path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        patch.setattr(engine, "cores", lambda: 1)
        outcome = run_experiment(space, ran[0].parent, None, "cpu", Nobody(), workers=1)
    assert outcome.trained == 0
    assert told(ran[0]) == before


def test_verify_compares_the_scores_on_the_set(ran: tuple[Path, list[str]]) -> None:
    def unequal() -> list[str]:
        verification = Verification(ran[0], ran[0].parent / ".store", 100)
        return [one.sampled.item.strategy for one in verification.compare() if not one.equal]

    assert unequal() == []
    path = next((ran[0] / "records" / "confirmations").glob("baseline*.json"))
    content = path.read_text()
    found: dict[str, Any] = json.loads(content)
    found["shifts"][NAME]["loss"] += 0.001
    rewrite(path, found)
    try:
        assert unequal() == ["baseline"]
    finally:
        path.write_text(content)


def test_another_set_under_the_same_name_is_refused(ran: tuple[Path, list[str]], space: Space) -> None:
    head = read_run(ran[0])
    assert head is not None
    changed = head.shifts[0].model_copy(update={"sha256": "0" * 64})
    write_run(ran[0], head.model_copy(update={"shifts": (changed,)}))
    finished = ran[0] / "records" / "finished"
    content = finished.read_text()
    finished.unlink()
    try:
        with pytest.raises(UserError, match=f"shift set {NAME}, SHA-256: 000000000000 ->"):
            run(space, ran[0].parent)
    finally:
        write_run(ran[0], head)
        finished.write_text(content)


def test_the_report_ranks_on_the_set_beside_the_test_split(ran: tuple[Path, list[str]]) -> None:
    page = (ran[0] / "report.html").read_text()
    assert f"On {NAME}" in page
    assert (ran[0] / "tables" / "shift_scores.csv").is_file()
