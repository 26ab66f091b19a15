"""Strategies with unequal numbers of searches, trials or scores, as other tools leave them: told as ranges."""

import numpy as np
import pytest
from foreign_records import foreign
from scored_records import scored
from synthetic_records import make_records

from hpo.records.charges import charged_seconds, spent_seconds
from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.report.kit.checklist import checklist_tables
from hpo.report.kit.methods import methods_tex
from hpo.report.sections.objections import objections_section
from hpo.report.sections.setup import setup_section
from hpo.report.sentences import verdict
from hpo.report.sizes import Sizes, recorded, sizes_of
from hpo.report.tables import main_table


@pytest.fixture(scope="module")
def uneven() -> Records:
    """Two strategies; b has 4 of 5 searches, a's first has 3 of 4 trials, and one of its two test scores is lost."""
    whole = foreign(make_records({"a": 0.8, "b": 0.7}, seeds=2, baseline=None))
    gone = ("b", 4)
    trials = [t for t in whole.trials if (t.strategy, t.replicate) != gone]
    tests = [c for c in whole.confirmations if (c.strategy, c.replicate) != gone]
    return whole.model_copy(update={"trials": tuple(trials[1:]), "confirmations": tuple(tests[1:])})


def cells(section) -> dict[str, str]:
    return {row[0]: row[1] for part in section.parts for row in part.rows}


def test_sizes_are_those_of_the_records(uneven):
    assert sizes_of(uneven) == Sizes(replicates=(4, 5), trials=(3, 4), seeds=(1, 2))


def test_of_a_run_of_hpo_they_are_the_plan_however_much_is_recorded_yet():
    records = make_records({"a": 0.8, "b": 0.7})
    begun = records.model_copy(update={"trials": records.trials[:3], "confirmations": ()})
    assert sizes_of(begun) == sizes_of(records) == Sizes((5,), (4,), (1,))


def test_setup_and_verdict_tell_the_range(uneven):
    judged = verdict(uneven)
    assert (
        cells(setup_section(uneven, judged))["Budget"] == "4 to 5 searches a strategy, 3 to 4 trials a search"
    )
    assert judged.sentences[0].startswith(
        "At this tuning budget (3 to 4 trials a search; 4 to 5 independent searches a strategy, 1 to 2 fresh seeds each; "
    )


def test_checklist_methods_and_objections_tell_it_too(uneven):
    judged = verdict(uneven)
    answers = [row[2] for found in checklist_tables(uneven, judged) for row in found.rows]
    assert any(a.startswith("budget: 4 to 5 searches a strategy of 3 to 4 trials; ") for a in answers)
    methods = methods_tex(uneven, judged, ())
    assert "Each strategy got 4 to 5 independent searches of 3 to 4 trials." in methods
    assert "each strategy was searched 4 to 5 times" in " ".join(
        cells(objections_section(uneven, judged)).values()
    )


def test_a_mean_is_said_to_be_of_the_scores_that_it_takes(uneven):
    # Of a's two scores a search only one is taken of each, for its first search has one.
    assert "each the mean of 1 to 2 test scores" in methods_tex(uneven, verdict(uneven), ())


def test_trainings_without_a_search_are_a_range_too():
    table = np.random.default_rng(0).normal(0.7, 0.05, (4, 2, 3))
    table[3, 1], table[2, 0, 2] = np.nan, np.nan
    records = scored(table, ("a", "b"), metric=Metric())
    assert recorded(records.run, sizes_of(records)) == "3 to 4 replicates of 2 to 3 trainings"
    few = scored([[[0.8, 0.7], [0.7, np.nan]]], ("a", "b"), metric=Metric())
    assert (
        verdict(few).sentences[0].startswith("Inconclusive: 1 to 2 trainings a strategy allow no verdict; ")
    )


@pytest.fixture(scope="module")
def by_cost() -> Records:
    """A run of hpo whose searches end by cost: of a with 4 trials each, of b with 2."""
    whole = make_records({"a": 0.8, "b": 0.7}, baseline=None)
    trials = tuple(t for t in whole.trials if t.strategy == "a" or t.draw < 2)
    run = whole.run.model_copy(update={"trials": 9, "device_seconds": 1250.0})
    return whole.model_copy(update={"trials": trials, "run": run})


def test_where_cost_ends_searches_their_trials_are_those_of_the_records(by_cost):
    assert sizes_of(by_cost) == Sizes(replicates=(5,), trials=(2, 4), seeds=(1,))


def test_a_budget_in_device_seconds_is_named_by_its_unit(by_cost):
    judged = verdict(by_cost)
    budget = "1,250 charged device-seconds with 2 to 4 trials"
    assert judged.sentences[0].startswith(
        f"At this tuning budget ({budget} a search; 5 independent searches a strategy, "
    )
    assert cells(setup_section(by_cost, judged))["Budget"] == f"5 searches a strategy, {budget} a search"
    answers = [row[2] for found in checklist_tables(by_cost, judged) for row in found.rows]
    assert any(a.startswith(f"budget: 5 searches a strategy of {budget}; ") for a in answers)
    methods = methods_tex(by_cost, judged, ())
    assert (
        f"Each strategy got 5 independent searches of {budget}. A search of at most 9 trials began" in methods
    )
    assert f"({budget} a search)" in " ".join(cells(objections_section(by_cost, judged)).values())


def test_a_budget_in_examples_or_money_is_named_by_its_unit(by_cost):
    def methods(**head):
        run = by_cost.run.model_copy(update=head)
        records = by_cost.model_copy(update={"run": run})
        judged = verdict(records)
        assert judged.sentences[0].startswith(
            f"At this tuning budget ({run.limit.costs()} with 2 to 4 trials a "
        )
        return methods_tex(records, judged, ())

    assert "of 900 charged examples with 2 to 4 trials." in methods(device_seconds=None, examples=900)
    both = methods(examples=900, money=1.0, price_per_hour=2.88)
    assert "of 900 charged examples or 1,250 charged device-seconds with 2 to 4 trials." in both
    assert "Its device-seconds are those that 1 pays for at 2.88 a device-hour." in both


def test_costs_are_told_in_money_where_a_device_has_a_price(by_cost):
    priced = by_cost.model_copy(update={"run": by_cost.run.model_copy(update={"price_per_hour": 36.0})})
    items = (*priced.trials, *priced.confirmations)
    charged, spent = (
        sum(map(charged_seconds, items)) / 100,
        spent_seconds(items) / 100,
    )  # 36 an hour: a cent a second
    told = f"At 36 a device-hour, that is {charged:,.3g} charged and {spent:,.3g} spent."
    judged = verdict(priced)
    assert told in setup_section(priced, judged).text[0]
    assert told in methods_tex(priced, judged, ())
    assert told in judged.sentences[-1]
    assert "a device-hour" not in verdict(by_cost).sentences[-1]


def test_uneven_trials_are_told_with_what_they_do_to_selection(by_cost, uneven):
    judged = verdict(by_cost)
    told = (
        "Searches had unequal numbers of trials: the best of more has a higher score at selection, and stands further above "
        "its score on test texts"
    )
    more = f"{told}; what more trials find at equal cost is part of the comparison."
    assert main_table(by_cost, judged.analysis).note.endswith(more)
    assert more in methods_tex(by_cost, judged, ())
    answer = " ".join(cells(objections_section(by_cost, judged)).values())
    assert "Trials of a search: a 4; b 2. Device-seconds charged" in answer
    assert more in answer
    assert f"{told}." in main_table(uneven, verdict(uneven).analysis).note
    even = make_records({"a": 0.8, "b": 0.7})
    assert "unequal numbers" not in main_table(even, verdict(even).analysis).note


def test_a_search_that_cost_ended_without_a_complete_trial_lost_its_confirmation(by_cost):
    """Two trials are all that it had: the run is not waiting for the other seven."""
    cost = max(
        sum(charged_seconds(t) for t in by_cost.trials if (t.strategy, t.replicate) == ("b", r))
        for r in range(5)
    )
    pruned = tuple(
        t.model_copy(update={"state": "pruned", "score": None, "best_rung": None})
        if (t.strategy, t.replicate) == ("b", 3)
        else t
        for t in by_cost.trials
    )
    kept = tuple(c for c in by_cost.confirmations if (c.strategy, c.replicate) != ("b", 3))
    for seconds, finished in ((0.1 * cost, True), (10 * cost, False)):
        run = by_cost.run.model_copy(update={"device_seconds": seconds})
        records = by_cost.model_copy(update={"trials": pruned, "confirmations": kept, "run": run})
        assert verdict(records).analysis.finished is finished
    assert "of at most 90 trials" in verdict(records).sentences[0]
