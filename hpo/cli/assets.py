"""`hpo assets`: the catalogue."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

from hpo.cli.words import size

if TYPE_CHECKING:
    from hpo.assets.catalogue import Asset

EXAMPLE = """\
Example:

  $ hpo assets
  all-MiniLM-L6-v2  model    83.5 MB  cached
      Sentence encoder: BERT, 6 layers, hidden size 384, ...
      licence: Apache-2.0 (weights), MIT (package)
  ...
"""


def assets() -> None:
    """List the models and data that a space file can name, with licence and size."""
    from hpo.assets.catalogue import CATALOGUE
    from hpo.assets.fetch import is_cached

    width = shutil.get_terminal_size().columns
    for asset in CATALOGUE.values():
        print(entry(asset, cached=is_cached(asset.name), width=width))


def entry(asset: Asset, *, cached: bool, width: int) -> str:
    """The lines about one asset, none wider than ``width`` where its words allow."""
    state = "cached" if cached else "not cached"
    head = f"{asset.name:<16}  {asset.kind:<7}  {size(asset.size_bytes):>7}  {state}"
    texts = (asset.description, f"licence: {asset.licence}")
    indent = " " * 4
    return "\n".join(
        [head, *(textwrap.fill(t, width, initial_indent=indent, subsequent_indent=indent) for t in texts)]
    )
