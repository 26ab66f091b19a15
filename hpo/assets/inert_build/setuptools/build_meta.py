"""A build backend that runs nothing of the package whose metadata it gives.

``pip download`` of a source archive asks for the package's metadata, although no dependency is wanted. By itself it would
install whatever setuptools is newest and run the archive's setup.py. This backend, put before setuptools on the
path, hands back the metadata that the archive states: no foreign code runs, and no network is needed for it.
"""

from __future__ import annotations

import shutil
import sys
from email.parser import Parser
from pathlib import Path
from typing import Any


def get_requires_for_build_wheel(_settings: Any = None) -> list[str]:
    """Nothing is needed to build, for nothing is built."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, _settings: Any = None) -> str:
    """Copy the PKG-INFO of the source tree (the working directory) to where pip reads it."""
    facts = Parser().parsestr(Path("PKG-INFO").read_text(encoding="utf-8"), headersonly=True)
    folder = Path(metadata_directory) / f"{facts['Name'].replace('-', '_')}-{facts['Version']}.dist-info"
    folder.mkdir(parents=True)
    shutil.copy("PKG-INFO", folder / "METADATA")
    return folder.name


# The name under which pip calls the backend of an archive without pyproject.toml.
__legacy__ = sys.modules[__name__]
