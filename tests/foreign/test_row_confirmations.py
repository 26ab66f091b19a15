"""Which rows of a table are confirmations, of what, and with which seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from sources import imported, of, records, write_csv


def test_rows_that_are_confirmations_are_fresh_and_belong_to_the_selected_trial(tmp_path: Path) -> None:
    header = ("strategy", "phase", "seed", "param.lr", "val_loss", "test_loss")
    rows = [
        ("a", "search", 0, 0.1, 0.5, 0.4),
        ("a", "search", 0, 0.2, 0.3, 0.4),
        ("a", "confirmation", 5, 0.2, 0.35, 0.45),
        ("a", "confirmation", 4, 0.2, 0.36, 0.46),
        ("b", "search", 0, 0.1, 0.2, 0.1),
        ("b", "confirmation", 4, 0.1, 0.25, 0.3),
        ("b", "confirmation", 5, 0.1, 0.26, 0.31),
        ("b", "confirmation", 6, 0.3, "", 0.9),
    ]
    made = records(write_csv(tmp_path / "a.csv", header, rows), maximize=False)
    assert made.run.metric.maximize is False
    assert (made.run.trials, made.run.seeds) == (2, 3)
    a = of(made.confirmations, "a")
    assert [(c.index, c.seed, c.test_score, c.draw, c.selected_score, c.validation_score) for c in a] == [
        (0, 4, 0.46, 1, 0.3, 0.36),
        (1, 5, 0.45, 1, 0.3, 0.35),
    ]
    assert all(c.fresh for c in made.confirmations)
    other = of(made.confirmations, "b")[2]
    assert (other.index, other.draw, other.selected_score) == (2, None, None), (
        "another configuration was not selected"
    )
    assert made.run.search.shared_draws is False, "seed 6 confirms b alone"
    told = imported(tmp_path / "a.csv", maximize=False).told
    assert "2 to 3 confirmations a study: they differ" in told


def test_a_published_table_of_test_scores_is_confirmations_alone(tmp_path: Path) -> None:
    rows = [
        (m, t, s, 90 + i + s)
        for i, m in enumerate(("sgd", "adam"))
        for t in ("cifar/10", "svhn")
        for s in (0, 1, 2)
    ]
    path = write_csv(tmp_path / "table.csv", ("method", "dataset", "seed", "test_accuracy"), rows)
    found = imported(path, percent=True)
    assert [r.run.task for r in found.records.values()] == ["cifar/10", "svhn"]
    for made in found.records.values():
        assert made.trials == ()
        assert made.run.metric.share
        assert (made.run.replicates, made.run.trials, made.run.seeds) == (1, 0, 3)
        assert made.run.search.selection is None
        assert made.run.search.shared_draws is True
        assert [c.test_score for c in of(made.confirmations, "adam")] == [0.91, 0.92, 0.93]
        assert [(c.index, c.seed, c.validation_score, c.draw) for c in of(made.confirmations, "sgd")] == [
            (0, 0, None, None),
            (1, 1, None, None),
            (2, 2, None, None),
        ]
    assert "not recorded: validation score" in found.told


def test_a_confirmation_that_stopped_early_is_no_pruned_trial(tmp_path: Path) -> None:
    rows = [
        *(("a", "search", 1, epoch, 0.5 + epoch / 10, 0.4) for epoch in (1, 2, 3)),
        *(("a", "confirmation", 2, epoch, 0.5 + epoch / 10, 0.4 + epoch / 10) for epoch in (1, 2)),
    ]
    header = ("strategy", "phase", "seed", "epoch", "val_accuracy", "test_accuracy")
    (confirmation,) = records(write_csv(tmp_path / "t.csv", header, rows)).confirmations
    assert (confirmation.fresh, confirmation.best_rung, confirmation.test_score) == (
        True,
        1,
        pytest.approx(0.6),
    )


def test_a_confirmation_with_the_selected_trials_own_seed_is_not_fresh(tmp_path: Path) -> None:
    rows = [
        ("a", "search", 1, 0.5, ""),
        ("a", "search", 2, 0.6, ""),
        ("a", "confirmation", 2, 0.6, 0.5),
        ("a", "confirmation", 1, 0.5, 0.4),
    ]
    header = ("strategy", "phase", "seed", "val_score", "test_score")
    made = records(write_csv(tmp_path / "t.csv", header, rows))
    assert [(c.seed, c.fresh) for c in made.confirmations] == [(1, True), (2, False)]


def test_each_seed_can_be_a_search_of_its_own(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "t.csv", ("strategy", "run", "test_score"), [(s, r, r / 9) for s in "ab" for r in (3, 1)]
    )
    made = records(path, replicate="run")
    assert made.run.replicates == 2
    assert [(c.replicate, c.index, c.test_score) for c in of(made.confirmations, "b", 0)] == [(0, 0, 1 / 9)]
    assert [(c.replicate, c.seed) for c in of(made.confirmations, "b", 1)] == [(1, -1)]
    assert made.run.search.shared_draws is False, "the same number alone shows no shared seed"
    assert records(path, replicate="run", paired=True).run.search.shared_draws is True


def test_replicates_are_counted_in_each_strategy(tmp_path: Path) -> None:
    rows = [(s, r, 0.5) for s, replicates in (("a", (1, 2)), ("b", (3, 4))) for r in replicates]
    made = records(write_csv(tmp_path / "t.csv", ("strategy", "replicate", "test_score"), rows))
    assert made.run.replicates == 2
    assert [(c.strategy, c.replicate) for c in made.confirmations] == [
        ("a", 0),
        ("a", 1),
        ("b", 2),
        ("b", 3),
    ], "another name is another search"
