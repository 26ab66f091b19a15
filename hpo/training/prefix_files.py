"""A prefix in a file, the hidden states of a list of texts: with its digest, mapped and not read until it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.training.tensor_files import Block, DamagedError, Header, TensorFile, read_header

# Its arrays, the widest numbers first, so that each begins at a multiple of its size.
_ARRAYS = {"seconds": ("F64", "<f8"), "ends": ("I64", "<i8"), "values": ("F32", "<f4"), "texts": ("U8", "u1")}


@dataclass(frozen=True)
class Prefix:
    """Hidden states of a list of texts, behind the same layers.

    Attributes:
        values: (rows, hidden), one text after another.
        passes: ``passes_key`` of the layers.
        texts: (texts, 16), the digest of each.
        ends: (texts,), the row behind the last of each.
        seconds: (texts,), device-seconds that each took.
    """

    values: NDArray[np.float32]
    passes: str
    texts: NDArray[np.uint8]
    ends: NDArray[np.int64]
    seconds: NDArray[np.float64]


def prefix_file(prefix: Prefix, metadata: Mapping[str, str]) -> TensorFile:
    """What is written of a prefix, which adds its digest and passes to the metadata."""
    arrays = {
        name: np.ascontiguousarray(getattr(prefix, name), dtype) for name, (_, dtype) in _ARRAYS.items()
    }
    blocks = [Block(name, _ARRAYS[name][0], array.shape, _bytes(array)) for name, array in arrays.items()]
    return TensorFile(blocks, {"digest": _digest(arrays.values()), **metadata, "passes": prefix.passes})


class PrefixReader:
    """Reads prefixes, and sums each up once."""

    def __init__(self) -> None:
        self._whole: set[tuple[str, int]] = set()  # found so: name, inode

    def read(self, path: Path) -> Prefix:
        """A prefix, mapped from its file.

        Raises:
            DamagedError: it is not what was written.
            FileNotFoundError: there is none.
        """
        try:
            header = read_header(path)
            arrays = {name: _mapped(path, header, name) for name in _ARRAYS}
            inode = (path.name, path.stat().st_ino)
            if inode not in self._whole and header.metadata.get("digest") != _digest(arrays.values()):
                raise DamagedError(path)
            prefix = Prefix(**arrays, passes=header.metadata["passes"])
        except FileNotFoundError:
            raise
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise DamagedError(path) from error
        self._whole.add(inode)
        return prefix


def read_texts(path: Path) -> tuple[str, NDArray[np.uint8]]:
    """``passes`` and ``texts`` of a prefix, unchecked.

    Raises:
        DamagedError: they cannot be read.
    """
    try:
        header = read_header(path)
        return header.metadata["passes"], np.array(_mapped(path, header, "texts"))
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise DamagedError(path) from error


def _mapped(path: Path, header: Header, name: str) -> NDArray[Any]:
    """One array of a file, read when it is used."""
    entry, (kind, dtype) = header.entries[name], _ARRAYS[name]
    begin, end = entry["data_offsets"]
    if entry["dtype"] != kind or path.stat().st_size < header.start + end:
        raise DamagedError(path)
    return np.memmap(path, np.dtype(dtype), "r", offset=header.start + begin, shape=tuple(entry["shape"]))


def _digest(arrays: Iterable[NDArray[Any]]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(_bytes(array))
    return "sha256:" + total.hexdigest()


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
