"""Rows on the way of a training: how far it was to go, and whether it came there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sources import imported, of, records, write_csv, write_jsonl

from hpo.errors import UserError
from hpo.foreign.recognising import recognise


def on_the_way(path: Path, *trainings: tuple[dict[str, Any], range]) -> Path:
    """Rows of trainings of one strategy: what each row of a training says, and the epochs at which it was evaluated."""
    rows = [
        {"strategy": "a", "trial": number, "epoch": epoch, "val_score": number + epoch / 100, **said}
        for number, (said, epochs) in enumerate(trainings)
        for epoch in epochs
    ]
    return write_jsonl(path, rows)


def test_rows_of_rungs_become_one_trial_each(tmp_path: Path) -> None:
    rows = [
        {
            "strategy": s,
            "trial": t,
            "epoch": e,
            "seconds": 2.0 * e,
            "val_accuracy": 0.5 + e / 10 - t / 100,
            "config": {"lr": t},
        }
        for s in ("a", "b")
        for t, epochs in ((0, 3), (1, 1), (2, 3))
        for e in range(1, epochs + 1)
    ]
    rows[2] |= {"val_accuracy": 0.55}  # the best of trial 0 is its second
    for row in rows:
        row["test_accuracy"] = row["val_accuracy"] - 0.2
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    assert recognise(str(path)) == "jsonl"
    made = records(path)
    first, pruned, last = of(made.trials, "a")
    assert [r.examples for r in first.rungs] == [1, 2, 3]
    assert (first.score, first.best_rung, first.charged) == (0.7, 1, 6.0)
    assert (pruned.state, pruned.score) == ("pruned", None)
    assert pruned.reason == "ended at 1 of 3 (epoch), the most of any; taken as pruned (line 4)"
    assert last.score == pytest.approx(0.78)
    assert last.parameters == {"lr": 2}
    (confirmation,) = of(made.confirmations, "a")
    assert (confirmation.draw, confirmation.test_score) == (2, pytest.approx(0.58))
    assert made.run.resource == "epoch"
    assert made.run.search.rungs == (1, 2)


def test_parameters_tell_trainings_apart_where_no_column_does(tmp_path: Path) -> None:
    rows = [("a", lr, epoch, 0.5 + epoch / 10) for lr in (0.1, 0.2) for epoch in (1, 2)]
    path = write_csv(tmp_path / "t.csv", ("strategy", "lr", "epoch", "val_score"), rows)
    assert [t.parameters for t in records(path, parameters=("lr",)).trials] == [{"lr": 0.1}, {"lr": 0.2}]
    with pytest.raises(
        UserError, match="line 4: 'epoch' 1 stands in line 2 too, for the same training"
    ) as caught:
        records(path)
    assert caught.value.hint == "Name what tells trainings apart with --trial or --parameter."


def test_a_training_that_came_to_its_own_budget_is_complete_and_one_before_it_pruned(tmp_path: Path) -> None:
    four, two = {"config": {"epochs": 4}}, {"config": {"epochs": 2}}
    path = on_the_way(tmp_path / "t.jsonl", (four, range(1, 5)), (two, range(1, 3)), (four, range(1, 2)))
    found = imported(path)
    long, short, stopped = found.records[""].trials
    assert [t.state for t in (long, short, stopped)] == ["complete", "complete", "pruned"]
    assert (short.score, short.parameters) == (pytest.approx(1.02), {"epochs": 2})
    assert stopped.reason == "ended at 1 of 4 (epoch), by its own config.epochs; taken as pruned (line 7)"
    assert "parameter config.epochs: taken as how far each training was to go (epoch)" in found.told
    assert "1 ended before their own config.epochs: taken as pruned" in found.told


def test_epochs_that_are_counted_from_0_end_one_before_the_budget(tmp_path: Path) -> None:
    path = on_the_way(
        tmp_path / "t.jsonl",
        ({"epochs": 3}, range(3)),
        ({"epochs": 2}, range(2)),
        ({"epochs": 3}, range(2)),
    )
    found = imported(path)
    trials = found.records[""].trials
    assert [t.state for t in trials] == ["complete", "complete", "pruned"]
    assert trials[2].reason.startswith("ended at 1 of 2 (epoch), by its own epochs")
    assert "parameter epochs: taken as how far each training was to go (epoch, counted from 0)" in found.told


def test_a_budget_that_counts_something_else_tells_nothing_where_it_differs(tmp_path: Path) -> None:
    path = on_the_way(
        tmp_path / "t.jsonl", ({"max_steps": 300}, range(1, 4)), ({"max_steps": 100}, range(1, 2))
    )
    found = imported(path)
    assert [t.state for t in found.records[""].trials] == ["complete", "complete"]
    (note,) = [line for line in found.told if "max_steps" in line]
    assert note == (
        "max_steps differs from training to training and does not count what rungs count (epoch): no training is taken as "
        "pruned for how far it came"
    )


def test_a_budget_of_all_that_counts_something_else_leaves_the_longest(tmp_path: Path) -> None:
    said = {"max_steps": 300}
    trials = records(on_the_way(tmp_path / "t.jsonl", (said, range(1, 4)), (said, range(1, 2)))).trials
    assert [t.state for t in trials] == ["complete", "pruned"]
    assert trials[1].reason.startswith("ended at 1 of 3 (epoch), the most of any")


def test_a_budget_can_be_what_is_compared(tmp_path: Path) -> None:
    path = on_the_way(tmp_path / "t.jsonl", ({"epochs": 3}, range(1, 4)), ({"epochs": 1}, range(1, 2)))
    made = records(path, strategy=("epochs",))
    assert made.run.strategies == ("3", "1")
    assert [t.state for t in made.trials] == ["complete", "complete"]


def test_no_pruning_keeps_what_the_source_calls_pruned_alone(tmp_path: Path) -> None:
    path = on_the_way(
        tmp_path / "t.jsonl",
        ({}, range(1, 4)),
        ({}, range(1, 3)),
        ({"state": "pruned"}, range(1, 2)),
    )
    assert [t.state for t in records(path).trials] == ["complete", "pruned", "pruned"]
    found = imported(path, no_pruning=True)
    made = found.records[""]
    assert [t.state for t in made.trials] == ["complete", "complete", "pruned"]
    assert made.trials[1].score == pytest.approx(1.02)
    assert "no training is taken as pruned for how far it came, as --no-pruning says" in made.run.notes


def test_a_column_that_grows_on_the_way_is_no_budget(tmp_path: Path) -> None:
    rows = [
        {"strategy": "a", "trial": trial, "epoch": epoch, "step": epoch, "val_score": epoch / 10}
        for trial, epochs in enumerate((3, 1))
        for epoch in range(1, epochs + 1)
    ]
    trials = records(write_jsonl(tmp_path / "t.jsonl", rows)).trials
    assert [t.state for t in trials] == ["complete", "pruned"]
