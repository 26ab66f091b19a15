"""Device time as far as it is recorded; what is not recorded is no 0."""

from __future__ import annotations

from collections.abc import Iterable

from hpo.records.charges import charged_seconds, spent_seconds
from hpo.records.limits import price_of
from hpo.records.run import Run
from hpo.records.trainings import Confirmation, Trial

Item = Trial | Confirmation


def charged(items: Iterable[Item]) -> float | None:
    """Device-seconds that ``items`` are charged together, of those whose time is recorded; None where none is."""
    known = [charged_seconds(item) for item in items if is_recorded(item)]
    return sum(known) if known else None


def spent(items: Iterable[Item]) -> float | None:
    """Device-seconds that ``items`` took together, shared work once; None where no time is recorded."""
    known = tuple(item for item in items if is_recorded(item))
    return spent_seconds(known) if known else None


def is_recorded(item: Item) -> bool:
    """Whether the time of ``item`` is recorded: a training takes some."""
    return item.charged is not None or charged_seconds(item) > 0


def partly(items: Iterable[Item]) -> str:
    """`` (of 3 of 4 trainings)`` where the time of some is not recorded; empty where that of all or of none is."""
    known, total = 0, 0
    for item in items:
        # A selected trial that confirms itself is no further training.
        if isinstance(item, Trial) or item.fresh or is_recorded(item):
            known += is_recorded(item)
            total += 1
    return f" (of {known:,} of {total:,} trainings)" if 0 < known < total else ""


def in_money(run: Run, charged: float, spent: float) -> str:
    """`` At 2.5 a device-hour, 1.2 were charged and 0.4 spent.``; empty where no price was named."""
    price = run.price_per_hour
    if price is None:
        return ""
    paid = [f"{price_of(seconds, price):,.3g}" for seconds in (charged, spent)]
    return f" At {price:,g} a device-hour, that is {paid[0]} charged and {paid[1]} spent."


def cell(seconds: float | None) -> str:
    """Device-seconds in a table; ``-`` where none are recorded."""
    return "-" if seconds is None else f"{seconds:,.1f}"
