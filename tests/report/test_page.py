"""The page: what a browser and a screen reader find in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from foreign_records import foreign
from many_records import many_records
from synthetic_records import make_records

from hpo.records.run import Records
from hpo.report.figure import Axis, Figure, Line, Panel
from hpo.report.page import numeric, render
from hpo.report.section import Section
from hpo.report.sections import BUILDERS, build_sections
from hpo.report.sentences import verdict
from hpo.report.table import make_table

HOSTILE = "</script><img src=x onerror=alert(1)>\\&_%$#{}~^|\"'*`\n[x](y)"
VOID = {"wbr", "meta", "link", "img", "input", "br", "hr", "source"}
LABELLED = {"figure", "nav", "section", "table"}


class Page(HTMLParser):
    """Tags with their attributes, the texts of headings and cells, and the cells in each row of each table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.unclosed: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.tables: dict[str, list[int]] = {}
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        if tag == "table":
            self.tables[attributes["id"]] = []
        elif tag == "tr":
            list(self.tables.values())[-1].append(0)
        elif tag in {"td", "th"}:
            list(self.tables.values())[-1][-1] += 1

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data):
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            level, text = self.headings.pop()
            self.headings.append((level, text + data))
        if self.open and self.open[-1] not in {"script", "style"}:
            self.texts.append(data.strip())

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def page_of(records: Records) -> str:
    judged = verdict(records)
    return render(records.run, judged, build_sections(records, judged))


def section(*parts, name: str = "part", absent: str = "") -> Section:
    return Section(name, name.capitalize(), (), parts, absent)


def shown(*sections: Section) -> Page:
    records = make_records({"a": 0.8, "b": 0.7}, items=40, trials=2)
    return Page(render(records.run, verdict(records), sections))


def table(name: str, rows: int = 1):
    found = [{"Name": f"row {i}", "Value": str(i)} for i in range(rows)]
    return make_table(name, f"Table {name}", "Note.", found, found)


def figure(name: str, panels: int = 1) -> Figure:
    drawn = [Panel([Line((1, 2), (1, 2))], Axis("x"), Axis("y"), heading=f"panel {i}") for i in range(panels)]
    return Figure(name, f"Figure {name}", "Caption.", f"Words of {name}.", drawn, table(name))


@pytest.fixture(scope="module")
def text() -> str:
    return page_of(make_records())


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


@pytest.fixture(scope="module")
def hostile() -> str:
    records = make_records({HOSTILE: 0.8, "tame": 0.7}, baseline="base" + HOSTILE)
    run = records.run.model_copy(update={"question": HOSTILE, "versions": {HOSTILE: HOSTILE}})
    trials = tuple(t.model_copy(update={"reason": HOSTILE}) for t in records.trials)
    return page_of(records.model_copy(update={"run": run, "trials": trials}))


def test_every_tag_is_closed_where_it_was_opened(page, hostile):
    assert (page.open, page.unclosed) == ([], [])
    assert (Page(hostile).open, Page(hostile).unclosed) == ([], [])


def test_the_page_loads_nothing(text, page):
    assert [
        a for tag, a in page.tags if tag in {"script", "link", "img", "iframe", "object"} and "src" in a
    ] == []
    assert page.of("link") == []
    assert page.of("base") == []
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]


def test_every_link_leads_to_an_anchor_in_the_page(page):
    links = [a["href"] for a in page.of("a") if "href" in a]
    assert len(links) == 1 + len(BUILDERS)
    assert {link[1:] for link in links} <= set(page.ids())


def test_no_anchor_stands_twice(page):
    assert len(page.ids()) == len(set(page.ids()))


def test_the_verdict_comes_first_and_the_contents_name_every_section_in_order(text, page):
    assert page.ids().index("verdict") < page.ids().index("setup")
    records = make_records()
    sections = build_sections(records, verdict(records))
    wanted = ["Verdict", *(s.title for s in sections)]
    assert re.findall(r'<a href="#\w+">([^<]*)</a>', text) == wanted
    assert [title for level, title in page.headings if level == 2 and title != "Contents"] == wanted


def test_headings_begin_at_one_and_never_skip_a_level(page):
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(title.strip() for _, title in page.headings)


def test_every_landmark_figure_and_table_has_a_name(page):
    found = [(tag, a) for tag, a in page.tags if tag in LABELLED]
    assert {tag for tag, _ in found} == LABELLED
    assert all(a.get("aria-label") or a.get("aria-labelledby") in page.ids() for _, a in found)


def test_every_cell_of_a_head_has_its_scope_and_every_row_begins_with_one(text, page):
    assert {a.get("scope") for a in page.of("th")} == {"col", "row"}
    body = re.search(r'id="table-main".*?<tbody>(.*?)</tbody>', text, re.DOTALL)[1]
    assert len(re.findall(r"<tr[^>]*><th scope=\"row\"", body)) == body.count("<tr") == 6


def test_every_row_of_every_table_has_the_cells_of_its_head(page):
    tables = {"table-" + name for name in ("setup", "space", "main", "comparisons", "selected", "trials")}
    assert tables | {"data-confirmations", "data-curves", "data-schedules"} <= set(page.tables)
    assert all(len(set(rows)) == 1 for rows in page.tables.values())
    assert len(page.tables["table-trials"]) == 1 + 100
    assert len(page.tables["table-main"]) == 1 + 6
    assert len(page.tables["table-comparisons"]) == 1 + 10 + 5


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(page):
    scrolling = [a for tag, a in page.tags if tag == "div" and "scroll" in a.get("class", "").split()]
    assert len(scrolling) == len(page.tables)
    assert all(a["tabindex"] == "0" and a["role"] == "group" and a["aria-label"] for a in scrolling)


def test_every_drawing_has_words_and_is_itself_passed_over_by_a_screen_reader(page):
    drawings = [a for _, a in page.tags if a.get("role") == "img"]
    plots = [a for _, a in page.tags if "plotly-graph-div" in a.get("class", "")]
    assert len(drawings) == len(plots) > 6
    assert all(a["aria-label"] for a in drawings)
    hidden = [a for tag, a in page.tags if tag == "div" and a.get("aria-hidden") == "true"]
    assert len(hidden) == len(drawings)


def test_one_panel_carries_the_words_itself_and_several_carry_them_together():
    alone = shown(section(figure("alone")))
    assert [a["aria-label"] for _, a in alone.tags if a.get("role") == "img"] == [
        "Figure alone, panel 0. Words of alone."
    ]
    several = shown(section(figure("two", panels=2)))
    assert [a["aria-label"] for _, a in several.tags if a.get("role") == "img"] == [
        "Figure two, panel 0",
        "Figure two, panel 1",
    ]
    groups = [a["aria-label"] for _, a in several.tags if a.get("class") == "panels"]
    assert groups == ["Words of two."]


def test_a_figure_and_its_table_and_a_table_may_share_a_name():
    page = shown(section(table("same"), figure("same")))
    assert {"table-same", "data-same", "figure-same", "same-0"} <= set(page.ids())
    assert len(page.ids()) == len(set(page.ids()))


@pytest.mark.parametrize(
    "sections",
    [
        (section(name="one"), section(name="one")),
        (section(table("twice"), table("twice")),),
        (section(figure("twice"), name="one"), section(figure("twice"), name="two")),
    ],
)
def test_two_parts_of_one_name_are_refused(sections):
    with pytest.raises(ValueError, match="stand twice"):
        shown(*sections)


def test_an_absent_section_is_one_line_with_its_reason():
    page = shown(section(absent="No rung was recorded <here>."))
    assert "No rung was recorded <here>." in page.texts
    assert [a.get("class") for a in page.of("li")][1] == "absent"


def test_plotlys_library_stands_in_the_page_once_and_only_beside_a_figure(text):
    assert len(re.findall(r"plotly\.js v\d", text)) == 1
    assert not any("plotly.js v" in part for part in shown(section(table("t"))).texts)
    records = make_records({"a": 0.8, "b": 0.7}, items=40, trials=2)
    assert len(render(records.run, verdict(records), (section(table("t")),))) < 20_000


def test_long_tables_of_numbers_can_be_sorted_by_buttons():
    page = shown(section(table("long", rows=11), table("short", rows=10)))
    by_id = {a["id"]: a.get("class", "") for a in page.of("table")}
    assert by_id == {"table-long": "sortable", "table-short": ""}
    assert len([a for a in page.of("button") if a == {"type": "button"}]) == 2


def test_columns_of_numbers_alone_are_set_to_the_right():
    rows = [
        {
            "Name": "1",
            "Number": "1,200.5",
            "Share": "78.2 %",
            "p": "< 0.001",
            "Rate": "1e-4",
            "Word": "3 of 4",
        },
        {"Name": "2", "Number": "-", "Share": "+1.0", "p": "0.02", "Rate": "-2", "Word": "2"},
    ]
    assert numeric(make_table("t", "T", "n", rows, rows)) == {1, 2, 3, 4}


def test_the_page_shows_every_sentence_of_the_verdict(page):
    for sentence in verdict(make_records()).sentences:
        assert sentence in page.texts


def test_hostile_names_stay_text_in_the_page(hostile):
    page = Page(hostile)
    assert page.of("img") == []
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in hostile


def test_hostile_names_stay_text_in_plotlys_data(hostile):
    drawings = re.findall(r"Plotly\.newPlot\((.*?)\)\s*}", hostile, re.DOTALL)
    assert len(drawings) > 3
    assert not any(re.search(r"(<|\\u003c)img", drawing) for drawing in drawings)


@pytest.mark.parametrize(("trials", "confirmations"), [(0, 0), (3, 0), (100, 7)])
def test_an_unfinished_run_has_a_page_that_says_so(trials, confirmations):
    records = make_records()
    part = {"trials": records.trials[:trials], "confirmations": records.confirmations[:confirmations]}
    text = page_of(records.model_copy(update=part))
    assert "Unfinished: nothing is concluded yet." in text
    assert "better by a relevant margin" not in text
    assert 'class="best"' not in text


def test_a_run_of_another_tool_has_a_page():
    page = Page(page_of(foreign(make_records())))
    assert any("imported from Optuna" in text for text in page.texts)
    assert not [text for text in page.texts if re.search(r"\bnan\b|\binf\b|None", text)]


def test_the_page_of_very_many_trials_stays_small():
    records = many_records(2500, 10)
    assert sum(len(t.rungs) for t in records.trials) > 15_000
    text = page_of(records)
    assert len(text.encode()) < 8_000_000
    assert len(Page(text).tables["table-trials"]) == 1 + 500
