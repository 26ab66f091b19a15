"""A published comparison through `hpo import` and `hpo report`: do its printed numbers come out?"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cases import CASES
from benchmarks.cases.published import read_rows
from benchmarks.replay import Bench

Found = tuple[dict[str, float], Path]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("published")
    measured = CASES["published"].run(Bench(folder, small=True, say=lambda _: None))
    return measured["figures"], folder / "published" / "llm-adapters"


def test_all_sixteen_published_averages_come_out_to_the_printed_digit(found: Found) -> None:
    figures, _ = found
    assert figures["llm-adapters, averages compared"] == 16
    assert figures["llm-adapters, averages off by more than their rounding"] == 0


@pytest.mark.parametrize(
    (
        "model",
        "strategy",
        "average",
    ),  # the table "Finetune Result" of LLM-Adapters, its least and its greatest
    [("LLaMA-13B", "Parallel", 64.3), ("BLOOM-7B", "LoRA", 34.6)],
)
def test_a_published_average_is_the_mean_of_the_reports_scores(
    found: Found, model: str, strategy: str, average: float
) -> None:
    rows = read_rows(found[1] / "tables" / "across.csv")
    scores = [
        100 * float(row["test_score"])
        for row in rows
        if row["strategy"] == strategy and row["task"].startswith(f"{model}, ")
    ]
    assert len(scores) == 6
    assert sum(scores) / 6 == pytest.approx(average, abs=0.05 + 1e-9)


def test_ranks_and_friedmans_test_are_those_of_scipy(found: Found) -> None:
    figures, _ = found
    assert figures["llm-adapters, mean ranks, largest difference to scipy"] < 1e-9
    assert figures["llm-adapters, Friedman's chi-square, difference to scipy"] < 1e-9
    # With 24 blocks the normal approximation is near the exact p.
    assert figures["llm-adapters, Wilcoxon p, largest difference to scipy's normal approximation"] < 0.02


def test_all_tasks_have_one_report_together(found: Found) -> None:
    figures, folder = found
    assert figures["llm-adapters, reports written"] == 1
    assert "Over 24 tasks" in (folder / "verdict.md").read_text()


def test_many_runs_are_counted_in_the_verdict_and_not_named_one_by_one(found: Found) -> None:
    verdict = (found[1] / "verdict.md").read_text()
    wins: dict[str, int] = {}
    for row in read_rows(found[1] / "tables" / "across.csv"):
        wins[row["strategy"]] = wins.get(row["strategy"], 0) + (row["best"] == "True")
    assert sum(wins.values()) == 24  # nobody shares a best
    for strategy, count in wins.items():
        assert f"{strategy} in {count}" in verdict
    assert "GSM8K" not in verdict
    assert "not separable" not in verdict  # of single trainings every strategy would be
