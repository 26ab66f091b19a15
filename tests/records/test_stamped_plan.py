"""What a stamp fixes beforehand, and what is told of one that an earlier version wrote."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from hpo.records import verdict_rule
from hpo.records.plan import Kept, earlier_digest, kept, plan, plan_digest
from hpo.records.run import Run, Stamp
from hpo.records.search import Search
from hpo.records.setup import ModelInfo

PACKAGE = Path(verdict_rule.__file__).parents[1]
NUMBERS = {"ALPHA": 0.01, "LEAST_MARGIN": 0.02, "LEAST_SEARCHES": 4, "LEAST_SEEDS": 6}


def run(digest: str | None = None, **changes: Any) -> Run:
    head = Run(
        name="small",
        question="Which?",
        task="reviews",
        strategies=("linear", "cosine"),
        replicates=3,
        trials=4,
        seeds=1,
        search=Search(sampler="random"),
        space=(),
        versions={"hpo": "0.1.0"},
    )
    stamp = None if digest is None else Stamp(began="2026-01-02", command="hpo", git=None, plan_sha256=digest)
    return head.model_copy(update={**changes, "stamp": stamp})


@pytest.mark.parametrize("name", list(NUMBERS))
def test_another_number_of_the_verdicts_rule_is_another_plan(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = run(plan_digest(run()))
    assert kept(begun) is Kept.WHOLE
    monkeypatch.setattr(verdict_rule, name, NUMBERS[name])
    assert kept(begun) is Kept.CHANGED


@pytest.mark.parametrize("name", list(NUMBERS))
def test_no_other_module_has_such_a_number_of_its_own(name: str) -> None:
    found = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]
    assert found == ["verdict_rule.py"]


def test_a_stamp_of_an_earlier_version_holds_all_but_the_rule() -> None:
    fixed = plan(run())
    assert fixed.pop("verdict") == verdict_rule.verdict_rule()
    text = json.dumps(fixed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    earlier = hashlib.sha256(text.encode()).hexdigest()
    assert earlier == earlier_digest(run()) != plan_digest(run())
    assert kept(run(earlier)) is Kept.WITHOUT_RULE
    assert kept(run(earlier, trials=5)) is Kept.CHANGED


def test_without_a_stamp_nothing_is_told() -> None:
    assert kept(run()) is None


def test_each_model_that_is_compared_is_fixed_beforehand_and_one_for_all_as_before() -> None:
    assert "models" not in plan(run())
    one, other = ModelInfo(sha256="1"), ModelInfo(sha256="2")
    models = {"small": one, "large": other}
    begun = run(plan_digest(run(models=models)), models=models)
    assert kept(begun) is Kept.WHOLE
    assert kept(begun.model_copy(update={"models": {"small": other, "large": one}})) is Kept.CHANGED


def test_the_small_form_of_a_space_is_another_plan() -> None:
    assert "form" not in plan(run())  # earlier stamps hold
    assert plan(run(form="small"))["form"] == "small"
    assert kept(run(plan_digest(run()), form="small")) is Kept.CHANGED


def test_a_budget_in_device_seconds_is_part_of_the_plan() -> None:
    assert "device_seconds" not in plan(run())  # earlier stamps hold
    assert plan(run(device_seconds=25.0))["device_seconds"] == 25.0
    assert "examples" not in plan(run())
    assert plan(run(examples=640))["examples"] == 640
