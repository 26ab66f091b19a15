"""Records with scores on shift sets, drawn from true skills as those of the test split are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpo.records.run import Records
from hpo.records.setup import ShiftInfo
from hpo.records.trainings import Confirmation, SetScores


def shifted(
    records: Records,
    skills: Mapping[str, Mapping[str, float]],
    *,
    items: int = 600,
    groups: int | None = None,
    seed: int = 3,
) -> Records:
    """``records`` scored on each set of ``skills``: the true accuracy of each strategy (and the baseline) on it."""
    random = np.random.default_rng(seed)
    infos, scores = [], [dict[str, SetScores]() for _ in records.confirmations]
    for name, of_set in skills.items():
        topic = random.integers(0, groups or items, items)
        infos.append(
            ShiftInfo(
                name=name,
                source=f"{name}, made up",
                licence="CC0",
                size=items,
                overlap_dropped=4,
                duplicates_dropped=1,
                texts_cut=2,
                groups=None if groups is None else tuple(int(t) for t in topic),
                sha256="ab" * 32,
            )
        )
        difficulty = random.normal(0, 1, items) + (
            0 if groups is None else random.normal(0, 1, groups)[topic]
        )
        for c, own in zip(records.confirmations, scores, strict=True):
            skill = of_set[c.strategy] + random.normal(0, 0.008)
            own[name] = _scored(c, name, skill, difficulty + random.normal(0, 0.6, items))
    confirmations = tuple(
        c.model_copy(update={"shifts": own}) for c, own in zip(records.confirmations, scores, strict=True)
    )
    run = records.run.model_copy(update={"shifts": tuple(infos)})
    return records.model_copy(update={"run": run, "confirmations": confirmations})


def _scored(c: Confirmation, name: str, skill: float, latent: np.ndarray) -> SetScores:
    correct = tuple(int(right) for right in latent < np.quantile(latent, skill))
    score = float(np.mean(correct))
    return SetScores(
        score=score,
        metrics={"accuracy": score},
        loss=0.6,
        predictions=correct,
        correct=correct,
        values=None,
        seconds=1.5,
        evaluation=f"{c.role}/{c.strategy}/{c.replicate}/{c.index}/{name}",
    )
