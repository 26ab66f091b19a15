"""The sections of the report, one builder each, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from hpo.records.run import Records
from hpo.report.section import Section
from hpo.report.sections.anytime import anytime_section
from hpo.report.sections.checklist import checklist_section
from hpo.report.sections.effects import effects_section
from hpo.report.sections.generalization import generalization_section
from hpo.report.sections.importance import importance_section
from hpo.report.sections.learning import learning_section
from hpo.report.sections.objections import objections_section
from hpo.report.sections.pruning import pruning_section
from hpo.report.sections.ranks import ranks_section
from hpo.report.sections.results import results_section
from hpo.report.sections.robustness import robustness_section
from hpo.report.sections.setup import setup_section
from hpo.report.sections.tradeoffs import tradeoffs_section
from hpo.report.sections.trials import trials_section
from hpo.report.sections.tuning import tuning_section
from hpo.report.sentences import Verdict

Builder = Callable[[Records, Verdict], Section]

BUILDERS: tuple[Builder, ...] = (
    setup_section,
    results_section,
    learning_section,
    tuning_section,
    anytime_section,
    ranks_section,
    effects_section,
    importance_section,
    pruning_section,
    tradeoffs_section,
    robustness_section,
    generalization_section,
    objections_section,
    checklist_section,
    trials_section,
)


def build_sections(records: Records, judged: Verdict) -> tuple[Section, ...]:
    """Every section of the report of ``records``, those that are absent too."""
    return tuple(build(records, judged) for build in BUILDERS)
