"""The report's page in a real browser: what it asks of the network, what it says to the console and to a screen reader."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Page, chromium

from hpo.report.writing import write_report

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE / "records", folder / "records")
    return write_report(folder).html


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_nothing_is_asked_of_any_host_and_the_console_stays_empty(page: Page, report: Path) -> None:
    page.open(report, 1200)
    assert page.run("document.querySelectorAll('.js-plotly-plot svg.main-svg').length") > 0
    assert page.requests
    assert {url.split(":", 1)[0] for url in page.requests} <= {"file", "data", "blob", "about"}
    assert [url for url in page.requests if url.startswith("file:")] == [report.resolve().as_uri()]
    assert page.errors == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 900, 1500])
def test_no_width_scrolls_the_page_sideways_and_each_scheme_has_its_paper(
    page: Page, report: Path, width: int, dark: bool
) -> None:
    page.open(report, width, dark=dark)
    assert page.run("document.scrollingElement.scrollWidth") <= width
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    levels = [int(part) for part in paper[4:-1].split(",")]
    assert max(levels) < 60 if dark else min(levels) > 235


def test_a_screen_reader_is_told_the_verdict_first_and_a_name_for_everything(
    page: Page, report: Path
) -> None:
    page.open(report, 1200)
    tree = page.tree()
    roles = Counter(node["role"] for node in tree)
    assert roles["heading"] > 10
    assert roles["table"] > 5
    headings = [node["name"] for node in tree if node["role"] == "heading"]
    assert headings[1] == "Verdict"
    nameless = [
        n["role"] for n in tree if n["role"] in {"image", "button", "link", "figure"} and not n["name"]
    ]
    assert nameless == []


def test_a_column_sorts_by_keyboard(page: Page, report: Path) -> None:
    page.open(report, 1200)
    page.run("document.querySelector('#table-trials th button').focus()")
    for kind in ("keyDown", "keyUp"):
        page.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key="Enter",
            code="Enter",
            windowsVirtualKeyCode=13,
            text="\r",
        )
    assert page.run("document.querySelector('#table-trials th').getAttribute('aria-sort')") == "ascending"
