"""How many rounds of draws a total allows, with trainings and an executor that only tell what they would have cost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hpo.config.experiment import Budget, Confirmation, Experiment, Total
from hpo.records.files import write_run
from hpo.records.limits import Limit
from hpo.records.run import Run
from hpo.records.search import EarlyStop
from hpo.records.trainings import Segment, Trial
from hpo.runtime.jobs import Job
from hpo.search import endings as module
from hpo.search.endings import Endings, TrialKey
from hpo.search.lanes import Condition, Lane, Training
from hpo.search.scheduler import Scheduler
from hpo.search.total import Total as InAll
from hpo.search.watchers import Watchers
from tests.cli.cli_events import experiment, run_record
from tests.search.test_scheduler import Known, Slots

STRATEGIES = ("linear", "cosine")


class Searches:
    """A run of three searches of each strategy, whose draws wait for nothing but what allows them to begin."""

    def __init__(self, folder: Path, total: Total, *, trials: int = 8, stop_decided: bool = False) -> None:
        budget = Budget(replicates=3, trials=trials, total=total, stop_decided=stop_decided)
        changes = {"budget": budget, "confirmation": Confirmation(seeds=1)}
        self.asked: Experiment = experiment(*STRATEGIES).model_copy(update=changes)
        self.folder = folder
        self.records: dict[TrialKey, Trial] = {}
        head = run_record(self.asked).model_copy(
            update={"total": Limit(**total.model_dump(exclude={"money"}))}
        )
        write_run(folder, head)
        studies = SimpleNamespace(study=lambda *_: ())
        self.endings = Endings(
            self.asked,
            folder,
            head,
            self.records,
            cast(Any, studies),
            Watchers([]),
            InAll(self.asked, folder, 0.0, lambda: 0.0),
        )

    @property
    def head(self) -> Run:
        return self.endings._run

    def train(self, slots: int, seed: int) -> Counter[tuple[str, int]]:
        """Trials of each search; of those in hand any may end first."""
        known = Known()
        scheduler = Scheduler(Slots(slots, known, seed), cast(Any, known), lambda _: None)
        scheduler.run([Lane(self.lane(s, r)) for r in range(3) for s in STRATEGIES])
        return Counter((strategy, replicate) for strategy, replicate, _ in self.records)

    def lane(self, strategy: str, replicate: int) -> Iterator[Training | Condition]:
        for number in range(self.asked.budget.trials):
            if not (yield from self.endings.permit(strategy, number)):
                return
            yield self.trial(strategy, replicate, number)

    def trial(self, strategy: str, replicate: int, number: int) -> Training:
        """The default configuration is shorter than those that are drawn."""
        name = f"{strategy} {replicate} {number}"
        examples = 100 if number == 0 else random.Random(name).randint(100, 400)
        segment = Segment(key=name, examples=examples, steps=1, seconds=1.0)
        yield Job(parameters={"segments": [name]}, seed=0, rung=0)
        self.records[strategy, replicate, number] = Trial(
            strategy=strategy,
            replicate=replicate,
            draw=number,
            parameters={},
            state="complete",
            reason="-",
            score=0.5,
            segments=(segment,),
        )


def test_as_many_rounds_begin_with_any_number_of_workers(tmp_path: Path) -> None:
    """Of what the defaults cost, 100 examples, all eight rounds would fit in: trials and six confirmations come to 5,400."""
    found = set()
    for slots, seed in ((1, 0), (2, 1), (5, 2), (24, 3), (48, 4)):
        searches = Searches(tmp_path, Total(examples=6000))
        (count,) = set(searches.train(slots, seed).values())
        assert searches.head.closed is not None
        found.add((count, searches.head.closed.rounds, searches.head.closed.reason))
    ((count, rounds, _),) = found
    assert 3 <= count == rounds < 8


def test_a_round_is_begun_while_the_last_trainings_of_the_one_before_are_under_way(tmp_path: Path) -> None:
    searches = Searches(tmp_path, Total(trials=10**6))
    permits = [searches.endings.permit("linear", number) for number in range(4)]
    for trial in range(6):
        for _ in searches.trial(STRATEGIES[trial % 2], trial // 2, 0):
            pass
    with pytest.raises(StopIteration) as permitted:
        next(permits[0])
    assert permitted.value.value
    for number in (1, 2):  # by the first
        held = next(permits[number])
        assert held()
        with pytest.raises(StopIteration) as permitted:
            next(permits[number])
        assert permitted.value.value
    assert not next(permits[3])()  # the second has not ended


def test_what_a_stop_saves_is_spent_on_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three searches of 6 draws and three of 3 are 27 trials; were all of 5, they would be 30."""
    stop = EarlyStop(after=3, strategies=("cosine",))
    monkeypatch.setattr(module, "early_stop", lambda *_: stop)
    for total, rounds in ((27, 6), (26, 5), (24, 5), (23, 4)):
        searches = Searches(tmp_path, Total(trials=total), trials=6, stop_decided=True)
        found = searches.train(4, 0)
        assert found == {(s, r): n for s, n in (("linear", rounds), ("cosine", 3)) for r in range(3)}
        assert (searches.head.closed is None) is (rounds == 6)


def test_those_that_go_on_are_expected_to_cost_what_they_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds: of the one that stopped 9 a trial, of the other 1; each round of it costs three."""
    stop = EarlyStop(after=2, strategies=("cosine",))
    monkeypatch.setattr(module, "early_stop", lambda *_: stop)
    whole = Searches.trial

    def timed(self: Searches, strategy: str, replicate: int, number: int) -> Training:
        yield from whole(self, strategy, replicate, number)
        key, seconds = (strategy, replicate, number), 9.0 if strategy == "cosine" else 1.0
        (segment,) = self.records[key].segments
        made = segment.model_copy(update={"seconds": seconds})
        self.records[key] = self.records[key].model_copy(update={"segments": (made,)})

    monkeypatch.setattr(Searches, "trial", timed)
    spent, confirmations = 3 * 2 * (9 + 1), 6 * (9 + 1) / 2
    searches = Searches(
        tmp_path, Total(device_seconds=spent + confirmations + 3), trials=4, stop_decided=True
    )
    assert searches.train(4, 0)["linear", 0] == 3
    assert searches.head.closed is not None
    assert searches.head.closed.reason.endswith(
        f"to take {spent + confirmations + 6:g} device-seconds in all"
    )
