"""The header of a GGUF file, walked before the library reads it, which believes every count and length that it says.

    magic | version | tensors | keys | key, type, value ... | name, dimensions, type, offset of each tensor ... | their data

as https://github.com/ggml-org/ggml/blob/master/docs/gguf.md has it.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAGIC, VERSIONS = b"GGUF", (2, 3)
STRING, ARRAY = 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes of a value by its type
MOST_DIMENSIONS = 4
MOST_ITEMS = (
    3_000_000  # of all lists: the largest vocabularies have a million words, merges and types together
)


@dataclass(frozen=True)
class Held:
    """What the file has: how many tensors, and numbers in all of them."""

    tensors: int
    numbers: int


def read_gguf_header(path: Path) -> Held:
    """Walk the header of a file.

    Raises:
        ValueError: it is no GGUF file, or says of itself what cannot be: lengths past its end, tensors that are not in it,
            lists without end.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise ValueError("the file is empty") from None
        with data:
            return _Walk(data).header()


class _Walk:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0
        self._order = "<"
        self._items = 0

    def header(self) -> Held:
        if self._take(4) != MAGIC:
            raise ValueError("it does not begin with GGUF")
        version = self._number("I")
        if version & 0xFFFF == 0:  # of a machine with the other order of bytes
            self._order, version = ">", struct.unpack(">I", struct.pack("<I", version))[0]
        if version not in VERSIONS:
            raise ValueError(f"it is of version {version}; versions {VERSIONS[0]} and {VERSIONS[1]} are read")
        tensors, keys = self._number("Q"), self._number("Q")
        alignment = 32
        for _ in range(keys):
            name, kind = self._string(), self._number("I")
            value = self._value(kind)
            if name == b"general.alignment":
                alignment = self._alignment(kind, value)
        infos = [self._tensor() for _ in range(tensors)]
        start = self._at + -self._at % alignment
        if any(start + offset + size > len(self._data) for _, size, offset in infos):
            raise ValueError("a tensor lies past its end")
        if sum(size for _, size, _ in infos) > len(self._data):
            raise ValueError("its tensors share their data")
        return Held(tensors, sum(numbers for numbers, _, _ in infos))

    def _take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise ValueError("it ends within its header")
        self._at += count
        return self._data[self._at - count : self._at]

    def _number(self, form: str) -> int:
        found: int = struct.unpack(self._order + form, self._take(struct.calcsize("<" + form)))[0]
        return found

    def _string(self) -> bytes:
        return self._take(self._number("Q"))

    def _value(self, kind: int) -> Any:
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            return self._array(self._number("I"), self._number("Q"))
        if kind not in SIZES:
            raise ValueError(f"a value is of the unknown type {kind}")
        return self._take(SIZES[kind])

    def _array(self, kind: int, count: int) -> None:
        self._items += count
        if self._items > MOST_ITEMS:
            raise ValueError(f"its lists have more than {MOST_ITEMS:,} items")
        if kind == STRING:
            for _ in range(count):
                self._string()
        elif kind in SIZES:
            self._take(count * SIZES[kind])
        else:
            raise ValueError(f"a list is of the type {kind}, which no decoder needs")

    def _alignment(self, kind: int, value: Any) -> int:
        found = int(struct.unpack(self._order + "I", value)[0]) if kind == 4 else 0
        if found == 0 or found & (found - 1):
            raise ValueError("its alignment is no power of two")
        return found

    def _tensor(self) -> tuple[int, int, int]:
        """Numbers, bytes and offset of one tensor."""
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        self._string()
        count = self._number("I")
        if count > MOST_DIMENSIONS:
            raise ValueError(f"a tensor has {count} dimensions; at most {MOST_DIMENSIONS} are read")
        numbers = math.prod(self._number("Q") for _ in range(count))
        per_block, size = GGML_QUANT_SIZES[GGMLQuantizationType(self._number("I"))]
        return numbers, -(-numbers // per_block) * size, self._number("Q")
