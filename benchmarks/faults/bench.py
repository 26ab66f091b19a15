"""What every fault is given: an undisturbed run, a folder, and moments drawn from a recorded seed."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.faults.study import Left, Study, left_by


@dataclass
class Found:
    """What came of a fault.

    Attributes:
        faults: every way in which a promise was broken, a sentence each.
        told: figures by name.
    """

    faults: list[str] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)

    def fault(self, text: str) -> None:
        """A promise was broken."""
        self.faults.append(text)
        print(f"  BROKEN: {text}", flush=True)

    def tell(self, **told: Any) -> Found:
        """Note figures."""
        self.told |= told
        return self


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing disturbed: what it left, its wall seconds, and how many segments it trained."""

    study: Study
    left: Left
    seconds: float
    trained: int


class Bench:
    """Makes studies and holds them against the undisturbed one.

    Args:
        seed: of the moments.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 - moments, no secret
        self.imports = 8.0  # seconds of a command before it does anything; the undisturbed run measures it

    def study(self, name: str, **how: Any) -> Study:
        """A fresh study."""
        return Study(self.folder / name, **how)

    @cached_property
    def undisturbed(self) -> Undisturbed:
        """Made when it is first asked for."""
        study = self.study("undisturbed")
        seconds = self._timed(study)
        self.imports = max(0.0, self._timed(self.study("command"), command=True) - seconds)
        trained = study.trainings()
        return Undisturbed(study, left_by(study), seconds, trained)

    def _timed(self, study: Study, *, command: bool = False) -> float:
        started = time.monotonic()
        code, printed = study.finish(before=study.counted, command=command)
        if code:
            raise RuntimeError(f"the undisturbed run ended with {code}:\n{printed}")
        return time.monotonic() - started

    def ends(self, study: Study, found: Found, **how: Any) -> None:
        """Give the command once more, and hold what the run left against the undisturbed one."""
        self.ended(study, *study.finish(before=study.counted, **how), found)

    def ended(self, study: Study, code: int, printed: str, found: Found) -> None:
        """As ``compare``; a folder that holds no surprise is removed."""
        if self.compare(study, code, printed, found):
            shutil.rmtree(study.folder)

    def compare(self, study: Study, code: int, printed: str, found: Found) -> bool:
        """Hold what an ended run left against the undisturbed one; whether it is all the same."""
        if code:
            found.fault(f"{study.folder.name}: the run ended with {code}:\n{printed}")
            return False
        differences = left_by(study).differences(self.undisturbed.left)
        for name in differences:
            found.fault(f"{study.folder.name}: other {name} than undisturbed")
        return not differences
