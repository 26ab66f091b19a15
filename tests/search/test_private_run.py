"""A whole private run on the tiny model: what it records, what it does not, and that it goes on as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.cli.main import execute
from hpo.config.space import Space, load_space
from hpo.data.task_data import load_task
from hpo.errors import UserError
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.runtime import engine
from hpo.search import coordinator
from hpo.search.check import check_experiment
from hpo.search.coordinator import run_experiment
from hpo.search.secret import SECRET
from tests.search.test_run import Nobody, told

SPACE = """\
question: What does privacy cost, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: privacy_epsilon, values: [0, 8, 2]}}
parameters:
  learning_rate: {{choices: [1e-3, 1e-2]}}
  frozen_layers: 2
  batch_size: 16
  epochs: 2
budget: {{replicates: 1, trials: 3, rungs: [32, 64], sampler: {sampler}, pruner: {pruner}}}
confirmation: {{seeds: 5}}
privacy: {{delta: 1e-3}}
"""


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)


def space(folder: Path, data: Path, model: Path, text: str = SPACE, **given: str) -> Space:
    path = folder / "private.yaml"
    settings = {"sampler": "tpe", "pruner": "successive_halving", **given}
    path.write_text(text.format(data=data, model=model, **settings))
    return load_space(str(path), [], [])


def run(opened: Space, results: Path, workers: int = 1) -> Records:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "cores", lambda: workers)
        run_experiment(opened, results, None, "cpu", Nobody(), workers)
    return read_records(results / "private")


def test_a_private_run_says_what_it_meets_and_tells_nothing_else(
    tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    opened = space(tmp_path, tiny_data, tiny_model)
    records = run(opened, tmp_path / "results")
    folder = tmp_path / "results" / "private"
    info = records.run.privacy
    assert info is not None
    assert [(g.epsilon, g.trainings) for g in info.groups] == [(8.0, 8), (2.0, 8)]
    assert info == check_experiment(opened, tmp_path / "results", "cpu", probe=True).head.privacy
    assert "opacus" in records.run.versions

    items: list[Any] = [*records.trials, *records.confirmations]
    losses = {
        (item.strategy.endswith("=0.0"), rung.train_loss is None) for item in items for rung in item.rungs
    }
    assert losses == {(True, False), (False, True)}

    split = records.run.split
    plain = load_task(opened.experiment.task, opened.experiment.seed).info.sha256
    assert split.sha256 != plain
    assert split.texts_cut is None
    secret = (folder / SECRET).read_text().strip()
    everything = [p for p in (tmp_path / "results").rglob("*") if p.is_file() and p.name != SECRET]
    assert len(everything) > 30
    for path in everything:
        assert secret.encode() not in path.read_bytes(), path
        assert plain.encode() not in path.read_bytes(), path
    page = (folder / "report.html").read_text()
    for said in (
        "Poisson sampling",
        "accountant: RDP, by Opacus",
        "Of privacy_epsilon=0.0 nothing is promised",
        "Not covered",
    ):
        assert said in page


def test_it_goes_on_and_splits_its_work_as_any_other_run(
    tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    opened = space(tmp_path, tiny_data, tiny_model)
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    run(opened, alone)
    (beside / "private").mkdir(parents=True)
    (beside / "private" / SECRET).write_bytes((alone / "private" / SECRET).read_bytes())
    run(opened, beside, workers=2)
    assert told(beside / "private") == told(alone / "private")
    (alone / "private" / "records" / "finished").unlink()
    next((alone / "private" / "records" / "trials").glob("*=8-0*")).unlink()
    run(opened, alone)
    assert told(beside / "private") == told(alone / "private")


def test_a_run_cannot_go_on_without_its_secret(tiny_data: Path, tiny_model: Path, tmp_path: Path) -> None:
    opened = space(tmp_path, tiny_data, tiny_model, sampler="random", pruner="none")
    run(opened, tmp_path / "results")
    folder = tmp_path / "results" / "private"
    (folder / "records" / "finished").unlink()
    (folder / SECRET).unlink()
    with pytest.raises(UserError, match="noise-secret is gone"):
        run(opened, tmp_path / "results")


def test_private_trainings_are_verified_to_the_bit_and_exported_until_the_data_are_cleaned(
    tiny_data: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    run(space(tmp_path, tiny_data, tiny_model), Path("results"))
    assert execute(["verify", "private"]) == 0
    assert execute(["export", "private", "--strategy", "privacy_epsilon=8.0", "--to", "model"]) == 0
    assert "| Differential privacy | epsilon 8 at delta 0.001" in Path("model/README.md").read_text()
    capsys.readouterr()
    assert execute(["clean", "--data"]) == 0
    said = capsys.readouterr().out
    assert (
        "removed: the secret of the noise of private, which can be reported on and not trained again" in said
    )
    assert not (tmp_path / "results" / "private" / SECRET).exists()
    assert execute(["report", "private"]) == 0
    assert execute(["verify", "private"]) == 2
    assert execute(["export", "private", "--to", "model"]) == 2


def test_what_opacus_cannot_do_is_told_at_its_line(tiny_data: Path, tiny_model: Path, tmp_path: Path) -> None:
    text = SPACE.replace("frozen_layers: 2", "frozen_layers: 0")
    opened = space(tmp_path, tiny_data, tiny_model, text)
    with pytest.raises(UserError) as caught:
        check_experiment(opened, tmp_path, "cpu", probe=False)
    assert f"{opened.path}:12:" in caught.value.message
    assert "position_embeddings" in caught.value.message
