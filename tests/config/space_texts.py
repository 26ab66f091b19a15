"""A good space file and its variations."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from hpo.config.parameters import OPTIMIZERS, PARAMETERS, SCHEDULES
from hpo.config.space import Space

Load = Callable[[str], Space]
Faults = Callable[[str], list[str]]

# As a message lists them.
NAMED_PARAMETERS, NAMED_SCHEDULES = ", ".join(PARAMETERS), ", ".join(SCHEDULES)
NAMED_OPTIMIZERS = ", ".join(OPTIMIZERS)

MODELS = ("all-MiniLM-L6-v2",)
DATA = ("movie", "amazon", "bbc-news")

GOOD = """\
question: Which schedule?
task: {data: movie, train: 100, validation: 50, test: 50}
model: all-MiniLM-L6-v2
compare: {parameter: schedule, values: [linear, wsd]}
parameters:
  learning_rate: {low: 1e-5, high: 1e-3, log: true}
  epochs: 2
budget: {trials: 4, rungs: [50, 100]}
"""


def parameters(text: str) -> str:
    """The good file with these lines as its parameters, which start in line 6."""
    start, end = GOOD.index("  learning_rate"), GOOD.index("budget:")
    return GOOD[:start] + textwrap.indent(textwrap.dedent(text).strip("\n"), "  ") + "\n" + GOOD[end:]


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)
