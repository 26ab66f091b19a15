import statistics

import pytest
from foreign_records import foreign
from many_records import many_records
from synthetic_records import make_records

from hpo.report.figure import NEUTRAL, Dots, Figure, Line
from hpo.report.sections.learning import LINE_POINTS, learning_curves, learning_section
from hpo.report.sections.schedules import schedules_figure
from hpo.report.sections.selected import key, selected
from hpo.report.sentences import verdict


def section_of(records):
    return learning_section(records, verdict(records))


def lines(figure: Figure, panel: int, name: str | None = None) -> list[Line]:
    marks = [mark for mark in figure.panels[panel].marks if isinstance(mark, Line) and len(mark.x)]
    return [mark for mark in marks if name is None or mark.name == name]


@pytest.fixture(scope="module")
def records():
    return make_records(trials=6)


@pytest.fixture(scope="module")
def many():
    return many_records(2500, 10)


def test_each_strategy_has_a_panel_and_each_trial_with_rungs_its_scores(records):
    figure = learning_curves(records)
    assert [panel.heading for panel in figure.panels] == list(records.run.strategies)
    for panel, name in enumerate(records.run.strategies):
        wanted = [
            [100 * r.score for r in t.rungs]
            for t in records.trials
            if t.strategy == name and len(t.rungs) > 1
        ]
        assert [list(line.y) for line in lines(figure, panel)] == wanted


def test_the_selected_are_thick_and_the_pruned_end_in_a_grey_cross(records):
    figure = learning_curves(records)
    chosen = selected(records)
    assert len(chosen) == 25
    assert len([line for panel in range(5) for line in lines(figure, panel, "selected")]) == 25
    assert all(line.weight == "strong" for panel in range(5) for line in lines(figure, panel, "selected"))
    ends = [m for p in figure.panels for m in p.marks if isinstance(m, Dots) and m.name == "pruned" and m.x]
    pruned = [t for t in records.trials if t.state == "pruned"]
    assert [(m.x[0], m.y[0]) for m in ends] == [
        (t.rungs[-1].examples, 100 * t.rungs[-1].score) for t in pruned
    ]
    assert {(m.marker, m.style) for m in ends} == {("x", NEUTRAL)}


def test_a_replicate_is_told_by_its_dash(records):
    strong = lines(learning_curves(records), 0, "selected")
    assert [line.dash for line in strong] == [0, 1, 2, 3, 4]


def test_panels_share_their_axes_so_that_heights_compare(records):
    figure = learning_curves(records)
    assert len({panel.y.limits for panel in figure.panels}) == 1
    low, high = figure.panels[0].y.limits
    scores = [100 * r.score for t in records.trials for r in t.rungs]
    assert low < min(scores) < max(scores) < high


def test_a_failed_trial_has_an_end_of_its_own_and_the_caption_counts_those_without_a_line(records):
    assert "1 trial without an evaluated rung have no line" in learning_curves(records).caption
    trials = [
        t.model_copy(update={"state": "failed", "score": None}) if t.draw == 0 else t for t in records.trials
    ]
    figure = learning_curves(records.model_copy(update={"trials": tuple(trials)}))
    ends = [m for p in figure.panels for m in p.marks if isinstance(m, Dots) and m.name == "failed" and m.x]
    assert len(ends) == 25


def test_the_table_holds_every_rung_with_its_losses_and_rate(records):
    table = learning_curves(records).table
    rungs = [r for t in records.trials for r in t.rungs]
    assert list(table.frame["validation_score"]) == [r.score for r in rungs]
    assert list(table.frame["train_loss"]) == [r.train_loss for r in rungs]


def test_a_point_tells_the_draw_and_its_searched_parameters(records):
    hover = lines(learning_curves(records), 0)[0].hover[0]
    assert "replicate 0, draw 0: complete" in hover
    assert "learning_rate=2e-4" in hover
    assert "epochs" not in hover


def test_very_many_trials_are_drawn_as_quantiles_of_complete_and_of_pruned_ones_apart(many):
    figure = learning_curves(many)
    strategy = many.run.strategies[1]
    for state in ("complete", "pruned"):
        (band,) = lines(figure, 1, state)
        for x, y in zip(band.x, band.y, strict=True):
            there = [
                100 * r.score
                for t in many.trials
                if t.strategy == strategy and t.state == state
                for r in t.rungs
                if r.examples == x
            ]
            assert y == pytest.approx(statistics.median(there))
    low, high = lines(figure, 1, "complete")[0].band
    deciles = statistics.quantiles(
        [100 * t.rungs[-1].score for t in many.trials if t.strategy == strategy and t.state == "complete"],
        n=10,
        method="inclusive",
    )
    assert (low[-1], high[-1]) == pytest.approx((deciles[0], deciles[-1]))
    assert len(lines(figure, 1, "selected")) == 5


def test_a_figure_of_very_many_trials_holds_few_points_and_says_what_it_shows(many):
    assert sum(len(t.rungs) for t in many.trials) > LINE_POINTS
    figure = learning_curves(many)
    assert sum(len(mark.x) for p in figure.panels for mark in p.marks) < 1000
    assert "median and 10 to 90 %" in figure.caption
    pruned = sum(t.state == "pruned" for t in many.trials)
    assert f"{pruned:,} pruned trials apart" in figure.caption
    assert len(figure.table.rows) <= 500
    rows = figure.table.frame
    first = rows[(rows["strategy"] == "linear") & (rows["trials"] == "pruned")].iloc[0]
    assert first["n"] == sum(t.strategy == "linear" and t.state == "pruned" for t in many.trials)


def test_rungs_that_double_stand_on_a_logarithmic_axis_and_even_ones_do_not(records, many):
    assert learning_curves(many).panels[0].x.log
    even = [
        t.model_copy(
            update={
                "rungs": tuple(t.rungs[0].model_copy(update={"examples": 10 * (i + 1)}) for i in range(60))
            }
        )
        for t in records.trials
        if t.rungs
    ]
    assert not learning_curves(records.model_copy(update={"trials": tuple(even)})).panels[0].x.log


def test_the_rates_are_those_of_the_selected_trials_at_their_rungs(records):
    trials = tuple(
        t.model_copy(
            update={
                "rungs": tuple(
                    r.model_copy(update={"learning_rate": t.draw + 0.1 * i}) for i, r in enumerate(t.rungs)
                )
            }
        )
        for t in records.trials
    )
    changed = records.model_copy(update={"trials": trials})
    figure = schedules_figure(changed)
    wanted = [
        [r.learning_rate for r in t.rungs]
        for t in trials
        if key(t) in selected(records) and t.strategy == "cosine"
    ]
    assert len(wanted) == 5
    assert [list(line.y) for line in lines(figure, 2)] == wanted
    assert len(figure.table.rows) == 75


def test_rates_that_were_not_recorded_are_not_drawn_and_that_is_said(records):
    trials = tuple(
        t.model_copy(update={"rungs": tuple(r.model_copy(update={"learning_rate": None}) for r in t.rungs)})
        for t in records.trials
    )
    found = section_of(records.model_copy(update={"trials": trials}))
    assert [part.name for part in found.parts] == ["curves"]
    assert found.text == ("Learning rates were not recorded with the scores.",)
    assert [part.name for part in section_of(records).parts] == ["curves", "schedules"]


def test_a_run_without_curves_says_what_is_missing(records):
    assert section_of(foreign(records)).absent.startswith("Trials have one score each")
    nothing = records.model_copy(update={"trials": (), "confirmations": ()})
    assert section_of(nothing).absent == "No trial has reached a rung yet."
