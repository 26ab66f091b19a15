from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_events import experiment, run_record, trial
from filelock import FileLock

from hpo.cli.clean import KEPT, began
from hpo.cli.main import execute
from hpo.config.space import shipped_spaces
from hpo.records.files import mark_finished, write_run, write_trial

STORE = Path("results/.store")
BEGUN = 1_700_000_000


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()


def file(path: Path, size: int, used: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (used, used))
    return path


def fill(store: Path = STORE) -> None:
    """Two files used before ``BEGUN`` and one after, and facts."""
    file(store / "states" / "old.safetensors", 3_000_000, BEGUN - 5)
    file(store / "prefixes" / "old.safetensors", 1_500_000, BEGUN - 1)
    file(store / "states" / "new.safetensors", 2_000_000, BEGUN + 5)
    for kind in ("segments", "evaluations", "passes"):
        file(store / kind / "a.json", 1000, BEGUN - 100)


def run(name: str, *, finished: bool = False, begun: int = BEGUN, again: int = BEGUN + 9) -> Path:
    """A run that began at ``begun`` and was taken up ``again``."""
    folder = Path("results") / name
    asked = experiment(replicates=1, trials=1).model_copy(update={"name": name})
    write_run(folder, run_record(asked))
    write_trial(folder, trial("linear", 0, 0, 0.7))
    os.utime(folder / "records" / "run.json", (again, again))
    for path in (folder / "records" / "trials").iterdir():
        os.utime(path, (begun + 3, begun + 3))
    file(folder / "run-id", 9, begun)
    if finished:
        mark_finished(folder)
    return folder


def clean(capsys: pytest.CaptureFixture, *arguments: str) -> list[str]:
    assert execute(["clean", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def left(folder: Path = STORE) -> list[str]:
    return sorted(f"{p.parent.name}/{p.name}" for p in folder.rglob("*.safetensors"))


def test_without_an_unfinished_run_all_states_and_prefixes_go_and_the_facts_stay(capsys) -> None:
    fill()
    run("over", finished=True)
    assert clean(capsys) == [
        "freed: 6.5 MB, 3 files of states and prefixes",
        "kept: 3 kB of facts, so that nothing is trained twice",
        "next: hpo run --space lr_schedules",
    ]
    assert left() == []
    assert len(list(STORE.rglob("*.json"))) == 3
    assert clean(capsys)[0] == "freed: 0 kB, 0 files of states and prefixes"


def test_what_was_used_since_an_unfinished_run_began_is_kept(capsys) -> None:
    fill()
    run("open")
    run("over", finished=True, begun=BEGUN - 50)
    assert clean(capsys) == [
        "freed: 4.5 MB, 2 files of states and prefixes",
        "kept: 2.0 MB, 1 file used since open began, which is not finished",
        "kept: 3 kB of facts, so that nothing is trained twice",
        "next: the same `hpo run` command again",
    ]
    assert left() == ["states/new.safetensors"]


def test_the_first_of_several_unfinished_runs_counts(capsys) -> None:
    fill()
    run("a")
    run("b", begun=BEGUN - 2)
    lines = clean(capsys)
    assert lines[0] == "freed: 3.0 MB, 1 file of states and prefixes"
    assert lines[1] == "kept: 3.5 MB, 2 files used since the first of a, b began, which are not finished"


def test_a_run_began_when_its_oldest_record_was_written() -> None:
    folder = run("open")
    assert began(folder) == BEGUN
    (folder / "run-id").unlink()
    assert began(folder) == BEGUN + 3


def test_a_shipped_space_is_named_as_the_next_step(capsys) -> None:
    fill()
    shutil.copy(shipped_spaces()["lr_schedules"], run("lr_schedules") / "space.yaml")
    assert clean(capsys)[-1] == "next: hpo run --space lr_schedules"


def test_a_run_at_work_keeps_what_it_used_and_all_before_its_first_record(capsys) -> None:
    fill()
    folder = run("tiny")
    with FileLock(folder / ".lock"):
        assert clean(capsys)[-1] == "next: hpo ui --space tiny"
    assert left() == ["states/new.safetensors"]
    fill()
    shutil.rmtree(folder / "records")
    (folder / "run-id").unlink()
    with FileLock(folder / ".lock"):
        assert clean(capsys)[:2] == [
            "freed: 0 kB, 0 files of states and prefixes",
            "kept: 6.5 MB, 3 files used since tiny began, which is not finished",
        ]
    assert len(left()) == 3
    assert (
        clean(capsys)[0] == "freed: 6.5 MB, 3 files of states and prefixes"
    )  # a folder without records is no run


def test_a_finished_run_that_is_being_audited_keeps_what_it_used(capsys) -> None:
    fill()
    folder = run("over", finished=True)
    with FileLock(folder / ".lock"):
        assert clean(capsys) == [
            "freed: 4.5 MB, 2 files of states and prefixes",
            "kept: 2.0 MB, 1 file used since over began, which is at work",
            "kept: 3 kB of facts, so that nothing is trained twice",
            "next: hpo report results/over",
        ]
        run("open", begun=BEGUN + 1)
        lines = clean(capsys)
    assert lines[1].endswith("used since the first of open, over began, which are not finished or at work")
    assert left() == ["states/new.safetensors"]
    clean(capsys)
    assert left() == ["states/new.safetensors"], "used since open began"


def test_states_that_earlier_versions_kept_in_a_run_s_folder_go(capsys) -> None:
    working, stopped = run("working"), run("stopped", begun=BEGUN - 9)
    for folder in (working, stopped):
        file(folder / "store" / "states" / "a.safetensors", 1_200_000, BEGUN + 7)
        file(folder / "store" / "segments" / "a.json", 10, BEGUN + 7)
    with FileLock(working / ".lock"):
        lines = clean(capsys)
    assert lines[1] == "freed: 1.2 MB, 1 file that earlier versions left"
    assert left(working) == ["states/a.safetensors"]
    assert left(stopped) == []
    assert (stopped / "store" / "segments" / "a.json").is_file()


def test_a_dry_run_says_what_would_go_and_changes_nothing(capsys) -> None:
    fill()
    file(run("open") / "store" / "states" / "a.safetensors", 1_200_000, BEGUN + 7)
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    assert clean(capsys, "--dry-run") == [
        "would free: 4.5 MB, 2 files of states and prefixes",
        "would free: 1.2 MB, 1 file that earlier versions left",
        "kept: 2.0 MB, 1 file used since open began, which is not finished",
        "kept: 3 kB of facts, so that nothing is trained twice",
        "next: hpo clean",
    ]
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_results_elsewhere_are_named_in_the_next_step(capsys) -> None:
    fill(Path("my runs/.store"))
    where = ["--results", "my runs"]
    assert clean(capsys, *where, "--dry-run")[-1] == "next: hpo clean --results 'my runs'"
    lines = clean(capsys, *where)
    assert lines[0] == "freed: 6.5 MB, 3 files of states and prefixes"
    assert lines[-1] == "next: hpo run --space lr_schedules --results 'my runs'"


def test_results_that_hold_no_store_are_left_as_they_are(capsys) -> None:
    run("over", finished=True)
    assert clean(capsys)[0] == "freed: 0 kB, 0 files of states and prefixes"
    assert not STORE.exists()


def test_results_that_are_not_there_are_told(capsys) -> None:
    assert execute(["clean", "--results", "reslts"]) == 2
    assert capsys.readouterr().err == (
        "error: there is no folder reslts\nhint: Name the one that `hpo run --results` wrote to.\n"
    )


def test_what_a_killed_writer_left_goes_and_what_is_being_written_stays(capsys) -> None:
    from hpo.training.quota import Quota

    fill()
    quota = Quota(STORE, 10**8)
    quota.settle()
    mine = quota.reserve(1000)
    assert mine is not None
    code = "import os, sys; print(os.getpid())"
    pid = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{pid}-"))
    dead.write_bytes(b"begun")
    clean(capsys)
    assert mine.is_file()
    assert not dead.exists()
    assert int((STORE / "used").read_text()) == 1000


def test_all_that_was_made_from_texts_goes_and_the_records_stay(capsys) -> None:
    fill()
    folder = run("over", finished=True)
    file(folder / "store" / "segments" / "a.json", 1000, BEGUN)
    file(folder / "store" / "states" / "a.safetensors", 500_000, BEGUN)
    assert clean(capsys, "--data") == [
        "removed: 7.0 MB, 4 files of states and hidden values",
        "removed: 4 kB, 4 files of facts: losses, scores, and what was predicted for each test text",
        f"kept: {KEPT}",
        "next: hpo run --space lr_schedules",
    ]
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == [
        "records/finished", "records/run.json", "records/trials/linear.r0.d0.json", "run-id",
    ]  # fmt: skip
    assert not STORE.exists()
    assert clean(capsys, "--data")[0] == "removed: 0 kB, 0 files of states and hidden values"


def test_exported_models_stay_and_are_named(capsys) -> None:
    folder = run("over", finished=True)
    file(folder / "models" / "cosine" / "model.safetensors", 500_000, BEGUN)
    told = "kept: exported models, whose weights may tell of texts: results/over/models/cosine"
    assert told in clean(capsys, "--data")
    assert (folder / "models" / "cosine" / "model.safetensors").is_file()


def test_what_an_unfinished_run_loses_with_its_data_is_told(capsys) -> None:
    fill()
    run("open")
    lines = clean(capsys, "--data", "--dry-run")
    assert lines[0] == "would remove: 6.5 MB, 3 files of states and hidden values"
    assert lines[3:] == [
        "note: open is not finished: what its open trainings had done is trained again",
        "next: hpo clean --data",
    ]
    assert len(left()) == 3
    assert clean(capsys, "--data")[-1] == "next: the same `hpo run` command again"
    assert not STORE.exists()


def test_data_that_a_process_is_at_work_on_stays(capsys) -> None:
    fill()
    folder = run("tiny")
    with FileLock(folder / ".lock"):
        assert execute(["clean", "--data"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: tiny: a process is at work on what was made from its texts\n")
    assert len(left()) == 3
