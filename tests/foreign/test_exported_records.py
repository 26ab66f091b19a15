from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sources import imported, records

from hpo.errors import UserError
from hpo.foreign.importing import write_import
from hpo.foreign.recognising import recognise
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.records.tables import write_tables

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


@pytest.fixture(scope="module")
def example() -> Records:
    return read_records(EXAMPLE)


@pytest.fixture(scope="module")
def data(example: Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "data"
    write_tables(example, folder)
    return folder


def test_exported_records_come_back_equal_through_folder_file_and_disk(
    example: Records, data: Path, tmp_path: Path
) -> None:
    assert recognise(str(data)) == recognise(str(data / "trials.parquet")) == "records"
    assert records(data) == records(data / "trials.parquet") == example
    (folder,) = write_import(imported(data), tmp_path)
    assert folder == tmp_path / "lr_schedules"
    assert read_records(folder) == example


def test_they_can_be_given_a_name_and_nothing_else(data: Path) -> None:
    assert records(data, name="again").run.name == "again"
    with pytest.raises(UserError, match="which say everything themselves"):
        records(data, score="val_accuracy")
    with pytest.raises(UserError, match="exported records are whole runs"):
        records(data, data)


def test_a_run_of_hpo_is_never_overwritten(example: Records, data: Path, tmp_path: Path) -> None:
    write_import(imported(data), tmp_path)
    with pytest.raises(
        UserError, match=r"lr_schedules'?: there is a run already that this import would not replace"
    ):
        write_import(imported(data), tmp_path)
    assert write_import(imported(data, name="other"), tmp_path) == [tmp_path / "other"]


def test_an_import_is_written_anew_and_none_of_its_tasks_is_left_over(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("strategy,task,test_score\na,x,1\na,y,2\nb,x,3\nb,y,4\n")
    assert write_import(imported(table), tmp_path) == [tmp_path / "t" / "x", tmp_path / "t" / "y"]
    table.write_text("strategy,task,test_score\na,x,5\na,y,6\nb,x,7\nb,y,8\n")
    write_import(imported(table), tmp_path)
    assert read_records(tmp_path / "t" / "y").confirmations[0].test_score == 6


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("t.csv", "a,x,5\nb,x,6\n"),
        ("t.csv", "a,x,5\na,y,6\n"),
        ("t.csv", "a,x,5\na,y,6\nc,x,7\nc,y,8\n"),
        ("t.csv", "a,x,5\na,y,6\na,z,6\nb,x,7\nb,y,8\nb,z,8\n"),
        ("other.csv", "a,x,5\na,y,6\nb,x,7\nb,y,8\n"),
    ],
    ids=["fewer tasks", "fewer strategies", "another strategy", "another task", "another source"],
)
def test_an_import_of_something_else_is_not_replaced(file: str, rows: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("strategy,task,test_score\na,x,1\na,y,2\nb,x,3\nb,y,4\n")
    write_import(imported(table), tmp_path)
    (tmp_path / file).write_text("strategy,task,test_score\n" + rows)
    with pytest.raises(UserError, match="would not replace") as caught:
        write_import(imported(tmp_path / file, name="t"), tmp_path)
    assert caught.value.message.endswith("of CSV (t.csv), task 'x', strategies 'a', 'b'")
    assert caught.value.hint == "Give another --name, or move the folder away."
    assert read_records(tmp_path / "t" / "y").confirmations[0].test_score == 2


@pytest.mark.parametrize("name", ["", ".", "..", "/dev/null/a", "a/b", "a\\b"])
def test_a_run_goes_nowhere_but_into_a_folder_of_its_name(
    name: str, example: Records, data: Path, tmp_path: Path
) -> None:
    run = example.run.model_copy(update={"name": name})
    write_tables(example.model_copy(update={"run": run}), tmp_path / "data")
    of_tasks = replace(imported(data), records={name: example, "y": example})
    for found in (imported(tmp_path / "data"), of_tasks):
        with pytest.raises(UserError, match="is none of a folder"):
            write_import(found, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_what_an_import_inferred_comes_through_an_export(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(
        "strategy,seconds,params.lr,val_score,test_score\na,3,0.1,1,1\na,3,0.2,2,2\nb,3,0.1,1,1\n"
    )
    made = records(table)
    assert made.run.notes
    write_tables(made, tmp_path / "data")
    again = records(tmp_path / "data").run
    assert again.notes == made.run.notes
    assert [p.observed for p in again.space] == [p.observed for p in made.run.space] == [False, True]
