import itertools
import math

import numpy as np
import pytest
from scipy import stats

from hpo.stats import pruning
from hpo.stats.pruning import Survival, Trial, missed, rank_correlation, saved, survival


def complete(*scores: float) -> Trial:
    return Trial(scores, None, scores[-1])


def study(random, trials: int, kept: int, audits: int, correlation: float = 0.8) -> list[Trial]:
    """``kept`` best of ``trials`` at the first of two rungs go on; ``audits`` of the others are finished afterwards."""
    early = random.normal(size=trials)
    final = correlation * early + np.sqrt(1 - correlation**2) * random.normal(size=trials)
    order = np.argsort(-early)
    audited = set(random.choice(order[kept:], audits, replace=False))
    complete = [Trial((early[i], final[i]), None, final[i]) for i in order[:kept]]
    pruned = [
        Trial((early[i], final[i]), 0, final[i]) if i in audited else Trial((early[i],), 0, None)
        for i in order[kept:]
    ]
    return complete + pruned


def unpruned(trials: list[Trial]) -> list[Trial]:
    return [Trial(t.scores, None, t.final) for t in trials]


def test_survival_counts_who_reached_a_rung_and_who_was_stopped_there():
    trials = [
        complete(0.1, 0.2, 0.3),
        Trial((0.1,), 0, None),
        Trial((0.1, 0.2), 1, None),
        Trial((0.1, 0.2), None, None),  # failed after its second rung
        Trial((), None, None),  # failed before any
    ]
    assert survival(trials) == (Survival(4, 1), Survival(3, 1), Survival(1, 0))


def test_an_audited_trial_survives_no_longer_than_in_its_study():
    assert survival([Trial((0.1, 0.2, 0.3), 0, 0.3), complete(0.1, 0.2)]) == (Survival(2, 1), Survival(1, 0))


def test_no_trials_reach_no_rung():
    assert survival([]) == ()


@pytest.mark.parametrize("arguments", [((0.1,), 1, None), ((), 0, None), ((0.1,), -1, None)])
def test_a_trial_is_pruned_at_a_rung_that_it_reached(arguments):
    with pytest.raises(ValueError, match="pruned at rung"):
        Trial(*arguments)


@pytest.mark.parametrize("arguments", [((math.nan,), None, 0.5), ((0.5,), None, math.inf)])
def test_scores_of_a_trial_are_finite(arguments):
    with pytest.raises(ValueError, match="not finite"):
        Trial(*arguments)


@pytest.mark.parametrize("decimals", [6, 1, 0])
def test_tau_of_complete_trials_is_scipys_tau_b_with_and_without_ties(decimals):
    trials = [
        complete(*scores) for scores in np.random.default_rng(decimals).normal(size=(30, 3)).round(decimals)
    ]
    for rung in (0, 1, 2):
        oracle = stats.kendalltau([t.scores[rung] for t in trials], [t.final for t in trials])
        found = rank_correlation(trials, rung, seed=1)
        assert found.tau == pytest.approx(oracle.statistic)
        assert found.low <= found.tau <= found.high
        assert (found.trials, found.audited) == (30, 0)


def test_interval_of_tau_has_the_quantiles_of_scipys_tau_over_resamples():
    x, y = np.random.default_rng(2).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 15).round(1).T
    random, taus = np.random.default_rng(3), []
    for _ in range(3000):
        drawn = random.integers(0, 15, 15)
        taus.append(stats.kendalltau(x[drawn], y[drawn]).statistic)
    trials = [Trial((a,), None, b) for a, b in zip(x, y, strict=True)]
    found = rank_correlation(trials, 0, seed=4, repeats=20_000)
    assert (found.low, found.high) == pytest.approx(tuple(np.nanquantile(taus, [0.025, 0.975])), abs=0.03)


@pytest.mark.parametrize(("trials", "kept", "audits"), [(10, 10, 0), (40, 40, 0), (60, 15, 15)])
def test_interval_of_tau_covers_the_truth_of_normal_scores(trials, kept, audits):
    truth, covered = 2 / np.pi * np.arcsin(0.6), 0
    for seed in range(200):
        random = np.random.default_rng([5, seed])
        found = rank_correlation(study(random, trials, kept, audits, 0.6), 0, seed=seed)
        covered += found.low <= truth <= found.high
    assert 0.9 <= covered / 200 <= 0.99


def test_a_perfect_correlation_has_an_interval_of_no_width():
    found = rank_correlation([complete(i / 7, i) for i in range(8)], 0, seed=1)
    assert (found.tau, found.low, found.high) == (1.0, 1.0, 1.0)


def test_tau_is_none_for_few_trials_or_a_constant():
    assert rank_correlation([complete(0.1 * i, 0.2 * i) for i in range(4)], 0, seed=1) is None
    assert rank_correlation([complete(0.5, 0.2 * i) for i in range(9)], 0, seed=1) is None
    assert rank_correlation([complete(0.1 * i, 0.2) for i in range(9)], 2, seed=1) is None


def test_failed_and_unaudited_trials_have_no_final_score_to_correlate():
    trials = [complete(*scores) for scores in np.random.default_rng(6).normal(size=(9, 2))]
    others = [Trial((5.0,), None, None), Trial((-5.0,), 0, None)]
    assert rank_correlation(trials + others, 0, seed=1) == rank_correlation(trials, 0, seed=1)


def test_trials_count_at_the_rungs_that_they_reached():
    trials = [complete(*scores) for scores in np.random.default_rng(7).normal(size=(9, 2))]
    short = Trial((0.3,), None, 0.3)
    assert rank_correlation([*trials, short], 0, seed=1).trials == 10
    assert rank_correlation([*trials, short], 1, seed=1) == rank_correlation(trials, 1, seed=1)


def test_an_audit_of_all_pruned_trials_gives_the_tau_of_all():
    trials = study(np.random.default_rng(8), 30, 8, 22)
    everyone = unpruned(trials)
    oracle = stats.kendalltau([t.scores[0] for t in everyone], [t.final for t in everyone]).statistic
    found = rank_correlation(trials, 0, seed=1)
    assert found.tau == pytest.approx(oracle)
    assert (found.trials, found.audited) == (30, 22)


def test_weighted_tau_is_that_of_a_literal_sum_over_pairs():
    trials = study(np.random.default_rng(9), 20, 6, 5)
    known = [t for t in trials if t.final is not None]
    weight = {0: 1.0, 1: 14 / 5, 2: (14 * 13) / (5 * 4)}  # 5 of 14 pruned trials are audited
    concordant = total = 0.0
    for a, b in itertools.combinations(known, 2):
        w = weight[(a.pruned_at is not None) + (b.pruned_at is not None)]
        concordant += w * np.sign((a.scores[0] - b.scores[0]) * (a.final - b.final))
        total += w
    assert rank_correlation(trials, 0, seed=1).tau == pytest.approx(concordant / total)


def test_weighted_sums_over_pairs_are_unbiased_over_all_audits_possible():
    random = np.random.default_rng(10)
    early, final = random.normal(size=(2, 9)).round(1)  # 3 complete, 6 pruned, 3 of them audited
    weights = np.repeat(np.repeat(pruning._pair_weights(6, 3), (3, 3), axis=0), (3, 3), axis=1)
    sums = []
    for audited in itertools.combinations(range(3, 9), 3):
        held = [0, 1, 2, *audited]
        sums.append([pair.sum() for pair in pruning._pairs(early[held], final[held], weights)])
    whole = [pair.sum() for pair in pruning._pairs(early, final, np.ones((9, 9)))]
    assert np.mean(sums, axis=0) == pytest.approx(whole)


def test_an_audit_removes_what_survival_takes_from_tau():
    truth, survivors, audited = 2 / np.pi * np.arcsin(0.8), [], []
    for seed in range(60):
        trials = study(np.random.default_rng([11, seed]), 60, 15, 15)
        survivors.append(rank_correlation([t for t in trials if t.pruned_at is None], 0, seed=seed).tau)
        audited.append(rank_correlation(trials, 0, seed=seed).tau)
    assert np.mean(survivors) < truth - 0.1
    assert np.mean(audited) == pytest.approx(truth, abs=0.04)


def test_a_single_audited_trial_of_several_pruned_ones_is_left_out():
    trials = study(np.random.default_rng(12), 20, 8, 1)
    survivors = rank_correlation([t for t in trials if t.pruned_at is None], 0, seed=1)
    assert rank_correlation(trials, 0, seed=1) == survivors
    alone = study(np.random.default_rng(12), 9, 8, 1)
    assert rank_correlation(alone, 0, seed=1).audited == 1


def most_by_enumeration(population: int, sample: int, seen: int, confidence: float) -> int:
    """The largest count under which so few or fewer are in more than 1 - confidence of all samples, listed."""
    most = 0
    for count in range(population + 1):
        drawn = [sum(i < count for i in held) for held in itertools.combinations(range(population), sample)]
        if seen in drawn and np.mean([k <= seen for k in drawn]) > 1 - confidence + 1e-12:
            most = max(most, count)
    return most


def finals(better: int, audited: int) -> list[float]:
    return [0.9] * better + [0.1] * (audited - better)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_bound_of_better_pruned_trials_is_that_of_all_samples_of_all_populations(confidence):
    for population in range(1, 9):
        for sample in range(1, population + 1):
            for better in range(sample + 1):
                found = missed(finals(better, sample), population, 0.5, confidence=confidence)
                assert found.most == most_by_enumeration(population, sample, better, confidence)


@pytest.mark.parametrize("audited", [5, 20])
def test_bound_holds_in_at_least_95_percent_of_samples_whatever_the_truth(audited):
    for truth in range(41):
        chance = stats.hypergeom.pmf(range(audited + 1), 40, truth, audited)
        holds = [
            chance[better] > 0 and missed(finals(better, audited), 40, 0.5).most >= truth
            for better in range(audited + 1)
        ]
        assert chance[holds].sum() >= 0.95 - 1e-9


@pytest.mark.parametrize(
    ("audited", "better", "pruned", "confidence", "most"),
    # Of permute (Stark et al.), tests of hypergeom_conf_interval: one-sided, and two-sided at half the error.
    [(6, 1, 10, 0.95, 4), (2, 1, 5, 0.95, 4), (10, 5, 20, 0.975, 14), (5, 3, 10, 0.9875, 8)],
)
def test_bound_is_the_published_one(audited, better, pruned, confidence, most):
    assert missed(finals(better, audited), pruned, 0.5, confidence=confidence).most == most


@pytest.mark.parametrize(("audited", "better"), [(10, 0), (20, 3), (30, 30)])
def test_bound_of_few_among_very_many_is_clopper_and_pearsons(audited, better):
    oracle = stats.binomtest(better, audited, alternative="less").proportion_ci(0.95, "exact").high
    shares = [missed(finals(better, audited), pruned, 0.5).most_share for pruned in (50, 500, 200_000)]
    assert shares[-1] == pytest.approx(oracle, abs=1e-4)
    assert shares[0] <= shares[1] <= oracle


def test_none_better_among_many_is_the_rule_of_three():
    assert missed(finals(0, 100), 100_000, 0.5).most_share == pytest.approx(3 / 100, rel=0.02)


def test_an_audit_of_all_leaves_no_doubt():
    assert missed(finals(2, 7), 7, 0.5).most == 2
    assert missed(finals(0, 7), 7, 0.5).most == 0


def test_missed_counts_scores_above_the_selected_one_and_the_largest_gain():
    found = missed([0.80, 0.85, 0.91, 0.86], 12, 0.85)
    assert (found.audited, found.pruned, found.better, found.share) == (4, 12, 2, 0.5)
    assert found.largest_gain == pytest.approx(0.06)
    assert found.most_share == found.most / 12
    assert missed([0.80, 0.82], 12, 0.85).largest_gain == pytest.approx(-0.03)


@pytest.mark.parametrize(
    ("values", "pruned", "selected"),
    [([], 5, 0.5), ([0.1, 0.2], 1, 0.5), ([[0.1]], 5, 0.5), ([math.nan], 5, 0.5), ([0.1], 5, math.nan)],
)
def test_an_impossible_audit_is_refused(values, pruned, selected):
    with pytest.raises(ValueError, match=r"one to|not finite"):
        missed(values, pruned, selected)


def test_saved_is_what_pruned_trials_did_not_spend():
    found = saved([10, 20, 30], [100, 100, 100])
    assert (found.charged, found.whole, found.share) == (60, 300, pytest.approx(0.8))


@pytest.mark.parametrize(
    ("charged", "whole"),
    [([], []), ([1], [1, 2]), ([-1], [1]), ([1], [0]), ([math.nan], [1]), ([1], [math.inf]), ([[1]], [[1]])],
)
def test_impossible_costs_are_refused(charged, whole):
    with pytest.raises(ValueError, match=r"equally long|finite and not negative"):
        saved(charged, whole)
