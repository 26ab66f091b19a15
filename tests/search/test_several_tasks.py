"""`hpo run` on a file of several tasks with the tiny model: a whole run of each, and the report across them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.cli.main import execute
from hpo.records.files import is_finished, read_records
from hpo.search import coordinator
from tests.search.test_run import Nobody

SPACE = """\
question: Which schedule?
tasks:
  - {{data: {{path: {first}}}, train: 48, validation: 30, test: 40, max_length: 32, shift: [{{path: {second}}}]}}
  - {{data: {{path: {second}}}, train: 32, validation: 30, test: 30, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant], reference: linear}}
parameters: {{learning_rate: 3e-3, frozen_layers: 2, batch_size: 16, epochs: 1}}
budget: {{replicates: 3, trials: 1, rungs: [32], sampler: random, pruner: none}}
"""


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Runs in this process set torch's threads."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def write_halves(data: Path, folder: Path) -> tuple[Path, Path]:
    """The rows of ``data`` in two files without a text in common."""
    head, *rows = data.read_text().splitlines()
    first, second = folder / "first.csv", folder / "second.csv"
    for path, part in ((first, rows[::2]), (second, rows[1::2])):
        path.write_text("\n".join([head, *part]) + "\n")
    return first, second


def test_each_task_has_its_run_and_the_same_command_goes_on_where_one_is_missing(
    tiny_data: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(coordinator, "Tracker", Nobody)
    first, second = write_halves(tiny_data, tmp_path)
    Path("s.yaml").write_text(SPACE.format(first=first, second=second, model=tiny_model))
    command = ["run", "--space", "s.yaml", "--workers", "1", "--device", "cpu", "--quiet"]

    assert execute(command) == 0
    runs = [Path("results/s-first"), Path("results/s-second")]
    assert all(map(is_finished, runs))
    one, two = map(read_records, runs)
    assert (one.run.task, two.run.task) == ("first.csv", "second.csv")
    assert (one.run.split.test, two.run.split.test) == (40, 30)
    assert one.run.split.sha256 != two.run.split.sha256
    assert all(set(c.shifts) == {"second.csv"} for c in one.confirmations)
    assert all(not c.shifts for c in two.confirmations)
    told = capsys.readouterr().out
    assert "report across tasks: results/s-across/report.html" in told
    page = Path("results/s-across/report.html").read_text()
    assert "over 2 tasks (first.csv and second.csv)" in page

    shutil.rmtree(runs[1])
    assert execute(command) == 0
    assert capsys.readouterr().out.count("nothing was left to train") == 2
    again = read_records(runs[1])
    assert [c.test_correct for c in again.confirmations] == [c.test_correct for c in two.confirmations]
    assert Path("results/s-across/report.html").read_text() == page
