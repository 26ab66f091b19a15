"""How generated sentences cite, name numbers and stand in paragraphs in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hpo.report.kit.tex import tex
from hpo.report.text import value_text


def cite(*keys: str) -> str:
    r"""A citation behind a space that does not break: ``~\citep{a,b}``."""
    return rf"~\citep{{{','.join(keys)}}}"


def amount(value: object) -> str:
    """A parameter's value, powers of ten as such."""
    text = value_text(value)
    power = re.fullmatch(r"(-?[\d.]+)e(-?)0*(\d+)", text)
    if power is None:
        return tex(text)
    factor = "" if power[1] == "1" else rf"{power[1]} \times "
    return rf"${factor}10^{{{power[2]}{power[3]}}}$"


def paragraphs(parts: Mapping[str, Sequence[str]]) -> str:
    r"""A paragraph of sentences for each heading; ``\citep`` is ``\cite`` where natbib is not loaded."""
    lines = [f"\\paragraph{{{name}.}} {' '.join(sentences)}\n" for name, sentences in parts.items()]
    return "\n".join(["% needs \\usepackage[T1]{fontenc}", "\\providecommand{\\citep}{\\cite}\n", *lines])
