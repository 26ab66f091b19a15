"""Numbers and names as the command line writes them."""

from __future__ import annotations

import shutil
import textwrap


def printable(text: str) -> str:
    """``text`` on one line, without control characters: names come from a user's file."""
    return "".join(c if c.isprintable() else " " for c in text)


def line(text: str) -> None:
    """Print ``text`` at once, into a pipe too: what takes long is told before it begins."""
    print(text, flush=True)


def paragraph(text: str, heading: str = "") -> str:
    """``text`` without control characters, wrapped to the terminal (80 columns where there is none), beside a heading."""
    return textwrap.fill(
        printable(text),
        shutil.get_terminal_size().columns,
        initial_indent=heading,
        subsequent_indent=" " * len(heading),
        break_on_hyphens=False,
    )


def duration(seconds: float) -> str:
    """Two units at most: ``40 s``, ``6 min``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def time_left(seconds: float | None) -> str:
    """An estimate, as an estimate."""
    return "time left not known yet" if seconds is None else f"about {duration(seconds)} left"


def score(value: float | None) -> str:
    """A score to three digits."""
    return "-" if value is None else f"{value:.3f}"


def size(count: int) -> str:
    """Bytes in decimal units, as package indexes print them."""
    if count < 1_000_000:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1_000_000_000 else f"{count / 1e9:.2f} GB"


def count_of(number: int, noun: str) -> str:
    """``1 trial``, ``2 trials``, ``25 studies``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
