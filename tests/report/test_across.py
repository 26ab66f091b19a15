import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from foreign_records import foreign
from scipy import stats
from scored_records import AUC, LOSS, scored
from synthetic_records import make_records

from hpo.errors import UserError
from hpo.records.files import write_records
from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.records.setup import ModelInfo
from hpo.report.across import analyse_across, judge
from hpo.report.across_page import across_sections, write_across
from hpo.report.across_tables import results_table, runs_table, without_table
from hpo.report.across_words import across_verdict, unlike
from hpo.report.figure import Dots, Figure
from hpo.report.kit.table_tex import table_tex
from hpo.report.table import Table
from tests.stats.demsar import DEMSAR, TREES

TASKS = ("reviews", "news", "questions")


def on(records: Records, task: str, **changes) -> Records:
    run = records.run.model_copy(update={"task": task, **changes})
    return records.model_copy(update={"run": run})


def each(table, names=TREES, metric=AUC) -> list[Records]:
    """One run for each row, a single score of each strategy in it."""
    return [scored([row], names, metric=metric, task=f"data {i}") for i, row in enumerate(table, start=1)]


def parts(across) -> dict[str, Table | Figure]:
    return {part.name: part for section in across_sections(across) for part in section.parts}


def sections(across):
    return {section.name: section for section in across_sections(across)}


@pytest.fixture(scope="module")
def three():
    return [on(make_records(seed=seed), task) for seed, task in enumerate(TASKS)]


@pytest.fixture(scope="module")
def across(three):
    return analyse_across(three)


@pytest.fixture(scope="module")
def trees():
    return analyse_across(each(DEMSAR))


def mean_of(records, name):
    own = [c.test_score for c in records.confirmations if c.role == "strategy" and c.strategy == name]
    return np.mean(own)


def test_fourteen_runs_of_demsars_table_show_his_figures(trees):
    # Demsar (2006), sec. 3.2.2 and fig. 1: 9.28, 3.69 and 1.25; mean ranks of table 6.
    table = parts(trees)["rank-tests"]
    shown = {row[:2]: row[2] for row in table.rows}
    assert shown["Friedman's chi-square", "uncorrected"] == "9.28"
    assert shown["Iman and Davenport's F", "uncorrected"] == "3.69"
    assert shown["Nemenyi's critical difference", "-"] == "1.25"
    assert results_table(trees).rows[-1] == ("Mean rank", "3.14", "2.00", "2.89", "1.96")


def test_the_verdict_over_tasks_is_that_of_the_exact_tests(trees):
    # C4.5+m against C4.5 alone is below 0.05 after Holm: all 2^14 signs enumerated, as in test_ranks_section.
    found = across_verdict(trees)
    assert found.state == "decided"
    assert found.word == "Decided in 1 of 6 pairs, over 14 tasks."
    assert found.sentences[0].startswith("Over 14 tasks, strategies do not all rank alike")
    assert "C4.5+m+cf has the best mean rank, 1.96" in found.sentences[0]
    assert "C4.5+m+cf differs from no other; of all 6 pairs, 1 differs." in found.sentences[0]
    assert "speak of tasks like these, as far as these are a fair sample of them" in found.sentences[0]


def test_three_tasks_are_too_few_for_any_claim_over_tasks(across):
    found = across_verdict(across)
    assert found.state == "inconclusive"
    assert found.sentences[0].startswith(
        "Inconclusive over 3 tasks (reviews, news and questions): of 5 strategies no two can be told apart with fewer "
        "than 9 tasks. Of these alone, "
    )
    assert "Too few blocks: 3 of 9 needed." in sections(across)["ranks"].text[1]
    assert "rank-tests" not in parts(across)


def test_mean_ranks_are_those_of_each_runs_means(three, across):
    names = three[0].run.strategies
    means = np.array([[mean_of(records, name) for name in names] for records in three])
    ranks = stats.rankdata(-means, axis=1).mean(axis=0)
    assert across.blocks.mean_ranks == pytest.approx(ranks)
    assert [row[-1] for row in results_table(across).rows] == [f"{rank:.2f}" for rank in ranks]


def test_a_cell_is_the_mean_with_the_interval_of_that_runs_verdict(three, across):
    table = results_table(across)
    assert table.columns == ("Strategy", "reviews, %", "news, %", "questions, %", "Mean rank")
    for run, records in zip(judge(three), three, strict=True):
        column = table.columns.index(f"{records.run.task}, %")
        for row, standing in enumerate(run.verdict.analysis.standings):
            low, high = standing.estimate.interval()
            mean = mean_of(records, standing.name)
            assert table.rows[row][column] == f"{100 * mean:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def test_the_best_of_a_run_is_bold_and_those_level_with_it_are_starred(three, across):
    table = results_table(across)
    for column, run in enumerate(judge(three), start=1):
        for row, standing in enumerate(run.verdict.analysis.standings):
            best = standing.name == run.verdict.analysis.best
            assert table.is_bold(row, column) == best
            assert table.is_marked(row, column) == (standing.level_with_best and not best)
    assert len(table.bold_cells) == 3
    row = next(line for line in table_tex(table).splitlines() if line.startswith("wsd & "))
    assert row.count("\\textbf{") + row.count("$^{*}$") == 3


def test_more_runs_than_strategies_stand_below_one_another(trees):
    table = results_table(trees)
    assert table.columns == ("Run", *TREES)
    assert [row[0] for row in table.rows] == [*(f"data {i}" for i in range(1, 15)), "Mean rank"]
    assert table.rows[0][1:] == ("0.763", "0.768", "0.771", "0.798")  # no interval of a single score
    assert (0, 4) in table.bold_cells


def test_equal_means_share_the_best(trees):
    # All four are 1.000 on the tenth data set.
    assert {cell for cell in results_table(trees).bold_cells if cell[0] == 9} == {(9, i) for i in range(1, 5)}
    assert "C4.5, C4.5+m, C4.5+cf and C4.5+m+cf in 1 (data 10)" in across_verdict(trees).sentences[1]


def test_the_csv_has_a_row_for_each_strategy_in_each_run(three, across):
    frame = results_table(across).frame
    assert len(frame) == 15
    for row in frame.itertuples():
        records = next(r for r in three if r.run.task == row.task)
        means = sorted(-mean_of(records, name) for name in records.run.strategies)
        assert row.test_score == pytest.approx(mean_of(records, row.strategy))
        assert row.rank_in_block == 1 + np.searchsorted(means, -row.test_score - 1e-12)


def test_every_run_keeps_its_own_verdict_and_cost(three, across):
    frame = runs_table(across).frame
    for row, run in zip(frame.itertuples(), judge(three), strict=True):
        assert (row.run, row.best, row.state) == (run.label, run.verdict.analysis.best, run.verdict.state)
        outcomes = [c.outcome for c in run.verdict.analysis.comparisons]
        assert row.decided == sum(outcome != "inconclusive" for outcome in outcomes)
        cost = re.search(r"charged ([\d,.]+)", run.verdict.sentences[-1])[1]
        assert row.seconds_charged == pytest.approx(float(cost.replace(",", "")), abs=0.06)


def test_the_cost_is_that_of_all_runs(across):
    frame = runs_table(across).frame
    assert (
        f"charged {frame.seconds_charged.sum():,.1f} device-seconds" in across_verdict(across).sentences[-1]
    )


def test_leaving_a_task_out_ranks_over_the_others(trees):
    frame = without_table(trees).frame
    for index, label in enumerate(trees.blocks.labels):
        ranks = stats.rankdata(-np.delete(DEMSAR, index, axis=0), axis=1).mean(axis=0)
        own = frame[frame.without == label].set_index("strategy").mean_rank
        assert own[list(TREES)].to_numpy() == pytest.approx(ranks)


def test_the_verdict_says_whether_the_best_rests_on_one_task(trees):
    changed = [
        f"data {i + 1}"
        for i in range(14)
        if stats.rankdata(-np.delete(DEMSAR, i, axis=0), axis=1).mean(axis=0).argmin() != 3
    ]
    assert across_verdict(trees).sentences[2] == (
        "The best mean rank rests on single tasks: with one left out it may be that of C4.5+m without "
        f"{', '.join(changed[:-1])} or {changed[-1]}."
    )
    steady = analyse_across(each(np.array([[0.9, 0.5, 0.7], [0.8, 0.6, 0.7]]), ("a", "b", "c")))
    assert across_verdict(steady).sentences[2] == "With any one task left out, a keeps the best mean rank."


def test_differences_are_over_tasks_with_students_interval(trees):
    figure = parts(trees)["differences"]
    assert figure.title == "Differences from C4.5+m+cf"
    frame = figure.table.frame.set_index("strategy")
    test = stats.ttest_rel(DEMSAR[:, 0], DEMSAR[:, 3])
    interval = test.confidence_interval(0.95)
    assert [frame.interval_low["C4.5"], frame.interval_high["C4.5"]] == pytest.approx(
        [interval.low, interval.high]
    )
    together = test.confidence_interval(1 - 0.05 / 3)
    assert [frame.together_low["C4.5"], frame.together_high["C4.5"]] == pytest.approx(
        [together.low, together.high]
    )
    singles = [mark for mark in figure.panels[0].marks if isinstance(mark, Dots) and len(mark.x) == 14]
    assert sorted(singles[0].x) == pytest.approx(sorted(DEMSAR[:, 0] - DEMSAR[:, 3]))


def test_a_single_score_in_each_task_gives_no_effect_over_runs(trees):
    assert set(parts(trees)) & {"improvement", "iqm", "performance-profile"} == set()
    assert any("no spread over runs" in text for text in sections(trees)["effects"].text)


def test_p_of_improvement_is_averaged_over_tasks(three, across):
    frame = parts(across)["improvement"].frame
    for row in frame.itertuples():
        shares = []
        for records in three:
            a, b = (
                np.array([c.test_score for c in records.confirmations if c.strategy == name])
                for name in (row.first, row.second)
            )
            shares.append(np.mean((a > b) + 0.5 * (a == b)))
        assert row.p_first_better == pytest.approx(np.mean(shares))
        assert (row.tasks, row.runs) == (3, 15)


def test_different_metrics_are_ranked_and_never_averaged():
    random = np.random.default_rng(3)
    good = np.array([0.0, 0.05, 0.1])
    names = ("a", "b", "c")
    accuracy = [
        scored(random.normal(0.7, 0.01, (4, 3)) + good, names, metric=Metric(), task=f"t{i}")
        for i in range(4)
    ]
    loss = [
        scored(random.normal(40, 0.5, (4, 3)) - 90 * good, names, metric=LOSS, task=f"u{i}") for i in range(4)
    ]
    across = analyse_across([*accuracy, *loss])
    assert across.blocks.mean_ranks == pytest.approx((3, 2, 1), abs=0.5)
    assert set(parts(across)) == {
        "across", "runs", "ranks", "rank-tests", "critical-difference", "rank-pairs", "comparison-matrix",
        "improvement", "leave-one-out",
    }  # fmt: skip
    assert not any("Mean test" in column for column in parts(across)["ranks"].columns)
    assert "difference" not in " ".join(parts(across)["comparison-matrix"].table.columns).lower()
    assert parts(across)["rank-pairs"].title == "Sign test of all pairs"
    assert any("scores and differences are not averaged" in text for text in sections(across)["effects"].text)
    assert results_table(across).rows[0][0] == "t0, accuracy, %"
    assert results_table(across).rows[7][0] == "u3, loss"
    improvement = parts(across)["improvement"].frame
    assert set(improvement["first"]) == {"c"}


def test_the_sign_test_of_different_metrics_is_the_binomials():
    random = np.random.default_rng(8)
    scores = random.normal(0, 1, (10, 3))
    runs = [
        scored([row if i % 2 else -row], ("a", "b", "c"), metric=AUC if i % 2 else LOSS, task=f"t{i}")
        for i, row in enumerate(scores)
    ]
    frame = parts(analyse_across(runs))["rank-pairs"].frame
    for row in frame.itertuples():
        i, j = "abc".index(row.first), "abc".index(row.second)
        wins = int((scores[:, i] > scores[:, j]).sum())
        assert row.p == pytest.approx(stats.binomtest(wins, 10).pvalue)
        assert row.effect == pytest.approx((2 * wins - 10) / 10)


def test_runs_of_one_task_are_one_block():
    models = [ModelInfo(source="small"), ModelInfo(source="large")]
    runs = [
        on(make_records(seed=3 * i + j), task, model=model)
        for i, task in enumerate(TASKS)
        for j, model in enumerate(models)
    ]
    across = analyse_across(runs)
    assert across.blocks.labels == TASKS
    assert [run.label for run in across.runs][:2] == ["reviews, small", "reviews, large"]
    expected = [(mean_of(runs[k], "wsd") + mean_of(runs[k + 1], "wsd")) / 2 for k in (0, 2, 4)]
    assert across.blocks.scores[:, 4] == pytest.approx(expected)
    assert "runs of one task are not independent of one another" in sections(across)["ranks"].text[0]
    assert parts(across)["iqm"].rows[0][-1] == "30 searches in 6 tasks and models"
    assert len(without_table(across).rows) == 3


def test_one_task_with_several_models_has_models_as_blocks():
    runs = [on(make_records(seed=i), "reviews", model=ModelInfo(source=f"m{i}")) for i in range(3)]
    across = analyse_across(runs)
    assert across.blocks.labels == ("m0", "m1", "m2")
    assert (
        "models like these, as far as these are a fair sample of them, and of no other task"
        in (sections(across)["ranks"].text[0])
    )


def test_runs_of_one_task_and_model_speak_of_further_such_runs_alone():
    across = analyse_across([on(make_records(seed=i), "reviews") for i in range(2)])
    assert across.blocks.labels == ("reviews", "reviews (2)")
    assert "not of other tasks or models" in sections(across)["ranks"].text[0]


def test_a_strategy_that_a_run_lacks_is_left_out_with_a_word():
    first = scored(DEMSAR[:5], TREES, task="one")
    second = scored(DEMSAR[5:, 1:], TREES[1:], task="two")
    across = analyse_across([first, second])
    assert across.names == TREES[1:]
    assert (
        "Left out, since not every run has test scores of them: C4.5 (not in two)."
        in across_verdict(across).sentences
    )
    assert [row[0] for row in results_table(across).rows] == list(TREES[1:])
    styles = [mark.style for mark in parts(across)["differences"].panels[0].marks if hasattr(mark, "style")]
    assert 0 not in styles  # C4.5 has the first style, the others keep theirs


def test_an_unfinished_run_is_named_and_left_out(three):
    short = three[1].model_copy(update={"confirmations": three[1].confirmations[:7]})
    across = analyse_across([three[0], short, three[2]])
    assert [run.label for run in across.runs] == ["reviews", "questions"]
    assert "Unfinished and left out: news." in across_verdict(across).sentences


def test_runs_under_unlike_conditions_are_said_to_be():
    runs = [on(make_records(seed=0), "reviews"), on(make_records(seed=1, trials=6, seeds=2), "news")]
    assert unlike(analyse_across(runs)) == (
        "The runs differ in budget of a search and fresh seeds: each compares strategies under its own conditions.",
    )
    assert unlike(analyse_across([on(make_records(seed=i), f"t{i}") for i in range(2)])) == ()


def test_runs_of_other_tools_have_a_report_together():
    across = analyse_across([on(foreign(make_records(seed=i)), f"t{i}") for i in range(3)])
    assert across.blocks.mean_ranks[0] == 5  # constant, whose loss is the highest
    assert not any("charged" in sentence for sentence in across_verdict(across).sentences)
    assert runs_table(across).rows[0][-2:] == ("-", "-")
    assert parts(across)["differences"].table.frame.difference.max() > 0


def of_trainings(seed, task, replicates=3, seeds=2):
    scores = np.random.default_rng(seed).normal(0.7, 0.05, (replicates, 2, seeds))
    return scored(scores, ("a", "b"), metric=Metric(), task=task)


def test_runs_without_a_search_speak_of_their_own_units():
    replicates = analyse_across([of_trainings(i, f"t{i}") for i in range(3)])
    assert parts(replicates)["iqm"].rows[0][-1] == "9 replicates in 3 tasks"
    trainings = analyse_across([of_trainings(i, f"t{i}", replicates=1) for i in range(3)])
    assert parts(trainings)["iqm"].rows[0][-1] == "6 trainings in 3 tasks"
    for across in (replicates, trainings):
        told = [*across_verdict(across).sentences, *(t for s in across_sections(across) for t in s.text)]
        told += [p.note if isinstance(p, Table) else p.caption for p in parts(across).values()]
        assert not [text for text in told if "searches" in text or "confirm" in text]


def test_runs_of_different_units_are_just_called_runs():
    searched = on(make_records({"a": 0.8, "b": 0.7}, baseline=None), "searched")
    across = analyse_across([searched, of_trainings(0, "trained")])
    assert parts(across)["iqm"].rows[0][-1] == "8 runs in 2 tasks"
    assert "a run is a" not in parts(across)["iqm"].note
    assert "whether a search is recorded, budget of a search" in unlike(across)[0]


def test_unequal_numbers_of_trainings_are_told():
    runs = [of_trainings(0, "t0"), of_trainings(1, "t1", replicates=4)]
    assert unlike(analyse_across(runs)) == (
        "The runs differ in trainings a strategy: each compares strategies under its own conditions.",
    )


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (each(DEMSAR[:1]), "1 of 1 runs finished: a report across runs needs 2"),
        (
            [scored(DEMSAR[:3], TREES, task="a"), scored(DEMSAR[:3], ("w", "x", "y", "C4.5"), task="b")],
            "the runs share 1 strategies by name (C4.5): a comparison needs 2",
        ),
        (
            [
                scored([[1, 2]], "ab", task="a"),
                scored([[1, 2]], "ab", task="a", metric=LOSS),
                scored([[1, 2]], "ab"),
            ],
            "the runs of a have different metrics, so they have no mean",
        ),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs, message):
    with pytest.raises(UserError) as caught:
        analyse_across(runs)
    assert caught.value.message == message


@pytest.fixture
def folders(tmp_path, three) -> list[Path]:
    made = [tmp_path / records.run.task for records in three]
    for folder, records in zip(made, three, strict=True):
        write_records(folder, records)
    return made


def test_the_page_across_runs_lies_in_a_folder_of_its_own(tmp_path, folders, three):
    written = write_across(folders, tmp_path / "together")
    page = written.html.read_text(encoding="utf-8")
    assert written.html == tmp_path / "together" / "report.html"
    assert "Inconclusive over 3 tasks." in page
    assert page.index('id="results"') < page.index('id="ranks"') < page.index('id="effects"')
    assert page.index('id="effects"') < page.index('id="robustness"')
    assert page.count("<strong>") == 3
    assert (tmp_path / "together/tables/across.md").read_text(encoding="utf-8").count("**") == 6
    names = {path.name for path in written.tables}
    assert {"across.tex", "across.csv", "across.md", "runs.csv", "ranks.csv", "leave-one-out.csv"} <= names
    rows = list(
        csv.DictReader(io.StringIO((tmp_path / "together/tables/across.csv").read_text(encoding="utf-8")))
    )
    assert [row["strategy"] for row in rows[:5]] == list(three[0].run.strategies)
    assert written.markdown.read_text(encoding="utf-8").startswith("# Which learning-rate schedule")
    assert written.figures == ()


def test_the_same_runs_give_the_same_bytes(tmp_path, folders):
    def contents(to):
        written = write_across(folders, tmp_path / to / "name")
        return {path.name: path.read_bytes() for path in (written.html, written.markdown, *written.tables)}

    assert contents("one") == contents("two")


def test_figures_are_drawn_for_print_on_request(tmp_path, folders):
    written = write_across(folders[:2], tmp_path / "together", figures=True)
    assert {path.name.split("-3.25in")[0] for path in written.figures if "-3.25in.pdf" in path.name} == {
        "comparison-matrix",
        "differences",
        "performance-profile",
    }


def test_the_folder_of_a_run_is_never_overwritten(folders):
    with pytest.raises(UserError) as caught:
        write_across(folders, folders[0])
    assert "is the folder of a run" in caught.value.message
    assert not (folders[0] / "report.html").exists()


def test_small_forms_of_spaces_are_told_before_all_else() -> None:
    found = [on(make_records({"a": 0.7, "b": 0.8}), task) for task in TASKS]
    small = on(found[0], TASKS[0], form="small")
    told = across_verdict(analyse_across([small, *found[1:]])).sentences[0]
    assert told == "reviews are runs of small forms of their spaces: trials of the machinery, and no answers."
