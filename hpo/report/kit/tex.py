r"""Any text as LaTeX that pdfLaTeX typesets as it stands, with ``\usepackage[T1]{fontenc}`` and UTF-8 input.

Characters of the T1 and TS1 fonts stay as they are; Greek letters, arrows and relations are set in mathematics; every
other character stands as its code point in typewriter type, U+4F59. None is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import groupby

from hpo.report.text import one_line

LONGEST_WORD = 14  # characters of a word in a narrow column before it may be broken

# Set into a text before it is escaped; ``one_line`` has cleared it of control characters.
_APART, _THIN, _BREAK, _CODE, _END = "\x01", "\x02", "\x03", "\x04", "\x05"

_ESCAPES = {
    _APART: "{}",
    _THIN: r"\,",
    _BREAK: r"\allowbreak{}",
    _CODE: r"\texttt{",
    _END: "}",
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",  # \{ would unbalance the braces that BibTeX counts
    "}": r"\textbraceright{}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "\u00a0": "~",
    "\u00ad": r"\-",
    "\u2010": "-",
    "\u2011": "-",
    "\u2212": r"\ensuremath{-}",
}
_LOWER = "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi o pi rho varsigma sigma tau upsilon"
_UPPER = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
_SIGNS = "leq geq neq approx sim infty in sum surd partial nabla propto rightarrow leftarrow leftrightarrow cdot prime"
_MATHEMATICS = {
    **{chr(0x3B1 + i): name for i, name in enumerate(_LOWER.split())},
    **dict(zip("φχψωϵϕ", ("varphi", "chi", "psi", "omega", "epsilon", "phi"), strict=True)),
    **dict(zip("ΓΔΘΛΞΠΣΥΦΨΩ", _UPPER.split(), strict=True)),
    **dict(zip("≤≥≠≈\u223c∞∈∑√∂∇∝→←↔⋅\u2032", _SIGNS.split(), strict=True)),
}
_FONT = (  # first and last code point of what LaTeX has a glyph for
    *(
        (0xA1, 0xAC),
        (0xAE, 0xB7),
        (0xB9, 0x125),
        (0x128, 0x137),
        (0x139, 0x13E),
        (0x141, 0x148),
        (0x14A, 0x165),
    ),
    *((0x168, 0x17E), (0x218, 0x21B), (0x2013, 0x2014), (0x2018, 0x201A), (0x201C, 0x201E), (0x2020, 0x2022)),
    *((0x2026, 0x2026), (0x2030, 0x2030), (0x2039, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122)),
)


def tex(text: str) -> str:
    """``text`` in one line of LaTeX's text mode; a minus before a number is set as one, a per cent sign kept beside it."""
    return _escaped(_prepared(text))


def breakable(text: str) -> str:
    """``tex`` for a narrow column: words of more than ``LONGEST_WORD`` characters may be broken, without a hyphen."""
    return _escaped(" ".join(map(_with_breaks, _prepared(text).split(" "))))


def reads(text: str) -> str:
    """``text`` as it reads when it has been typeset."""
    return re.sub(f"[{_APART}{_BREAK}{_CODE}{_END}]", "", _prepared(text)).replace(_THIN, " ")


def pieces(text: str) -> list[str]:
    """What ``breakable`` keeps in one line each."""
    return [piece for word in reads(text).split(" ") for piece in _with_breaks(word).split(_BREAK)]


def _prepared(text: str) -> str:
    """``text`` with minus signs, thin spaces and code points, and without pairs that fonts join: --, '', ,, and the like."""
    line = unicodedata.normalize("NFC", one_line(text))
    line = re.sub(r"(?<![\w.)\]-])-(?=\.?\d)", "\u2212", line)
    line = re.sub(r"(?<=\d) %", f"{_THIN}%", line)
    line = re.sub(r"([-',])(?=\1)", rf"\1{_APART}", line)
    if line.isascii():
        return line
    runs = groupby(line, key=lambda character: _glyph(character) is None)
    return "".join(_code_points(run) if missing else "".join(run) for missing, run in runs)


def _code_points(characters: Iterable[str]) -> str:
    return _CODE + " ".join(f"U+{ord(character):04X}" for character in characters) + _END


def _with_breaks(word: str) -> str:
    if len(word) <= LONGEST_WORD:
        return word
    parts = re.split(r"(?<=[_/=,:;+@])|(?<=[.-])(?![\d.-])", word)
    cut = (re.findall(rf".{{1,{LONGEST_WORD}}}", part) for part in parts)
    return _BREAK.join(piece for part in cut for piece in part)


def _escaped(text: str) -> str:
    return "".join(_glyph(character) or "" for character in text)


def _glyph(character: str) -> str | None:
    """How ``character`` is typeset; None where no glyph is at hand."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character in _MATHEMATICS:
        name = _MATHEMATICS[character]
        return rf"\ensuremath{{{name if name == 'o' else chr(92) + name}}}"
    if character.isascii() or any(low <= ord(character) <= high for low, high in _FONT):
        return character
    kind, _, code = unicodedata.decomposition(character).partition(" ")
    raised = {"<sub>": "textsubscript", "<super>": "textsuperscript"}.get(kind)
    inner = chr(int(code, 16)) if raised and " " not in code else ""
    return rf"\{raised}{{{inner}}}" if inner.isascii() and inner.isalnum() else None
