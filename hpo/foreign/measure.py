"""What is measured: its name, its direction, and whether it is a share of 1."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hpo.errors import UserError
from hpo.foreign.asked import Asked, Roles
from hpo.foreign.source import Source
from hpo.records.metrics import Metric

_LOWER = {"loss", "error", "err", "rmse", "mse", "mae", "nll", "perplexity", "ppl", "wer", "cer", "regret"}
_SPLIT = re.compile(r"^(?:validation|valid|val|eval|dev|test)[^a-z0-9]+", re.IGNORECASE)
_SHARES = {"accuracy", "acc", "precision", "recall", "f1", "top1", "top5"}

Scored = tuple[str, float]  # where, score


def metric_name(source: Source, asked: Asked, roles: Roles) -> str:
    """What the report calls the metric: as the score is called, without the name of its split."""
    if asked.metric is not None:
        return asked.metric
    if source.metric is not None and roles.score == source.score:
        return source.metric
    name = (roles.score or roles.test_score or "").removeprefix("metrics.")
    return _SPLIT.sub("", name) or name


def maximize(source: Source, asked: Asked, roles: Roles, name: str) -> bool:
    """Whether higher is better; it is where nobody says so, unless the name sounds like a loss.

    Raises:
        UserError: it is not said and the name sounds like a loss, or it contradicts the source.
    """
    said = said_direction(source, asked, roles)
    if said is None and _words(name) & _LOWER:
        raise UserError(
            f"{source.label}: it does not say whether a high or a low {name!r} is better",
            "Give --minimize or --maximize.",
        )
    return True if said is None else said


def said_direction(source: Source, asked: Asked, roles: Roles) -> bool | None:
    """Whether higher is better, as the user or else the source says; None: neither does.

    Raises:
        UserError: the two contradict each other.
    """
    said = source.maximize if roles.score == source.score else None
    if asked.maximize is None:
        return said
    if said not in {None, asked.maximize}:
        raise UserError(
            f"{source.label}: its studies {'maximise' if said else 'minimise'} their objective",
            "Leave --minimize and --maximize out.",
        )
    return asked.maximize


def metric(asked: Asked, name: str, better_high: bool, scores: Iterable[Scored]) -> Metric:
    """The metric of ``scores``, which are shares of 1 where they were percents.

    Raises:
        UserError: scores that were said to be shares are none.
    """
    outside = next(((where, score) for where, score in scores if not 0 <= score <= 1), None)
    said = True if asked.percent else asked.share
    if said and outside is not None:
        where, score = outside
        limits, found = ("0 to 100", 100 * score) if asked.percent else ("0 to 1", score)
        raise UserError(
            f"{where}: found the score {found:g}; {'percents' if asked.percent else 'shares'} lie in {limits}",
            "Give --percent for percents, or --no-share where the scores are no shares.",
        )
    guessed = outside is None and bool(_words(name) & _SHARES)
    return Metric(name=name, maximize=better_high, share=guessed if said is None else said)


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))
