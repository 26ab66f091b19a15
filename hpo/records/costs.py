"""The work behind trials and confirmations, piece by piece: what is charged to each, and what was really spent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from hpo.records.run import Records
from hpo.records.trainings import Audited, Confirmation, Trial

Training = Trial | Confirmation | Audited


@dataclass(frozen=True)
class Piece:
    """One piece of work of a training, as table ``costs`` has it.

    Attributes:
        new_seconds: of a pass, for texts that no pass before it held; None: all of it is new the first time.
    """

    work: str
    key: str
    seconds: float
    new_seconds: float | None = None
    seen: int | None = None
    steps: int | None = None


def trainings(records: Records) -> list[Training]:
    """Every training of a run, in the order in which work of equal keys counts as spent."""
    return [*records.trials, *records.confirmations, *records.audited]


def whose_work(item: Training) -> dict[str, Any]:
    """The columns that name a training in every table."""
    if isinstance(item, Confirmation):
        kind, number = ("baseline" if item.role == "baseline" else "confirmation"), item.index
    else:
        kind, number = ("trial" if isinstance(item, Trial) else "audit"), item.draw
    return {"training": kind, "strategy": item.strategy, "replicate": item.replicate, "number": number}


def costs(records: Records) -> Iterator[dict[str, Any]]:
    """Rows of table ``costs``, without the run's name.

    Sums of a training's charged seconds are ``charged_seconds`` of it; the sum of all spent seconds is
    ``spent_seconds`` of all trials and confirmations. What an audit spent is recorded in one piece, in ``audited``.
    """
    done: set[str] = set()
    for item in trainings(records):
        whose = whose_work(item)
        for position, piece in enumerate(_pieces(item)):
            yield {
                **whose,
                "position": position,
                **asdict(piece),
                "charged_seconds": _charged(item, piece),
                "spent_seconds": None if isinstance(item, Audited) else _spent(piece, done),
            }


def _pieces(item: Training) -> list[Piece]:
    pieces = [Piece("segment", s.key, s.seconds, None, s.examples, s.steps) for s in item.segments]
    pieces += [Piece("pass", p.key, p.seconds, p.spent) for p in item.passes]
    evaluations = [Piece("evaluation", r.evaluation, r.seconds) for r in item.rungs]
    if isinstance(item, Confirmation):
        evaluations.append(Piece("test", item.test_evaluation, item.test_seconds))
        evaluations += [Piece("shift", s.evaluation, s.seconds) for s in item.shifts.values()]
    pieces += [piece for piece in evaluations if piece.key or piece.seconds]
    if isinstance(item, Audited):
        return pieces
    if item.retrained_seconds:
        pieces.append(Piece("retrained", "", item.retrained_seconds))
    if item.charged is not None:
        pieces.append(Piece("whole", "", item.charged))
    return pieces


def _charged(item: Training, piece: Piece) -> float:
    whole = not isinstance(item, Audited) and item.charged is not None
    counted = piece.work == "whole" if whole else piece.work != "retrained"
    return piece.seconds if counted else 0.0


def _spent(piece: Piece, done: set[str]) -> float:
    if piece.work in {"retrained", "whole"}:
        return piece.seconds
    if piece.key in done:
        return 0.0
    done.add(piece.key)
    return piece.seconds if piece.new_seconds is None else piece.new_seconds
