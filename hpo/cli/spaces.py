"""The space file that ``--space`` names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hpo.cli.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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
BudgetOption = Annotated[
    Literal["small"] | None,
    typer.Option(
        "--budget",
        metavar="small",
        help="A small form of the space, a run of its own: a trial of the machinery, and no answer.",
    ),
]


def open_spaces(name: str, budget: Literal["small"] | None = None) -> tuple[Space, ...]:
    """Read and validate the space file called ``name``: one Space, or one for each of its tasks; ``budget``: in that form.

    Raises:
        UserError: all faults of the file.
    """
    from hpo.assets.catalogue import CATALOGUE
    from hpo.config.small import small_form
    from hpo.config.space import load_spaces

    models = [asset.name for asset in CATALOGUE.values() if asset.kind == "model"]
    data = [asset.name for asset in CATALOGUE.values() if asset.kind == "data"]
    opened = load_spaces(name, models, data)
    if budget is None:
        return opened
    return tuple(replace(space, experiment=small_form(space.experiment)) for space in opened)


def one_by_one(spaces: Sequence[Space], say: Callable[[str], None]) -> Iterator[Space]:
    """The spaces of one file; ``say`` is told which task begins where there are several."""
    for number, space in enumerate(spaces, 1):
        if len(spaces) > 1:
            say(f"task {number} of {len(spaces)}: {printable(space.experiment.task.data.name)}")
        yield space


def fetch_assets(experiment: Experiment, say: Callable[[str], None]) -> None:
    """Download what the experiment names and the cache lacks, before a live display takes the terminal.

    Weights that must be converted first are told of: that is done where they are loaded.

    Args:
        say: takes one line before each download.

    Raises:
        UserError: a download fails.
    """
    from hpo.assets.catalogue import CATALOGUE
    from hpo.assets.conversions import gguf_of, is_converted
    from hpo.assets.fetch import fetch

    fetch_named(asset_names(experiment), say)
    for source in experiment.sources().values():
        gguf = gguf_of(fetch(source.name) if source.name in CATALOGUE else Path(source.name))
        if gguf is not None and not is_converted(gguf):
            say(f"{gguf.name} is converted to safetensors in the cache, once: this takes about a minute")


def fetch_named(names: Iterable[str], say: Callable[[str], None]) -> None:
    """As ``fetch_assets``, by name; a name that the catalogue lacks is none of an asset."""
    from hpo.assets.catalogue import CATALOGUE
    from hpo.assets.fetch import fetch, is_cached

    for name in names:
        if name in CATALOGUE and not is_cached(name):
            fetch(name, say)


def asset_names(experiment: Experiment) -> list[str]:
    """What the experiment reads, by name: its data and shift sets, its models, and synonyms if it augments by them."""
    data = (experiment.task.data, *experiment.task.shift.values())
    names = [
        *(source.asset or "" for source in data),
        *(source.name for source in experiment.sources().values()),
    ]
    if experiment.needs_synonyms():
        names.append("wordnet")
    return names
