"""Records and stores that another hand wrote."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pyarrow.parquet
import pytest

from hpo.errors import UserError
from hpo.records.exported import read_tables
from hpo.records.files import is_folder_name, read_records
from hpo.records.tables import write_tables
from hpo.search.journal import journal_path
from hpo.search.storage import StudyStorage
from hpo.training.store import Store
from hpo.training.tensor_files import DamagedError, read_header

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
KEY = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"schema_version":' * 5000, '{"a": ' + "9" * 5000 + "}", "\0", ""]
)
def test_a_record_that_is_no_json_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"run\.json"):
        read_records(tmp_path)


def test_tables_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    write_tables(read_records(EXAMPLE), tmp_path)
    path = tmp_path / "parameters.parquet"
    table = pyarrow.parquet.read_table(path)
    at = table.schema.get_field_index("value")
    broken = table.set_column(at, table.schema.field(at), [["{"] * len(table)])
    pyarrow.parquet.write_table(broken, path)
    with pytest.raises(UserError, match="its tables do not hold the records of a run"):
        read_tables(tmp_path)


@pytest.mark.parametrize(
    "lines", ["[]\n[]\n", "1\n1\n", "[" * 100_000 + "\n{}\n", '{"op_code": 5}\n{"op_code": 5}\n']
)
def test_a_journal_of_another_hand_is_refused(tmp_path: Path, lines: str) -> None:
    journal_path(tmp_path).write_text(lines)
    with pytest.raises(UserError, match="is no journal of Optuna any more"):
        StudyStorage(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff" * 8,
        *(
            struct.pack("<Q", len(text)) + text
            for text in (
                b'{"__metadata__":' * 5000,
                b'{"__metadata__": []}',
                b"[]",
                json.dumps({"__metadata__": {"digest": "x"}, "values": {"shape": [2**40, 2**40]}}).encode(),
                json.dumps(
                    {
                        "__metadata__": {"digest": "x", "passes": "p"},
                        **{
                            name: {"dtype": kind, "shape": [-1, 2**62], "data_offsets": [2**63, 2**64]}
                            for name, kind in (
                                ("seconds", "F64"),
                                ("ends", "I64"),
                                ("values", "F32"),
                                ("texts", "U8"),
                            )
                        },
                    }
                ).encode(),
            )
        ),
    ],
)
def test_a_state_and_a_prefix_with_a_lying_header_are_damaged(tmp_path: Path, header: bytes) -> None:
    warned: list[str] = []
    store = Store(tmp_path, warn=warned.append)
    for kind, read in (("states", store.state), ("prefixes", store.prefix)):
        path = tmp_path / kind / f"{'ab' * 32}.safetensors"
        path.write_bytes(header)
        assert read(KEY) is None
        assert not path.exists()
    assert len(warned) == 2
    path = tmp_path / "x"
    path.write_bytes(struct.pack("<Q", 10) + b'{"a":' * 5000)
    with pytest.raises(DamagedError):
        read_header(path)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("lr schedules-2", True), ("größe", True), ("x" * 200, True), ("x" * 201, False), ("é" * 101, False)]
    + [(name, False) for name in ("", ".", "..", ".a", "a/b", "a\\b", "a\tb", "a\0", "C:a", " a", "\u202ea", "\ud800")],
)  # fmt: skip
def test_names_of_folders(name: str, allowed: bool) -> None:
    assert is_folder_name(name) is allowed


def test_a_report_on_a_hostile_run_writes_inside_its_folder_alone(tmp_path: Path) -> None:
    from hpo.report.writing import write_report

    folder = tmp_path / "deep" / "run"
    shutil.copytree(EXAMPLE / "records", folder / "records")
    for path in (folder / "records").rglob("*.json"):
        path.write_text(path.read_text().replace('"cosine"', '"../../../escaped"'))
    head = json.loads((folder / "records" / "run.json").read_text())
    (folder / "records" / "run.json").write_text(
        json.dumps(head | {"name": "../../escaped", "task": "/tmp/escaped"})
    )
    write_report(folder)
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"run"}
    assert not [path for path in folder.rglob("*") if "escaped" in path.name and ".." in path.name]
