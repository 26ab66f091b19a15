import itertools
from pathlib import Path

import numpy as np
import pytest
from searched_records import LOSS, SPACE, by_rate, noise, place, searched, tabled

from hpo.records.files import read_records
from hpo.records.search import ParameterInfo
from hpo.report import verdict
from hpo.report.figure import Bars, Cells, Dots, Figure, Line
from hpo.report.sections.importance import importance_section
from hpo.report.table import Table
from hpo.stats import fanova

PARTS = ("importance", "interactions", "slices", "marginals", "path")


def section_of(records):
    return importance_section(records, verdict(records))


def parts(section) -> dict[str, Table | Figure]:
    return {part.name: part for part in section.parts}


def frame_of(section, name="importance"):
    return parts(section)[name].table.frame.set_index("parameter")


def marks(panel, kind):
    return [mark for mark in panel.marks if isinstance(mark, kind)]


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanova, "RESAMPLES", 5)
        yield


@pytest.fixture(scope="module")
def records():
    return searched(by_rate)


@pytest.fixture(scope="module")
def section(records):
    return section_of(records)


@pytest.fixture(scope="module")
def example():
    return section_of(read_records(Path(__file__).parents[2] / "results" / "example"))


def test_the_parameter_that_makes_the_score_comes_first_in_both_methods(section):
    frame = frame_of(section)
    assert frame.index[0] == "rate"
    assert frame.fanova_share["rate"] > 0.8
    assert frame.ped_anova.idxmax() == "rate"
    assert (frame.fanova_low <= frame.fanova_share).all()
    assert (frame.fanova_share <= frame.fanova_high).all()


def test_shares_of_additive_effects_are_those_of_their_variances():
    # Uniform rate: (3 u) has variance 9/12; uniform dropout / 0.5: (2 v) has 4/12. Shares 9/13 and 4/13.
    score = lambda values, _: 0.3 * place(values["rate"]) + 0.2 * values["dropout"] / 0.5  # noqa: E731
    frame = frame_of(section_of(searched(score, trials=300)))
    assert frame.fanova_share["rate"] == pytest.approx(9 / 13, abs=0.06)
    assert frame.fanova_share["dropout"] == pytest.approx(4 / 13, abs=0.06)


def test_bars_stand_in_one_order_with_their_intervals(section):
    figure, frame = parts(section)["importance"], frame_of(section)
    assert [panel.heading for panel in figure.panels] == ["fANOVA", "PED-ANOVA"]
    assert figure.panels[0].y == figure.panels[1].y
    ticks = {label: height for height, label in figure.panels[0].y.ticks}
    assert sorted(ticks, key=lambda name: -ticks[name]) == list(frame.index)
    bars = marks(figure.panels[0], Bars)[0]
    drawn = dict(zip(bars.y, zip(bars.x, bars.low, bars.high, strict=True), strict=True))
    row = frame.loc["rate"]
    assert drawn[ticks["rate"]] == pytest.approx(
        (100 * row.fanova_share, 100 * row.fanova_low, 100 * row.fanova_high)
    )


def test_quantile_n_trees_and_r2_are_stated(section):
    caption = parts(section)["importance"].caption
    assert "a forest of 64 trees on 160 trials (out-of-bag R2 0." in caption
    assert "the best 10 % (16 of 160 trials)" in caption
    assert "5 forests of 16 trees and 100 resamples" in caption


def test_strategies_are_one_more_parameter_and_it_is_said(section):
    assert "of all strategies together with arm as a parameter without an order" in section.text[0]
    assert "arm" in frame_of(section).index


def test_a_conditional_parameter_is_judged_by_the_trials_that_have_it(section):
    frame = frame_of(section)
    assert frame.fanova_trials["decay"] == frame.ped_anova_trials["decay"] == 80
    assert frame.fanova_trials["rate"] == 160


def test_a_forest_that_explains_nothing_shows_no_shares():
    section = section_of(searched(noise))
    assert any("the forest explains nothing (out-of-bag R2 -" in text for text in section.text)
    assert frame_of(section).fanova_share.isna().all()
    assert [panel.heading for panel in parts(section)["importance"].panels] == ["PED-ANOVA"]
    assert set(parts(section)) == {"importance", "slices"}
    assert all(not marks(panel, Line) for panel in parts(section)["slices"].panels)


def test_fewer_than_five_top_trials_show_no_ped_anova():
    section = section_of(searched(by_rate, trials=10, replicates=2))
    assert "the best 10 % are 4 trials, too few for a density (5)" in " ".join(section.text)
    assert frame_of(section).ped_anova.isna().all()
    assert [panel.heading for panel in parts(section)["importance"].panels] == ["fANOVA"]


def test_the_best_losses_are_the_lowest():
    # The lowest losses lie at low dropout alone, the highest at high rates.
    def loss(values, random):
        return float(values["dropout"] < 0.1) * -1.0 + float(place(values["rate"]) > 0.8) * 1.0

    frame = frame_of(section_of(searched(loss, trials=100, metric=LOSS)))
    assert frame.ped_anova.idxmax() == "dropout"
    turned = frame_of(section_of(searched(lambda v, r: -loss(v, r), trials=100, metric=LOSS)))
    assert turned.ped_anova.idxmax() == "rate"


def test_pruned_failed_and_repeated_trainings_have_no_part():
    records = searched(by_rate)
    odd = []
    for t in records.trials:
        change = {}
        if t.draw == 5:
            change = {"state": "pruned", "score": None}
        elif t.draw == 6:
            change = {"state": "failed", "score": None}
        elif t.draw == 7:
            change = {"duplicate_of": 2}
        odd.append(t.model_copy(update=change))
    kept = [t for t in records.trials if t.draw not in {5, 6, 7}]
    first = section_of(records.model_copy(update={"trials": tuple(odd)}))
    second = section_of(records.model_copy(update={"trials": tuple(kept)}))
    assert frame_of(first).equals(frame_of(second))
    assert first.text[0].startswith("From 148 complete trials")


def test_two_parameters_that_only_work_together_interact():
    # (u - 1/2)(v - 1/2) of uniform u, v has no main effects.
    def score(values, random):
        return 0.5 + (place(values["rate"]) - 0.5) * (values["dropout"] / 0.5 - 0.5)

    section = section_of(searched(score, trials=300, replicates=3))
    frame = parts(section)["interactions"].table.frame
    assert {frame["first"][0], frame["second"][0]} == {"rate", "dropout"}
    assert frame.share[0] > 0.6
    cells = marks(parts(section)["interactions"].panels[0], Cells)[0]
    names = [label for _, label in parts(section)["interactions"].panels[0].x.ticks]
    i, j = names.index("rate"), names.index("dropout")
    assert cells.values[i][j] == cells.values[j][i] == 1
    assert cells.texts[i][j] == f"{100 * frame.share[0]:.1f}"
    assert np.isnan([cells.values[place][place] for place in range(len(names))]).all()


def test_slices_show_every_trial_at_its_value_and_score(records, section):
    figure = parts(section)["slices"]
    assert figure.panels[0].x.title == "rate"
    assert {panel.x.title for panel in figure.panels} == {"rate", "dropout", "layers", "decay"}
    for panel in figure.panels:
        name = panel.x.title
        drawn = sorted(
            (mark.style, x, y) for mark in marks(panel, Dots) for x, y in zip(mark.x, mark.y, strict=True)
        )
        expected = sorted(
            ("ab".index(t.strategy), t.parameters[name], 100 * t.score)
            for t in records.trials
            if name in t.parameters
        )
        assert np.array(drawn) == pytest.approx(np.array(expected))
    assert figure.panels[0].x.log


def test_the_marginal_peaks_where_the_score_does(section):
    curve = marks(parts(section)["slices"].panels[0], Line)[0]
    peak = curve.x[int(np.argmax(curve.y))]
    assert place(peak) == pytest.approx(2 / 3, abs=0.1)
    low, high = curve.band
    assert all(a <= m <= b for a, m, b in zip(low, curve.y, high, strict=True))
    frame = parts(section)["marginals"].frame
    assert list(frame[frame.parameter == "head"].value) == ["[]", "[64]"]


def test_very_many_trials_are_sampled_for_slices_and_it_is_said():
    records = searched(by_rate, trials=500, replicates=2)
    figure = parts(section_of(records))["slices"]
    dots = sum(len(mark.x) for panel in figure.panels for mark in marks(panel, Dots))
    assert 1000 < dots <= 2000
    assert "500 of 2,000 drawn at random" in figure.caption


def test_the_path_goes_from_the_default_to_the_best_configuration(records, section):
    best = max(records.trials, key=lambda t: t.score)
    frame = parts(section)["path"].frame
    assert frame.change[1].startswith("rate 0.001 to ")
    assert frame.gain[1] == max(frame.gain[1:])
    assert frame.predicted.diff()[1:].to_numpy() == pytest.approx(frame.gain[1:].to_numpy(dtype=float))
    named = {change.split()[0] for step in frame.change[1:] for change in step.split("; ")}
    defaults = {p.name: p.default for p in SPACE if p.default is not None}
    assert named == {n for n, v in defaults.items() if n in best.parameters and best.parameters[n] != v}
    assert f"From the default configuration of {best.strategy}" in parts(section)["path"].note
    assert "is a prediction of one forest" in parts(section)["path"].note


def test_the_path_of_a_loss_gains_by_falling():
    def loss(values, random):
        return 1 - by_rate(values, random)

    frame = parts(section_of(searched(loss, metric=LOSS)))["path"].frame
    assert frame.predicted.iloc[-1] < frame.predicted[0]
    gains = frame.gain[1:].to_numpy(dtype=float)
    assert gains[0] > 0
    assert frame.predicted.diff()[1:].to_numpy() == pytest.approx(-gains)


def test_a_space_without_defaults_has_no_path():
    records = searched(by_rate)
    bare = tuple(p.model_copy(update={"default": None}) for p in SPACE)
    run = records.run.model_copy(update={"space": bare})
    section = section_of(records.model_copy(update={"run": run}))
    assert "path" not in parts(section)
    assert any("the space has no default configuration" in text for text in section.text)


def test_a_parameter_that_trials_lack_or_never_vary_is_left_out_and_named():
    records = searched(by_rate)
    changed = []
    for t in records.trials:
        values = dict(t.parameters) | {"layers": 2}
        if t.draw == 3:
            del values["dropout"]
        changed.append(t.model_copy(update={"parameters": values}))
    section = section_of(records.model_copy(update={"trials": tuple(changed)}))
    assert "Left out, without a value of its range in some of the trials: dropout." in section.text
    assert "Left out, with one value in all of the trials: layers." in section.text
    assert not {"dropout", "layers"} & set(frame_of(section).index)


def test_an_import_that_names_no_compared_parameter_has_strategies_as_one():
    records = searched(by_rate)
    run = records.run.model_copy(
        update={"source": "a table", "space": SPACE[1:5], "search": type(records.run.search)()}
    )
    section = section_of(records.model_copy(update={"run": run}))
    assert "strategy" in frame_of(section).index
    assert "not known to be drawn at random" in section.text[0]


def test_a_condition_on_a_fixed_parameter_holds_in_every_trial():
    records = searched(by_rate)
    fixed = ParameterInfo(name="optimizer", kind="fixed", values=("sgd",))
    space = tuple(
        p.model_copy(update={"when": {"optimizer": ("sgd",)}}) if p.name == "rate" else p for p in SPACE
    )
    trials = tuple(
        t.model_copy(update={"parameters": t.parameters | {"optimizer": "sgd"}}) for t in records.trials
    )
    run = records.run.model_copy(update={"space": (*space, fixed)})
    changed = section_of(records.model_copy(update={"run": run, "trials": trials}))
    assert frame_of(changed).equals(frame_of(section_of(records)))
    assert parts(changed)["path"].frame.equals(parts(section_of(records))["path"].frame)


def test_one_strategy_has_no_compared_parameter():
    section = section_of(searched(by_rate, strategies=("only",), trials=30))
    assert "together" not in section.text[0]
    assert set(frame_of(section).index) == {"rate", "dropout", "layers", "head"}


def test_the_example_says_that_its_forest_explains_nothing(example):
    assert any("the forest explains nothing" in text for text in example.text)
    assert "drawn by tpe, and pruned ones are missing" in example.text[0]
    assert "the best 10 % (5 of 32 trials)" in parts(example)["importance"].caption


def fixed():
    records = searched(by_rate, trials=12)
    space = (SPACE[0], ParameterInfo(name="rate", kind="fixed", values=(0.1,)))
    return records.model_copy(update={"run": records.run.model_copy(update={"space": space})})


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (fixed(), "Nothing was searched"),
        (tabled({"a": [[0.5] * 20]}), "Nothing was searched"),
        (
            searched(by_rate, trials=4, replicates=1),
            "8 trainings are complete; importances are told from 10 on",
        ),
        (searched(lambda _, __: 0.5), "All 160 complete trials have the same score"),
        (searched(by_rate).model_copy(update={"trials": ()}), "No training is complete"),
    ],
)
def test_too_little_to_tell_from_is_said(records, reason):
    section = section_of(records)
    assert reason in section.absent
    assert section.parts == section.text == ()


def test_the_same_records_give_the_same_numbers(records, section):
    again = parts(section_of(records))
    for name in PARTS:
        first, second = (p.table if isinstance(p, Figure) else p for p in (parts(section)[name], again[name]))
        assert first.csv() == second.csv()


def test_no_pair_is_listed_twice(section):
    frame = parts(section)["interactions"].table.frame
    pairs = {frozenset(pair) for pair in zip(frame["first"], frame["second"], strict=True)}
    names = [p.name for p in SPACE]
    possible = {frozenset(pair) for pair in itertools.combinations(names, 2)}
    assert len(pairs) == len(frame)
    assert pairs <= possible
