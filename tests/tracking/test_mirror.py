"""What the mirror writes to a real sqlite store, read back through MLflow's own client."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from tracked_run import (
    CONFIRMATIONS,
    TABLE,
    TRIALS,
    Made,
    Told,
    client,
    files,
    history,
    make_run,
    read,
    tell,
    tell_all,
    tell_confirmation,
)

from hpo.records.limits import Limit
from hpo.records.search import Closed, Earlier, EarlyStop, WarmStart
from hpo.tracking.uri import VIEW, default_uri


def test_a_note_stands_with_the_comparison(results: Path, name: str) -> None:
    observer = Told(default_uri(results), make_run(name), "run1")
    observer.note("fine")
    assert read(results, name)["comparison"].data.tags["hpo.notes"] == "fine"


def test_runs_nest_as_strategy_study_trial_and_confirmation(results: Path, name: str, tmp_path: Path) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_all(tracker)
    tracker.finish(*files(tmp_path), "Linear and cosine cannot be told apart.", TABLE)
    runs = read(results, name)

    def parent(key: str) -> str | None:
        above = runs[key].data.tags.get("mlflow.parentRunId")
        return next((k for k, run in runs.items() if run.info.run_id == above), None)

    assert len(runs) == 1 + 3 + 4 + 8 + 6
    assert parent("trial/cosine/r1/d0") == "study/cosine/r1"
    assert parent("confirmation/linear/r0/s0") == "study/linear/r0"
    assert parent("study/cosine/r1") == "strategy/cosine"
    assert parent("confirmation/baseline/r1/s0") == "strategy/baseline"
    assert all("mlflow.parentRunId" not in runs[k].data.tags for k in ("comparison", "strategy/cosine"))
    starts = [
        runs[k].info.start_time
        for k in ("comparison", "strategy/linear", "strategy/cosine", "study/linear/r0")
    ]
    assert starts == sorted(starts)


def test_a_trial_carries_flat_parameters_its_rungs_by_examples_and_its_state(
    results: Path, name: str
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    for made in TRIALS:
        tell(tracker, made)
    runs = read(results, name)
    linear = runs["trial/linear/r0/d0"]
    assert linear.data.params == {
        "learning_rate": "1e-05",
        "warmup_ratio": "0.1",
        "schedule": "linear",
        "frozen_layers": "4",
        "head_hidden_sizes": "[64, 32]",
    }
    assert history(results, linear, "validation/accuracy") == [(200, 0.6), (400, 0.8), (800, 0.7)]
    assert history(results, linear, "train/loss")[0] == (200, pytest.approx(0.3))
    assert history(results, linear, "learning_rate") == [(200, 1e-05), (400, 1e-05), (800, 1e-05)]
    assert history(results, linear, "validation/best_accuracy") == [(400, 0.8)]
    assert linear.data.metrics["cost/charged_seconds"] == pytest.approx(3 * 2.0 + 3 * 0.5)
    assert linear.info.status == "FINISHED"
    assert runs["trial/linear/r0/d1"].info.status == "KILLED"
    assert runs["trial/linear/r0/d1"].data.tags["hpo.state"] == "pruned"
    assert "validation/best_accuracy" not in runs["trial/linear/r0/d1"].data.metrics
    assert runs["trial/cosine/r1/d0"].info.status == "FAILED"
    assert runs["trial/cosine/r1/d0"].data.tags["hpo.reason"] == "loss is not finite"


def test_best_so_far_never_counts_pruned_trials_and_waits_for_every_replicate(
    results: Path, name: str
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    for made in TRIALS:
        tell(tracker, made)
    runs = read(results, name)
    best = "best_so_far/accuracy"
    assert history(results, runs["study/linear/r0"], best) == [(1, 0.8), (2, 0.8)]
    assert history(results, runs["study/cosine/r1"], best) == [(2, 0.7)]
    assert history(results, runs["strategy/linear"], best) == [
        (1, pytest.approx(0.7)),
        (2, pytest.approx(0.75)),
    ]
    assert history(results, runs["strategy/cosine"], best) == [(2, pytest.approx(0.725))]


def test_test_scores_reach_the_strategy_once_all_confirmations_are_in(results: Path, name: str) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell_confirmation(tracker, *CONFIRMATIONS[0])
    assert "test/accuracy" not in read(results, name)["strategy/linear"].data.metrics
    tell_confirmation(tracker, *CONFIRMATIONS[1])
    runs = read(results, name)
    assert history(results, runs["strategy/linear"], "test/accuracy") == [(2, pytest.approx(0.75))]
    assert runs["confirmation/linear/r1/s0"].data.metrics["test/accuracy"] == pytest.approx(0.8)
    assert runs["confirmation/linear/r1/s0"].data.metrics["test/loss"] == pytest.approx(0.2)
    assert runs["strategy/linear"].data.metrics["cost/charged_seconds"] == pytest.approx(2 * (2 * 2.5 + 1.0))


def test_finish_stores_files_and_verdict_and_leaves_nothing_running(
    results: Path, name: str, tmp_path: Path
) -> None:
    tracker = Told(default_uri(results), make_run(name), "run1")
    tell(tracker, TRIALS[0])
    tracker.started(TRIALS[1].work())
    tracker.note("two duplicates dropped")
    tracker.finish(*files(tmp_path), "No *winner* <yet>.", TABLE)
    runs = read(results, name)
    comparison = runs["comparison"]
    names = {f.path for f in client(results).list_artifacts(comparison.info.run_id)}
    assert names == {"space.yaml", "report.html", "tables", "verdict.json"}
    tables = client(results).list_artifacts(comparison.info.run_id, "tables")
    assert [f.path for f in tables] == ["tables/main.tex"]
    text = comparison.data.tags["mlflow.note.content"]
    assert text.startswith("### Verdict\n\nNo \\*winner\\* &lt;yet&gt;.\n")
    assert TABLE in text
    assert "- two duplicates dropped\n" in text
    described = client(results).get_experiment_by_name(name).tags["mlflow.note.content"]
    assert described.startswith("### Verdict\n\nNo \\*winner\\* &lt;yet&gt;.\n\n" + TABLE)
    assert Counter(run.info.status for run in runs.values()) == {"FINISHED": 7, "KILLED": 1}
    assert runs["trial/cosine/r0/d0"].data.tags["hpo.state"] == "interrupted"
    artifacts = results / "mlflow_artifacts"
    assert next(artifacts.rglob("main.tex")).read_text() == "content of main.tex"


def test_two_runs_of_one_space_share_an_experiment_and_no_run(results: Path, name: str) -> None:
    first = Told(default_uri(results), make_run(name), "run1")
    second = Told(default_uri(results), make_run(name), "run2")
    tell(first, TRIALS[0])
    tell(second, TRIALS[0])
    ids = [{run.info.run_id for run in read(results, name, run_id).values()} for run_id in ("run1", "run2")]
    assert len(ids[0]) == len(ids[1]) == 6
    assert not ids[0] & ids[1]


def test_descriptions_name_the_question_and_escape_it(results: Path, name: str) -> None:
    Told(default_uri(results), make_run(name), "run1")
    tags = client(results).get_experiment_by_name(name).tags
    assert "### Which schedule should fine-tune &lt;this&gt; encoder?\n" in tags["mlflow.note.content"]
    assert "`linear`, `cosine`" in tags["mlflow.note.content"]
    assert "metrics.`test/accuracy`" in tags["mlflow.sharedViewState.hpo"]
    strategy = read(results, name)["strategy/cosine"].data.tags["mlflow.note.content"]
    assert "the strategy `cosine`: searched 2 times" in strategy


def test_the_small_form_of_a_space_is_told(results: Path, name: str) -> None:
    Told(default_uri(results), make_run(name).model_copy(update={"form": "small"}), "run1")
    tags = client(results).get_experiment_by_name(name).tags
    assert (
        "compared 2 strategies by accuracy, in the small form of the space: each"
        in tags["mlflow.note.content"]
    )
    assert read(results, name)["comparison"].data.params["form"] == "small"


def test_a_budget_in_device_seconds_is_told_by_its_unit(results: Path, name: str) -> None:
    Told(default_uri(results), make_run(name).model_copy(update={"device_seconds": 24.0}), "run1")
    tags = client(results).get_experiment_by_name(name).tags
    budget = "24 charged device-seconds (at most 2 trials)"
    assert f"an equal budget of {budget}, and" in tags["mlflow.note.content"]
    runs = read(results, name)
    assert f"{budget} a search" in runs["strategy/cosine"].data.tags["mlflow.note.content"]
    params = runs["comparison"].data.params
    assert (params["trials_per_study"], params["device_seconds_per_study"]) == ("at most 2", "24")


def test_costs_are_told_in_money_too_where_a_device_hour_has_a_price(results: Path, name: str) -> None:
    """Rungs of 2.5 s at 3,600 an hour, which is 1 a second: a training of three costs 7.5, one of two 5."""
    told = Told(default_uri(results), make_run(name).model_copy(update={"price_per_hour": 3600.0}), "run1")
    tell(told, Made("linear", 0, 0, (0.6, 0.8, 0.7)))
    tell(told, Made("linear", 1, 0, (0.5, 0.6)))
    tell(told, Made("cosine", 0, 0, (0.5, 0.6)))
    runs = read(results, name)
    for key, money in {
        "trial/linear/r0/d0": 7.5,
        "study/linear/r0": 7.5,
        "strategy/linear": 12.5,
        "comparison": 17.5,
    }.items():
        metrics = runs[key].data.metrics
        assert metrics["cost/money"] == metrics["cost/charged_seconds"] == money
    assert runs["comparison"].data.params["price_per_hour"] == "3600"
    tags = client(results).get_experiment_by_name(name).tags
    assert "metrics.`cost/money`" in json.loads(tags[VIEW])["selectedColumns"]
    assert "`cost/money` the same at 3600 a device-hour" in tags["mlflow.note.content"]


def test_without_a_price_nothing_is_told_in_money(results: Path, name: str) -> None:
    told = Told(default_uri(results), make_run(name), "run1")
    tell(told, TRIALS[0])
    assert not [
        metric for run in read(results, name).values() for metric in run.data.metrics if "money" in metric
    ]
    assert "money" not in str(client(results).get_experiment_by_name(name).tags)


def test_what_ended_searches_and_what_they_began_with_is_told_with_the_verdict(
    results: Path, name: str, tmp_path: Path
) -> None:
    asked = {"budget": {"stop_decided": True, "total": {"money": 0.5}}}
    begun = {
        "experiment": asked,
        "total": Limit(trials=40, device_seconds=720.0),
        "warm_start": WarmStart(
            earlier=(Earlier(name="be*fore", trials=9, confirmations=0, sha256="0" * 64),),
            first_draws=1,
            observations=(3, 5),
            replicates=2,
            sha256="0" * 64,
        ),
    }
    run = make_run(name, trials=8).model_copy(update=begun)
    told = Told(default_uri(results), run, "run1")
    ended = {
        "early_stop": EarlyStop(after=4, strategies=("cosine",)),
        "closed": Closed(rounds=6, reason="7 rounds were expected to take 42 trials in all"),
    }
    runs = read(results, name)
    before = runs["comparison"].data.tags["mlflow.note.content"]
    assert "an equal budget of at most 8 trials" in before
    assert "- A strategy stops that can no longer change the comparison.\n" in before
    told.mirror.head(run.model_copy(update=ended))
    told.finish(*files(tmp_path), "A verdict.", TABLE)
    runs = read(results, name)
    pages = (
        client(results).get_experiment_by_name(name).tags["mlflow.note.content"],
        runs["comparison"].data.tags["mlflow.note.content"],
    )
    for page in pages:
        assert "an equal budget of 6 trials" in page
        assert (
            "- All searches together may spend 40 trials or 720 device-seconds (0.5 in money), shared work once.\n"
            "- That ended them after 6 draws each: 7 rounds were expected to take 42 trials in all.\n"
        ) in page
        assert "can no longer change the comparison: after 4 draws of each search `cosine` did.\n" in page
        assert (
            "- Each search began with what `be*fore` had found: 3 to 5 observations and 1 first draw(s)."
            in page
        )
    stopped, other = (runs[f"strategy/{s}"].data.tags["mlflow.note.content"] for s in ("cosine", "linear"))
    assert "4 trials (then it stopped: it could no longer change the comparison) a search" in stopped
    assert "stopped" not in other
