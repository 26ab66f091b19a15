import math
import statistics
from pathlib import Path

import numpy as np
import pytest
from searched_records import LOSS, searched, tabled
from synthetic_records import make_records

from hpo.records.charges import charged_seconds, spent_seconds
from hpo.records.files import read_records
from hpo.records.trainings import Rung, Segment
from hpo.report import verdict
from hpo.report.figure import Figure, Line
from hpo.report.sections.anytime import anytime_section
from hpo.report.sections.anytime_costs import budgets
from hpo.report.table import Table

THREE = {"a": [[0.5, 0.7, 0.6], [0.6, 0.6, 0.9], [0.4, 0.8, 0.8]]}


def section_of(records):
    return anytime_section(records, verdict(records))


def parts(section) -> dict[str, Table | Figure]:
    return {part.name: part for part in section.parts}


def points(section, budget="trials"):
    frame = parts(section)["anytime"].table.frame
    return frame[frame.budget == budget].set_index("strategy")


@pytest.fixture(scope="module")
def example():
    return read_records(Path(__file__).parents[2] / "results" / "example")


@pytest.fixture(scope="module")
def section(example):
    return section_of(example)


def median_at(records, strategy, cost, price):
    """Median over searches of the best complete score of the trials that ended within ``cost``; NaN if one has none."""
    best = []
    for replicate in range(records.run.replicates):
        paid, found = 0.0, []
        for t in sorted(records.trials, key=lambda t: t.draw):
            if (t.strategy, t.replicate) != (strategy, replicate):
                continue
            paid += price(t)
            if paid <= cost * (1 + 1e-9) and t.score is not None:
                found.append(t.score)
        best.append(max(found, default=math.nan))
    return math.nan if any(map(math.isnan, best)) else statistics.median(best)


def test_a_point_is_the_median_of_the_best_complete_scores_so_far(example, section):
    for budget, price in (
        ("trials", lambda t: 1),
        ("examples seen", lambda t: t.segments[-1].examples),
        ("seconds charged", charged_seconds),
    ):
        frame = points(section, budget)
        assert len(frame)
        for row in frame.itertuples():
            assert row.median == pytest.approx(median_at(example, row.Index, row.cost, price), nan_ok=True)


def test_every_recorded_cost_has_a_panel_with_the_same_scale(section):
    figure = parts(section)["anytime"]
    assert [panel.x.title for panel in figure.panels] == [
        "trials",
        "examples seen, all trials",
        "device-seconds charged",
        "device-seconds spent",
    ]
    assert len({panel.y.limits for panel in figure.panels}) == 1
    assert all(mark.step for panel in figure.panels for mark in panel.marks)
    assert [mark.style for mark in figure.panels[0].marks] == [0, 1, 2, 3, 4]


def test_searches_together_pay_what_all_trials_spent(example):
    for records in (example, make_records()):
        spent = next(budget for budget in budgets(records) if budget.name == "seconds spent")
        charged = next(budget for budget in budgets(records) if budget.name == "seconds charged")
        total = sum(paid[-1] for paid in spent.paid.values())
        assert total == pytest.approx(spent_seconds(records.trials))
        whole = sum(paid[-1] for paid in charged.paid.values())
        assert whole == pytest.approx(sum(charged_seconds(t) for t in records.trials))
    assert sum(p[-1] for p in budgets(example)[3].paid.values()) < sum(
        p[-1] for p in budgets(example)[2].paid.values()
    )


def test_work_that_two_searches_share_is_paid_by_halves_and_once_in_each():
    records = tabled({"a": [[0.5, 0.6]], "b": [[0.7]]})

    def trained(trial, *keys):
        segments = tuple(
            Segment(key=k, examples=64 * i, steps=i, seconds=10.0) for i, k in enumerate(keys, 1)
        )
        rung = Rung(
            examples=64 * len(keys),
            score=trial.score,
            seconds=1.0,
            evaluation=f"{trial.strategy}{trial.draw}",
        )
        return trial.model_copy(update={"segments": segments, "rungs": (rung,), "retrained_seconds": 0.25})

    first, second, third = records.trials
    made = (trained(first, "trunk", "x"), trained(second, "trunk", "x", "y"), trained(third, "trunk"))
    found = {budget.name: budget.paid for budget in budgets(records.model_copy(update={"trials": made}))}
    assert found["seconds charged"] == {("a", 0): [21, 52], ("b", 0): [11]}
    assert found["seconds spent"]["a", 0] == pytest.approx([5 + 10 + 1 + 0.25, 16.25 + 10 + 1 + 0.25])
    assert found["seconds spent"]["b", 0] == pytest.approx([5 + 1 + 0.25])
    assert found["examples seen"] == {("a", 0): [128, 320], ("b", 0): [64]}


def test_a_pruned_trial_costs_and_gives_no_score():
    records = make_records({"all": 0.8}, replicates=3, trials=8)
    rungs = {t.draw: t.rungs for t in records.trials if t.state == "pruned"}
    assert rungs
    high = tuple(
        t.model_copy(update={"rungs": tuple(r.model_copy(update={"score": 0.99}) for r in t.rungs)})
        if t.state == "pruned"
        else t
        for t in records.trials
    )
    before, after = (
        points(section_of(records)),
        points(section_of(records.model_copy(update={"trials": high}))),
    )
    assert before.equals(after)
    assert before["median"].max() < 0.95


def test_a_foreign_run_without_costs_is_counted_in_trials_alone():
    section = section_of(tabled(THREE, independent=None))
    figure = parts(section)["anytime"]
    assert [panel.x.title for panel in figure.panels] == ["trials"]
    assert "costs are counted in trials alone" in section.text[0]
    frame = points(section)
    assert list(frame.cost) == [1, 2, 3]
    assert list(frame["median"]) == [0.5, 0.7, 0.8]
    assert "Charged" not in figure.caption


def test_whole_costs_alone_are_charged_and_not_called_spent():
    records = tabled(THREE)
    priced = tuple(t.model_copy(update={"charged": 2.5}) for t in records.trials)
    names = [budget.name for budget in budgets(records.model_copy(update={"trials": priced}))]
    assert names == ["trials", "seconds charged"]


def test_the_interval_is_the_bootstrap_of_the_median_over_searches():
    # The median of three draws from three values is the least when at least two draws are: 3 (1/3)^2 (2/3) + (1/3)^3.
    least = 3 * (1 / 9) * (2 / 3) + 1 / 27
    assert least > 0.025
    frame = points(section_of(tabled(THREE)))
    assert list(frame.interval_low) == [0.4, 0.6, 0.7]
    assert list(frame.interval_high) == [0.6, 0.8, 0.9]
    assert list(frame.searches) == [3, 3, 3]
    assert "the median of 3 searches with 75 % at most" in parts(section_of(tabled(THREE)))["anytime"].caption


def test_fewer_than_three_searches_have_no_interval():
    section = section_of(tabled({"a": THREE["a"][:2]}))
    line = parts(section)["anytime"].panels[0].marks[0]
    assert line.band is None
    assert points(section).interval_low.isna().all()
    assert "Fewer than 3 searches give no interval" in parts(section)["anytime"].caption


def test_one_search_is_worded_as_one():
    section = section_of(tabled({"a": [[0.5, 0.7]]}))
    assert "one search of each strategy" in parts(section)["anytime"].caption
    assert parts(section)["anytime"].panels[0].marks[0].y == pytest.approx([50, 70])


def test_a_median_begins_where_every_search_has_a_score():
    section = section_of(tabled({"a": [[None, 0.5], [0.6, 0.4], [0.7, 0.8]]}))
    frame = points(section)
    assert np.isnan(frame["median"].iloc[0])
    assert frame["median"].iloc[-1] == 0.6
    assert parts(section)["anytime-quarters"].rows[0][2:6] == ("-", "-", "-", "60.0 % (50.0 to 80.0 %)")


def test_a_strategy_with_a_search_without_complete_trials_has_no_curve():
    section = section_of(tabled({"a": [[0.5, 0.6], [None, None]], "b": [[0.5, 0.6], [0.7, 0.8]]}))
    assert "No curve of a: a search of it has no complete trial" in section.text[0]
    marks = parts(section)["anytime"].panels[0].marks
    assert [(mark.name, mark.style) for mark in marks] == [("b", 1)]


def test_a_lower_loss_is_the_better_one():
    section = section_of(tabled(THREE, metric=LOSS))
    assert points(section)["median"].iloc[-1] == 0.5
    assert parts(section)["anytime"].caption.startswith("The lowest validation loss")


def test_quarters_are_of_the_least_that_any_search_paid():
    records = tabled({"a": [[0.5] * 8], "b": [[0.4, 0.6, 0.3, 0.9, 0.95, 0.99]]})
    frame = parts(section_of(records))["anytime-quarters"].frame
    own = frame[frame.strategy == "b"]
    assert list(own.cost) == [1.5, 3.0, 4.5, 6.0]
    assert list(own["median"]) == [0.4, 0.6, 0.9, 0.99]


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (tabled({"a": [[None, None]]}), "No trial is complete"),
        (tabled({"a": [[0.5], [None]], "b": [[None], [0.5]]}), "Every strategy has a search without"),
        (searched(trials=1).model_copy(update={"trials": ()}), "No trial is complete"),
    ],
)
def test_without_a_complete_trial_the_section_says_why_it_is_absent(records, reason):
    section = section_of(records)
    assert reason in section.absent
    assert section.parts == ()


def test_many_trials_make_few_points():
    records = searched(trials=1000, replicates=5)
    lines = [m for panel in parts(section_of(records))["anytime"].panels for m in panel.marks]
    assert sum(len(line.x) for line in lines if isinstance(line, Line)) < 200
