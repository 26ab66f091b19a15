import itertools

import numpy as np
import pytest
from scipy import stats

from hpo.stats.comparison_matrix import comparison_matrix


def draw(seed, blocks=8, strategies=4):
    """Scores with ties, as whole numbers so that scipy's differences tie too."""
    random = np.random.default_rng(seed)
    return random.integers(0, 8, size=(blocks, strategies)) + np.arange(strategies) % 3.0


def off_diagonal(count):
    return itertools.permutations(range(count), 2)


@pytest.mark.parametrize("seed", range(3))
def test_cells_are_counts_means_and_scipys_wilcoxon(seed):
    scores = draw(seed)
    cells = comparison_matrix(scores).cells
    every = stats.PermutationMethod(n_resamples=np.inf)
    for i, j in off_diagonal(4):
        cell = cells[i][j]
        assert cell.difference == pytest.approx(scores[:, i].mean() - scores[:, j].mean())
        assert cell.wins == sum(a > b for a, b in zip(scores[:, i], scores[:, j], strict=True))
        assert cell.losses == sum(a < b for a, b in zip(scores[:, i], scores[:, j], strict=True))
        assert cell.wins + cell.ties + cell.losses == len(scores)
        if i < j:
            oracle = stats.wilcoxon(scores[:, i], scores[:, j], zero_method="pratt", method=every)
            assert cell.p == pytest.approx(oracle.pvalue)


@pytest.mark.parametrize("dropped", range(5))
def test_a_cell_does_not_change_when_another_strategy_is_dropped(dropped):
    scores = np.random.default_rng(dropped).normal(size=(10, 5))
    whole = comparison_matrix(scores)
    kept = [index for index in range(5) if index != dropped]
    part = comparison_matrix(scores[:, kept])
    for i, j in off_diagonal(4):
        assert part.cells[i][j] == whole.cells[kept[i]][kept[j]]
    assert [kept[index] for index in part.order] == [index for index in whole.order if index != dropped]


@pytest.mark.parametrize("seed", range(3))
def test_the_cell_across_the_diagonal_is_its_mirror(seed):
    cells = comparison_matrix(draw(seed)).cells
    for i, j in off_diagonal(4):
        there, back = cells[i][j], cells[j][i]
        assert (there.wins, there.ties, there.losses) == (back.losses, back.ties, back.wins)
        assert (there.difference, there.p) == (-back.difference, back.p)
    assert all(cells[index][index] is None for index in range(4))


def test_the_order_is_by_mean_score_and_not_by_wins():
    # The first wins two of three blocks, the second has the higher mean.
    matrix = comparison_matrix([[0.6, 0.5], [0.6, 0.5], [0.1, 0.9]])
    assert matrix.cells[0][1].wins == 2
    assert matrix.order == (1, 0)
    assert matrix.means == pytest.approx((1.3 / 3, 1.9 / 3))


def test_where_lower_is_better_order_and_wins_turn_and_differences_stay():
    scores = draw(7)
    up, down = comparison_matrix(scores), comparison_matrix(scores, maximize=False)
    assert [down.means[index] for index in down.order] == sorted(up.means)
    for i, j in off_diagonal(4):
        assert (down.cells[i][j].wins, down.cells[i][j].losses) == (
            up.cells[i][j].losses,
            up.cells[i][j].wins,
        )
        assert down.cells[i][j].difference == up.cells[i][j].difference


def test_scores_that_differ_in_their_last_bits_tie():
    matrix = comparison_matrix([[0.3, 0.1 + 0.2], [0.5, 0.5]])
    assert matrix.cells[1][0].ties == 2
    assert matrix.order == (0, 1)


def test_one_strategy_makes_no_matrix():
    with pytest.raises(ValueError, match="scores must be"):
        comparison_matrix([[1], [2]])
