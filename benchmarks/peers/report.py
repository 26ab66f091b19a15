"""What a side says of itself when it has ended, as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Done:
    """One training that a side made: steps, steps after which it evaluated, and its best validation accuracy.

    ``ended``: seconds from the side's start; ``pruned``: by its own search.
    """

    study: str
    steps: int
    evaluations: tuple[int, ...]
    accuracy: float | None
    ended: float
    pruned: bool = False
    confirmation: bool = False


@dataclass
class Report:
    """A side's own account.

    Attributes:
        wall_seconds: from 'everything imported' to the end.
        training_seconds: of these, in steps and evaluations alone; with several processes their sum.
        profile: of hpo, seconds by kind of work.
        trained: of hpo, segments trained.
        import_seconds: apart from the wall.
    """

    wall_seconds: float = 0.0
    training_seconds: float = 0.0
    import_seconds: float = 0.0
    done: list[Done] = field(default_factory=list)
    profile: dict[str, float] = field(default_factory=dict)
    trained: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
