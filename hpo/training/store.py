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

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from hpo.training.facts import FACTS, EvaluationFacts, PassFacts, SegmentFacts, read_facts, write_facts
from hpo.training.past_cache import PastCache
from hpo.training.prefix_files import Prefix, PrefixReader, prefix_file, read_texts
from hpo.training.private_files import FILE, make_folder
from hpo.training.quota import Quota
from hpo.training.state_files import read_state, state_file
from hpo.training.tensor_files import DamagedError

# Bytes. A state of two trained MiniLM layers with AdamW's moments takes 43 MB, of the whole model 271 MB; a prefix of
# 1,000 reviews 41 MB a depth. So the branch points and the rungs to which the shipped search of schedules goes back, which
# in 4 GiB trains 10 of its 275 segments again, on a disk that anyone has.
STORE_LIMIT = 6 * 2**30

Kept = TypeVar("Kept", dict[str, Tensor], Prefix)


def file_name(kind: str, key: str) -> str:
    """Name of a file in any store, such as ``states/<key>.safetensors``."""
    return f"{kind}/{key.removeprefix('sha256:')}.{'json' if kind in FACTS else 'safetensors'}"


def store_folder(results: Path) -> Path:
    """The store of all runs below a results folder."""
    return results / ".store"


class Store:
    """One folder of facts, states and prefixes; several processes may use it at once.

    Args:
        limit: bytes that states and prefixes may take together, also while they are written.

    Attributes:
        warn: takes one sentence for the user.
    """

    def __init__(
        self, folder: Path, limit: int = STORE_LIMIT, warn: Callable[[str], None] = lambda _: None
    ) -> None:
        self.folder = folder
        self.warn = warn
        self._warned: set[str] = set()
        for path in (folder, *(folder / kind for kind in (*FACTS, "locks"))):
            make_folder(path)
        self._quota = Quota(folder, limit)
        self._prefixes = PrefixReader()
        self._past_cache = PastCache()
        self._quota.settle()

    def lock(self, key: str) -> FileLock:
        """Held by who computes what is stored under ``key``, so that others wait for it in place of computing it too."""
        return FileLock(self.folder / "locks" / key.removeprefix("sha256:"), mode=FILE)

    @contextmanager
    def warnings(self) -> Iterator[list[str]]:
        """Within it warnings go into the list as well."""
        caught: list[str] = []
        before, self.warn = self.warn, caught.append
        try:
            yield caught
        finally:
            self.warn = before

    def segment(self, key: str) -> SegmentFacts | None:
        """Facts of a segment trained before, or None."""
        return read_facts(self._path("segments", key), SegmentFacts)

    def put_segment(self, key: str, facts: SegmentFacts) -> None:
        """Store facts, unless there are some. Warns where those tell of another state.

        Raises:
            UserError: the disk is full.
        """
        known = write_facts(self._path("segments", key), facts, self._quota)
        if known is not None and known.state != facts.state:
            self._warn_once(
                "bits",
                f"segment {key.removeprefix('sha256:')[:12]}, trained again, ends in another state than the first "
                "time: this machine does not compute the same bits; `hpo verify RUN` shows by how much",
            )

    def evaluation(self, key: str) -> EvaluationFacts | None:
        """Facts of an evaluation made before, or None."""
        return read_facts(self._path("evaluations", key), EvaluationFacts)

    def put_evaluation(self, key: str, facts: EvaluationFacts) -> None:
        """Store facts, unless there are some.

        Raises:
            UserError: the disk is full.
        """
        write_facts(self._path("evaluations", key), facts, self._quota)

    def passed(self, key: str) -> PassFacts | None:
        """Facts of a pass made before, or None."""
        return read_facts(self._path("passes", key), PassFacts)

    def put_pass(self, key: str, facts: PassFacts) -> None:
        """Store facts, unless there are some.

        Raises:
            UserError: the disk is full.
        """
        write_facts(self._path("passes", key), facts, self._quota)

    def forget(self, segment: str, state: str, evaluation: str | None = None) -> None:
        """Forget a segment, the state at its end and what that scored, as if it had never been trained."""
        self._quota.remove([self._path("states", state)])
        if evaluation is not None:
            self._path("evaluations", evaluation).unlink(missing_ok=True)
        self._path("segments", segment).unlink(missing_ok=True)

    def has_state(self, key: str) -> bool:
        """Whether there is a state, not yet whether it is whole."""
        return self._path("states", key).is_file()

    def state(self, key: str) -> dict[str, Tensor] | None:
        """A stored state on the CPU, or None where there is none or it is damaged."""
        return self._used(self._path("states", key), read_state)

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
        if not path.is_file():
            file = state_file(tensors, {"digest": digest, **_worth(seconds, chance)})
            self.keep(path, file.size, lambda temporary: file.write(temporary, self._past_cache))

    def prefix_keys(self) -> list[str]:
        """Keys of the prefixes that are stored now."""
        with os.scandir(self.folder / "prefixes") as entries:
            return sorted(entry.name.removesuffix(".safetensors") for entry in entries)

    def prefix_texts(self, key: str) -> tuple[str, NDArray[np.uint8]] | None:
        """``passes`` and ``texts`` of a stored prefix, unchecked and not counted as a use; None where unreadable."""
        try:
            return read_texts(self._path("prefixes", key))
        except DamagedError:
            return None  # ``prefix`` says so to whoever reads it

    def prefix(self, key: str) -> Prefix | None:
        """A stored prefix, mapped from its file; None where there is none or it is damaged."""
        return self._used(self._path("prefixes", key), self._prefixes.read)

    def put_prefix(self, key: str, prefix: Prefix, chance: float) -> None:
        """Store a prefix, as ``put_state`` does."""
        path = self._path("prefixes", key)
        if not path.is_file():
            file = prefix_file(prefix, _worth(float(prefix.seconds.sum()), chance))
            self.keep(path, file.size, file.write)

    def keep(self, path: Path, size: int, write: Callable[[Path], None]) -> None:
        """Store a file of ``size`` bytes that ``write`` writes, as room allows: it can be computed again."""
        if size > self._quota.limit:
            self._warn_once(
                "large",
                f"one of the {path.parent.name} takes {size / 1e6:.1f} MB, more than the store may hold: "
                "it is not stored; raise --store-limit",
            )
            return
        try:
            temporary = self._quota.reserve(size)
            if temporary is None:
                return
            try:
                write(temporary)
                self._quota.keep(temporary, path)
            except BaseException:
                self._quota.release(temporary)
                raise
        except OSError as error:
            self._warn_once(
                "full",
                f"{self.folder}: {error.strerror or error}: what cannot be stored is computed again when it is needed; "
                "free some space",
            )

    def _used(self, path: Path, read: Callable[[Path], Kept]) -> Kept | None:
        """What ``read`` finds in a file, which is used now: the last to make room. A damaged one is removed."""
        try:
            found = read(path)
        except FileNotFoundError:
            return None
        except DamagedError:
            self._quota.remove([path])
            self.warn(
                f"{path.parent.name}/{path.name[:12]} was damaged: removed, and computed again when needed"
            )
            return None
        with suppress(OSError):  # it made room meanwhile; who reads it has it still
            os.utime(path)
        return found

    def _warn_once(self, what: str, text: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            self.warn(text)

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / file_name(kind, key)


def _worth(seconds: float, chance: float) -> dict[str, str]:
    """What ``quota.py`` reads of a file."""
    return {"seconds": repr(seconds), "chance": repr(chance)}
