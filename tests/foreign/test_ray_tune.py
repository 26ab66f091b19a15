from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sources import imported, of, records

from hpo.errors import UserError
from hpo.foreign.recognising import recognise
from hpo.records.run import Records

FOLDER = Path(__file__).parent / "ray_tune" / "schedules"


@pytest.fixture(scope="module")
def made() -> Records:
    return records(FOLDER, strategy=("schedule",), score="accuracy", test_score="test_accuracy")


def reported(number: int) -> list[dict]:
    (path,) = FOLDER.glob(f"train_*_{number:05d}_*/result.json")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_trials_are_as_ray_reported_them(made: Records) -> None:
    assert recognise(str(FOLDER)) == "ray"
    assert made.run.strategies == ("linear", "cosine")
    first = of(made.trials, "linear")[0]
    rows = reported(0)
    assert [(r.examples, r.score) for r in first.rungs] == [
        (r["training_iteration"], r["accuracy"]) for r in rows
    ]
    assert first.parameters == {"head/width": 64, "learning_rate": 1e-4, "schedule": "linear"}
    assert first.charged == rows[-1]["time_total_s"]
    assert first.seed == 3
    assert made.run.resource == "training_iteration"
    assert (made.run.metric.name, made.run.metric.share) == ("accuracy", True)


def test_a_trial_that_ended_before_the_longest_is_taken_as_pruned(made: Records) -> None:
    assert [t.state for t in of(made.trials, "linear")] == ["complete", "complete", "complete", "failed"]
    assert [t.state for t in of(made.trials, "cosine")] == ["pruned", "complete", "pruned", "failed"]
    pruned = of(made.trials, "cosine")[0]
    assert pruned.score is None
    assert pruned.reason.startswith("ended at 1 of 4 (training_iteration)")
    assert made.run.search.rungs == (1, 2, 3)


def test_an_error_is_a_failure_with_its_parameters(made: Records) -> None:
    failed = of(made.trials, "linear")[3]
    assert failed.parameters["learning_rate"] == 0.1
    assert failed.reason.startswith("it raised an error")
    assert failed.rungs == ()


def test_the_selected_trial_is_the_best_of_its_schedule(made: Records) -> None:
    (linear,) = of(made.confirmations, "linear")
    last = reported(1)[-1]
    assert (linear.draw, linear.selected_score, linear.test_score) == (
        1,
        last["accuracy"],
        last["test_accuracy"],
    )
    assert made.run.search.shared_draws is True, "both were trained with seed 3"


def test_progress_csv_is_read_where_there_is_no_result_json(made: Records, tmp_path: Path) -> None:
    folder = tmp_path / "schedules"
    shutil.copytree(FOLDER, folder)
    (lines,) = folder.glob("*_00001_*/result.json")
    assert (lines.parent / "progress.csv").is_file()
    lines.unlink()
    again = records(folder, strategy=("schedule",), score="accuracy", test_score="test_accuracy")
    assert again.trials == made.trials


def test_a_folder_of_experiments_is_read_with_each_as_a_strategy(tmp_path: Path) -> None:
    for name in ("first", "second"):
        shutil.copytree(FOLDER, tmp_path / name)
    made = records(tmp_path, score="accuracy")
    assert made.run.strategies == ("first", "second")
    assert [(c.draw, c.fresh) for c in made.confirmations] == [(1, False), (1, False)]
    assert records(tmp_path, score="accuracy", studies=("second",)).run.strategies == ("second",)


def test_what_cannot_be_imported_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="no parameter or result is known as a score; there are 'accuracy'"
    ) as caught:
        imported(FOLDER, strategy=("schedule",))
    assert "--score" in caught.value.hint
    folder = tmp_path / "schedules"
    shutil.copytree(FOLDER, folder)
    (lines,) = folder.glob("*_00000_*/result.json")
    sound = lines.read_text()
    lines.write_text(sound + "{\n")
    with pytest.raises(UserError, match=r"result\.json, line 5 is no JSON"):
        imported(folder, score="accuracy")
    lines.write_bytes(b'{"accuracy": "\xff"}\n')
    with pytest.raises(UserError, match=r"result\.json, line 1 is no JSON"):
        imported(folder, score="accuracy")
    lines.write_text(sound)
    (table,) = folder.glob("*_00005_*/progress.csv")
    header, *rows = table.read_text().splitlines(keepends=True)
    table.write_text(header + rows[0] + "1," + rows[1])
    with pytest.raises(UserError, match=r"progress\.csv: report 2 has more cells than the header"):
        imported(folder, score="accuracy")
    table.write_bytes(b"\xff" + header.encode())
    with pytest.raises(UserError, match=r"progress\.csv is no CSV in UTF-8"):
        imported(folder, score="accuracy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds neither trials of Ray Tune"):
        imported(tmp_path / "empty")


ROLES = {"strategy": ("schedule",), "score": "accuracy", "test_score": "test_accuracy"}


def test_a_last_report_that_was_cut_off_is_left_out_and_told(made: Records, tmp_path: Path) -> None:
    folder = tmp_path / "schedules"
    shutil.copytree(FOLDER, folder)
    (lines,) = folder.glob("*_00000_*/result.json")
    lines.write_text(lines.read_text() + '{"accuracy": 0.9, "test_ac')
    (table,) = folder.glob("*_00005_*/progress.csv")
    table.write_text(table.read_text() + "0.9,0.8,17")
    found = imported(folder, **ROLES)
    assert "2 with a last report that was cut off: that report is left out" in found.told
    assert found.records[""].trials == made.trials


def not_done(folder: Path, number: int) -> Path:
    """The trial's folder, its last report as a training function leaves it, whether it returned or still runs."""
    (lines,) = folder.glob(f"*_{number:05d}_*/result.json")
    lines.write_text(lines.read_text().replace('"done": true', '"done": false'))
    return lines.parent


def test_a_trial_that_runs_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "schedules"
    shutil.copytree(FOLDER, folder)
    not_done(folder, 4)
    found = imported(folder, **ROLES)
    assert "1 not ended, left out" in found.told
    assert len(of(found.records[""].trials, "cosine")) == 3


def test_the_state_of_the_experiment_tells_which_trials_have_ended(made: Records, tmp_path: Path) -> None:
    folder = tmp_path / "schedules"
    shutil.copytree(FOLDER, folder)
    returned, runs = not_done(folder, 0), not_done(folder, 4)
    state = [
        [json.dumps({"relative_logdir": returned.name, "status": "TERMINATED"}), "{}"],
        [json.dumps({"relative_logdir": runs.name, "status": "RUNNING"}), "{}"],
    ]
    path = folder / "experiment_state-2026-11-27_10-19-34.json"
    path.write_text(json.dumps({"trial_data": state, "runner_data": {}}))
    trials = records(folder, **ROLES).trials
    assert of(trials, "linear")[0] == of(made.trials, "linear")[0]
    assert len(of(trials, "cosine")) == 3


def test_without_a_word_that_any_trial_has_ended_the_state_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "schedules"
    (trial,) = FOLDER.glob("*_00000_*")
    shutil.copytree(trial, folder / trial.name)
    not_done(folder, 0)
    with pytest.raises(UserError, match="no last report of a trial is marked done") as caught:
        imported(folder, **ROLES)
    assert "experiment_state" in caught.value.hint


def test_a_trial_that_came_to_its_own_epochs_is_complete(made: Records, tmp_path: Path) -> None:
    folder = tmp_path / "schedules"
    shutil.copytree(FOLDER, folder)
    for path in folder.glob("*/params.json"):
        reports = path.with_name("result.json")
        count = len(reports.read_text().splitlines()) if reports.is_file() else 0
        path.write_text(json.dumps({**json.loads(path.read_text()), "epochs": count or 4}))
    found = imported(folder, **ROLES)
    own = of(found.records[""].trials, "cosine")
    assert [t.state for t in own] == ["complete", "complete", "complete", "failed"]
    assert own[0].score == of(made.trials, "cosine")[0].rungs[-1].score
    assert "parameter epochs: taken as how far each training was to go (training_iteration)" in found.told
    assert found.records[""].run.search.rungs == ()
