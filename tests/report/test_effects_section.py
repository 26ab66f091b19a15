import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scored_records import AUC, LOSS, scored
from synthetic_records import make_records

from hpo.records.files import read_records
from hpo.records.metrics import Metric
from hpo.report import verdict
from hpo.report.figure import Dots, Figure, Line, Rule
from hpo.report.sections.effects import effects_section
from hpo.report.table import Table

ACCURACY = Metric()
TWO = ("a", "b")


def section_of(records):
    return effects_section(records, verdict(records))


def parts(section) -> dict[str, Table | Figure]:
    return {part.name: part for part in section.parts}


def marks(figure: Figure, kind):
    return [mark for mark in figure.panels[0].marks if isinstance(mark, kind)]


def unit_means(records, name):
    own = [c for c in records.confirmations if c.strategy == name and c.role == "strategy"]
    return np.array(
        [np.mean([c.test_score for c in own if c.replicate == r]) for r in sorted({c.replicate for c in own})]
    )


@pytest.fixture(scope="module")
def example():
    return read_records(Path(__file__).parents[2] / "results" / "example")


@pytest.fixture(scope="module")
def section(example):
    return section_of(example)


def test_every_strategy_is_held_against_the_reference(example, section):
    figure = parts(section)["differences"]
    assert figure.title == "Differences from linear"
    assert list(figure.table.frame.strategy) == ["constant", "cosine", "inverse_sqrt", "wsd"]
    for row in figure.table.frame.itertuples():
        difference = unit_means(example, row.strategy).mean() - unit_means(example, "linear").mean()
        assert row.difference == pytest.approx(difference)


def test_without_a_reference_every_strategy_is_held_against_the_best():
    records = make_records()
    figure = parts(section_of(records))["differences"]
    means = {name: unit_means(records, name).mean() for name in records.run.strategies}
    best = max(means, key=lambda name: means[name])
    assert figure.title == f"Differences from {best}"
    assert (figure.table.frame.difference < 0).all()
    assert set(figure.table.frame.strategy) == set(means) - {best}


def test_the_margin_and_both_intervals_are_drawn_where_the_table_says(example, section):
    figure = parts(section)["differences"]
    frame = figure.table.frame
    assert [rule.at for rule in marks(figure, Rule)] == pytest.approx([0.0, -0.5, 0.5])
    lines = marks(figure, Line)
    assert [line.weight for line in lines] == ["normal", "strong"] * 4
    for row, together, alone in zip(frame.itertuples(), lines[::2], lines[1::2], strict=True):
        assert tuple(alone.x) == pytest.approx((100 * row.interval_low, 100 * row.interval_high))
        assert tuple(together.x) == pytest.approx((100 * row.together_low, 100 * row.together_high))
        assert row.together_low < row.interval_low < row.difference < row.interval_high < row.together_high
        assert alone.style == together.style == example.run.strategies.index(row.strategy)


def test_intervals_over_searches_alone_are_students():
    scores = np.random.default_rng(0).normal(0.7, 0.05, (8, 2)) + np.array([0, 0.1])
    frame = parts(section_of(scored(scores, TWO)))["differences"].table.frame
    test = stats.ttest_rel(scores[:, 0], scores[:, 1])
    interval = test.confidence_interval(0.95)
    assert frame[["interval_low", "interval_high"]].to_numpy()[0] == pytest.approx(
        [interval.low, interval.high]
    )


def test_a_lower_loss_is_called_better_and_its_difference_is_negative():
    scores = np.random.default_rng(0).normal(0.7, 0.01, (8, 2)) + np.array([0, 0.3])
    figure = parts(section_of(scored(scores, TWO, metric=LOSS, reference="b")))["differences"]
    assert figure.table.frame.difference[0] < 0
    assert figure.table.frame.outcome[0].startswith("better")
    assert "better ones lie to the left of 0" in figure.caption


def test_p_is_the_share_of_pairs_won_by_the_likelier_side(example, section):
    frame = parts(section)["improvement"].frame
    assert len(frame) == 4
    for row in frame.itertuples():
        a, b = unit_means(example, row.first), unit_means(example, row.second)
        share = np.mean((a > b) + 0.5 * (a == b))
        assert row.p_first_better == pytest.approx(share)
        assert share >= 0.5
        assert row.interval_low <= share <= row.interval_high
        assert "linear" in {row.first, row.second}


def test_the_interval_of_p_is_the_binomials_quantiles():
    # Pairs drawn anew as pairs: wins among n are binomial (n, P).
    scores = np.array([[1.0, 0.0]] * 21 + [[0.0, 1.0]] * 9) + np.arange(30)[:, None]
    row = parts(section_of(scored(scores, TWO)))["improvement"].frame.iloc[0]
    assert row.p_first_better == pytest.approx(0.7)
    quantiles = stats.binom(30, 0.7).ppf([0.025, 0.975]) / 30
    assert [row.interval_low, row.interval_high] == pytest.approx(quantiles, abs=0.034)
    assert row.meaningful


@pytest.mark.parametrize(("pairs", "word"), [(5, "too few: 5 of 29"), (28, "too few: 28 of 29"), (29, "yes")])
def test_an_effect_is_called_meaningful_from_29_pairs_on_alone(pairs, word):
    # Bouthillier et al. 2021, app. C.3: 29 runs for 0.75.
    scores = np.column_stack([np.ones(pairs), np.zeros(pairs)]) + np.arange(pairs)[:, None]
    table = parts(section_of(scored(scores, TWO)))["improvement"]
    assert dict(zip(table.columns, table.rows[0], strict=True))["Meaningful"] == word
    assert "29 runs" in table.note
    assert "17 at 80 % power" in table.note


def test_a_weak_effect_of_many_pairs_is_not_meaningful():
    scores = np.array([[1.0, 0.0]] * 53 + [[0.0, 1.0]] * 47)
    table = parts(section_of(scored(scores, TWO)))["improvement"]
    assert table.rows[0][-1] == "no"


def test_runs_that_share_nothing_are_held_each_against_each():
    scores = np.random.default_rng(5).normal(0.7, 0.05, (12, 2)) + np.array([0.02, 0])
    row = parts(section_of(scored(scores, TWO, shared=False)))["improvement"].frame.iloc[0]
    share = np.mean([x > y for x, y in itertools.product(scores[:, 0], scores[:, 1])])
    assert row.p_first_better == pytest.approx(max(share, 1 - share))
    assert not row.paired


def test_the_interquartile_mean_is_scipys_trimmed_mean():
    scores = np.random.default_rng(6).lognormal(0, 1, (16, 2))
    frame = parts(section_of(scored(scores, TWO)))["iqm"].frame
    assert frame.iqm.to_numpy() == pytest.approx(stats.trim_mean(scores, 0.25, axis=0))
    assert frame["mean"].to_numpy() == pytest.approx(scores.mean(axis=0))
    assert (frame.interval_low < frame.iqm).all()
    assert (frame.iqm < frame.interval_high).all()


@pytest.mark.parametrize("metric", [ACCURACY, AUC, LOSS])
def test_a_profile_is_the_share_of_runs_better_than_each_threshold(metric):
    scores = np.round(np.random.default_rng(7).uniform(0.5, 0.9, (9, 3)), 3)
    figure = parts(section_of(scored(scores, ("a", "b", "c"), metric=metric)))["performance-profile"]
    scale = 100 if metric.share else 1
    for index, line in enumerate(marks(figure, Line)):
        for x, y in zip(line.x, line.y, strict=True):
            own = np.round(scale * scores[:, index] - x, 9)
            assert y == pytest.approx(100 * np.mean(own > 0 if metric.maximize else own < 0))
        assert (line.y[0], line.y[-1]) == (100, 0)
    # A step holds until the next threshold, so thresholds go from worse to better.
    first, last = figure.panels[0].x.limits
    assert (first < last) == metric.maximize


def test_a_profile_of_very_many_runs_has_some_hundred_thresholds():
    scores = np.random.default_rng(8).normal(0, 1, (400, 2))
    figure = parts(section_of(scored(scores, TWO)))["performance-profile"]
    assert all(len(line.x) == 152 for line in marks(figure, Line))
    assert len(figure.table.rows) <= 500


def test_the_text_says_what_effects_are_over(section):
    assert section.text[0] == (
        "Effects on this one task; a run is a search, the mean of its fresh seeds. They say nothing of other tasks."
    )
    assert "covered 61 to 84 % in simulation" in section.text[1]
    one = section_of(make_records({"a": 0.8, "b": 0.7}, replicates=1, seeds=6))
    assert "of the selected configurations alone; a run is a fresh seed of the one search" in one.text[0]
    assert parts(one)["iqm"].rows[0][-1] == "6 seeds"


def test_a_single_seed_has_differences_over_items_and_no_effect_over_runs():
    one = section_of(make_records({"a": 0.8, "b": 0.7}, replicates=1, seeds=1))
    assert set(parts(one)) == {"differences"}
    assert "no spread over runs" in one.text[1]


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (make_records({"all": 0.8}), "Nothing is compared"),
        (scored([[0.8, 0.7]], TWO), "With a single run of a strategy there is no spread over runs"),
        (make_records().model_copy(update={"confirmations": ()}), "once every confirmation is in"),
    ],
)
def test_a_run_without_effects_says_why(records, reason):
    section = section_of(records)
    assert section.absent.startswith(reason) or reason in section.absent
    assert section.parts == ()


def test_one_task_has_no_dots_behind_the_mean_difference(section):
    assert [len(dots.x) for dots in marks(parts(section)["differences"], Dots)] == [1] * 4


def test_bands_of_many_strategies_are_left_to_the_table():
    scores = np.random.default_rng(9).normal(0.7, 0.05, (8, 7))
    names = [f"s{i}" for i in range(7)]
    few, many = (parts(section_of(scored(scores[:, :k], names[:k])))["performance-profile"] for k in (6, 7))
    assert all(line.band for line in marks(few, Line))
    assert not any(line.band for line in marks(many, Line))
    assert "in the table alone" in many.caption


def test_trainings_without_a_search_are_called_trainings():
    scores = np.random.default_rng(4).normal(0.7, 0.05, (6, 2))
    section = section_of(scored(scores, TWO))
    assert section.text[0] == (
        "Effects on this one task, of trainings recorded once; a run is a training. They say nothing of other tasks."
    )
    assert "over trainings, as in" in parts(section)["differences"].caption
    assert parts(section)["iqm"].rows[0][-1] == "6 trainings"


def test_an_interval_of_one_training_is_said_to_be_of_these_models():
    one = section_of(make_records({"a": 0.8, "b": 0.7}, replicates=1, seeds=1))
    assert "over test items alone, of these trained models only" in parts(one)["differences"].caption
