"""Named arrays in one file, in the safetensors format: states and prefixes.

    8 bytes: length of the header | header: JSON, padded with spaces | the arrays, one after another

safetensors itself writes under a temporary name of its own and tells a full disk in words only; here the caller knows
the file's size before, where it is written, and gets the operating system's error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.json_text import parse_json
from hpo.training.past_cache import PastCache

# Bytes: safetensors refuses longer ones.
LONGEST_HEADER = 100_000_000
# Bytes in which the metadata of a file end, as they are written here: they come first.
_BEGIN = 4096
_METADATA = re.compile(rb'\{\s*"__metadata__"\s*:\s*(\{[^{}]*\})')


class DamagedError(Exception):
    """The file is not what was written."""


@dataclass(frozen=True)
class Block:
    """One array. ``dtype``: its name in safetensors, such as ``F32``; ``data``: its bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: memoryview


class TensorFile:
    """What is to be written.

    Attributes:
        size: bytes of the whole file.
    """

    def __init__(self, blocks: Sequence[Block], metadata: Mapping[str, str]) -> None:
        self._blocks = blocks
        entries: dict[str, Any] = {"__metadata__": dict(metadata)}
        end = 0
        for block in blocks:
            begin, end = end, end + block.data.nbytes
            entries[block.name] = {
                "dtype": block.dtype,
                "shape": list(block.shape),
                "data_offsets": [begin, end],
            }
        header = json.dumps(entries).encode()
        self._header = header + b" " * (-len(header) % 8)  # aligned, so that the arrays can be mapped
        self.size = 8 + len(self._header) + end

    def write(self, path: Path, past_cache: PastCache | None = None) -> None:
        """Write all of it, not fsynced: what it holds can be computed again.

        Args:
            past_cache: for what is seldom read again.

        Raises:
            OSError: the system refuses, such as a full disk.
        """
        begin = memoryview(len(self._header).to_bytes(8, "little") + self._header)
        parts = [begin, *(block.data for block in self._blocks)]
        if past_cache is not None and past_cache.write(path, parts):
            return
        with path.open("wb") as file:
            for part in parts:
                file.write(part)


@dataclass(frozen=True)
class Header:
    """``start``: where the arrays begin, in bytes; ``entries``: dtype, shape and offsets by name."""

    metadata: dict[str, str]
    entries: dict[str, Any]
    start: int


def read_header(path: Path) -> Header:
    """What a file says of itself.

    Raises:
        DamagedError: it says nothing that can be read.
        OSError: there is no such file, or it cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length) if length <= LONGEST_HEADER else b""
    try:
        entries = parse_json(text)
        metadata = entries.pop("__metadata__")
        if not isinstance(metadata, dict):
            raise DamagedError(f"{path}: no metadata")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path}: no header") from error
    return Header(metadata, entries, 8 + length)


def read_metadata(path: Path) -> dict[str, str]:
    """What a file says of itself as a whole. Of one with hundreds of arrays it takes a hundredth of ``read_header``.

    Raises:
        DamagedError: it says nothing that can be read.
        OSError: there is no such file, or it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        found = _METADATA.match(file.read(_BEGIN), 8)
    if found is None:
        return read_header(path).metadata
    try:
        metadata: dict[str, str] = parse_json(found[1])
    except ValueError as error:
        raise DamagedError(f"{path}: no header") from error
    return metadata
