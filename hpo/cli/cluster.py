"""`hpo cluster`: how the nodes of a Ray cluster are started, by hand or by Slurm, ready to paste."""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import Annotated

import typer

EXAMPLE = """\
Example:

  $ hpo cluster --nodes 3 --gpus 4
  $ hpo cluster --slurm --nodes 4 --cpus 8 --gpus 2 --space lr_schedules > hpo.sbatch && sbatch hpo.sbatch
"""


def cluster(
    slurm: Annotated[bool, typer.Option("--slurm", help="Print a batch script of Slurm.")] = False,
    nodes: Annotated[
        int, typer.Option("--nodes", min=1, metavar="N", help="Machines, the head among them.")
    ] = 2,
    cpus: Annotated[int, typer.Option("--cpus", min=1, metavar="N", help="CPUs that each lends.")] = 8,
    gpus: Annotated[int, typer.Option("--gpus", min=0, metavar="N", help="GPUs that each lends.")] = 0,
    space: Annotated[
        str, typer.Option("--space", metavar="NAME|FILE", help="What the batch script runs.")
    ] = "lr_schedules",
) -> None:
    """Print how to start the head and the nodes of a Ray cluster on which `hpo run --on ray` trains.

    Nothing is started. Each node needs the same hpo with its extra `ray`. On one machine there is nothing to start.
    """
    print(script("slurm" if slurm else "by_hand", nodes=nodes, cpus=cpus, gpus=gpus, space=space), end="")


def script(name: str, **given: object) -> str:
    """The text of a script, its gaps (``@NODES@``) filled."""
    text = files("hpo.cli").joinpath("scripts", f"{name}.sh").read_text(encoding="utf-8")
    for gap, value in given.items():
        text = text.replace(f"@{gap.upper()}@", shlex.quote(str(value)))
    return text.replace("#SBATCH --gpus-per-node=0\n", "")
