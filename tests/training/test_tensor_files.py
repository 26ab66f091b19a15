from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hpo.training.tensor_files import Block, DamagedError, TensorFile, read_header, read_metadata

METADATA = {"digest": "sha256:" + "0" * 64, "seconds": "1.25", "chance": "0.5"}


@pytest.mark.parametrize(
    "metadata",
    [METADATA, {**METADATA, "more": "x" * 10_000}, {**METADATA, "more": 'a "{" }'}],
    ids=["as written here", "longer than what is read at once", "with braces"],
)
@pytest.mark.parametrize("arrays", [0, 300])
def test_what_a_file_says_of_itself_is_the_same_with_its_arrays_and_without(
    tmp_path: Path, metadata: dict[str, str], arrays: int
) -> None:
    blocks = [Block(f"layer.{n}.weight", "U8", (4,), memoryview(bytes(4))) for n in range(arrays)]
    TensorFile(blocks, metadata).write(tmp_path / "file")
    assert read_metadata(tmp_path / "file") == read_header(tmp_path / "file").metadata == metadata


def test_a_file_of_safetensors_own_tells_too(tmp_path: Path) -> None:
    save_file({f"layer.{n}": np.zeros(3) for n in range(200)}, tmp_path / "file", METADATA)
    assert read_metadata(tmp_path / "file") == METADATA


def test_metadata_behind_the_arrays_is_found(tmp_path: Path) -> None:
    header = json.dumps(
        {"x": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}, "__metadata__": METADATA}
    )
    (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    assert read_metadata(tmp_path / "file") == METADATA


@pytest.mark.parametrize(
    "header", [b"", b"{}", b'{"__metadata__": {"seconds": \xff}}', b'{"__metadata__": [' + b"[" * 5000]
)
def test_a_file_that_says_nothing_is_damaged(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(DamagedError):
        read_metadata(tmp_path / "file")
