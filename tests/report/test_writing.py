import csv
import hashlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_records import make_records

from hpo.errors import UserError
from hpo.records.charges import charged_seconds
from hpo.records.files import write_confirmation, write_run, write_trial
from hpo.records.run import Records
from hpo.report import Report, write_report

HOSTILE = "</script><img src=x onerror=alert(1)>\\&_%$#{}~^|\"'*`\n[x](y)"
NAMES = ("setup", "space", "main", "comparisons", "selected", "trials")
FIGURES = ("confirmations", "curves", "schedules")


def store(folder: Path, records: Records) -> Path:
    write_run(folder, records.run)
    for trial in records.trials:
        write_trial(folder, trial)
    for confirmation in records.confirmations:
        write_confirmation(folder, confirmation)
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    return write_report(store(tmp_path_factory.mktemp("run"), make_records()))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Report:
    records = make_records({HOSTILE: 0.8, "tame": 0.7}, baseline="base" + HOSTILE)
    run = records.run.model_copy(update={"question": HOSTILE, "versions": {HOSTILE: HOSTILE}})
    trials = tuple(t.model_copy(update={"reason": HOSTILE}) for t in records.trials)
    folder = tmp_path_factory.mktemp("hostile")
    return write_report(store(folder, records.model_copy(update={"run": run, "trials": trials})))


def digests(folder: Path) -> dict[str, str]:
    """Of every file but the records."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and "records" not in p.parts]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def rows_of(report: Report, name: str) -> list[dict[str, str]]:
    text = (report.html.parent / f"tables/{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def test_every_file_lies_where_the_report_says(report):
    folder = report.html.parent
    assert report.html == folder / "report.html"
    assert report.markdown == folder / "verdict.md"
    assert {p.name for p in report.tables} >= {f"{n}.{end}" for n in NAMES for end in ("tex", "csv", "md")}
    assert {p.name for p in report.data} >= {"trials.csv", "trials.parquet", "rungs.csv", "confirmations.csv"}
    assert report.figures == ()
    found = {folder / name for name in digests(folder)}
    made = {report.html, report.markdown, *report.tables, *report.data, *report.kit}
    assert found == made | {folder / "report.sha256"}


def test_the_data_hold_every_trial_of_the_records(report):
    lines = (report.html.parent / "data" / "trials.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(make_records().trials)


def test_figures_for_print_are_drawn_where_they_are_asked_for_and_none_is_left_of_other_records(tmp_path):
    folder = store(tmp_path, make_records({"a": 0.8, "b": 0.7}, trials=3, replicates=2, items=50))
    drawn = write_report(folder, figures=True)
    names = {p.name for p in drawn.figures}
    assert {
        f"{n}-{w}in.{end}" for n in FIGURES for w in (3.25, 6.75) for end in ("pdf", "svg", "png")
    } <= names
    assert all(p.parent == folder / "figures" and p.stat().st_size > 1000 for p in drawn.figures)
    next((folder / "records" / "confirmations").glob("*.json")).unlink()
    write_report(folder)
    assert list((folder / "figures").iterdir()) == []


def test_tables_that_are_no_longer_made_are_removed_and_nothing_of_anyone_else(tmp_path):
    records = make_records({"a": 0.8, "b": 0.7}, trials=3, replicates=2, items=50)
    folder = store(tmp_path, records)
    write_report(folder)
    tables = folder / "tables"
    assert (tables / "comparisons.tex").is_file()
    (tables / "mine.tex").write_text("mine")
    (tables / "comparisons.csv").write_text("edited")
    for path in (folder / "records" / "confirmations").glob("*.json"):
        path.unlink()
    write_report(folder)
    assert not (tables / "comparisons.tex").exists()
    assert (tables / "mine.tex").read_text() == "mine"
    assert (tables / "comparisons.csv").read_text() == "edited"


def test_an_example_of_an_earlier_report_is_removed_unless_somebody_changed_it(tmp_path):
    folder = store(tmp_path, make_records({"a": 0.8, "b": 0.7}, trials=2, replicates=2, items=50))
    example = folder / "example.tex"
    assert example in write_report(folder, latex=True).kit
    write_report(folder, latex=True)
    assert example.is_file()
    write_report(folder)
    assert not example.exists()
    write_report(folder, latex=True)
    example.write_text("mine")
    write_report(folder)
    assert example.read_text() == "mine"


def test_the_listing_removes_nothing_outside_the_folders_of_a_report(report, tmp_path):
    folder = store(tmp_path / "run", make_records({"a": 0.8, "b": 0.7}, trials=2, replicates=2, items=50))
    outside, own = tmp_path / "outside.csv", folder / "space.yaml"
    outside.write_text("x")
    own.write_text("x")
    digest = hashlib.sha256(b"x").hexdigest()
    names = ("../outside.csv", "tables/../../outside.csv", "space.yaml", str(outside))
    (folder / "report.sha256").write_text("".join(f"{digest}  {name}\n" for name in names) + "no listing\n")
    write_report(folder)
    assert (outside.read_text(), own.read_text()) == ("x", "x")


def test_figures_stay_where_the_page_is_written_again_from_the_same_records(tmp_path):
    folder = store(tmp_path, make_records({"a": 0.8, "b": 0.7}, trials=3, replicates=2, items=50))
    drawn = write_report(folder, figures=True).figures
    again = write_report(folder)
    assert set(again.figures) == set(drawn)
    assert all(path.is_file() for path in drawn)


def test_a_strategy_that_reads_like_a_formula_is_none_in_the_tables(tmp_path):
    folder = store(tmp_path, make_records({"=1+1": 0.8, "b": 0.7}, trials=3, replicates=2, items=50))
    write_report(folder)
    with (folder / "tables" / "main.csv").open(encoding="utf-8", newline="") as file:
        names = [row["strategy"] for row in csv.DictReader(file)]
    assert names[:2] == ["'=1+1", "b"]


def test_the_listing_is_what_sha256sum_writes(report):
    folder = report.html.parent
    listed = dict(reversed(line.split("  ")) for line in (folder / "report.sha256").read_text().splitlines())
    found = digests(folder)
    alone = {"report.html", "verdict.md", "report.sha256", *(path.name for path in report.kit)}
    assert set(listed) == set(found) - alone
    assert all(found[name] == digest for name, digest in listed.items())


def test_the_same_records_give_the_same_bytes(report, tmp_path):
    # Another process and folder: another hash seed, another order of files on the disk.
    store(tmp_path, make_records())
    code = "import pathlib, sys; from hpo.report import write_report; write_report(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert digests(tmp_path) == digests(report.html.parent)


def test_writing_again_changes_nothing(report):
    before = digests(report.html.parent)
    write_report(report.html.parent)
    assert digests(report.html.parent) == before


def test_a_report_needs_neither_torch_nor_mlflow_nor_optuna():
    code = (
        "import sys, hpo.report\n"
        "heavy = ('torch', 'transformers', 'mlflow', 'optuna', 'datasets', 'matplotlib', 'sklearn')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_hostile_names_stay_text_in_latex(hostile):
    for path in (p for p in hostile.tables if p.suffix == ".tex"):
        text = path.read_text(encoding="utf-8")
        plain = re.sub(r"\\[\\$&#%_]|\$\^\{\*\}\$|<(?=\d)", "", text.split("\n", 1)[1])
        body = plain[plain.index("\\midrule") : plain.index("\\bottomrule")]
        assert not set(body) & set("#%_^~<>$"), path.name
        assert plain.count("{") == plain.count("}"), path.name


def test_hostile_names_stay_text_in_markdown(hostile):
    for path in (hostile.markdown, *(p for p in hostile.tables if p.suffix == ".md")):
        assert "<" not in path.read_text(encoding="utf-8"), path.name
    assert r"\[x\](y)" in hostile.markdown.read_text(encoding="utf-8")


def test_markdown_tables_have_as_many_cells_in_every_row(report):
    for path in (p for p in report.tables if p.suffix == ".md"):
        rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, path.name


def test_the_best_is_bold_and_those_level_with_it_are_starred_in_markdown(report):
    rows = (report.html.parent / "tables/main.md").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "### Strategies on the test split"
    assert any(row.startswith("| **cosine** | **78.") for row in rows)
    assert any(row.startswith(r"| wsd \* | 7") for row in rows)
    assert any(row.startswith("| constant | 7") for row in rows)


def test_the_best_is_bold_and_those_level_with_it_are_starred_in_latex(report):
    rows = (report.html.parent / "tables/main.tex").read_text(encoding="utf-8").splitlines()
    assert any(row.startswith(r"\textbf{cosine} & \bfseries 78.") for row in rows)
    assert any(row.startswith(r"wsd$^{*}$ & 7") for row in rows)
    assert any(row.startswith("constant & 7") for row in rows)


def test_the_csv_of_trials_holds_every_trial_as_recorded(report):
    rows, trials = rows_of(report, "trials"), make_records().trials
    assert len(rows) == len(trials)
    for row, trial in zip(rows, trials, strict=True):
        assert (row["strategy"], int(row["replicate"]), int(row["draw"])) == (
            trial.strategy,
            trial.replicate,
            trial.draw,
        )
        assert (row["state"], row["reason"]) == (trial.state, trial.reason)
        assert row["score"] == ("" if trial.score is None else repr(trial.score))
        assert float(row["learning_rate"]) == trial.parameters["learning_rate"]
        assert float(row["seconds_charged"]) == pytest.approx(charged_seconds(trial))


def test_a_pruned_trial_shows_no_accuracy_to_compare(report):
    pruned = [row for row in rows_of(report, "trials") if row["state"] == "pruned"]
    assert pruned
    assert all(row["score"] == "" and row["score_last_rung"] for row in pruned)


def test_the_main_table_ends_with_the_baseline_and_its_means_are_those_of_the_records(report):
    rows, records = rows_of(report, "main"), make_records()
    assert [row["strategy"] for row in rows] == [*records.run.strategies, "textbook"]
    for row in rows:
        own = [c.test_score for c in records.confirmations if c.strategy == row["strategy"]]
        assert float(row["test_score"]) == pytest.approx(sum(own) / len(own))
        assert (row["units"], row["seeds_per_unit"], row["items"]) == ("5", "1", "1000")


def test_the_drop_is_validation_at_selection_minus_test(report):
    rows, records = rows_of(report, "main"), make_records()
    own = [c for c in records.confirmations if c.strategy == "linear"]
    drop = sum((c.selected_score or 0) - c.test_score for c in own) / len(own)
    assert float(rows[1]["drop"]) == pytest.approx(drop)
    assert rows[-1]["drop"] == ""


def test_a_folder_without_records_is_refused(tmp_path):
    with pytest.raises(UserError) as caught:
        write_report(tmp_path)
    assert caught.value.message == f"{tmp_path} holds no records of a run"
    assert list(tmp_path.iterdir()) == []


def test_a_redacted_report_has_no_name_of_a_class_in_any_file(tmp_path):
    records = make_records()
    split = records.run.split.model_copy(update={"labels": ("quillon", "quincunx")})
    run = records.run.model_copy(update={"split": split})
    folder = store(tmp_path, records.model_copy(update={"run": run}))
    named = write_report(folder)
    assert "quincunx" in named.html.read_text()
    write_report(folder, redact=True)
    made = [p for p in folder.rglob("*") if p.is_file() and "records" not in p.parts]
    assert not [p for p in made if p.suffix != ".parquet" and "quincunx" in p.read_text()]
    assert "2 classes: class 1, class 2" in named.html.read_text()
