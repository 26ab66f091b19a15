"""What a run takes up of earlier ones: observations for the sampler and first draws, never results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hpo.config.experiment import (
    Budget,
    Choices,
    Compare,
    Confirmation,
    DataSource,
    Experiment,
    Fixed,
    Range,
    Task,
    WarmStart,
)
from hpo.config.parameters import complete
from hpo.config.space import Space
from hpo.errors import UserError
from hpo.records.files import write_records
from hpo.records.run import Records, Run
from hpo.records.search import Search
from hpo.records.setup import SplitInfo
from hpo.records.trainings import Trial
from hpo.search.candidates import OTHER, RANGES
from hpo.search.draws import Draws
from hpo.search.warm import KEPT, Given, Kept, keep, take_up
from hpo.seeds import derive

LINEAR, COSINE = "linear", "cosine"


def asked(*, first: int = 2, high: float = 1e-4, **budget: Any) -> Experiment:
    return Experiment(
        name="now",
        question="Which schedule?",
        task=Task(data=DataSource(asset="movie"), train=100, validation=10, test=10),
        model="minilm",
        compare=Compare(parameter="schedule", values=(LINEAR, COSINE)),
        parameters={
            "learning_rate": Range(low=1e-5, high=high, log=True, default=3e-5),
            "batch_size": Choices(choices=(8, 16), default=16),
            "epochs": Fixed(value=2.0),
        },
        budget=Budget(**({"replicates": 2, "trials": 6, "pruner": "none", "startup_trials": 1} | budget)),
        confirmation=Confirmation(seeds=1),
        warm_start=WarmStart(runs=("before",), first_draws=first),
    )


def head(**changed: Any) -> Run:
    known: dict[str, Any] = {
        "name": "now",
        "question": "?",
        "task": "movie",
        "strategies": (LINEAR, COSINE),
        "replicates": 2,
        "trials": 6,
        "seeds": 1,
        "search": Search(),
        "space": (),
        "split": SplitInfo(sha256="same"),
    }
    return Run(**{**known, **changed})


def trial(
    strategy: str, replicate: int, draw: int, score: float | None, rate: float, **changed: Any
) -> Trial:
    values: dict[str, Any] = {"schedule": strategy, "learning_rate": rate, "batch_size": 8, "epochs": 2.0}
    parameters = complete(values | changed)
    return Trial(
        strategy=strategy,
        replicate=replicate,
        draw=draw,
        parameters=dict(parameters),
        state="pruned" if score is None else "complete",
        reason="-",
        score=score,
    )


BEFORE = (
    trial(LINEAR, 0, 0, 0.70, 2e-5),
    trial(LINEAR, 0, 1, 0.90, 5e-5),
    trial(LINEAR, 0, 2, 0.80, 7e-5),
    trial(COSINE, 0, 0, 0.60, 2e-5),
    trial(COSINE, 0, 1, None, 4e-5),
    trial(COSINE, 0, 2, 0.65, 8e-5),
    trial(COSINE, 0, 3, 0.99, 5e-4),  # a higher rate than is searched
    trial(COSINE, 0, 4, 0.98, 6e-5, epochs=3.0),  # trained for longer
    trial(LINEAR, 1, 0, 0.5, 1e-5),
    trial(LINEAR, 1, 1, 0.4, 2e-5),
    trial(COSINE, 1, 0, 0.3, 9e-5),
)


def write(folder: Path, trials: tuple[Trial, ...] = BEFORE, **changed: Any) -> None:
    run = head(**{"name": "before", **changed})
    write_records(folder / "before", Records(run=run, trials=trials, confirmations=()))


def begin(folder: Path, experiment: Experiment | None = None, begun: Run | None = None) -> tuple[Kept, Run]:
    (folder / "now").mkdir(exist_ok=True)
    space = Space(experiment or asked(), folder / "now.yaml", "", {(): (1, 1), ("from",): (9, 1)})
    taken = take_up(space, head(), begun, folder / "now")
    assert taken is not None
    keep(taken, folder / "now")
    return taken.kept, head(warm_start=taken.told)


def test_observations_are_trials_that_the_search_could_have_drawn_equally_many_in_each(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    kept, run = begin(tmp_path)
    rates = {
        s: [[o.values["learning_rate"] for o in of] for of in kept.observed[s]] for s in (LINEAR, COSINE)
    }
    assert rates == {LINEAR: [[2e-5, 5e-5], [1e-5]], COSINE: [[2e-5, 8e-5], [9e-5]]}
    assert [o.score for o in kept.observed[COSINE][0]] == [0.60, 0.65]
    assert run.warm_start is not None
    assert run.warm_start.observations == (2, 1)
    assert run.warm_start.left_out == {RANGES: 1, OTHER: 1, "no counterpart in every strategy": 2}


def test_first_draws_are_the_best_of_each_strategy_in_turn_and_the_same_in_all(tmp_path: Path) -> None:
    """A configuration whose epochs are fixed otherwise there is a known good one all the same, with the epochs of here."""
    write(tmp_path)
    kept, _ = begin(tmp_path)
    assert list(kept.first[0][0]) == ["learning_rate", "batch_size"]  # as in the space, in every process
    for strategy in (LINEAR, COSINE):
        draws = Draws(asked(), strategy, 0, kept.known(asked(), strategy, 0))
        drawn = [draws.draw(number, ())[0] for number in range(3)]
        assert drawn == [
            {"learning_rate": 3e-5, "batch_size": 16},
            {"learning_rate": 5e-5, "batch_size": 8},
            {"learning_rate": 6e-5, "batch_size": 8},
        ]


def test_a_later_draw_is_that_of_a_sampler_which_has_seen_what_was_observed(tmp_path: Path) -> None:
    write(tmp_path)
    e = asked()
    kept, _ = begin(tmp_path)
    known = kept.known(e, LINEAR, 0)
    ended = [
        create_trial(state=TrialState.COMPLETE, value=0.5, params=params, distributions=distributions)
        for params, distributions in (Draws(e, LINEAR, 0, known).draw(number, ()) for number in range(3))
    ]
    study = optuna.create_study(direction="maximize")
    distributions = ended[0].distributions
    for rate, score in ((2e-5, 0.70), (5e-5, 0.90)):
        params = {"learning_rate": rate, "batch_size": 8}
        study.add_trial(create_trial(value=score, params=params, distributions=distributions))
    study.add_trials(ended)
    seed = derive(e.seed, "sampler", 0, 3)
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=1, multivariate=True, group=True, seed=seed)
    expected = study.ask()
    expected.suggest_float("learning_rate", 1e-5, 1e-4, log=True)
    expected.suggest_categorical("batch_size", [8, 16])
    assert Draws(e, LINEAR, 0, known).draw(3, ended)[0] == expected.params
    assert Draws(e, LINEAR, 0).draw(3, ended)[0] != expected.params


def test_a_resumed_run_draws_the_same_whatever_became_of_the_earlier_one(tmp_path: Path) -> None:
    write(tmp_path)
    kept, begun = begin(tmp_path)
    write(tmp_path, BEFORE[:4])
    assert begin(tmp_path, begun=begun) == (kept, begun)
    path = tmp_path / "now" / KEPT
    path.write_text(path.read_text().replace("0.6", "0.7"))
    with pytest.raises(UserError, match="is not what the run began with"):
        begin(tmp_path, begun=begun)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"split": SplitInfo(sha256="another")},
            "now.yaml:9:1: before has other splits, SHA-256: another, here same",
        ),
        ({"kind": "pair"}, "before has other kind of task: pair, here not recorded"),
    ],
)
def test_a_run_on_other_splits_or_of_another_kind_is_refused(tmp_path: Path, changed: Any, told: str) -> None:
    write(tmp_path, **changed)
    with pytest.raises(UserError, match=told):
        begin(tmp_path)


def test_what_each_earlier_run_gives_is_counted_and_nothing_is_written(tmp_path: Path) -> None:
    write(tmp_path)
    further = (
        trial(LINEAR, 0, 5, 0.95, 3e-5),
        trial(COSINE, 0, 0, 0.85, 3e-5),
        trial(LINEAR, 1, 0, 0.6, 6e-5),
        trial(COSINE, 1, 0, 0.7, 7e-5),
    )
    write_records(
        tmp_path / "further",
        Records(run=head(name="another name"), trials=further, confirmations=()),
    )
    experiment = asked(first=3).model_copy(
        update={"warm_start": WarmStart(runs=("before", "further"), first_draws=3)}
    )
    space = Space(experiment, tmp_path / "now.yaml", "", {(): (1, 1)})
    taken = take_up(space, head(), None, tmp_path / "now")
    assert taken is not None
    assert taken.told.observations == (3, 2)
    assert taken.given == (
        # Replicate 0: draws 0 to 2 of linear; of cosine draws 0 and 2, and draw 0 of the further run. Replicate 1: one each.
        Given("before", observations=(1, 3), first_draws=(2, 2)),
        Given("further", observations=(0, 1), first_draws=(1, 1)),
    )
    assert not (tmp_path / "now").exists()


def test_a_run_that_is_not_there_or_gives_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no run before in"):
        begin(tmp_path)
    write(tmp_path)
    with pytest.raises(
        UserError,
        match="for replicate 0 the earlier runs have 1 good configuration within what is searched here",
    ):
        begin(tmp_path, asked(first=2, high=3e-5, replicates=1))
    write(tmp_path, BEFORE[:3])  # nothing of one of the strategies
    with pytest.raises(UserError, match="nothing of before can be taken up"):
        begin(tmp_path, asked(first=0, replicates=1))


def test_fewer_replicates_there_are_taken_up_again(tmp_path: Path) -> None:
    write(tmp_path)
    kept, run = begin(tmp_path, asked(replicates=3))
    assert kept.observed[LINEAR][2] == kept.observed[LINEAR][0]
    assert run.warm_start is not None
    assert (run.warm_start.replicates, run.warm_start.observations) == (2, (2, 1, 2))
