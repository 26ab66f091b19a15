"""Generalization: what is said and drawn of strategies in domain and on shift sets."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from foreign_records import foreign
from scipy import stats
from shifted_records import shifted
from synthetic_records import make_records

from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.records.trainings import Confirmation, SetScores
from hpo.report import verdict
from hpo.report.analysis import analyse
from hpo.report.draw_paper import write_paper
from hpo.report.figure import Figure, Intervals
from hpo.report.kit.answers import data, licences, splits
from hpo.report.kit.methods import methods_tex
from hpo.report.page import render
from hpo.report.section import Section
from hpo.report.sections import build_sections
from hpo.report.sections.generalization import generalization_section
from hpo.report.sections.objections import objections_section
from hpo.report.shifts import domains, drop, ranking
from hpo.report.table import Table
from hpo.stats.crossed import crossed

OWN = {"a": 0.85, "b": 0.80, "c": 0.70}
# In domain a is best. It stays so on reviews, is level with b on mail, and is the worst on tweets.
SKILLS = {
    "reviews": {"a": 0.80, "b": 0.74, "c": 0.66, "textbook": 0.6},
    "mail": {"a": 0.75, "b": 0.75, "c": 0.60, "textbook": 0.6},
    "tweets": {"a": 0.60, "b": 0.68, "c": 0.75, "textbook": 0.6},
}


@pytest.fixture(scope="module")
def records() -> Records:
    return shifted(make_records(OWN), SKILLS)


@pytest.fixture(scope="module")
def section(records: Records) -> Section:
    return generalization_section(records, verdict(records))


def table(section: Section, name: str) -> Table:
    return next(p for p in section.parts if isinstance(p, Table) and p.name == name)


def own(records: Records, strategy: str) -> list[Confirmation]:
    return [c for c in records.confirmations if c.strategy == strategy]


def objection(records: Records) -> str:
    (found,) = objections_section(records, verdict(records)).parts
    assert isinstance(found, Table)
    return dict(found.rows)["It holds on this data alone"]


def test_without_shift_sets_it_is_absent_and_says_how_to_name_some() -> None:
    records = make_records()
    found = generalization_section(records, verdict(records))
    assert found.parts == ()
    assert found.absent.startswith("No shift set was named: `shift` under `task`")
    assert objection(records).startswith("Not tested:")
    imported = foreign(records)
    assert generalization_section(imported, verdict(imported)).absent.startswith("Optuna holds no scores")
    assert objection(imported).startswith("Not recorded")


def test_nothing_is_looked_at_before_the_end(records: Records) -> None:
    unfinished = records.model_copy(update={"confirmations": records.confirmations[1:]})
    found = generalization_section(unfinished, verdict(unfinished))
    assert found.absent == "The run is unfinished, and no shift set is looked at before its end."
    assert objection(unfinished) == "No verdict is drawn yet."


def test_means_and_intervals_are_the_crossed_ones_of_each_set(records: Records, section: Section) -> None:
    found = table(section, "shift_scores")
    assert found.columns == ("Strategy", "In domain", "On reviews", "On mail", "On tweets")
    assert [row[0] for row in found.rows] == ["a", "b", "c", "textbook (baseline)"]
    for place, name in enumerate(("a", "b", "c", "textbook")):
        assert found.frame["in_domain"][place] == pytest.approx(
            np.mean([c.test_score for c in own(records, name)])
        )
        for shift in SKILLS:
            matrix = np.array([c.shifts[shift].correct for c in own(records, name)])
            wanted = crossed(matrix)
            low, high = (found.frame[f"{shift}_{end}"][place] for end in ("low", "high"))
            assert found.frame[shift][place] == pytest.approx(matrix.mean())
            assert (low, high) == pytest.approx(wanted.interval())


def test_groups_of_a_set_are_what_its_intervals_are_over() -> None:
    records = shifted(make_records(OWN), SKILLS, groups=12)
    found = table(generalization_section(records, verdict(records)), "shift_scores")
    groups = records.run.shifts[0].groups
    wanted = crossed(np.array([c.shifts["reviews"].correct for c in own(records, "a")]), groups)
    assert (found.frame["reviews_low"][0], found.frame["reviews_high"][0]) == pytest.approx(wanted.interval())


def test_the_best_of_each_set_is_bold_and_what_is_not_separable_from_it_marked(section: Section) -> None:
    found = table(section, "shift_scores")
    best = {column: row for row, column in found.bold_cells}
    assert best[1] == best[2] == 0
    assert best[4] == 2
    level = 1 - best[3]  # of a and b, equal on mail, the one that is not the best there
    assert (level, 3) in found.marked_cells
    assert {column for _, column in found.marked_cells} == {3}


def test_a_drop_is_the_difference_of_means_and_its_interval_that_of_the_same_searches(
    records: Records, section: Section
) -> None:
    found = table(section, "shift_drops")
    for place, name in enumerate(("a", "b", "c", "textbook")):
        per_search = [c.test_score - c.shifts["tweets"].score for c in own(records, name)]
        assert found.frame["tweets"][place] == pytest.approx(np.mean(per_search))
        low, high = stats.t.interval(0.95, 4, np.mean(per_search), stats.sem(per_search))
        assert found.frame["tweets_low"][place] <= low + 1e-9  # the items of both sets add to it
        assert found.frame["tweets_high"][place] >= high - 1e-9
    assert "Drop of a from in domain, points" in section.text[-1]


def test_a_drop_of_a_minimised_metric_is_above_zero_where_losses_rise(records: Records) -> None:
    loss = Metric(name="log-loss", maximize=False, share=False)
    head = records.run.model_copy(update={"metric": loss})
    turned = records.model_copy(
        update={"run": head, "confirmations": tuple(_as_losses(c) for c in records.confirmations)}
    )
    home, *away = domains(turned, verdict(turned))
    was_home, *was_away = domains(records, verdict(records))
    for now, before in zip(away, was_away, strict=True):
        wanted = drop(was_home, before, "strategy", "b")
        found = drop(home, now, "strategy", "b")
        assert (found.mean, found.variance) == pytest.approx((wanted.mean, wanted.variance))


def _as_losses(c: Confirmation) -> Confirmation:
    def values(correct: tuple[int, ...] | None) -> tuple[float, ...]:
        return tuple(1.0 - right for right in correct or ())

    shifts = {
        name: s.model_copy(update={"score": 1 - s.score, "correct": None, "values": values(s.correct)})
        for name, s in c.shifts.items()
    }
    scored = {"test_score": 1 - c.test_score, "test_correct": None, "test_values": values(c.test_correct)}
    return c.model_copy(update={**scored, "shifts": shifts})


def test_the_ranking_of_each_set_is_judged_as_if_it_were_the_test_split(records: Records) -> None:
    home, *away = domains(records, verdict(records))
    assert home.analysis == analyse(records)
    tweets = away[2]
    pairs = {(c.first, c.second): c for c in tweets.analysis.comparisons}
    assert set(pairs) == set(combinations("abc", 2))
    difference = np.array(
        [
            np.array(x.shifts["tweets"].correct) - np.array(y.shifts["tweets"].correct)
            for x, y in zip(own(records, "a"), own(records, "c"), strict=True)
        ]
    )
    wanted = crossed(difference)
    assert pairs["a", "c"].estimate.interval() == pytest.approx(wanted.interval())
    assert pairs["a", "c"].holm_p >= wanted.p_value()


def test_where_the_ranking_changes_is_said(records: Records, section: Section) -> None:
    home, *away = domains(records, verdict(records))
    reviews, mail, tweets = (found for domain in away if (found := ranking(home, domain)) is not None)
    assert (reviews.winner_is, tweets.winner_is) == ("best", "worse")
    assert mail.winner_is in {"best", "level"}
    assert reviews.same_order
    assert not reviews.turned
    assert tweets.tau == -1.0
    assert {(c.first, c.second) for c in tweets.turned} == {("a", "b"), ("a", "c"), ("b", "c")}
    told = " ".join(section.text)
    assert (
        "On reviews a is best as in domain, and all means stand in the order that they have in domain."
        in told
    )
    assert (
        "On tweets the best mean is that of c, which is shown to be better than a; the order of the means changes "
        "(Kendall's tau -1.00)." in told
    )
    assert "is best or not separable from the best on 2; on tweets it is shown to be worse" in told
    assert "Decided one way in domain and the other way out of it: a - b on tweets" in told
    assert "Selection saw none of them" in objection(records)
    ranks = table(section, "shift_ranks")
    assert [row[0] for row in ranks.rows] == list(SKILLS)
    assert ranks.frame["rank_of_best_in_domain"].tolist()[::2] == [1, 3]
    assert ranks.frame["kendall_tau"].tolist()[::2] == [1.0, -1.0]


def test_one_strategy_has_drops_and_no_ranking() -> None:
    records = make_records({"a": 0.8}, baseline=None)
    records = shifted(records, {"mail": {"a": 0.7}})
    found = generalization_section(records, verdict(records))
    assert [p.name for p in found.parts if isinstance(p, Table)] == [
        "shift_scores",
        "shift_drops",
        "shift_sets",
    ]
    assert "Nothing is compared" in " ".join(found.text)
    assert objection(records) == "Nothing is compared."


def test_too_few_searches_for_a_verdict_tell_nothing_of_the_best_in_domain() -> None:
    records = shifted(make_records({"a": 0.85, "b": 0.6}, replicates=1, seeds=2, baseline=None), {
        "mail": {"a": 0.6, "b": 0.7}
    })  # fmt: skip
    told = " ".join(generalization_section(records, verdict(records)).text)
    assert "On mail the best mean is that of b, and there are too few units to tell it from a" in told


def test_the_figure_has_a_panel_for_each_set_and_a_row_for_each_strategy_on_one_scale(
    records: Records, section: Section, tmp_path: Path
) -> None:
    (figure,) = (p for p in section.parts if isinstance(p, Figure))
    assert [panel.heading for panel in figure.panels] == ["In domain", "On reviews", "On mail", "On tweets"]
    assert len({panel.x.limits for panel in figure.panels}) == 1
    for panel, shift in zip(figure.panels, ("", *SKILLS), strict=True):
        drawn = [mark for mark in panel.marks if isinstance(mark, Intervals)]
        assert len(drawn) == panel.rows == 4
        for mark, name in zip(drawn, ("a", "b", "c", "textbook"), strict=True):
            scores = [c.shifts[shift].score if shift else c.test_score for c in own(records, name)]
            assert mark.x[0] == pytest.approx(100 * np.mean(scores))
            assert mark.low[0] < mark.x[0] < mark.high[0]
    assert figure.alt.startswith("Mean accuracy in domain: a 8")
    assert len(write_paper(figure, tmp_path)) == 6


def test_a_set_on_which_one_class_for_all_texts_is_more_accurate_is_told_of(records: Records) -> None:
    best = max(np.mean([c.shifts["tweets"].score for c in own(records, name)]) for name in OWN)
    for share, told in ((best + 0.01, True), (best - 0.01, False)):
        infos = tuple(s.model_copy(update={"largest_class": float(share)}) for s in records.run.shifts[2:])
        run = records.run.model_copy(update={"shifts": infos})
        for metric in (run.metric, run.metric.model_copy(update={"name": "macro-F1"})):
            changed = records.model_copy(update={"run": run.model_copy(update={"metric": metric})})
            found = generalization_section(changed, verdict(changed))
            wanted = told and metric.name == "accuracy"
            assert any("of the texts have one class" in text for text in found.text) == wanted
            assert f"{100 * share:.1f} %" in table(found, "shift_sets").rows[0]


def test_the_setup_and_the_checklists_tell_of_the_sets(records: Records) -> None:
    (setup,) = (s for s in build_sections(records, verdict(records)) if s.name == "setup")
    rows = next(p for p in setup.parts if isinstance(p, Table) and p.name == "setup").rows
    assert dict(rows)["Shift sets"] == "reviews (600 texts), mail (600 texts) and tweets (600 texts)"
    judged = verdict(records)
    assert splits(records, judged).endswith("; 600 texts of reviews; 600 texts of mail; 600 texts of tweets")
    assert f"of mail: mail, made up, SHA-256 {'ab' * 32}" in data(records, judged)
    assert "mail: CC0" in licences(records, judged)


def test_the_page_and_the_methods_tell_of_the_sets(records: Records) -> None:
    judged = verdict(records)
    sections = build_sections(records, judged)
    page = render(records.run, judged, sections)
    assert 'id="generalization"' in page
    assert 'id="table-shift_sets"' in page
    methods = methods_tex(records, judged, sections)
    assert "reviews (600 texts of reviews, made up; licence: CC0)" in methods
    assert "left out (12)" in methods
    assert "further sets" not in methods_tex(make_records(OWN), judged, ())


def test_scores_that_are_no_mean_of_items_have_their_own_intervals(records: Records) -> None:
    """Pseudo-values in place of rights and wrongs."""

    def valued(s: SetScores) -> SetScores:
        return s.model_copy(update={"values": tuple(0.9 * right for right in s.correct or ())})

    confirmations = tuple(
        c.model_copy(update={"shifts": {name: valued(s) for name, s in c.shifts.items()}})
        for c in records.confirmations
    )
    changed = records.model_copy(update={"confirmations": confirmations})
    found = table(generalization_section(changed, verdict(changed)), "shift_scores")
    matrix = np.array([c.shifts["mail"].correct for c in own(records, "b")])
    assert found.frame["mail"][1] == pytest.approx(0.9 * matrix.mean())
