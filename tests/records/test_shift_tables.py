"""Scores on shift sets as tables, and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from hpo.errors import UserError
from hpo.records.charges import charged_seconds, spent_seconds
from hpo.records.description import TABLES
from hpo.records.exported import read_tables
from hpo.records.files import read_records, write_records
from hpo.records.held_out_columns import SHIFT_TABLES
from hpo.records.run import Records
from hpo.records.tables import write_tables
from tests.report.shifted_records import shifted
from tests.report.synthetic_records import make_records

SKILLS = {
    "=mail": {"a": 0.7, "b": 0.6, "textbook": 0.5},
    "tweets": {"a": 0.6, "b": 0.7, "textbook": 0.5},
}


@pytest.fixture(scope="module")
def records() -> Records:
    return shifted(make_records({"a": 0.8, "b": 0.7}, items=50), SKILLS, items=40, groups=5)


@pytest.fixture(scope="module")
def exported(records: Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_tables(records, folder)
    return folder


def test_scores_on_shift_sets_read_back_equal_from_tables_and_from_files(
    records: Records, exported: Path, tmp_path: Path
) -> None:
    write_records(tmp_path, records)
    for again in (read_tables(exported), read_records(tmp_path)):
        assert again.run.shifts == records.run.shifts
        shifts = {(c.role, c.strategy, c.replicate): c.shifts for c in again.confirmations}
        assert shifts == {(c.role, c.strategy, c.replicate): c.shifts for c in records.confirmations}


def test_the_tables_have_a_row_for_each_set_score_and_item(records: Records, exported: Path) -> None:
    frames = {t.name: pd.read_parquet(exported / f"{t.name}.parquet") for t in TABLES}
    assert frames["shifts"]["shift"].tolist() == list(SKILLS)
    assert len(frames["shift_scores"]) == 2 * len(records.confirmations)
    items = frames["shift_items"]
    assert len(items) == 2 * 40 * len(records.confirmations)
    by = ["role", "strategy", "replicate", "index", "shift"]
    means = items.groupby(by)["correct"].mean()
    for row in frames["shift_scores"].to_dict("records"):
        assert means[tuple(row[name] for name in by)] == pytest.approx(row["score"])
    tweets = items.query("shift == 'tweets' and strategy == 'a' and replicate == 0")
    assert tuple(tweets["group"]) == records.run.shifts[1].groups
    for table in TABLES:
        assert not frames[table.name].duplicated(list(table.key)).any(), table.name


def test_tables_from_before_there_were_shift_sets_are_read_and_a_lost_one_is_named(
    exported: Path, tmp_path: Path
) -> None:
    plain = make_records({"a": 0.8, "b": 0.7}, items=50)
    write_tables(plain, tmp_path)
    for table in SHIFT_TABLES:
        (tmp_path / f"{table.name}.parquet").unlink()
    again = read_tables(tmp_path)
    assert again.run.shifts == ()
    assert again.confirmations == plain.confirmations
    lost = tmp_path / "lost"
    shutil.copytree(exported, lost)
    (lost / "shift_scores.parquet").unlink()
    with pytest.raises(UserError, match=r"holds no shift_scores\.parquet"):
        read_tables(lost)


def test_costs_count_them(records: Records, exported: Path) -> None:
    costs = pd.read_parquet(exported / "costs.parquet")
    rows = costs[costs["work"] == "shift"]
    assert len(rows) == 2 * len(records.confirmations)
    assert rows["charged_seconds"].sum() == rows["spent_seconds"].sum() == 1.5 * len(rows)
    everything = (*records.trials, *records.confirmations)
    assert costs["charged_seconds"].sum() == pytest.approx(sum(map(charged_seconds, everything)))
    assert costs["spent_seconds"].sum() == pytest.approx(spent_seconds(everything))


def test_one_evaluation_of_several_confirmations_is_spent_once(records: Records) -> None:
    first, second = records.confirmations[:2]
    scores = {"tweets": first.shifts["tweets"]}
    both = tuple(c.model_copy(update={"shifts": scores}) for c in (first, second))
    none = tuple(c.model_copy(update={"shifts": {}}) for c in (first, second))
    assert spent_seconds(both) - spent_seconds(none) == pytest.approx(1.5)
    assert sum(map(charged_seconds, both)) - sum(map(charged_seconds, none)) == pytest.approx(3.0)
