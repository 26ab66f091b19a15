r"""``example.tex``: a document that holds every table, every figure, the methods paragraph and the references.

It compiles with a stock TeX Live: ``article`` and the packages that tables need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpo.records.run import Run
from hpo.report.draw_paper import WIDTHS
from hpo.report.figure import Figure
from hpo.report.kit.tex import tex
from hpo.report.section import Section
from hpo.report.sentences import Verdict

HINT = "latexmk -pdf example.tex"

_HEAD = r"""% Compile: latexmk -pdf example.tex, or pdflatex, bibtex, pdflatex, pdflatex.
% Characters that T1 fonts lack stand as code points, U+4F59.
\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage[margin=1in]{geometry}
\usepackage[tableposition=top]{caption}
\usepackage{booktabs,tabularx,siunitx,graphicx}
\usepackage[numbers,sort]{natbib}
\usepackage{microtype}
% Floats stand where they are named, as far as the page has room.
\makeatletter\def\fps@table{!htbp}\def\fps@figure{!htbp}\makeatother"""

_TALLEST = "7in"  # of a figure, so that its heading and caption share its page


def example_tex(run: Run, judged: Verdict, sections: Sequence[Section]) -> str:
    """The document, section by section as the page has them."""
    lines = [
        _HEAD,
        rf"\title{{{tex(run.question)}}}",
        rf"\author{{{tex(run.name)}}}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        r"\section*{Verdict}",
        tex(judged.text),
        "",
        r"\section*{Methods}",
        r"\input{methods}",
        *(line for section in sections for line in _section(section)),
        r"\bibliographystyle{plainnat}",
        r"\bibliography{references}",
        r"\end{document}",
        "",
    ]
    return "\n".join(lines)


def _section(section: Section) -> Iterator[str]:
    if not section.parts:
        return
    yield rf"\section*{{{tex(section.title)}}}"
    for paragraph in section.text:
        yield tex(paragraph) + "\n"
    for part in section.parts:
        if not isinstance(part, Figure):
            yield rf"\input{{tables/{part.name}}}"
        elif part.paper:
            yield from _figure(part)
    yield r"\clearpage"


def _figure(figure: Figure) -> Iterator[str]:
    yield r"\begin{figure}"
    yield r"\centering"
    size = f"width={WIDTHS[0]}in,height={_TALLEST},keepaspectratio"
    yield rf"\includegraphics[{size}]{{figures/{figure.name}-{WIDTHS[0]}in.pdf}}"
    yield rf"\caption{{{tex(figure.title)}. {tex(figure.caption)}}}"
    yield rf"\label{{fig:{figure.name}}}"
    yield r"\end{figure}"
