"""What training has done, by key: facts of segments and evaluations for good, states and prefixes as room allows.

    <folder>/segments/<key>.json         loss, seconds and the digest of the state at its end
    <folder>/evaluations/<key>.json      scores of one state on one evaluation set
    <folder>/passes/<key>.json           seconds of a pass of texts through frozen layers
    <folder>/states/<key>.safetensors    a state, with its digest
    <folder>/prefixes/<key>.safetensors  the output of frozen layers for a list of texts, with its digest

One store serves all runs of a results folder and all their workers at once. Each file is written under a temporary
name (in ``partial/``) and renamed, so that a kill leaves it whole or not at all; the first writer of a name wins.
Facts are fsynced, and stay. All files are checked when read: what a damaged one tells is computed again, as is a state or
a prefix that is missing. ``quota.py`` says which give way to new ones. All files are for their owner alone.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from hpo.errors import UserError
from hpo.records.base import Frozen
from hpo.records.sealed import BrokenSealError, seal, unseal
from hpo.training.past_cache import PastCache
from hpo.training.private_files import FILE, make_file, make_folder
from hpo.training.quota import FACTS, Quota
from hpo.training.states import bits, state_digest
from hpo.training.tensor_files import Block, DamagedError, Header, TensorFile, read_header

# Bytes. A state of two trained MiniLM layers with AdamW's moments takes 43 MB, of the whole model 271 MB; a prefix of
# 1,000 reviews 41 MB a depth. So the branch points and the rungs to which the shipped search of schedules goes back, which
# in 4 GiB trains 10 of its 275 segments again, on a disk that anyone has.
STORE_LIMIT = 6 * 2**30

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
# Arrays of a stored prefix, the widest numbers first, so that each begins at a multiple of its size.
_PREFIX = {"seconds": ("F64", "<f8"), "ends": ("I64", "<i8"), "values": ("F32", "<f4"), "texts": ("U8", "u1")}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


_NAME = re.compile(r"(segments|evaluations|passes)/[0-9a-f]{64}\.json|states/[0-9a-f]{64}\.safetensors")


def file_name(kind: str, key: str, ending: str | None = None) -> str:
    """Name of a file in any store, such as ``states/<key>.safetensors``."""
    ending = ending or ("json" if kind in FACTS else "safetensors")
    return f"{kind}/{key.removeprefix('sha256:')}.{ending}"


def store_folder(results: Path) -> Path:
    """The store of all runs below a results folder."""
    return results / ".store"


class SegmentFacts(Frozen):
    """What training one segment gave.

    Attributes:
        loss: mean over the segment's steps in nats, None where it diverged.
        state: digest of the state at its end.
    """

    loss: float | None
    seconds: float
    state: str


class ItemFacts(Frozen):
    """What is kept of each item of the test split, in the order of the split.

    Attributes:
        losses: cross-entropy in nats.
        predictions: class index, where an item has one class.
        counts: else true positives, false positives and false negatives of each class (``hpo.metrics.counts``).
    """

    losses: tuple[float, ...]
    predictions: tuple[int, ...] | None = None
    counts: tuple[tuple[tuple[int, ...], ...], ...] = ()


class EvaluationFacts(Frozen):
    """Scores of one state: every metric of its task by name; ``items`` where they are scored one by one."""

    metrics: dict[str, float]
    loss: float | None
    seconds: float
    items: ItemFacts | None = None


class PassFacts(Frozen):
    """What a pass of texts through frozen layers took: all its texts, and those that no pass before it held."""

    seconds: float
    spent: float


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


Facts = TypeVar("Facts", SegmentFacts, EvaluationFacts, PassFacts)


class Store:
    """One folder of facts, states and prefixes; several processes may use it at once.

    Args:
        limit: bytes that states and prefixes may take together, also while they are written.
        warn: takes one sentence for the user.
    """

    def __init__(
        self, folder: Path, limit: int = STORE_LIMIT, warn: Callable[[str], None] = lambda _: None
    ) -> None:
        self._folder = folder
        self._warn = warn
        self._warned: set[str] = set()
        self._checked: set[tuple[str, int]] = set()  # prefixes found whole: key, inode
        for path in (folder, *(folder / kind for kind in (*FACTS, "locks"))):
            make_folder(path)
        self._quota = Quota(folder, limit)
        self._past_cache = PastCache()
        self._quota.settle()

    def lock(self, key: str) -> FileLock:
        """Held by who computes what is stored under ``key``, so that others wait for it in place of computing it too."""
        return FileLock(self._folder / "locks" / key.removeprefix("sha256:"), mode=FILE)

    @contextmanager
    def warnings(self) -> Iterator[list[str]]:
        """Within it warnings go into the list as well."""
        caught: list[str] = []
        before, self._warn = self._warn, caught.append
        try:
            yield caught
        finally:
            self._warn = before

    def segment(self, key: str) -> SegmentFacts | None:
        """Facts of a segment trained before, or None."""
        return self._read("segments", key, SegmentFacts)

    def evaluation(self, key: str) -> EvaluationFacts | None:
        """Facts of an evaluation made before, or None."""
        return self._read("evaluations", key, EvaluationFacts)

    def forget(self, segment: str, state: str, evaluation: str | None = None) -> None:
        """Forget a segment, the state at its end and what that scored, as if it had never been trained."""
        self._quota.remove([self._path("states", state)])
        if evaluation is not None:
            self._path("evaluations", evaluation, "json").unlink(missing_ok=True)
        self._path("segments", segment, "json").unlink(missing_ok=True)

    def put_segment(self, key: str, facts: SegmentFacts) -> None:
        """Store facts, unless there are some. Warns where those tell of another state.

        Raises:
            UserError: the disk is full.
        """
        known = self._write("segments", key, facts)
        if known is not None:
            self._compare(key, known.state, facts.state)

    def put_evaluation(self, key: str, facts: EvaluationFacts) -> None:
        """Store facts, unless there are some.

        Raises:
            UserError: the disk is full.
        """
        self._write("evaluations", key, facts)

    def passed(self, key: str) -> PassFacts | None:
        """Facts of a pass made before, or None."""
        return self._read("passes", key, PassFacts)

    def put_pass(self, key: str, facts: PassFacts) -> None:
        """Store facts, unless there are some.

        Raises:
            UserError: the disk is full.
        """
        self._write("passes", key, facts)

    def has_state(self, key: str) -> bool:
        """Whether there is a state, not yet whether it is whole."""
        return self._path("states", key).is_file()

    def state(self, key: str) -> dict[str, Tensor] | None:
        """A stored state on the CPU, or None where there is none or it is damaged."""
        path = self._path("states", key)
        try:
            tensors = _whole_state(path)
        except FileNotFoundError:
            return None
        except DamagedError:
            self._discard(path)
            return None
        _touch(path)
        return tensors

    def holds(self, name: str) -> bool:
        """Whether there is a file of this ``file_name``, not yet whether it is whole."""
        return self._named(name).is_file()

    def read(self, name: str) -> bytes | None:
        """A file as it lies in the store, for ``take`` of another one; None where there is none."""
        try:
            return self._named(name).read_bytes()
        except FileNotFoundError:
            return None

    def take(self, name: str, data: bytes) -> None:
        """Store facts or a state as another store read them, unless they are here. What is damaged is left, with a warning.

        Raises:
            UserError: the disk is full.
        """
        path = self._named(name)
        kind, key = path.parent.name, path.stem
        if path.is_file():
            return
        try:
            if kind == "segments":
                self.put_segment(key, SegmentFacts.model_validate_json(unseal(data)))
            elif kind == "evaluations":
                self.put_evaluation(key, EvaluationFacts.model_validate_json(unseal(data)))
            elif kind == "passes":
                self.put_pass(key, PassFacts.model_validate_json(unseal(data)))
            else:
                self._take_state(path, data)
        except (ValidationError, BrokenSealError, DamagedError):
            self._warn(f"{kind}/{key[:12]} came damaged from a worker: it is computed again when needed")
        except OSError as error:
            self._warn_full(error)

    def _take_state(self, path: Path, data: bytes) -> None:
        temporary = self._quota.reserve(len(data)) if len(data) <= self._quota.limit else None
        if temporary is None:
            return  # there is no room: it is computed again when needed
        try:
            temporary.write_bytes(data)
            _whole_state(temporary)
            self._quota.keep(temporary, path)
        except BaseException:
            self._quota.release(temporary)
            raise

    def put_state(
        self, key: str, tensors: Mapping[str, Tensor], digest: str, seconds: float, chance: float
    ) -> None:
        """Store a state, in place of files of less worth where the limit asks for it.

        Args:
            tensors: on the CPU, contiguous.
            digest: their ``state_digest``.
            seconds: that computing it again takes.
            chance: that it is asked for again, 0 to 1.
        """
        path = self._path("states", key)
        if path.is_file():
            return
        blocks = [
            Block(name, DTYPES[tensor.dtype], tuple(tensor.shape), bits(tensor))
            for name, tensor in tensors.items()
        ]
        self._put(path, blocks, digest, seconds, chance, past_cache=self._past_cache)

    def state_names(self) -> list[str]:
        """``file_name`` of each state that is stored now."""
        return sorted(f"states/{path.name}" for path in (self._folder / "states").iterdir())

    def prefix_keys(self) -> list[str]:
        """Keys of the prefixes that are stored now."""
        with os.scandir(self._folder / "prefixes") as entries:
            return sorted(entry.name.removesuffix(".safetensors") for entry in entries)

    def prefix_texts(self, key: str) -> tuple[str, NDArray[np.uint8]] | None:
        """``passes`` and ``texts`` of a stored prefix, unchecked and not counted as a use; None where unreadable."""
        path = self._path("prefixes", key)
        try:
            header = read_header(path)
            return header.metadata["passes"], np.array(_mapped(path, header, "texts"))
        except (DamagedError, KeyError, TypeError, ValueError, OSError):
            return None  # ``prefix`` says so to whoever reads it

    def prefix(self, key: str) -> Prefix | None:
        """A stored prefix, mapped from its file; None where there is none or it is damaged."""
        path = self._path("prefixes", key)
        try:
            header = read_header(path)
            arrays = {name: _mapped(path, header, name) for name in _PREFIX}
            inode = (path.name, path.stat().st_ino)
            if inode not in self._checked and header.metadata.get("digest") != _digest(arrays.values()):
                raise DamagedError(path)
            prefix = Prefix(**arrays, passes=header.metadata["passes"])
        except FileNotFoundError:
            return None
        except (DamagedError, KeyError, TypeError, ValueError, OSError):
            self._discard(path)
            return None
        self._checked.add(inode)
        _touch(path)
        return prefix

    def put_prefix(self, key: str, prefix: Prefix, chance: float) -> None:
        """Store a prefix, as ``put_state`` does."""
        path = self._path("prefixes", key)
        if path.is_file():
            return
        arrays = {
            name: np.ascontiguousarray(getattr(prefix, name), dtype) for name, (_, dtype) in _PREFIX.items()
        }
        blocks = [Block(name, _PREFIX[name][0], array.shape, _bytes(array)) for name, array in arrays.items()]
        seconds = float(prefix.seconds.sum())
        self._put(path, blocks, _digest(arrays.values()), seconds, chance, passes=prefix.passes)

    def _put(
        self,
        path: Path,
        blocks: list[Block],
        digest: str,
        seconds: float,
        chance: float,
        past_cache: PastCache | None = None,
        **more: str,
    ) -> None:
        metadata = {"digest": digest, "seconds": repr(seconds), "chance": repr(chance), **more}
        file = TensorFile(blocks, metadata)
        if file.size > self._quota.limit:
            self._warn_once(
                "large",
                f"one of the {path.parent.name} takes {file.size / 1e6:.1f} MB, more than the store may hold: "
                "it is not stored; raise --store-limit",
            )
            return
        try:
            temporary = self._quota.reserve(file.size)
            if temporary is None:
                return
            try:
                file.write(temporary, past_cache)
                self._quota.keep(temporary, path)
            except BaseException:
                self._quota.release(temporary)
                raise
        except OSError as error:
            self._warn_full(error)

    def _warn_full(self, error: OSError) -> None:
        self._warn_once(
            "full",
            f"{self._folder}: {error.strerror or error}: what cannot be stored is computed again when it is needed; "
            "free some space",
        )

    def _discard(self, path: Path) -> None:
        self._quota.remove([path])
        self._warn(
            f"{path.parent.name}/{path.name[:12]} was damaged: removed, and computed again when needed"
        )

    def _compare(self, key: str, known: str, found: str) -> None:
        if known != found:
            self._warn_once(
                "bits",
                f"segment {key.removeprefix('sha256:')[:12]}, trained again, ends in another state than the first "
                "time: this machine does not compute the same bits; `hpo verify RUN` shows by how much",
            )

    def _warn_once(self, what: str, text: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            self._warn(text)

    def _named(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a file in a store")
        return self._folder / name

    def _path(self, kind: str, key: str, ending: str = "safetensors") -> Path:
        return self._folder / file_name(kind, key, ending)

    def _read(self, kind: str, key: str, model: type[Facts]) -> Facts | None:
        try:
            return model.model_validate_json(unseal(self._path(kind, key, "json").read_bytes()))
        except FileNotFoundError:
            return None
        except (ValidationError, BrokenSealError):
            return None  # a damaged file is work to be done again

    def _write(self, kind: str, key: str, facts: Facts) -> Facts | None:
        """Write facts and return None, or return those that were there."""
        path, temporary = self._path(kind, key, "json"), self._quota.temporary()
        try:
            try:
                make_file(temporary)
                with temporary.open("wb") as file:
                    file.write(seal(facts.model_dump_json()).encode())
                    file.flush()
                    os.fsync(file.fileno())
                with self._quota.locked():
                    known = self._read(kind, key, type(facts))
                    if known is None:
                        temporary.replace(path)
                        _sync(path.parent)
                return known
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise UserError(
                f"{path.parent}: {error.strerror}: what was trained last cannot be recorded",
                "Free some space; then give the same command again: it goes on from what is recorded.",
            ) from error


def _whole_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a state's file.

    Raises:
        DamagedError: it is not what was written.
        FileNotFoundError: there is none.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            digest = (file.metadata() or {}).get("digest")
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError) as error:
        raise DamagedError(path) from error
    if digest != state_digest(tensors):
        raise DamagedError(path)
    return tensors


def _mapped(path: Path, header: Header, name: str) -> NDArray[Any]:
    """One array of a file, read when it is used."""
    entry, (kind, dtype) = header.entries[name], _PREFIX[name]
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


def _sync(folder: Path) -> None:
    """Make a rename in ``folder`` last, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _touch(path: Path) -> None:
    """Used now: the last to make room."""
    try:
        os.utime(path)
    except OSError:  # it made room meanwhile; who reads it has it still
        return
