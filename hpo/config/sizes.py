"""Sizes of storage as people write them."""

from __future__ import annotations

import re
from fractions import Fraction

# For JSON Schema too, whose patterns have no flags.
PATTERN = r"^([0-9]{1,15}|[0-9]{1,15}([.][0-9]{1,15})? ?([kKmMgGtT][iI]?)?[bB])$"
FORMS = "a size such as 2GB, 500 MB or 1.5 GiB, or a whole number of bytes"


def parse_size(text: str) -> int | None:
    """Bytes: ``"2GB"``, ``"500 MB"``, ``"1.5 GiB"``, ``"2000"``; None where ``text`` is no size.

    kB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB of 1024; capitals and small letters are alike.
    """
    match = re.fullmatch(PATTERN, text)
    if match is None:
        return None
    prefix = (match[3] or "").lower()
    base = 1024 if prefix.endswith("i") else 1000
    number = Fraction(text.rstrip(" kKmMgGtTiIbB"))
    return int(number * base ** (" kmgt".index(prefix[0]) if prefix else 0))
