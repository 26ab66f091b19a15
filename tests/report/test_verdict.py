import numpy as np
import pytest
from foreign_records import foreign
from scipy import stats
from scored_records import AUC, LOSS, scored
from synthetic_records import make_records

from hpo.errors import UserError
from hpo.records.metrics import Metric
from hpo.records.run import SMALL_FORM, Records
from hpo.report import verdict
from hpo.report.analysis import analyse
from hpo.report.optimism import mean_drop
from hpo.stats.decision import Outcome

TWO = {"cosine": 0.80, "constant": 0.70}
NOT_MENTIONED = "At this tuning budget"


def without(records: Records, **kept) -> Records:
    return records.model_copy(update=kept)


def test_a_clear_difference_over_searches_is_a_claim_about_strategies():
    found = verdict(make_records(TWO))
    assert found.state == "decided"
    assert found.sentences[0].startswith(
        "At this tuning budget (4 trials a search; 5 independent searches a strategy, 1 fresh seed each; "
        "1,000 test items), cosine has the highest mean test accuracy, "
    )
    assert "; cosine is better than constant by a relevant margin (+" in found.sentences[0]


def test_a_verdict_has_three_to_five_sentences():
    for records in (make_records(), make_records(TWO, baseline=None), make_records({"all": 0.8})):
        assert 3 <= len(verdict(records).sentences) <= 5


def test_one_search_speaks_of_these_configurations_only():
    found = verdict(make_records(TWO, replicates=1, seeds=5))
    assert found.sentences[0].startswith(
        "Of the selected configurations only (one search a strategy, 5 fresh seeds each; 1,000 test items; "
        "another search may select others), cosine"
    )
    assert NOT_MENTIONED not in found.text


def test_one_search_with_fewer_than_five_seeds_is_inconclusive_however_large_the_difference():
    found = verdict(make_records(TWO, replicates=1, seeds=4))
    assert found.state == "inconclusive"
    assert found.sentences[0] == (
        "Inconclusive: one search a strategy and 4 fresh seeds allow no verdict; one about these configurations "
        "needs 5 seeds, one about strategies 3 searches."
    )


def test_two_searches_are_inconclusive_however_large_the_difference():
    found = verdict(make_records(TWO, replicates=2, seeds=5))
    assert found.state == "inconclusive"
    assert found.sentences[0] == (
        "Inconclusive: 2 searches a strategy allow no verdict about strategies; it needs at least 3."
    )


def test_one_seed_of_one_search_says_what_to_run():
    found = verdict(make_records(TWO, replicates=1, seeds=1, baseline=None))
    assert "cannot be planned yet: run at least 5 fresh seeds of each." in found.text


def test_equal_strategies_are_inconclusive_with_a_plan_and_open_ranks():
    found = verdict(make_records({"a": 0.775, "b": 0.775, "c": 0.775}, seed=3, items=300))
    assert found.state == "inconclusive"
    assert found.sentences[0].startswith("Inconclusive: at this tuning budget")
    assert "no strategy can be told from another" in found.sentences[0]
    assert "at 80 % power, if they differ by" in found.text
    assert "Possible ranks (all pairs, Holm): a 1 to 3, b 1 to 3 and c 1 to 3." in found.text


def test_identical_predictions_are_equivalent():
    records = make_records(TWO, baseline=None)
    twins = {(c.replicate, c.index): c.test_correct for c in records.confirmations if c.strategy == "cosine"}
    same = tuple(
        c.model_copy(update={"test_correct": twins[c.replicate, c.index]}) for c in records.confirmations
    )
    found = verdict(without(records, confirmations=same))
    assert (
        "cosine is practically equivalent to constant (0.00 points, 90 % interval 0.00 to 0.00)" in found.text
    )
    assert found.state == "decided"


def test_with_a_reference_each_other_strategy_is_held_against_it_alone():
    found = verdict(make_records(reference="linear"))
    pairs = [(c.first, c.second) for c in found.analysis.comparisons]
    assert pairs == [(name, "linear") for name in ("constant", "cosine", "inverse_sqrt", "wsd")]
    assert "constant is worse than linear" in found.sentences[0]
    assert "p is Holm's over the 4 comparisons with the reference." in found.text


def test_the_baseline_has_a_sentence_of_its_own_with_its_interval():
    found = verdict(make_records(TWO))
    sentence = next(s for s in found.sentences if s.startswith("The baseline, a fixed recipe"))
    assert "a fixed recipe without tuning, has 6" in sentence
    assert "cosine is better than textbook by a relevant margin (+" in sentence
    assert "95 % interval" in sentence
    assert not any("textbook" in s for s in found.sentences if s != sentence)


def test_without_a_baseline_nothing_is_said_of_one():
    assert "baseline" not in verdict(make_records(TWO, baseline=None)).text


def test_an_unfinished_run_says_so_and_concludes_nothing():
    records = make_records(TWO)
    part = without(records, trials=records.trials[:20], confirmations=records.confirmations[:9])
    found = verdict(part)
    assert found.state == "unfinished"
    assert (
        found.sentences[0] == "The run is unfinished: 20 of 40 trials and 9 of 15 confirmations are recorded."
    )
    assert not any(word in found.text for word in ("better", "equivalent", "interval"))


def test_a_run_that_has_just_begun_is_unfinished():
    assert verdict(without(make_records(TWO), trials=(), confirmations=())).state == "unfinished"


def test_one_strategy_has_a_mean_and_an_interval_and_no_comparison():
    found = verdict(make_records({"all": 0.8}))
    assert found.state == "single"
    assert "nothing is compared; the mean test accuracy is 8" in found.sentences[0]
    assert "the optimism of the search" in found.sentences[1]
    assert found.analysis.comparisons == ()


def test_a_study_without_a_complete_trial_is_named_and_left_out():
    records = make_records(TWO)
    failed = tuple(
        t.model_copy(update={"state": "failed", "score": None, "best_rung": None})
        if (t.strategy, t.replicate) == ("constant", 2)
        else t
        for t in records.trials
    )
    kept = tuple(c for c in records.confirmations if (c.strategy, c.replicate) != ("constant", 2))
    found = verdict(without(records, trials=failed, confirmations=kept))
    assert found.state == "decided"
    assert "without constant in replicate 2, where no trial was completed," in found.sentences[0]
    assert found.analysis.comparisons[0].estimate.units == 4


def test_a_run_whose_every_trial_failed_says_that_nothing_was_confirmed():
    records = make_records(TWO, baseline=None)
    failed = tuple(t.model_copy(update={"state": "failed", "score": None}) for t in records.trials)
    found = verdict(without(records, trials=failed, confirmations=()))
    assert found.sentences[0] == "Nothing could be confirmed: no trial was completed."


def test_the_margin_is_half_a_point_where_no_configuration_has_two_seeds():
    assert analyse(make_records(TWO, seeds=1)).margin.value == 0.005


def test_the_margin_is_the_references_deviation_over_seeds_where_that_is_larger():
    records = make_records(TWO, reference="constant", replicates=3, seeds=2)
    spread = tuple(
        c.model_copy(update={"validation_score": 0.70 + (0.04 * c.index if c.strategy == "constant" else 0)})
        for c in records.confirmations
    )
    found = analyse(without(records, confirmations=spread))
    assert found.margin.value == pytest.approx(
        0.04 / 2**0.5
    )  # two seeds 0.04 apart in each of three searches
    assert "the reference constant" in found.margin.reason


def test_the_margin_never_reads_the_test_split():
    records = make_records(TWO, seeds=2)
    blind = tuple(
        c.model_copy(update={"test_correct": (0,) * 1000, "test_score": 0.0}) for c in records.confirmations
    )
    assert analyse(without(records, confirmations=blind)).margin == analyse(records).margin


def test_pairs_are_matched_by_replicate_and_seed_whatever_the_order():
    records = make_records(TWO, seeds=2)
    turned = without(records, confirmations=records.confirmations[::-1])
    assert analyse(turned).comparisons[0].estimate == analyse(records).comparisons[0].estimate


def test_a_difference_is_the_same_from_either_side():
    comparison = analyse(make_records(TWO)).comparisons[0]
    other = comparison.swapped()
    assert (other.first, other.second) == (comparison.second, comparison.first)
    low, high = comparison.estimate.interval()
    assert other.estimate.interval() == pytest.approx((-high, -low))
    assert other.outcome is comparison.outcome is Outcome.RELEVANT


def test_grouped_items_count_as_groups():
    records = make_records(TWO, items=400)
    split = records.run.split.model_copy(update={"groups": tuple(i // 4 for i in range(400))})
    grouped = without(records, run=records.run.model_copy(update={"split": split}))
    assert analyse(grouped).comparisons[0].estimate.items == 100
    assert "400 test items in 100 groups" in verdict(grouped).text


def test_a_test_split_of_one_item_is_refused():
    with pytest.raises(UserError) as caught:
        verdict(make_records(TWO, items=1))
    assert caught.value.message == (
        "lr_schedules: the test split has a single item or group; an interval needs at least 2"
    )


def test_the_cost_is_charged_in_full_and_spent_once():
    records = make_records(TWO, baseline=None)
    first = records.trials[0]
    shared = records.trials[1].model_copy(update={"segments": first.segments, "rungs": first.rungs})
    found = verdict(without(records, trials=(first, shared), confirmations=()))
    work = sum(s.seconds for s in first.segments) + sum(r.seconds for r in first.rungs)
    assert found.sentences[-1] == (
        f"All trials and confirmations were charged {2 * work:.1f} device-seconds, as if each had run alone; "
        f"{work:.1f} were spent, shared work once."
    )


def test_markdown_escapes_names_and_question():
    records = make_records({"<script>*x*": 0.8, "b_c": 0.7})
    text = verdict(records).markdown()
    assert text.startswith("# Which learning-rate schedule")
    assert r"&lt;script&gt;\*x\*" in text
    assert "<" not in text


# a has the best mean and scatters; b and c do not, and b is better by 0.10.
SCATTERED = [
    [0.600, 0.700, 0.95],
    [0.600, 0.701, 0.45],
    [0.600, 0.699, 0.95],
    [0.601, 0.700, 0.45],
    [0.600, 0.701, 0.95],
    [0.599, 0.699, 0.85],
]


def test_pairs_that_are_decided_without_the_best_are_named():
    found = verdict(scored(SCATTERED, ("c", "b", "a"), metric=Metric(), shared=True))
    outcomes = {(c.first, c.second): c.outcome for c in found.analysis.comparisons}
    assert outcomes["c", "a"] is outcomes["b", "a"] is Outcome.INCONCLUSIVE
    assert outcomes["c", "b"] is Outcome.RELEVANT
    assert found.state == "decided"
    assert not found.sentences[0].startswith("Inconclusive")
    assert (
        "; no other can be told from it, but other pairs are decided: b is better than c by a relevant margin (+10.00 points"
        in found.sentences[0]
    )


def test_of_very_many_decided_pairs_some_are_named_and_the_rest_counted():
    rows = np.array([[0.1 * k + 0.001 * (r * (k + 1) % 5) for k in range(5)] for r in range(6)])
    table = np.column_stack([rows, [5.0, -4.0, 5.0, -4.0, 5.0, 4.0]])
    found = verdict(scored(table, ("a", "b", "c", "d", "e", "wild"), metric=AUC, shared=True))
    assert found.analysis.best == "wild"
    assert found.sentences[0].count(" is better than ") == 5
    assert "; so are 5 further pairs." in found.sentences[0]


@pytest.mark.parametrize("shared", [True, False])
def test_whole_scores_that_all_differ_by_the_same_decide_nothing(shared):
    found = verdict(scored([[0.8, 0.7]] * 5, ("a", "b"), metric=Metric(), shared=shared))
    (comparison,) = found.analysis.comparisons
    assert comparison.outcome is Outcome.INCONCLUSIVE
    assert not comparison.enough
    assert comparison.p == comparison.holm_p == 1
    assert found.state == "inconclusive"
    assert "Holm p" not in found.text
    assert "cannot be planned: their difference is the same in all, without any spread" in found.text


def test_where_no_verdict_is_allowed_no_p_is_told():
    for sizes in (
        {"replicates": 1, "seeds": 1},
        {"replicates": 1, "seeds": 4},
        {"replicates": 2, "seeds": 5},
    ):
        text = verdict(make_records(TWO, **sizes)).text
        assert "Holm p" not in text
        assert "p is Holm's" not in text
    assert "Holm p" in verdict(make_records(TWO, replicates=1, seeds=5)).text


def test_without_a_margin_none_is_told():
    scores = [[0.8, 0.7], [0.81, 0.72], [0.8, 0.69]]
    text = verdict(scored(scores, ("a", "b"), metric=LOSS)).text
    assert (
        "No margin is known, so that practical equivalence is not tested; p is Holm's over the 1 comparison"
        in text
    )
    assert "the least" not in text


def test_the_optimism_of_a_minimised_metric_is_above_0_where_test_is_worse():
    up = make_records({"all": 0.8}, baseline=None)
    down = foreign(up)
    drops = [
        np.mean([c.test_score - c.selected_score for c in records.confirmations]) for records in (up, down)
    ]
    assert mean_drop(up, "all") == pytest.approx(-drops[0])
    assert mean_drop(down, "all") == pytest.approx(drops[1])
    assert verdict(down).sentences[1].startswith(f"Test minus validation at selection is {drops[1]:+.3g}: ")


@pytest.mark.parametrize(
    ("scores", "opening"),
    [
        (
            [[0.8, 0.7], [0.81, 0.72], [0.8, 0.69]],
            "Of these configurations only (3 trainings a strategy, no search recorded; test items not recorded), a has ",
        ),
        ([[0.8, 0.7]], "Inconclusive: 1 training a strategy allows no verdict; it needs at least 5."),
        ([[0.8, 0.7]] * 2, "Inconclusive: 2 trainings a strategy allow no verdict; it needs at least 3."),
        (
            [[[0.8, 0.81], [0.7, 0.72]]] * 2,
            "Inconclusive: 2 replicates a strategy allow no verdict; it needs at least 3.",
        ),
    ],
)
def test_trainings_of_which_no_search_is_recorded_are_called_so(scores, opening):
    text = verdict(scored(scores, ("a", "b"), metric=Metric())).text
    assert text.startswith(opening)
    assert not [word for word in ("searches", "select", "fresh", "tuning") if word in text]


def test_costs_of_some_trainings_say_of_how_many():
    records = make_records(TWO)
    bare = records.trials[0].model_copy(update={"segments": (), "rungs": ()})
    some = without(records, trials=(bare, *records.trials[1:]))
    assert "device-seconds (of 54 of 55 trainings), as if" in verdict(some).sentences[-1]
    assert "trainings)" not in verdict(records).sentences[-1]


def test_strategies_that_nothing_pairs_are_planned_as_independent_samples():
    scores = np.array([[0.80, 0.78], [0.83, 0.79], [0.79, 0.82], [0.84, 0.80]])
    found = verdict(scored(scores, ("a", "b"), metric=Metric(), shared=False))
    (comparison,) = found.analysis.comparisons
    assert comparison.outcome is Outcome.INCONCLUSIVE

    def power(n: int) -> float:
        parts = scores.var(axis=0, ddof=1) / n
        df = parts.sum() ** 2 / (parts**2 / (n - 1)).sum()
        shift, critical = 0.0175 / np.sqrt(parts.sum()), stats.t.ppf(0.975, df)
        return float(stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift))

    least = next(n for n in range(4, 200) if power(n) >= 0.8)
    assert (
        f"To tell a from b at 80 % power, if they differ by 1.75 points, it would take about {least - 4} further trainings "
        "of each, as independent samples, for nothing pairs them."
    ) in found.text


def test_a_plan_beyond_all_bounds_says_so():
    scores = [[0.8, 0.8], [0.7, 0.7], [0.9, 0.9]]
    text = verdict(scored(scores, ("a", "b"), metric=AUC, shared=False)).text
    assert "it would take more than 10,000 trainings of each, as independent samples" in text


def test_the_small_form_of_a_space_says_first_that_it_answers_nothing():
    records = make_records(TWO, replicates=2, seeds=1)
    small = without(records, run=records.run.model_copy(update={"form": "small"}))
    plain, told = verdict(records), verdict(small)
    assert told.sentences == (SMALL_FORM, *plain.sentences)
    assert "no answer to the question" in told.sentences[0]
    assert SMALL_FORM in told.markdown()
