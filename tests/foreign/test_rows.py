"""Rows of a table as the records of a run."""

from __future__ import annotations

from pathlib import Path

from sources import imported, of, records, search_csv, write_csv

from hpo.foreign.recognising import recognise
from hpo.foreign.values import plain, whole
from hpo.records.files import is_finished, read_records


def test_usual_names_need_no_option(tmp_path: Path) -> None:
    path = search_csv(tmp_path / "search.csv")
    assert recognise(str(path)) == "csv"
    made = records(path)
    assert made.run.strategies == ("linear", "cosine")
    assert (made.run.replicates, made.run.trials, made.run.seeds) == (2, 3, 1)
    assert (made.run.metric.name, made.run.metric.share, made.run.metric.maximize) == ("accuracy", True, True)
    first = of(made.trials, "linear", 0)
    assert [t.state for t in first] == ["complete", "complete", "failed"]
    assert [t.score for t in first] == [0.70, 0.80, None]
    assert first[0].parameters == {"lr": 1e-3, "head": [8]}
    assert (first[2].reason, first[2].charged) == ("diverged (line 4)", 3.0)
    assert {p.name: p.kind for p in made.run.space} == {
        "strategy": "compared",
        "lr": "range",
        "head": "choices",
    }
    assert made.run.space[1].log, "from 0.001 to 0.1"
    assert made.run.source == "CSV (search.csv)"


def test_the_selected_trial_is_the_best_complete_one_and_of_equals_the_earlier(tmp_path: Path) -> None:
    made = records(search_csv(tmp_path / "search.csv"))
    assert {
        (c.strategy, c.replicate): (c.draw, c.selected_score, c.test_score) for c in made.confirmations
    } == {
        ("linear", 0): (1, 0.80, 0.66),
        ("linear", 1): (0, 0.75, 0.71),
        ("cosine", 0): (0, 0.72, 0.69),
        ("cosine", 1): (1, 0.78, 0.72),
    }
    assert not any(c.fresh for c in made.confirmations)
    assert made.run.search.shared_draws is True
    assert records(search_csv(tmp_path / "search.csv"), paired=False).run.search.shared_draws is False


def test_a_score_that_is_not_finite_is_a_failure(tmp_path: Path) -> None:
    made = records(search_csv(tmp_path / "search.csv"))
    trial = of(made.trials, "cosine", 0)[1]
    assert (trial.state, trial.score, trial.reason) == ("failed", None, "no finite score (line 9)")


def test_tasks_can_be_combined_of_data_and_model(tmp_path: Path) -> None:
    rows = [(s, d, m, 0.5) for s in "ab" for d in ("x", "y") for m in ("bert", "gpt")]
    path = write_csv(tmp_path / "t.csv", ("strategy", "data", "model", "test_score"), rows)
    assert list(imported(path, task=("data", "model")).records) != ["x", "y"]
    assert [r.run.task for r in imported(path, task=("data", "model")).records.values()] == [
        *("x, bert", "x, gpt", "y, bert", "y, gpt")
    ]


def test_any_names_can_be_given(tmp_path: Path) -> None:
    header = ("model_name", "--seed", "f1;dev", "f1;test")
    path = tmp_path / "hedwig.tsv"
    path.write_text("\t".join(header) + "\nmlp\t3\t0.7\t0.6\nlstm\t3\t0.8\t0.7\n", encoding="utf-8-sig")
    made = records(
        path,
        strategy=("model_name",),
        seed="--seed",
        score="f1;dev",
        test_score="f1;test",
        metric="F1",
        reference="mlp",
    )
    assert made.run.strategies == ("mlp", "lstm")
    assert (made.run.reference, made.run.metric.name, made.run.metric.share) == ("mlp", "F1", True)
    assert [t.seed for t in made.trials] == [3, 3]
    independent = records(
        path, strategy=("model_name",), score="f1;dev", independent=True, question="Which?", name="hedwig"
    )
    assert independent.run.search.independent is True
    assert (independent.run.question, independent.run.name, independent.run.task) == (
        "Which?",
        "hedwig",
        "hedwig",
    )
    assert independent.confirmations == ()


def test_an_import_is_a_finished_run_that_reads_back(tmp_path: Path) -> None:
    from hpo.foreign.importing import write_import

    found = imported(search_csv(tmp_path / "search.csv"))
    (folder,) = write_import(found, tmp_path / "results")
    assert folder == tmp_path / "results" / "search"
    assert is_finished(folder)
    assert read_records(folder) == found.records[""]


def test_thousands_of_rows_are_imported_fast(tmp_path: Path) -> None:
    import time

    header = ("strategy", "trial", "epoch", "params.lr", "val_score")
    rows = [(s, t, e, t / 7, (t * 7919 + e) % 100 / 100) for s in "ab" for t in range(500) for e in range(10)]
    path = write_csv(tmp_path / "t.csv", header, rows)
    began = time.process_time()
    assert len(records(path).trials) == 1000
    assert time.process_time() - began < 2.0  # 10,000 trials of 10 rungs in 20 s


def test_files_that_differ_in_their_suffix_alone_are_told_apart(tmp_path: Path) -> None:
    paths = [write_csv(tmp_path / name, ("seed", "val_score"), [(1, 0.5)]) for name in ("t.csv", "t.txt")]
    assert records(*paths).run.strategies == ("t.csv/t", "t.txt/t")


def test_a_line_ends_where_csv_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('strategy,test_score\r\na\u2028b\x0bc,0.5\r\n"d\r\ne",0.6\r\n', "utf-8", newline="")
    assert records(path).run.strategies == ("a\u2028b\x0bc", "d\r\ne")


def test_numbers_are_those_that_every_tool_writes() -> None:
    assert whole(" -5 ", "", "") == -5
    assert whole("9007199254740993", "", "") == 2**53 + 1
    assert plain("3_5") == "3_5"
    assert plain('["a_b"]') == ["a_b"]
    assert plain("1e-3") == 1e-3


def test_what_an_import_inferred_is_kept_with_its_records(tmp_path: Path) -> None:
    path = search_csv(tmp_path / "search.csv")
    found = imported(path)
    notes = found.records[""].run.notes
    assert notes == found.told
    by_name = "strategy, replicate, seed, validation score, test score, cost, state"
    assert notes[0] == "CSV (search.csv): 11 trainings: 7 complete, 2 pruned, 2 failed"
    assert {
        f"taken by their usual names: {by_name}",
        "whether high or low scores are better: not said; high ones are taken as better",
        "whether scores are shares of 1: not said; taken so by their name and values",
        "seconds of column seconds: taken as device-seconds",
        "1 not ended, left out",
    } <= set(notes)
    said = imported(path, strategy=("strategy",), cost="seconds", maximize=True, share=True).told
    assert "taken by their usual names: replicate, seed, validation score, test score, state" in said
    assert not [line for line in said if "not said" in line or "device-seconds" in line]


def test_each_task_keeps_its_own_notes(tmp_path: Path) -> None:
    whose = (("a", "x", 0), ("a", "x", 1), ("b", "x", 0), ("a", "y", 0), ("b", "y", 0))
    rows = [(*own, 0.5) for own in whose]
    found = imported(write_csv(tmp_path / "t.csv", ("strategy", "task", "seed", "test_score"), rows))
    notes = {task: made.run.notes for task, made in found.records.items()}
    assert notes["x"] == (*notes["y"], "1 to 2 confirmations a study: they differ")
    assert found.told == (*notes["y"], "x: 1 to 2 confirmations a study: they differ")


def test_a_range_of_values_that_were_only_seen_says_so(tmp_path: Path) -> None:
    space = {p.name: p for p in records(search_csv(tmp_path / "search.csv")).run.space}
    assert (space["lr"].low, space["lr"].high, space["lr"].observed) == (1e-3, 1e-1, True)
    assert not space["head"].observed
