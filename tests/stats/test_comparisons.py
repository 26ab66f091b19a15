import numpy as np
import pytest
from scipy import stats

from hpo.stats.comparisons import (
    correlation,
    holm,
    least_sign_flip_p,
    sign_flip,
    simultaneous_confidence,
)


def test_holm_rejects_as_the_textbook_example_of_four_hypotheses():
    # 0.01, 0.04, 0.03, 0.005 at 0.05: 0.005 < 0.0125 and 0.01 < 0.0167 rejected, 0.03 > 0.025 stops.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_equals_rs_p_adjust_on_its_help_page_form():
    # p.adjust(c(0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205), "holm") in R.
    given = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]
    assert holm(given) == pytest.approx((0.008, 0.056, 0.234, 0.234, 0.234, 0.234, 0.234, 0.234))


def test_holm_equals_a_literal_step_down():
    random = np.random.default_rng(5)
    for _ in range(50):
        p = random.uniform(size=6) ** 3
        rejected, alive = set(), sorted(range(6), key=lambda i: p[i])
        while alive and p[alive[0]] <= 0.05 / len(alive):
            rejected.add(alive.pop(0))
        assert {i for i, value in enumerate(holm(p)) if value <= 0.05} == rejected


def test_holm_leaves_one_p_alone_and_never_exceeds_one():
    assert holm([0.03]) == (0.03,)
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_simultaneous_confidence_shares_the_error():
    assert simultaneous_confidence(10) == pytest.approx(0.995)


@pytest.mark.parametrize("units", [2, 3, 5, 9])
def test_sign_flip_equals_scipys_exact_permutation_test(units):
    values = np.random.default_rng(units).normal(0.4, 1, size=units)
    oracle = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert sign_flip(values) == pytest.approx(oracle.pvalue)


def test_sign_flip_of_fishers_darwin_data_is_1726_in_32768():
    # Fisher, The Design of Experiments (1935), sec. 21: of 32,768 sign patterns 1,726 are as extreme.
    darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip(darwin) == 1726 / 32768


def test_sign_flip_counts_ties_whatever_their_last_bits():
    assert sign_flip([0.1, 0.2, 0.3]) == 0.25
    assert sign_flip([0.0, 0.0]) == 1.0


def test_sign_flip_reaches_its_least_p_and_stops_where_patterns_are_too_many():
    assert sign_flip([1.0, 2.0, 1.5, 0.5, 0.7]) == least_sign_flip_p(5) == 0.0625
    assert sign_flip(np.ones(17)) is None


def test_correlation_equals_scipys_and_is_none_where_undefined():
    random = np.random.default_rng(6)
    a, b = random.normal(size=(3, 4)), random.normal(size=(3, 4))
    assert correlation(a, b) == pytest.approx(stats.pearsonr(a.ravel(), b.ravel()).statistic)
    assert correlation([1, 1, 1], [1, 2, 3]) is None
    assert correlation([1, 2], [2, 1]) is None
