import pytest
from synthetic_records import make_records

from hpo.errors import UserError
from hpo.records.schema import Records
from hpo.report import verdict
from hpo.report.analysis import analyse
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
