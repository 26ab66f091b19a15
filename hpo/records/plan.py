"""What a run fixed before any score was known, as a digest that a reader can make again from the records."""

from __future__ import annotations

import hashlib
import json
from enum import Enum
from typing import Any

from hpo.records.run import Run
from hpo.records.verdict_rule import verdict_rule


class Kept(Enum):
    """What of the plan of the records is as it was stamped."""

    WHOLE = "whole"
    WITHOUT_RULE = "all but the rule of the verdict, which was not yet a part of what was stamped"
    CHANGED = "not all"


def plan(run: Run) -> dict[str, Any]:
    """What was fixed beforehand: question, strategies, budget, metric, selection, seeds, sets, and the verdict's rule.

    The rule is that of the version at hand: where it is another than when the run began, the plan is another. What an
    import alone says of a parameter is left out: nothing was fixed by it.
    """
    fixed = run.model_dump(
        mode="json",
        include={
            "question",
            "task",
            "kind",
            "strategies",
            "reference",
            "baseline",
            "replicates",
            "trials",
            "seeds",
            "metric",
            "resource",
            "search",
            "space",
            "seed",
        },
        exclude={"space": {"__all__": {"observed"}}},
    )
    models = {name: model.sha256 for name, model in run.models.items()}
    shifts = {shift.name: shift.sha256 for shift in run.shifts}
    return {
        **fixed,
        "split": run.split.sha256,
        **({"shifts": shifts} if shifts else {}),
        "model": run.model.sha256,
        **({"models": models} if models else {}),
        **({"form": run.form} if run.form else {}),
        **({"device_seconds": run.device_seconds} if run.device_seconds else {}),
        **({"examples": run.examples} if run.examples else {}),
        **({"stop_decided": True} if run.experiment.get("budget", {}).get("stop_decided") else {}),
        **({"warm_start": run.warm_start.sha256} if run.warm_start else {}),
        "hpo": run.versions.get("hpo"),
        "verdict": verdict_rule(),
    }


def plan_digest(run: Run) -> str:
    """SHA-256 of ``plan`` as JSON with sorted keys."""
    return _digest(plan(run))


def earlier_digest(run: Run) -> str:
    """As earlier versions made it, without the rule of the verdict."""
    return _digest({name: value for name, value in plan(run).items() if name != "verdict"})


def kept(run: Run) -> Kept | None:
    """What of the plan of ``run`` is as it was stamped when it began; None where no stamp was written."""
    if run.stamp is None:
        return None
    if run.stamp.plan_sha256 == plan_digest(run):
        return Kept.WHOLE
    return Kept.WITHOUT_RULE if run.stamp.plan_sha256 == earlier_digest(run) else Kept.CHANGED


def _digest(fixed: dict[str, Any]) -> str:
    text = json.dumps(fixed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
