"""``python -m benchmarks.storages [URL]``: milliseconds of each change of a study, in the journal and in a database.

A trial of three rungs is stored as the search stores it: begun, reported, ended; the trials before it are read as pruning
and sampling read them. Prints the median of each over the trials, and all of one trial's together.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from hpo.search.database import Database
from hpo.search.storage import StudyStorage

TRIALS = 300
RUNGS = (1000, 2000, 4000)
SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "frozen_layers": CategoricalDistribution((0, 2, 4)),
    "pooling": CategoricalDistribution(("cls", "mean")),
    "warmup_ratio": FloatDistribution(0.0, 0.3),
}


def main() -> None:
    """Measure the journal, and the database that the command line names."""
    with tempfile.TemporaryDirectory(prefix="hpo-storages-") as folder:
        print(line("journal", StudyStorage(Path(folder))))
        for url in sys.argv[1:]:
            database = Database(url, f"benchmark-{time.time_ns()}", print)
            print(line("PostgreSQL", StudyStorage(Path(folder), True, database)))


def line(name: str, storage: StudyStorage) -> str:
    """What each change of a study takes in ``storage``, which is then closed."""
    taken: dict[str, list[float]] = {}

    def timed(what: str, change: Callable[[], object]) -> None:
        started = time.perf_counter()
        change()
        taken.setdefault(what, []).append(1000 * (time.perf_counter() - started))

    study = storage.study("strategy", 0)
    drawn = {
        "learning_rate": 1e-3,
        "dropout": 0.1,
        "frozen_layers": 2,
        "pooling": "mean",
        "warmup_ratio": 0.1,
    }
    for number in range(TRIALS):
        timed("begin", lambda: study.begin(drawn, SPACE, seed=1))
        for examples in RUNGS:
            timed("report", lambda n=number, e=examples: study.report(n, e, 0.7))  # type: ignore[misc]
            timed("read", study.trials)
        timed("end", lambda n=number: study.end(n, "complete", 0.7))  # type: ignore[misc]
    storage.close()
    middle = {what: median(found) for what, found in taken.items()}
    whole = sum(map(sum, taken.values())) / TRIALS
    return (
        f"{name}: "
        + ", ".join(f"{what} {ms:.2g} ms" for what, ms in middle.items())
        + f"; a trial {whole:.3g} ms"
    )


if __name__ == "__main__":
    main()
