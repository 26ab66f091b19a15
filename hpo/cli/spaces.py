"""The space file that ``--space`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from hpo.config.experiment import Experiment
    from hpo.config.space import Space

SpaceOption = Annotated[
    str,
    typer.Option(
        "--space", metavar="NAME|FILE", help="A space file, or the name of one that ships with hpo."
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, ...; without it the best there is."),
]


def open_spaces(name: str) -> tuple[Space, ...]:
    """Read and validate the space file called ``name``: one Space, or one for each of its tasks.

    Raises:
        UserError: all faults of the file.
    """
    from hpo.assets.catalogue import CATALOGUE
    from hpo.config.space import load_spaces

    models = [asset.name for asset in CATALOGUE.values() if asset.kind == "model"]
    data = [asset.name for asset in CATALOGUE.values() if asset.kind == "data"]
    return load_spaces(name, models, data)


def fetch_assets(experiment: Experiment, say: Callable[[str], None]) -> None:
    """Download what the experiment names and the cache lacks, before a live display takes the terminal.

    Args:
        say: takes one line before each download.

    Raises:
        UserError: a download fails.
    """
    from hpo.assets.catalogue import CATALOGUE
    from hpo.assets.fetch import fetch, is_cached

    for name in asset_names(experiment):
        if name in CATALOGUE and not is_cached(name):
            fetch(name, say)


def asset_names(experiment: Experiment) -> list[str]:
    """What the experiment reads, by name: its data and shift sets, its model, and the synonyms that an augmentation needs."""
    data = (experiment.task.data, *experiment.task.shift.values())
    names = [*(source.asset or "" for source in data), experiment.model]
    if experiment.needs_synonyms():
        names.append("wordnet")
    return names
