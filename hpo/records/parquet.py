"""Parquet files that others wrote, read by pieces: a page of a few bytes may say that it stands for gigabytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROWS = 256  # unpacked at once
# A file may unpack to so many times its size, and to so many bytes whatever its size: texts pack to a fifth, a column of
# one label to nearly nothing.
MOST_TIMES, ALWAYS = 100, 2**30


def read_parquet(path: Path) -> tuple[Mapping[bytes, bytes], dict[str, list[Any]]]:
    """The metadata of the schema, and the columns by name.

    Raises:
        ValueError: it is no Parquet file, is damaged, or unpacks to far more than its size.
        OSError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet

    left = max(ALWAYS, MOST_TIMES * path.stat().st_size)
    try:
        # Not by pandas: there a whole number beside a gap becomes a fraction, and a list an array.
        file = pyarrow.parquet.ParquetFile(path)
        columns: dict[str, list[Any]] = {name: [] for name in file.schema_arrow.names}
        for batch in file.iter_batches(ROWS):
            left -= batch.nbytes
            if left < 0:
                raise ValueError("it unpacks to far more than its size")
            for name, values in batch.to_pydict().items():
                columns[name] += values
        return file.schema_arrow.metadata or {}, columns
    # A number or a date beyond what Python has is an ArithmeticError, a name of no column a LookupError.
    except (pa.ArrowException, ArithmeticError, LookupError, TypeError) as error:
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0]) from error
