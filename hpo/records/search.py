"""What was searched and how: the space, the methods, what searches began with and what ended them early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from hpo.records.base import Frozen


class ParameterInfo(Frozen):
    """One parameter of the space: a fixed value, choices, a range, or the compared one with its strategies' values.

    Attributes:
        values: of a compared parameter or of choices; the one value of a fixed parameter.
        low, high, log, step, integer: of a range.
        default: in each study's first draw; None where there is none.
        when: {other parameter: values} under which it exists.
        observed: whether the range is only that of the values seen in an imported run, whose source does not hold it.
    """

    name: str
    kind: Literal["compared", "fixed", "choices", "range"]
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    integer: bool = False
    default: Any = None
    when: Mapping[str, tuple[Any, ...]] = {}
    meaning: str = ""
    observed: bool = False


class Search(Frozen):
    """How configurations were drawn, stopped and selected; None where the source does not say.

    Attributes:
        independent: whether draws are independent of results, as estimates of tuning curves need it.
        rungs: examples seen at which a trial could be stopped; the end is not among them.
        shared_draws: whether draw i of a replicate has the same shared values, seed and data order in each strategy.
    """

    sampler: str | None = None
    pruner: str | None = None
    independent: bool | None = None
    rungs: tuple[int, ...] = ()
    selection: str | None = None
    shared_draws: bool | None = None


class Earlier(Frozen):
    """A run that a warm start took up; ``sha256`` covers its records of trials as they were read."""

    name: str
    trials: int
    confirmations: int
    sha256: str


class WarmStart(Frozen):
    """What searches began with.

    Attributes:
        first_draws: configurations that each search drew first after its default one, the same in every strategy.
        observations: of each search of a replicate, by replicate; None of them is a trial of this run.
        left_out: how many trials that were read were no observations, by reason.
        replicates: of the run with the fewest: replicate r of a search took up those of replicate r modulo this.
        sha256: of the file in the run's folder that holds what was taken up.
    """

    earlier: tuple[Earlier, ...]
    first_draws: int
    observations: tuple[int, ...]
    left_out: Mapping[str, int] = {}
    replicates: int
    sha256: str


class EarlyStop(Frozen):
    """The strategies whose searches ended after so many draws, as they could no longer change the comparison; or none."""

    after: int
    strategies: tuple[str, ...]


class Closed(Frozen):
    """The searches of a run, ended by its total budget after ``rounds`` draws each."""

    rounds: int
    reason: str
