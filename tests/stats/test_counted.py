import warnings

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from hpo.stats.counted import accuracy, class_counts, macro_f1, matthews, micro_f1


def labelled(seed, items, classes):
    """Labels and predictions that agree in about six of ten, of unequal classes."""
    random = np.random.default_rng(seed)
    labels = random.choice(classes, items, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
    predictions = np.where(random.random(items) < 0.6, labels, random.integers(classes, size=items))
    return labels, predictions


def sums(labels, predictions, classes):
    return class_counts(labels, predictions, classes).sum(axis=0)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_classification_are_scikit_learns(seed, classes):
    labels, predictions = labelled(seed, 60, classes)
    found = sums(labels, predictions, classes)
    assert accuracy(found) == pytest.approx(accuracy_score(labels, predictions))
    assert macro_f1(found) == pytest.approx(f1_score(labels, predictions, average="macro"))
    assert micro_f1(found) == pytest.approx(f1_score(labels, predictions, average="micro"))
    assert matthews(found) == pytest.approx(matthews_corrcoef(labels, predictions))


def test_of_two_classes_matthews_is_the_correlation_of_zeros_and_ones():
    labels, predictions = labelled(1, 80, 2)
    expected = np.corrcoef(labels, predictions)[0, 1]
    assert matthews(sums(labels, predictions, 2)) == pytest.approx(expected)


def test_a_class_that_is_neither_true_nor_predicted_has_no_f1():
    labels, predictions = [0, 1, 1, 0], [0, 1, 0, 0]
    alone = macro_f1(sums(labels, predictions, 2))
    assert macro_f1(sums(labels, predictions, 5)) == pytest.approx(alone)
    assert alone == pytest.approx(f1_score(labels, predictions, average="macro"))
    # One that is predicted of an item counts, with an F1 of 0.
    assert macro_f1(sums(labels, [0, 1, 4, 0], 5)) == pytest.approx(
        f1_score(labels, [0, 1, 4, 0], average="macro", labels=[0, 1, 4], zero_division=0)
    )


def test_entity_f1_is_that_of_all_spans_of_all_documents():
    random = np.random.default_rng(3)
    true, said = random.random((2, 40, 25)) < 0.15  # documents, spans that could be entities
    counts = np.stack(((true & said).sum(1), (~true & said).sum(1), (true & ~said).sum(1)), axis=1)
    assert micro_f1(counts.sum(axis=0).astype(float)) == pytest.approx(f1_score(true, said, average="micro"))


@pytest.mark.parametrize("metric", [accuracy, macro_f1, micro_f1, matthews])
def test_where_nothing_can_be_told_a_metric_is_0_and_nothing_warns(metric):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric(np.zeros(9)) == 0
        assert metric(np.zeros((4, 9))).tolist() == [0, 0, 0, 0]


def test_matthews_of_one_class_alone_is_0_as_in_scikit_learn():
    labels, predictions = [1, 1, 1, 1], [1, 1, 0, 1]
    assert matthews(sums(labels, predictions, 2)) == matthews_corrcoef(labels, predictions) == 0


def test_many_sums_are_scored_at_once():
    pairs = [labelled(seed, 30, 3) for seed in range(4)]
    together = np.array([sums(labels, predictions, 3) for labels, predictions in pairs])
    for metric in (accuracy, macro_f1, micro_f1, matthews):
        assert metric(together) == pytest.approx([float(metric(one)) for one in together])
