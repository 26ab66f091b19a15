"""Sentences on what ended searches beside the number of their trials, and on what they began with."""

from __future__ import annotations

from hpo.records.run import Run
from hpo.records.search import EarlyStop, WarmStart
from hpo.report.kit.tex import breakable, tex
from hpo.report.text import counted, listed, ranged


def limits(run: Run) -> list[str]:
    """The cost that ended searches, the total of all, and the warm start."""
    found = _cost(run) if run.limit.by_cost else []
    if run.total is not None:
        found.append(_total(run))
    if run.early_stop is not None:
        found.append(_early_stop(run, run.early_stop))
    return found if run.warm_start is None else [*found, *_warm_start(run, run.warm_start)]


def _cost(run: Run) -> list[str]:
    most = counted(run.trials, "trial")
    rule = (
        f"A search of at most {most} began trials until they were charged so much, each what it would have cost alone, "
        "and finished the last."
    )
    found = [rule]
    if run.money is not None and run.price_per_hour is not None:
        found.append(
            f"Its device-seconds are those that {run.money:,g} pays for at {run.price_per_hour:,g} a device-hour."
        )
    return found


def _total(run: Run) -> str:
    """What all searches together might spend, and whether it ended them."""
    assert run.total is not None
    rule = (
        f"All searches together, work that several share counted once, might spend {run.total.in_all()}: a round of draws, "
        "one in each search, began only while it was expected to end within it, with all confirmations"
    )
    if run.closed is None:
        return f"{rule}; all {run.trials:,} began."
    stopped = run.early_stop is not None and run.early_stop.strategies
    return (
        f"{rule}. After {counted(run.closed.rounds, 'round')} of at most {run.trials:,} none did, as "
        f"{tex(run.closed.reason)}; so each search{' that went on' if stopped else ''} ended with as many draws."
    )


def _early_stop(run: Run, stop: EarlyStop) -> str:
    """The rule, and whom it stopped."""
    pairs = "strategies with the reference" if run.reference is not None else "pairs of strategies"
    who = "none did" if not stop.strategies else f"so did {listed(map(tex, stop.strategies))}"
    margin = " by more than 0.5 point" if run.metric.share else ""
    return (
        f"After {counted(stop.after, 'draw')} of each search a strategy was to make no more where, against every one that "
        f"went on, the mean over replicates of what the other's searches had reached by validation, less what its own could "
        f"still reach, was above 0{margin}: one-sided, by a paired t-test at 0.025 divided by the number of {pairs}. What a "
        "search could still reach is its best score plus what the second half of those draws is estimated to have gained, "
        "for as many further draws: the expected best of independent draws is concave in their number. Of the strategies, "
        f"{who}; pairs that both stopped are compared at the smaller budget."
    )


def _warm_start(run: Run, warm: WarmStart) -> list[str]:
    """What searches began with, and what that does to the claim."""
    names = listed(f"{tex(e.name)} (trials: SHA-256 {breakable(e.sha256)})" for e in warm.earlier)
    observed = (
        f"the validation scores of {ranged(warm.observations, 'complete trial')} as observations of the sampler, equally "
        "many in each strategy"
    )
    first = f"{counted(warm.first_draws, 'configuration')} as first draws after the default one, the same in each strategy"
    taken = [
        what for what, any_of in ((observed, any(warm.observations)), (first, warm.first_draws)) if any_of
    ]
    found = [
        f"Each search began with {listed(taken)}, of earlier runs on the same splits: {names}.",
        "None of these is a trial or a result of this run.",
    ]
    if warm.replicates < run.replicates:
        found.append(
            f"Searches of {counted(run.replicates, 'replicate')} began with what {counted(warm.replicates, 'replicate')} "
            "found there: what they share in it, intervals and tests take as given."
        )
    if any(e.confirmations for e in warm.earlier):
        found.append(
            "The test split had been scored there: who wrote this space may have known these scores."
        )
    return found
