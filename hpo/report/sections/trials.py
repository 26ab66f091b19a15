"""Every trial as a row, as far as a page can carry them."""

from __future__ import annotations

from dataclasses import replace

from hpo.records.run import Records
from hpo.records.trainings import Trial
from hpo.report.listings import trial_table
from hpo.report.section import Section
from hpo.report.sections.selected import PAGE_ROWS, key, selected
from hpo.report.sentences import Verdict
from hpo.report.table import Table


def trials_section(records: Records, judged: Verdict) -> Section:  # noqa: ARG001 one signature for all sections
    """The trials: all of them, or the selected and the best where they are very many."""
    if not records.trials:
        return Section("trials", "Every trial", absent="No trial has ended yet.")
    table = shown_trials(records)
    return Section("trials", table.title, parts=(table,))


def shown_trials(records: Records) -> Table:
    """The table of trials with at most ``PAGE_ROWS`` rows: the selected, then the best, then those without a score."""
    total = len(records.trials)
    if total <= PAGE_ROWS:
        return trial_table(records)
    chosen = selected(records)
    worst_first = -1 if records.run.metric.maximize else 1

    def place(trial: Trial) -> tuple[bool, bool, float]:
        score = 0.0 if trial.score is None else worst_first * trial.score
        return key(trial) not in chosen, trial.score is None, score

    kept = tuple(sorted(records.trials, key=place)[:PAGE_ROWS])
    table = trial_table(records.model_copy(update={"trials": kept}))
    note = (
        f"{PAGE_ROWS:,} of {total:,} trials: the selected ones, then the best. All of them: data/trials.csv."
    )
    return replace(table, title="Selected and best trials", note=f"{note} {table.note}")
