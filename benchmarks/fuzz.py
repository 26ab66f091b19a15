"""``python -m benchmarks.fuzz [--minutes N] [GROUP ...]``: give every reader files that nobody meant; count what comes.

The minutes are of processor time, for each group of readers; they are shared among the group's readers. A line a reader:
files given, refused by a UserError, read to a value (or, of a store's files, found damaged), and crashes. Exit code 1 where
there were crashes: the first file of each kind is written into ``fuzz-crashes/``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from benchmarks.fuzzing import Counts, Reader, contents, give
from benchmarks.readers import GROUPS

CRASHES = Path("fuzz-crashes")
AT_ONCE = 200  # examples between two looks at the clock


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz what ``arguments`` ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", choices=[*GROUPS, []], help=", ".join(GROUPS))
    parser.add_argument("--minutes", type=float, default=3.0, help="for each group; 3 without it")
    parser.add_argument("--seed", type=int, default=0, help="other files than with another number")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    print(f"{'reader':34} {'files':>8} {'refused':>8} {'read':>8} {'crashes':>8}")
    crashed = False
    for name in asked.groups or GROUPS:
        readers = list(GROUPS[name]())
        for reader in readers:
            counts = fuzz(reader, 60 * asked.minutes / len(readers), asked.seed)
            tell(reader, counts)
            crashed = crashed or bool(counts.crashes)
    sys.exit(int(crashed))


def fuzz(reader: Reader, seconds: float, number: int) -> Counts:
    """Give ``reader`` files for so many seconds of processor time."""
    counts, end = Counts(), time.process_time() + seconds
    with tempfile.TemporaryDirectory(prefix="hpo-fuzz-") as name:
        folder = Path(name)
        reader.prepare(folder)

        @settings(
            max_examples=AT_ONCE,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(contents(reader))
        def one(content: bytes) -> None:
            if time.process_time() < end:
                with suppress(Exception):  # it is counted
                    give(reader, content, folder, counts)

        while time.process_time() < end:
            seed(number)(one)()
            number += 1_000_003
    return counts


def tell(reader: Reader, counts: Counts) -> None:
    """Print a reader's counts; keep the first file of each crash."""
    crashes = counts.crashes.total()
    print(
        f"{reader.name:34} {counts.examples:8,} {counts.refused:8,} {counts.accepted:8,} {crashes:8,}",
        flush=True,
    )
    for kind, content in counts.first.items():
        CRASHES.mkdir(exist_ok=True)
        path = CRASHES / f"{sha256(content).hexdigest()[:12]}-{Path(reader.file).name}"
        path.write_bytes(content)
        print(f"    {counts.crashes[kind]:,} x {kind}: {path}", flush=True)


if __name__ == "__main__":
    main()
