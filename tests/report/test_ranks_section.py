import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scored_records import AUC, LOSS, scored
from synthetic_records import make_records

from hpo.records.files import read_records
from hpo.report import verdict
from hpo.report.figure import Cells, Dots, Figure, Line, Words
from hpo.report.sections.ranks import ranks_section
from hpo.report.table import Table
from hpo.stats.comparisons import holm
from tests.stats.demsar import DEMSAR, TREES


def section_of(records):
    return ranks_section(records, verdict(records))


def parts(section) -> dict[str, Table | Figure]:
    return {part.name: part for part in section.parts}


def rows(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def marks(figure: Figure, kind):
    return [mark for mark in figure.panels[0].marks if isinstance(mark, kind)]


@pytest.fixture(scope="module")
def trees():
    return section_of(scored(DEMSAR, TREES))


@pytest.fixture(scope="module")
def noise():
    """Twelve strategies over 20 searches, by how much better the earlier ones are."""
    random = np.random.default_rng(4)
    return 0.8 - 0.01 * np.arange(12) + random.normal(0, 0.02, (20, 12))


def test_the_page_shows_the_figures_that_demsar_printed(trees):
    # Demsar (2006), sec. 3.2.2 and fig. 1: 9.28, 3.69 and 1.25; mean ranks of table 6.
    shown = {(row["Statistic"], row["Ties"]): row["Value"] for row in rows(parts(trees)["rank-tests"])}
    assert shown["Friedman's chi-square", "uncorrected"] == "9.28"
    assert shown["Iman and Davenport's F", "uncorrected"] == "3.69"
    assert shown["Nemenyi's critical difference", "-"] == "1.25"
    ranks = {row["Strategy"]: row["Mean rank"] for row in rows(parts(trees)["ranks"])}
    assert ranks == {"C4.5+m+cf": "1.96", "C4.5+m": "2.00", "C4.5+cf": "2.89", "C4.5": "3.14"}


def test_beside_demsars_stands_scipys_figure_corrected_for_ties(trees):
    oracle = stats.friedmanchisquare(*DEMSAR.T)
    frame = parts(trees)["rank-tests"].frame
    corrected = frame[(frame.ties == "corrected") & (frame.statistic == "Friedman's chi-square")]
    assert corrected[["value", "p"]].to_numpy()[0] == pytest.approx([oracle.statistic, oracle.pvalue])


def test_a_minimised_metric_ranks_the_least_first():
    ranks = parts(section_of(scored(1 - DEMSAR, TREES, metric=LOSS)))["ranks"].frame
    assert ranks.strategy[0] == "C4.5+m+cf"
    assert ranks.mean_rank.to_numpy() == pytest.approx([1.964, 2.0, 2.893, 3.143], abs=5e-4)
    assert ranks.mean_test_score[0] == pytest.approx((1 - DEMSAR[:, 3]).mean())


def test_pairs_have_the_exact_p_of_all_signs_and_holms(trees):
    raw, pairs = [], list(itertools.combinations(range(4), 2))
    signs = 1 - 2 * (np.arange(2**14)[:, None] >> np.arange(14) & 1)
    whole = np.rint(DEMSAR * 10_000)
    for i, j in pairs:
        difference = whole[:, i] - whole[:, j]
        ranks = np.where(difference == 0, 0, stats.rankdata(np.abs(difference)))
        raw.append(np.mean(np.abs(signs @ ranks) >= abs(np.sign(difference) @ ranks)))
    expected = {frozenset(TREES[i] for i in pair): p for pair, p in zip(pairs, raw, strict=True)}
    adjusted = {frozenset(TREES[i] for i in pair): p for pair, p in zip(pairs, holm(raw), strict=True)}
    frame = parts(trees)["rank-pairs"].frame
    assert len(frame) == 6
    for row in frame.itertuples():
        pair = frozenset((row.first, row.second))
        assert row.p == pytest.approx(expected[pair])
        assert row.p_holm == pytest.approx(adjusted[pair])


def test_the_text_says_what_blocks_are_and_that_other_tasks_are_not_covered(trees):
    searched = section_of(with_search(scored(DEMSAR, TREES))).text
    for text, units in ((trees.text, "trainings"), (searched, "searches")):
        assert text[0].startswith(f"Blocks are {units} on one task, ")
        assert "it is not recorded whether they share" in text[0]
        assert f"tests speak of further {units} on this task and say nothing of other tasks" in text[0]
        assert text[-1].startswith(f"Over 14 {units}, strategies do not all rank alike")
    assert "the mean over its fresh seeds" in searched[0]
    assert "fresh" not in trees.text[0]


def with_search(records):
    """``records`` as if a trial a search were recorded."""
    return records.model_copy(update={"run": records.run.model_copy(update={"trials": 1})})


def test_a_run_without_a_search_speaks_of_its_own_units_in_every_part(trees):
    scores = np.random.default_rng(0).normal(0.7, 0.05, (9, 2, 3))
    scores[8, 1] = np.nan
    section = section_of(scored(scores, ["a", "b"]))
    assert "the score of a block is the mean over its trainings" in section.text[0]
    assert section.text[1] == "1 of 9 replicates left out, in which a strategy has no test score."
    assert "of further replicates on this task" in section.text[0]
    told = [text for found in (trees, section) for text in found.text]
    for part in (*trees.parts, *section.parts):
        told += [part.note] if isinstance(part, Table) else [part.caption, part.alt, part.table.note]
    assert not [text for text in told if "search" in text or "confirm" in text]


def test_five_strategies_of_the_example_have_too_few_searches():
    section = section_of(read_records_of_example())
    assert any(text.startswith("Too few blocks: 5 of 9 needed.") for text in section.text)
    assert set(parts(section)) == {"ranks", "rank-pairs", "comparison-matrix"}
    assert parts(section)["rank-pairs"].columns == ("Pair", "Effect")
    assert parts(section)["rank-pairs"].frame.p.isna().all()
    assert "p alone" not in parts(section)["comparison-matrix"].table.columns
    assert "*" not in "".join(
        t for row in marks(parts(section)["comparison-matrix"], Cells)[0].texts for t in row
    )


def read_records_of_example():
    from pathlib import Path

    return read_records(Path(__file__).parents[2] / "results" / "example")


@pytest.mark.parametrize(("strategies", "needed"), [(2, 6), (3, 7), (4, 8), (5, 9)])
def test_blocks_suffice_from_the_number_on_that_holm_needs(strategies, needed):
    scores = np.random.default_rng(0).normal(0.7, 0.05, (needed, strategies))
    names = [f"s{i}" for i in range(strategies)]
    assert "rank-tests" in parts(section_of(scored(scores, names)))
    fewer = section_of(scored(scores[:-1], names))
    assert fewer.text[-1].startswith(f"Too few blocks: {needed - 1} of {needed} needed.")
    assert "rank-tests" not in parts(fewer)


def test_the_diagram_has_its_best_rank_on_the_left(trees):
    figure = parts(trees)["critical-difference"]
    dots = [mark.x[0] for mark in marks(figure, Dots)]
    assert dots == pytest.approx([1.964, 2.0, 2.893, 3.143], abs=5e-4)
    axis = figure.panels[0].x
    assert axis.limits == pytest.approx((1, 4), abs=0.2)
    assert figure.panels[0].y.hidden


def test_strategies_under_one_bar_differ_in_no_pair_and_neighbours_apart_do(noise):
    names = [f"s{i}" for i in range(12)]
    section = section_of(scored(noise, names))
    figure, frame = parts(section)["critical-difference"], parts(section)["rank-pairs"].frame
    p = {frozenset((r.first, r.second)): r.p_holm for r in frame.itertuples()}
    inside = {row["Strategy"]: set(row["In bars"].split()) - {"-"} for row in rows(figure.table)}
    order = [row["Strategy"] for row in rows(figure.table)]
    for first, second in itertools.combinations(order, 2):
        run = order[order.index(first) : order.index(second) + 1]
        level = all(p[frozenset(pair)] >= 0.05 for pair in itertools.combinations(run, 2))
        assert bool(inside[first] & inside[second]) == level


def test_no_line_of_the_diagram_crosses_a_name(noise):
    figure = parts(section_of(scored(noise, [f"s{i}" for i in range(12)])))["critical-difference"]
    stems = [mark for mark in marks(figure, Line) if mark.weight == "faint"]
    for words in marks(figure, Words):
        beyond = [s for s in stems if (s.x[0] < words.x if words.anchor == "right" else s.x[0] > words.x)]
        assert all(stem.y[1] < words.y for stem in beyond if stem.x[0] != words.x)
    bars = [mark for mark in marks(figure, Line) if mark.weight == "strong"]
    assert max(bar.y[0] for bar in bars) < min(words.y for words in marks(figure, Words))


def test_each_strategy_keeps_its_style(trees):
    figure = parts(trees)["critical-difference"]
    assert [mark.style for mark in marks(figure, Dots)] == [3, 1, 2, 0]


def test_a_cell_of_the_matrix_counts_blocks_and_stays_the_same_without_another_strategy(trees):
    figure = parts(trees)["comparison-matrix"]
    frame = figure.table.frame
    row = frame[(frame.row == "C4.5+m+cf") & (frame.column == "C4.5")].iloc[0]
    better, worse = (DEMSAR[:, 3] > DEMSAR[:, 0]).sum(), (DEMSAR[:, 3] < DEMSAR[:, 0]).sum()
    assert (row.better_in, row.worse_in) == (better, worse)
    assert row.mean_difference == pytest.approx((DEMSAR[:, 3] - DEMSAR[:, 0]).mean())
    values = marks(figure, Cells)[0].values
    assert values[0][3] == pytest.approx((better - worse) / 14) == -values[3][0]
    assert math.isnan(values[0][0])
    fewer = parts(section_of(scored(DEMSAR[:, [0, 3]], [TREES[0], TREES[3]])))[
        "comparison-matrix"
    ].table.frame
    assert (fewer.p[0], fewer.mean_difference[0]) == (row.p, row.mean_difference)


def test_cells_that_would_not_hold_differences_count_blocks_won(noise):
    figure = parts(section_of(scored(noise, [f"s{i}" for i in range(12)])))["comparison-matrix"]
    order = [label for _, label in figure.panels[0].y.ticks]
    texts = marks(figure, Cells)[0].texts
    first, last = noise[:, int(order[0][1:])], noise[:, int(order[-1][1:])]
    assert texts[0][11] == str((first > last).sum())
    assert "Number: how many of 20 trainings the row is better in." in figure.caption


def test_a_lower_loss_is_better_in_the_matrix_and_its_difference_negative():
    figure = parts(section_of(scored(1 - DEMSAR, TREES, metric=LOSS)))["comparison-matrix"]
    cells = marks(figure, Cells)[0]
    assert figure.table.rows[2][:2] == ("C4.5+m+cf", "C4.5")
    assert cells.texts[0][3].startswith("-")
    assert cells.values[0][3] > 0


def test_the_bayesian_test_takes_the_runs_margin_and_sums_to_one():
    records = make_records({"linear": 0.80, "cosine": 0.70}, replicates=7, reference="linear")
    frame = parts(section_of(records))["rank-bayesian"].frame
    assert list(frame["first"]) == ["linear"]
    assert frame.p_first[0] > 0.99
    assert frame[["p_first", "p_equivalent", "p_second"]].sum(axis=1).to_numpy() == pytest.approx([1.0])
    assert "the margin, 0.50 points, as the region" in parts(section_of(records))["rank-bayesian"].note


def test_without_a_margin_there_is_no_bayesian_test(trees):
    assert "rank-bayesian" not in parts(trees)


def test_a_block_is_the_mean_of_its_seeds_and_one_that_lacks_a_strategy_is_left_out():
    random = np.random.default_rng(2)
    scores = random.normal(0.7, 0.05, (8, 2, 3))
    scores[3, 1] = np.nan
    records = scored(scores, ["a", "b"])
    lost = records.run.model_copy(update={"trials": 1})
    trials = failed_trial("b", 3)
    section = section_of(records.model_copy(update={"run": lost, "trials": trials}))
    assert any("1 of 8 searches left out" in text for text in section.text)
    kept = np.delete(scores.mean(axis=2), 3, axis=0)
    frame = parts(section)["ranks"].frame.set_index("strategy")
    assert frame.mean_test_score["a"] == pytest.approx(kept[:, 0].mean())
    assert frame.mean_rank["a"] == pytest.approx(np.mean(1 + (kept[:, 1] > kept[:, 0])))
    assert frame.blocks["b"] == 7


def failed_trial(strategy, replicate):
    from hpo.records.trainings import Trial

    return (
        Trial(
            strategy=strategy,
            replicate=replicate,
            draw=0,
            parameters={},
            state="failed",
            reason="diverged",
            score=None,
        ),
    )


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (make_records({"a": 0.8, "b": 0.7}, replicates=1, seeds=6), "seeds of one search are no blocks"),
        (make_records({"all": 0.8}), "Nothing is compared"),
        (
            scored([[[0.8, 0.9], [0.7, 0.8]]], ["a", "b"]),
            "Trainings of one replicate, which differ in their seed alone, are no blocks. Give `hpo report` runs of several",
        ),
        (
            scored([[0.8, np.nan], [np.nan, 0.7]], ["a", "b"]),
            "Fewer than two trainings have a test score of every strategy",
        ),
        (
            with_search(scored(DEMSAR, TREES, shared=False)),
            "Searches of different strategies share no seed, draws or data order: nothing makes the first search of one",
        ),
        (
            scored(DEMSAR, TREES, shared=False),
            "Trainings of different strategies share no seed or data order: nothing makes the first training of one",
        ),
        (make_records().model_copy(update={"confirmations": ()}), "once every confirmation is in"),
    ],
)
def test_a_run_without_blocks_says_why(records, reason):
    section = section_of(records)
    assert reason in section.absent
    assert section.parts == section.text == ()


def test_a_share_is_shown_in_percent_and_points():
    records = scored(DEMSAR, TREES, metric=AUC.model_copy(update={"share": True}))
    table = parts(section_of(records))["ranks"]
    assert table.columns[-1] == "Mean test AUC"
    assert table.rows[0][-1] == f"{100 * DEMSAR[:, 3].mean():.1f} %"


def test_the_finding_names_who_differs_from_the_best_and_who_does_not():
    scores = np.array([[0.90, 0.91 if block < 4 else 0.89, 0.5] for block in range(9)])
    text = section_of(scored(scores, ["a", "b", "c"])).text[-1]
    # The exact p of nine differences in one direction is 2 / 2^9, times 3 by Holm.
    assert (
        "by tests of all pairs with Holm a differs from c (p 0.012), not from b; of all 3 pairs, 2 differ."
        in text
    )


def test_many_blocks_take_fewer_samples_and_say_so():
    scores = np.random.default_rng(1).normal(0.7, 0.05, (400, 2))
    table = parts(section_of(scored(scores, ["a", "b"], metric=AUC.model_copy(update={"share": True}))))[
        "rank-bayesian"
    ]
    assert table.frame.samples[0] == 6_250
    assert "6,250 samples" in table.note
