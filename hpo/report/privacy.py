"""What of the user's texts a run protects, how far, and what it does not: in words, and group by group."""

from __future__ import annotations

from hpo.records.run import Records
from hpo.records.setup import PrivacyInfo
from hpo.report.table import Table, make_table
from hpo.report.text import counted, listed

_TITLE = "Differential privacy"
_LEFT = (
    "Not covered: the texts of validation and test, by which configurations were selected and scores computed; the sizes "
    "of the splits, the names of the classes, and how many duplicates were dropped; several texts of one person, who is "
    "protected less than by one; the seed of the noise, which must stay secret and is in no record; how long steps took; "
    "the rounding of floating-point numbers; and any other run on the same texts, whose cost adds to this one."
)


def privacy_text(info: PrivacyInfo | None) -> tuple[str, ...]:
    """What is promised and what is not; nothing without private trainings."""
    if info is None:
        return ()
    each = listed(
        f"{g.epsilon:g} ({counted(g.trainings, 'training')} of {listed(g.strategies)})" for g in info.groups
    )
    promised = (
        f"{_TITLE}: the trainings meet, all of one line of the table together, epsilon {each} at delta {info.delta:g}, "
        "for one text more or less in the training split. They are trained by DP-SGD (Abadi et al. 2016): batches by "
        f"Poisson sampling, the gradient of each text cut to the norm {info.clip:g}, Gaussian noise. Counted is the whole "
        "search, not the best training: every trial, confirmation and training of the baseline, by composition at each "
        f"order of Renyi divergence (Mironov 2017; accountant: {info.accountant}), which holds whatever a sampler drew, a "
        "pruner stopped or selection chose by the results before."
    )
    if len(info.groups) > 1:
        promised += f" Published together, the lines of the table meet {info.together:.3g}."
    if info.unprotected:
        promised += f" Of {listed(info.unprotected)} nothing is promised: to publish these results tells of the texts."
    return (promised, _LEFT)


def promise(info: PrivacyInfo, strategy: str) -> str:
    """What a run promises of its trainings of one strategy."""
    group = next((g for g in info.groups if strategy in g.strategies), None)
    if group is None:
        return "none: it was trained without noise"
    return (
        f"epsilon {group.epsilon:g} at delta {info.delta:g} for one training text more or less, met by the "
        f"{counted(group.trainings, 'training')} of the run together; what the promise does not cover stands in its report"
    )


def privacy_table(records: Records) -> Table:
    """One row for each epsilon; no rows without private trainings."""
    info = records.run.privacy
    groups = () if info is None else info.groups
    shown = [
        {
            "Epsilon": f"{g.epsilon:g}",
            "Spent": f"{g.spent:.3f}",
            "Noise multiplier": f"{g.noise_multiplier:.3f}",
            "Trainings": f"{g.trainings:,}",
            "Steps": f"{g.steps:,}",
            "Rate": f"{g.rate:.4f}",
            "Strategies": listed(g.strategies),
        }
        for g in groups
    ]
    raw = [
        {
            "epsilon": g.epsilon,
            "delta": info.delta if info else None,
            "spent": g.spent,
            "noise_multiplier": g.noise_multiplier,
            "clip": info.clip if info else None,
            "trainings": g.trainings,
            "steps": g.steps,
            "rate": g.rate,
            "strategies": "; ".join(g.strategies),
        }
        for g in groups
    ]
    note = (
        "Asked for and spent by all trainings of a row together; the noise is the multiplier times the clipping norm. "
        "Steps and rate (the chance of a text to be drawn by a step) are the most that a training has."
    )
    return make_table("privacy", _TITLE, note, shown, raw)
