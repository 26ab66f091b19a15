"""Which parameters the validation score depends on: fANOVA and PED-ANOVA side by side, interactions, slices, a path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpo.records.run import Records
from hpo.report.figure import NEUTRAL, Axis, Bars, Figure, Panel
from hpo.report.section import Section
from hpo.report.sections.explored import Explored, explore
from hpo.report.sections.importances import LEAST_TOP, Importances, Share, importances
from hpo.report.sections.interactions import interactions_figure
from hpo.report.sections.path_table import path_table
from hpo.report.sections.slices import marginal_table, slices_figure
from hpo.report.sentences import Verdict
from hpo.report.table import Table, computed, make_table
from hpo.report.text import counted, percent, percent_interval, value_text

LEAST_TRIALS = 10  # complete trainings

_TITLE = "Importance of parameters"


def importance_section(records: Records, judged: Verdict) -> Section:  # noqa: ARG001 one signature for all sections
    """Importances over the complete trials of all strategies; absent where they are few or nothing was searched."""
    if not any(p.kind in {"choices", "range"} for p in records.run.space):
        return Section(
            "importance", _TITLE, absent="Nothing was searched: no parameter has a range or choices."
        )
    explored = explore(records)
    why = _too_little(explored)
    if why:
        return Section("importance", _TITLE, absent=why)
    found = importances(records, explored)
    text = [_scope(records, explored), *explored.left_out, *_not_shown(found)]
    table, reason = path_table(records, explored)
    text += [reason] if reason else []
    made = (
        _figure(records, found),
        interactions_figure(found),
        slices_figure(records, explored, found),
        marginal_table(records, found),
        table,
    )
    parts: tuple[Table | Figure, ...] = tuple(part for part in made if part is not None)
    return Section("importance", _TITLE, tuple(text), parts)


def _too_little(explored: Explored) -> str:
    searched = [p for p in explored.parameters if p.name != explored.compared]
    count = len(explored.trials)
    if not searched:
        return "No searched parameter takes more than one value that its range holds."
    if count < LEAST_TRIALS:
        done = "No training is" if not count else f"{counted(count, 'training is', 'trainings are')}"
        return f"{done} complete; importances are told from {LEAST_TRIALS} on."
    if explored.scores.min() == explored.scores.max():
        return f"All {count:,} complete trials have the same score: no parameter moves it."
    return ""


def _scope(records: Records, explored: Explored) -> str:
    search = records.run.search
    together = (
        f", of all strategies together with {explored.compared} as a parameter without an order"
        if explored.compared
        else ""
    )
    text = (
        f"From {counted(len(explored.trials), 'complete trial')}{together}, each training once, by validation scores; "
        "pruned and failed trials have no part in it. A conditional parameter is judged by the trials that have it."
    )
    if search.independent:
        return text
    how = f"drawn by {search.sampler}" if search.sampler else "not known to be drawn at random"
    return (
        f"{text} The trials were {how}{', and pruned ones are missing' if _pruned(records) else ''}: they are no random "
        "sample of the space, and where few of them lie the forest guesses."
    )


def _pruned(records: Records) -> bool:
    return any(t.state == "pruned" for t in records.trials)


def _not_shown(found: Importances) -> Iterator[str]:
    """What was computed and is not shown, and why."""
    unexplained = [share for share in found.mains if not share.shown]
    for r2, names in _by_r2(unexplained).items():
        whose = "" if len(unexplained) == len(found.mains) else f" of {', '.join(names)}"
        yield f"fANOVA{whose}: the forest explains nothing (out-of-bag R2 {r2}); shares are not shown."
    if not found.ped_shown:
        yield (
            f"PED-ANOVA: the best {100 * found.ped.quantile:.0f} % are {counted(found.ped.top, 'trial')}, too few for a "
            f"density ({LEAST_TOP}); importances are not shown."
        )


def _by_r2(shares: Sequence[Share]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for share in shares:
        r2 = share.effect.fit.r2
        found.setdefault("not defined" if r2 is None else f"{r2:.2f}", []).append(share.name)
    return found


def _figure(records: Records, found: Importances) -> Figure | None:
    """Bars of each method in a panel of its own, parameters in one order; None where neither may be shown."""
    top = len(found.order) - 1
    ticks = [(float(top - place), name) for place, name in enumerate(found.order)]
    panels = []
    if any(share.shown for share in found.mains):
        axis = Axis("share of the forest's variance, %")
        panels.append(Panel([_fanova_bars(found)], axis, Axis(ticks=ticks), "fANOVA", len(ticks)))
    if found.ped_shown:
        axis = Axis("divergence, no share")
        panels.append(Panel([_ped_bars(found)], axis, Axis(ticks=ticks), "PED-ANOVA", len(ticks)))
    if not panels:
        return None
    return Figure(
        name="importance",
        title="Importance by two methods",
        caption=_caption(found),
        alt=f"Parameters by importance for validation {records.run.metric.name}: {', '.join(found.order)}.",
        panels=panels,
        table=_table(found),
        legend=False,
    )


def _fanova_bars(found: Importances) -> Bars:
    top = len(found.order) - 1
    shown = [share for share in found.mains if share.shown]
    intervals = [share.interval for share in shown]
    return Bars(
        x=[100 * share.value for share in shown],
        y=[float(top - found.order.index(share.name)) for share in shown],
        low=[100 * low for low, _ in intervals],
        high=[100 * high for _, high in intervals],
        style=NEUTRAL,
        hover=[
            f"{share.name}: {percent(share.value)}\n95 % {percent_interval(share.interval)}"
            for share in shown
        ],
    )


def _ped_bars(found: Importances) -> Bars:
    top = len(found.order) - 1
    shown = [(one, one.value, one.interval) for one in found.ped.importances]
    known = [
        (one.parameter, value, interval) for one, value, interval in shown if value is not None and interval
    ]
    return Bars(
        x=[value for _, value, _ in known],
        y=[float(top - found.order.index(name)) for name, _, _ in known],
        low=[interval[0] for _, _, interval in known],
        high=[interval[1] for _, _, interval in known],
        style=NEUTRAL,
        hover=[
            f"{name}: {value_text(value)}\n95 % {value_text(interval[0])} to {value_text(interval[1])}"
            for name, value, interval in known
        ],
    )


def _caption(found: Importances) -> str:
    fanova, ped, fit = found.fanova, found.ped, found.fit
    parts, resampled = [], []
    if any(share.shown for share in found.mains):
        drawn = f", a draw from {fit.available:,}" if fit.available > fit.trials else ""
        parts.append(
            f"fANOVA (Hutter et al. 2014): share of the variance over the whole space of a forest of {fit.trees} trees on "
            f"{fit.trials:,} trials{drawn} (out-of-bag R2 {fit.r2:.2f}), by each parameter alone."
        )
        resampled.append(f"{fanova.resamples} forests of {fanova.resample_trees} trees")
    if found.ped_shown:
        parts.append(
            f"PED-ANOVA (Watanabe et al. 2023): how far the best {100 * ped.quantile:.0f} % ({ped.top:,} of {ped.trials:,} "
            "trials) differ in a parameter from all; no share of variance, and not to be added up."
        )
        resampled.append(f"{ped.resamples} resamples")
    return (
        f"{' '.join(parts)} Lines: 95 % by the deviation over bootstrap draws of trials ({' and '.join(resampled)}); they "
        "hold the chance of other trials, not what a method gets wrong."
    )


def _table(found: Importances) -> Table:
    shown, raw = [], []
    ped = {one.parameter: one for one in found.ped.importances}
    for share in sorted(found.mains, key=lambda s: found.order.index(s.name)):
        one, fit = ped[share.name], share.effect.fit
        divergence = one.value if found.ped_shown else None
        spread = one.interval if found.ped_shown else None
        shown.append(
            {
                "Parameter": share.name,
                "fANOVA": percent(share.value) if share.shown else "-",
                "95 % interval": percent_interval(share.interval) if share.shown else "-",
                "Out-of-bag R2": "-" if fit.r2 is None else f"{fit.r2:.2f}",
                "Trials": f"{fit.trials:,}",
                "PED-ANOVA": "-" if divergence is None else value_text(divergence),
                "95 % interval of it": "-"
                if spread is None
                else f"{value_text(spread[0])} to {value_text(spread[1])}",
            }
        )
        raw.append(
            computed(
                {
                    "parameter": share.name,
                    "fanova_share": share.value if share.shown else None,
                    "fanova_low": share.interval[0] if share.shown else None,
                    "fanova_high": share.interval[1] if share.shown else None,
                    "r2_out_of_bag": fit.r2,
                    "trees": fit.trees,
                    "fanova_trials": fit.trials,
                    "ped_anova": divergence,
                    "ped_anova_low": spread[0] if spread else None,
                    "ped_anova_high": spread[1] if spread else None,
                    "quantile": found.ped.quantile,
                    "top_trials": found.ped.top,
                    "ped_anova_trials": one.trials,
                    "confidence": found.fanova.confidence,
                }
            )
        )
    note = (
        "fANOVA: share of the forest's variance by the parameter alone, not shown where its out-of-bag R2 is not above 0. "
        "PED-ANOVA: a divergence, larger where the best trials differ more from all."
    )
    return make_table("importance", "Importance of parameters", note, shown, raw)
