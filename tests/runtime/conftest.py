from __future__ import annotations

import pytest

from hpo.data.task_data import TaskData
from hpo.models.pretrained import Pretrained
from tests.runtime.trainings import Desk


@pytest.fixture
def desk(pretrained: Pretrained, task: TaskData) -> Desk:
    return Desk(pretrained, task)
