import csv
import hashlib
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic_records import make_records

from hpo.errors import UserError
from hpo.records.files import write_confirmation, write_run, write_trial
from hpo.records.schema import Records, charged_seconds
from hpo.report import Report, write_report
from hpo.report.table import make_table

HOSTILE = "</script><img src=x onerror=alert(1)>\\&_%$#{}~^|\"'*`\n[x](y)"
NAMES = ("setup", "space", "main", "comparisons", "selected", "trials")


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


class Page(HTMLParser):
    """Tags, text outside scripts, and the rows of each table by its id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[int]] = {}
        self.ids: list[str] = []
        self._table = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if attributes.get("id") else []
        if tag == "table":
            self._table = attributes["id"] or ""
            self.tables[self._table] = []
        elif tag == "tr":
            self.tables[self._table].append(0)
        elif tag in {"td", "th"}:
            self.tables[self._table][-1] += 1


@pytest.fixture(scope="module")
def page(report) -> Page:
    return Page(report.html.read_text(encoding="utf-8"))


def digests(folder: Path) -> dict[str, str]:
    files = [folder / "report.html", folder / "verdict.md", *sorted((folder / "tables").iterdir())]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def rows_of(report: Report, name: str) -> list[dict[str, str]]:
    text = (report.html.parent / f"tables/{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def test_every_file_lies_where_the_report_says(report):
    folder = report.html.parent
    assert report.html == folder / "report.html"
    assert report.markdown == folder / "verdict.md"
    assert [p.name for p in report.tables] == [f"{n}.{end}" for n in NAMES for end in ("tex", "csv")]
    assert all(p.is_file() for p in (report.html, report.markdown, *report.tables))


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
        "print([m for m in ('torch', 'transformers', 'mlflow', 'optuna', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_the_page_loads_nothing_from_elsewhere(page):
    loading = [
        attributes
        for tag, attributes in page.tags
        if tag in {"script", "link", "img", "iframe", "object", "embed"}
        and ("src" in attributes or "href" in attributes)
    ]
    assert loading == []


def test_plotlys_library_stands_in_the_page_once(report):
    text = report.html.read_text(encoding="utf-8")
    assert len(re.findall(r"plotly\.js v\d", text)) == 1
    assert text.count("Plotly.newPlot(") == 6  # confirmations and five panels of curves


def test_the_verdict_stands_before_setup_results_charts_and_trials(page):
    order = [i for i in page.ids if i in {"verdict", "setup", "results", "charts", "trials"}]
    assert order == ["verdict", "setup", "results", "charts", "trials"]


def test_every_entry_of_the_contents_leads_somewhere_and_no_anchor_stands_twice(page):
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a" and attributes.get("href")]
    assert len(links) == 5
    assert {link[1:] for link in links if link} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_every_row_of_every_table_has_the_cells_of_its_head(page):
    assert set(page.tables) == {f"table-{n}" for n in (*NAMES, "confirmations", "curves")}
    for name, rows in page.tables.items():
        assert len(set(rows)) == 1, name
    assert len(page.tables["table-trials"]) == 1 + 100
    assert len(page.tables["table-main"]) == 1 + 6
    assert len(page.tables["table-comparisons"]) == 1 + 10 + 5


def test_every_drawing_has_words_for_those_who_cannot_see_it(page):
    drawings = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(drawings) == 6
    assert all("accuracy" in (attributes["aria-label"] or "") for attributes in drawings)


def test_the_page_shows_every_sentence_of_the_verdict(report):
    text = report.html.read_text(encoding="utf-8")
    for sentence in report.verdict.sentences:
        assert sentence.replace("'", "&#39;").replace("<", "&lt;") in text
    assert len(report.markdown.read_text(encoding="utf-8").split("\n\n")) == 1 + len(report.verdict.sentences)


def test_hostile_names_stay_text_in_the_page(hostile):
    text = hostile.html.read_text(encoding="utf-8")
    assert "<img" not in text.lower().split("plotly.js v")[0]
    tags = [tag for tag, _ in Page(text).tags]
    assert "img" not in tags
    assert not any("onerror" in attributes for _, attributes in Page(text).tags)
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in text


def test_hostile_names_stay_text_in_plotlys_data(hostile):
    drawings = re.findall(
        r"Plotly\.newPlot\((.*?)\)\s*}", hostile.html.read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(drawings) == 3
    assert not any(re.search(r"(<|\\u003c)img", drawing) for drawing in drawings)


def test_hostile_names_stay_text_in_latex(hostile):
    for path in (p for p in hostile.tables if p.suffix == ".tex"):
        text = path.read_text(encoding="utf-8")
        plain = re.sub(r"\\[\\{}$&#%_]|\$\^\{\*\}\$|\$-\$", "", text.split("\n", 1)[1])
        body = plain[plain.index("\\toprule") : plain.index("\\bottomrule")]
        assert not set(body) & set("#%_^~<>$"), path.name
        assert plain.count("{") == plain.count("}"), path.name


def test_hostile_names_stay_text_in_markdown(hostile):
    text = hostile.markdown.read_text(encoding="utf-8")
    assert "<" not in text
    assert r"\[x\](y)" in text


def test_latex_tables_have_booktabs_rules_and_as_many_cells_in_every_row(report):
    for path in (p for p in report.tables if p.suffix == ".tex"):
        text = path.read_text(encoding="utf-8")
        assert [text.count(rule) for rule in ("\\toprule", "\\midrule", "\\bottomrule")] == [1, 1, 1], (
            path.name
        )
        layout = re.search(r"\\begin\{tabular\}\{(.+)\}", text)[1]
        columns = len(layout.replace(r"p{0.3\linewidth}", "l"))
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {columns - 1}, path.name


def test_a_name_in_brackets_is_no_argument_of_the_line_break_before_it():
    rows = [{"Strategy": "[64]"}, {"Strategy": "*"}]
    text = make_table("t", "T", "n", rows, rows).latex()
    assert "\n{}[64] \\\\\n{}* \\\\\n" in text


def test_the_best_is_bold_and_those_level_with_it_are_starred_in_latex(report):
    rows = (report.html.parent / "tables/main.tex").read_text(encoding="utf-8").splitlines()
    assert any(row.startswith(r"\textbf{cosine} & \textbf{78.") for row in rows)
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


@pytest.mark.parametrize(("trials", "confirmations"), [(0, 0), (3, 0), (100, 7)])
def test_an_unfinished_run_has_a_page_that_says_so(tmp_path, trials, confirmations):
    records = make_records()
    part = {"trials": records.trials[:trials], "confirmations": records.confirmations[:confirmations]}
    written = write_report(store(tmp_path, records.model_copy(update=part)))
    text = written.html.read_text(encoding="utf-8")
    assert "Unfinished: nothing is concluded yet." in text
    assert written.verdict.state == "unfinished"
    assert "better by a relevant margin" not in text
    assert 'class="best"' not in text
    assert {row["outcome"] for row in rows_of(written, "comparisons")} <= {"unfinished"}


def test_one_strategy_has_a_page_without_comparisons(tmp_path):
    written = write_report(store(tmp_path, make_records({"all": 0.8}, baseline=None)))
    assert "table-comparisons" not in written.html.read_text(encoding="utf-8")


def test_a_folder_without_records_is_refused(tmp_path):
    with pytest.raises(UserError) as caught:
        write_report(tmp_path)
    assert caught.value.message == f"{tmp_path} holds no records of a run"
    assert list(tmp_path.iterdir()) == []
