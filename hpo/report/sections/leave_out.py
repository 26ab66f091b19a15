"""The verdict with each replicate, and each fresh seed, left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpo.records.run import Records, Run
from hpo.report.analysis import Analysis, analyse
from hpo.report.comparing import Comparison, least_units
from hpo.report.sentences import Verdict
from hpo.report.table import Table, computed, make_table
from hpo.report.terms import seed_of, units_of
from hpo.report.text import Units
from hpo.stats.decision import Outcome

MOST = 30  # of a kind that are left out in turn


@dataclass(frozen=True)
class LeftOut:
    """The analysis without some of the records.

    Attributes:
        kind, number: what was left out: a replicate, a fresh seed (or a training where no search is recorded).
        changed: comparisons whose outcome is another: ``a - b: better, not inconclusive``.
        turned: comparisons whose difference favours the other side.
        decides: whether the units that remain suffice for any verdict.
    """

    kind: str
    number: int
    analysis: Analysis
    changed: tuple[str, ...]
    turned: tuple[str, ...]
    decides: bool

    @property
    def name(self) -> str:
        """``replicate 3``."""
        return f"{self.kind} {self.number}"


def left_out(records: Records, judged: Verdict) -> list[LeftOut]:
    """The analysis of ``records`` without each replicate and each fresh seed; nothing where one alone would remain.

    A verdict that is not drawn yet has none: its outcomes are not looked at before the end.
    """
    if judged.state == "unfinished" or len(judged.analysis.standings) < 2:
        return []
    whole = judged.analysis
    return [_compared(records, out, whole, analyse(kept)) for out, kept in _reduced(records)]


def _reduced(records: Records) -> Iterator[tuple[tuple[str, int], Records]]:
    run = records.run
    replicates = sorted({c.replicate for c in records.confirmations})
    if len(replicates) > 2:
        fewer = run.model_copy(update={"replicates": run.replicates - 1})
        for out in replicates[:MOST]:
            update = {
                "run": fewer,
                "trials": tuple(t for t in records.trials if t.replicate != out),
                "confirmations": tuple(c for c in records.confirmations if c.replicate != out),
            }
            yield ("replicate", out), records.model_copy(update=update)
    seeds = sorted({c.index for c in records.confirmations})
    if len(seeds) > 1 and not (run.replicates == 1 and len(seeds) == 2):
        fewer = run.model_copy(update={"seeds": run.seeds - 1})
        for out in seeds[:MOST]:
            kept = tuple(c for c in records.confirmations if c.index != out)
            yield (seed_of(run), out), records.model_copy(update={"run": fewer, "confirmations": kept})


def _compared(records: Records, out: tuple[str, int], whole: Analysis, rest: Analysis) -> LeftOut:
    now = {(c.first, c.second): c for c in rest.comparisons}
    pairs = [(c, now[c.first, c.second]) for c in whole.comparisons if (c.first, c.second) in now]
    least = least_units(records.run.replicates)
    return LeftOut(
        kind=out[0],
        number=out[1],
        analysis=rest,
        changed=tuple(
            f"{_pair(new)}: {_outcome(new)}, not {_outcome(old)}"
            for old, new in pairs
            if _outcome(new) != _outcome(old)
        ),
        turned=tuple(_pair(new) for old, new in pairs if new.favours != old.favours),
        decides=all(s.estimate.units >= least for s in rest.standings),
    )


def _pair(comparison: Comparison) -> str:
    return f"{comparison.first} - {comparison.second}"


def _outcome(comparison: Comparison) -> str:
    """The outcome as seen from the first: ``worse`` where it favours the second."""
    word = str(comparison.outcome)
    sided = (
        comparison.outcome in {Outcome.BETTER, Outcome.RELEVANT} and comparison.favours == comparison.second
    )
    return word.replace("better", "worse") if sided else word


def left_out_sentence(found: Sequence[LeftOut], best: str | None) -> str:
    """How far the verdict hangs on any one replicate or seed."""
    other = [left.name for left in found if left.analysis.best != best]
    moved = [left.name for left in found if left.decides and left.changed]
    same = f"the best mean stays that of {best} in {len(found) - len(other)} of {len(found)}"
    if not any(left.decides for left in found):
        return f"{same}; what remains is too little for any verdict, so that outcomes cannot be compared"
    return f"{same}; outcomes change in {len(moved)} of {len(found)}"


def left_out_table(records: Records, found: Sequence[LeftOut]) -> Table:
    """One row for each replicate and seed left out."""
    units = Units(records.run.metric)
    shown, raw = [], []
    for left in found:
        best = next(s for s in left.analysis.standings if s.name == left.analysis.best)
        low, high = best.estimate.interval()
        changed = "; ".join(left.changed) or "none"
        shown.append(
            {
                "Left out": left.name,
                "Best mean": best.name,
                f"Its test {records.run.metric.name}": units.value(best.estimate.mean),
                "95 % interval": units.interval((low, high)),
                "Outcomes that change": changed if left.decides else "too few units for any",
                "Differences that change sides": "; ".join(left.turned) or "none",
            }
        )
        raw.append(
            {
                "left_out": left.name,
                "best": best.name,
                **computed({"test_score": best.estimate.mean}),
                **computed({"interval_low": low, "interval_high": high if math.isfinite(high) else None}),
                "units": best.estimate.units,
                "outcomes_changed": len(left.changed) if left.decides else None,
                "sides_changed": len(left.turned),
            }
        )
    without = " or ".join(f"the {kind}{_of(records.run, kind)}" for kind in kinds(found))
    note = (
        f"The whole analysis again without {without}: margin, Holm's correction and intervals as in the main table. Against "
        "all of them the outcomes of the verdict are set. These analyses share most of their data and are no further "
        f"evidence. At most {MOST} of a kind are left out in turn."
    )
    return make_table("left_out", "The verdict with one left out", note, shown, raw)


def kinds(found: Sequence[LeftOut]) -> Counter[str]:
    """What is left out in turn, and how many of a kind."""
    return Counter(left.kind for left in found)


def _of(run: Run, kind: str) -> str:
    """What a replicate is made of, where units are not called so themselves."""
    noun = units_of(run)[0]
    return f" (a {noun} of every strategy)" if kind == "replicate" != noun else ""
