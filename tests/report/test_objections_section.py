import re
from pathlib import Path

import numpy as np
import pytest
from audited_records import audited
from foreign_records import foreign
from scipy import stats
from scored_records import scored
from synthetic_records import make_records

from hpo.records.files import read_records
from hpo.records.plan import earlier_digest, plan_digest
from hpo.records.run import Records, Stamp
from hpo.records.search import ParameterInfo, Search
from hpo.report import verdict
from hpo.report.sections.objections import ANSWERS, objections_section

EXAMPLE = Path(__file__).parents[2] / "results" / "example"

CLAIM = "Configurations are sold as strategies"
SEEDS = "The seed that selected is among the fresh ones"
OPTIMISM = "The scores that selected are optimistic"
EDGE = "The best values lie at the edge of the space"
SPACES = "The spaces are unequal"
BUDGETS = "The budgets are unequal"
PRUNING = "Pruning is biased against what learns late"
DIVERGED = "Diverged trials were dropped"
COSTS = "Failed, pruned and repeated trials cost nothing"
SMALLER = "The verdict hangs on the budget"
LEFT_OUT = "The verdict hangs on one search or seed"
BEFORE = "Metric, margin and selection were chosen afterwards"
BARS = "Nobody says what error bars are over"


@pytest.fixture(scope="module")
def example() -> Records:
    """Without its audit, which the tests add where they are about one."""
    return read_records(EXAMPLE).model_copy(update={"audited": ()})


def answers(records: Records) -> dict[str, str]:
    (table,) = objections_section(records, verdict(records)).parts
    assert table.columns == ("Objection", "Answer")
    return dict(table.rows)


def changed(records: Records, **run) -> Records:
    return records.model_copy(update={"run": records.run.model_copy(update=run)})


def test_every_objection_has_an_answer_whatever_is_recorded(example):
    bare = scored([[0.8, 0.7]] * 3, ("a", "b"))
    nothing = bare.model_copy(update={"confirmations": ()})
    for records in (example, make_records(), foreign(make_records()), bare, nothing):
        found = answers(records)
        assert list(found) == list(ANSWERS)
        assert all(answer.endswith(".") for answer in found.values())


def test_what_the_claim_is_about_is_said_by_what_was_done():
    assert answers(make_records())[CLAIM].startswith("No: each strategy was searched 5 times")
    one = answers(make_records(replicates=1, seeds=5))[CLAIM]
    assert one == (
        "One search a strategy with 5 fresh seeds: the verdict speaks of the selected configurations only. Another search "
        "may select others."
    )
    assert "taken as independent, as Optuna names them" in answers(foreign(make_records()))[CLAIM]


def test_seeds_of_confirmations_are_compared_with_those_of_trials(example):
    trials, fresh = {t.seed for t in example.trials}, {c.seed for c in example.confirmations}
    assert not trials & fresh
    assert answers(example)[SEEDS] == (
        f"No: none of 25 confirmations has the seed of the selected trial, and of their {len(fresh)} seeds none is among "
        f"the {len(trials)} seeds of trials (compared one by one)."
    )


def test_a_confirmation_with_the_seed_that_selected_is_found(example):
    first = example.confirmations[0]
    own = next(
        t
        for t in example.trials
        if (t.strategy, t.replicate, t.draw) == (first.strategy, first.replicate, first.draw)
    )
    stale = (first.model_copy(update={"seed": own.seed}), *example.confirmations[1:])
    assert answers(example.model_copy(update={"confirmations": stale}))[SEEDS].startswith(
        "Yes: 1 of 25 confirmations have the seed of the trial that was selected, and 1 seed of confirmations"
    )


def test_selected_trials_that_confirm_themselves_and_unknown_seeds_are_told():
    assert answers(foreign(make_records()))[SEEDS].startswith(
        "Yes: 25 of 25 confirmations are the selected trial itself"
    )
    records = make_records()
    unknown = tuple(t.model_copy(update={"seed": -1}) for t in records.trials)
    assert answers(records.model_copy(update={"trials": unknown}))[SEEDS].startswith("Not recorded")


def test_optimism_has_students_interval_over_searches(example):
    answer = answers(example)[OPTIMISM]
    for name in example.run.strategies:
        drops = [100 * (c.selected_score - c.test_score) for c in example.confirmations if c.strategy == name]
        low, high = stats.t.interval(0.95, 4, np.mean(drops), stats.sem(drops))
        assert f"{name} {np.mean(drops):+.2f} ({low:+.2f} to {high:+.2f})" in answer
    assert "Student's, over searches" in answer
    assert "trainings apart" in answer
    assert "trainings apart" not in answers(foreign(make_records()))[OPTIMISM]


def test_optimism_of_several_seeds_is_over_searches_not_seeds():
    records = make_records({"a": 0.8, "b": 0.7}, seeds=3)
    own = [c for c in records.confirmations if c.strategy == "a"]
    drops = [
        100 * np.mean([c.selected_score - c.test_score for c in own if c.replicate == r]) for r in range(5)
    ]
    low, high = stats.t.interval(0.95, 4, np.mean(drops), stats.sem(drops))
    assert f"a {np.mean(drops):+.2f} ({low:+.2f} to {high:+.2f})" in answers(records)[OPTIMISM]


def test_edges_are_named_with_how_many_searches_agree(example):
    assert "linear, frozen_layers at its low end in 4 of 5" in answers(example)[EDGE]
    assert answers(foreign(make_records()))[EDGE].startswith("No range of a searched parameter is recorded")


def test_parameters_that_some_strategies_alone_have_are_named():
    answer = answers(make_records())[SPACES]
    assert answer.startswith("Every strategy searches the same 4 parameters over the same values")
    assert "only on a condition: schedule_decay_ratio where schedule is wsd" in answer
    same = changed(make_records(), space=(ParameterInfo(name="lr", kind="range", low=0.0, high=1.0),))
    assert answers(same)[SPACES] == "Every strategy searches the same 1 parameter over the same values."
    assert answers(foreign(make_records()))[SPACES] == "Not recorded: the space of the searches."


def test_budgets_are_told_by_trials_and_by_charged_cost_with_their_spread(example):
    answer = answers(example)[BUDGETS]
    assert answer.startswith("4 trials in each of 25 searches. ")
    costs = [
        sum(
            sum(s.seconds for s in t.segments)
            + sum(p.seconds for p in t.passes)
            + sum(r.seconds for r in t.rungs)
            for t in example.trials
            if (t.strategy, t.replicate) == ("linear", r)
        )
        for r in range(5)
    ]
    assert f"linear {np.mean(costs):.1f} ({min(costs):.1f} to {max(costs):.1f})" in answer
    short = example.model_copy(update={"trials": example.trials[:-1]})
    assert answers(short)[BUDGETS].startswith("From 3 to 4 trials a search. ")
    assert answers(foreign(make_records()))[BUDGETS].endswith("Their cost is not recorded.")


def test_pruning_is_answered_by_rates_and_by_the_audit_where_there_is_one(example):
    assert "linear 70 %" in answers(example)[PRUNING]
    assert answers(example)[PRUNING].endswith("was not measured: `hpo audit` has not been run.")
    records = audited(make_records(), lambda t: 0.0, every=5)
    count = len(records.audited)
    assert (
        f"0 of {count} audited trials, finished afterwards, are better than what their search selected: at most"
        in answers(records)[PRUNING]
    )
    complete = tuple(t for t in records.trials if t.state != "pruned")
    none = records.model_copy(update={"trials": complete, "audited": ()})
    assert answers(none)[PRUNING] == "Nothing was pruned."
    unknown = changed(none, source="Optuna", search=Search())
    assert answers(unknown)[PRUNING] == "Not recorded: whether trials were stopped early."


def test_diverged_trials_are_counted_by_strategy_with_the_rule(example):
    answer = answers(make_records())[DIVERGED]
    assert answer.startswith(
        "They are counted: 1 trial failed: loss became NaN at step 9 (1); by strategy constant 1."
    )
    assert "is not drawn again and cannot be selected" in answer
    assert answers(example)[DIVERGED].startswith("None of 100 trials failed.")


def test_costs_of_every_state_add_up_to_what_the_run_was_charged(example):
    answer = answers(example)[COSTS]
    numbers = [float(n) for n in re.findall(r"([\d.]+) for \d+ (?:complete|pruned|confirmation)", answer)]
    work = [
        *(
            s.seconds
            for t in (*example.trials, *example.confirmations)
            for s in (*t.segments, *t.passes, *t.rungs)
        ),
        *(c.test_seconds for c in example.confirmations),
    ]
    assert len(numbers) == 3
    assert sum(numbers) == pytest.approx(sum(work), abs=0.2)
    again = sum(t.retrained_seconds for t in (*example.trials, *example.confirmations))
    assert f"{again:.1f} went into training again" in answer
    assert "repeated" not in answer
    assert "audit" not in answer


def test_the_cost_of_duplicates_and_of_the_audit_is_told_apart():
    records = make_records()
    twin = records.trials[0].model_copy(update={"draw": 9, "duplicate_of": 0})
    records = audited(records.model_copy(update={"trials": (*records.trials, twin)}), lambda t: 0.5, every=10)
    answer = answers(records)[COSTS]
    assert "is for 1 repeated configuration, trained once." in answer
    spent = sum(a.seconds for a in records.audited)
    assert f"The audit of {len(records.audited)} trials took {spent:.1f} apart from all that." in answer
    assert answers(foreign(make_records()))[COSTS] == "Not recorded: device time."


def test_smaller_budgets_and_what_is_left_out_are_answered_as_in_robustness(example):
    assert answers(example)[SMALLER].startswith("From 3 trials a search on")
    assert answers(example)[LEFT_OUT] == (
        "With 5 replicates left out in turn, the best mean stays that of wsd in 4 of 5; outcomes change in 1 of 5."
    )
    several = answers(make_records({"a": 0.8, "b": 0.7}, seeds=2))[LEFT_OUT]
    assert several.startswith("With 5 replicates and 2 fresh seeds left out in turn, ")
    bare = scored([[0.8, 0.7]], ("a", "b"))
    assert answers(bare)[LEFT_OUT] == "It may: there are too few trainings for one to be left out."
    once = make_records({"a": 0.8, "b": 0.7}, replicates=1)
    assert answers(once)[LEFT_OUT].startswith("It may: there are too few searches and seeds")
    assert answers(bare)[SMALLER] == "Not recorded: several trials a search."


def test_a_plan_stamped_beforehand_is_compared_with_the_records():
    records = make_records()
    assert answers(records)[BEFORE] == "Not recorded: no stamp was written when the run began."
    digest = plan_digest(records.run)
    stamp = Stamp(began="2026-01-02T03:04:05Z", command="hpo run", git=None, plan_sha256=digest)
    kept = answers(changed(records, stamp=stamp))[BEFORE]
    assert kept.startswith("No: ")
    assert "the rule of the verdict" in kept
    assert "2026-01-02T03:04:05Z" in kept
    assert digest[:12] in kept
    moved = changed(records, stamp=stamp, reference="linear")
    differs = answers(moved)[BEFORE]
    assert differs.startswith("They differ from what was stamped when the run began")
    assert digest[:12] in differs
    assert plan_digest(moved.run)[:12] in differs
    assert "2026-01-02T03:04:05Z" in differs


def test_of_a_stamp_without_the_verdicts_rule_it_is_told_and_the_rest_compared():
    records = make_records()
    stamp = Stamp(
        began="2026-01-02T03:04:05Z", command="hpo run", git=None, plan_sha256=earlier_digest(records.run)
    )
    told = answers(changed(records, stamp=stamp))[BEFORE]
    assert told.startswith("No: question, ")
    assert f"SHA-256 {stamp.plan_sha256[:12]} is that of these records" in told
    version = records.run.versions["hpo"]
    assert f"That stamp, of hpo {version}, leaves out the rule of the verdict" in told


def test_error_bars_say_what_they_are_over(example):
    assert answers(example)[BARS].startswith(
        "95 % intervals over 5 searches of each strategy and 1,000 test items (crossed variance)."
    )
    assert "over 6 fresh seeds of one search" in answers(make_records(replicates=1, seeds=6))[BARS]
    assert "the choice of items is in no interval" in answers(foreign(make_records()))[BARS]
    nothing = make_records().model_copy(update={"confirmations": ()})
    assert answers(nothing)[BARS] == "No interval is drawn yet: nothing is confirmed."


def test_optimism_is_above_0_where_test_is_worse_and_low_is_better():
    up, down = answers(make_records())[OPTIMISM], answers(foreign(make_records()))[OPTIMISM]
    assert "Validation at selection minus test in points, mean" in up
    assert "Test minus validation at selection, mean" in down
    points = float(re.search(r"cosine ([+-][\d.]+)", up)[1])
    assert float(re.search(r"cosine ([+-][\d.]+)", down)[1]) == pytest.approx(points / 100, abs=2e-4)


def test_one_training_a_strategy_speaks_of_these_models_only():
    found = answers(make_records(replicates=1, seeds=1))
    assert "speaks of these trained models only" in found[CLAIM]
    assert found[BARS].startswith(
        "95 % intervals over 1,000 test items alone, with one training of each strategy: they speak of these trained models"
    )
    assert answers(scored([[0.8, 0.7]], ("a", "b")))[BARS].startswith("No interval is drawn: ")


def test_trainings_without_a_search_are_not_sold_as_one():
    found = answers(scored([[0.8, 0.7], [0.81, 0.72], [0.8, 0.69]], ("a", "b")))
    assert found[CLAIM].startswith(
        "No search is recorded: the verdict speaks of the strategies as they were trained here (3 "
    )
    assert found[SEEDS] == "No search is recorded, so that no seed has selected anything."
    assert found[BARS].startswith("95 % intervals over 3 trainings of each strategy; ")


def test_a_kind_without_recorded_time_is_no_zero():
    records = make_records()
    bare = tuple(
        c.model_copy(update={"segments": (), "rungs": (), "test_seconds": 0.0}) for c in records.confirmations
    )
    answer = answers(records.model_copy(update={"confirmations": bare}))[COSTS]
    assert "none recorded for 30 confirmations" in answer
    assert "(of 100 of 130 trainings)" in answer


def test_ends_of_values_that_were_only_seen_are_no_edges():
    seen = ParameterInfo(name="lr", kind="range", low=0.001, high=0.1, observed=True)
    assert answers(changed(foreign(make_records()), space=(seen,)))[EDGE] == (
        "No range of a searched parameter is recorded, only the values seen of lr, so that no value can be held against its "
        "ends."
    )


def test_what_an_import_inferred_of_costs_and_pruning_stands_with_the_answers():
    records = make_records()
    seconds = "cost: Runtime, wall-clock, taken as device-seconds"
    ended = "3 ended before the longest of their task: taken as pruned"
    found = answers(changed(records, source="CSV", notes=("seed: column seed", seconds, ended)))
    assert found[COSTS].endswith(f". The import noted: {seconds}.")
    assert f". The import noted: {ended}. What pruned trials would have scored" in found[PRUNING]
    told = "no training is taken as pruned for how far it came, as --no-pruning says"
    complete = records.model_copy(update={"trials": tuple(t for t in records.trials if t.state != "pruned")})
    none = changed(complete, source="CSV", search=Search(), notes=(told,))
    assert answers(none)[PRUNING] == (
        f"Not recorded: whether trials were stopped early. The import noted: {told}."
    )
    assert "import" not in answers(records)[COSTS] + answers(records)[PRUNING]
