"""What Ray's errors say; the texts are those of Ray 2.60 for processes that were ended so."""

from __future__ import annotations

import pytest

pytest.importorskip("ray")

import ray

from hpo.runtime.attempts import Lost
from hpo.runtime.ray_losses import loss, raised
from tests.runtime.pretended_ray import died

# kill -9, a segmentation fault and os._exit(1) alike
ENDED = (
    "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker "
    "unexpectedly exits with a connection error code 2. End of file."
)
GUESSES = (
    " Some common causes include: (1) the process was killed by the OOM killer due to high memory usage, (2) ray stop "
    "--force was called, or (3) the worker crashed unexpectedly due to SIGSEGV or another unexpected error."
)
NO_MEMORY = "1 worker(s) were killed due to the node running low on memory."
TAKEN = " Memory on the node (IP: 10.0.0.2) was 5.31GB used\nTop 10 memory users: PID\tMEM(GB)\tCOMMAND\n663 python"


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (died(ENDED + GUESSES), Lost(killed=False, how=ENDED)),
        (
            died("The actor is dead because it was killed by `ray.kill`."),
            Lost(killed=False, how="The actor is dead because it was killed by `ray.kill`."),
        ),
        (
            died("The actor died because its node has died. Node Id: ab\n\tthe node is gone"),
            Lost(killed=False, how="The actor died because its node has died. Node Id: ab", place=True),
        ),
        (ray.exceptions.OutOfMemoryError(NO_MEMORY + TAKEN), Lost(killed=True, how=NO_MEMORY)),
        (died(NO_MEMORY + TAKEN), Lost(killed=True, how=NO_MEMORY)),
    ],
    ids=[
        "ended without a word",
        "ended by Ray",
        "its node died",
        "memory monitor",
        "memory monitor, of an actor",
    ],
)
def test_of_a_lost_worker_what_happened_is_told_and_none_of_rays_guesses(
    error: Exception, lost: Lost
) -> None:
    assert loss(error) == lost


def test_what_a_worker_raised_is_told_in_a_line_also_where_it_was_at_its_start() -> None:
    cause = OSError("no space\nanywhere")
    text = "Traceback (most recent call last):\n  File x\nhpo.errors.SomeError: no space\nanywhere"
    error = ray.exceptions.RayTaskError("RayWorker.__init__", text, cause)
    assert raised(error.as_instanceof_cause()) == "OSError: no space"
    assert raised(ray.exceptions.ActorDiedError(error)) == "hpo.errors.SomeError: no space"
