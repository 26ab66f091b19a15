"""How large effects are: differences with the margin, interquartile means, probabilities of improvement, profiles."""

from __future__ import annotations

from hpo.records.run import Records
from hpo.report.blocks import centre_of
from hpo.report.comparing import Comparison
from hpo.report.figure import Figure
from hpo.report.samples import Samples, samples_of
from hpo.report.section import Section
from hpo.report.sections.effect_parts import BOOTSTRAP, improvement_table, iqm_table, profile_figure
from hpo.report.sections.forest import Forest, Row, forest_figure, known
from hpo.report.sentences import Verdict
from hpo.report.table import Table
from hpo.report.tables import over
from hpo.report.terms import single_training, tested, units_of, without_search
from hpo.report.text import Units
from hpo.stats.decision import Outcome

_TITLE = "Effect sizes"


def effects_section(records: Records, judged: Verdict) -> Section:
    """Effects over the runs of one task."""
    run, analysis = records.run, judged.analysis
    if judged.state == "unfinished":
        return Section("effects", _TITLE, absent="Effects are computed once every confirmation is in.")
    names = [standing.name for standing in analysis.standings]
    if len(names) < 2 or analysis.best is None:
        nothing = f"Nothing is compared: fewer than two strategies have a {tested(run)}."
        return Section("effects", _TITLE, absent=nothing)
    centre, reason = centre_of(run.reference, names, analysis.best)
    samples = samples_of([records], names, [run.strategies.index(name) for name in names])
    rows = known(_rows(records, judged, centre))
    forest = _forest(records, judged, rows, centre, reason) if rows else None
    return effects_of(samples, forest, centre, reason, _scope(records, samples))


def effects_of(samples: Samples, forest: Forest | None, centre: str, reason: str, scope: str) -> Section:
    """The section of ``samples``; what a single run of each strategy cannot tell is left out."""
    parts: list[Table | Figure] = [forest_figure(forest)] if forest else []
    text = [scope] if scope else []
    if samples.least < 2:
        text.append(
            "With a single run of a strategy there is no spread over runs: no probability of improvement, interquartile "
            "mean or performance profile."
        )
    else:
        text.append(BOOTSTRAP)
        parts.append(improvement_table(samples, centre, reason))
        parts += _in_one_metric(samples)
    if samples.metric is None:
        text.append(
            "The metric differs between tasks, so scores and differences are not averaged over them: ranks and "
            "probabilities of improvement alone can be."
        )
    if not parts:
        return Section("effects", _TITLE, absent=" ".join(text[bool(scope) :]))
    return Section("effects", _TITLE, tuple(text), tuple(parts))


def _in_one_metric(samples: Samples) -> list[Table | Figure]:
    if samples.metric is None:
        return []
    units = Units(samples.metric)
    return [iqm_table(samples, units), profile_figure(samples, units)]


def _scope(records: Records, samples: Samples) -> str:
    if without_search(records.run):
        return (
            f"Effects on this one task, of trainings recorded once; a run is a {samples.noun}. They say nothing of other "
            "tasks."
        )
    if records.run.replicates > 1:
        return (
            f"Effects on this one task; a run is a {samples.noun}, the mean of its fresh seeds. They say nothing of other "
            "tasks."
        )
    return (
        "Effects on this one task of the selected configurations alone; a run is a fresh seed of the one search. They say "
        "nothing of other searches or tasks."
    )


def _forest(records: Records, judged: Verdict, rows: tuple[Row, ...], centre: str, reason: str) -> Forest:
    analysis = judged.analysis
    over_what = units_of(records.run)[1]
    if any(c.item_scores is not None for c in records.confirmations):
        over_what += " and test items"
        if single_training(records.run):
            over_what = "test items alone, of these trained models only"
    family = "all pairs" if analysis.family == "pairs" else "the comparisons with the reference"
    return Forest(
        rows=rows,
        units=Units(records.run.metric),
        centre=centre,
        reason=reason,
        margin=analysis.margin.value,
        whose="the margin of practical equivalence",
        method=(
            f"Intervals at 95 % over {over_what}, as in the comparisons: of each alone "
            f"(thick), and together over {family} ({len(analysis.comparisons)}, Bonferroni; thin)."
        ),
    )


def _rows(records: Records, judged: Verdict, centre: str) -> list[Row]:
    """One row a comparison with the centre, the others first."""
    made = [c for c in judged.analysis.comparisons if centre in {c.first, c.second}]
    return [_row(records, c if c.second == centre else c.swapped()) for c in made]


def _row(records: Records, comparison: Comparison) -> Row:
    c = comparison
    outcome = str(c.outcome)
    if c.outcome in {Outcome.BETTER, Outcome.RELEVANT} and c.favours == c.second:
        outcome = outcome.replace("better", "worse")
    return Row(
        name=c.first,
        style=records.run.strategies.index(c.first),
        mean=c.estimate.mean,
        interval=c.estimate.interval(),
        together=c.simultaneous,
        outcome=outcome,
        over=over(records, c.estimate.units, c.seeds),
    )
