"""E-mail addresses, telephone numbers and card numbers out of texts, before anything else reads them.

By form alone: a name or an address of a street stays. Libraries that know more were looked at and left: presidio-analyzer
brings spaCy and a model of a language, scrubadub was last released in 2023, and phonenumbers, which is small and kept,
finds a number without its country code only where it is told the country.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from hpo.data.cells import Text
from hpo.data.corpus import Corpus

# Of RFC 5322 (section 3.2.3), with the letters of all scripts (RFC 6531), and dots.
_ATOM = r"\w.!#$%&'*+/=?^`{|}~-"
_EMAIL = re.compile(rf"(?<![{_ATOM}])[{_ATOM}]+@(?:[\w-]+\.)+[^\W\d_]{{2,}}")
# 13 to 19 digits (ISO/IEC 7812-1) in one piece or in the groups printed on cards.
_CARD = re.compile(
    r"(?<!\d)(?:[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{4,5})(?!\d)"
)
_GAP = r"[ ().\-/]{0,2}"  # what may stand between two digits of a telephone number
_PHONE = re.compile(
    r"(?<![\w.+/-])(?!\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b)(?!0[.,]\d)"  # no date, no fraction
    r"(?:"
    rf"\+\d(?:{_GAP}\d){{7,14}}"  # with a country code: at most 15 digits (E.164)
    rf"|0(?:{_GAP}\d){{8,15}}"  # 00 and a country code, or a trunk prefix
    rf"|\(0\d{{1,5}}\)(?:{_GAP}\d){{4,10}}"  # an area in parentheses (E.123)
    r"|(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}"  # North America
    r")(?!\d)"
)


def luhn(digits: str) -> bool:
    """Whether the last of ``digits`` is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits)))
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _is_card(found: str) -> bool:
    return luhn("".join(filter(str.isdigit, found)))


# What is replaced, in this order: its name, its form, and what else must hold.
_KINDS: Mapping[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "EMAIL": (_EMAIL, lambda _: True),
    "CARD": (_CARD, _is_card),
    "PHONE": (_PHONE, lambda _: True),
}


def scrub(text: str, counts: Counter[str] | None = None) -> str:
    """``text`` with ``[EMAIL]``, ``[CARD]`` and ``[PHONE]`` for what it holds of them; ``counts`` counts these words."""
    for kind, (form, holds) in _KINDS.items():

        def put(found: re.Match[str], kind: str = kind, holds: Callable[[str], bool] = holds) -> str:
            if not holds(found.group()):
                return found.group()
            if counts is not None:
                counts[kind] += 1
            return f"[{kind}]"

        text = form.sub(put, text)
    return text


def scrub_all(texts: Iterable[Text], counts: Counter[str] | None = None) -> tuple[Text, ...]:
    """Scrubbed texts: both of a pair; of words each by itself, so that a number in several words is not found."""
    return tuple(
        scrub(text, counts) if isinstance(text, str) else tuple(scrub(part, counts) for part in text)
        for text in texts
    )


def scrub_corpus(corpus: Corpus) -> tuple[Corpus, dict[str, int]]:
    """A corpus with scrubbed texts, and how many of each kind were replaced."""
    counts = Counter(dict.fromkeys(_KINDS, 0))
    return replace(corpus, texts=scrub_all(corpus.texts, counts)), dict(counts)
