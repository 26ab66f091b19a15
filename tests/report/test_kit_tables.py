import re

import pytest
from nasty_records import nasty_records
from synthetic_records import make_records

from hpo.report.kit.table_tex import COLUMN, PAGE, table_tex
from hpo.report.sections import build_sections
from hpo.report.sentences import verdict
from hpo.report.table import Table, make_table


def table(rows, note="n", **kept) -> Table:
    made = make_table("t", "T", note, rows, rows)
    return Table(**{**vars(made), **kept})


def body(text: str) -> list[str]:
    """Cells row by row between the rules; the header first."""
    inside = text[text.index("\\toprule") : text.index("\\bottomrule")]
    lines = [line for line in inside.splitlines() if line.endswith(r" \\")]
    return [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in lines]


def spec(text: str) -> str:
    return re.search(r"\\begin\{tabular(?:x\}\{\\linewidth)?\}\{@\{\}(.*)@\{\}\}", text)[1]


def numbers(*cells: str) -> str:
    return table_tex(table([{"Name": f"r{i}", "X": cell} for i, cell in enumerate(cells)]))


def parts(records):
    judged = verdict(records)
    return [p for s in build_sections(records, judged) for p in s.parts if isinstance(p, Table)]


def test_a_column_of_numbers_is_aligned_by_siunitx_with_room_for_its_digits():
    assert spec(numbers("0.5", "12.25")) == "l S[table-format = 2.2, group-digits = none]"
    assert spec(numbers("+0.5", "-12.25")) == "l S[table-format = +2.2, group-digits = none]"
    assert spec(numbers("< 0.001", "0.012")) == "l S[table-format = <1.3, group-digits = none]"


def test_thousands_are_grouped_only_where_they_were():
    assert spec(numbers("1,234.5", "7.0")) == "l S[table-format = 4.1]"
    assert body(numbers("1,234.5", "7.0"))[1][1] == "1234.5"
    assert "group-digits = none" in spec(numbers("3091425346", "7"))


def test_missing_cells_are_dashes_in_the_middle_of_their_column():
    assert [row[1] for row in body(numbers("0.5", "-", "not known"))[1:]] == ["0.5", "{--}", "{not known}"]
    assert [row[1] for row in body(numbers("-", "-"))[1:]] == ["--", "--"]


def test_per_cent_is_said_once_in_the_header():
    text = numbers("70.0 %", "8.1 %", "-")
    assert body(text)[0][1] == r"{X, \%}"
    assert [row[1] for row in body(text)[1:]] == ["70.0", "8.1", "{--}"]
    mixed = numbers("70.0 %", "8.1")
    assert [row[1] for row in body(mixed)[1:]] == [r"{70.0\,\%}", "8.1"]


def test_intervals_in_per_cent_lose_the_sign_to_the_header_as_well():
    text = numbers("67.3 to 72.6 %", "1.0 to 2.0 %")
    assert [row[1] for row in body(text)] == [r"X, \%", "67.3 to 72.6", "1.0 to 2.0"]


def test_powers_of_ten_are_set_as_such():
    assert [row[1] for row in body(numbers("3e-4", "0.001"))[1:]] == [r"\num{3e-4}", "0.001"]


def test_of_the_best_row_name_and_first_number_are_bold_and_no_other():
    rows = [{"Name": n, "Kind": "k", "Score": s, "Cost": "5.0"} for n, s in (("a", "1.5"), ("b", "1.0"))]
    cells = body(table_tex(table(rows, bold=frozenset({0}), marked=frozenset({0, 1}))))[1:]
    assert cells[0] == [r"\textbf{a}", "k", r"\bfseries 1.5", "5.0"]
    assert cells[1] == ["b$^{*}$", "k", "1.0", "5.0"]


def test_single_cells_are_bold_and_marked_where_they_stand():
    rows = [{"Name": "a", "One": "1.5", "Word": "w"}, {"Name": "b", "One": "1.0", "Word": "v"}]
    made = table(rows, bold_cells=frozenset({(0, 1), (1, 2)}), marked_cells=frozenset({(1, 1), (0, 2)}))
    assert body(table_tex(made))[1:] == [
        ["a", r"\bfseries 1.5", "w$^{*}$"],
        ["b", "1.0{$^{*}$}", r"\textbf{v}"],
    ]


def test_a_long_text_of_all_rows_is_said_once_in_the_caption():
    rows = [{"Name": n, "Over": "5 searches x 1 seed", "Rank": "1"} for n in "ab"]
    text = table_tex(table(rows))
    assert "Over, in each row: 5 searches x 1 seed." in text
    assert body(text) == [["Name", "{Rank}"], ["a", "1"], ["b", "1"]]


def test_a_narrow_table_takes_one_column_of_a_paper_and_a_wide_one_both():
    assert "\\begin{table}\n" in numbers("1")
    wide = table([{f"Column {i}": "1.00" for i in range(9)}])
    assert "\\begin{table*}\n" in table_tex(wide)


def test_columns_that_do_not_fit_are_left_to_the_csv_file_from_the_right():
    rows = [{f"Column number {i}": f"value {i} of {j}" for i in range(30)} for j in range(3)]
    text = table_tex(table(rows))
    shown = len(body(text)[0])
    assert 5 <= shown < 30
    missing = re.search(r"Not shown: (.*?)\. The whole table: t\.csv\.", text)[1]
    assert missing.split(", ") == [f"Column number {i}" for i in range(shown, 30)]


def test_rows_beyond_a_page_are_left_to_the_csv_file():
    text = numbers(*(f"{i}.0" for i in range(10_000)))
    shown = len(body(text)) - 1
    assert 40 <= shown <= 62
    assert f"The first {shown} of 10,000 rows. The whole table: t.csv." in text
    assert body(text)[-1][1] == f"{shown - 1}.0"


def test_smaller_type_is_taken_where_it_brings_all_rows_onto_the_page():
    assert "\\scriptsize" in numbers(*["1.0"] * 60)
    assert "The first" not in numbers(*["1.0"] * 60)
    assert "\\small" in numbers(*["1.0"] * 10)


def test_long_texts_are_wrapped_and_shared_out_by_their_length():
    rows = [
        {"Item": f"i{j}", "Short": "some words " * 3 + str(j), "Long": "many words " * 12 + str(j)}
        for j in range(2)
    ]
    found = [float(x) for x in re.findall(r"\\hsize=([\d.]+)\\hsize", spec(table_tex(table(rows))))]
    assert len(found) == 2
    assert found[1] > 2 * found[0]
    assert sum(found) == pytest.approx(2, abs=0.002)


def test_a_first_cell_in_brackets_is_no_argument_of_the_line_break_before_it():
    text = table_tex(table([{"Name": "[64]"}, {"Name": "*"}], note=""))
    assert "\n{}[64] \\\\\n{}* \\\\\n" in text


def test_a_table_without_rows_is_a_comment():
    assert table_tex(make_table("t", "50% T", "n", [], [])) == "% 50\\% T: nothing is recorded yet\n"


@pytest.mark.parametrize(
    "records", [make_records(), nasty_records(), make_records({"all": 0.8}, replicates=1)]
)
def test_every_table_of_a_report_has_as_many_cells_as_columns_in_every_row(records):
    for part in parts(records):
        text = table_tex(part)
        rows = body(text)
        assert {len(row) for row in rows} == {len(rows[0])}, part.name
        assert [text.count(rule) for rule in ("\\toprule", "\\midrule", "\\bottomrule")] == [1, 1, 1]
        assert rf"\label{{tab:{part.name}}}" in text
        plain = re.sub(r"\\[\\$&#%_]", "", text.split("\n", 1)[1])
        assert plain.count("{") == plain.count("}"), part.name


def test_names_stay_text_in_every_table():
    for part in parts(nasty_records()):
        inside = "\n".join(" ".join(row) for row in body(table_tex(part))[1:])
        plain = re.sub(r"\\[\\$&#%_]|\$\^\{\*\}\$", "", inside)
        assert not set(plain) & set("#%_~$"), part.name
        assert "\\input" not in plain, part.name


def test_widths_are_those_of_a_two_column_paper():
    # ACL's style: 16 cm of text (455 pt), columns of 7.7 cm (219 pt); a point is 1/72.27 in.
    assert round(16 / 2.54 * 72.27) == PAGE
    assert round(7.7 / 2.54 * 72.27) == COLUMN
