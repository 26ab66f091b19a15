from __future__ import annotations

from pathlib import Path

import pytest

from hpo.errors import UserError
from hpo.records.files import write_run
from hpo.records.redaction import has_names, without_names
from hpo.records.run import Run
from hpo.records.search import Search
from hpo.records.setup import SplitInfo


def run(*labels: str) -> Run:
    return Run(
        name="r", question="?", task="t", strategies=("a",), replicates=1, trials=1, seeds=1, search=Search(), space=(),
        split=SplitInfo(labels=labels, train=7),
    )  # fmt: skip


def test_classes_have_numbers_for_names_and_nothing_else_changes() -> None:
    before = run("positive", "negative", "neutral")
    after = without_names(before)
    assert after.split.labels == ("class 1", "class 2", "class 3")
    assert after.model_copy(update={"split": before.split}) == before
    assert has_names(before)
    assert not has_names(after)
    assert without_names(after) == after


def test_a_run_that_has_written_the_names_cannot_be_gone_on_with_without_them(tmp_path: Path) -> None:
    from hpo.search.circumstances import refuse_names

    refuse_names(tmp_path)
    write_run(tmp_path, without_names(run("positive", "negative")))
    refuse_names(tmp_path)
    write_run(tmp_path, run("positive", "negative"))
    with pytest.raises(UserError, match="name the classes already"):
        refuse_names(tmp_path)
