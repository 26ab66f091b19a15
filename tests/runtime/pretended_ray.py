"""A cluster whose nodes and workers are pretended: Ray's own errors, and no process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.core.generated.common_pb2 import ActorDiedErrorContext

from hpo.records.setup import DeviceInfo
from hpo.runtime.jobs import Done
from hpo.runtime.placement import Node
from hpo.runtime.ray_worker import Hello, versions
from hpo.runtime.serving import Answer, Order

CPU = DeviceInfo(name="a processor", precision="float32", threads=1)
PENDING = object()  # as an answer: there is none yet


def node(number: int, cpus: float = 1.0) -> Node:
    return Node(id=f"{number:056x}", address=f"10.0.0.{number}", cpus=cpus, gpus=0.0)


def hello(**other: Any) -> bytes:
    told = {"device": CPU, "versions": versions(), "shares": True, "kills": 0, **other}
    return Hello(**told).model_dump_json().encode()


def done(order: bytes, *files: Any) -> tuple[bytes, dict[str, bytes], list[str]]:
    """The answer of a worker that did what it was told."""
    answer = Answer(attempt=Order.model_validate_json(order).attempt, done=Done(trained=1))
    return answer.model_dump_json().encode(), {}, []


def refused(message: str) -> Callable[..., tuple[bytes, dict[str, bytes], list[str]]]:
    """The answer of a worker that tells its user what to mend."""

    def answer(order: bytes, *files: Any) -> tuple[bytes, dict[str, bytes], list[str]]:
        attempt = Order.model_validate_json(order).attempt
        return Answer(attempt=attempt, message=message, hint="mend it").model_dump_json().encode(), {}, []

    return answer


def raised(error: Exception) -> ray.exceptions.RayTaskError:
    text = f"Traceback (most recent call last):\n  ...\n{type(error).__name__}: {error}"
    return ray.exceptions.RayTaskError("do", text, error).as_instanceof_cause()


def died(happened: str) -> ray.exceptions.ActorDiedError:
    context = ActorDiedErrorContext(error_message=happened, class_name="RayWorker", actor_id=b"a" * 16, pid=9)
    return ray.exceptions.ActorDiedError(context)


@dataclass
class Script:
    """What the workers of a node answer: values, errors, ``PENDING``, or functions of what they are given."""

    hello: Any = field(default_factory=hello)
    do: Any = done
    beat: Any = (1, 0)
    kills: int = 0  # that Linux counts now
    cpus: float = 1.0


class PretendedRay:
    """The part of Ray's interface that a fleet uses."""

    exceptions = ray.exceptions

    def __init__(self, scripts: dict[str, Script]) -> None:
        self.scripts = scripts
        self.started: list[str] = []  # ids of nodes

    def remote(self, **options: Any) -> Callable[[Any], Any]:
        place = options["scheduling_strategy"].node_id

        def make(what: Any) -> Any:
            if isinstance(what, type):
                return _Remote(lambda *_: self._start(place))
            return _Remote(lambda: _Ref(lambda: self.scripts[place].kills))

        return make

    def get(self, ref: _Ref, timeout: float | None = None) -> Any:
        assert ref.is_ready()
        if isinstance(ref.value, Exception):
            raise ref.value
        return ref.value

    def wait(self, refs: Sequence[_Ref], num_returns: int, timeout: float) -> tuple[list[_Ref], list[_Ref]]:
        ready = [ref for ref in refs if ref.is_ready()]
        return ready, [ref for ref in refs if ref not in ready]

    def kill(self, handle: Any, no_restart: bool) -> None: ...

    def _start(self, place: str) -> Any:
        self.started.append(place)
        return _Handle(self.scripts[place])


class PretendedCluster:
    """Nodes with a script for each."""

    def __init__(self, *scripts: Script) -> None:
        self.listed = [node(number + 1, script.cpus) for number, script in enumerate(scripts)]
        self.ray = PretendedRay({n.id: script for n, script in zip(self.listed, scripts, strict=True)})

    def nodes(self) -> list[Node]:
        return self.listed

    def close(self) -> None: ...


@dataclass(eq=False)
class _Ref:
    """What is awaited; ``ask`` is called until there is a value."""

    ask: Callable[[], Any]
    value: Any = PENDING

    def is_ready(self) -> bool:
        if self.value is PENDING:
            self.value = self.ask()
        return self.value is not PENDING


class _Remote:
    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def remote(self, *given: Any) -> Any:
        return self._call(*given)

    def options(self, **_: Any) -> _Remote:
        return self


class _Handle:
    def __init__(self, script: Script) -> None:
        self._script = script

    def __getattr__(self, name: str) -> _Remote:
        def call(*given: Any) -> _Ref:
            said = getattr(self._script, name)
            return _Ref(lambda: said(*given) if callable(said) else said)

        return _Remote(call)
