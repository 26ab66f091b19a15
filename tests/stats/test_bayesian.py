import tracemalloc

import baycomp
import numpy as np
import pytest
from scipy import stats

from hpo.stats import bayesian
from hpo.stats.bayesian import bayesian_signed_rank

SAMPLES = 50_000
ERROR = 4 * 0.5 / np.sqrt(SAMPLES)  # four standard errors of a share, at most
HALF = 1 / np.sqrt(2)  # w^2 is above 1 - w^2 where w is above it


def against_zero(differences, rope, seed=1, samples=SAMPLES):
    return bayesian_signed_rank(differences, np.zeros(len(differences)), rope, seed=seed, samples=samples)


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_with_all_differences_beyond_twice_the_rope_the_probability_is_a_beta_one(blocks):
    # A pair is within the rope where both are the pseudo-observation, of weight w from Beta(1/2, blocks).
    result = against_zero(np.full(blocks, 1.0), rope=0.4)
    exact = stats.beta.cdf(HALF, 0.5, blocks)
    assert (result.left, result.right) == pytest.approx((0.0, exact), abs=ERROR)


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_with_all_differences_between_rope_and_twice_the_rope_it_is_another(blocks):
    # A pair is above the rope where neither is the pseudo-observation.
    result = against_zero(np.full(blocks, 1.0), rope=0.6)
    exact = stats.beta.cdf(1 - HALF, 0.5, blocks)
    assert (result.left, result.right) == pytest.approx((0.0, exact), abs=ERROR)


@pytest.mark.parametrize(
    ("seed", "rope", "mean"), [(1, 0.3, 0.3), (2, 0.6, 0.2), (3, 0.05, -0.1), (4, 1.0, 0.9)]
)
def test_probabilities_are_baycomps(seed, rope, mean):
    random = np.random.default_rng(seed)
    first, second = random.normal(mean, 1, size=12), random.normal(0, 0.5, size=12)
    samples = 20_000
    # baycomp's left is where its first scores higher: the other way round.
    oracle = baycomp.SignedRankTest.probs(second, first, rope, nsamples=samples, random_state=seed)
    found = bayesian_signed_rank(first, second, rope, seed=seed, samples=samples)
    assert (found.left, found.rope, found.right) == pytest.approx(oracle, abs=5 * np.sqrt(0.5 / samples))


def test_differences_on_the_border_are_within_the_rope_whatever_their_last_bits():
    assert 0.91 - 0.90 > 0.01
    result = bayesian_signed_rank([0.91, 0.93, 0.13], [0.90, 0.92, 0.12], 0.01, seed=1)
    assert (result.left, result.rope, result.right) == (0.0, 1.0, 0.0)


def test_level_strategies_are_practically_equivalent():
    assert against_zero(np.zeros(4), rope=0.01).rope == 1.0


def test_swapping_the_strategies_swaps_left_and_right():
    first, second = np.random.default_rng(5).normal(0.2, 1, size=(2, 9))
    there = bayesian_signed_rank(first, second, 0.3, seed=4)
    back = bayesian_signed_rank(second, first, 0.3, seed=4)
    assert (there.left, there.rope, there.right) == (back.right, back.rope, back.left)


def test_probabilities_sum_to_one_and_follow_from_the_seed():
    differences = np.random.default_rng(6).normal(0.1, 1, size=7)
    result = against_zero(differences, rope=0.5, seed=8)
    assert result.left + result.rope + result.right == pytest.approx(1)
    assert result == against_zero(differences, rope=0.5, seed=8)
    assert result != against_zero(differences, rope=0.5, seed=9)


def test_a_wider_rope_makes_equivalence_likelier():
    differences = np.random.default_rng(7).normal(0.1, 1, size=15)
    ropes = [against_zero(differences, rope=rope).rope for rope in (0.1, 0.4, 0.8, 1.6)]
    assert ropes == sorted(ropes)
    assert ropes[0] < 0.05
    assert ropes[-1] > 0.95


def test_the_unit_of_the_scores_does_not_matter():
    differences = np.random.default_rng(8).normal(0.3, 1, size=10)
    assert against_zero(differences, rope=0.4) == against_zero(100 * differences, rope=40)


def test_drawing_in_portions_changes_nothing(monkeypatch):
    differences = np.random.default_rng(9).normal(0.3, 1, size=10)
    whole = against_zero(differences, rope=0.4, samples=1000)
    monkeypatch.setattr(bayesian, "MOST_WEIGHTS", 70)
    assert against_zero(differences, rope=0.4, samples=1000) == whole


def test_memory_does_not_grow_with_the_samples():
    differences = np.random.default_rng(10).normal(size=200)
    tracemalloc.start()
    against_zero(differences, rope=0.4, samples=20_000)  # 32 MB of weights
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6


@pytest.mark.parametrize(("rope", "samples"), [(0.0, 10), (-0.1, 10), (float("nan"), 10), (0.1, 0)])
def test_a_rope_without_width_and_no_samples_are_refused(rope, samples):
    with pytest.raises(ValueError, match="must be positive"):
        against_zero([0.1, 0.2], rope, samples=samples)
