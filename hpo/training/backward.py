"""From a batch to its loss and the gradients of what is trained: call by call, or on a GPU as one CUDA graph a shape.

A small model's step is hundreds of calls, each of which keeps a GPU busy for less time than Python takes to make it. A graph
records them once for a shape of batches and plays them again as one call, with the same kernels in the same order.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from hpo.models.classifier import Classifier
from hpo.training.precision import Precision

# Texts, mask and labels, as ``hpo.training.course.Step`` has them; with mixup also its share, the partners of the first
# texts, which alone are scored, and what the losses by their own labels and by their partners' weigh, (2,).
Batch = tuple[Tensor, ...]
# Steps of a shape before its graph is made: libraries choose and load their kernels in the first ones, and a shape that
# comes more seldom does not repay the recording.
STEPS_BEFORE = 3
TOLERANCE = (
    1e-3  # relative, between the losses of both ways on equal draws; sums of a GPU have no fixed order
)


class Backward:
    """Call by call."""

    def __init__(self, model: Classifier, precision: Precision) -> None:
        self.model = model
        self.precision = precision

    def __call__(self, batch: Batch, share: float = 1.0) -> Tensor:
        """``share`` x the loss of the batch, in nats, on the device; its gradients are added to ``grad``.

        Args:
            share: of the step's loss, of which the batch may be a part.
        """
        loss = self._loss(batch, share)
        loss.backward()
        return loss.detach()

    def _loss(self, batch: Batch, share: float) -> Tensor:
        texts, mask, labels, *mix = batch
        with self.precision.autocast():
            logits = self.model(texts, mask, *mix[:2]).float()
        objective = self.model.objective
        if mix:
            _, partners, weights = mix
            own, others = (
                objective.loss(logits, labels[: len(partners)]),
                objective.loss(logits, labels[partners]),
            )
            loss = weights[0] * own + weights[1] * others
        else:
            loss = objective.loss(logits, labels)
        return loss if share == 1 else share * loss


class Recording(Protocol):
    """Calls that can be made again at once, reading and writing the same memory as when they were recorded."""

    def replay(self) -> None: ...


class Recorder(Protocol):
    """Records the calls of one function, without results that count, for a batch in fixed memory."""

    def __call__(self, work: Callable[[], None]) -> Recording: ...


class CudaRecorder:
    """The graphs of a process. The dropout of a graph is drawn from the seed that is set when it is played, as without one.

    All share one pool of memory: nothing in it outlives a step, and what the libraries keep there from the first capture on
    and use in later ones (the workspaces of cuBLAS, one a stream) stays mapped while any graph lives.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Callable[[], None]) -> Recording:
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream()
        try:
            # Of this thread alone: the one that writes states aside allocates pinned memory meanwhile.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                work()
        finally:
            torch.cuda.set_stream(stream)  # a capture that fails leaves its own
        return graph


@dataclass
class _Recorded:
    """The fixed memory of a shape; ``recording`` is None where calls one by one were as fast."""

    batch: Batch
    loss: Tensor
    recording: Recording | None


class RecordedBackward(Backward):
    """One recording for each shape of batches, where it is faster than call by call.

    A recording writes its gradients to the same memory each time; what earlier parts of a step left there is taken out and
    added, so that neither the optimizer nor accumulation is the recordings' concern. If recording fails (no memory left, a
    model that waits for the GPU) or gives another loss, all steps go on call by call.

    Args:
        seconds: of a call, until all its work on the device has ended.
    """

    def __init__(
        self,
        model: Classifier,
        precision: Precision,
        recorder: Recorder,
        seconds: Callable[[Callable[[], object]], float],
    ) -> None:
        super().__init__(model, precision)
        self._parameters = tuple(model.trained().values())
        self._gradients: Sequence[Tensor] = ()
        self._recorder: Recorder | None = recorder
        self._seconds = seconds
        self._seen: Counter[Hashable] = Counter()
        self._shapes: dict[Hashable, _Recorded] = {}

    def __call__(self, batch: Batch, share: float = 1.0) -> Tensor:
        shape = (*(part.shape for part in batch), batch[0].dtype, share)  # with mixup there is more to it
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.grad = parameter.grad.clone()
        self._seen[shape] += 1
        if self._recorder is not None and shape not in self._shapes and self._seen[shape] > STEPS_BEFORE:
            self._record(shape, batch, share)
        recorded = self._shapes.get(shape)
        if recorded is None or recorded.recording is None:
            return super().__call__(batch, share)
        for fixed, given in zip(recorded.batch, batch, strict=True):
            fixed.copy_(given)
        recorded.recording.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        return recorded.loss.clone()  # the next step of this shape writes there again

    def _record(self, shape: Hashable, batch: Batch, share: float) -> None:
        """Record the calls for a shape, and see which way is faster; the state of the generator stays as it was."""
        assert self._recorder is not None
        if not self._gradients:
            self._gradients = [torch.zeros_like(parameter) for parameter in self._parameters]
        fixed = tuple(part.clone() for part in batch)
        loss = torch.zeros((), device=batch[0].device)

        def work() -> None:
            found = self._loss(fixed, share)
            gradients = torch.autograd.grad(found, self._parameters)
            torch._foreach_copy_(list(self._gradients), list(gradients))
            loss.copy_(found.detach())

        device = batch[0].device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            try:
                recording = self._recorder(work)
                recording.replay()  # the first time it is brought to the device
                recorded, found = self._tried(recording.replay, loss)
                called, wanted = self._tried(work, loss)
            except RuntimeError:  # torch has no narrower one; its OutOfMemoryError is one too
                self._give_up()
                return
        if not math.isfinite(wanted):
            self._seen[shape] = 0  # a training that diverges says nothing about its recording
            return
        if math.isclose(found, wanted, rel_tol=TOLERANCE):
            self._shapes[shape] = _Recorded(fixed, loss, recording if recorded < called else None)
        else:
            self._give_up()

    def _tried(self, run: Callable[[], None], loss: Tensor) -> tuple[float, float]:
        """Seconds of a run, and the loss that it leaves."""
        torch.manual_seed(0)
        return self._seconds(run), float(loss)

    def _give_up(self) -> None:
        self._recorder = None
        self._shapes.clear()


def seconds_on_gpu(work: Callable[[], object]) -> float:
    """Seconds of a call, until all its work on the GPU has ended."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def recorded_on_gpu() -> Callable[[Classifier, Precision], Backward]:
    """What makes steps of models into CUDA graphs."""
    recorder = CudaRecorder()
    return lambda model, precision: RecordedBackward(model, precision, recorder, seconds_on_gpu)
