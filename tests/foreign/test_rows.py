from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sources import imported, of, records, write_csv, write_jsonl

from hpo.errors import UserError
from hpo.foreign.recognising import recognise
from hpo.foreign.values import plain, whole
from hpo.records.files import is_finished, read_records

HEADER = (
    "strategy",
    "replicate",
    "seed",
    "params.lr",
    "params.head",
    "state",
    "seconds",
    "val_accuracy",
    "test_accuracy",
)


def search(path: Path) -> Path:
    """Two strategies, two searches each, three trials a search."""
    rows = [
        ("linear", 7, 1, 1e-3, "[8]", "complete", 10, 0.70, 0.65),
        ("linear", 7, 1, 1e-2, "[8]", "Finished", 11, 0.80, 0.66),
        ("linear", 7, 1, 1e-1, "[]", "diverged", 3, "", ""),
        ("linear", 11, 2, 1e-3, "[8]", "complete", 10, 0.75, 0.71),
        ("linear", 11, 2, 1e-2, "[8]", "complete", 11, 0.75, 0.60),
        ("linear", 11, 2, 1e-1, "[]", "pruned", 3, 0.9, ""),
        ("cosine", 7, 1, 1e-3, "[8]", "complete", 10, 0.72, 0.69),
        ("cosine", 7, 1, 1e-2, "[8]", "complete", 11, "nan", 0.7),
        ("cosine", 7, 1, 1e-1, "[]", "running", 3, "", ""),
        ("cosine", 11, 2, 1e-3, "[8]", "complete", 10, 0.71, 0.70),
        ("cosine", 11, 2, 1e-2, "[8]", "complete", 11, 0.78, 0.72),
        ("cosine", 11, 2, 1e-1, "[]", "pruned", 3, 0.2, ""),
    ]
    return write_csv(path, HEADER, rows)


def test_usual_names_need_no_option(tmp_path: Path) -> None:
    path = search(tmp_path / "search.csv")
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
    made = records(search(tmp_path / "search.csv"))
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
    assert records(search(tmp_path / "search.csv"), paired=False).run.search.shared_draws is False


def test_a_score_that_is_not_finite_is_a_failure(tmp_path: Path) -> None:
    made = records(search(tmp_path / "search.csv"))
    trial = of(made.trials, "cosine", 0)[1]
    assert (trial.state, trial.score, trial.reason) == ("failed", None, "no finite score (line 9)")


def test_rows_that_are_confirmations_are_fresh_and_belong_to_the_selected_trial(tmp_path: Path) -> None:
    header = ("strategy", "phase", "seed", "param.lr", "val_loss", "test_loss")
    rows = [
        ("a", "search", 0, 0.1, 0.5, 0.4),
        ("a", "search", 0, 0.2, 0.3, 0.4),
        ("a", "confirmation", 5, 0.2, 0.35, 0.45),
        ("a", "confirmation", 4, 0.2, 0.36, 0.46),
        ("b", "search", 0, 0.1, 0.2, 0.1),
        ("b", "confirmation", 4, 0.1, 0.25, 0.3),
        ("b", "confirmation", 5, 0.1, 0.26, 0.31),
        ("b", "confirmation", 6, 0.3, "", 0.9),
    ]
    made = records(write_csv(tmp_path / "a.csv", header, rows), maximize=False)
    assert made.run.metric.maximize is False
    assert (made.run.trials, made.run.seeds) == (2, 3)
    a = of(made.confirmations, "a")
    assert [(c.index, c.seed, c.test_score, c.draw, c.selected_score, c.validation_score) for c in a] == [
        (0, 4, 0.46, 1, 0.3, 0.36),
        (1, 5, 0.45, 1, 0.3, 0.35),
    ]
    assert all(c.fresh for c in made.confirmations)
    other = of(made.confirmations, "b")[2]
    assert (other.index, other.draw, other.selected_score) == (2, None, None), (
        "another configuration was not selected"
    )
    assert made.run.search.shared_draws is False, "seed 6 confirms b alone"
    told = imported(tmp_path / "a.csv", maximize=False).told
    assert "2 to 3 confirmations a study: they differ" in told


def test_a_published_table_of_test_scores_is_confirmations_alone(tmp_path: Path) -> None:
    rows = [
        (m, t, s, 90 + i + s)
        for i, m in enumerate(("sgd", "adam"))
        for t in ("cifar/10", "svhn")
        for s in (0, 1, 2)
    ]
    path = write_csv(tmp_path / "table.csv", ("method", "dataset", "seed", "test_accuracy"), rows)
    found = imported(path, percent=True)
    assert [r.run.task for r in found.records.values()] == ["cifar/10", "svhn"]
    for made in found.records.values():
        assert made.trials == ()
        assert made.run.metric.share
        assert (made.run.replicates, made.run.trials, made.run.seeds) == (1, 0, 3)
        assert made.run.search.selection is None
        assert made.run.search.shared_draws is True
        assert [c.test_score for c in of(made.confirmations, "adam")] == [0.91, 0.92, 0.93]
        assert [(c.index, c.seed, c.validation_score, c.draw) for c in of(made.confirmations, "sgd")] == [
            (0, 0, None, None),
            (1, 1, None, None),
            (2, 2, None, None),
        ]
    assert "not recorded: validation score" in found.told


def test_each_seed_can_be_a_search_of_its_own(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "t.csv", ("strategy", "run", "test_score"), [(s, r, r / 9) for s in "ab" for r in (3, 1)]
    )
    made = records(path, replicate="run")
    assert made.run.replicates == 2
    assert [(c.replicate, c.index, c.test_score) for c in of(made.confirmations, "b", 0)] == [(0, 0, 1 / 9)]
    assert [(c.replicate, c.seed) for c in of(made.confirmations, "b", 1)] == [(1, -1)]
    assert made.run.search.shared_draws is False, "the same number alone shows no shared seed"
    assert records(path, replicate="run", paired=True).run.search.shared_draws is True


def test_tasks_can_be_combined_of_data_and_model(tmp_path: Path) -> None:
    rows = [(s, d, m, 0.5) for s in "ab" for d in ("x", "y") for m in ("bert", "gpt")]
    path = write_csv(tmp_path / "t.csv", ("strategy", "data", "model", "test_score"), rows)
    assert list(imported(path, task=("data", "model")).records) != ["x", "y"]
    assert [r.run.task for r in imported(path, task=("data", "model")).records.values()] == [
        *("x, bert", "x, gpt", "y, bert", "y, gpt")
    ]


def test_rows_of_rungs_become_one_trial_each(tmp_path: Path) -> None:
    rows = [
        {
            "strategy": s,
            "trial": t,
            "epoch": e,
            "seconds": 2.0 * e,
            "val_accuracy": 0.5 + e / 10 - t / 100,
            "config": {"lr": t},
        }
        for s in ("a", "b")
        for t, epochs in ((0, 3), (1, 1), (2, 3))
        for e in range(1, epochs + 1)
    ]
    rows[2] |= {"val_accuracy": 0.55}  # the best of trial 0 is its second
    for row in rows:
        row["test_accuracy"] = row["val_accuracy"] - 0.2
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    assert recognise(str(path)) == "jsonl"
    made = records(path)
    first, pruned, last = of(made.trials, "a")
    assert [r.examples for r in first.rungs] == [1, 2, 3]
    assert (first.score, first.best_rung, first.charged) == (0.7, 1, 6.0)
    assert (pruned.state, pruned.score) == ("pruned", None)
    assert pruned.reason == "ended at 1 of 3 (epoch), the most of any; taken as pruned (line 4)"
    assert last.score == pytest.approx(0.78)
    assert last.parameters == {"lr": 2}
    (confirmation,) = of(made.confirmations, "a")
    assert (confirmation.draw, confirmation.test_score) == (2, pytest.approx(0.58))
    assert made.run.resource == "epoch"
    assert made.run.search.rungs == (1, 2)


def test_a_confirmation_that_stopped_early_is_no_pruned_trial(tmp_path: Path) -> None:
    rows = [
        *(("a", "search", 1, epoch, 0.5 + epoch / 10, 0.4) for epoch in (1, 2, 3)),
        *(("a", "confirmation", 2, epoch, 0.5 + epoch / 10, 0.4 + epoch / 10) for epoch in (1, 2)),
    ]
    header = ("strategy", "phase", "seed", "epoch", "val_accuracy", "test_accuracy")
    (confirmation,) = records(write_csv(tmp_path / "t.csv", header, rows)).confirmations
    assert (confirmation.fresh, confirmation.best_rung, confirmation.test_score) == (
        True,
        1,
        pytest.approx(0.6),
    )


def test_parameters_tell_trainings_apart_where_no_column_does(tmp_path: Path) -> None:
    rows = [("a", lr, epoch, 0.5 + epoch / 10) for lr in (0.1, 0.2) for epoch in (1, 2)]
    path = write_csv(tmp_path / "t.csv", ("strategy", "lr", "epoch", "val_score"), rows)
    assert [t.parameters for t in records(path, parameters=("lr",)).trials] == [{"lr": 0.1}, {"lr": 0.2}]
    with pytest.raises(
        UserError, match="line 4: 'epoch' 1 stands in line 2 too, for the same training"
    ) as caught:
        records(path)
    assert caught.value.hint == "Name what tells trainings apart with --trial or --parameter."


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strategy,val_score\na,0.5\nb,good\n", "line 3: 'val_score': found 'good'; a number is required"),
        ("strategy,val_score\na,0.5,1\n", "line 2: found 3 cells; the header has 2 columns"),
        ("strategy,val_score\n,0.5\n", "line 2: column 'strategy' is empty"),
        ("strategy,seed,val_score\na,x,0.5\n", "line 2: 'seed': found 'x'; a number is required"),
        ("strategy,seed,val_score\na,0.5,0.5\n", "line 2: 'seed': found '0.5'; a whole number is required"),
        ("strategy,state,val_score\na,lost,0.5\n", "line 2: found the state 'lost'; known are complete"),
        ("strategy,phase,val_score\na,lost,0.5\n", "line 2: found the phase 'lost'; known of a confirmation"),
        ("strategy,cost,val_score\na,-1,0.5\n", "line 2: 'cost': found -1; seconds are required"),
        ("strategy,strategy\na,0.5\n", "line 1: found the column 'strategy' twice"),
        ("strategy\na\n", "line 1: found 1 columns; a header of different names is required"),
        ("strategy,val_score\n", "holds no training"),
        ("strategy,result\na,0.5\n", "no column is known as a score; there are 'strategy', 'result'"),
        (
            "strategy,seed,test_score\na,1,0.5\na,1,0.6\n",
            "line 3: seed 1 tests 'a' a second time, after line 2",
        ),
        ("strategy,val_loss\na,0.5\n", "it does not say whether a high or a low 'loss' is better"),
        ('strategy,val_score\n"a,0.5\n', "line 2: unexpected end of data"),
    ],
)
def test_a_fault_of_a_file_is_told_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        records(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message or "rows.csv" in caught.value.message
    assert caught.value.hint.endswith(".")


def test_scores_that_are_no_shares_are_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ("strategy", "test_accuracy"), [("a", 0.5), ("b", 93.4)])
    assert records(path).run.metric.share is False
    with pytest.raises(UserError, match=r"line 3: found the score 93\.4; shares lie in 0 to 1") as caught:
        records(path, share=True)
    assert "--percent" in caught.value.hint
    with pytest.raises(UserError, match=r"found the score 193; percents lie in 0 to 100"):
        records(write_csv(tmp_path / "t.csv", ("strategy", "test_accuracy"), [("a", 193)]), percent=True)


def test_damaged_json_lines_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"strategy": "a", "test_score": 1}\n{"strategy"\n')
    with pytest.raises(UserError, match=r"rows\.jsonl, line 2 is no JSON"):
        records(path)
    path.write_text('{"strategy": "a", "test_score": 1}\n[1]\n')
    with pytest.raises(UserError, match=r"rows\.jsonl, line 2: found no JSON object"):
        records(path)


def test_sources_of_different_formats_are_refused(tmp_path: Path) -> None:
    first = search(tmp_path / "a.csv")
    second = write_jsonl(tmp_path / "b.jsonl", [{"strategy": "a", "val_score": 1}])
    with pytest.raises(UserError, match=r"of different formats: .*a\.csv: csv, .*b\.jsonl: jsonl"):
        records(first, second)
    (tmp_path / "c").write_bytes(bytes(10))
    with pytest.raises(UserError, match="is of no known format"):
        records(tmp_path / "c")


def test_an_import_is_a_finished_run_that_reads_back(tmp_path: Path) -> None:
    from hpo.foreign.importing import write_import

    found = imported(search(tmp_path / "search.csv"))
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


def test_replicates_are_counted_in_each_strategy(tmp_path: Path) -> None:
    rows = [(s, r, 0.5) for s, replicates in (("a", (1, 2)), ("b", (3, 4))) for r in replicates]
    made = records(write_csv(tmp_path / "t.csv", ("strategy", "replicate", "test_score"), rows))
    assert made.run.replicates == 2
    assert [(c.strategy, c.replicate) for c in made.confirmations] == [
        ("a", 0),
        ("a", 1),
        ("b", 2),
        ("b", 3),
    ], "another name is another search"


def test_a_confirmation_with_the_selected_trials_own_seed_is_not_fresh(tmp_path: Path) -> None:
    rows = [
        ("a", "search", 1, 0.5, ""),
        ("a", "search", 2, 0.6, ""),
        ("a", "confirmation", 2, 0.6, 0.5),
        ("a", "confirmation", 1, 0.5, 0.4),
    ]
    header = ("strategy", "phase", "seed", "val_score", "test_score")
    made = records(write_csv(tmp_path / "t.csv", header, rows))
    assert [(c.seed, c.fresh) for c in made.confirmations] == [(1, True), (2, False)]


def test_a_source_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = search(tmp_path / "a.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"a\.csv is named twice"):
        records(path, "a.csv")


def test_files_that_differ_in_their_suffix_alone_are_told_apart(tmp_path: Path) -> None:
    paths = [write_csv(tmp_path / name, ("seed", "val_score"), [(1, 0.5)]) for name in ("t.csv", "t.txt")]
    assert records(*paths).run.strategies == ("t.csv/t", "t.txt/t")


def test_a_password_goes_to_no_second_server() -> None:
    with pytest.raises(UserError, match="one of several servers is named with a user") as caught:
        imported("http://me:secret@one.example", "http://two.example")
    assert "secret" not in caught.value.message + caught.value.hint


def test_a_line_ends_where_csv_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('strategy,test_score\r\na\u2028b\x0bc,0.5\r\n"d\r\ne",0.6\r\n', "utf-8", newline="")
    assert records(path).run.strategies == ("a\u2028b\x0bc", "d\r\ne")


@pytest.mark.parametrize("text", ["\u00b2", "--5", "+-5", "3_5"])
def test_what_only_looks_like_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="a number is required"):
        whole(text, "line 2", "seed")


def test_numbers_are_those_that_every_tool_writes() -> None:
    assert whole(" -5 ", "", "") == -5
    assert whole("9007199254740993", "", "") == 2**53 + 1
    assert plain("3_5") == "3_5"
    assert plain('["a_b"]') == ["a_b"]
    assert plain("1e-3") == 1e-3


def on_the_way(path: Path, *trainings: tuple[dict[str, Any], range]) -> Path:
    """Rows of trainings of one strategy: what each row of a training says, and the epochs at which it was evaluated."""
    rows = [
        {"strategy": "a", "trial": number, "epoch": epoch, "val_score": number + epoch / 100, **said}
        for number, (said, epochs) in enumerate(trainings)
        for epoch in epochs
    ]
    return write_jsonl(path, rows)


def test_a_training_that_came_to_its_own_budget_is_complete_and_one_before_it_pruned(tmp_path: Path) -> None:
    four, two = {"config": {"epochs": 4}}, {"config": {"epochs": 2}}
    path = on_the_way(tmp_path / "t.jsonl", (four, range(1, 5)), (two, range(1, 3)), (four, range(1, 2)))
    found = imported(path)
    long, short, stopped = found.records[""].trials
    assert [t.state for t in (long, short, stopped)] == ["complete", "complete", "pruned"]
    assert (short.score, short.parameters) == (pytest.approx(1.02), {"epochs": 2})
    assert stopped.reason == "ended at 1 of 4 (epoch), by its own config.epochs; taken as pruned (line 7)"
    assert "parameter config.epochs: taken as how far each training was to go (epoch)" in found.told
    assert "1 ended before their own config.epochs: taken as pruned" in found.told


def test_epochs_that_are_counted_from_0_end_one_before_the_budget(tmp_path: Path) -> None:
    path = on_the_way(
        tmp_path / "t.jsonl",
        ({"epochs": 3}, range(3)),
        ({"epochs": 2}, range(2)),
        ({"epochs": 3}, range(2)),
    )
    found = imported(path)
    trials = found.records[""].trials
    assert [t.state for t in trials] == ["complete", "complete", "pruned"]
    assert trials[2].reason.startswith("ended at 1 of 2 (epoch), by its own epochs")
    assert "parameter epochs: taken as how far each training was to go (epoch, counted from 0)" in found.told


def test_a_budget_that_counts_something_else_tells_nothing_where_it_differs(tmp_path: Path) -> None:
    path = on_the_way(
        tmp_path / "t.jsonl", ({"max_steps": 300}, range(1, 4)), ({"max_steps": 100}, range(1, 2))
    )
    found = imported(path)
    assert [t.state for t in found.records[""].trials] == ["complete", "complete"]
    (note,) = [line for line in found.told if "max_steps" in line]
    assert note == (
        "max_steps differs from training to training and does not count what rungs count (epoch): no training is taken as "
        "pruned for how far it came"
    )


def test_a_budget_of_all_that_counts_something_else_leaves_the_longest(tmp_path: Path) -> None:
    said = {"max_steps": 300}
    trials = records(on_the_way(tmp_path / "t.jsonl", (said, range(1, 4)), (said, range(1, 2)))).trials
    assert [t.state for t in trials] == ["complete", "pruned"]
    assert trials[1].reason.startswith("ended at 1 of 3 (epoch), the most of any")


def test_a_column_that_grows_on_the_way_is_no_budget(tmp_path: Path) -> None:
    rows = [
        {"strategy": "a", "trial": trial, "epoch": epoch, "step": epoch, "val_score": epoch / 10}
        for trial, epochs in enumerate((3, 1))
        for epoch in range(1, epochs + 1)
    ]
    trials = records(write_jsonl(tmp_path / "t.jsonl", rows)).trials
    assert [t.state for t in trials] == ["complete", "pruned"]


def test_a_budget_can_be_what_is_compared(tmp_path: Path) -> None:
    path = on_the_way(tmp_path / "t.jsonl", ({"epochs": 3}, range(1, 4)), ({"epochs": 1}, range(1, 2)))
    made = records(path, strategy=("epochs",))
    assert made.run.strategies == ("3", "1")
    assert [t.state for t in made.trials] == ["complete", "complete"]


def test_no_pruning_keeps_what_the_source_calls_pruned_alone(tmp_path: Path) -> None:
    path = on_the_way(
        tmp_path / "t.jsonl",
        ({}, range(1, 4)),
        ({}, range(1, 3)),
        ({"state": "pruned"}, range(1, 2)),
    )
    assert [t.state for t in records(path).trials] == ["complete", "pruned", "pruned"]
    found = imported(path, no_pruning=True)
    made = found.records[""]
    assert [t.state for t in made.trials] == ["complete", "complete", "pruned"]
    assert made.trials[1].score == pytest.approx(1.02)
    assert "no training is taken as pruned for how far it came, as --no-pruning says" in made.run.notes


def test_what_an_import_inferred_is_kept_with_its_records(tmp_path: Path) -> None:
    path = search(tmp_path / "search.csv")
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
    space = {p.name: p for p in records(search(tmp_path / "search.csv")).run.space}
    assert (space["lr"].low, space["lr"].high, space["lr"].observed) == (1e-3, 1e-1, True)
    assert not space["head"].observed
