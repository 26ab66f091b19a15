"""Records of very many trials, with as many rungs as are asked for."""

from __future__ import annotations

from synthetic_records import make_records

from hpo.records.run import Records
from hpo.records.trainings import Trial


def many_records(trials: int, rungs: int) -> Records:
    """Five strategies in five replicates, ``trials`` in all, each complete one with ``rungs`` rungs that double."""
    records = make_records(trials=trials // 25)
    return records.model_copy(update={"trials": tuple(_grown(trial, rungs) for trial in records.trials)})


def _grown(trial: Trial, rungs: int) -> Trial:
    """``trial`` with its first rung and segment repeated, a score that rises to its last, and as far as it came."""
    if not trial.rungs:
        return trial
    reached = rungs if trial.state == "complete" else 1 + trial.draw % (rungs - 1)
    last, first, work = trial.rungs[-1].score, trial.rungs[0], trial.segments[0]
    grown, segments = [], []
    for i in range(reached):
        seen = {"examples": 128 * 2**i, "steps": 4 * 2**i}
        score = round(0.5 + (last - 0.5) * (1 - 0.6 ** (i + 1)), 5)
        grown.append(
            first.model_copy(update={**seen, "score": score, "evaluation": f"{first.evaluation}/{i}"})
        )
        segments.append(work.model_copy(update={**seen, "key": f"{work.key}/{i}"}))
    score = None if trial.score is None else grown[-1].score
    best = None if score is None else reached - 1
    parts = {"rungs": tuple(grown), "segments": tuple(segments), "score": score, "best_rung": best}
    return trial.model_copy(update=parts)
