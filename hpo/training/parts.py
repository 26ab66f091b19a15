"""A batch in parts, one after another in less memory."""

from __future__ import annotations


def parts(count: int, accumulation: int) -> list[slice]:
    """``count`` rows in so many parts, no two of which differ by more than a row; in fewer where there are fewer rows."""
    number = min(accumulation, count)
    return [slice(count * i // number, count * (i + 1) // number) for i in range(number)]
