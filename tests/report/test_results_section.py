import math

import pytest
from foreign_records import foreign
from scored_records import LOSS, scored
from synthetic_records import make_records

from hpo.records.metrics import Metric
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


TWO = {"a": 0.8, "b": 0.7}
PS = ["p", "p_holm", "p_sign_flip"]


def column(table, name):
    place = table.columns.index(name)
    return [row[place] for row in table.rows]


def comparisons_of(records):
    return next(part for part in section_of(records).parts if part.name == "comparisons")


def test_bold_is_the_lowest_mean_where_lower_is_better():
    main = section_of(foreign(make_records())).parts[0]
    assert "Bold: the lowest mean" in main.note
    (best,) = main.bold
    assert main.frame["test_score"][best] == main.frame["test_score"][:5].min()
    assert "Bold: the highest mean" in section_of(make_records()).parts[0].note


def test_a_drop_is_above_0_where_the_search_was_too_optimistic_whichever_way_is_better():
    up, down = make_records(), foreign(make_records())
    for records, name in (
        (up, "validation at selection minus test"),
        (down, "test minus validation at selection"),
    ):
        assert name in section_of(records).parts[0].note
        assert name in figure_of(records).table.note
    means, turned = (section_of(r).parts[0].frame["drop"][:5].to_numpy(dtype=float) for r in (up, down))
    assert turned == pytest.approx(means, abs=2e-6)
    singles, others = (figure_of(r).table.frame["drop"][:25].to_numpy(dtype=float) for r in (up, down))
    assert others == pytest.approx(singles, abs=2e-6)


def test_costs_that_are_not_recorded_are_no_zeros():
    main = section_of(foreign(make_records())).parts[0]
    assert set(column(main, "Charged, s")) == set(column(main, "Spent, s")) == {"-"}
    assert main.frame[["seconds_charged", "seconds_spent"]].isna().to_numpy().all()
    assert "trainings)" not in main.note


def test_costs_of_some_trainings_say_of_how_many():
    records = make_records()
    bare = records.trials[0].model_copy(update={"segments": (), "rungs": ()})
    part = records.model_copy(update={"trials": (bare, *records.trials[1:])})
    assert "(of 129 of 130 trainings)" in section_of(part).parts[0].note
    assert "trainings)" not in section_of(records).parts[0].note


def test_one_training_a_strategy_speaks_of_these_models_alone():
    main, figure, *_ = section_of(make_records(TWO, replicates=1, seeds=1)).parts
    assert (
        "over items alone: each strategy has one training, so that it speaks of these trained models only"
        in main.note
    )
    assert "interval over the test items alone" in figure.caption
    assert "speaks of these trained models only" in figure.caption


@pytest.mark.parametrize(("replicates", "seeds"), [(1, 1), (1, 4), (2, 5)])
def test_no_p_is_told_where_no_verdict_is_allowed(replicates, seeds):
    found = comparisons_of(make_records(TWO, replicates=replicates, seeds=seeds))
    assert set(column(found, "p, Holm")) == set(column(found, "p, sign flip")) == {"-"}
    assert set(column(found, "Verdict")) == {"inconclusive"}
    assert found.frame[PS].isna().to_numpy().all()
    assert "too few units" in found.note


@pytest.mark.parametrize(("replicates", "seeds"), [(1, 5), (3, 1)])
def test_a_p_is_told_as_soon_as_a_verdict_is_allowed(replicates, seeds):
    found = comparisons_of(make_records(TWO, replicates=replicates, seeds=seeds))
    assert "-" not in column(found, "p, Holm")
    assert found.frame[PS].notna().to_numpy().all()
    assert "too few units" not in found.note


def test_without_a_margin_none_is_told():
    scores = [[0.8, 0.7], [0.81, 0.72], [0.8, 0.69]]
    assert "No margin is known." in comparisons_of(scored(scores, ("a", "b"), metric=LOSS)).note
    assert "Margin of practical equivalence: 0.50 points (" in comparisons_of(make_records(TWO)).note


@pytest.mark.parametrize(
    "scores", [[[0.8, 0.7], [0.81, 0.72], [0.8, 0.69]], [[[0.8, 0.81], [0.7, 0.72]]] * 2]
)
def test_trainings_without_a_search_are_called_trainings(scores):
    records = scored(scores, ("a", "b"), metric=Metric())
    parts = section_of(records).parts
    told = []
    for part in parts:
        table = part.table if isinstance(part, Figure) else part
        told += [
            part.title,
            table.title,
            table.note,
            *table.columns,
            *(cell for row in table.rows for cell in row),
        ]
        told += [part.caption] if isinstance(part, Figure) else []
    text = " ".join(told)
    assert "training" in text
    assert not [word for word in ("searches", "1 search", "elect", "fresh", "onfirmation") if word in text]


def test_a_source_without_any_test_score_and_search_is_absent():
    records = scored([[0.8, 0.7]], ("a", "b")).model_copy(update={"confirmations": ()})
    assert section_of(records).absent == "a table holds no test score, so there is nothing to compare."


def test_spent_seconds_that_add_up_to_more_than_all_are_said_to():
    apart = make_records({"a": 0.8, "b": 0.7}, baseline=None)
    assert "add up to more" not in section_of(apart).parts[0].note
    first = next(t for t in apart.trials if t.strategy == "a")
    place = next(i for i, t in enumerate(apart.trials) if t.strategy == "b")
    shared = apart.trials[place].model_copy(update={"segments": first.segments, "rungs": first.rungs})
    trials = (*apart.trials[:place], shared, *apart.trials[place + 1 :])
    records = apart.model_copy(update={"trials": trials})
    # Each key of work once: of all items, and of those of a strategy.
    work = {
        (item.strategy, key): taken
        for item in (*records.trials, *records.confirmations)
        for key, taken in [
            *((s.key, s.seconds) for s in item.segments),
            *((r.evaluation, r.seconds) for r in item.rungs),
            *([(item.test_evaluation, item.test_seconds)] if hasattr(item, "test_seconds") else []),
        ]
    }
    total = sum({key: taken for (_, key), taken in work.items()}.values())
    main = section_of(records).parts[0]
    assert main.frame["seconds_spent"].sum() == pytest.approx(sum(work.values()))
    assert sum(work.values()) > total + 1
    assert f"these add up to more than the {total:,.1f} device-seconds spent in all." in main.note
