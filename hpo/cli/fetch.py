"""`hpo fetch`: assets into the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.cli.words import line

EXAMPLE = """\
Example:

  $ hpo fetch movie
  movie: ~/.cache/hpo/assets/vaderSentiment-3.3.2
"""


def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names that `hpo assets` lists.")],
) -> None:
    """Fetch models and data now, so that runs need no network."""
    from hpo.assets import fetch as cache
    from hpo.assets.catalogue import find_asset

    for name in names:
        find_asset(name)  # a wrong name is told before anything is downloaded
    for name in names:
        print(f"{name}: {cache.fetch(name, say=line)}")
