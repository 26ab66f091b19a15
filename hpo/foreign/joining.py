"""Rows that are evaluations on the way of one training, joined to that training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hpo.errors import UserError
from hpo.foreign.asked import Asked, Roles
from hpo.foreign.roles import parameters
from hpo.foreign.source import Entry, Source
from hpo.foreign.values import as_text, whole


def joined(source: Source, asked: Asked, roles: Roles) -> tuple[Entry, ...]:
    """Rows that are rungs of one training as one entry: the last row's attributes, and all rows' values as history.

    Rows belong together where study, strategy, task, replicate, seed, phase and the training's number (or else its
    parameters) are equal.

    Raises:
        UserError: a rung is missing, no whole number, or there twice.
    """
    assert roles.rung is not None
    whose = (*roles.strategy, *roles.task, roles.replicate, roles.seed, roles.phase, roles.trial)
    names = [name for name in whose if name is not None]
    groups: dict[tuple[str, ...], dict[int, Entry]] = {}
    for entry in source.entries:
        key = (entry.study, *(as_text(entry.attributes.get(name)) for name in names))
        if roles.trial is None:
            key = (*key, as_text(parameters(entry, source, asked, roles)))
        rung = whole(entry.attributes.get(roles.rung), entry.where, roles.rung)
        if rung is None:
            raise UserError(
                f"{entry.where}: {roles.rung!r} is empty", "Say in every row how far its training was."
            )
        rows = groups.setdefault(key, {})
        if rung in rows:
            raise UserError(
                f"{entry.where}: {roles.rung!r} {rung} stands in {rows[rung].place} too, for the same training",
                "Name what tells trainings apart with --trial or --parameter.",
            )
        rows[rung] = entry
    return tuple(_joined(rows) for rows in groups.values())


def _joined(rows: Mapping[int, Entry]) -> Entry:
    def history(name: str) -> dict[int, Any]:
        return {rung: rows[rung].attributes.get(name) for rung in sorted(rows)}

    # The seconds of a row are its own, not those of the whole training, which a cost column tells.
    return replace(rows[max(rows)], seconds=None, history=history)
