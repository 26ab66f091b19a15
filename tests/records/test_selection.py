from __future__ import annotations

from typing import Any

import pytest

from hpo.records import charges
from hpo.records.limits import Limit
from hpo.records.metrics import Metric
from hpo.records.run import Records, Run
from hpo.records.search import Search
from hpo.records.selection import auditable, begun, is_over, searches, select, selected_trials
from hpo.records.trainings import Rung, Segment, Trial

ACCURACY, LOSS = Metric(), Metric(name="loss", maximize=False, share=False)


def trial(draw: int, score: float | None, loss: float | None = 0.5, **more: Any) -> Trial:
    state = "pruned" if score is None else "complete"
    facts: dict[str, Any] = {"strategy": "a", "replicate": 0, "draw": draw, "parameters": {}, "reason": state}
    facts |= {"state": state, "score": score, "best_rung": None if score is None else 0}
    return Trial(**facts | {"rungs": (Rung(examples=10, score=score or 0.9, loss=loss),)} | more)


def records(*trials: Trial) -> Records:
    run = Run(
        name="r",
        question="?",
        task="t",
        strategies=("a", "b"),
        replicates=1,
        trials=3,
        seeds=1,
        search=Search(),
        space=(),
    )
    return Records(run=run, trials=trials, confirmations=())


@pytest.mark.parametrize(
    ("trials", "draw"),
    [
        ((trial(0, 0.6), trial(1, 0.8), trial(2, 0.7)), 1),
        ((trial(0, 0.8, 0.5), trial(1, 0.8, 0.4)), 1),  # equal scores: the lower loss
        ((trial(0, 0.8, 0.4), trial(1, 0.8, 0.4)), 0),  # equal losses too: the earlier
        ((trial(0, 0.8, None), trial(1, 0.8, 0.9)), 1),  # a loss that is not recorded is the highest
        ((trial(0, 0.6), trial(1, None)), 0),  # a pruned trial never, whatever its last score
        ((trial(0, 0.8, rungs=(), best_rung=None), trial(1, 0.7)), 0),  # no rungs recorded
    ],
)
def test_the_best_complete_trial_is_selected(trials: tuple[Trial, ...], draw: int) -> None:
    assert select(trials, ACCURACY) == trials[draw]
    assert select(reversed(trials), ACCURACY) == trials[draw]


def test_of_a_loss_the_lowest_is_selected() -> None:
    trials = (trial(0, 0.6), trial(1, 0.5), trial(2, 0.7))
    assert select(trials, LOSS) == trials[1]


def test_without_a_complete_trial_none_is_selected() -> None:
    failed = trial(1, None, state="failed")
    assert select((trial(0, None), failed), ACCURACY) is None
    assert selected_trials(records(trial(0, None), failed)) == {}


def test_each_search_selects_its_own() -> None:
    mine, other, later = trial(0, 0.6), trial(0, 0.9, strategy="b"), trial(0, 0.5, replicate=1)
    found = records(mine, other, later)
    assert selected_trials(found) == {("a", 0): mine, ("b", 0): other, ("a", 1): later}
    assert list(searches(found.trials)) == [("a", 0), ("b", 0), ("a", 1)]


def test_pruned_trials_of_searches_that_selected_one_can_be_audited_each_training_once() -> None:
    stopped = trial(1, None)
    twin = trial(2, None, duplicate_of=1)
    lost = trial(0, None, strategy="b")  # a search that selected nothing
    assert auditable(records(trial(0, 0.6), stopped, twin, lost)) == (stopped,)


@pytest.mark.parametrize(
    ("charged", "limit", "over"),
    [
        ((), Limit(3, device_seconds=10.0), False),
        ((9.9,), Limit(3, device_seconds=10.0), False),
        ((4.0, 6.0), Limit(3, device_seconds=10.0), True),  # reached to the second
        ((1.0, 1.0, 1.0), Limit(3, device_seconds=10.0), True),  # the most
        ((99.0, 99.0), Limit(3), False),
        ((0.0, 0.0, 0.0), Limit(3), True),
        ((1.0, 1.0), Limit(3, examples=17), False),  # of 8 each
        ((1.0, 1.0), Limit(3, examples=16), True),
        ((1.0, 1.0), Limit(3, examples=99, device_seconds=2.0), True),  # whichever is reached first
    ],
)
def test_a_search_is_over_at_its_most_trials_or_when_these_are_charged_its_budget(
    charged: tuple[float, ...], limit: Limit, over: bool
) -> None:
    ended = [
        trial(n, 0.5, rungs=(), segments=(Segment(key=f"{n}", examples=8, steps=1, seconds=own),))
        for n, own in enumerate(charged)
    ]
    assert is_over(ended, limit) is over


def test_as_many_trials_as_are_begun_are_charged_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def seconds(item: Trial) -> float:
        asked.append(item.draw)
        return 1.0

    monkeypatch.setattr(charges, "charged_seconds", seconds)
    ended = [trial(n, 0.5) for n in range(40)]
    assert len(begun(ended, Limit(99, device_seconds=30.5))) == 31  # at 30 charged seconds one more begins
    assert asked == list(range(31))
    assert begun(ended, Limit(99, device_seconds=99.0)) == ended


def test_what_trials_share_is_charged_to_each() -> None:
    shared = (Segment(key="same", examples=8, steps=1, seconds=6.0),)
    ended = [trial(n, 0.5, rungs=(), segments=shared) for n in range(2)]
    assert is_over(ended, Limit(3, device_seconds=12.0))
    assert not is_over(ended, Limit(3, device_seconds=12.1))
    assert is_over(ended, Limit(3, examples=16))
    assert not is_over(ended, Limit(3, examples=17))
