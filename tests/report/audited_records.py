"""Records of which pruned trials were trained on to their end."""

from __future__ import annotations

from collections.abc import Callable

from hpo.records.run import Records
from hpo.records.selection import auditable
from hpo.records.trainings import Audited, Rung, Segment, Trial

ENDS = (256, 512, 1024)


def audited(records: Records, score: Callable[[Trial], float | None], every: int = 1) -> Records:
    """``records`` with every ``every``-th pruned trial finished: its score at the end by ``score``, None: it diverged."""
    found = tuple(_finished(trial, score(trial)) for trial in auditable(records)[::every])
    return records.model_copy(update={"audited": found})


def _finished(trial: Trial, score: float | None) -> Audited:
    left = [end for end in ENDS if end > trial.rungs[-1].examples] if score is not None else []
    return Audited(
        strategy=trial.strategy,
        replicate=trial.replicate,
        draw=trial.draw,
        sample_seed=7,
        state="failed" if score is None else "complete",
        reason="diverged" if score is None else "trained to its end",
        score=score,
        segments=tuple(Segment(key=f"{end}", examples=end, steps=end // 32, seconds=4.0) for end in left),
        rungs=tuple(Rung(examples=end, score=score or 0.0, seconds=1.0) for end in left),
        passes=(),
        seconds=5.0 * len(left),
    )
