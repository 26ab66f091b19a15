"""What Ray's errors say of a worker that is gone, and of one that failed."""

from __future__ import annotations

import re
from typing import Any

from hpo.runtime.attempts import Lost
from hpo.runtime.kills import memory_kills
from hpo.runtime.placement import Node

COUNT_SECONDS = 30.0  # for a node to tell what its system killed

# Of what Ray says of a dead actor: that its machine is gone.
_NODE_DIED = ("node has died", "node died", "node is dead", "node was terminated", "unschedulable")
# Of Ray's memory monitor. Of any process that ends without a word Ray says that the system may have killed it for memory.
_NO_MEMORY = "running low on memory"
_PREAMBLE = "The actor died unexpectedly"  # above lines of names and numbers, behind tabs, and what happened
# What stands behind what happened: Ray's guesses, and what all processes of the machine take, with their commands.
_MORE = re.compile(r" Some common causes| Memory on the node")
_RAISED = re.compile(r"^[\w.]*(?:Error|Exception)\b.*", re.MULTILINE)  # below a traceback


def loss(error: Exception) -> Lost:
    """What Ray's error says of a worker that is gone."""
    text = str(error)
    place = any(words in text.lower() for words in _NODE_DIED)
    return Lost(killed=not place and _NO_MEMORY in text, how=_happened(error), place=place)


def raised(error: Exception) -> str:
    """What was raised in a worker, in a line."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return f"{type(cause).__name__}: {_first_line(cause)}"
    found = _RAISED.findall(str(error))
    return found[-1] if found else _first_line(error)


def only_on(node: Node) -> Any:
    """What has Ray put something on this node, or nowhere."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def kills_on(ray: Any, node: Node) -> int | None:
    """Processes that the system of a node has killed for lack of memory; None where it does not tell in time."""
    task = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=only_on(node))(memory_kills)
    try:
        kills: int | None = ray.get(task.remote(), timeout=COUNT_SECONDS)
    except ray.exceptions.RayError:
        return None
    return kills


def _happened(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    told = [line for line in lines if not line.startswith(_PREAMBLE)] or lines or [type(error).__name__]
    return _MORE.split(told[0])[0].strip()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")
