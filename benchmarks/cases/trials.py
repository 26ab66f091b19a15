"""Ten thousand recorded trials in one run, in which nothing is trained: what grows with their number, and how."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from optuna.trial import FrozenTrial, create_trial

from benchmarks import spaces
from benchmarks.data import open_space
from benchmarks.measure import ROOT, environment, peak_bytes
from benchmarks.pretended import accuracy
from benchmarks.replay import MEGABYTE, Bench
from hpo.config.experiment import Experiment
from hpo.search.draws import Draws

STRATEGIES, REPLICATES = 5, 4
TRIALS = 500  # a search
MOST_OF_GP = 500  # trials: more take minutes a draw
OF_ONE = 2_000  # of the run with a single search
POLL = 0.05  # seconds
LEFT = 20  # trials of the last part, which takes up what the first left


def trials(bench: Bench) -> dict[str, Any]:
    """A run stopped shortly before its end, taken up and ended; `hpo status`, `hpo report` and `hpo run` again; then one
    search of ``OF_ONE`` trials."""
    a_search = 3 if bench.small else TRIALS
    figures: dict[str, Any] = {"load of the machine at its begin": os.getloadavg()[0]}
    data = spaces.many(STRATEGIES, REPLICATES, a_search, "random", "successive_halving")
    in_all = STRATEGIES * REPLICATES * a_search
    space = bench.space("many", data)
    folder = bench.folder / "many" / "results"
    for part, stop in (("first part", in_all - LEFT), ("taken up", None)):
        found = _pretend(bench, space, folder, stop)
        figures |= {f"{part}, {label}": value for label, value in found.items()}
    for label, command in _commands(space, folder):
        figures |= {f"{label}, {what}": value for what, value in _command(bench, command).items()}
    figures |= _sizes(folder)
    space = bench.space(
        "one", spaces.many(1, 1, in_all if bench.small else OF_ONE, "random", "successive_halving")
    )
    found = _pretend(bench, space, bench.folder / "one" / "results", None)
    figures |= {f"one search, {label}": value for label, value in found.items() if label.startswith("ms")}
    figures |= _asks(bench, (20,) if bench.small else (100, 500, 2_000))
    return {"repeats": 1, "ratios": {}, "figures": figures}


def _pretend(bench: Bench, space: Path, folder: Path, stop: int | None) -> dict[str, float]:
    """One process of a run, to its end or to ``stop`` trials: what it says of itself."""
    report = folder.parent / "report.json"
    command = [sys.executable, "-m", "benchmarks.pretended_run", str(space), str(folder), str(report)]
    subprocess.run(
        [*command, str(stop or 0)], cwd=ROOT, check=True, env=environment(bench.threads), stdout=sys.stderr
    )
    found: dict[str, float] = json.loads(report.read_text(encoding="utf-8"))
    return found


def _commands(space: Path, folder: Path) -> list[tuple[str, list[str]]]:
    run = str(folder / space.stem)
    return [
        ("`hpo status`", ["status", run]),
        ("`hpo report`", ["report", run]),
        ("`hpo run` of what is finished", ["run", "--space", str(space), "--results", str(folder)]),
    ]


def _command(bench: Bench, arguments: list[str]) -> dict[str, float]:
    """Wall seconds and most memory of one command, imports among it."""
    began, before = time.perf_counter(), _processor()
    process = subprocess.Popen(
        [sys.executable, "-m", "hpo", *arguments],
        cwd=ROOT,
        env=environment(bench.threads),
        stdout=subprocess.DEVNULL,
    )
    most = 0
    while process.poll() is None:
        most = max(most, peak_bytes(process.pid))
        time.sleep(POLL)
    assert process.returncode == 0, f"{arguments} ended with {process.returncode}"
    return {
        "seconds": time.perf_counter() - began,
        "seconds of the processor": _processor() - before,
        "MB of memory": most / MEGABYTE,
    }


def _processor() -> float:
    """Seconds that ended processes below this one took."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _sizes(folder: Path) -> dict[str, float]:
    [run] = [path.parent.parent for path in folder.glob("*/records/run.json")]
    records = list((run / "records" / "trials").iterdir())
    return {
        "records, files": len(records),
        "records, kB a file": sum(path.stat().st_size for path in records) / len(records) / 1000,
        "journal, MB": (run / "optuna-journal.log").stat().st_size / 1e6,
        "page, MB": (run / "report.html").stat().st_size / 1e6,
        "MLflow's database, MB": (folder / "mlflow.db").stat().st_size / 1e6,
    }


def _asks(bench: Bench, numbers: tuple[int, ...]) -> dict[str, float]:
    """A draw of each sampler after so many trials of its search, the median of five, on the processor."""
    found = {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # as a run has it
    for sampler in ("random", "qmc", "tpe", "gp"):
        data = spaces.many(1, 1, max(numbers) + 5, sampler, "none")
        experiment = open_space(bench.space(f"asks-{sampler}", data)).experiment
        for number in numbers if sampler != "gp" else [n for n in numbers if n <= MOST_OF_GP]:
            draws, ended = Draws(experiment, None, 0), _ended(experiment, number + 5)
            seconds = []
            for draw in range(number, number + 5):
                began = time.process_time()
                draws.draw(draw, ended)
                seconds.append(time.process_time() - began)
            found[f"ms of a draw after {number:,d}, {sampler}"] = 1000 * median(seconds)
    return found


def _ended(experiment: Experiment, count: int) -> list[FrozenTrial]:
    """Complete trials of random draws."""
    random = experiment.model_copy(
        update={"budget": experiment.budget.model_copy(update={"sampler": "random"})}
    )
    draws = Draws(random, None, 0)
    ended = []
    for number in range(count):
        params, distributions = draws.draw(number, ())
        score = accuracy({"dropout": 0.1, **params}, 1.0)
        ended.append(create_trial(value=score, params=params, distributions=distributions))
    return ended
