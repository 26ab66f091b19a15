from __future__ import annotations

import pytest
from cli_events import EXAMPLES, confirmation, experiment, rung, trial, work

from hpo.cli.progress import Progress
from hpo.search.plan import make_plan


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    """Two strategies, two replicates, two trials a study: eight trials and four confirmations."""
    return Progress(make_plan(experiment()), clock)


def test_the_time_left_is_unknown_until_something_was_trained_here(progress: Progress) -> None:
    progress.trial(trial("linear", 0, 0))
    assert progress.seconds_left() is None


def test_the_time_left_is_what_the_rest_takes_at_the_speed_so_far(progress: Progress, clock: Clock) -> None:
    progress.started(work("linear", 0, 0))
    clock.now = 10.0
    progress.trial(trial("linear", 0, 0))
    # 100 examples took 10 s; seven trials and four confirmations of 100 are left.
    assert progress.seconds_left() == pytest.approx(110.0)


def test_stored_work_told_again_does_not_make_the_run_look_fast(progress: Progress, clock: Clock) -> None:
    for draw in range(2):
        progress.started(work("cosine", 0, draw))
        progress.trial(trial("cosine", 0, draw))
    progress.started(work("linear", 0, 0))
    clock.now = 10.0
    progress.trial(trial("linear", 0, 0))
    assert progress.seconds_left() == pytest.approx(90.0)


def test_pruned_trials_shorten_what_is_expected_of_the_rest(progress: Progress, clock: Clock) -> None:
    progress.started(work("linear", 0, 0))
    clock.now = 5.0
    progress.trial(trial("linear", 0, 0, None))
    # 50 examples took 5 s; seven trials of 50 and four confirmations of 100 are left.
    assert progress.seconds_left() == pytest.approx(75.0)


def test_examples_of_the_training_in_hand_count_as_done(progress: Progress, clock: Clock) -> None:
    before = progress.examples_left()
    progress.started(work("linear", 0, 0))
    progress.rung(work("linear", 0, 0), rung(50, 0.6))
    assert progress.examples_left() == before - 50
    assert progress.share_done() == pytest.approx(50 / (12 * EXAMPLES))


def test_a_study_has_ended_when_its_budget_of_trials_has(progress: Progress) -> None:
    tally = progress.tallies["linear"]
    progress.trial(trial("linear", 0, 0))
    assert progress.studies_ended(tally) == 0
    progress.trial(trial("linear", 0, 1, None))
    assert progress.studies_ended(tally) == 1


def test_the_best_is_the_best_of_complete_trials(progress: Progress) -> None:
    progress.trial(trial("linear", 0, 0, 0.7))
    progress.trial(trial("linear", 0, 1, None))
    progress.trial(trial("linear", 1, 0, 0.65))
    assert progress.tallies["linear"].best == 0.7
    assert progress.tallies["cosine"].best is None


def test_a_run_is_finished_when_the_baseline_is_confirmed_too() -> None:
    progress = Progress(make_plan(experiment("linear", replicates=1, trials=1, baseline=True)))
    progress.trial(trial("linear", 0, 0))
    progress.confirmation(confirmation("linear", 0, 0.7))
    assert not progress.finished
    progress.confirmation(confirmation("textbook", 0, 0.6, role="baseline"))
    assert progress.finished
    assert progress.share_done() == 1.0
    assert progress.baseline is not None
    assert progress.baseline[0] == "textbook"


def by_cost(trials: int = 8) -> Progress:
    """Searches that end when their trials were charged 25 seconds; a trial is charged 10."""
    asked = experiment(trials=trials)
    budget = asked.budget.model_copy(update={"device_seconds": 25.0})
    return Progress(make_plan(asked.model_copy(update={"budget": budget})))


def test_where_cost_ends_a_search_the_trials_left_follow_from_what_its_strategy_s_were_charged() -> None:
    progress = by_cost()
    linear, cosine = progress.tallies.values()
    assert progress.in_all(linear, cosine) == "~32"  # 4 searches of at most 8
    progress.trial(trial("linear", 0, 0))
    assert progress.in_all(linear) == "~6"  # 2 further ones here, 3 in the other search
    assert progress.trials_left == 5 + 16
    progress.trial(trial("linear", 0, 1))
    progress.trial(trial("linear", 0, 2))
    assert progress.studies_ended(linear) == 1
    for draw in range(3):
        progress.trial(trial("linear", 1, draw))
    assert progress.in_all(linear) == "6"
    assert progress.studies_ended(linear) == 2


def test_where_cost_ends_a_search_the_most_trials_do_too() -> None:
    progress = by_cost(trials=2)
    for draw in range(2):
        progress.trial(trial("linear", 0, draw))
    assert progress.studies_ended(progress.tallies["linear"]) == 1


def test_a_run_is_finished_when_its_searches_are_over_by_cost_and_confirmed() -> None:
    progress = by_cost()
    for name in ("linear", "cosine"):
        for replicate in range(2):
            assert not progress.finished
            for draw in range(3):
                progress.trial(trial(name, replicate, draw))
            progress.confirmation(confirmation(name, replicate, 0.7))
    assert progress.finished
    assert progress.outlook() == "done"
