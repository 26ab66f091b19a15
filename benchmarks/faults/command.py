"""``python -m benchmarks faults``: inject each fault, many times, and hold what is left against an undisturbed run."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.faults import clocks, clusters, disks, files, kills, losses, servers, signals
from benchmarks.faults.bench import Bench
from benchmarks.faults.disks import SkippedError

ROOMS = (
    kills,
    signals,
    losses,
    files,
    clocks,
    servers,
    clusters,
    disks,
)  # disks last: they change this process's mounts
FAULTS: dict[str, Any] = {name: fault for room in ROOMS for name, fault in room.FAULTS.items()}
RESULTS = Path(__file__).parents[1] / "faults.json"


def main(arguments: Sequence[str]) -> int:
    """Inject what ``arguments`` ask for; 1 where a promise was broken."""
    asked = _parser().parse_args(arguments)
    import_all()
    seed = secrets.randbelow(10**9) if asked.seed is None else asked.seed
    with tempfile.TemporaryDirectory(prefix="hpo-faults-", ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), seed)
        undisturbed = bench.undisturbed
        print(
            f"seed {seed}; undisturbed: {undisturbed.seconds:.1f} s, {undisturbed.trained} segments",
            flush=True,
        )
        broken = [inject(bench, name, asked.times or FAULTS[name][1]) for name in asked.only or FAULTS]
    return 1 if any(broken) else 0


def inject(bench: Bench, name: str, times: int) -> int:
    """Inject one fault so many times and write what came of it; the number of broken promises."""
    started = time.monotonic()
    try:
        found = FAULTS[name][0](bench, times)
    except SkippedError as reason:
        print(f"{name}: skipped, {reason}", flush=True)
        return 0
    date = datetime.now(UTC).date().isoformat()
    told = {**found.told, "broken": found.faults, "seed": bench.seed, "date": date}
    print(f"{name}: {json.dumps(told)} ({time.monotonic() - started:.0f} s)", flush=True)
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    text = json.dumps({**known, name: told}, indent=1, sort_keys=True)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")
    return len(found.faults)


def import_all() -> None:
    """What ``hpo run`` imports on its way, so that forked runs do not; nothing here begins a thread."""

    import hpo.cli.main
    import hpo.search.coordinator  # noqa: F401


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks faults", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(FAULTS), metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--times", type=int, metavar="N", help="in place of each fault's own number")
    parser.add_argument("--seed", type=int, help="of the moments; without it one that is drawn and recorded")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
