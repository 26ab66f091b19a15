"""`hpo assets`: the catalogue."""

from __future__ import annotations

from hpo.cli.words import size

EXAMPLE = """\
Example:

  $ hpo assets
  name    kind   size     cached  licence
  minilm  model  83.5 MB  yes     Apache-2.0
  ...
"""


def assets() -> None:
    """List the models and data that a space file can name, with licence and size."""
    from rich.console import Console
    from rich.table import Table

    from hpo.assets.catalogue import CATALOGUE
    from hpo.assets.fetch import is_cached

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("cached", no_wrap=True)
    table.add_column("licence", overflow="fold")
    table.add_column("what it is", overflow="fold")
    for asset in CATALOGUE.values():
        cached = "yes" if is_cached(asset.name) else "no"
        table.add_row(
            asset.name, asset.kind, size(asset.size_bytes), cached, asset.licence, asset.description
        )
    Console().print(table)
