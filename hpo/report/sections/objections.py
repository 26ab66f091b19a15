"""What a strict reviewer objects to, each answered with what the records hold."""

from __future__ import annotations

from collections.abc import Callable

from hpo.records.run import Records
from hpo.report.section import Section
from hpo.report.sections.objections_to_search import (
    bias_of_pruning,
    diverged_trials,
    edge_values,
    hidden_costs,
    unequal_budgets,
    unequal_spaces,
)
from hpo.report.sections.objections_to_verdict import (
    configurations_as_strategies,
    error_bars,
    fixed_beforehand,
    one_left_out,
    optimism_of_selection,
    other_data,
    smaller_budgets,
    used_seeds,
)
from hpo.report.sentences import Verdict
from hpo.report.table import make_table

ANSWERS: dict[str, Callable[[Records, Verdict], str]] = {
    "Configurations are sold as strategies": configurations_as_strategies,
    "The seed that selected is among the fresh ones": used_seeds,
    "The scores that selected are optimistic": optimism_of_selection,
    "The best values lie at the edge of the space": edge_values,
    "The spaces are unequal": unequal_spaces,
    "The budgets are unequal": unequal_budgets,
    "Pruning is biased against what learns late": bias_of_pruning,
    "Diverged trials were dropped": diverged_trials,
    "Failed, pruned and repeated trials cost nothing": hidden_costs,
    "The verdict hangs on the budget": smaller_budgets,
    "The verdict hangs on one search or seed": one_left_out,
    "It holds on this data alone": other_data,
    "Metric, margin and selection were chosen afterwards": fixed_beforehand,
    "Nobody says what error bars are over": error_bars,
}


def objections_section(records: Records, judged: Verdict) -> Section:
    """The table of objections and answers."""
    shown = [
        {"Objection": objection, "Answer": answer(records, judged)} for objection, answer in ANSWERS.items()
    ]
    raw = [{"objection": row["Objection"], "answer": row["Answer"]} for row in shown]
    note = "Each answered from the records of this run; what they do not hold is called not recorded."
    table = make_table("objections", "Objections and answers", note, shown, raw)
    return Section("objections", "What a strict reviewer objects to", parts=(table,))
