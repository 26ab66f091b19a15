"""What `hpo check` estimates of a space, in a process of its own, as JSON.

python -m benchmarks.estimating SPACE
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.data import open_space


def main(space: Path) -> None:
    """Print the estimate of ``space``."""
    from hpo.search.check import check_experiment

    estimate = check_experiment(open_space(space), space.parent, None, probe=True).estimate
    assert estimate is not None
    print(json.dumps(asdict(estimate)))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main(Path(sys.argv[1]))
