"""The space file that ``--space`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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
