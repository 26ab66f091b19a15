from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from hpo.errors import UserError
from hpo.records.sealed import unseal
from hpo.search.database import Database
from hpo.search.journal import journal_path
from hpo.search.storage import StudyStorage
from tests.postgres import Postgres

SPACE = {"learning_rate": FloatDistribution(1e-5, 1e-2, log=True)}


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    """URL of a database for runs with names of their own."""
    return postgres.make("storage")


@pytest.fixture(params=["journal", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], StudyStorage]]:
    """Opens the studies of the test's run as if in a process that knows nothing yet."""
    url = request.getfixturevalue("database") if request.param == "postgresql" else None
    made = []

    def open_them() -> StudyStorage:
        database = None if url is None else Database(url, str(tmp_path), print)
        made.append(StudyStorage(tmp_path, True, database))
        return made[-1]

    yield open_them
    for storage in made:
        storage.close()


def filled(folder: Path) -> None:
    study = StudyStorage(folder).study("cosine", 1)
    study.begin({"learning_rate": 1e-3}, SPACE, seed=7)
    study.report(0, 64, 0.6)
    study.report(0, 128, 0.7)
    study.end(0, "complete", 0.7)
    study.begin({"learning_rate": 2e-3}, SPACE, seed=8)
    study.report(1, 64, 0.4)
    study.end(1, "pruned", None)
    study.begin({"learning_rate": 3e-3}, SPACE, seed=9)


def test_optunas_own_client_reads_the_studies(tmp_path: Path) -> None:
    filled(tmp_path)
    storage = JournalStorage(JournalFileBackend(str(journal_path(tmp_path))))
    study = optuna.load_study(study_name="cosine/r1", storage=storage)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
    assert study.best_value == 0.7
    assert study.trials[0].intermediate_values == {64: 0.6, 128: 0.7}
    assert study.trials[0].user_attrs == {"seed": 7}
    assert study.trials[1].value is None  # a pruned trial has scores at rungs and no result


def test_an_ended_trial_runs_again_in_the_next_edition_of_its_study(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "records" / "retried").mkdir(parents=True)
    StudyStorage(tmp_path).reopen("cosine", 1, [1])
    for study in (StudyStorage(tmp_path).study("cosine", 1), StudyStorage(tmp_path).reopen("cosine", 1, [1])):
        assert [t.state for t in study.trials()] == [
            TrialState.COMPLETE,
            TrialState.RUNNING,
            TrialState.RUNNING,
        ]
        assert [t.number for t in study.trials()] == [0, 1, 2]
        assert [t.params["learning_rate"] for t in study.trials()] == [1e-3, 2e-3, 3e-3]
        assert [t.user_attrs["seed"] for t in study.trials()] == [7, 8, 9]
        assert study.trial(0).intermediate_values == {64: 0.6, 128: 0.7}
        assert study.trial(1).intermediate_values == {}
    storage = JournalStorage(JournalFileBackend(str(journal_path(tmp_path))))
    assert [study.study_name for study in storage.get_all_studies()] == ["cosine/r1~3"]


def test_a_kill_at_any_record_of_a_new_edition_leaves_one_of_the_two(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "records" / "retried").mkdir(parents=True)
    path = journal_path(tmp_path)
    before = path.read_bytes()
    StudyStorage(tmp_path).reopen("cosine", 1, [0, 1])
    written = path.read_bytes()[len(before) :].splitlines(keepends=True)
    assert len(written) > 4
    for count in range(len(written) + 1):
        path.write_bytes(before + b"".join(written[:count]))
        found = [t.state for t in StudyStorage(tmp_path).study("cosine", 1).trials()]
        whole = count == len(written)
        assert found == [
            TrialState.RUNNING if whole else TrialState.COMPLETE,
            TrialState.RUNNING if whole else TrialState.PRUNED,
            TrialState.RUNNING,
        ]
        study = StudyStorage(tmp_path).reopen("cosine", 1, [0, 1])
        assert [t.state for t in study.trials()] == [TrialState.RUNNING] * 3
        assert [t.user_attrs["seed"] for t in study.trials()] == [7, 8, 9]


def test_a_running_trial_is_taken_up_again_and_reports_are_not_doubled(tmp_path: Path) -> None:
    filled(tmp_path)
    study = StudyStorage(tmp_path).study("cosine", 1)
    assert len(study) == 3
    study.report(2, 64, 0.5)
    lines = journal_path(tmp_path).read_text().count("\n")
    study.report(2, 64, 0.5)
    assert journal_path(tmp_path).read_text().count("\n") == lines
    study.end(2, "complete", 0.5)
    assert study.trial(2).intermediate_values == {64: 0.5}


@pytest.mark.parametrize(
    ("state", "accuracy"),
    [("complete", 0.7), ("pruned", None), ("failed", None), ("infeasible", None)],
)
def test_a_trial_added_whole_is_as_one_that_was_begun_reported_and_ended(
    opened: Callable[[], StudyStorage], state: str, accuracy: float | None
) -> None:
    study = opened().study("cosine", 1)
    study.begin({"learning_rate": 1e-3}, SPACE, seed=7)
    study.report(0, 64, 0.6)
    study.report(0, 128, 0.7)
    study.end(0, state, accuracy)
    study.add({"learning_rate": 1e-3}, SPACE, 7, state, accuracy, {64: 0.6, 128: 0.7})
    begun, added = opened().study("cosine", 1).trials()
    facts = ("state", "values", "params", "distributions", "user_attrs", "intermediate_values", "constraints")
    for fact in facts:
        assert getattr(begun, fact) == getattr(added, fact), fact
    assert added.datetime_complete is not None


def test_what_did_not_fit_the_memory_breaks_a_constraint_that_optunas_own_client_reads(
    tmp_path: Path,
) -> None:
    study = StudyStorage(tmp_path).study("cosine", 1)
    for accuracy, state in ((0.7, "complete"), (None, "infeasible"), (None, "failed")):
        study.begin({"learning_rate": 1e-3}, SPACE, seed=7)
        study.end(len(study) - 1, state, accuracy)
    storage = JournalStorage(JournalFileBackend(str(journal_path(tmp_path))))
    trials = optuna.load_study(study_name="cosine/r1", storage=storage).trials
    assert [t.state for t in trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert [t.constraints for t in trials] == [{}, {"memory": 1.0}, {}]


def test_an_end_that_a_kill_cut_short_is_stored_again(tmp_path: Path) -> None:
    study = StudyStorage(tmp_path).study("cosine", 1)
    study.begin({"learning_rate": 1e-3}, SPACE, seed=7)
    study.end(0, "infeasible", None)
    path = journal_path(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"\n", 0, len(data) - 1) + 1])  # without the last record, its state
    again = StudyStorage(tmp_path).study("cosine", 1)
    assert not again.trial(0).state.is_finished()
    again.end(0, "infeasible", None)
    assert (again.trial(0).state, again.trial(0).constraints) == (TrialState.PRUNED, {"memory": 1.0})


def test_a_trial_by_its_draw_is_the_one_of_its_study_however_studies_mix(
    opened: Callable[[], StudyStorage],
) -> None:
    storage = opened()
    studies = {name: storage.study(name, 0) for name in ("linear", "cosine")}
    for draw in range(3):
        for seed, study in enumerate(studies.values()):
            begun = study.begin({"learning_rate": 1e-3}, SPACE, seed=10 * draw + seed)
            assert begun.number == draw
    studies["cosine"].end(1, "failed", None)
    reopened = {name: opened().study(name, 0) for name in studies}
    for either in (studies, reopened):
        for seed, study in enumerate(either.values()):
            assert len(study) == 3
            assert [study.trial(n).user_attrs["seed"] for n in range(3)] == [seed, 10 + seed, 20 + seed]
            assert [study.trial(n) for n in range(3)] == study.trials()
        assert either["cosine"].trial(1).state == TrialState.FAIL
        assert either["linear"].trial(1).state == TrialState.RUNNING


def test_a_journal_cut_at_any_byte_of_its_last_records_opens_and_loses_only_them(tmp_path: Path) -> None:
    filled(tmp_path)
    path = journal_path(tmp_path)
    data = path.read_bytes()
    kept = data.rfind(b"\n", 0, len(data) - 1) + 1
    for cut in range(kept, len(data)):
        path.write_bytes(data[:cut])
        study = StudyStorage(tmp_path).study("cosine", 1)
        assert len(study.trials()) == 2
        assert path.read_bytes() == data[:kept]
        study.begin({"learning_rate": 3e-3}, SPACE, seed=9)
        assert len(StudyStorage(tmp_path).study("cosine", 1).trials()) == 3


def test_a_flipped_bit_of_a_record_is_refused_with_what_to_do_and_of_the_last_one_costs_that_one(
    tmp_path: Path,
) -> None:
    filled(tmp_path)
    path = journal_path(tmp_path)
    data = path.read_bytes()
    last = data.rfind(b"\n", 0, len(data) - 1) + 1
    refused: list[UserError] = []
    known = StudyStorage(tmp_path).study("cosine", 1).trials()
    within = [
        bit for bit in range(0, 8 * len(data), 61) if data[bit // 8] != ord("\n")
    ]  # joined, two are the last
    for bit in within:
        path.write_bytes(flip(data, bit))
        try:
            found = StudyStorage(tmp_path).study("cosine", 1).trials()
        except UserError as error:
            refused.append(error)
        else:  # in the name of a checksum, or in the last record
            assert found == known or (bit // 8 >= last and found == known[:-1]), bit
    assert len(refused) > 0.9 * last * 8 / 61
    assert {error.hint for error in refused} == {
        "Move the file away and give the command again: its trials are drawn as they were, none is trained again."
    }
    assert all("is no journal of Optuna any more" in error.message for error in refused)


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_journal_written_before_there_were_checksums_is_read(tmp_path: Path) -> None:
    filled(tmp_path)
    path = journal_path(tmp_path)
    known = StudyStorage(tmp_path).study("cosine", 1).trials()
    path.write_bytes(b"".join(unseal(line) + b"\n" for line in path.read_bytes().splitlines()))
    assert b"checksum" not in path.read_bytes()
    assert StudyStorage(tmp_path).study("cosine", 1).trials() == known


def test_a_lock_left_by_a_killed_process_does_not_hold_the_next_one_up(tmp_path: Path) -> None:
    filled(tmp_path)
    path = journal_path(tmp_path)
    path.with_name(path.name + ".lock").symlink_to(path)
    study = StudyStorage(tmp_path).study("cosine", 1)
    study.report(2, 64, 0.5)
    assert study.trials()[2].intermediate_values == {64: 0.5}


def test_a_file_that_is_no_journal_is_refused_with_what_to_do(tmp_path: Path) -> None:
    journal_path(tmp_path).write_text("no\njournal\nat all\n{}\n")
    with pytest.raises(UserError) as caught:
        StudyStorage(tmp_path)
    assert "is no journal of Optuna any more" in caught.value.message
