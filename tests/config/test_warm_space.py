"""``from`` in a space file: which forms it has, and when it could have no effect."""

from __future__ import annotations

import pytest
from space_texts import GOOD, Faults, Load

from hpo.config.experiment import WarmStart


@pytest.mark.parametrize(
    ("text", "runs", "first"),
    [
        ("before", ("before",), 1),
        ("[before, results/other]", ("before", "results/other"), 1),
        ("{runs: before, first_draws: 3}", ("before",), 3),
        ("{runs: [before, other], first_draws: 0}", ("before", "other"), 0),
    ],
)
def test_earlier_runs_are_one_or_several_with_first_draws(
    load: Load, text: str, runs: tuple[str, ...], first: int
) -> None:
    assert load(f"{GOOD}from: {text}\n").experiment.warm_start == WarmStart(runs=runs, first_draws=first)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{run: before}", "unknown key 'run' in from; allowed: runs, first_draws; did you mean runs?"),
        ("[]", "from names no run; allowed: a list, each a text"),
        ("3", "from is 3; allowed: a text"),
        (
            "{runs: before, first_draws: 4}",
            "from.first_draws is 4, and budget.trials 4, the default one among them",
        ),
    ],
)
def test_a_mistake_in_it_is_told(faults: Faults, text: str, message: str) -> None:
    found = faults(f"{GOOD}from: {text}\n")
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("budget", "text", "message"),
    [
        (
            "sampler: random",
            "{runs: a, first_draws: 0}",
            "from has no effect, as sampler: random looks at no results",
        ),
        ("sampler: grid", "a", "from has no effect under sampler: grid"),
    ],
)
def test_a_warm_start_must_be_able_to_act(faults: Faults, budget: str, text: str, message: str) -> None:
    found = faults(GOOD.replace("{trials: 4,", f"{{trials: 4, {budget},") + f"from: {text}\n")
    assert any(message in line for line in found)
