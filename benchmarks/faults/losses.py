"""Trainings of which a weight becomes NaN or infinite at some step, in runs that are killed as well."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.study import Study, left_by
from hpo.records.files import read_records

SHARE = 0.08  # of the segments


def diverged(bench: Bench, times: int) -> Found:
    """Two runs whose same segments are poisoned, one of them killed twice: what diverges ends so, with a reason."""
    found, states, kills = Found(), Counter[str](), 0
    for number in range(times):
        salt = f"{bench.seed}-{number}"
        whole, killed = bench.study(f"whole-{number}"), bench.study(f"killed-{number}")
        code, printed = whole.finish(before=_poisoned(salt))
        for _ in range(2):
            process = killed.start(before=_poisoned(salt))
            if not process.ends_within(bench.random.uniform(0.0, 0.8 * bench.undisturbed.seconds)):
                process.kill()
                kills += 1
        second, printed_then = killed.finish(before=_poisoned(salt))
        if (code, second) != (0, 0):
            found.fault(f"{salt}: ended with {code} and {second}:\n{printed}\n{printed_then}")
            continue
        for name in left_by(whole).differences(left_by(killed)):
            found.fault(f"{salt}: other {name} in the run that was killed")
        states.update(_ended(whole, found))
    return found.tell(times=times, kills=kills, trials=dict(states))


def _ended(study: Study, found: Found) -> Iterator[str]:
    """How each trial ended: those that diverged with a reason, and as failed in MLflow."""
    failed = 0
    for trial in read_records(study.run).trials:
        yield trial.state
        failed += trial.state == "failed"
        if trial.state == "failed" and not trial.reason.startswith("diverged: "):
            found.fault(f"{study.folder.name}: failed for another reason: {trial.reason}")
    mirrored = sum(status == "FAILED" for _, status in study.mirrored())
    if mirrored != failed:
        found.fault(f"{study.folder.name}: {failed} failed, {mirrored} of them in MLflow")


def _poisoned(salt: str) -> Callable[[], None]:
    """In the process of a run: spoil a weight at a step of some segments, the same ones in every process."""

    def before() -> None:
        from hpo.runtime import worker
        from hpo.training.loop import train_segment

        def poisoned(
            backward: Any, optimizer: Any, steps: Iterable[Any], seed: int, *args: Any, **how: Any
        ) -> Any:
            course = list(steps)
            rate = max(step.rate for step in course)
            chance = random.Random(f"{salt} {seed} {course[0].index} {rate!r}")  # noqa: S311 - moments, no secret
            if chance.random() < SHARE:
                value = chance.choice([float("nan"), float("inf"), float("-inf")])
                return train_segment(
                    backward, optimizer, _spoil(backward, course, value, chance), seed, *args, **how
                )
            return train_segment(backward, optimizer, course, seed, *args, **how)

        vars(worker)["train_segment"] = poisoned

    return before


def _spoil(backward: Any, course: list[Any], value: float, chance: random.Random) -> Iterator[Any]:
    import torch

    weights = list(backward.model.trained().values())
    at = chance.randrange(len(course))
    for number, step in enumerate(course):
        if number == at:
            with torch.no_grad():
                weights[chance.randrange(len(weights))].view(-1)[0] = value
        yield step


FAULTS: dict[str, Any] = {"diverged": (diverged, 5)}
