"""Studies in a real PostgreSQL: what is refused and how it is said, and what its loss costs."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from hpo.errors import UserError
from hpo.search import database as module
from hpo.search.database import Database, place, settle_place
from hpo.search.storage import StoredStudy, StudyStorage
from tests.postgres import Postgres

SPACE = {"learning_rate": FloatDistribution(1e-5, 1e-2, log=True)}
Opened = Callable[[str], tuple[StudyStorage, list[str]]]


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    return postgres.make("studies")


@pytest.fixture
def opened(url: str, tmp_path: Path) -> Iterator[Opened]:
    """Opens the studies of a run; with them what the user is told."""
    made: list[StudyStorage] = []

    def open_them(run_id: str) -> tuple[StudyStorage, list[str]]:
        told: list[str] = []
        made.append(StudyStorage(tmp_path, True, Database(url, run_id, told.append)))
        return made[-1], told

    yield open_them
    for storage in made:
        storage.close()


def refusal(url: str, folder: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        StudyStorage(folder, True, Database(url, "run", print))
    return caught.value


def begin(study: StoredStudy, value: float = 1e-3) -> None:
    study.begin({"learning_rate": value}, SPACE, seed=7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda u, p: u.replace(p, "hunter2"), "password authentication failed"),
        (lambda u, p: u.replace("/studies", "/nowhere"), 'database "nowhere" does not exist'),
        (lambda u, p: re.sub(r":\d+/", ":9/", u), "port 9 failed"),
        (lambda u, p: u.replace("127.0.0.1", "no-such-host.invalid"), "no-such-host.invalid"),
    ],
    ids=["password", "database", "port", "host"],
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(
    postgres: Postgres, url: str, tmp_path: Path, change: Callable[[str, str], str], words: str
) -> None:
    error = refusal(change(url, postgres.password), tmp_path)
    assert words in error.message
    assert "\n" not in error.message
    assert not any(secret in error.message + error.hint for secret in (postgres.password, "hunter2"))


def test_the_password_may_stand_where_postgresqls_own_clients_look_for_it(
    postgres: Postgres, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = url.replace(f":{postgres.password}@", "@")
    assert "no password supplied" in refusal(bare, tmp_path).message
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    StudyStorage(tmp_path, True, Database(bare, "run", print)).close()


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql+psycopg://ann:se@cret@host/db",
        "postgresql+psycopg://ann:secret/db",
        "postgresql+psycopg://ann:secret@host",
        "postgresql://ann:secret@host/db",
        "mysql://ann:secret@host/db",
        "sqlite:///secret.db",
        "ann:secret",
        "",
    ],
)
def test_what_is_no_url_of_postgresql_is_refused_without_any_of_its_parts(wrong: str, tmp_path: Path) -> None:
    error = refusal(wrong, tmp_path)
    assert error.message.startswith("--storage: ")
    assert "cret" not in error.message + error.hint


def test_without_its_driver_the_extra_is_named(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = refusal(url, tmp_path)
    assert "needs the package psycopg" in error.message
    assert "hpo[postgres]" in error.hint


def test_a_place_is_an_address_alone() -> None:
    assert place("postgresql+psycopg://ann:secret@host:5433/db") == "postgresql+psycopg://host:5433/db"
    query = "host=/run/postgresql&password=secret&sslmode=require"
    assert place(f"postgresql+psycopg:///db?{query}") == "postgresql+psycopg:///db?host=%2Frun%2Fpostgresql"


def test_a_run_keeps_where_its_studies_are_without_a_secret_and_goes_on_nowhere_else(tmp_path: Path) -> None:
    url = "postgresql+psycopg://ann:secret@host/db"
    settle_place(tmp_path, url, begun=False)
    assert (tmp_path / "storage").read_text() == "postgresql+psycopg://host/db\n"
    settle_place(tmp_path, url.replace("secret", "other"), begun=True)
    for other in (None, url.replace("host", "elsewhere")):
        with pytest.raises(UserError) as caught:
            settle_place(tmp_path, other, begun=True)
        assert "begun with its studies in the database postgresql+psycopg://host/db" in caught.value.message
    settle_place(tmp_path, None, begun=False)
    assert not (tmp_path / "storage").exists()
    with pytest.raises(UserError) as caught:
        settle_place(tmp_path, url, begun=True)
    assert "begun with its studies in its journal file" in caught.value.message


def test_two_runs_in_one_database_do_not_mix_and_optunas_own_client_reads_them(
    opened: Opened, url: str
) -> None:
    for run_id, trials in (("ann-1", 2), ("ben-1", 1)):
        study = opened(run_id)[0].study("cosine", 0)
        for _ in range(trials):
            begin(study)
        study.report(0, 64, 0.6)
        study.end(0, "complete", 0.7)
    assert [len(opened(run_id)[0].study("cosine", 0)) for run_id in ("ann-1", "ben-1")] == [2, 1]
    storage = optuna.storages.RDBStorage(url)
    study = optuna.load_study(study_name="ann-1/cosine/r0", storage=storage)
    assert [(t.state, t.value, t.intermediate_values) for t in study.trials] == [
        (TrialState.COMPLETE, 0.7, {64: 0.6}),
        (TrialState.RUNNING, None, {}),
    ]
    storage.engine.dispose()


def test_a_second_writer_of_one_run_is_refused(opened: Opened) -> None:
    first, second = (opened("twice")[0].study("cosine", 0) for _ in range(2))
    begin(first)
    with pytest.raises(UserError) as caught:
        begin(second)
    assert "another process writes to the study 'twice/cosine/r0'" in caught.value.message


def test_processes_that_make_the_tables_at_once_all_find_them(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.make("at-once")

    def open_one(number: int) -> int:
        storage = StudyStorage(tmp_path, True, Database(url, f"run-{number}", print))
        study = storage.study("cosine", 0)
        begin(study)
        storage.close()
        return len(study)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_one, range(4))) == [1] * 4


def test_a_server_that_restarts_costs_nothing(
    opened: Opened, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, told = opened("restart")
    study = storage.study("cosine", 0)
    begin(study)
    study.report(0, 64, 0.6)
    postgres.down()
    back = threading.Timer(1.0, postgres.up)
    back.start()
    study.end(0, "complete", 0.6)
    begin(study, 2e-3)
    back.join()
    assert [t.state for t in study.trials()] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert "does not answer" in told[0]
    assert told[1].endswith(" is back")
    assert len(told) == 2
    again = opened("restart")[0].study("cosine", 0)
    assert [t.params["learning_rate"] for t in again.trials()] == [1e-3, 2e-3]
    assert again.trial(0).value == 0.6


def test_what_was_stored_and_its_answer_lost_is_not_stored_twice(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of the database is made, and then the connection is said to be lost."""
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import OperationalError

    storage, _told = opened("unheard")
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    lost: list[str] = []

    def deafen(method: str) -> None:
        original = getattr(RDBStorage, method)

        def deaf(*args: object, **kwargs: object) -> object:
            found = original(*args, **kwargs)
            if lost.count(method) < 1:
                lost.append(method)
                raise OperationalError("commit", None, Exception("the connection is lost"))
            return found

        monkeypatch.setattr(RDBStorage, method, deaf)

    changes = ["create_new_study", "_create_new_trial", "set_trial_intermediate_value"]
    changes += ["set_trial_system_attr", "set_trial_state_values"]
    for method in changes:
        deafen(method)
    study = storage.study("cosine", 0)
    begin(study)
    study.report(0, 64, 0.6)
    study.end(0, "infeasible", None)
    study.add({"learning_rate": 2e-3}, SPACE, 7, "complete", 0.5, {64: 0.5})
    assert lost == changes
    monkeypatch.undo()
    again = opened("unheard")[0].study("cosine", 0).trials()
    assert [(t.state, t.values, t.intermediate_values, t.constraints) for t in again] == [
        (TrialState.PRUNED, None, {64: 0.6}, {"memory": 1.0}),
        (TrialState.COMPLETE, [0.5], {64: 0.5}, {}),
    ]


def test_a_server_that_stays_away_is_a_user_error_after_the_time_that_was_told(
    opened: Opened, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, told = opened("away")
    study = storage.study("cosine", 0)
    monkeypatch.setattr(module, "AWAY", 0.3)
    postgres.down()
    try:
        with pytest.raises(UserError) as caught:
            study.trials()
    finally:
        postgres.up()
    assert "has not answered for" in caught.value.message
    assert "give the same command again" in caught.value.hint
    assert postgres.password not in caught.value.message + "".join(told)


def test_what_the_database_refuses_is_told_at_once(opened: Opened, postgres: Postgres) -> None:
    study = opened("refused")[0].study("cosine", 0)
    postgres.execute("alter table trials rename to others", "studies")
    try:
        with pytest.raises(UserError) as caught:
            study.trials()
    finally:
        postgres.execute("alter table others rename to trials", "studies")
    assert 'refused: relation "trials" does not exist' in caught.value.message
