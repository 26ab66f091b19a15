"""Files of other tools that nobody meant: an import, or a UserError."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from sources import imported, optimize

from hpo.errors import UserError
from hpo.foreign.importing import write_import
from hpo.records.files import read_records

ROWS = '{{"strategy": "a", "val_accuracy": 0.5, "x": {}}}\n{{"strategy": "b", "val_accuracy": 0.6, "x": 1}}\n'


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[" * 3000 + "]" * 3000, "line 1 is no JSON: it nests too deeply"),
        ('{"a":' * 900 + "1" + "}" * 900, "line 1 is no JSON: it nests too deeply"),
        ("9" * 5000, "line 1 is no JSON: Exceeds the limit"),
        ('"\\ud800"', "line 1 holds half of a surrogate pair"),
        ('{"\\ud800": 1}', "line 1 holds half of a surrogate pair"),
    ],
)
def test_json_that_no_record_can_hold_is_refused(tmp_path: Path, value: str, said: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(ROWS.format(value))
    with pytest.raises(UserError, match=said):
        imported(path)


@pytest.mark.parametrize(
    "value", ["9" * 400, "1e400", "-1e400", '"' + "9" * 5000 + '"', '"[[[["', "null", "[]", "{}"]
)
def test_numbers_past_what_a_float_holds_come_back_from_the_records(tmp_path: Path, value: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(ROWS.format(value))
    (folder,) = write_import(imported(path), tmp_path / "results")
    assert len(read_records(folder).trials) == 2


@pytest.mark.parametrize(
    "lines",
    [
        "[]",
        "1",
        '{"op_code": 99}',
        '{"op_code": 0, "worker_id": 1}',
        '{"op_code": 4, "worker_id": "x", "trial_id": 7}',
    ],
)
def test_a_journal_that_optuna_cannot_replay_is_refused(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "j.log"
    optimize(JournalStorage(JournalFileBackend(str(path))), "a")
    with path.open("a") as file:
        file.write(lines + "\n")
    with pytest.raises(UserError, match="cannot be read as a storage of Optuna"):
        imported(path)


def test_an_import_runs_no_code_of_a_sampler_that_is_pickled_in_a_study(tmp_path: Path) -> None:
    """CMA-ES keeps its state as a pickle in attributes of trials, which only the sampler itself would read."""
    path = tmp_path / "s.db"
    study = optimize(f"sqlite:///{path}", "a")
    pickle = "8004" + b"cos\nmkdir\n(S'".hex() + str(tmp_path / "ran").encode().hex() + b"'\ntR.".hex()
    for trial in study.get_trials(deepcopy=False):
        study._storage.set_study_system_attr(study._study_id, "cma:optimizer", pickle)
        assert trial.state != optuna.trial.TrialState.WAITING
    assert imported(f"sqlite:///{path}").records
    assert not (tmp_path / "ran").exists()


def test_ray_results_are_read_without_their_pickles(tmp_path: Path) -> None:
    own = tmp_path / "exp" / "trial_1"
    own.mkdir(parents=True)
    (own / "params.json").write_text(json.dumps({"lr": 0.1, "schedule": "a"}))
    (own / "result.json").write_text(
        json.dumps({"accuracy": 0.5, "training_iteration": 1, "done": True}) + "\n"
    )
    for name in ("params.pkl", "error.pkl"):
        (own / name).write_bytes(b"cos\nmkdir\n(S'" + str(tmp_path / "ran").encode() + b"'\ntR.")
    (tmp_path / "exp" / "tuner.pkl").write_bytes(
        b"cos\nmkdir\n(S'" + str(tmp_path / "ran").encode() + b"'\ntR."
    )
    assert imported(tmp_path / "exp", strategy=("schedule",), score="accuracy").records
    assert not (tmp_path / "ran").exists()


def test_yaml_of_mlflows_files_builds_no_object(tmp_path: Path) -> None:
    own = tmp_path / "mlruns" / "7"
    own.mkdir(parents=True)
    for text in (
        f"!!python/object/apply:os.mkdir ['{tmp_path / 'ran'}']",
        "a: &a [*a]",
        "[",
        "experiment_id: x\x00",
    ):
        (own / "meta.yaml").write_text(text)
        with pytest.raises(UserError):
            imported(tmp_path / "mlruns")
    assert not (tmp_path / "ran").exists()
