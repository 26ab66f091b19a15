import re

import pytest
from foreign_records import foreign
from scored_records import scored
from synthetic_records import make_records

from hpo.records.search import ParameterInfo
from hpo.records.setup import ModelInfo
from hpo.report.sections.setup import setup_section
from hpo.report.sentences import verdict


def section_of(records):
    return setup_section(records, verdict(records))


def seconds_of(item) -> float:
    return sum(s.seconds for s in item.segments) + sum(r.seconds for r in item.rungs)


def test_it_presents_the_setup_and_the_search_space():
    records = make_records()
    setup, space = section_of(records).parts
    assert (setup.name, space.name) == ("setup", "space")
    assert [row[0] for row in space.rows] == [p.name for p in records.run.space]
    assert ("Seed", "0") in setup.rows


def test_the_device_time_is_told_by_what_became_of_it():
    records = make_records()
    (text,) = section_of(records).text
    for state in ("complete", "pruned", "failed"):
        found = [t for t in records.trials if t.state == state]
        total = sum(map(seconds_of, found))
        assert f"{total:,.1f} to {len(found)} {state} trial" in text
    tested = sum(seconds_of(c) + c.test_seconds for c in records.confirmations)
    assert f"{tested:,.1f} to 30 confirmations" in text
    total = tested + sum(map(seconds_of, records.trials))
    assert f"Device time: {total:,.1f} device-seconds were charged" in text
    assert "again" not in text


def test_training_again_what_was_lost_is_told_and_counted_as_spent():
    records = make_records()
    before = float(re.search(r"once: ([\d,.]+) were", section_of(records).text[0])[1].replace(",", ""))
    lost = records.trials[0].model_copy(update={"retrained_seconds": 12.5})
    (text,) = section_of(records.model_copy(update={"trials": (lost, *records.trials[1:])})).text
    assert f"{before + 12.5:,.1f} were spent, 12.5 of it on training again" in text


def test_a_run_without_recorded_times_has_no_sentence_about_them():
    found = section_of(foreign(make_records()))
    assert found.text == ()
    assert [part.name for part in found.parts] == ["setup"]


def test_costs_of_some_trainings_say_of_how_many():
    records = make_records()
    bare = records.trials[0].model_copy(update={"segments": (), "rungs": ()})
    (text,) = section_of(records.model_copy(update={"trials": (bare, *records.trials[1:])})).text
    assert "device-seconds were charged (of 129 of 130 trainings)" in text
    complete = sum(t.state == "complete" for t in records.trials)
    assert f"to {complete} complete trials (of {complete - 1} of {complete} trainings)" in text


def test_a_kind_without_recorded_time_is_no_zero():
    records = make_records()
    bare = tuple(
        c.model_copy(update={"segments": (), "rungs": (), "test_seconds": 0.0}) for c in records.confirmations
    )
    (text,) = section_of(records.model_copy(update={"confirmations": bare})).text
    assert "none recorded of 30 confirmations" in text


def test_trainings_without_a_search_have_no_budget_of_one():
    setup = section_of(scored([[0.8, 0.7]] * 4, ("a", "b"))).parts[0]
    rows = dict(setup.rows)
    assert rows["Budget"] == "4 trainings a strategy; no search is recorded"
    assert rows["Confirmation"] == "the test score of each training, recorded once"
    several = dict(section_of(scored([[[0.8, 0.81], [0.7, 0.72]]] * 3, ("a", "b"))).parts[0].rows)
    assert several["Budget"] == "3 replicates of 2 trainings a strategy; no search is recorded"


def changed(records, **run):
    return records.model_copy(update={"run": records.run.model_copy(update=run)})


def test_what_an_import_inferred_is_listed_as_it_was_noted():
    notes = ("strategy: column method: a, b", "3 not ended, left out")
    setup, inferred = section_of(changed(foreign(make_records()), notes=notes)).parts
    assert (setup.name, inferred.title) == ("setup", "What the import inferred")
    assert inferred.rows == tuple((str(n), note) for n, note in enumerate(notes, start=1))


def test_values_that_were_only_seen_are_no_range():
    lr = ParameterInfo(name="lr", kind="range", low=0.001, high=0.1, log=True)
    told = section_of(changed(foreign(make_records()), space=(lr,))).parts[1]
    assert (told.rows[0][1], "seen" in told.note) == ("0.001 to 0.1", False)
    seen = lr.model_copy(update={"observed": True})
    told = section_of(changed(foreign(make_records()), space=(seen,))).parts[1]
    assert told.rows[0][1] == "values seen from 0.001 to 0.1"
    assert told.note.endswith("the range is not recorded and may be wider.")


def test_what_was_replaced_in_the_texts_is_told_where_it_was_looked_for():
    records = make_records()
    assert "Replaced in the texts" not in dict(section_of(records).parts[0].rows)
    split = records.run.split.model_copy(update={"scrubbed": {"EMAIL": 3, "PHONE": 1, "CARD": 0}})
    run = records.run.model_copy(update={"split": split})
    told = dict(section_of(records.model_copy(update={"run": run})).parts[0].rows)
    assert told["Replaced in the texts"] == "3 e-mail addresses, 1 telephone number and 0 card numbers"


def test_models_that_are_compared_stand_with_size_score_and_cost():
    records = make_records()
    names = records.run.strategies
    infos = {
        name: ModelInfo(source=f"hub {name}", licence="MIT", layers=n, hidden_size=8, parameters=1000 * n)
        for n, name in enumerate(names, start=1)
    }
    setup, models, space = section_of(changed(records, models=infos)).parts
    assert (setup.name, models.title, space.name) == ("setup", "Models compared", "space")
    assert models.rows[1][:6] == (names[1], f"hub {names[1]}", "2", "8", "2,000", "MIT")
    for name, row in zip(names, models.frame.to_dict("records"), strict=True):
        own = [c for c in records.confirmations if (c.role, c.strategy) == ("strategy", name)]
        costs = [seconds_of(c) + c.test_seconds for c in own]
        assert row["seconds_charged_a_confirmation"] == pytest.approx(sum(costs) / len(own))
        assert row["test_score"] == pytest.approx(sum(c.test_score for c in own) / len(own))


def test_models_without_a_confirmation_have_no_score_and_no_cost_yet():
    records = make_records()
    infos = {name: ModelInfo(source=name) for name in records.run.strategies}
    bare = changed(records, models=infos).model_copy(update={"confirmations": ()})
    models = section_of(bare).parts[1]
    assert [row[-2:] for row in models.rows] == [("-", "-")] * len(infos)


def test_the_small_form_of_a_space_is_told_among_what_was_asked():
    records = make_records()
    assert dict(section_of(records).parts[0].rows)["Records"] == "made by hpo"
    told = dict(section_of(changed(records, form="small")).parts[0].rows)["Records"]
    assert told == "made by hpo; the small form of the space"
