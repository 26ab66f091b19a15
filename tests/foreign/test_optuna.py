from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from sources import imported, of, optimize, records

from hpo.errors import UserError
from hpo.foreign.importing import _labels
from hpo.foreign.optuna_storage import require_tables
from hpo.foreign.recognising import recognise
from hpo.foreign.spaces import merged
from hpo.records.run import Records
from hpo.records.search import ParameterInfo


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("optuna") / "studies.db"
    optimize(f"sqlite:///{path}", "linear")
    optimize(f"sqlite:///{path}", "cosine", bonus=0.05)
    return path


@pytest.fixture(scope="module")
def studies(database: Path) -> list[optuna.Study]:
    return [
        optuna.load_study(study_name=name, storage=f"sqlite:///{database}") for name in ("linear", "cosine")
    ]


@pytest.fixture(scope="module")
def made(database: Path) -> Records:
    return records(f"sqlite:///{database}", studies=("linear", "cosine"))


def test_each_trial_is_as_optuna_stored_it(made: Records, studies: list[optuna.Study]) -> None:
    assert made.run.strategies == ("linear", "cosine")
    for study in studies:
        own = of(made.trials, study.study_name)
        assert [t.draw for t in own] == list(range(6))
        for trial, stored in zip(own, study.trials, strict=True):
            assert trial.parameters == stored.params
            assert trial.seed == 100 + stored.number
            assert trial.charged == stored.duration.total_seconds()
            assert [(r.examples, r.score) for r in trial.rungs] == sorted(stored.intermediate_values.items())
    assert (made.run.metric.name, made.run.metric.maximize, made.run.metric.share) == (
        "objective value",
        True,
        False,
    )
    assert (made.run.trials, made.run.replicates, made.run.seeds) == (6, 1, 1)
    assert made.run.source == "Optuna (studies.db)"


def test_pruned_and_failed_trials_have_a_state_and_no_score(
    made: Records, studies: list[optuna.Study]
) -> None:
    own = of(made.trials, "linear")
    assert [t.state for t in own] == ["complete", "pruned", "failed", "failed", "complete", "complete"]
    assert [t.score for t in own] == [
        t.value if t.state == optuna.trial.TrialState.COMPLETE else None for t in studies[0].trials
    ]
    assert own[1].reason == "PRUNED (trial 1 of study 'linear')"
    assert own[2].reason == "FAIL (trial 2 of study 'linear')"
    assert len(own[1].rungs) == 2


def test_the_value_that_the_objective_returned_is_the_score_and_not_a_report_on_the_way(
    made: Records,
) -> None:
    first = of(made.trials, "cosine")[0]
    assert first.score not in {rung.score for rung in first.rungs}
    assert first.best_rung is None


def test_the_best_trial_is_selected_as_optuna_does_and_confirms_itself(
    made: Records, studies: list[optuna.Study]
) -> None:
    for study in studies:
        (confirmation,) = of(made.confirmations, study.study_name)
        best = study.best_trial
        assert confirmation.draw == best.number
        assert confirmation.test_score == best.user_attrs["test_value"]
        assert confirmation.selected_score == confirmation.validation_score == best.value
        assert not confirmation.fresh
        assert confirmation.charged is None, "it was trained once"


def test_the_space_is_the_trials_distributions(made: Records) -> None:
    space = {parameter.name: parameter for parameter in made.run.space}
    assert next(iter(space)) == "study"
    assert {*space} == {"study", "learning_rate", "layers", "head", "optimizer"}
    assert (space["study"].kind, space["study"].values) == ("compared", ("linear", "cosine"))
    rate = space["learning_rate"]
    assert (rate.kind, rate.low, rate.high, rate.log, rate.integer) == ("range", 1e-5, 1e-1, True, False)
    layers = space["layers"]
    assert (layers.low, layers.high, layers.integer) == (1, 16, True), (
        "ranges that differ from trial to trial are joined"
    )
    assert (space["head"].kind, space["head"].values) == ("choices", (None, "wide", "deep"))
    assert space["optimizer"].values == ("adam", "sgd")


def test_pruning_says_that_draws_are_not_independent(made: Records, database: Path) -> None:
    assert made.run.search.independent is False
    assert made.run.search.rungs == (0, 1)
    assert made.run.search.sampler is None
    said = records(f"sqlite:///{database}", studies=("linear", "cosine"), independent=True)
    assert said.run.search.independent is False


def test_seeds_that_are_the_same_on_both_sides_pair_them(made: Records, database: Path) -> None:
    seeds = {c.seed for c in made.confirmations}
    assert made.run.search.shared_draws is (len(seeds) == 1)
    assert records(database, paired=True).run.search.shared_draws is True


def test_a_parameter_or_an_attribute_can_be_the_strategy(database: Path, studies: list[optuna.Study]) -> None:
    by_optimizer = records(f"sqlite:///{database}", studies=("linear",), strategy=("optimizer",))
    drawn = [t.params["optimizer"] for t in studies[0].trials]
    assert by_optimizer.run.strategies == tuple(dict.fromkeys(drawn)) != ("adam",)
    for name in set(drawn):
        assert [t.draw for t in of(by_optimizer.trials, name)] == list(range(drawn.count(name)))
    assert "optimizer" not in [p.name for p in by_optimizer.run.space[1:]]
    assert by_optimizer.run.space[0].name == "optimizer"
    by_seed = records(f"sqlite:///{database}", studies=("linear",), strategy=("seed",))
    assert by_seed.run.strategies == tuple(str(100 + number) for number in range(6))


def test_a_journal_and_a_database_by_its_path_are_read_alike(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    optimize(JournalStorage(JournalFileBackend(str(journal))), "linear", direction="minimize")
    path = tmp_path / "studies.db"
    optimize(f"sqlite:///{path}", "linear", direction="minimize")
    assert (recognise(str(journal)), recognise(str(path))) == ("optuna", "optuna")
    first, second = records(journal), records(path)
    assert [t.score for t in first.trials] == [t.score for t in second.trials]
    assert first.run.metric.maximize is False
    scores = [t.score for t in first.trials if t.score is not None]
    assert first.confirmations[0].selected_score == min(scores)


def test_names_of_studies_tell_strategy_and_replicate(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    for strategy in ("linear", "warm-up"):
        for replicate in (10, 9):
            optimize(storage, f"{strategy}/r{replicate}", trials=1)
    made = records(tmp_path / "journal.log", named="{strategy}/r{replicate}")
    assert made.run.strategies == ("linear", "warm-up")
    assert made.run.replicates == 2
    assert [(t.replicate, "r9" in t.reason) for t in of(made.trials, "warm-up", 0)] == [(0, True)], (
        "9 comes before 10"
    )
    with pytest.raises(
        UserError, match=r"the name 'linear/r10' does not fit --study-names '\{strategy\}-\{seed\}'"
    ):
        records(tmp_path / "journal.log", named="{strategy}-{seed}")
    with pytest.raises(UserError, match=r"found \{fold\}; allowed are \{strategy\}, \{task\}"):
        records(tmp_path / "journal.log", named="{strategy}-{fold}")


def test_several_storages_are_read_as_one(tmp_path: Path) -> None:
    for name in ("adam", "sgd"):
        optimize(JournalStorage(JournalFileBackend(str(tmp_path / f"{name}.log"))), "search", trials=1)
    made = records(tmp_path / "adam.log", tmp_path / "sgd.log")
    assert made.run.strategies == ("adam/search", "sgd/search")
    assert made.run.source == "Optuna (adam.log, sgd.log)"


def test_the_metric_that_a_study_names_is_the_metric(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        optimize(storage, "linear", trials=1).set_metric_names(["accuracy"])
    metric = records(tmp_path / "journal.log").run.metric
    assert (metric.name, metric.share) == ("accuracy", True)


def test_trials_that_run_are_left_out(tmp_path: Path) -> None:
    study = optimize(JournalStorage(JournalFileBackend(str(tmp_path / "journal.log"))), "linear", trials=1)
    study.ask()
    found = imported(tmp_path / "journal.log")
    assert len(found.records[""].trials) == 1
    assert "1 not ended, left out" in found.told


def test_what_cannot_be_imported_is_told(database: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{database}"
    with pytest.raises(UserError, match=r"no study 'linaer'; there are .*'linear'") as caught:
        records(url, studies=("linaer",))
    assert caught.value.hint == "Name one of them, such as 'linear'."
    with pytest.raises(UserError, match="no parameter or attribute 'optimiser'; there are") as caught:
        records(url, strategy=("optimiser",))
    assert caught.value.hint == "Name one of them, such as `--strategy 'optimizer'`."
    with pytest.raises(UserError, match="--reference 'constant' is no strategy of Optuna"):
        records(url, reference="constant")
    with pytest.raises(UserError, match="its studies maximise their objective"):
        records(url, maximize=False)
    with pytest.raises(UserError, match="there is no file"):
        records(f"sqlite:///{tmp_path / 'missing.db'}")
    optimize(f"sqlite:///{tmp_path / 'two.db'}", "up", trials=1)
    optimize(f"sqlite:///{tmp_path / 'two.db'}", "down", trials=1, direction="minimize")
    with pytest.raises(UserError, match="some of its studies maximise and some minimise"):
        records(tmp_path / "two.db")
    optuna.create_study(
        storage=f"sqlite:///{tmp_path / 'two.db'}", study_name="both", directions=["minimize"] * 2
    )
    with pytest.raises(UserError, match="study 'both' has 2 objectives; one is required"):
        records(tmp_path / "two.db", studies=("both",))
    (tmp_path / "broken.log").write_text('{"op_code": 0}\n')
    with pytest.raises(UserError, match="cannot be read as a storage of Optuna"):
        records(tmp_path / "broken.log")


def test_a_storage_is_not_changed_by_reading_it(database: Path) -> None:
    before = database.read_bytes()
    records(f"sqlite:///{database}")
    assert database.read_bytes() == before
    assert [p.name for p in database.parent.iterdir()] == ["studies.db"]


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for source in ("sqlite:///typo.db", "sqlite+pysqlite:///typo.db", "typo.db"):
        with pytest.raises(UserError, match=r"there is no file typo\.db"):
            records(source, format="optuna")
    assert list(tmp_path.iterdir()) == []


def test_an_older_database_is_left_without_the_tables_of_this_version(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    optimize(f"sqlite:///{path}", "linear", trials=1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("drop table trial_heartbeats")
        connection.commit()
    before = path.read_bytes()
    assert len(records(path).trials) == 1
    assert path.read_bytes() == before


def test_no_tables_are_made_in_another_database(database: Path, tmp_path: Path) -> None:
    require_tables(f"sqlite:///{database}", "studies")
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table studies (id integer)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(UserError, match="other is no storage of Optuna: it has no table 'alembic_version'"):
        require_tables(f"sqlite:///{path}", "other")
    assert path.read_bytes() == before


def test_sources_of_one_name_are_told_apart_by_the_folders_they_lie_in(tmp_path: Path) -> None:
    for name in ("adam", "sgd"):
        (tmp_path / name).mkdir()
        journal = JournalFileBackend(str(tmp_path / name / "study.log"))
        optimize(JournalStorage(journal), "search", trials=1)
    made = records(tmp_path / "adam" / "study.log", tmp_path / "sgd" / "study.log")
    assert made.run.strategies == ("adam/study/search", "sgd/study/search")


def test_no_password_comes_into_the_name_of_a_strategy() -> None:
    sources = [f"postgresql://me:secret@{host}/studies" for host in ("one", "two")]
    assert _labels(sources) == ["one/studies", "two/studies"]


def test_fixed_values_that_differ_are_choices() -> None:
    fixed = [ParameterInfo(name="layers", kind="fixed", values=(value,)) for value in (2, 4, 8)]
    assert merged(fixed) == {"layers": ParameterInfo(name="layers", kind="choices", values=(2, 4, 8))}
    assert merged(fixed[:1]) == {"layers": fixed[0]}
    spread = ParameterInfo(name="layers", kind="range", low=1, high=9)
    assert merged([spread, *fixed]) == merged([*fixed, spread]) == {}
