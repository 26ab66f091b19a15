"""What a run fixed before any score was known, as a digest that a reader can make again from the records."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hpo.records.schema import Run


def plan(run: Run) -> dict[str, Any]:
    """What was fixed beforehand: question, strategies, budget, metric, selection, seeds, the data's splits and shift sets.

    The margin of practical equivalence follows from validation scores alone by the rule that the report prints, and
    the rule belongs to the version of hpo.
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
    )
    if run.shifts:
        fixed["shifts"] = {shift.name: shift.sha256 for shift in run.shifts}
    return {**fixed, "split": run.split.sha256, "model": run.model.sha256, "hpo": run.versions.get("hpo")}


def plan_digest(run: Run) -> str:
    """SHA-256 of ``plan`` as JSON with sorted keys."""
    text = json.dumps(plan(run), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
