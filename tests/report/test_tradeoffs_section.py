from pathlib import Path

import numpy as np
import pytest
from scored_records import scored
from searched_records import LOSS, by_rate, searched, tabled
from synthetic_records import make_records

from hpo.records.charges import charged_seconds
from hpo.records.files import read_records
from hpo.report import verdict
from hpo.report.figure import NEUTRAL, Dots, Figure, Line
from hpo.report.sections.tradeoffs import tradeoffs_section
from hpo.report.table import Table
from tests.stats.demsar import DEMSAR, TREES


def section_of(records):
    return tradeoffs_section(records, verdict(records))


def parts(section) -> dict[str, Table | Figure]:
    return {part.name: part for part in section.parts}


def marks(figure: Figure, kind):
    return [mark for mark in figure.panels[0].marks if isinstance(mark, kind)]


def priced(scores, prices, names, metric=None):
    """Confirmations of ``scores`` (replicates, strategies) at ``prices`` (strategies), in device-seconds."""
    records = scored(scores, names, **({"metric": metric} if metric else {}))
    cost = dict(zip(names, prices, strict=True))
    made = tuple(c.model_copy(update={"charged": float(cost[c.strategy])}) for c in records.confirmations)
    return records.model_copy(update={"confirmations": made})


def front_by_pairs(costs, scores):
    """Names that no other dominates, by comparing every pair."""
    return {
        a
        for a in costs
        if not any(
            costs[b] <= costs[a] and scores[b] >= scores[a] and (costs[b], scores[b]) != (costs[a], scores[a])
            for b in costs
        )
    }


@pytest.fixture(scope="module")
def example():
    return read_records(Path(__file__).parents[2] / "results" / "example")


@pytest.fixture(scope="module")
def section(example):
    return section_of(example)


def test_means_and_front_are_those_of_the_confirmations(example, section):
    frame = parts(section)["pareto"].table.frame.set_index("strategy")
    costs, scores = {}, {}
    for name in [*example.run.strategies, "baseline"]:
        own = [c for c in example.confirmations if c.strategy == name]
        costs[name] = np.mean([charged_seconds(c) for c in own])
        scores[name] = np.mean([c.test_score for c in own])
        assert frame.seconds_charged[name] == pytest.approx(costs[name])
        assert frame.test_score[name] == pytest.approx(scores[name])
        assert frame.confirmations[name] == 5
    assert set(frame.index[frame.on_front]) == front_by_pairs(costs, scores)


def test_means_on_the_front_are_large_and_seeds_faint(example, section):
    figure = parts(section)["pareto"]
    frame = figure.table.frame
    singles = [mark for mark in marks(figure, Dots) if mark.weight == "faint"]
    means = [mark for mark in marks(figure, Dots) if mark.weight != "faint"]
    assert [len(mark.x) for mark in singles] == [5] * 6
    assert [mark.weight == "strong" for mark in means] == list(frame.on_front)
    assert [mark.style for mark in means] == [0, 1, 2, 3, 4, NEUTRAL]
    line = marks(figure, Line)[0]
    front = frame[frame.on_front].sort_values("seconds_charged")
    assert line.x == pytest.approx(front.seconds_charged.to_numpy())
    assert line.y == pytest.approx(100 * front.test_score.to_numpy())


def test_a_strategy_that_costs_more_and_scores_less_is_not_on_the_front():
    records = priced([[0.7, 0.8, 0.75]] * 3, [1, 2, 3], ("cheap", "best", "beaten"))
    frame = parts(section_of(records))["pareto"].table.frame.set_index("strategy")
    assert dict(frame.on_front) == {"cheap": True, "best": True, "beaten": False}


def test_a_lower_loss_is_better_on_the_front():
    records = priced([[0.7, 0.8, 0.75]] * 3, [2, 1, 3], ("best", "cheap", "beaten"), metric=LOSS)
    frame = parts(section_of(records))["pareto"].table.frame.set_index("strategy")
    assert dict(frame.on_front) == {"best": True, "cheap": True, "beaten": False}
    y = [mark.y[0] for mark in marks(parts(section_of(records))["pareto"], Dots) if mark.name]
    assert y == pytest.approx([0.7, 0.8, 0.75])


def test_a_front_of_one_has_no_line():
    figure = parts(section_of(priced([[0.9, 0.8]] * 3, [1, 2], ("a", "b"))))["pareto"]
    assert marks(figure, Line) == []
    assert "On the Pareto front of the means: a." in figure.table.note


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (scored(DEMSAR, TREES), "what confirmations cost is not recorded"),
        (tabled({"a": [[0.5]]}), "no confirmation is recorded yet"),
    ],
)
def test_without_costs_or_confirmations_the_section_says_why_it_is_absent(records, reason):
    section = section_of(records)
    assert reason in section.absent
    assert section.parts == section.text == ()


def test_trials_without_confirmations_still_have_parallel_coordinates():
    section = section_of(searched(by_rate))
    assert set(parts(section)) == {"parallel"}
    assert "no confirmation is recorded yet" in section.text[0]


def drawn(figure):
    """Places of every line, axis by axis, by strategy."""
    count = len(figure.panels[0].y.ticks)
    found = {}
    for mark in (mark for mark in marks(figure, Line) if mark.name):
        rows = np.array(mark.x).reshape(-1, count + 1)
        assert np.isnan(rows[:, -1]).all()
        found.setdefault(mark.name, []).extend(rows[:, :-1].tolist())
    return {name: np.array(rows) for name, rows in found.items()}


def test_every_complete_trial_is_a_line_over_the_searched_parameters_to_its_score():
    records = searched(by_rate, trials=20)
    figure = parts(section_of(records))["parallel"]
    assert not figure.paper
    labels = [label for _, label in figure.panels[0].y.ticks]
    assert labels[:2] == ["rate, 1e-4 to 0.1", "dropout, 0 to 0.5"]
    assert labels[-1].startswith("validation accuracy, ")
    lines = drawn(figure)
    scores = np.array([t.score for t in records.trials])
    for name, rows in lines.items():
        own = [t for t in records.trials if t.strategy == name]
        assert len(rows) == 40
        expected = sorted(
            ((np.log10(t.parameters["rate"]) + 4) / 3, (t.score - scores.min()) / np.ptp(scores)) for t in own
        )
        assert np.array(sorted(rows[:, [0, -1]].tolist())) == pytest.approx(np.array(expected))


def test_an_inactive_parameter_leaves_a_gap():
    lines = drawn(parts(section_of(searched(by_rate, trials=20)))["parallel"])
    decay = 4
    assert np.isnan(lines["a"][:, decay]).all()
    assert np.isfinite(lines["b"][:, decay]).all()


def test_trials_of_one_value_lie_side_by_side_in_its_cell():
    records = searched(by_rate, trials=20)
    lines = drawn(parts(section_of(records))["parallel"])
    layers = np.concatenate([rows[:, 2] for rows in lines.values()])
    counts = [sum(t.parameters["layers"] == value for t in records.trials) for value in (1, 2, 3, 4)]
    assert list(np.histogram(layers, bins=[0, 0.25, 0.5, 0.75, 1])[0]) == counts
    assert len(np.unique(layers)) == len(layers)


def test_the_lowest_loss_is_on_the_right():
    records = searched(lambda v, r: 1 - by_rate(v, r), metric=LOSS)
    figure = parts(section_of(records))["parallel"]
    rows = np.concatenate(list(drawn(figure).values()))
    rates = rows[:, 0]
    best = min(records.trials, key=lambda t: t.score)
    assert rates[np.argmax(rows[:, -1])] == pytest.approx((np.log10(best.parameters["rate"]) + 4) / 3)
    assert "the lowest on the right" in figure.caption


def test_of_many_trials_the_best_and_a_sample_are_drawn_and_it_is_said():
    records = searched(by_rate, trials=500)
    figure = parts(section_of(records))["parallel"]
    lines = drawn(figure)
    assert sum(map(len, lines.values())) == 200
    assert "Stronger: the best 20. Drawn: those and 180 others of 2,000, at random." in figure.caption
    strong = [mark for mark in marks(figure, Line) if mark.name and mark.weight == "normal"]
    places = np.concatenate([np.array(mark.x).reshape(-1, 7)[:, -2] for mark in strong])
    scores = np.sort([t.score for t in records.trials])
    expected = (scores[-20:] - scores[0]) / (scores[-1] - scores[0])
    assert np.sort(places) == pytest.approx(expected)


def test_a_run_of_hpo_has_both_parts_and_the_baseline_is_named():
    section = section_of(make_records())
    assert set(parts(section)) == {"pareto", "parallel"}
    assert parts(section)["pareto"].table.rows[-1][0] == "textbook (baseline)"
    pruned = sum(t.score is None for t in make_records().trials)
    assert sum(map(len, drawn(parts(section)["parallel"]).values())) == 100 - pruned
