import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from hpo.stats.counted import accuracy, class_counts, macro_f1, matthews, micro_f1
from hpo.stats.crossed import crossed
from hpo.stats.jackknife import pseudo_values


def classified(seed, items, classes=3):
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=items)
    return labels, np.where(random.random(items) < 0.7, labels, random.integers(classes, size=items))


def documents(seed, count):
    """True and false positives and false negatives of entities in each document; what is long has more of each."""
    random = np.random.default_rng(seed)
    length = random.gamma(2.0, 3.0, count)
    return random.poisson(length[:, None] * [0.7, 0.2, 0.3]).astype(float)


SCIKIT = {
    macro_f1: lambda labels, said: f1_score(labels, said, average="macro"),
    micro_f1: lambda labels, said: f1_score(labels, said, average="micro"),
    matthews: matthews_corrcoef,
}


def test_pseudo_values_of_accuracy_are_the_items_right_or_wrong():
    labels, said = classified(0, 200)
    found = pseudo_values(class_counts(labels, said, 3), accuracy)
    np.testing.assert_allclose(found, labels == said, atol=1e-10)


@pytest.mark.parametrize("metric", list(SCIKIT))
def test_they_are_those_of_leaving_out_one_item_after_another(metric):
    labels, said = classified(1, 50)
    whole = SCIKIT[metric](labels, said)
    without = [SCIKIT[metric](np.delete(labels, i), np.delete(said, i)) for i in range(50)]
    found = pseudo_values(class_counts(labels, said, 3), metric)
    np.testing.assert_allclose(found, 50 * whole - 49 * np.array(without), atol=1e-9)
    # Efron and Tibshirani (1993), (11.5): the jackknife's standard error, by its first definition.
    by_definition = np.sqrt(49 / 50 * np.sum((without - np.mean(without)) ** 2))
    assert np.sqrt(crossed(found[None, :]).variance) == pytest.approx(by_definition)


def resampled(counts, metric, seed, repeats=4000):
    """The bootstrap's standard error: items are drawn anew with replacement."""
    n = len(counts)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=repeats)
    return float(np.std(metric(drawn @ counts), ddof=1))


@pytest.mark.parametrize(
    ("counts", "metric"),
    [
        (class_counts(*classified(2, 1500), 3), macro_f1),
        (class_counts(*classified(3, 1500), 3), matthews),
        (documents(4, 800), micro_f1),
    ],
    ids=["macro F1", "Matthews", "entity F1"],
)
def test_the_standard_error_is_the_bootstraps_within_its_monte_carlo_error(counts, metric):
    found = np.sqrt(crossed(pseudo_values(counts, metric)[None, :]).variance)
    relative = 1 / np.sqrt(2 * 4000)  # error of a deviation of so many normal values
    assert found == pytest.approx(resampled(counts, metric, seed=5), rel=4 * relative)


def test_intervals_over_documents_cover_the_true_entity_f1():
    random, runs, covered = np.random.default_rng(6), 400, 0
    truth = 2 * 0.7 / (2 * 0.7 + 0.2 + 0.3)
    for _ in range(runs):
        counts = documents(random.integers(2**32), 150)
        values = pseudo_values(counts, micro_f1)
        low, high = crossed(values[None, :]).interval()
        covered += low <= truth <= high
    # 0.95 within four binomial standard errors.
    assert abs(covered / runs - 0.95) < 4 * np.sqrt(0.95 * 0.05 / runs)


def test_a_single_training_differs_from_another_as_paired_items_do_and_not_as_independent_ones():
    labels, first = classified(7, 600)
    swapped = np.random.default_rng(8).random(600) < 0.02
    second = np.where(swapped, (first + 1) % 3, first)
    a, b = (pseudo_values(class_counts(labels, said, 3), macro_f1) for said in (first, second))
    paired = crossed((a - b)[None, :]).variance
    assert paired < 0.2 * (crossed(a[None, :]).variance + crossed(b[None, :]).variance)


def test_their_mean_is_the_score_up_to_its_bias():
    counts = documents(9, 500)
    score = micro_f1(counts.sum(axis=0))
    values = pseudo_values(counts, micro_f1)
    # A bias is of the order of 1 / n, far below the standard error.
    assert abs(values.mean() - score) < 0.1 * np.sqrt(values.var(ddof=1) / 500)


@pytest.mark.parametrize("counts", [np.ones((1, 3)), np.ones(6), np.ones((2, 2, 3))])
def test_counts_of_another_shape_are_refused(counts):
    with pytest.raises(ValueError, match="at least 2 items"):
        pseudo_values(counts, micro_f1)


def test_crossed_intervals_over_trainings_and_items_cover_a_difference_of_0():
    random, runs, covered = np.random.default_rng(10), 300, 0
    for _ in range(runs):
        labels, difficulty = random.integers(3, size=300), random.normal(size=300)
        sides = []
        for _ in range(2):
            unit = random.normal(0, 0.15, (5, 1))
            right = difficulty + unit + random.normal(0, 0.6, (5, 300)) < 0.6
            said = np.where(right, labels, (labels + 1) % 3)
            sides.append([pseudo_values(class_counts(labels, row, 3), macro_f1) for row in said])
        low, high = crossed(np.subtract(*sides)).interval()
        covered += low <= 0 <= high
    assert covered / runs > 0.95 - 4 * np.sqrt(0.95 * 0.05 / runs)
