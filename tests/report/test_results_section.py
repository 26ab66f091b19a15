import math

import pytest
from foreign_records import foreign
from synthetic_records import make_records

from hpo.report.analysis import analyse
from hpo.report.figure import NEUTRAL, Dots, Figure, Intervals
from hpo.report.sections.results import confirmations_figure, results_section
from hpo.report.sentences import verdict


def section_of(records):
    return results_section(records, verdict(records))


def figure_of(records) -> Figure:
    return confirmations_figure(records, analyse(records))


def marks(figure: Figure, kind):
    return [mark for mark in figure.panels[0].marks if isinstance(mark, kind)]


def test_means_come_before_their_dots_comparisons_and_configurations():
    assert [part.name for part in section_of(make_records()).parts] == [
        "main",
        "confirmations",
        "comparisons",
        "selected",
    ]


def test_every_confirmation_is_a_dot_above_the_mean_of_its_row():
    records = make_records(seeds=3)
    figure = figure_of(records)
    names = [*records.run.strategies, "textbook"]
    for name, dots, mean in zip(names, marks(figure, Dots), marks(figure, Intervals), strict=True):
        scores = [100 * c.test_score for c in records.confirmations if c.strategy == name]
        assert list(dots.x) == pytest.approx(scores)
        assert mean.x[0] == pytest.approx(sum(scores) / len(scores))
        assert mean.low[0] < mean.x[0] < mean.high[0]
        assert all(0 < y - mean.y[0] < 0.5 for y in dots.y)


def test_intervals_are_those_of_the_main_table():
    records = make_records()
    main = section_of(records).parts[0].frame
    intervals = marks(figure_of(records), Intervals)
    assert [i.low[0] for i in intervals] == pytest.approx(list(100 * main["interval_low"]))
    assert [i.high[0] for i in intervals] == pytest.approx(list(100 * main["interval_high"]))


def test_strategies_have_the_style_of_their_place_in_the_run_and_the_baseline_none():
    figure = figure_of(make_records())
    assert [mark.style for mark in marks(figure, Intervals)] == [0, 1, 2, 3, 4, NEUTRAL]
    assert [mark.style for mark in marks(figure, Dots)] == [0, 1, 2, 3, 4, NEUTRAL]


def test_rows_are_named_from_the_top_and_a_baseline_says_that_it_is_one():
    ticks = figure_of(make_records()).panels[0].y.ticks
    assert ticks[0] == (5.0, "constant")
    assert ticks[-1] == (0.0, "textbook (baseline)")
    assert figure_of(make_records(baseline="baseline")).panels[0].y.ticks[-1][1] == "baseline"


def test_replicates_stand_at_heights_of_their_own():
    dots = marks(figure_of(make_records(replicates=3, seeds=2)), Dots)[0]
    assert len(set(dots.y)) == 3
    assert dots.y[0] == dots.y[1]


def test_the_caption_says_what_the_interval_is_over_and_of_how_many():
    caption = figure_of(make_records()).caption
    assert "mean over searches, with its 95 % interval over them and the test items" in caption
    assert "5 searches x 1 seed, 1,000 items" in caption
    one = figure_of(make_records(replicates=1, seeds=6)).caption
    assert "mean over seeds" in one
    assert "1 search x 6 seeds" in one


def test_a_single_unit_has_a_mean_without_an_interval():
    figure = figure_of(foreign(make_records({"a": 0.8, "b": 0.7}, replicates=1, seeds=1, baseline=None)))
    assert marks(figure, Intervals) == []
    assert [mark.weight for mark in marks(figure, Dots)] == ["normal", "strong"] * 2
    assert all(math.isfinite(x) for mark in marks(figure, Dots) for x in mark.x)
    assert "one alone has no interval" in figure.caption


def test_the_table_beneath_holds_every_confirmation_with_its_drop():
    records = make_records()
    table = figure_of(records).table
    assert len(table.rows) == len(records.confirmations) == len(table.frame)
    first = records.confirmations[0]
    assert table.frame["test_score"][0] == first.test_score
    assert table.frame["drop"][0] == pytest.approx(first.selected_score - first.test_score)


def test_a_minimised_metric_that_is_no_share_is_drawn_in_its_own_unit():
    records = foreign(make_records())
    figure = figure_of(records)
    own = [c.test_score for c in records.confirmations if c.strategy == "constant"]
    assert list(marks(figure, Dots)[0].x) == pytest.approx(own)
    assert figure.panels[0].x.title == "test log-loss"
    assert "not always of a fresh seed" in figure.caption
    assert "test items" not in figure.caption.split("(")[0]
    assert "seed not recorded" in marks(figure, Dots)[0].hover[0]


def test_before_the_first_confirmation_the_section_is_absent_with_its_reason():
    records = make_records().model_copy(update={"confirmations": ()})
    found = section_of(records)
    assert found.parts == ()
    assert found.absent.startswith("No confirmation is recorded yet")
    other = section_of(foreign(records))
    assert other.absent.startswith("Optuna holds no test score")


def test_an_unfinished_run_shows_what_is_there():
    records = make_records()
    found = section_of(records.model_copy(update={"confirmations": records.confirmations[:7]}))
    assert [part.name for part in found.parts][:2] == ["main", "confirmations"]
    assert len(marks(found.parts[1], Intervals)) + len(marks(found.parts[1], Dots)) == 4


def test_one_strategy_has_no_comparisons():
    found = section_of(make_records({"all": 0.8}, baseline=None))
    assert [part.name for part in found.parts] == ["main", "confirmations", "selected"]
    assert "read the comparisons" not in found.parts[1].caption
