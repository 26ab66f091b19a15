"""The space file that ``--space`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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


def open_space(name: str) -> Space:
    """Read and validate the space file called ``name``.

    Raises:
        UserError: all faults of the file.
    """
    from hpo.assets.catalogue import CATALOGUE
    from hpo.config.space import load_space

    models = [asset.name for asset in CATALOGUE.values() if asset.kind == "model"]
    data = [asset.name for asset in CATALOGUE.values() if asset.kind == "data"]
    return load_space(name, models, data)


def fetch_assets(experiment: Experiment, say: Callable[[str], None]) -> None:
    """Download what the experiment names and the cache lacks, before a live display takes the terminal.

    Args:
        say: takes one line before each download.

    Raises:
        UserError: a download fails.
    """
    fetch_named(asset_names(experiment), say)


def fetch_named(names: Iterable[str], say: Callable[[str], None]) -> None:
    """As ``fetch_assets``, by name; a name that the catalogue lacks is none of an asset."""
    from hpo.assets.catalogue import CATALOGUE
    from hpo.assets.fetch import fetch, is_cached

    for name in names:
        if name in CATALOGUE and not is_cached(name):
            fetch(name, say)


def asset_names(experiment: Experiment) -> list[str]:
    """What the experiment reads, by name: its data, its model, and the synonyms that an augmentation needs."""
    names = [experiment.task.data.asset or "", experiment.model]
    if experiment.needs_synonyms():
        names.append("wordnet")
    return names
