"""Seconds and memory of the report by the number of trials, ten rungs each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, environment
from benchmarks.replay import Bench
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.records.trainings import Trial

SIZES = (100, 1_000, 10_000)
RUNGS = 10
EXAMPLE = ROOT / "results" / "example"
# A process of its own, so that its peak of memory is its own; imports are in its seconds.
SCRIPT = """
import json, resource, sys, time
from pathlib import Path
began = time.perf_counter()
from hpo.report.writing import write_report
imported = time.perf_counter() - began
report = write_report(Path(sys.argv[1]), figures=sys.argv[2] == "figures")
print(json.dumps({
    "import": imported,
    "seconds": time.perf_counter() - began,
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "page": report.html.stat().st_size / 1e6,
}))
"""


def reports(bench: Bench) -> dict[str, Any]:
    """The page with tables and data alone, as at the end of a run, and with all figures for print."""
    example = read_records(EXAMPLE)
    figures: dict[str, float] = {}
    for trials in (50,) if bench.small else SIZES:
        folder = bench.folder / f"report-{trials}"
        write_many(folder, example, trials)
        for what in ("page", "figures"):
            found = _built(bench, folder, what)
            figures[f"{trials} trials, {what}, seconds"] = found["seconds"]
            figures[f"{trials} trials, {what}, MB of memory"] = found["megabytes"]
        figures[f"{trials} trials, MB of the page"] = found["page"]
        figures["import, seconds"] = found["import"]
    return {"repeats": 1, "ratios": {}, "figures": figures}


def write_many(folder: Path, example: Records, trials: int) -> None:
    """Records of ``trials`` trials, those of ``example`` over and over with other draws, ten rungs to a whole one."""
    records = folder / "records"
    records.mkdir(parents=True, exist_ok=True)
    run = example.run.model_copy(update={"trials": -(-trials * example.run.trials // len(example.trials))})
    (records / "run.json").write_text(run.model_dump_json(), encoding="utf-8")
    grown = (
        _grown(trial, trial.draw + example.run.trials * (i // len(example.trials)))
        for i in range(trials)
        for trial in (example.trials[i % len(example.trials)],)
    )
    lines = "".join(trial.model_dump_json() + "\n" for trial in grown)
    (records / "trials.jsonl").write_text(lines, encoding="utf-8")
    lines = "".join(c.model_dump_json() + "\n" for c in example.confirmations)
    (records / "confirmations.jsonl").write_text(lines, encoding="utf-8")


def _grown(trial: Trial, draw: int) -> Trial:
    """``trial`` as another draw, its rungs drawn out to ten."""
    reached = RUNGS if trial.state == "complete" else 1 + draw % (RUNGS - 1)
    rungs = trial.rungs and [
        trial.rungs[min(i * len(trial.rungs) // reached, len(trial.rungs) - 1)].model_copy(
            update={
                "examples": 64 * (i + 1),
                "steps": 4 * (i + 1),
                "evaluation": f"{trial.strategy}/{draw}/{i}",
            }
        )
        for i in range(reached)
    ]
    best = None if trial.best_rung is None else max(range(reached), key=lambda i: rungs[i].score)
    learning_rate = trial.parameters["learning_rate"] * (1 + draw % 97 / 97)
    return trial.model_copy(
        update={
            "draw": draw,
            "rungs": tuple(rungs),
            "best_rung": best,
            "duplicate_of": None,
            "parameters": trial.parameters | {"learning_rate": learning_rate},
        }
    )


def _built(bench: Bench, folder: Path, what: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), what],
        capture_output=True,
        text=True,
        check=True,
        env=environment(bench.threads),
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
