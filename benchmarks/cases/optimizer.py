"""The fused optimizer against the foreach one, on the parameters that are trained."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import spaces
from benchmarks.data import open_space
from benchmarks.replay import Bench

if TYPE_CHECKING:
    import torch

STEPS = 40
WARM_UP = 5
OPTIMIZERS = ("adamw", "adam", "sgd")


def optimizer(bench: Bench) -> dict[str, Any]:
    """Steps of both forms in turn, on one thread as a worker has it, with the lowest layers frozen and with none."""
    from hpo.config.parameters import complete
    from hpo.models.classifier import build_classifier
    from hpo.runtime.loading import load

    space = bench.space("optimizer", spaces.no_harm(bench.small))
    loaded = load(open_space(space).experiment, None)
    ratios: dict[str, list[float]] = {}
    figures: dict[str, float] = {}
    with _one_thread():
        for frozen in (loaded.models[None].info.layers - 2, 0):
            for name in OPTIMIZERS:
                parameters = complete({"frozen_layers": frozen, "optimizer": name})
                models = [build_classifier(loaded.models[None], parameters, 2, head_seed=0) for _ in range(2)]
                seconds = _steps(models, parameters, WARM_UP + (bench.repeats or STEPS))
                case = f"{name}, {frozen} layers frozen"
                ratios[case] = [b / a for a, b in zip(seconds["fused"], seconds["foreach"], strict=True)]
                figures |= {f"{form}, {case}, ms": 1000 * median(all_) for form, all_ in seconds.items()}
                bench.say(f"optimizer, {case}: foreach takes {median(ratios[case]):.2f} times as long")
    return {"repeats": len(next(iter(ratios.values()))), "ratios": ratios, "figures": figures}


def _steps(models: list[Any], parameters: dict[str, Any], count: int) -> dict[str, list[float]]:
    """Seconds of each step after the first few, of the fused form and of the foreach one."""
    from hpo.training.optimizers import build_optimizer

    fused, foreach = (build_optimizer(model, parameters) for model in models)
    for group in foreach.param_groups:
        group |= {"fused": False, "foreach": True}
    seconds: dict[str, list[float]] = {"fused": [], "foreach": []}
    for number in range(count):
        for form, one in (("fused", fused), ("foreach", foreach)):
            taken = _step(one)
            if number >= WARM_UP:
                seconds[form].append(taken)
    return seconds


def _step(optimizer: torch.optim.Optimizer) -> float:
    import torch

    for group in optimizer.param_groups:
        group["lr"] = 1e-5
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    _settle()
    began = time.perf_counter()
    optimizer.step()
    _settle()
    return time.perf_counter() - began


def _settle() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
