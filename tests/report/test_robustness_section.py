import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_records import foreign
from many_records import many_records
from scipy import stats
from scored_records import scored
from synthetic_records import make_records

from hpo.records.files import read_records
from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.records.search import ParameterInfo
from hpo.records.trainings import Trial
from hpo.report import verdict
from hpo.report.section import Section
from hpo.report.sections.edges import Edge, edges
from hpo.report.sections.leave_out import left_out
from hpo.report.sections.robustness import robustness_section
from hpo.report.sections.sub_budgets import leaders, sub_budgets
from hpo.report.table import Table

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
LOSS = Metric(name="loss", maximize=False, share=False)


@pytest.fixture(scope="module")
def example() -> Records:
    return read_records(EXAMPLE)


def section(records: Records) -> Section:
    return robustness_section(records, verdict(records))


def table(records: Records, name: str) -> Table:
    return next(p for p in section(records).parts if isinstance(p, Table) and p.name == name)


def names(records: Records) -> list[str]:
    return [part.name for part in section(records).parts]


def swayed(**more: Any) -> Records:
    """a is better than b by about 0.10 in three searches; in the last b is better by 0.25."""
    return scored(
        [[0.8, 0.7], [0.801, 0.7], [0.799, 0.7], [0.7, 0.95]],
        ("a", "b"),
        metric=Metric(),
        shared=True,
        **more,
    )


def test_each_replicate_is_left_out_and_the_best_is_that_of_the_others(example):
    found = table(example, "left_out")
    assert [row[0] for row in found.rows] == [f"replicate {r}" for r in range(5)]
    for out, row in enumerate(found.rows):
        means = {
            name: np.mean(
                [c.test_score for c in example.confirmations if c.strategy == name and c.replicate != out]
            )
            for name in example.run.strategies
        }
        assert row[1] == max(means, key=lambda name: means[name])
        assert found.frame["test_score"][out] == pytest.approx(max(means.values()))


def test_the_one_search_that_hides_a_difference_is_found():
    found = {left.name: left for left in left_out(swayed(), verdict(swayed()))}
    assert {name: left.changed for name, left in found.items()} == {
        "replicate 0": (),
        "replicate 1": (),
        "replicate 2": (),
        "replicate 3": ("a - b: better by a relevant margin, not inconclusive",),
    }
    # With all four a is better by (3 x 0.10 - 0.25) / 4 > 0; without one of the first three b is, by about 0.05 / 3.
    assert {name: left.turned for name, left in found.items()} == {
        **{f"replicate {r}": ("a - b",) for r in range(3)},
        "replicate 3": (),
    }
    assert section(swayed()).text[0] == (
        "With one replicate left out, the best mean stays that of a in 1 of 4; outcomes change in 1 of 4."
    )


def test_what_favours_the_second_is_called_worse():
    scores = [[0.7, 0.8], [0.7, 0.801], [0.7, 0.799], [0.95, 0.7]]
    records = scored(scores, ("a", "b"), metric=Metric(), shared=True)
    found = left_out(records, verdict(records))
    assert found[3].changed == ("a - b: worse by a relevant margin, not inconclusive",)


def test_two_searches_that_remain_decide_nothing_and_it_is_said():
    records = make_records({"a": 0.85, "b": 0.6}, replicates=3)
    found = table(records, "left_out")
    assert {row[4] for row in found.rows} == {"too few units for any"}
    assert "what remains is too little for any verdict" in section(records).text[0]


def test_each_fresh_seed_is_left_out_too():
    records = make_records({"a": 0.8, "b": 0.7}, seeds=3, baseline=None)
    found = left_out(records, verdict(records))
    assert [left.name for left in found] == [
        *(f"replicate {r}" for r in range(5)),
        *(f"fresh seed {s}" for s in range(3)),
    ]
    own = [c.test_score for c in records.confirmations if c.strategy == "a" and c.index != 1]
    without = found[6].analysis.standings[0]
    assert without.estimate.mean == pytest.approx(np.mean(own))
    assert without.seeds == 2


def test_of_one_search_seeds_alone_are_left_out():
    records = make_records({"a": 0.8, "b": 0.7}, replicates=1, seeds=6, baseline=None)
    found = left_out(records, verdict(records))
    assert [left.name for left in found] == [f"fresh seed {s}" for s in range(6)]
    assert all(left.analysis.claim == "configurations" and left.decides for left in found)


def test_before_the_end_no_outcome_is_looked_at():
    records = make_records()
    short = records.model_copy(update={"confirmations": records.confirmations[:-1]})
    assert {"left_out", "rank_agreement"} & set(names(short)) == set()
    assert section(short).text[0].startswith("The run is unfinished")


def searched(*runs: tuple[str, tuple[float | None, ...]], confirmed: dict[str, int], **run: Any) -> Records:
    """One search a strategy of trials with these scores, None: pruned; ``confirmed``: the draw that was tested."""
    records = make_records({name: 0.8 for name, _ in runs}, replicates=1, seeds=5, baseline=None)
    trials = tuple(
        Trial(
            strategy=name,
            replicate=0,
            draw=draw,
            parameters={"draw": draw},
            state="pruned" if score is None else "complete",
            reason="",
            score=score,
        )
        for name, scores in runs
        for draw, score in enumerate(scores)
    )
    tested = tuple(
        c.model_copy(update={"draw": confirmed[c.strategy], "parameters": {"draw": confirmed[c.strategy]}})
        for c in records.confirmations
    )
    head = records.run.model_copy(update={"trials": len(runs[0][1]), "space": (), **run})
    return records.model_copy(update={"trials": trials, "confirmations": tested, "run": head})


AB = (("a", (0.5, 0.7, 0.6)), ("b", (0.6, 0.5, 0.8)))


def test_with_fewer_trials_the_best_of_the_first_is_selected():
    records = searched(*AB, confirmed={"a": 1, "b": 2})
    found = sub_budgets(records)
    assert [b.size for b in found] == [1, 2, 3]
    assert [{s: t.draw for (s, _), t in b.selected.items()} for b in found] == [
        {"a": 0, "b": 0},
        {"a": 1, "b": 0},
        {"a": 1, "b": 2},
    ]
    assert [leaders(records, b) for b in found] == [("b",), ("a",), ("b",)]
    assert [sorted(name for name, _ in b.tested) for b in found] == [[], ["a"], ["a", "b"]]


def test_the_verdict_of_a_smaller_budget_is_told_only_where_all_it_compares_was_tested():
    found = table(searched(*AB, confirmed={"a": 1, "b": 2}), "sub_budgets")
    assert [row[-1] for row in found.rows] == [
        "0 of 1 comparison; 2 selections not tested",
        "0 of 1 comparison; 1 selection not tested",
        "that of all trials",
    ]
    three = searched(*AB, ("c", (0.9, 0.1, 0.1)), confirmed={"a": 1, "b": 2, "c": 0})
    assert table(three, "sub_budgets").rows[1][-1] == "1 of 3 comparisons; 1 selection not tested"


def test_from_which_budget_on_the_verdict_is_the_same_is_said():
    late = section(searched(*AB, confirmed={"a": 1, "b": 2})).text[1]
    assert late.startswith(
        "From 3 trials a search on, each had selected what was confirmed: the same verdict."
    )
    assert "the best with all trials, b, is the best in 1 of 2 smaller budgets" in late
    early = section(searched(("a", (0.7, 0.6)), ("b", (0.8, 0.5)), confirmed={"a": 0, "b": 0})).text[1]
    assert early == "From 1 trial a search on, each had selected what was confirmed: the same verdict."


def test_a_pruned_trial_is_never_selected_and_a_search_without_a_complete_one_selects_none():
    records = searched(("a", (None, 0.7)), ("b", (0.6, None)), confirmed={"a": 1, "b": 0})
    first, whole = sub_budgets(records)
    assert first.selected["a", 0] is None
    assert first.mean("a") is None
    assert leaders(records, first) == ("b",)
    assert not first.same
    assert whole.same
    assert table(records, "sub_budgets").rows[0][1:3] == ("-", "60.0 %")


def test_where_lower_scores_are_better_the_lowest_leads():
    records = searched(*AB, confirmed={"a": 0, "b": 1}, metric=LOSS)
    assert [leaders(records, b) for b in sub_budgets(records)] == [("a",), ("a", "b"), ("a", "b")]


def test_the_published_searches_had_selected_what_was_confirmed_by_the_budget_told(example):
    """Recomputed from scores alone, without ties' losses, which the example has none of."""
    same = []
    for size in range(1, 5):
        chosen = {}
        for t in (t for t in example.trials if t.draw < size and t.state == "complete"):
            key = t.strategy, t.replicate
            if key not in chosen or t.score > chosen[key].score:
                chosen[key] = t
        tested = {(c.strategy, c.replicate): c.draw for c in example.confirmations if c.role == "strategy"}
        same.append(sum(chosen[key].draw == draw for key, draw in tested.items() if key in chosen))
    assert [row[-2] for row in table(example, "sub_budgets").rows] == [f"{n} of 25" for n in same]


def test_ten_budgets_are_looked_at_of_many():
    records = make_records({"a": 0.8, "b": 0.7}, trials=40)
    assert [b.size for b in sub_budgets(records)] == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]


def at_edges(space: ParameterInfo, *values: Any) -> list[Edge]:
    """Edges of a parameter of which these values were selected, one a search."""
    records = make_records({"a": 0.8}, replicates=len(values), baseline=None)
    head = records.run.model_copy(update={"space": (space,)})
    chosen = tuple(
        c.model_copy(update={"parameters": {} if v is None else {space.name: v}})
        for c, v in zip(records.confirmations, values, strict=True)
    )
    return edges(records.model_copy(update={"run": head, "confirmations": chosen}))


def told(found: list[Edge]) -> list[tuple[str, tuple[float, ...], int]]:
    return [(e.end, e.values, e.searches) for e in found]


def test_a_value_within_5_percent_of_an_end_is_at_the_edge_on_the_ranges_scale():
    log = ParameterInfo(name="learning_rate", kind="range", low=1e-5, high=1e-1, log=True)
    # 5 % of four decades is a fifth of a decade: up to 1.58e-5 and from 6.31e-2 on.
    assert told(at_edges(log, 1.5e-5, 1.6e-5, 6.2e-2, 6.4e-2)) == [
        ("low", (1.5e-5,), 4),
        ("high", (6.4e-2,), 4),
    ]
    linear = ParameterInfo(name="dropout", kind="range", low=0.0, high=0.4)
    assert told(at_edges(linear, 0.019, 0.021, 0.379, 0.4)) == [("low", (0.019,), 4), ("high", (0.4,), 4)]


def test_of_ordered_choices_the_first_and_last_are_ends():
    depths = ParameterInfo(name="frozen_layers", kind="choices", values=(6, 2, 4))
    assert told(at_edges(depths, 2, 4, 6, 6)) == [("low", (2.0,), 4), ("high", (6.0, 6.0), 4)]


@pytest.mark.parametrize("values", [(2, 4), ("a", "b", "c"), (True, False), ([], [64], [8])])
def test_of_two_choices_or_of_choices_without_an_order_none_is_an_end(values):
    choices = ParameterInfo(name="choice", kind="choices", values=values)
    assert at_edges(choices, values[0], values[-1], values[0]) == []


def test_a_parameter_that_a_configuration_does_not_have_is_not_counted():
    cycles = ParameterInfo(name="cycles", kind="range", low=1, high=3, integer=True)
    assert told(at_edges(cycles, 3, None, 2)) == [("high", (3.0,), 2)]


def test_an_end_on_which_half_of_the_searches_agree_is_told_with_advice(example):
    found = table(example, "edges")
    first = found.rows[0]
    assert (first[1], first[3], first[4], first[-1]) == (
        "frozen_layers",
        "low, 4",
        "5 of 5",
        "add a choice below 4",
    )
    zero = next(row for row in found.rows if row[1] == "augmentation_strength")
    assert zero[-1] == "search below 0 too, if there is such a value"
    assert "linear, frozen_layers at its low end in 4 of 5" in section(example).text[2]


def test_before_any_confirmation_the_best_trials_are_held_against_the_edges(example):
    trials_alone = example.model_copy(update={"confirmations": ()})
    assert told(edges(trials_alone)) == told(edges(example))


def test_ranks_are_those_of_the_means_on_validation_and_test(example):
    found = table(example, "rank_agreement")
    own = {name: [c for c in example.confirmations if c.strategy == name] for name in example.run.strategies}
    for column, score in (
        ("selection", "selected_score"),
        ("retrained", "validation_score"),
        ("test", "test_score"),
    ):
        means = [round(np.mean([getattr(c, score) for c in cs]), 10) for cs in own.values()]
        assert list(found.frame[column]) == pytest.approx(means)
        assert list(found.frame[f"rank_{column}"]) == list(stats.rankdata([-m for m in means]))


def test_of_another_tools_run_what_it_holds_is_recomputed():
    records = foreign(make_records())
    assert names(records) == ["left_out", "sub_budgets", "rank_agreement"]
    text = section(records).text
    assert "No range of a searched parameter is recorded" in text[2]
    ranks = table(records, "rank_agreement")
    assert [row[4] for row in ranks.rows] == ["-"] * 5  # validation scores of the retraining are not recorded
    means = [
        np.mean([c.test_score for c in records.confirmations if c.strategy == n])
        for n in records.run.strategies
    ]
    assert list(ranks.frame["rank_test"]) == list(stats.rankdata(means))


def test_of_test_scores_alone_replicates_are_left_out_and_nothing_more():
    assert names(swayed()) == ["left_out"]
    assert section(swayed()).text[1:] == (
        "No search is recorded: no budget can be made smaller, and no value was selected at an edge.",
    )
    assert "without the replicate (a training of every strategy): " in table(swayed(), "left_out").note
    own = make_records({"a": 0.8, "b": 0.7}, trials=1)
    assert section(own).text[1] == "No search has several trials on record, so none can be made smaller."
    assert "without the replicate (a search of every strategy): " in table(own, "left_out").note


def test_without_a_search_no_value_is_at_an_edge_and_no_seed_is_called_fresh():
    scores = np.random.default_rng(0).normal(0.7, 0.05, (4, 2, 3))
    records = scored(scores, ("a", "b"), metric=Metric(), shared=True)
    rate = ParameterInfo(name="rate", kind="range", low=0.0, high=1.0)
    tried = tuple(c.model_copy(update={"parameters": {"rate": 1.0}}) for c in records.confirmations)
    head = records.run.model_copy(update={"space": (rate,)})
    records = records.model_copy(update={"run": head, "confirmations": tried})
    assert edges(records) == []
    assert section(records).text[0].startswith("With one replicate or training left out, ")
    assert [row[0] for row in table(records, "left_out").rows][4:] == [f"training {s}" for s in range(3)]
    assert "without the replicate or the training: " in table(records, "left_out").note


def test_trainings_with_validation_scores_are_ranked_on_both_splits():
    records = swayed()
    scores = {"a": 0.7, "b": 0.8}
    validated = tuple(
        c.model_copy(update={"validation_score": scores[c.strategy]}) for c in records.confirmations
    )
    found = table(records.model_copy(update={"confirmations": validated}), "rank_agreement")
    assert found.columns == ("Strategy", "Validation", "Rank on validation", "Test accuracy", "Rank on test")
    assert list(found.frame["rank_validation"]) == [2, 1]
    assert list(found.frame["rank_test"]) == [1, 2]
    assert "selection" not in found.note


def test_too_few_trainings_are_called_so():
    found = section(scored([[0.8, 0.7]], ("a", "b")))
    assert "There are too few trainings for one to be left out." in found.absent


def test_without_anything_to_recompute_the_section_is_absent():
    records = swayed().model_copy(update={"confirmations": ()})
    assert section(records).absent.startswith("Nothing can be recomputed: ")


def test_where_nothing_is_compared_budgets_and_edges_remain():
    records = make_records({"all": 0.8})
    assert "left_out" not in names(records)
    assert "sub_budgets" in names(records)
    assert section(records).text[0] == "Nothing is compared, so no replicate or seed is left out."


def test_ten_thousand_trials_take_seconds():
    records = many_records(10_000, 10)
    judged = verdict(records)
    began = time.perf_counter()
    robustness_section(records, judged)
    assert time.perf_counter() - began < 20


def test_values_at_the_ends_of_what_was_only_seen_are_at_no_edge():
    rate = ParameterInfo(name="learning_rate", kind="range", low=1e-5, high=1e-1, log=True, observed=True)
    assert at_edges(rate, 1e-5, 1e-5, 1e-1) == []


def test_where_some_ranges_are_recorded_the_others_are_named(example):
    seen = ParameterInfo(name="seen", kind="range", low=0.0, high=0.4, observed=True)
    run = example.run.model_copy(update={"space": (*example.run.space, seen)})
    before, after = section(example).text[2], section(example.model_copy(update={"run": run})).text[2]
    assert after == f"{before.removesuffix('.')}; the range of seen is not recorded, only the values seen."


def test_where_cost_ends_searches_smaller_budgets_are_smaller_costs():
    """Of a, whose trials are charged 2 each, the first two begin below 3; of b, charged 1 each, all three."""
    records = searched(*AB, confirmed={"a": 1, "b": 2}, device_seconds=4.5)
    charged = tuple(
        t.model_copy(update={"charged": 2.0 if t.strategy == "a" else 1.0}) for t in records.trials
    )
    costly = records.model_copy(update={"trials": charged})
    found = sub_budgets(costly)
    assert [b.size for b in found] == [1.5, 3.0, 4.5]
    assert [{s: t.draw for (s, _), t in b.selected.items()} for b in found] == [
        {"a": 0, "b": 0},
        {"a": 1, "b": 2},
        {"a": 1, "b": 2},
    ]
    assert section(costly).text[1].startswith("From 3 charged device-seconds a search on, each had selected")
    assert table(costly, "sub_budgets").columns[0] == "Device-seconds a search"
