import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from audited_records import audited
from foreign_records import foreign
from many_records import many_records
from scipy import stats
from synthetic_records import make_records

from hpo.records.files import read_records
from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.records.search import Search
from hpo.records.selection import auditable, selected_trials
from hpo.records.trainings import Rung, Trial
from hpo.report import verdict
from hpo.report.audit import missed_by_pruning
from hpo.report.figure import Figure
from hpo.report.section import Section
from hpo.report.sections.pruning import pruning_section
from hpo.report.sections.rung_levels import levels
from hpo.report.table import Table

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


@pytest.fixture(scope="module")
def example() -> Records:
    """Without its audit, which the tests add where they are about one."""
    return read_records(EXAMPLE).model_copy(update={"audited": ()})


def section(records: Records) -> Section:
    return pruning_section(records, verdict(records))


def table(records: Records, name: str) -> Table:
    return next(p for p in section(records).parts if isinstance(p, Table) and p.name == name)


def survival(records: Records) -> Figure:
    return next(p for p in section(records).parts if isinstance(p, Figure))


def rows(found: Table, **where) -> list[dict]:
    frame = found.frame
    for column, value in where.items():
        frame = frame[frame[column].isna()] if value is None else frame[frame[column] == value]
    return frame.to_dict("records")


def row(found: Table, **where) -> dict:
    (only,) = rows(found, **where)
    return only


def with_trials(records: Records, *trials: Trial, **run) -> Records:
    head = records.run.model_copy(update=run)
    return records.model_copy(update={"trials": trials, "run": head})


def trial(draw: int, state: str, *scores: float, strategy: str = "a", replicate: int = 0, **more) -> Trial:
    """One whose rungs lie 100 apart; a complete one's score is its best."""
    rungs = tuple(Rung(examples=100 * (i + 1), score=s, seconds=1.0) for i, s in enumerate(scores))
    done = state == "complete"
    facts = {
        "strategy": strategy,
        "replicate": replicate,
        "draw": draw,
        "parameters": {},
        "state": state,
        "reason": state,
        "score": max(scores) if done else None,
        "best_rung": int(np.argmax(scores)) if done else None,
        "rungs": rungs,
    }
    return Trial(**facts | more)


def two(**run) -> Records:
    """No trials yet: strategies a and b."""
    records = make_records({"a": 0.8, "b": 0.7}, baseline=None)
    return with_trials(records, **run)


def test_every_trial_is_counted_once_under_how_it_ended(example):
    found = table(example, "pruning_states")
    for name in example.run.strategies:
        counts = Counter(t.state for t in example.trials if t.strategy == name)
        facts = row(found, strategy=name)
        assert (facts["trials"], facts["complete"], facts["pruned"], facts["failed"]) == (
            20,
            counts["complete"],
            counts["pruned"],
            0,
        )
    assert row(found, strategy=None)["pruned"] == 68


def test_failed_trials_are_counted_with_the_rule_and_their_reason():
    found = table(make_records(), "pruning_states")
    assert row(found, strategy="constant")["failed"] == 1
    assert row(found, strategy="linear")["failed"] == 0
    assert "A trial fails when its training or validation loss is not finite" in found.note
    assert found.note.endswith("1 trial failed: loss became NaN at step 9 (1).")


def test_survival_is_what_the_reasons_of_the_pruner_say(example):
    found = survival(example).table
    for name in example.run.strategies:
        own = [t for t in example.trials if t.strategy == name]
        stopped = Counter(
            int(match[1]) for t in own if (match := re.match(r"stopped at (\d+) examples", t.reason))
        )
        at = {rung: row(found, strategy=name, rung=rung) for rung in (128, 256)}
        assert [at[rung]["stopped"] for rung in at] == [stopped[128], stopped[256]]
        assert [at[rung]["reached"] for rung in at] == [20, 20 - stopped[128]]
        assert at[256]["not_pruned"] == pytest.approx(sum(t.state == "complete" for t in own) / 20)


def test_the_figure_has_a_line_a_strategy_in_its_style(example):
    figure = survival(example)
    (panel,) = figure.panels
    assert [(mark.name, mark.style) for mark in panel.marks] == [
        (name, i) for i, name in enumerate(example.run.strategies)
    ]
    assert panel.x.ticks == [(0.0, "start"), (1.0, "128"), (2.0, "256")]
    assert list(panel.marks[0].y) == pytest.approx([100, 60, 35])
    assert list(panel.marks[0].x) == pytest.approx([-0.1, 0.9, 1.9])
    assert "20 each" in figure.caption
    assert "constant 35 %" in figure.alt


def test_without_an_audit_rungs_are_correlated_over_survivors_and_said_to_be(example):
    found = table(example, "rank_correlation")
    complete = [t for t in example.trials if t.state == "complete"]
    for rung, place in ((128, 0), (256, 1)):
        tau = stats.kendalltau([t.rungs[place].score for t in complete], [t.score for t in complete])
        facts = row(found, strategy=None, rung=rung)
        assert facts["tau_b"] == pytest.approx(tau.statistic)
        assert facts["interval_low"] < facts["tau_b"] < facts["interval_high"]
        assert (facts["trials"], facts["audited"]) == (32, 0)
    assert "not the correlation on which the pruner relied" in found.note
    assert "Survivors alone" not in found.columns


def test_with_every_pruned_trial_audited_the_correlation_is_that_of_all_trials():
    records = audited(make_records(trials=8), lambda t: round(t.rungs[0].score + 0.1, 4))
    found = table(records, "rank_correlation")
    ends = {(a.strategy, a.replicate, a.draw): a.score for a in records.audited}
    known = [t for t in records.trials if t.state != "failed"]
    finals = [t.score if t.state == "complete" else ends[t.strategy, t.replicate, t.draw] for t in known]
    tau = stats.kendalltau([t.rungs[0].score for t in known], finals)
    facts = row(found, strategy=None, rung=256)
    assert facts["tau_b"] == pytest.approx(tau.statistic)
    assert (facts["trials"], facts["audited"]) == (len(known), len(ends))
    complete = [t for t in known if t.state == "complete"]
    alone = stats.kendalltau([t.rungs[0].score for t in complete], [t.score for t in complete])
    assert facts["tau_b_survivors"] == pytest.approx(alone.statistic)


def test_of_few_trials_no_correlation_is_told():
    records = with_trials(
        two(), *(trial(i, "complete", 0.1 * i, 0.5) for i in range(4)), trial(4, "pruned", 0.0)
    )
    found = table(records, "rank_correlation")
    assert found.rows[0][2:5] == ("too few", "-", "4")


def test_what_was_saved_in_examples_is_what_whole_trainings_would_have_seen(example):
    found = table(example, "pruning_saved")
    pruned = [t for t in example.trials if t.state == "pruned"]
    facts = row(found, strategy=None)
    assert facts["resource_charged"] == sum(t.rungs[-1].examples for t in pruned)
    assert facts["resource_whole"] == 68 * 2 * 256
    assert facts["resource_saved_share"] == pytest.approx(1 - 11_776 / 34_816)


def test_the_estimate_of_seconds_scales_training_and_evaluation_and_leaves_passes_as_they_are(example):
    found = table(example, "pruning_saved")
    whole = 0.0
    for t in (t for t in example.trials if t.state == "pruned"):
        own = sum(s.seconds for s in t.segments) + sum(r.seconds for r in t.rungs)
        whole += own * 512 / t.rungs[-1].examples + sum(p.seconds for p in t.passes)
    assert row(found, strategy=None)["seconds_whole"] == pytest.approx(whole)


def test_the_horizon_of_another_tools_trials_is_where_the_complete_ones_of_the_strategy_ended():
    records = two(source="Optuna", resource="steps", search=Search(pruner="MedianPruner"))
    trials = (trial(0, "complete", 0.1, 0.2, 0.3, 0.4), trial(1, "pruned", 0.1, charged=3.0))
    found = table(with_trials(records, *trials), "pruning_saved")
    facts = row(found, strategy="a")
    assert (facts["resource_charged"], facts["resource_whole"]) == (100, 400)
    assert (facts["seconds_charged"], facts["seconds_whole"]) == (3.0, 12.0)
    unequal = (*trials, trial(2, "complete", 0.1, 0.2))
    assert "pruning_saved" not in {p.name for p in section(with_trials(records, *unequal)).parts}


def test_without_an_audit_the_section_says_how_to_get_one():
    first, *_ = section(make_records()).text
    assert first.startswith("What pruning may have cost was not measured: ")
    assert "run `hpo audit lr_schedules`" in first
    assert "pruning_missed" not in {p.name for p in section(make_records()).parts}


def test_an_audit_bounds_what_was_missed_by_counting_samples():
    chosen = selected_trials(make_records())
    best = {search: t.score for search, t in chosen.items()}
    records = audited(
        make_records(), lambda t: best[t.strategy, t.replicate] + (0.02 if t.draw == 1 else -0.02), every=4
    )
    m, pruned = len(records.audited), len(auditable(records))
    better = sum(a.draw == 1 for a in records.audited)
    assert 0 < better < m < pruned
    # The largest number of better ones among all under which so few, or fewer, are seen with a chance above 5 %.
    chances = {k: stats.hypergeom.cdf(better, pruned, k, m) for k in range(better, pruned - (m - better) + 1)}
    most = max(k for k, chance in chances.items() if chance > 0.05)
    facts = row(table(records, "pruning_missed"), strategy=None)
    assert (facts["pruned"], facts["audited"], facts["better"], facts["most"]) == (pruned, m, better, most)
    assert facts["largest_gain"] == pytest.approx(0.02)
    text = section(records).text[0]
    assert f"{better} are better on validation than what their search selected" in text
    assert f"at most {most} of all {pruned}" in text
    assert "(seed of the draw 7)" in table(records, "pruning_missed").note


def test_an_audited_trial_is_held_against_the_selected_one_of_its_own_search():
    trials = (
        trial(0, "complete", 0.1, 0.9),
        trial(1, "pruned", 0.1),
        trial(0, "complete", 0.1, 0.5, strategy="b"),
        trial(1, "pruned", 0.1, strategy="b"),
    )
    records = audited(with_trials(two(), *trials), lambda t: 0.7)
    found = table(records, "pruning_missed")
    assert row(found, strategy="a")["better"] == 0
    assert row(found, strategy="b")["better"] == 1


def test_where_lower_scores_are_better_a_lower_audited_score_is_better():
    loss = Metric(name="loss", maximize=False, share=False)
    trials = (trial(0, "complete", 0.5, 0.4, score=0.4), trial(1, "pruned", 0.6), trial(2, "pruned", 0.7))
    records = audited(with_trials(two(metric=loss), *trials), lambda t: 0.3 if t.draw == 1 else 0.45)
    facts = row(table(records, "pruning_missed"), strategy="a")
    assert (facts["better"], facts["largest_gain"]) == (1, pytest.approx(0.1))


def test_an_audited_trial_that_diverged_is_not_better():
    records = audited(make_records(), lambda t: None, every=3)
    facts = row(table(records, "pruning_missed"), strategy=None)
    assert facts["better"] == 0
    assert facts["largest_gain"] is None
    assert missed_by_pruning(records).audited == len(records.audited)


def test_rates_are_means_over_searches_and_tested_by_friedman():
    records = make_records(trials=8)
    found = table(records, "pruning_rates")
    rates = np.array([
        [
            np.mean([t.state == "pruned" for t in records.trials if (t.strategy, t.replicate) == (name, r)])
            for name in records.run.strategies
        ]
        for r in range(5)
    ])  # fmt: skip
    for column, name in enumerate(records.run.strategies):
        facts = row(found, strategy=name)
        assert facts["pruned_mean"] == pytest.approx(rates[:, column].mean())
        assert (facts["least"], facts["most"]) == (rates[:, column].min(), rates[:, column].max())
    chi2 = stats.friedmanchisquare(*rates.T).statistic
    f = 4 * chi2 / (5 * 4 - chi2)  # Iman and Davenport (1980): (N - 1) chi2 / (N (k - 1) - chi2)
    assert f"has p {stats.f.sf(f, 4, 16):.3f} (Friedman's test over 5 replicates" in found.note


def test_rates_of_strategies_that_nothing_pairs_are_not_tested():
    records = make_records(trials=8)
    search = records.run.search.model_copy(update={"shared_draws": False})
    apart = records.model_copy(update={"run": records.run.model_copy(update={"search": search})})
    note = table(apart, "pruning_rates").note
    assert "Friedman" not in note
    assert (
        "nothing makes the first search of one and the first of another a block, so that it is not tested whether the "
        "rates differ." in note
    )


def test_the_gain_after_the_last_rung_is_the_median_over_complete_trials(example):
    found = table(example, "pruning_rates")
    for name in example.run.strategies:
        own = [t for t in example.trials if t.strategy == name and t.state == "complete"]
        gain = np.median([t.score - t.rungs[1].score for t in own])
        facts = row(found, strategy=name)
        assert facts["late_gain_median"] == pytest.approx(gain)
        assert facts["complete_trials"] == len(own)


def test_a_duplicate_is_a_trial_but_no_training():
    trials = (
        trial(0, "complete", 0.1, 0.9),
        trial(1, "pruned", 0.1),
        trial(2, "pruned", 0.1, duplicate_of=1),
    )
    records = with_trials(two(), *trials)
    facts = row(table(records, "pruning_states"), strategy="a")
    assert (facts["pruned"], facts["duplicates"]) == (2, 1)
    assert row(table(records, "pruning_rates"), strategy="a")["pruned_mean"] == 0.5
    assert row(survival(records).table, strategy="a", rung=100)["reached"] == 2


def test_an_evaluation_stands_for_the_rung_that_its_last_batch_passed():
    """Batches of 48 reach a rung at 100 examples with 144 of them."""
    rungs = (Rung(examples=144, score=0.1), Rung(examples=240, score=0.2), Rung(examples=432, score=0.3))
    trials = (
        trial(0, "complete", 0.1, 0.2, 0.3, rungs=rungs),
        trial(1, "pruned", 0.1),
        trial(
            2, "complete", 0.1, 0.2, rungs=rungs[:2]
        ),  # a shorter training, which ends before the second rung
    )
    side = levels(with_trials(two(search=Search(pruner="median", rungs=(100, 200))), *trials))
    assert side.rungs == (100, 200)
    assert [t.reached for t in side.trials["a"]] == [2, 1, 1]
    assert [t.pruned_at for t in side.trials["a"]] == [None, 0, None]


def test_evaluations_that_are_no_rung_stand_where_they_were():
    trials = (trial(0, "complete", 0.1, 0.2, 0.3, 0.4, 0.5), trial(1, "pruned", 0.1, 0.2, 0.3))
    side = levels(with_trials(two(search=Search(pruner="median", rungs=(150, 250))), *trials))
    assert side.rungs == (100, 150, 250, 400)
    assert side.trials["a"][1].pruned_at == 2


def test_an_audited_trial_without_rungs_on_record_keeps_those_of_the_trial():
    records = with_trials(two(), trial(0, "complete", 0.1, 0.2, 0.3), trial(1, "pruned", 0.1))
    (ended,) = audited(records, lambda t: 0.4).audited
    bare = records.model_copy(update={"audited": (ended.model_copy(update={"rungs": ()}),)})
    assert [(t.scores, t.final) for t in levels(bare).trials["a"]] == [([0.1, 0.2], 0.3), ([0.1], 0.4)]


def test_of_very_many_steps_ten_are_looked_at():
    trials = (
        trial(0, "complete", *np.linspace(0.1, 0.8, 101)),
        trial(1, "pruned", *np.linspace(0.1, 0.4, 35)),
    )
    side = levels(with_trials(two(source="Optuna", search=Search(pruner="MedianPruner")), *trials))
    assert side.rungs == tuple(range(1000, 10_001, 1000))
    whole, stopped = side.trials["a"]
    assert (whole.reached, stopped.reached, stopped.pruned_at) == (10, 4, 3)
    assert whole.scores[0] == pytest.approx(np.linspace(0.1, 0.8, 101)[9])


def test_where_nothing_could_be_pruned_the_section_is_absent():
    records = make_records()
    complete = [t for t in records.trials if t.state != "pruned"]
    none = with_trials(records, *complete, search=Search(pruner="none"))
    assert section(none).absent == "Nothing could be pruned: every trial was trained to its end or failed."
    unknown = with_trials(records, *complete, search=Search())
    assert "nor whether the search could stop one early" in section(unknown).absent
    assert section(with_trials(records)).absent == "No trial has ended yet."
    assert "Optuna holds no trials" in section(with_trials(records, source="Optuna")).absent


def test_a_pruner_that_stopped_nothing_cost_nothing():
    records = make_records()
    complete = [t for t in records.trials if t.state != "pruned"]
    found = section(with_trials(records, *complete))
    assert found.text == (
        "No trial of a search that selected one was pruned, so pruning cost this run no selection.",
    )
    assert {p.name for p in found.parts} >= {"pruning_states", "survival"}


def test_without_rungs_and_costs_only_states_and_rates_stand():
    found = section(foreign(make_records()))
    assert [p.name for p in found.parts] == ["pruning_states", "pruning_rates"]
    assert "Optuna does not hold it" in found.text[0]
    assert len(found.text) == 1


def test_ten_thousand_trials_of_ten_rungs_take_seconds():
    records = audited(many_records(10_000, 10), lambda t: t.rungs[0].score + 0.1, every=200)
    judged = verdict(records)
    began = time.perf_counter()
    found = pruning_section(records, judged)
    assert time.perf_counter() - began < 20
    figure = next(p for p in found.parts if isinstance(p, Figure))
    assert sum(len(mark.x) for mark in figure.panels[0].marks) <= 5 * 11
    facts = row(next(p for p in found.parts if p.name == "rank_correlation"), strategy=None, rung=256)
    assert facts["trials"] == 150 + facts["audited"]
