"""Effect sizes over runs: interquartile means, probabilities of improvement and performance profiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo.report.figure import Axis, Figure, Line, Panel
from hpo.report.samples import SEED, Samples
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units, capitalised, counted
from hpo.stats.crossed import Array
from hpo.stats.effects import (
    LEAST_REPEATS,
    Effect,
    Profile,
    interquartile_mean,
    meaningful,
    performance_profile,
    runs_needed,
)

_MOST_TAUS = 150
_MOST_BANDS = 6
BOOTSTRAP = (
    "Intervals of probabilities of improvement, interquartile means and profiles are a bootstrap's. They describe these "
    "runs, are too narrow with few of them (over 3 to 10 such intervals covered 61 to 84 % in simulation, not 95 %), and no "
    "verdict rests on them."
)
_DRAWS = f"Intervals: percentiles of {LEAST_REPEATS:,} bootstrap draws, stratified by task."


def iqm_table(samples: Samples, units: Units) -> Table:
    """Interquartile mean of each strategy over its runs of all tasks."""
    shown, raw = [], []
    for index, name in enumerate(samples.names):
        own = samples.of(index)
        found, mean = interquartile_mean(own, seed=SEED), float(np.concatenate(own).mean())
        shown.append(
            {
                "Strategy": name,
                "IQM": units.value(found.value),
                "95 % interval": units.interval((found.low, found.high)),
                "Mean": units.value(mean),
                "Over": samples.over(index),
            }
        )
        raw.append(
            computed(
                {
                    "strategy": name,
                    "iqm": found.value,
                    "interval_low": found.low,
                    "interval_high": found.high,
                    "confidence": 0.95,
                    "mean": mean,
                    "runs": found.runs,
                    "tasks": found.tasks,
                }
            )
        )
    is_a = "" if samples.noun == "run" else f"; a run is a {samples.noun}"
    note = (
        f"IQM: mean test {units.metric.name} of the middle half of runs (Agarwal et al. 2021){is_a}. {_DRAWS}"
    )
    return make_table("iqm", "Interquartile means", note, shown, raw)


def improvement_table(samples: Samples, centre: str, reason: str) -> Table:
    """P(A > B) of the centre and each other strategy, the likelier side first."""
    middle, shown, raw = samples.names.index(centre), [], []
    for index in (i for i in range(len(samples.names)) if i != middle):
        found, first, second = samples.improvement(middle, index), centre, samples.names[index]
        if found.value < 0.5:
            found, first, second = _turned(found), second, first
        needed = runs_needed()
        told = meaningful(found, needed)
        word = {True: "yes", False: "no", None: f"too few: {found.runs:,} of {needed}"}[told]
        shown.append(
            {
                "Pair": f"{first} - {second}",
                "P(first better)": f"{found.value:.2f}",
                "95 % interval": f"{found.low:.2f} to {found.high:.2f}",
                "Pairs" if samples.paired else "Runs each": f"{found.runs:,}",
                "Meaningful": word,
            }
        )
        raw.append(
            computed(
                {
                    "first": first,
                    "second": second,
                    "p_first_better": found.value,
                    "interval_low": found.low,
                    "interval_high": found.high,
                    "confidence": 0.95,
                    "paired": samples.paired,
                    "runs": found.runs,
                    "runs_needed": needed,
                    "tasks": found.tasks,
                    "meaningful": told,
                }
            )
        )
    return make_table(
        "improvement", "Probability of improvement", _improvement_note(samples, centre, reason), shown, raw
    )


def _turned(effect: Effect) -> Effect:
    """The same effect seen from the other side."""
    return replace(effect, value=1 - effect.value, low=1 - effect.high, high=1 - effect.low)


def _improvement_note(samples: Samples, centre: str, reason: str) -> str:
    how = (
        f"pairs of {samples.plural} of the same replicate and seed (Bouthillier et al. 2021)"
        if samples.paired
        else f"each {samples.noun} of the one against each of the other (Agarwal et al. 2021)"
    )
    tasks = f", averaged over {samples.within} of equal weight" if len(samples.runs) > 1 else ""
    chosen = "; the best was chosen by these scores, which favours it" if reason != "the reference" else ""
    return (
        f"Share of {how} in which the first scores better, ties as half{tasks}: {centre} ({reason}) with each other "
        f"strategy{chosen}. Meaningful: the interval lies above 0.5 and reaches beyond 0.75; asked only from the "
        f"{runs_needed()} runs on that tell 0.75 from 0.5 with both errors at 5 % ({runs_needed(power=0.8)} at 80 % power). "
        f"{_DRAWS}"
    )


def profile_figure(samples: Samples, units: Units) -> Figure:
    """Share of runs that score better than each threshold, a line a strategy."""
    sign = 1.0 if units.metric.maximize else -1.0
    taus = _taus(samples)
    found = [
        performance_profile(samples.of(index, oriented=True), taus, seed=SEED)
        for index in range(len(samples.names))
    ]
    x = [units.scale * sign * float(tau) for tau in taus]
    marks = [
        Line(
            x=x,
            y=[100 * float(share) for share in profile.share],
            name=name,
            style=style,
            band=_band(profile) if len(found) <= _MOST_BANDS else None,
            step=True,
        )
        for name, style, profile in zip(samples.names, samples.styles, found, strict=True)
    ]
    better = "above" if units.metric.maximize else "below"
    tasks = f" in {samples.within}, pooled" if len(samples.runs) > 1 else ""
    runs = counted(found[0].runs, samples.noun, samples.plural)
    if len({profile.runs for profile in found}) > 1:
        runs = f"{min(p.runs for p in found):,} to {max(p.runs for p in found):,} {samples.plural}"
    return Figure(
        name="performance-profile",
        title="Performance profile",
        caption=(
            f"Share of a strategy's {samples.plural} with a test {units.metric.name} {better} a threshold, over {runs} of "
            f"each{tasks} (Agarwal et al. 2021); a line above another is better there. {_told_bands(len(found))} "
            f"{_DRAWS}"
        ),
        alt=_profile_alt(samples, units, found, taus, better),
        panels=(
            Panel(
                marks,
                Axis(units.axis("test"), limits=(x[0], x[-1])),
                Axis(f"{samples.plural} {better} it, %", limits=(-2.0, 102.0)),
            ),
        ),
        table=_profile_table(samples, units, found, sign),
    )


def _band(profile: Profile) -> tuple[list[float], list[float]]:
    return [100 * float(v) for v in profile.low], [100 * float(v) for v in profile.high]


def _told_bands(strategies: int) -> str:
    if strategies > _MOST_BANDS:
        return f"Of more than {_MOST_BANDS} strategies the bands are in the table alone."
    return "Band: 95 % at each threshold alone."


def _taus(samples: Samples) -> Array:
    """Every score, so that steps stand where they are, with air at both ends; evenly spaced ones where they are many."""
    runs = np.concatenate([own for i in range(len(samples.names)) for own in samples.of(i, oriented=True)])
    values = np.unique(runs)
    air = 0.04 * float(np.ptp(values)) or abs(float(values[0])) * 0.05 or 0.5
    if len(values) > _MOST_TAUS:
        values = np.linspace(values[0], values[-1], _MOST_TAUS)
    taus: Array = np.concatenate(([values[0] - air], values, [values[-1] + air]))
    return taus


def _profile_alt(samples: Samples, units: Units, found: list[Profile], taus: Array, better: str) -> str:
    middle = len(taus) // 2
    shares = "; ".join(
        f"{name} {100 * float(profile.share[middle]):.0f} %"
        for name, profile in zip(samples.names, found, strict=True)
    )
    threshold = units.value(float(taus[middle]) * (1.0 if units.metric.maximize else -1.0))
    return f"Share of {samples.plural} {better} a threshold; at {threshold}: {shares}."


def _profile_table(samples: Samples, units: Units, found: list[Profile], sign: float) -> Table:
    better = "above" if units.metric.maximize else "below"
    shown, raw = [], []
    for name, profile in zip(samples.names, found, strict=True):
        for tau, share, low, high in zip(profile.taus, profile.share, profile.low, profile.high, strict=True):
            shown.append(
                {
                    "Strategy": name,
                    "Threshold": units.value(sign * float(tau)),
                    f"{capitalised(samples.plural)} {better}": f"{100 * share:.1f} %",
                    "95 % interval": f"{100 * low:.1f} to {100 * high:.1f} %",
                }
            )
            raw.append(
                computed(
                    {
                        "strategy": name,
                        "threshold": sign * float(tau),
                        "share": float(share),
                        "interval_low": float(low),
                        "interval_high": float(high),
                        "runs": profile.runs,
                    }
                )
            )
    note = "Intervals at each threshold alone, by the stratified bootstrap."
    if len(shown) > PAGE_ROWS:
        note += f" The first {PAGE_ROWS:,} of {len(shown):,} rows."
    return make_table("performance-profile", "Performance profile", note, shown[:PAGE_ROWS], raw[:PAGE_ROWS])
