import pytest
from foreign_records import foreign
from scored_records import scored
from synthetic_records import make_records

from hpo.records.charges import charged_seconds
from hpo.records.run import Records, Stamp
from hpo.records.search import ParameterInfo
from hpo.report.kit.checklist import AUTHORS, CHECKLISTS, checklist_markdown, checklist_tables
from hpo.report.sections.checklist import checklist_section
from hpo.report.sentences import verdict


def answers(records: Records) -> dict[tuple[str, str], str]:
    tables = checklist_tables(records, verdict(records))
    return {(table.name, row[1]): row[2] for table in tables for row in table.rows}


@pytest.fixture(scope="module")
def own():
    return make_records(reference="linear")


@pytest.fixture(scope="module")
def told(own):
    return answers(own)


def test_no_item_of_any_run_is_a_yes(own):
    for records in (
        own,
        foreign(own),
        make_records({"all": 0.8}),
        own.model_copy(update={"confirmations": ()}),
    ):
        for answer in answers(records).values():
            assert answer
            assert answer.split()[0].lower().strip(".,;:") not in {"yes", "no", "true", "n/a"}


def test_every_item_of_the_lists_stands_once():
    numbers = {c.name: " ".join(i.number for i in c.items) for c in CHECKLISTS}
    acl, neurips = numbers["checklist-acl"], numbers["checklist-neurips"]
    assert all(
        item in acl for item in ("A1", "A2", "B1", "B2", "B3-B5", "B6", "C1", "C2", "C3", "C4", "D", "E")
    )
    assert all(item in neurips for item in ("1-3", "4", "5", "6", "7", "8", "9-11", "12", "13-16"))
    listed = [i.number for i in CHECKLISTS[1].items]
    assert listed == [str(n) for n in range(1, len(listed) + 1)]


def test_runs_are_counted_as_they_are_in_the_records(own, told):
    states = [t.state for t in own.trials]
    ended = ", ".join(f"{states.count(state)} {state}" for state in ("complete", "pruned", "failed"))
    evaluations = sum(len(item.rungs) for item in own.trials) + sum(len(c.rungs) for c in own.confirmations)
    answer = told["checklist-nlp-reproducibility", "Exact number of training and evaluation runs"]
    assert answer == f"100 trials ({ended}); 30 confirmations; {evaluations} evaluations on validation"


def test_the_budget_is_the_sum_of_all_trainings_and_says_what_pruned_ones_took(own, told):
    items = (*own.trials, *own.confirmations)
    answer = told["checklist-acl", "Computational budget"]
    assert answer.startswith(f"{sum(map(charged_seconds, items)):,.1f} device-seconds")
    lost = [t for t in own.trials if t.state != "complete"]
    assert f"{sum(map(charged_seconds, lost)):,.1f} on {len(lost)} pruned or failed trials" in answer


def test_the_mean_runtime_is_over_complete_trials(own, told):
    complete = [charged_seconds(t) for t in own.trials if t.state == "complete"]
    answer = told["checklist-neurips", "Compute resources: each run"]
    assert f"{sum(complete) / len(complete):.1f} device-seconds, mean of {len(complete)}" in answer


def test_bounds_are_those_of_the_space(told):
    answer = told["checklist-acl", "Hyperparameter search: space"]
    assert "learning_rate: 5e-5 to 0.001 (log)" in answer
    assert "schedule_decay_ratio: 0.1 to 0.5 (linear, where schedule is wsd)" in answer
    assert "batch_size" not in answer  # fixed, not searched


def test_the_drop_from_validation_to_test_is_told_of_each_strategy(own, told):
    answer = told["checklist-nlp-reproducibility", "Validation performance for each test result"]
    rows = [c for c in own.confirmations if c.strategy == "cosine"]
    drop = 100 * sum((c.selected_score or 0) - c.test_score for c in rows) / len(rows)
    assert f"cosine {drop:+.2f} points" in answer
    assert answer.startswith("for 25 of 25 test scores")


def test_statistics_name_what_intervals_are_over(told):
    answer = told["checklist-acl", "Descriptive statistics; mean, maximum or a single run"]
    assert answer.startswith("means with 95 % intervals over 5 searches of 1 seed with test items")
    one = answers(make_records(replicates=1, seeds=6))
    assert (
        "over 6 seeds of one search"
        in one["checklist-acl", "Descriptive statistics; mean, maximum or a single run"]
    )


def test_tests_are_named_with_their_family(told):
    answer = told["checklist-neurips", "Statistical significance: tests"]
    assert answer.startswith(
        "4 comparisons (with the reference linear), two-sided, Holm's correction; least corrected p "
    )


def test_a_part_that_is_not_recorded_is_named_beside_one_that_is(told):
    answer = told["checklist-nlp-reproducibility", "Source code with its dependencies"]
    assert answer.startswith("commit: not recorded; command: not recorded; software: hpo 0.1.0")
    assert (
        "label distribution: not recorded"
        in told["checklist-nlp-reproducibility", "Number of examples and label distributions"]
    )


def test_the_commit_and_command_of_the_stamp_are_told(own):
    stamp = Stamp(
        began="2026-01-02T03:04:05+00:00", command="hpo run x.yaml", git="abc+changes", plan_sha256="d" * 64
    )
    records = own.model_copy(update={"run": own.run.model_copy(update={"stamp": stamp})})
    found = answers(records)
    assert (
        "commit: commit abc+changes; command: hpo run x.yaml"
        in found["checklist-nlp-reproducibility", "Source code with its dependencies"]
    )
    assert "d" * 64 in found["checklist-neurips", "Reproducibility of the results"]


def test_another_tools_run_has_what_it_does_not_hold_as_not_recorded(own):
    found = answers(foreign(own))
    for item in (
        ("checklist-acl", "Numbers of examples and splits"),
        ("checklist-acl", "Number of parameters"),
        ("checklist-acl", "Computational budget"),
        ("checklist-acl", "Infrastructure"),
        ("checklist-acl", "Packages and their settings"),
        ("checklist-acl", "Licences"),
        ("checklist-acl", "Hyperparameter search: space"),
        ("checklist-neurips", "Reproducibility of the results"),
        ("checklist-neurips", "Access to data and code"),
    ):
        assert found[item] == "not recorded", item


def test_the_section_counts_what_is_not_recorded(own):
    section = checklist_section(own, verdict(own))
    cells = [row[-1] for table in section.parts for row in table.rows]
    authors = cells.count(AUTHORS)
    missing = sum("not recorded" in cell for cell in cells) - authors
    told = f"Of {len(cells)} items, {authors} ask for what no record of a run can know, and {missing} for"
    assert section.text[0].startswith(told)
    assert not section.absent


def test_the_markdown_holds_every_answer_and_escapes_names(own):
    records = own.model_copy(update={"run": own.run.model_copy(update={"question": "<b>*Which*</b>?"})})
    text = checklist_markdown(records, verdict(records))
    assert text.count("\n- **") == sum(len(c.items) for c in CHECKLISTS)
    assert r"&lt;b&gt;\*Which\*&lt;/b&gt;?" in text
    assert "<https://aclrollingreview.org/responsibleNLPresearch>" in text


STATISTICS = ("checklist-acl", "Descriptive statistics; mean, maximum or a single run")


def test_whether_a_single_run_is_reported_follows_from_the_records(told):
    assert told[STATISTICS].endswith("; each is the mean of 5 test scores, not their maximum")
    single = answers(make_records(replicates=1, seeds=1))
    assert single[STATISTICS] == (
        "scores with 95 % intervals over test items alone, which speak of these trained models only; each score reported is "
        "that of a single run"
    )
    assert answers(scored([[0.8, 0.7]], ("a", "b")))[STATISTICS].startswith(
        "single scores without an interval"
    )


def test_no_p_is_reported_where_no_verdict_is_allowed():
    answer = answers(make_records(replicates=2))["checklist-neurips", "Statistical significance: tests"]
    assert answer.endswith("no p is reported")
    assert "least corrected p" not in answer


def test_trainings_without_a_search_are_counted_as_such():
    found = answers(scored([[0.8, 0.7], [0.81, 0.72], [0.8, 0.69]], ("a", "b")))
    asked = ("checklist-nlp-reproducibility", "Exact number of training and evaluation runs")
    assert found[asked] == "6 trainings, each with its test score recorded once"
    assert found[STATISTICS].startswith("means with 95 % intervals over 3 trainings by Student's t")
    assert found["checklist-acl", "Hyperparameter search: method and criterion"] == "not recorded"


def test_a_drop_is_above_0_where_test_is_worse_and_low_is_better(own):
    records = foreign(own)
    rows = [c for c in records.confirmations if c.strategy == "cosine"]
    drop = sum(c.test_score - (c.selected_score or 0) for c in rows) / len(rows)
    asked = ("checklist-nlp-reproducibility", "Validation performance for each test result")
    assert f"cosine {drop:+.3g}" in answers(records)[asked]


def test_what_an_import_inferred_stands_with_space_and_budget(own):
    lr = ParameterInfo(name="lr", kind="range", low=0.001, high=0.1, log=True, observed=True)
    note = "cost: Runtime, wall-clock, taken as device-seconds"
    run = own.run.model_copy(update={"space": (lr,), "source": "CSV", "notes": ("seed: column seed", note)})
    found = answers(own.model_copy(update={"run": run}))
    assert found["checklist-acl", "Hyperparameter search: space"] == (
        "lr: values seen from 0.001 to 0.1 (log); range of lr: not recorded"
    )
    assert found["checklist-acl", "Computational budget"].endswith(f"shared work once; {note}")
