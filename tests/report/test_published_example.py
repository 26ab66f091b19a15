"""The finished run under results/example says what its records say."""

from __future__ import annotations

import shutil
from pathlib import Path

from hpo.records.files import is_finished, read_records
from hpo.records.plan import Kept, kept
from hpo.report.writing import write_report

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


def test_the_published_tables_and_verdict_are_rebuilt_from_its_records_to_the_byte(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "records", tmp_path / "records")
    report = write_report(tmp_path)
    assert report.markdown.read_text() == (EXAMPLE / "verdict.md").read_text()
    published = {p.name: p.read_text() for p in (EXAMPLE / "tables").iterdir()}
    assert {p.name: p.read_text() for p in report.tables} == published


def test_the_published_run_is_finished_and_of_the_shipped_space() -> None:
    records = read_records(EXAMPLE)
    assert is_finished(EXAMPLE)
    assert (EXAMPLE / "space.yaml").read_text() == (
        EXAMPLE.parents[1] / "search_spaces" / "lr_schedules.yaml"
    ).read_text()
    assert len(records.trials) == 100
    assert len(records.confirmations) == 30


def test_the_published_stamp_holds_all_but_the_rule_of_the_verdict() -> None:
    assert kept(read_records(EXAMPLE).run) is Kept.WITHOUT_RULE
