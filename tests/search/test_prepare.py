from __future__ import annotations

import pytest

from hpo.config.experiment import Choices
from hpo.search.prepare import _versions
from tests.search.search_space import experiment


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, False),
        ({"baseline": {"optimizer": "schedule_free_adamw"}}, True),
        ({"parameters": {"optimizer": Choices(choices=("sgd", "schedule_free_adamw"), default="sgd")}}, True),
    ],
)
def test_the_version_of_an_optimizer_s_library_is_recorded_where_a_training_may_use_it(
    changes: dict[str, object], named: bool
) -> None:
    versions = _versions(experiment(**changes))
    assert ("schedulefree" in versions) == named
    assert "torch" in versions
