import pytest
from scored_records import scored
from synthetic_records import make_records

from hpo.cli.comparison import comparison_tables
from hpo.report.across import judge
from hpo.report.side_by_side import legend

TWO = {"a": 0.8, "b": 0.7}


def on(records, task, **changes):
    run = records.run.model_copy(update={"task": task, **changes})
    return records.model_copy(update={"run": run})


def test_at_one_search_the_legend_says_that_configurations_alone_are_compared():
    one = on(make_records(TWO, replicates=1, seeds=6), "one")
    several = on(make_records(TWO), "several")
    assert legend(judge([one])).endswith(" One search a strategy: selected configurations only.")
    assert legend(judge([one, several])).endswith(
        " One search a strategy in one: selected configurations only."
    )
    assert "only" not in legend(judge([several]))


def test_without_a_search_the_legend_speaks_of_trainings():
    bare = scored([[0.8, 0.7], [0.81, 0.72], [0.8, 0.69]], ("a", "b"))
    assert legend(judge([bare])).endswith(" No search recorded: these trainings only.")


@pytest.mark.parametrize(("kept", "bold"), [(None, ["bold"]), (-1, [])])
def test_the_best_is_bold_only_once_the_run_has_ended(kept, bold):
    records = make_records(TWO)
    part = records.model_copy(update={"confirmations": records.confirmations[:kept]})
    (table,) = comparison_tables(judge([part]), {}, 200)
    cells = list(table.columns[1].cells)
    assert [str(cell.style) for cell in cells if cell.style] == bold


def test_the_legend_names_the_small_forms_of_spaces():
    runs = judge([on(make_records(TWO), "reviews"), on(make_records(TWO), "news", form="small")])
    assert legend(runs).endswith(" Small form of the space in news: no answer.")
    assert legend(runs[1:]).endswith(" Small form of the space: no answer.")
