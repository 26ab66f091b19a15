"""Sentences on the statistics of a report: the verdict's tests, and what the other sections are computed by."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.records.run import Records, Run
from hpo.report.analysis import Analysis
from hpo.report.comparing import least_units
from hpo.report.figure import Figure
from hpo.report.kit.cite import cite
from hpo.report.kit.tex import tex
from hpo.report.section import Section
from hpo.report.sentences import Verdict
from hpo.report.table import Table
from hpo.report.terms import units_of, without_search
from hpo.report.text import Units, counted, ranged

# Part of a section -> what it is computed by, as a sentence.
FURTHER = {
    "tuning-curve": (
        "Expected best scores by number of draws are U-estimates"
        + cite("tang2020showing")
        + " beside V-estimates"
        + cite("dodge2019show", "dodge2021expected")
        + ", with simultaneous confidence bands where the metric is bounded"
        + cite("lourie2024confidence")
        + "."
    ),
    "anytime": (
        "Performance against cost is the best validation score so far, the median over searches"
        + cite("sivaprasad2020optimizer")
        + "."
    ),
    "rank-tests": (
        "Ranks are tested by Friedman's test"
        + cite("friedman1937ranks")
        + " with Iman and Davenport's F"
        + cite("iman1980approximations", "demsar2006comparisons")
        + "; Nemenyi's critical difference"
        + cite("nemenyi1963distribution")
        + " stands beside it."
    ),
    "critical-difference": (
        "Bars of the critical-difference diagram"
        + cite("demsar2006comparisons")
        + " are by tests of all pairs"
        + cite("benavoli2016meanranks")
        + " with Holm's correction."
    ),
    "comparison-matrix": (
        "The comparison of each pair that does not depend on the other strategies is a multi-comparison matrix"
        + cite("ismailfawaz2023stable")
        + "."
    ),
    "rank-bayesian": (
        "Probabilities of equivalence are by the Bayesian signed-rank test"
        + cite("benavoli2014bayesian", "benavoli2017time")
        + "."
    ),
    "improvement": (
        "Effect sizes are probabilities of improvement"
        + cite("bouthillier2021variance", "agarwal2021precipice")
        + " with stratified bootstrap intervals."
    ),
    "iqm": "Interquartile means are over runs" + cite("agarwal2021precipice") + ".",
    "performance-profile": "Performance profiles show the share of runs beyond each score"
    + cite("agarwal2021precipice")
    + ".",
}
# Heading of a panel of the figure "importance" -> what its bars are by.
IMPORTANCE = {
    "fANOVA": "by functional ANOVA" + cite("hutter2014fanova"),
    "PED-ANOVA": "by PED-ANOVA" + cite("watanabe2023pedanova"),
}
_WILCOXON = (
    "Pairs are tested by Wilcoxon's signed ranks"
    + cite("wilcoxon1945individual")
    + " with ties, and zeros as by Pratt"
    + cite("pratt1959remarks")
    + "."
)


def further_methods(sections: Sequence[Section]) -> list[str]:
    """What the sections that are there are computed by."""
    parts = [part for section in sections for part in section.parts]
    names = {part.name for part in parts}
    found = [sentence for name, sentence in FURTHER.items() if name in names]
    found += _importance(parts)
    if any(part.title.startswith("Wilcoxon's test") for part in parts):
        found.append(_WILCOXON)
    return found


def _importance(parts: Sequence[Table | Figure]) -> list[str]:
    """The methods of importance of which something is shown."""
    drawn = [part for part in parts if isinstance(part, Figure) and part.name == "importance"]
    headings = {panel.heading for figure in drawn for panel in figure.panels}
    shown = [told for heading, told in IMPORTANCE.items() if heading in headings]
    return [f"Parameter importance is estimated {' and '.join(shown)}."] if shown else []


def verdict_tests(records: Records, judged: Verdict) -> list[str]:
    """The metric, the units, the intervals, the tests and the margin of the verdict."""
    run, analysis = records.run, judged.analysis
    better = "higher" if run.metric.maximize else "lower"
    found = [f"The metric is {tex(run.metric.name)}; {better} is better."]
    if judged.state == "unfinished":
        return [*found, "The run is unfinished, and no test has been made."]
    if not analysis.standings:
        what = "No test score is recorded" if without_search(run) else "No search selected a configuration"
        return [*found, f"{what}, and no test has been made."]
    found += [_units(records, analysis), *_variance(records, analysis)]
    if any(c.enough for c in analysis.comparisons):
        found += [*_family(run, analysis), _enough(run), _margin(run, analysis)]
    elif analysis.comparisons:
        found += ["No test is reported, for units are too few or without any spread.", _enough(run)]
    if analysis.baseline_comparisons:
        count = counted(len(analysis.baseline_comparisons), "comparison")
        found.append(f"The {count} with the baseline are a family of their own, tested alike.")
    return found


def _units(records: Records, analysis: Analysis) -> str:
    if without_search(records.run):
        return _trainings(records.run, analysis)
    score = "fresh seed" if all(c.fresh for c in records.confirmations) else "test score"
    scores = ranged(_seeds(records.run, analysis), score)
    if analysis.claim == "strategies":
        return f"Units are searches, each the mean of {scores}: a claim is about strategies at this budget of tuning."
    return (
        f"Each strategy had one search, so its selected configuration, with {scores}, is all that a claim is about: not the "
        "strategy."
    )


def _seeds(run: Run, analysis: Analysis) -> tuple[int, ...]:
    """Test scores of a search, as many of each as every search of its strategy has."""
    return tuple(s.seeds if run.replicates > 1 else s.estimate.units for s in analysis.standings)


def _trainings(run: Run, analysis: Analysis) -> str:
    """What units are where no search is recorded."""
    seeds = _seeds(run, analysis)
    mean = f", each the mean of {ranged(seeds, 'training')}" if run.replicates > 1 and max(seeds) > 1 else ""
    return (
        f"Units are {units_of(run)[1]}{mean}: a claim is about the strategies as they were trained here, and not about what "
        "tuning would make of them."
    )


def _variance(records: Records, analysis: Analysis) -> list[str]:
    units = units_of(records.run)[1]
    single = min(standing.estimate.units for standing in analysis.standings) < 2
    if all(c.item_scores is None for c in records.confirmations):
        if single:
            return ["A single score has no interval, for scores of single test items are not recorded."]
        return [f"Intervals are Student's over {units}, for scores of single test items are not recorded."]
    crossed = (
        f"The variance of a mean is that of {units} crossed with test items{cite('scheffe1959variance')}, both drawn anew, "
        f"with Satterthwaite's degrees of freedom{cite('satterthwaite1946approximate')}; no interval is narrower than "
        f"Student's over {units} alone."
    )
    alone = (
        "With a single unit the variance of a mean is that of drawing the test items anew, and of nothing else: an interval "
        "speaks of these trained models only."
    )
    found = [alone if single else crossed]
    if records.run.split.groups is not None:
        found.append(f"Items are drawn by group, groups' sums linearised{cite('cochran1977sampling')}.")
    return found


def _family(run: Run, analysis: Analysis) -> list[str]:
    count = counted(len(analysis.comparisons), "comparison")
    family = (
        "of all pairs" if analysis.family == "pairs" else f"with the reference, {tex(run.reference or '')}"
    )
    pairing = "Differences are paired by replicate, seed and test item as far as these are recorded."
    if run.search.shared_draws is False:
        welch = cite("welch1947generalization")
        pairing = f"Nothing pairs the strategies, so differences are of independent samples, by Welch{welch}."
    tested = (
        f"The family is the {count} {family}; p-values are two-sided, with Holm's correction{cite('holm1979simple')}, and "
        "intervals that hold together are Bonferroni's; 0.05 and 95\\,\\%."
    )
    found = [pairing, tested]
    if any(c.sign_flip_p is not None for c in analysis.comparisons):
        found.append("Beside them stands an exact sign-flip test over units.")
    return found


def _enough(run: Run) -> str:
    least = f"{least_units(run.replicates)} {units_of(run)[1]} a strategy"
    return f"With fewer than {least} every comparison counts as inconclusive."


def _margin(run: Run, analysis: Analysis) -> str:
    margin, units = analysis.margin, Units(run.metric)
    if margin.value <= 0:
        return "There is no margin of practical equivalence, and equivalence is not tested."
    told = units.difference(margin.value).lstrip("+") + units.difference_unit
    return (
        f"The margin of practical equivalence is {tex(told)} ({tex(margin.reason)}), by a rule that sees validation scores "
        f"alone; equivalence is tested by two one-sided tests{cite('schuirmann1987comparison')}."
    )
