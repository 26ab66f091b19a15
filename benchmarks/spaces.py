"""The spaces of the cases, as the data of their YAML. The small form has a tiny random model and few texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from hpo.config.space import shipped_spaces

Data = dict[str, Any]
TINY_DATA = {"path": "reviews.csv"}
SIZES = {"train": 256, "validation": 160, "test": 160}
SMALL_SIZES = {"train": 48, "validation": 24, "test": 24}


def overhead(trials: int) -> Data:
    """Ten tiny steps a trial; the tiny model in both forms, so that little of it is training."""
    parameters = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "batch_size": 4, "epochs": 1}
    return _space(True, parameters, trials=trials, sizes={"train": 40, "validation": 20, "test": 20})


def no_harm(small: bool) -> Data:
    """All layers, one trial and its confirmation: nothing to share."""
    parameters = {"learning_rate": 2e-5, "batch_size": 16, "epochs": 1, "warmup_ratio": 0.1}
    sizes = SMALL_SIZES if small else {"train": 512, "validation": 64, "test": 64}
    return _space(small, parameters, trials=1, sizes=sizes)


def main_job(small: bool, replicates: int) -> Data:
    """The shipped search of schedules."""
    data = _shipped("lr_schedules")
    data["budget"]["replicates"] = replicates
    if small:
        data |= {"task": _task(True, SMALL_SIZES), "model": "model"}
        data["compare"]["values"] = ["constant", "linear", "wsd"]
        data["parameters"] |= {
            "frozen_layers": {"choices": [1, 2, 3], "default": 1},
            "augmentation": "random_swap",
        }
        data["baseline"]["batch_size"] = 16
        data["budget"] |= {"trials": 2, "rungs": [24, 48]}
    return data


def estimated(small: bool) -> dict[str, Data]:
    """Shipped searches on film reviews: pruned, with shared trunks, with an encoder beside a decoder."""
    if small:
        return {"frozen": frozen(True, (4, 6)), "poor_case": poor_case(True)}
    names = ("lr_schedules", "cooldown", "choosing_a_model")
    return {name: _shipped(name) for name in names}


def cool_down(small: bool) -> Data:
    """Four horizons, four shapes and two peaks, on two seeds: forks of four trunks."""
    parameters = {
        "schedule": "wsd",
        "learning_rate": {"choices": [1e-4, 3e-4]},
        "warmup": "slope",
        "warmup_slope": 3e-4 if small else 3e-5,
        "schedule_decay_ratio": 0.2,
        "epochs": {"choices": [1, 2, 3, 4]},
        "schedule_decay_shape": {"choices": ["cosine", "linear", "one_minus_sqrt", "one_minus_square"]},
        "frozen_layers": _depth(4, small),
        "batch_size": 16,
    }
    return _space(small, parameters, trials=32, replicates=2, sampler="grid")


def buckets(small: bool) -> Data:
    """One configuration, trained whole; lengths matter, so that texts are as long as they come."""
    parameters = {
        "schedule": "linear",
        "learning_rate": 5e-5,
        "warmup_ratio": 0.1,
        "batch_size": 16,
        "epochs": 2,
    }
    sizes = SMALL_SIZES if small else {"train": 512, "validation": 64, "test": 1000}
    return _space(small, parameters, trials=1, sizes=sizes)


def workers(small: bool, depth: int) -> Data:
    """Trials of equal lengths that share no training."""
    parameters = {
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
        "frozen_layers": _depth(depth, small),
        "batch_size": 16,
        "epochs": 1,
    }
    return _space(small, parameters, trials=2 if small else 8 if depth == 0 else 24)


def poor_case(small: bool) -> Data:
    """Linear decay, each trial with its own peak and horizon: no two steps are alike."""
    parameters = {
        "schedule": "linear",
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
        "epochs": {"low": 0.5, "high": 2.0},
        "batch_size": 16,
    }
    return _space(small, parameters, trials=2 if small else 6)


def frozen(small: bool, depths: tuple[int, ...]) -> Data:
    """Five rates and two heads at each depth of freezing."""
    rates = [3e-5, 1e-4, 3e-4] if small else [3e-5, 1e-4, 3e-4, 1e-3, 3e-3]
    parameters: Data = {
        "learning_rate": {"choices": rates},
        "head_hidden_sizes": {"choices": [[], [128]]},
        "schedule": "linear",
        "batch_size": 16,
        "epochs": 2,
    }
    values = [_depth(k, small) for k in depths]
    parameters["frozen_layers"] = values[0] if len(values) == 1 else {"choices": values}
    return _space(small, parameters, trials=2 * len(rates) * len(values), sampler="grid")


def duplicates(trials: int) -> Data:
    """Sixty points, drawn by TPE over and over; the tiny model in both forms."""
    parameters = {
        "learning_rate": {"choices": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]},
        "weight_decay": {"choices": [0.0, 0.01, 0.1]},
        "dropout": {"choices": [0.0, 0.1, 0.2, 0.3]},
        "batch_size": 8,
        "epochs": 1,
    }
    return _space(True, parameters, trials=trials, sampler="tpe", sizes=SMALL_SIZES)


def longer(small: bool, epochs: int) -> Data:
    """Four rates at a constant schedule, which a longer training extends."""
    parameters = {
        "schedule": "constant",
        "learning_rate": {"choices": [1e-4, 2e-4, 3e-4, 4e-4]},
        "frozen_layers": _depth(4, small),
        "batch_size": 16,
        "epochs": epochs,
    }
    return _space(small, parameters, trials=4, sampler="grid")


def killed() -> Data:
    """Trainings of the tiny model with a rung every few steps, to be killed in the midst of."""
    parameters = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "batch_size": 4, "epochs": 8}
    data = _space(True, parameters, trials=8, sizes={"train": 160, "validation": 24, "test": 24})
    data["budget"] |= {"rungs": [160 * e for e in range(1, 8)], "pruner": "none"}
    return data


def to_an_answer(small: bool, seed: int) -> Data:
    """A free search with pruning, scored on many validation texts."""
    parameters = {
        "learning_rate": {"low": 3e-5, "high": 3e-3, "log": True},
        "frozen_layers": {"choices": [_depth(k, small) for k in (3, 4, 5, 6)]},
        "dropout": {"low": 0.0, "high": 0.3},
        "schedule": "linear",
        "batch_size": 16,
        "epochs": 2,
    }
    sizes = SMALL_SIZES if small else {"train": 256, "validation": 500, "test": 64}
    data = _space(small, parameters, trials=3 if small else 12, sampler="tpe", sizes=sizes)
    rungs = [24] if small else [128, 256]
    data["budget"] |= {"pruner": "successive_halving", "rungs": rungs}
    data["seed"] = seed
    return data


def many(strategies: int, replicates: int, trials: int, sampler: str, pruner: str) -> Data:
    """So many trials a search, of four rungs each; the tiny model and few texts in both forms, for nothing is trained."""
    parameters = {
        "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
        "dropout": {"low": 0.0, "high": 0.5},
        "weight_decay": {"low": 1e-4, "high": 1e-1, "log": True},
        "batch_size": 16,
        "epochs": 1,
    }
    sizes = {"train": 128, "validation": 50, "test": 60}
    data = _space(True, parameters, trials, sampler, replicates, sizes)
    schedules = ["linear", "cosine", "constant", "inverse_sqrt", "polynomial", "wsd", "cosine_with_restarts"]
    if strategies > 1:
        data["compare"] = {"parameter": "schedule", "values": schedules[:strategies]}
    data["budget"] |= {"pruner": pruner, "rungs": [32, 64, 96]}
    return data


def _shipped(name: str) -> Data:
    """A space that ships with hpo."""
    return dict(YAML(typ="safe").load(shipped_spaces()[name].read_text(encoding="utf-8")))


def _space(
    small: bool,
    parameters: Data,
    trials: int,
    sampler: str = "random",
    replicates: int = 1,
    sizes: Mapping[str, int] | None = None,
) -> Data:
    return {
        "question": "What does it cost?",
        "task": _task(small, sizes or (SMALL_SIZES if small else SIZES)),
        "model": "model" if small else "all-MiniLM-L6-v2",
        "parameters": parameters,
        "budget": {"replicates": replicates, "trials": trials, "sampler": sampler, "pruner": "none"},
        "confirmation": {"seeds": 1},
        "seed": 0,
    }


def _task(small: bool, sizes: Mapping[str, int]) -> Data:
    return {"data": TINY_DATA if small else "movie", **sizes, "max_length": 16 if small else 64}


def _depth(layers: int, small: bool) -> int:
    """Frozen layers of six, or of the tiny model's three."""
    return max(0, layers - 3) if small else layers
