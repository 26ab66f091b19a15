"""``python -m benchmarks [CASE ...]``: measure the cases, write results.json and the table of the README.

``python -m benchmarks faults`` injects faults instead (``benchmarks.faults``).

Ends with exit code 0 when all were measured, whether or not a target was reached.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES
from benchmarks.replay import Bench
from benchmarks.table import RESULTS, read_results, table, write_results


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what ``arguments`` ask for."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["faults"]:
        from benchmarks.faults.command import main as inject

        sys.exit(inject(given[1:]))
    asked = _parser().parse_args(given)
    if missing := [name for name in ("accelerate", "ray") if find_spec(name) is None]:
        sys.exit(f"the peers need {' and '.join(missing)}\nhint: pip install -e '.[test,bench]'")
    with tempfile.TemporaryDirectory(prefix="hpo-benchmarks-") as folder:
        bench = Bench(Path(folder), small=asked.small, repeats=asked.repeats, replicates=asked.replicates)
        for name in asked.cases or CASES:
            began = time.perf_counter()
            found = {name: CASES[name].run(bench) | {"machine": machine(bench)}}
            if not asked.small:
                found = {**read_results(), **found} if RESULTS.exists() else found
                write_results(found)
            lines = table({name: found[name]}).splitlines()
            print("\n".join(line for line in lines if f"`{name}`" in line))
            print(f"{name}: {time.perf_counter() - began:.0f} s in all", flush=True)


def machine(bench: Bench) -> dict[str, Any]:
    """Where it was measured."""
    from hpo.training.keys import SCHEMA
    from hpo.training.precision import choose_precision

    return {
        "name": choose_precision(None).info.name,
        "threads": bench.threads,
        "engine": SCHEMA,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "optuna")},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", choices=[*CASES, []], help=", ".join(CASES))
    parser.add_argument(
        "--repeats", type=int, help="instead of each case's own number; seeds of to_an_answer"
    )
    parser.add_argument(
        "--replicates", type=int, choices=(3, 4, 5), default=3, help="of main_job; the shipped space has 5"
    )
    parser.add_argument("--small", action="store_true", help="tiny sizes: does it run? Nothing is written.")
    return parser


if __name__ == "__main__":
    main()
