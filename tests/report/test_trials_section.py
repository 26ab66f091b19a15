import pytest
from foreign_records import foreign
from many_records import many_records
from synthetic_records import make_records

from hpo.records.metrics import Metric
from hpo.report.sections.selected import selected
from hpo.report.sections.trials import trials_section
from hpo.report.sentences import verdict


def table_of(records):
    (table,) = trials_section(records, verdict(records)).parts
    return table


@pytest.fixture(scope="module")
def many():
    return many_records(1000, 4)


def test_every_trial_is_a_row_in_the_order_of_the_records():
    records = make_records()
    frame = table_of(records).frame
    assert list(zip(frame["strategy"], frame["replicate"], frame["draw"], strict=True)) == [
        (t.strategy, t.replicate, t.draw) for t in records.trials
    ]
    assert "of 100 trials" not in table_of(records).note


def test_of_very_many_the_selected_come_first_and_then_the_best(many):
    table = table_of(many)
    frame = table.frame
    assert len(table.rows) == len(frame) == 500
    assert table.note.startswith("500 of 1,000 trials: the selected ones, then the best.")
    chosen = selected(many)
    first = frame.iloc[: len(chosen)]
    assert set(zip(first["strategy"], first["replicate"], first["draw"], strict=True)) == chosen
    rest = list(frame["score"].iloc[len(chosen) :].dropna())
    assert rest == sorted(rest, reverse=True)
    others = sorted(
        t.score
        for t in many.trials
        if t.score is not None and (t.strategy, t.replicate, t.draw) not in chosen
    )
    assert rest == others[::-1][: len(rest)]


def test_a_minimised_metric_has_its_lowest_first(many):
    records = foreign(many)
    frame = table_of(records).frame
    rest = list(frame["score"].iloc[len(selected(records)) :].dropna())
    assert rest == sorted(rest)


def test_a_run_that_has_not_begun_says_so():
    records = make_records().model_copy(update={"trials": (), "confirmations": ()})
    found = trials_section(records, verdict(records))
    assert (found.parts, found.absent) == ((), "No trial has ended yet.")


def test_a_cost_that_is_not_recorded_is_no_zero():
    table = table_of(foreign(make_records()))
    place = table.columns.index("Charged, s")
    assert {row[place] for row in table.rows} == {"-"}
    assert table.frame["seconds_charged"].isna().all()
    given = make_records()
    free = given.trials[0].model_copy(update={"segments": (), "rungs": (), "charged": 0.0})
    first = table_of(given.model_copy(update={"trials": (free, *given.trials[1:])}))
    assert first.rows[0][first.columns.index("Charged, s")] == "0.0"


def test_the_name_of_a_metric_keeps_its_capitals():
    given = make_records()
    run = given.run.model_copy(update={"metric": Metric(name="AUC")})
    table = table_of(given.model_copy(update={"run": run}))
    assert "AUC" in table.columns
    assert table.note.startswith("AUC: the best on validation")
