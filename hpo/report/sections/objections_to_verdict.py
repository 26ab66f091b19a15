"""Answers to what is objected to a verdict: its claim, seeds, optimism, robustness, and what was fixed beforehand."""

from __future__ import annotations

import numpy as np

from hpo.records.plan import plan_digest
from hpo.records.schema import Records
from hpo.report.sections.leave_out import left_out, left_out_sentence
from hpo.report.sections.sub_budgets import sub_budget_sentence, sub_budgets
from hpo.report.sentences import Verdict
from hpo.report.text import Units, counted, listed
from hpo.stats.crossed import crossed

NOT_RECORDED = "Not recorded"


def configurations_as_strategies(records: Records, judged: Verdict) -> str:
    """What the verdict is about."""
    run = records.run
    if judged.analysis.claim == "configurations":
        return (
            f"One search a strategy with {counted(run.seeds, 'fresh seed')}: the verdict speaks of the selected "
            "configurations only. Another search may select others."
        )
    own = "with seeds of its own for sampler, data order and training"
    if run.source != "hpo":
        own = f"taken as independent, as {run.source} names them"
    return (
        f"No: each strategy was searched {run.replicates} times, {own}, and intervals and tests are over these "
        f"searches. The claim is about the strategies at this tuning budget ({counted(run.trials, 'trial')} a search)."
    )


def used_seeds(records: Records, judged: Verdict) -> str:  # noqa: ARG001 one signature for all answers
    """Whether a confirmation has the seed of the trial that was selected, or of any."""
    own = [c for c in records.confirmations if c.role == "strategy"]
    if not own:
        return (
            "Nothing is confirmed yet." if records.run.source == "hpo" else f"{NOT_RECORDED}: confirmations."
        )
    told = counted(len(own), "confirmation")
    stale = [c for c in own if not c.fresh]
    if stale:
        return f"Yes: {len(stale):,} of {told} are the selected trial itself or share its seed."
    trials = {(t.strategy, t.replicate, t.draw): t.seed for t in records.trials}
    pairs = [(c.seed, trials.get((c.strategy, c.replicate, c.draw), -1)) for c in own if c.draw is not None]
    if len(pairs) < len(own) or any(-1 in pair for pair in pairs):
        return f"{NOT_RECORDED}: the seeds of all confirmations and selected trials."
    same = sum(fresh == selecting for fresh, selecting in pairs)
    common = {c.seed for c in own} & {t.seed for t in records.trials}
    if same or common:
        return (
            f"Yes: {same:,} of {told} have the seed of the trial that was selected, and {counted(len(common), 'seed')} of "
            "confirmations is among those of trials."
        )
    return (
        f"No: none of {told} has the seed of the selected trial, and of their {counted(len({c.seed for c in own}), 'seed')} "
        f"none is among the {counted(len(set(trials.values())), 'seed')} of trials (compared one by one)."
    )


def optimism_of_selection(records: Records, judged: Verdict) -> str:
    """Validation at selection minus test, with its interval over searches (or seeds)."""
    units = Units(records.run.metric)
    told = []
    for name in records.run.strategies:
        drops = _drops(records, name)
        if len(drops):
            found = crossed(drops[:, None])
            interval = units.difference_interval(found.interval())
            told.append(f"{name} {units.difference(found.mean)} ({interval})")
    if not told:
        return f"{NOT_RECORDED}: scores at selection beside test scores."
    unit = "searches" if judged.analysis.claim == "strategies" else "seeds"
    of = f" in{units.difference_unit}" if units.difference_unit else ""
    apart = (
        ", of trainings apart from those that selected" if all(c.fresh for c in records.confirmations) else ""
    )
    return (
        f"The verdict uses test scores alone{apart}. Validation at selection minus test{of}, mean and 95 % interval "
        f"(Student's, over {unit}): {'; '.join(told)}. How hard the two splits are is in it too."
    )


def _drops(records: Records, strategy: str) -> np.ndarray:
    """Selected score less test score of each unit of one strategy, (u,)."""
    found: dict[int, list[float]] = {}
    for c in records.confirmations:
        if (c.role, c.strategy) == ("strategy", strategy) and c.selected_score is not None:
            unit = c.replicate if records.run.replicates > 1 else c.index
            found.setdefault(unit, []).append(c.selected_score - c.test_score)
    return np.array([sum(drops) / len(drops) for drops in found.values()])


def smaller_budgets(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """What each smaller budget would have selected."""
    found = sub_budgets(records)
    return f"{sub_budget_sentence(records, found)}." if found else f"{NOT_RECORDED}: several trials a search."


def one_left_out(records: Records, judged: Verdict) -> str:
    """The verdict without each replicate and seed."""
    found = left_out(records, judged)
    if found:
        told = left_out_sentence(found, judged.analysis.best)
        replicates = sum(left.name.startswith("replicate") for left in found)
        kinds = {"replicate": replicates, "fresh seed": len(found) - replicates}
        return f"With {listed(counted(n, kind) for kind, n in kinds.items() if n)} left out in turn, {told}."
    if judged.state == "unfinished":
        return "No verdict is drawn yet."
    if len(judged.analysis.standings) < 2:
        return "Nothing is compared."
    return "It may: there are too few searches and seeds for one to be left out."


def fixed_beforehand(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Whether the plan stamped before the first score is the plan of the records."""
    stamp, now = records.run.stamp, plan_digest(records.run)
    what = "question, strategies, reference, budget, metric, selection, seeds, space and splits"
    if stamp is None:
        return f"{NOT_RECORDED}: no stamp was written when the run began."
    if stamp.plan_sha256 != now:
        return (
            f"They differ from what was stamped when the run began ({stamp.began}): SHA-256 {stamp.plan_sha256[:12]} then, "
            f"{now[:12]} of these records ({what})."
        )
    return (
        f"No: {what} were stamped before the first score ({stamp.began}), and their SHA-256 {now[:12]} is that of these "
        "records. The margin follows from validation scores by a rule of this version of hpo."
    )


def error_bars(records: Records, judged: Verdict) -> str:
    """What the intervals of the verdict are over."""
    run = records.run
    units = "searches" if judged.analysis.claim == "strategies" else "fresh seeds of one search"
    sizes = sorted({s.estimate.units for s in judged.analysis.standings})
    if not sizes:
        return "No interval is drawn yet: nothing is confirmed."
    many = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    items = "; scores of single test items are not recorded, so that the choice of items is in no interval"
    if any(c.test_correct is not None for c in records.confirmations):
        what = "test items" if run.split.groups is None else "groups of test items"
        items = f" and {judged.analysis.standings[0].estimate.items:,} {what} (crossed variance)"
    return (
        f"95 % intervals over {many} {units} of each strategy{items}. What a band or bar in a figure is over stands in its "
        "caption."
    )
