"""The small form of every shipped space runs to its end, on its real models, texts and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from hpo.config.space import shipped_spaces
from hpo.records.files import is_finished, read_records
from hpo.records.run import SMALL_FORM
from tests.e2e.conftest import Ran

DEFAULT = ("entities", "lr_schedules")  # of texts and of words; test_real_run reads the second one too


@pytest.mark.parametrize(
    "name",
    [n if n in DEFAULT else pytest.param(n, marks=pytest.mark.slow) for n in sorted(shipped_spaces())],
)
def test_the_small_form_of_a_shipped_space_runs_to_its_end(
    name: str, small_run: Callable[[str], Ran]
) -> None:
    ran = small_run(name)
    assert is_finished(ran.folder)
    records = read_records(ran.folder)
    run = records.run
    assert (run.name, run.form, run.replicates, run.trials, run.seeds) == (f"{name}-small", "small", 2, 2, 1)
    searched = Counter((t.strategy, t.replicate) for t in records.trials)
    assert set(searched) == {(strategy, replicate) for strategy in run.strategies for replicate in range(2)}
    assert set(searched.values()) <= ({2} if run.device_seconds is None else {1, 2})
    assert {t.state for t in records.trials} <= {"complete", "pruned"}
    assert {(c.strategy, c.replicate) for c in records.confirmations if c.role == "strategy"} == set(searched)
    assert all(len(c.item_scores or ()) == run.split.test == 100 for c in records.confirmations)
    assert SMALL_FORM in ran.printed
    assert SMALL_FORM in (ran.folder / "report.html").read_text()
