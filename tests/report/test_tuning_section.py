import itertools
from pathlib import Path

import numpy as np
import pytest
from searched_records import LOSS, by_rate, searched, tabled, trial
from synthetic_records import make_records

from hpo.records.files import read_records
from hpo.records.metrics import Metric
from hpo.report import verdict
from hpo.report.figure import Figure, Line
from hpo.report.sections.tuning import tuning_section
from hpo.report.table import Table

FIVE = [[0.5, 0.6, 0.55, 0.7, 0.9]]
STEADY = [[0.70, 0.71, 0.72, 0.71, 0.70]]


def section_of(records):
    return tuning_section(records, verdict(records))


def parts(section) -> dict[str, Table | Figure]:
    return {part.name: part for part in section.parts}


def estimates(section):
    return parts(section)["tuning-curve"].table.frame.set_index(["strategy", "n"])


def lines(section):
    figure = parts(section)["tuning-curve"]
    return {mark.name: mark for panel in figure.panels for mark in panel.marks if isinstance(mark, Line)}


def best_without_replacement(scores, n, best=max):
    return np.mean([best(sample) for sample in itertools.combinations(scores, n)])


def best_with_replacement(scores, n, best=max):
    return np.mean([best(sample) for sample in itertools.product(scores, repeat=n)])


def test_the_curve_is_the_mean_best_of_all_samples_of_the_draws():
    frame = estimates(section_of(tabled({"a": FIVE})))
    assert list(frame.loc["a"].index) == [1, 2, 5]
    for n in (1, 2, 5):
        assert frame.expected_best_u["a", n] == pytest.approx(best_without_replacement(FIVE[0], n))
        assert frame.expected_best_v["a", n] == pytest.approx(best_with_replacement(FIVE[0], n))


def test_the_line_drawn_is_the_u_estimate_in_percent():
    line = lines(section_of(tabled({"a": FIVE})))["a"]
    assert line.x == [1, 2, 3, 4, 5]
    assert line.y == pytest.approx([100 * best_without_replacement(FIVE[0], n) for n in range(1, 6)])


def test_draws_of_all_searches_are_pooled():
    section = section_of(tabled({"a": [[0.5, 0.6], [0.55, 0.7, 0.9]]}))
    frame = estimates(section)
    assert frame.draws["a", 1] == 5
    assert frame.expected_best_u["a", 2] == pytest.approx(best_without_replacement(FIVE[0], 2))
    assert "5 draws each, pooled over 2 searches" in parts(section)["tuning-curve"].caption


def test_the_tail_begins_beyond_half_of_the_draws():
    section = section_of(tabled({"a": FIVE}))
    line = lines(section)["a"]
    assert [n for place, n in enumerate(line.x) if place >= line.tail_from] == [3, 4, 5]
    assert estimates(section).reliable.tolist() == [True, True, False]


def test_a_failed_draw_has_the_worst_value_of_a_share():
    section = section_of(tabled({"a": [[0.5, None, 0.7]]}))
    frame = estimates(section)
    assert frame.expected_best_u["a", 2] == pytest.approx(best_without_replacement([0.5, 0.0, 0.7], 2))
    assert frame.failed["a", 1] == 1
    assert "1 failed draw counted with the metric's worst value, 0.0 %" in section.text[0]


def test_a_failed_draw_of_a_metric_without_bounds_has_the_worst_score_of_the_run():
    section = section_of(tabled({"a": [[0.5, None, 0.7]], "b": [[0.4, 1.5, 0.6]]}, metric=LOSS))
    frame = estimates(section)
    assert frame.expected_best_u["a", 2] == pytest.approx(best_without_replacement([0.5, 1.5, 0.7], 2, min))
    assert "the worst score of the run, 1.5" in section.text[0]


def test_a_metric_without_bounds_has_no_band_and_says_why():
    section = section_of(tabled({"a": FIVE}, metric=LOSS))
    assert lines(section)["a"].band is None
    assert "No band: loss has no bounds" in parts(section)["tuning-curve"].caption
    assert "95 % band" not in parts(section)["tuning-curve"].table.columns


def test_a_band_of_repeated_scores_is_opdas_dkw_and_named():
    from opda.nonparametric import EmpiricalDistribution

    scores = np.round(np.random.default_rng(0).uniform(0.5, 0.9, 30), 1)
    section = section_of(tabled({"a": [scores.tolist()]}))
    frame = estimates(section)
    low, _, high = EmpiricalDistribution.confidence_bands(scores, 0.95, 0.0, 1.0, method="dkw")
    ns = frame.loc["a"].index.to_numpy()
    # More of the distribution below a score makes a worse best of n.
    assert frame.band_low.to_numpy() == pytest.approx(high.average_tuning_curve(ns))
    assert frame.band_high.to_numpy() == pytest.approx(low.average_tuning_curve(ns))
    assert (frame.band_method == "dkw").all()
    assert "Dvoretzky, Kiefer and Wolfowitz" in parts(section)["tuning-curve"].caption


def test_bands_of_two_methods_are_named_by_strategy():
    distinct = np.random.default_rng(1).uniform(0.5, 0.9, 8).tolist()
    section = section_of(tabled({"a": [distinct], "b": STEADY}))
    caption = parts(section)["tuning-curve"].caption
    assert "a: Learned-Miller and DeStefano's" in caption
    assert "b: Dvoretzky" in caption
    frame = estimates(section)
    assert ((frame.band_low <= frame.expected_best_u) & (frame.expected_best_u <= frame.band_high)).all()


def test_several_curves_stand_together_and_each_with_its_band():
    section = section_of(tabled({"a": FIVE, "b": STEADY}))
    panels = parts(section)["tuning-curve"].panels
    assert [panel.heading for panel in panels] == ["together", "a", "b"]
    assert [mark.style for mark in panels[0].marks] == [0, 1]
    assert all(mark.band is None for mark in panels[0].marks)
    assert panels[2].marks[0].band is not None
    assert panels[1].y == panels[2].y


def test_the_number_of_draws_at_which_one_strategy_passes_another_is_told():
    section = section_of(tabled({"a": FIVE, "b": STEADY}))
    frame = parts(section)["tuning-crossings"].frame
    ahead = {
        n: "a" if best_without_replacement(FIVE[0], n) > best_without_replacement(STEADY[0], n) else "b"
        for n in range(1, 6)
    }
    first = min(n for n in ahead if ahead[n] == "a")
    assert ahead[1] == "b"
    assert list(zip(frame.from_n, frame.ahead, strict=True)) == [(1, "b"), (first, "a")]
    assert list(frame.reliable) == [True, first <= 2]


def test_a_lower_loss_is_ahead():
    section = section_of(tabled({"a": [[0.4, 0.5, 0.6]], "b": [[0.7, 0.8, 0.9]]}, metric=LOSS))
    frame = parts(section)["tuning-crossings"].frame
    assert list(frame.ahead) == ["a"]
    assert estimates(section).expected_best_u["a", 3] == 0.4


def test_the_default_configuration_is_no_draw():
    records = searched(trials=6, replicates=2)
    frame = estimates(section_of(records))
    own = [t.score for t in records.trials if t.strategy == "a" and t.draw > 0]
    assert frame.draws["a", 1] == 10
    assert frame.expected_best_u["a", 1] == pytest.approx(np.mean(own))
    assert "is no draw and left out" in section_of(records).text[0]


def test_one_strategy_has_one_panel_and_no_crossings():
    section = section_of(searched(by_rate, trials=12, replicates=1, strategies=("only",)))
    assert set(parts(section)) == {"tuning-curve"}
    assert len(parts(section)["tuning-curve"].panels) == 1
    assert "11 draws each, of one search" in parts(section)["tuning-curve"].caption


def repeated():
    rows = {"a": [FIVE[0], FIVE[0]]}
    records = tabled(rows)
    same = [t.model_copy(update={"parameters": {"x": t.draw}}) for t in records.trials]
    return records.model_copy(update={"trials": tuple(same)})


def pruned():
    records = searched(trials=4)
    cut = trial("a", 0, 9, None).model_copy(update={"state": "pruned"})
    return records.model_copy(update={"trials": (*records.trials, cut)})


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (make_records(), "tpe, pruned by successive_halving, reduction factor 2): see the anytime curve"),
        (tabled({"a": FIVE}, independent=None), "not recorded; say --independent when importing"),
        (tabled({"a": FIVE}, independent=False), "see the anytime curve"),
        (pruned(), "Trials were pruned"),
        (repeated(), "drew the same configurations"),
        (tabled({"a": [[None, None]]}), "No trial is complete"),
    ],
)
def test_without_independent_draws_the_section_says_why_it_is_absent(records, reason):
    section = section_of(records)
    assert reason in section.absent
    assert section.parts == section.text == ()


def test_the_example_points_to_the_anytime_curve():
    section = section_of(read_records(Path(__file__).parents[2] / "results" / "example"))
    assert section.absent.endswith("see the anytime curve.")


def test_a_sequence_of_points_is_said_to_be_no_random_one():
    records = searched(trials=8)
    search = records.run.search.model_copy(update={"sampler": "qmc"})
    run = records.run.model_copy(update={"search": search})
    assert "low-discrepancy" in section_of(records.model_copy(update={"run": run})).text[0]


def test_many_draws_are_drawn_to_a_thousand_with_few_points():
    scores = np.random.default_rng(3).normal(0.7, 0.05, (5, 500)).clip(0, 1)
    section = section_of(tabled({"a": scores.tolist()}, metric=Metric()))
    figure = parts(section)["tuning-curve"]
    assert len(lines(section)["a"].x) <= 200
    assert lines(section)["a"].x[-1] == 1000
    assert figure.caption.endswith("Drawn to n = 1,000.")
    values = np.sort(scores.ravel())
    # P(best of 2 without replacement <= y(i)) = C(i, 2) / C(N, 2)
    i = np.arange(1, 2501)
    expected = (values * (i - 1)).sum() / (2500 * 2499 / 2)
    assert estimates(section).expected_best_u["a", 2] == pytest.approx(expected)


def seeded(seed_of):
    records = searched(trials=6, replicates=2)
    trials = tuple(t.model_copy(update={"seed": seed_of(t)}) for t in records.trials)
    return records.model_copy(update={"trials": trials})


def test_trials_that_share_a_seed_of_training_are_said_to():
    caption = parts(section_of(seeded(lambda t: 7 + t.replicate)))["tuning-curve"].caption
    assert "Trials of a replicate share one seed of training" in caption
    assert "and over 2 seeds of training alone." in caption
    same = parts(section_of(seeded(lambda _: 7)))["tuning-curve"].caption
    assert "and over 1 seed of training alone." in same


def test_trials_with_seeds_of_their_own_or_unknown_ones_are_not():
    for seed_of in (lambda t: 100 * t.replicate + t.draw, lambda _: -1):
        assert "share one seed" not in parts(section_of(seeded(seed_of)))["tuning-curve"].caption


def test_searches_that_differ_in_number_are_told_as_a_range():
    section = section_of(tabled({"a": [[0.5, 0.6], [0.55, 0.7]], "b": [[0.4, 0.8]]}))
    assert "2 to 4 draws each, pooled over 1 to 2 searches" in parts(section)["tuning-curve"].caption
