from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_search import write_records

from hpo.cli.main import execute

pytestmark = pytest.mark.usefixtures("own_folder")


def test_report_prints_the_verdict_and_where_it_lies(monkeypatch, capsys) -> None:
    folder = Path("results/tiny")
    written = SimpleNamespace(
        html=folder / "report.html",
        figures=(folder / "figures/effects-3.25in.pdf",),
        kit=(folder / "methods.tex", folder / "references.bib", folder / "manifest.json"),
        verdict=SimpleNamespace(sentences=("co\x1b[2Jsine " + "is better " * 10,)),
    )
    asked = []
    monkeypatch.setattr(
        "hpo.report.writing.write_report", lambda f, **how: asked.append((f, how)) or written, raising=False
    )
    write_records(folder)
    assert execute(["report", "tiny"]) == 0
    assert asked == [(folder, {"figures": True, "latex": False, "redact": False})]
    assert capsys.readouterr().out.splitlines() == [
        "co [2Jsine is better is better is better is better is better is better is better",
        "is better is better is better",
        "report: results/tiny/report.html",
        "tables: results/tiny/tables, figures: results/tiny/figures",
        "for a paper: results/tiny/methods.tex, references.bib, manifest.json",
        "next: hpo report tiny --open",
    ]


def test_an_unknown_run_where_there_is_none_yet(capsys) -> None:
    assert execute(["report", "tiny"]) == 2
    assert capsys.readouterr().err == (
        "error: 'tiny' is neither the folder of a run nor the name of one under results/, which holds none\n"
        "hint: Start one with `hpo run --space lr_schedules`.\n"
    )
