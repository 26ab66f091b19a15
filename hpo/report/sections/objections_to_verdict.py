"""Answers to what is objected to a verdict: its claim, seeds, optimism, robustness, and what was fixed beforehand."""

from __future__ import annotations

import numpy as np

from hpo.records.plan import Kept, kept, plan_digest
from hpo.records.run import Records
from hpo.report.optimism import drop, drop_name
from hpo.report.sections.generalization import winner_sentence
from hpo.report.sections.leave_out import kinds, left_out, left_out_sentence
from hpo.report.sections.sub_budgets import sub_budget_sentence, sub_budgets
from hpo.report.sentences import Verdict
from hpo.report.shifts import domains, ranking
from hpo.report.sizes import recorded, search_budget
from hpo.report.terms import UNRECORDED, single_training, units_of, without_search
from hpo.report.text import Units, capitalised, counted, listed, ranged
from hpo.stats.crossed import crossed


def configurations_as_strategies(records: Records, judged: Verdict) -> str:
    """What the verdict is about."""
    run, sizes = records.run, judged.analysis.sizes
    if without_search(run):
        return (
            "No search is recorded: the verdict speaks of the strategies as they were trained here "
            f"({recorded(run, sizes)} each), not of what tuning would make of them."
        )
    if single_training(run):
        return (
            "One search and one test score a strategy: no verdict is drawn, and any interval is over test items alone and "
            "speaks of these trained models only. Another search or seed may turn any difference."
        )
    if judged.analysis.claim == "configurations":
        return (
            f"One search a strategy with {ranged(sizes.seeds, 'fresh seed')}: the verdict speaks of the selected "
            "configurations only. Another search may select others."
        )
    own = "with seeds of its own for sampler, data order and training"
    if run.source != "hpo":
        own = f"taken as independent, as {run.source} names them"
    return (
        f"No: each strategy was searched {ranged(sizes.replicates, 'time')}, {own}, and intervals and tests are over these "
        f"searches. The claim is about the strategies at this tuning budget ({search_budget(run, sizes)} a search)."
    )


def used_seeds(records: Records, judged: Verdict) -> str:  # noqa: ARG001 one signature for all answers
    """Whether a confirmation has the seed of the trial that was selected, or of any."""
    own = [c for c in records.confirmations if c.role == "strategy"]
    if not own:
        return "Nothing is confirmed yet." if records.run.source == "hpo" else f"{UNRECORDED}: confirmations."
    if without_search(records.run):
        return "No search is recorded, so that no seed has selected anything."
    told = counted(len(own), "confirmation")
    stale = [c for c in own if not c.fresh]
    if stale:
        return f"Yes: {len(stale):,} of {told} are the selected trial itself or share its seed."
    trials = {(t.strategy, t.replicate, t.draw): t.seed for t in records.trials}
    pairs = [(c.seed, trials.get((c.strategy, c.replicate, c.draw), -1)) for c in own if c.draw is not None]
    if len(pairs) < len(own) or any(-1 in pair for pair in pairs):
        return f"{UNRECORDED}: the seeds of all confirmations and selected trials."
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


def optimism_of_selection(records: Records, judged: Verdict) -> str:  # noqa: ARG001
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
        return f"{UNRECORDED}: scores at selection beside test scores."
    unit = units_of(records.run)[1]
    of = f" in{units.difference_unit}" if units.difference_unit else ""
    apart = (
        ", of trainings apart from those that selected" if all(c.fresh for c in records.confirmations) else ""
    )
    what = capitalised(drop_name(records.run.metric))
    return (
        f"The verdict uses test scores alone{apart}. {what}{of}, mean and 95 % interval "
        f"(Student's, over {unit}): {'; '.join(told)}. How hard the two splits are is in it too."
    )


def _drops(records: Records, strategy: str) -> np.ndarray:
    """How much worse test is than validation at selection, of each unit of one strategy, (u,)."""
    found: dict[int, list[float]] = {}
    for c in records.confirmations:
        fallen = drop(records.run.metric, c)
        if (c.role, c.strategy) == ("strategy", strategy) and fallen is not None:
            unit = c.replicate if records.run.replicates > 1 else c.index
            found.setdefault(unit, []).append(fallen)
    return np.array([sum(drops) / len(drops) for drops in found.values()])


def smaller_budgets(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """What each smaller budget would have selected."""
    found = sub_budgets(records)
    return f"{sub_budget_sentence(records, found)}." if found else f"{UNRECORDED}: several trials a search."


def one_left_out(records: Records, judged: Verdict) -> str:
    """The verdict without each replicate and seed."""
    found = left_out(records, judged)
    if found:
        told = left_out_sentence(found, judged.analysis.best)
        return (
            f"With {listed(counted(n, kind) for kind, n in kinds(found).items())} left out in turn, {told}."
        )
    if judged.state == "unfinished":
        return "No verdict is drawn yet."
    if len(judged.analysis.standings) < 2:
        return "Nothing is compared."
    few = "trainings" if without_search(records.run) else "searches and seeds"
    return f"It may: there are too few {few} for one to be left out."


def other_data(records: Records, judged: Verdict) -> str:
    """Whether the best in domain is the best on the shift sets too."""
    if not records.run.shifts:
        if records.run.source != "hpo":
            return f"{UNRECORDED}: scores on further sets of data."
        return (
            "Not tested: the space names no shift set, so that the verdict speaks of data like these alone."
        )
    if judged.state == "unfinished":
        return "No verdict is drawn yet."
    home, *away = domains(records, judged)
    rankings = [found for domain in away if (found := ranking(home, domain)) is not None]
    if not rankings:
        return "Nothing is compared."
    return (
        f"{winner_sentence(rankings)}. Selection saw none of them, each confirmation was scored on them once, and Holm's "
        "correction is within each set."
    )


def fixed_beforehand(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Whether the plan stamped before the first score is the plan of the records."""
    run, found = records.run, kept(records.run)
    sets = ", splits and shift sets" if run.shifts else " and splits"
    what = f"question, strategies, reference, budget, metric, selection, seeds, space{sets}"
    rule = "the rule of the verdict (level, test, family, margin, least units)"
    if run.stamp is None:
        return f"{UNRECORDED}: no stamp was written when the run began."
    stamp = run.stamp.plan_sha256[:12]
    if found is Kept.CHANGED:
        return (
            f"They differ from what was stamped when the run began ({run.stamp.began}): SHA-256 {stamp} then, "
            f"{plan_digest(run)[:12]} of these records ({what}) and of {rule} of this version."
        )
    same = f"stamped before the first score ({run.stamp.began}), and their SHA-256 {stamp} is that of these records"
    if found is Kept.WITHOUT_RULE:
        version = f"hpo {run.versions['hpo']}" if "hpo" in run.versions else "an earlier hpo"
        return (
            f"No: {what} were {same}. That stamp, of {version}, leaves out {rule}: it is the rule of this version, by "
            "which the margin follows from validation scores."
        )
    return f"No: {what}, and {rule} were {same} and of this version. The margin follows from validation scores by that rule."


def error_bars(records: Records, judged: Verdict) -> str:
    """What the intervals of the verdict are over."""
    run = records.run
    unit, units = units_of(run)
    if run.replicates == 1 and not without_search(run):
        unit, units = "fresh seed of one search", "fresh seeds of one search"
    sizes = [s.estimate.units for s in judged.analysis.standings]
    if not sizes:
        return "No interval is drawn yet: nothing is confirmed."
    by_item = any(c.item_scores is not None for c in records.confirmations)
    if single_training(run) and not by_item:
        return "No interval is drawn: each strategy has a single score, and those of single test items are not recorded."
    items = "; scores of single test items are not recorded, so that the choice of items is in no interval"
    if by_item:
        what = "test items" if run.split.groups is None else "groups of test items"
        count = f"{judged.analysis.standings[0].estimate.items:,} {what}"
        if single_training(run):
            return (
                f"95 % intervals over {count} alone, with one training of each strategy: they speak of these trained models "
                "only, and not of another seed or search."
            )
        items = f" and {count} (crossed variance)"
    return (
        f"95 % intervals over {ranged(sizes, unit, units)} of each strategy{items}. What a band or bar in a figure is over "
        "stands in its caption."
    )
