"""The readers of files from elsewhere, each given bytes that nobody meant: a value or a UserError comes, and nothing else.

A reader gets files in hypothesis' hands: whole ones that it accepts, with pieces cut, doubled, swapped, and put in that a
parser trips over, and now and then bytes of any kind. Whatever is no UserError is a crash; so is what takes longer than
``PATIENCE``, or memory beyond ``ROOM``.
"""

from __future__ import annotations

import resource
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from hpo.errors import UserError

PATIENCE = 10.0  # seconds of processor time for one file of at most a few thousand bytes
MOST_BYTES = 1 << 16  # of a file, unless those that are accepted are larger
ROOM = 2 << 30  # bytes that the process may grow by while it reads one


class HangError(BaseException):
    """A reader took too long. No ``Exception``: whatever a reader catches, it does not catch this."""


@dataclass(frozen=True)
class Reader:
    """What is fuzzed.

    Attributes:
        file: name of the file that is written, below a folder of its own.
        seeds: contents that are accepted.
        read: takes the folder, in which the file lies.
        prepare: writes what must lie beside it.
    """

    name: str
    file: str
    seeds: Sequence[bytes]
    read: Callable[[Path], object]
    prepare: Callable[[Path], None] = lambda _: None


@dataclass
class Counts:
    """What came of the files that one reader was given; ``crashes``: how often each came, by type and place."""

    examples: int = 0
    accepted: int = 0
    refused: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    first: dict[str, bytes] = field(default_factory=dict)


# What parsers trip over: bounds of numbers, nesting, signs of other layers, characters that are none.
_NUMBERS = (
    *["null", "true", "NaN", "-Infinity", "1e400", "-1", "0", "-0.0", "1e-400", "1_0"],
    "9" * 400,
    "9" * 5000,
    "0x" + "f" * 5000,
)
_MARKS = (
    *"\0\n\r\t \"'\\/-=[]{}:,|?",
    "",
    "\r\n",
    "../",
    "&a ",
    "*a",
    "<<: ",
    "---\n",
    "[[]]",
    "{}",
    "\u202e\u2028\x85",
)
_TAGS = ("!!python/object:os.system ", "%YAML 1.1\n", "# newdoc", "-DOCSTART-", "__class__", "__metadata__")
_NAMES = (*["text", "label", "O", "B-", "B-PER"], "a" * 3000)
_NESTED = ("[" * 3000, '{"a":' * 3000, "[" * 100 + "]" * 100, '"\\ud800"', "\\ud800", '"\\u0000"')
_BYTES = (
    *(b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x00" * 8, b"\xff" * 8, b"\x01" + b"\x00" * 7),
    *(b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x09\x00\x00\x00"),
)
PIECES = (*(text.encode() for group in (_NUMBERS, _MARKS, _TAGS, _NAMES, _NESTED) for text in group), *_BYTES)


@st.composite
def _edited(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A whole file after a few edits."""
    seed = draw(st.sampled_from(seeds))
    content = bytearray(seed)
    for _ in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, len(content)))
        length = draw(st.one_of(st.just(0), st.integers(0, 8), st.integers(0, len(content))))
        last = min(len(content), first + length)
        piece = draw(
            st.one_of(
                st.sampled_from(PIECES),
                st.binary(max_size=8),
                st.binary(min_size=min(last - first, 16), max_size=min(last - first, 16)),  # nothing moves
                st.just(bytes(content[first:last]) * 2),
            )
        )
        content[first:last] = piece
    return bytes(content[: max(MOST_BYTES, len(seed))])


def contents(reader: Reader) -> st.SearchStrategy[bytes]:
    """Files for ``reader``."""
    return st.one_of(
        _edited(reader.seeds), _edited(reader.seeds), _edited(reader.seeds), st.binary(max_size=300)
    )


def give(reader: Reader, content: bytes, folder: Path, counts: Counts) -> None:
    """Let ``reader`` read ``content`` from ``folder`` and count what comes of it.

    Raises:
        BaseException: what is neither a value nor a UserError, after it was counted.
    """
    (folder / reader.file).write_bytes(content)
    counts.examples += 1
    try:
        with _bounded():
            reader.read(folder)
        counts.accepted += 1
    except UserError:
        counts.refused += 1
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        kind = f"{type(error).__name__} at {_place(error)}"
        counts.crashes[kind] += 1
        counts.first.setdefault(kind, content)
        raise


def _place(error: BaseException) -> str:
    """Where in hpo it came from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/hpo/" in frame.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


@contextmanager
def _bounded() -> Iterator[None]:
    """Limits of time and memory for what stands within."""

    def end(*_: object) -> None:
        raise HangError(f"more than {PATIENCE:.0f} s")

    before = signal.signal(signal.SIGPROF, end)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_size() + ROOM, hard))
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def _size() -> int:
    """Bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
