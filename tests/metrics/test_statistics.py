import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from hpo.metrics import statistics
from hpo.metrics.counts import count_classes, count_entities, count_labels
from hpo.metrics.registry import _STATISTICS, item_values, score_all
from hpo.records.metrics import METRICS, METRICS_OF


def labelled(seed: int, items: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions that agree in about six of ten, of unequal classes."""
    random = np.random.default_rng(seed)
    labels = random.choice(classes, items, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
    predictions = np.where(random.random(items) < 0.6, labels, random.integers(classes, size=items))
    return labels, predictions


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_one_class_each_are_scikit_learns(seed: int, classes: int) -> None:
    labels, predictions = labelled(seed, 60, classes)
    total = count_classes(labels, predictions, classes).sum(axis=0)
    assert statistics.accuracy(total) == pytest.approx(accuracy_score(labels, predictions))
    assert statistics.macro_f1(total) == pytest.approx(f1_score(labels, predictions, average="macro"))
    assert statistics.micro_f1(total) == pytest.approx(f1_score(labels, predictions, average="micro"))
    assert statistics.matthews(total) == pytest.approx(matthews_corrcoef(labels, predictions))


@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_label_sets_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = (random.random((80, 5)) < [0.5, 0.3, 0.2, 0.1, 0.02]).astype(int)
    predictions = np.where(random.random((80, 5)) < 0.8, labels, 1 - labels)
    total = count_labels(labels, predictions).sum(axis=0)
    assert statistics.micro_f1(total) == pytest.approx(f1_score(labels, predictions, average="micro"))
    assert statistics.macro_f1(total) == pytest.approx(
        f1_score(labels, predictions, average="macro", zero_division=0)
    )


def test_a_class_that_is_neither_there_nor_predicted_is_left_out_of_macro_f1() -> None:
    labels, predictions = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    total = count_classes(labels, predictions, 5).sum(axis=0)
    assert statistics.macro_f1(total) == pytest.approx(f1_score(labels, predictions, average="macro"))


def test_entities_count_where_words_and_type_are_all_right() -> None:
    # Four in the text: one right, one of another type, one a word too long, one missed; and one where there is none.
    labels = [[(0, 2, "PER"), (4, 5, "LOC")], [(1, 3, "ORG"), (7, 8, "PER")]]
    found = [[(0, 2, "PER"), (4, 5, "ORG")], [(1, 4, "ORG"), (9, 10, "LOC")]]
    counts = count_entities(labels, found, ("PER", "LOC", "ORG"))
    assert counts.sum(axis=0).tolist() == [[1, 0, 0], [0, 1, 2], [1, 1, 1]]
    total = counts.sum(axis=0)
    assert statistics.precision(total) == pytest.approx(1 / 4)
    assert statistics.recall(total) == pytest.approx(1 / 4)
    assert statistics.micro_f1(total) == pytest.approx(1 / 4)


def test_shares_of_nothing_are_0() -> None:
    nothing = np.zeros((3, 4))
    for statistic in _STATISTICS.values():
        assert statistic(nothing) == 0.0


@pytest.mark.parametrize("kind", METRICS_OF)
def test_every_metric_of_a_task_is_computed(kind: str) -> None:
    labels, predictions = labelled(3, 40, 3)
    losses = np.linspace(0.1, 2.0, 40)
    scores = score_all(kind, count_classes(labels, predictions, 3), losses)
    assert tuple(scores) == METRICS_OF[kind]
    assert scores["log_loss"] == pytest.approx(losses.mean())
    assert set(scores) <= set(METRICS)


SCIKIT = {
    "macro_f1": lambda labels, said: f1_score(labels, said, average="macro"),
    "micro_f1": lambda labels, said: f1_score(labels, said, average="micro"),
    "matthews": matthews_corrcoef,
}


def test_the_values_of_accuracy_are_the_items_right_or_wrong() -> None:
    labels, said = labelled(0, 200, 3)
    found = item_values("accuracy", count_classes(labels, said, 3), np.zeros(200))
    np.testing.assert_allclose(found, labels == said, atol=1e-10)


@pytest.mark.parametrize("metric", list(SCIKIT))
def test_values_have_the_metric_as_their_mean_and_the_jackknifes_standard_error(metric: str) -> None:
    labels, said = labelled(1, 50, 3)
    found = item_values(metric, count_classes(labels, said, 3), np.zeros(50))
    assert found.mean() == pytest.approx(SCIKIT[metric](labels, said))
    without = np.array([SCIKIT[metric](np.delete(labels, i), np.delete(said, i)) for i in range(50)])
    # Efron and Tibshirani (1993), (11.5): by its first definition.
    by_definition = np.sqrt(49 / 50 * np.sum((without - np.mean(without)) ** 2))
    assert found.std(ddof=1) / np.sqrt(50) == pytest.approx(by_definition)


@pytest.mark.parametrize("metric", list(SCIKIT))
def test_their_spread_is_the_bootstraps_within_its_monte_carlo_error(metric: str) -> None:
    labels, said = labelled(2, 1500, 3)
    counts = count_classes(labels, said, 3)
    repeats, n = 2000, len(counts)
    drawn = np.random.default_rng(5).multinomial(n, np.full(n, 1 / n), size=repeats)
    totals = np.tensordot(drawn, counts, axes=1)
    bootstrap = np.std(_STATISTICS[metric](totals), ddof=1)
    found = item_values(metric, counts, np.zeros(n)).std(ddof=1) / np.sqrt(n)
    assert found == pytest.approx(bootstrap, rel=4 / np.sqrt(2 * repeats))
