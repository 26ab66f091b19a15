"""`hpo schema`: the JSON Schema of a space file."""

from __future__ import annotations

import json

EXAMPLE = """\
Example:

  $ hpo schema > space.schema.json

and as the first line of a space file, for editors:

  # yaml-language-server: $schema=space.schema.json
"""


def schema() -> None:
    """Print the JSON Schema of space files, with which an editor completes and checks them."""
    from hpo.config.schema import schema as space_schema

    print(json.dumps(space_schema(), indent=2))
