"""What happens to machines of a Ray cluster, three of them on this one, and what a study makes of it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.config.space import load_space
from hpo.runtime import engine
from hpo.search import coordinator
from hpo.search.coordinator import run_experiment
from tests.cluster.faulty import FAULTS
from tests.cluster.namespaces import run_alone, skip_without_namespaces
from tests.e2e.runs import facts
from tests.search.nobody import Nobody

SPACE = """\
question: Which schedule, on machines that fail?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant], reference: linear}}
parameters:
  learning_rate: {{choices: [1e-4, 3e-4]}}
  frozen_layers: {{choices: [0, 2]}}
  batch_size: 4
  epochs: 12
budget: {{replicates: 3, trials: 3, rungs: [192, 384], sampler: tpe, pruner: successive_halving}}
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path, tiny_model: Path) -> Path:
    path = tmp_path_factory.mktemp("faults") / "failing.yaml"
    path.write_text(SPACE.format(data=tiny_data, model=tiny_model))
    return path


@pytest.fixture(scope="module")
def undisturbed(space: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The records of a run in this process."""
    results = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        patch.setattr(engine, "cores", lambda: 1)
        run_experiment(load_space(str(space), [], []), results, None, "cpu", Nobody(), 1)
    return told(results / "failing")


def told(folder: Path) -> Any:
    records = facts(folder)
    records["run"]["device"].pop("workers")
    return records


@pytest.mark.parametrize("fault", FAULTS)
def test_the_records_are_those_of_an_undisturbed_run(
    fault: str, space: Path, undisturbed: Any, tmp_path: Path
) -> None:
    skip_without_namespaces()
    if os.geteuid() != 0:
        pytest.skip("several machines on one take root")
    moment = random.randint(1, 60)  # of about 100 answers
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-m", "tests.cluster.faulty", fault, str(space), str(tmp_path),
         str(moment)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )  # fmt: skip
    print(f"struck after {moment} answers: {done.stdout}")
    assert done.returncode == 0, done.stderr[-3000:]
    happened = json.loads(done.stdout)
    assert happened["code"] == 0, happened
    if fault in ("killed", "frozen", "cut off"):
        assert happened["lost"], "the fault struck a worker with a segment in hand"
    assert told(tmp_path / "failing") == undisturbed


def test_a_cluster_of_this_machine_listens_on_loopback_alone_and_lets_nobody_in_without_its_token() -> None:
    done = run_alone("tests.cluster.cluster_here")
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["listening"]
    assert all("127.0.0.1" in address for address in told["listening"]), told["listening"]
    assert sorted(told["rights"].values()) == ["0o600", "0o700", "0o700"]
    assert told["inside"] == "1"
    assert told["outside"].startswith("hpo.errors.UserError: RAY_ADDRESS=127.0.0.1:")
    assert told["left"] is False


def test_a_worker_that_ends_by_itself_or_is_killed_by_hand_is_not_taken_for_one_without_memory() -> None:
    done = run_alone("tests.cluster.deaths_here")
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert [(way, lost["killed"], lost["place"]) for way, lost in told.items()] == [
        ("killed", False, False),
        ("crashed", False, False),
        ("left", False, False),
    ]
    assert not any("common causes" in lost["how"] for lost in told.values())
