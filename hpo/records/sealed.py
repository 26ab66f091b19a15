"""JSON objects that end with a checksum of themselves, so that a flipped bit is seen where it leaves them JSON.

A disk or a memory that turns 0.71 into 0.91 breaks no syntax: nobody would ever know. Objects written before there were
checksums are read as they are.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from hpo.json_text import parse_json

_SEAL = re.compile(rb',\s*"checksum":\s*"([0-9a-f]{16})"\s*\}\s*\Z')
_LONGEST = 80  # bytes that a seal takes at most


class BrokenSealError(ValueError):
    """The object is not the one that was written."""


def seal(text: str) -> str:
    """``text``, a JSON object with at least one field, with a checksum as its last field."""
    content = text[: text.rindex("}")].rstrip()
    line = "\n " if "\n" in text else ""
    return f'{content},{line}"checksum":{" " if line else ""}"{_checksum(content.encode())}"{line[:1]}}}'


def unseal(data: bytes) -> bytes:
    """The object without its checksum; one that has none is given back as it is.

    Raises:
        BrokenSealError: the checksum is another object's.
    """
    found = _SEAL.search(data, max(0, len(data) - _LONGEST))
    if found is None:
        return data
    content = data[: found.start()]
    if found[1].decode() != _checksum(content):
        raise BrokenSealError("its checksum is another's: it was damaged, or changed by hand")
    return content + b"}"


def sealed_json(data: bytes) -> Any:
    """The value of a sealed object.

    Raises:
        ValueError: it is no JSON, or not what was written.
    """
    return parse_json(unseal(data))


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
