"""The processes below one, where the system tells them (/proc)."""

from __future__ import annotations

from pathlib import Path


def below(pid: int) -> set[int]:
    """Process ids of all descendants."""
    found, new = set[int](), {pid}
    while new:
        new = {child for parent in new for child in children(parent)} - found
        found |= new
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> set[int]:
    """Process ids of those that its threads started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return {int(child) for task in tasks for child in (task / "children").read_text().split()}
    except OSError:
        return set()
