"""Compiles the paper kit. It needs TeX Live and poppler:

    apt-get install --no-install-recommends texlive-latex-recommended texlive-science lmodern poppler-utils

texlive-science has siunitx; texlive-latex-recommended has booktabs, natbib, caption and microtype and brings BibTeX.
Selected by ``-m latex`` alone; without TeX it then fails.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from nasty_records import PRINTED, nasty_records

from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.report.draw_paper import write_paper
from hpo.report.kit.table_tex import table_tex
from hpo.report.kit.writing import write_kit
from hpo.report.sections import build_sections
from hpo.report.sentences import verdict
from hpo.report.table import Table

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
MOST_OVERFULL = 3.0  # points: what no reader sees

pytestmark = [
    pytest.mark.latex,
    pytest.mark.filterwarnings("ignore:no font on this machine has:UserWarning"),
]


def compiled(folder: Path, records: Records) -> tuple[str, str]:
    """The log of the last run, and the text of the PDF."""
    for program in ("pdflatex", "bibtex", "pdftotext"):
        assert shutil.which(program), f"{program} is not installed"
    judged = verdict(records)
    sections = build_sections(records, judged)
    for part in (part for section in sections for part in section.parts):
        if isinstance(part, Table):
            path = folder / "tables" / f"{part.name}.tex"
            path.parent.mkdir(exist_ok=True)
            path.write_text(table_tex(part), encoding="utf-8")
        elif part.paper:
            write_paper(part, folder / "figures")
    write_kit(folder, records, judged, sections, (), latex=True)
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "example.tex"]
    for command in (latex, ["bibtex", "example"], latex, latex):
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-3000:]
    text = subprocess.run(
        ["pdftotext", "-layout", "example.pdf", "-"], cwd=folder, capture_output=True, check=True
    )
    return (folder / "example.log").read_text(encoding="utf-8", errors="replace"), text.stdout.decode()


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    records = read_records(EXAMPLE)
    return records, *compiled(tmp_path_factory.mktemp("example"), records)


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    records = nasty_records()
    return records, *compiled(tmp_path_factory.mktemp("nasty"), records)


@pytest.fixture(params=["example", "nasty"])
def document(request):
    return request.getfixturevalue(request.param)


def test_nothing_is_undefined_and_no_label_is_there_twice(document):
    log = document[1]
    assert not re.findall(
        r"LaTeX Warning: (?:Citation|Reference|There were undefined|Label .* multiply).*", log
    )
    assert not re.findall(r"natbib Warning: .*undefined.*", log)
    assert "Missing character" not in log


def test_no_line_is_wider_than_the_page(document):
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", document[1])]
    assert [points for points in wide if points > MOST_OVERFULL] == []


def test_no_column_is_taller_than_the_page(document):
    tall = [
        float(points)
        for points in re.findall(
            r"(?:Overfull \\vbox \(|Float too large for page by )([\d.]+)pt", document[1]
        )
    ]
    assert [points for points in tall if points > MOST_OVERFULL] == []


def test_every_table_and_figure_has_a_number_and_the_references_are_printed(document):
    records, _, text = document
    parts = [p for s in build_sections(records, verdict(records)) for p in s.parts]
    tables = sum(isinstance(part, Table) for part in parts)
    figures = sum(not isinstance(part, Table) and part.paper for part in parts)
    assert f"Table {tables}: " in text
    assert f"Table {tables + 1}: " not in text
    assert f"Figure {figures}: " in text
    assert "Sture Holm" in text
    assert "[?]" not in text


def test_names_read_in_print_as_they_are(nasty):
    words = " ".join(nasty[2].split())
    for name in PRINTED:
        assert name in words, name
    assert (
        r"Which of A_B & C% wins at $5^{2}$ ~ #1 \end{document}? Größe, naïve, U+4F59 U+5F26 <b>|</b>"
        in words
    )
    assert r"50%_$base\line^~#&{}" in words
    assert "CC-BY 4.0 & {other} 50%" in words
    assert "root:" not in words
