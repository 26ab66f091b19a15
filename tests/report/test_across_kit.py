"""What a paper takes from a report across runs: methods, references, manifest, data; and links to the runs' reports."""

import csv
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scored_records import AUC, LOSS, scored
from synthetic_records import make_records

from hpo.records.files import write_records
from hpo.records.plan import plan_digest
from hpo.records.run import Records, Stamp
from hpo.records.setup import ModelInfo
from hpo.report.across import analyse_across
from hpo.report.across_data import ACROSS
from hpo.report.across_page import AcrossReport, across_sections, write_across
from hpo.report.across_words import across_verdict
from hpo.report.kit.manifest import records_digest
from hpo.report.kit.methods_across import methods_across
from hpo.report.kit.references import cited
from tests.stats.demsar import DEMSAR, TREES

TWO = {"a": 0.8, "b": 0.7}


def on(records: Records, task: str, **run) -> Records:
    return records.model_copy(update={"run": records.run.model_copy(update={"task": task, **run})})


def methods(runs: list[Records]) -> str:
    across = analyse_across(runs)
    return methods_across(across, across_verdict(across), across_sections(across))


def trees(count: int = 14) -> list[Records]:
    return [scored([row], TREES, task=f"data {i}") for i, row in enumerate(DEMSAR[:count])]


def stamped(records: Records, plan: str) -> Records:
    stamp = Stamp(began="2026-01-02T03:04:05+00:00", command="hpo run x.yaml", git="abc", plan_sha256=plan)
    return records.model_copy(update={"run": records.run.model_copy(update={"stamp": stamp})})


@pytest.fixture(scope="module")
def three() -> list[Records]:
    """Two runs of one task, of which one was changed after its stamp, and one of another task; a harmful name."""
    runs = [on(make_records(TWO, seed=i), task) for i, task in enumerate(("=1+1", "=1+1", "news"))]
    runs[0] = on(stamped(runs[0], plan_digest(runs[0].run)), "=1+1", name="first")
    return [stamped(runs[0], plan_digest(runs[0].run)), stamped(runs[1], "0" * 64), runs[2]]


def store(runs: list[Records], results: Path) -> list[Path]:
    folders = [results / f"run {i}" for i in range(len(runs))]
    for folder, records in zip(folders, runs, strict=True):
        write_records(folder, records)
    return folders


@pytest.fixture(scope="module")
def written(three, tmp_path_factory) -> AcrossReport:
    results = tmp_path_factory.mktemp("results")
    return write_across(store(three, results), results / "together")


def test_every_file_of_the_folder_is_told_of(written):
    folder = written.html.parent
    made = {written.html, written.markdown, *written.tables, *written.data, *written.kit}
    assert {path for path in folder.rglob("*") if path.is_file()} == made | {folder / "report.sha256"}
    assert [path.name for path in written.kit] == ["methods.tex", "references.bib", "manifest.json"]
    names = {f"{table.name}.{end}" for table in ACROSS.tables for end in ("csv", "parquet")}
    assert {path.name for path in written.data} == names | {"schema.json"}


def test_the_manifest_has_each_run_by_the_digest_of_its_records_and_its_plan(written, three):
    manifest = json.loads(written.kit[-1].read_text(encoding="utf-8"))
    assert [run["label"] for run in manifest["runs"]] == [run.label for run in analyse_across(three).runs]
    for told, records in zip(manifest["runs"], three, strict=True):
        assert told["run"]["name"] == records.run.name
        assert told["records"]["sha256"] == records_digest(records)
        assert told["plan"]["now"] == plan_digest(records.run)
    assert [run["plan"]["equal"] for run in manifest["runs"]] == [True, False, None]
    assert manifest["command"] == "hpo report 'run 0' 'run 1' 'run 2' --to together"


def test_the_manifest_has_the_hash_of_every_file_but_its_own_and_no_folder_of_the_machine(written):
    text = written.kit[-1].read_text(encoding="utf-8")
    files = json.loads(text)["files"]
    others = {*written.tables, *written.data, *written.kit[:-1], written.html, written.markdown}
    assert set(files) == {path.relative_to(written.html.parent).as_posix() for path in others}
    for name, digest in files.items():
        assert hashlib.sha256((written.html.parent / name).read_bytes()).hexdigest() == digest
    assert str(written.html.parent.parent) not in text


def test_ranks_come_out_of_the_data_alone(written, three):
    table = pd.read_parquet(written.html.parent / "data" / "blocks.parquet")
    means = [
        np.mean([c.test_score for c in records.confirmations if (c.role, c.strategy) == ("strategy", name)])
        for records in three
        for name in TWO
    ]
    assert list(table.score) == pytest.approx(means)
    by_block = table.groupby(["block", "strategy"]).score.mean()
    for row in table.itertuples():
        assert row.block_score == pytest.approx(by_block[row.block, row.strategy])
    assert set(table.block) == {"=1+1", "news"}
    ranks = table.drop_duplicates(["block", "strategy"]).pivot_table(
        index="block", columns="strategy", values="block_score"
    )
    mean_ranks = ranks.rank(axis=1, ascending=False).mean()
    across = analyse_across(three)
    assert list(mean_ranks[list(across.names)]) == pytest.approx(across.blocks.mean_ranks)


def test_samples_are_the_units_of_every_run(written, three):
    table = pd.read_parquet(written.html.parent / "data" / "samples.parquet")
    assert set(table.unit) == {"search"}
    assert table.paired.all()
    for label, records in zip(dict.fromkeys(table.run), three, strict=True):
        for name in TWO:
            own = table[(table.run == label) & (table.strategy == name)]
            scores = [c.test_score for c in records.confirmations if c.strategy == name]
            assert list(own.number) == list(range(5))
            assert list(own.score) == pytest.approx(scores)


def test_csv_holds_what_parquet_does_and_no_formula(written):
    for schema in ACROSS.tables:
        path = written.html.parent / "data" / f"{schema.name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        table = pd.read_parquet(path.with_suffix(".parquet"))
        assert tuple(rows[0]) == schema.names
        assert [float(row["score"]) for row in rows] == list(table.score)
        assert {row["task"] for row in rows} == {"'=1+1", "news"}
        assert not table.duplicated(list(schema.key)).any()


def test_every_column_is_described(written):
    described = json.loads((written.html.parent / "data" / "schema.json").read_text(encoding="utf-8"))
    assert described["schema"] == "hpo.across"
    for schema in ACROSS.tables:
        found = pd.read_parquet(written.html.parent / "data" / f"{schema.name}.parquet")
        columns = described["tables"][schema.name]["columns"]
        assert [column["name"] for column in columns] == list(found.columns)
        assert all(column["meaning"] for column in columns)


def test_the_same_runs_give_the_same_bytes_wherever_they_lie(written, three, tmp_path):
    again = write_across(store(three, tmp_path), tmp_path / "together")
    for first, second in zip((*written.data, *written.kit), (*again.data, *again.kit), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_data_of_an_earlier_report_that_are_no_longer_made_are_removed(three, tmp_path):
    folders, to = store(three, tmp_path), tmp_path / "together"
    write_across(folders, to)
    old = to / "data" / "old.csv"
    old.write_text("x")
    digest = hashlib.sha256(b"x").hexdigest()
    listing = to / "report.sha256"
    assert "data/samples.parquet" in listing.read_text()
    listing.write_text(listing.read_text() + f"{digest}  data/old.csv\n")
    write_across(folders, to)
    assert not old.exists()


def links(page: Path) -> list[tuple[str, str]]:
    return re.findall(r'<th scope="row"[^>]*><a href="([^"]*)">([^<]*)</a>', page.read_text(encoding="utf-8"))


def test_the_page_leads_to_the_reports_that_there_are(three, tmp_path):
    folders = store(three, tmp_path / "results")
    (folders[1] / "report.html").write_text("its own")
    page = write_across(folders, tmp_path / "results" / "together").html
    ((address, label),) = links(page)
    assert address == "../run%201/report.html"
    assert label == analyse_across(three).runs[1].label
    assert (folders[1] / "report.html").read_text() == "its own"
    assert not (folders[0] / "report.html").exists()


def test_of_runs_elsewhere_no_folder_is_told(three, tmp_path):
    folders = store(three, tmp_path / "elsewhere")
    (folders[0] / "report.html").write_text("its own")
    written = write_across(folders, tmp_path / "results" / "together")
    assert links(written.html) == []
    assert "elsewhere" not in written.kit[-1].read_text() + written.html.read_text(encoding="utf-8")


def test_methods_say_what_was_compared_over_what_and_with_which_budgets():
    runs = [on(make_records(TWO, seed=i, seeds=1 + i // 2), f"t_{i}") for i in range(3)]
    told = methods(runs)
    assert r"over 3 tasks, t\_0, t\_1 and t\_2." in told
    assert "Compared are 2 strategies: a and b." in told
    assert (
        r"A strategy had 5 searches of 4 trials with 1 fresh seed each in t\_0 and t\_1; 5 searches of 4 trials with 2 "
        r"fresh seeds each in t\_2. The runs differ in fresh seeds"
    ) in told
    assert "With fewer than 6 tasks no exact two-sided p-value of a pair can be below 0.05" in told
    assert "friedman1937ranks" not in cited(told)
    assert "with Student's 95\\,\\% intervals over tasks" in told
    assert "are over the searches of 3 tasks, which their bootstrap takes as given" in told


def test_methods_cite_the_tests_that_were_made():
    told = methods(trees())
    assert {"friedman1937ranks", "wilcoxon1945individual", "holm1979simple"} <= cited(told)
    assert "Holm's correction~\\citep{holm1979simple} over 6 pairs; the level is 0.05" in told
    assert "In each run a strategy had 1 training and no recorded search." in told
    assert "14 of 14 runs were made with other software and imported: a table." in told
    assert "agarwal2021precipice" not in cited(told)  # a single score in each task


def test_methods_of_different_metrics_rank_and_never_average():
    sides = {0: LOSS, 1: AUC}
    rows = np.random.default_rng(0).normal(0, 1, (10, 3))
    told = methods([scored([row], "abc", metric=sides[i % 2], task=f"t{i}") for i, row in enumerate(rows)])
    assert "Runs differ in their metric (loss and AUC), so that scores are ranked and never averaged" in told
    assert "by exact sign tests" in told
    assert "wilcoxon1945individual" not in cited(told)
    assert "Student" not in told


def test_methods_name_no_more_runs_than_a_sentence_holds():
    rows = np.random.default_rng(0).normal(0, 1, (30, 3))
    told = methods([scored([row], "abc", task=f"t{i}") for i, row in enumerate(rows)])
    assert r"over 30 tasks, which table \texttt{runs} lists." in told
    assert "t7" not in told


def test_methods_over_models_name_the_task():
    runs = [on(make_records(TWO, seed=i), "reviews", model=ModelInfo(source=f"m{i}")) for i in range(2)]
    told = methods(runs)
    assert "over 2 models, m0 and m1." in told
    assert "The task is reviews." in told


def test_methods_count_the_plans_that_were_kept(three):
    assert "The plans of 2 of 3 runs were stamped before their first score" in methods(three)
    assert "those of 1 equal those of the records now" in methods(three)
    assert "Whether the plan of any run was fixed before its first score is not recorded." in methods(
        trees(3)
    )


def test_references_are_those_that_the_methods_cite(written):
    text = written.kit[0].read_text(encoding="utf-8")
    keys = set(re.findall(r"@\w+\{([^,]+),", written.kit[1].read_text(encoding="utf-8")))
    assert keys == cited(text)
    assert "holm1979simple" in keys


def test_names_stay_text_in_the_methods():
    runs = [on(make_records({r"50%_\input{x}": 0.8, "b": 0.7}, seed=i), f"{i}_#&") for i in range(2)]
    told = methods(runs)
    assert r"0\_\#\&" in told
    assert r"\input" not in told
