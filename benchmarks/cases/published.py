"""Published comparisons recomputed from their released data by ``hpo import`` and ``hpo report``, as a user would.

What was published, and where, stands in the README of each folder below benchmarks/published.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.measure import ROOT, environment
from benchmarks.replay import Bench
from hpo.records.files import read_records
from hpo.records.verdict_rule import ALPHA
from hpo.report.figure import Figure
from hpo.report.sections.tuning import tuning_section
from hpo.report.sentences import verdict

RELEASED = ROOT / "benchmarks" / "published"
Figures = dict[str, float]
Row = dict[str, str]

# The columns of Table C4 by the name of the file of results.
COLUMNS = {"MR-H": "MR-Hydra", "FP": "FreshPRINCE", "H-IT": "H-InceptionTime", "W 2.0": "WEASEL-2"}
BEST_TWO = ("HC2", "MR-Hydra")
DATA_SETS = ("MultiArith", "GSM8K", "AddSub", "AQuA", "SingleEq", "SVAMP")


def published(bench: Bench) -> dict[str, Any]:
    """Each comparison by itself; the small form has the smallest of them alone."""
    found = llm_adapters(bench)
    if not bench.small:
        found |= reuters_tuning(bench) | tsc_bake_off(bench)
    return {"repeats": 1, "ratios": {}, "figures": found}


def llm_adapters(bench: Bench) -> Figures:
    """Four strategies on four models and six data sets: the sixteen averages as printed, ranks as scipy's."""
    name = "llm-adapters"
    rows = read_rows(RELEASED / name / "results.csv")
    long = _write_long(
        bench.folder / f"{name}.csv",
        ("strategy", "base_model", "data", "test_accuracy"),
        ((row["strategy"], row["base_model"], data, row[data]) for row in rows for data in DATA_SETS),
    )
    options = ("--task", "base_model", "--task", "data", "--percent")
    folder, figures = _through_hpo(bench, name, long, options)
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in read_rows(folder / "tables" / "across.csv"):
        scores[row["task"].split(", ")[0], row["strategy"]].append(100 * float(row["test_score"]))
    means = {key: round(sum(own) / len(DATA_SETS), 10) for key, own in scores.items()}
    averages = {(row["base_model"], row["strategy"]): float(row["Average"]) for row in rows}
    figures |= _differences("averages", [(means[key], value) for key, value in averages.items()], least=0.05)
    strategies = sorted({row["strategy"] for row in rows})
    models = sorted({row["base_model"] for row in rows})
    by = {(row["base_model"], row["strategy"]): row for row in rows}
    table = [[float(by[m, s][data]) for s in strategies] for m in models for data in DATA_SETS]
    figures |= _ranks(folder, strategies, np.array(table))
    return _named(name, figures)


def tsc_bake_off(bench: Bench) -> Figures:
    """Eight classifiers on 142 data sets: the means of Table C4, and who is better than whom by the abstract."""
    name = "tsc-bake-off"
    released = {
        path.name.removesuffix("_accuracy.csv"): _matrix(path)
        for path in sorted((RELEASED / name).glob("*_accuracy.csv"))
    }
    long = _write_long(
        bench.folder / f"{name}.csv",
        ("strategy", "task", "seed", "test_accuracy"),
        (
            (strategy, task, seed, score)
            for strategy, tasks in released.items()
            for task, scores in tasks.items()
            for seed, score in enumerate(scores)
        ),
    )
    folder, figures = _through_hpo(bench, name, long)
    means = {
        (row["task"], row["strategy"]): float(row["test_score"])
        for row in read_rows(folder / "tables" / "across.csv")
    }
    printed = {
        (row["Estimators:"], COLUMNS.get(column, column)): float(value)
        for row in read_rows(RELEASED / name / "table_c4.csv")
        for column, value in row.items()
        if value and column != "Estimators:"
    }
    figures |= _differences("means", [(means[key], value) for key, value in printed.items()], least=5e-10)
    figures |= _better_two(folder, means)
    strategies = list(released)
    table = [
        [np.mean([float(score) for score in released[strategy][task]]) for strategy in strategies]
        for task in released[strategies[0]]
    ]
    figures |= _ranks(folder, strategies, np.array(table))
    return _named(name, figures)


def reuters_tuning(bench: Bench) -> Figures:
    """Random searches of two models: expected best by V and U as the papers' formulas give it, to the README's four digits.

    The numbers of a curve are in no file of tables, so they are those of the figure that the page draws.
    """
    name = "reuters-tuning"
    options = ("--strategy", "model_name", "--task", "dataset_name", "--seed=--seed", "--score", "f1")
    folder, figures = _through_hpo(bench, name, RELEASED / name / "hedwig.tsv", (*options, "--independent"))
    records = read_records(folder)
    curve = tuning_section(records, verdict(records)).parts[0]
    assert isinstance(curve, Figure)
    rows = csv.DictReader(curve.table.csv().splitlines())
    drawn = {(int(row["n"]), row["strategy"]): row for row in rows}
    known = _readme_table(RELEASED / name / "README.md", "| k | LSTM V")
    pairs = [
        (float(drawn[int(k), strategy][f"expected_best_{by}"]), float(value))
        for k, *values in known
        for (strategy, by), value in zip(
            [(model, by) for model in ("reg_lstm", "mlp") for by in ("v", "u")], values, strict=True
        )
        if (int(k), strategy) in drawn
    ]
    figures |= _differences("expected best", pairs, least=5e-5)
    passed = [row for row in read_rows(folder / "tables" / "tuning-crossings.csv") if row["from_n"] != "1"]
    figures["the LSTM passes the MLP at n (21 by U)"] = int(passed[0]["from_n"]) if passed else 0
    return _named(name, figures)


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _matrix(path: Path) -> dict[str, list[str]]:
    """Scores as released, by data set."""
    with path.open(encoding="utf-8", newline="") as file:
        return {task: scores for task, *scores in list(csv.reader(file))[1:]}


def _write_long(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def _through_hpo(bench: Bench, name: str, source: Path, options: Sequence[str] = ()) -> tuple[Path, Figures]:
    """Import ``source`` and report on what came of it: the folder of the report, and what that took."""
    results = bench.folder / "published"
    figures = {
        "seconds of import": _hpo(bench, "import", source, "--name", name, "--results", results, *options),
        "seconds of report": _hpo(bench, "report", results / name),
    }
    pages = list((results / name).glob("**/report.html"))
    figures["reports written"] = len(pages)
    figures["MB written"] = sum(p.stat().st_size for p in (results / name).rglob("*") if p.is_file()) / 1e6
    return results / name, figures


def _hpo(bench: Bench, *arguments: str | os.PathLike[str]) -> float:
    """Seconds of one command, its start included."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments],
        capture_output=True,
        text=True,
        check=False,  # what it said is shown below
        env=environment(bench.threads),
    )
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def _differences(what: str, pairs: Sequence[tuple[float, float]], least: float) -> Figures:
    """Of (found, published): how many are compared, how many are off by more than the rounding, and the most of all."""
    gaps = [abs(found - given) for found, given in pairs]
    return {
        f"{what} compared": len(pairs),
        f"{what} off by more than their rounding": sum(gap > least * (1 + 1e-6) for gap in gaps),
        f"{what}, largest difference": max(gaps),
    }


def _better_two(folder: Path, means: dict[tuple[str, str], float]) -> Figures:
    """The sentence of the abstract on all data sets: of the pairs it speaks of, how many differ, and which way."""
    sums: dict[str, float] = defaultdict(float)
    for (_, strategy), mean in means.items():
        sums[strategy] += mean
    p = {
        frozenset((row["first"], row["second"])): float(row["p_holm"])
        for row in read_rows(folder / "tables" / "rank-pairs.csv")
    }
    told = [(a, b) for a in BEST_TWO for b in sums if b not in BEST_TWO]
    return {
        "pairs published as better": len(told),
        "pairs found better (Holm)": sum(p[frozenset(t)] < ALPHA and sums[t[0]] > sums[t[1]] for t in told),
        "largest Holm p of these pairs": max(p[frozenset(t)] for t in told),
        "Holm p of HC2 and MR-Hydra": p[frozenset(BEST_TWO)],
    }


def _ranks(folder: Path, strategies: Sequence[str], scores: np.ndarray) -> Figures:
    """Against scipy on the released scores, higher being better, rounded so that equal means are ties."""
    scores = scores.round(10)
    ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
    found = {row["strategy"]: float(row["mean_rank"]) for row in read_rows(folder / "tables" / "ranks.csv")}
    friedman = next(
        float(row["value"])
        for row in read_rows(folder / "tables" / "rank-tests.csv")
        if row["ties"] == "corrected" and row["statistic"].startswith("Friedman")
    )
    p = {
        frozenset((row["first"], row["second"])): float(row["p"])
        for row in read_rows(folder / "tables" / "rank-pairs.csv")
    }
    normal = {
        frozenset((strategies[a], strategies[b])): stats.wilcoxon(
            scores[:, a], scores[:, b], method="asymptotic"
        ).pvalue
        for a, b in combinations(range(len(strategies)), 2)
    }
    return {
        "Friedman's chi-square": friedman,
        "Friedman's chi-square, difference to scipy": abs(
            friedman - stats.friedmanchisquare(*scores.T).statistic
        ),
        "mean ranks, largest difference to scipy": max(
            abs(found[s] - r) for s, r in zip(strategies, ranks, strict=True)
        ),
        "Wilcoxon p, largest difference to scipy's normal approximation": max(
            abs(p[pair] - value) for pair, value in normal.items()
        ),
    }


def _readme_table(path: Path, head: str) -> list[list[str]]:
    """The cells of the table of a README whose first line begins with ``head``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(head)) + 2
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


def _named(name: str, figures: Figures) -> Figures:
    return {f"{name}, {label}": value for label, value in figures.items()}
