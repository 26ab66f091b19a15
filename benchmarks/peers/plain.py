"""P*: plain Optuna and a loop written by hand, as well as a good engineer writes it, sharing nothing between trials."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from transformers import AutoModel

from benchmarks.data import Assets, Split
from benchmarks.peers.body import DEVICE, HeadedBody, freeze, headed
from benchmarks.peers.report import Done, Report
from benchmarks.peers.source import Replay, Source, rates_of
from benchmarks.trainings import Training

POOL = 8  # batches among which lengths are sorted
EVALUATION_BATCH = 64
MULTIPLE = 8  # widths are multiples of this many tokens

Batch = tuple[Tensor, Tensor, Tensor]  # ids and mask (batch, width), labels (batch,)


@dataclass
class Plain:
    """One process of P*: the pretrained body in memory, validation batches made once."""

    assets: Assets
    source: Source
    trials: int
    started: float
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self.body = AutoModel.from_pretrained(self.assets.model, dtype=torch.float32, add_pooling_layer=False)
        pad = self.assets.train.pad_id
        self.validation = list(_sorted_batches(self.assets.validation, pad))
        self.test = list(_sorted_batches(self.assets.test, pad))

    def objective(self, trial: optuna.Trial) -> float:
        """Train one trial, reporting at its evaluations; returns its best validation accuracy."""
        if trial.number >= self.trials:  # several processes began the last one at once
            raise optuna.TrialPruned
        training = self.source.training(trial)
        done = Done(training.study, 0, (), None, 0.0, confirmation=training.confirmation)
        self._train(training, trial, done)
        done.ended = time.perf_counter() - self.started
        self.report.done.append(done)
        if done.pruned:
            raise optuna.TrialPruned
        return done.accuracy or 0.0

    def _train(self, training: Training, trial: optuna.Trial, done: Done) -> None:
        parameters = training.parameters
        model = headed(self.body, parameters, self.assets.classes, training.seed).to(DEVICE)
        frozen = freeze(model.body, parameters["frozen_layers"])
        optimizer = _optimizer(model, parameters)
        rates = rates_of(training)
        batches = self._batches(training)
        trained = [p for p in model.parameters() if p.requires_grad]
        began = time.perf_counter()
        _training_mode(model, frozen)
        for step, (ids, mask, labels) in zip(range(training.steps), batches, strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rates[step]
            with _autocast():
                logits = model(ids, mask)["logits"]
            cross_entropy(logits.float(), labels).backward()
            clip_grad_norm_(trained, parameters["gradient_clip"])
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            done.steps = step + 1
            if done.steps in training.evaluations:
                accuracy = _accuracy(model, self.validation)
                done.evaluations += (done.steps,)
                done.accuracy = max(accuracy, done.accuracy or 0.0)
                trial.report(accuracy, done.steps)
                if self.source.searches and done.steps < training.steps and trial.should_prune():
                    done.pruned = True
                    break
                _training_mode(model, frozen)
        if training.confirmation:
            _accuracy(model, self.test)
        self.report.training_seconds += time.perf_counter() - began

    def _batches(self, training: Training) -> Iterator[Batch]:
        """Batches of like lengths, epoch after epoch, in shuffled order."""
        rng = np.random.default_rng(training.seed)
        size = training.parameters["batch_size"]
        labels, pad = self.assets.train.labels, self.assets.train.pad_id
        epoch = 0
        while True:
            ids = self.assets.epoch(training, epoch).ids
            lengths = np.array([len(row) for row in ids])
            order = rng.permutation(len(ids))
            full = len(ids) // size * size
            pools = (order[start : min(start + POOL * size, full)] for start in range(0, full, POOL * size))
            chunks = [
                chunk
                for pool in pools
                for chunk in np.split(pool[np.argsort(lengths[pool], kind="stable")], len(pool) // size)
            ]
            last = [order[full:]] if full < len(ids) else []
            for items in (*(chunks[i] for i in rng.permutation(len(chunks))), *last):
                yield _collate(ids, labels, items, pad)
            epoch += 1


def run(assets: Assets, source: Source, trials: int, folder: Path, processes: int, started: float) -> Report:
    """Make ``trials`` trials; of a replay the confirmations after the rest, as they hang on what was selected."""
    if not isinstance(source, Replay):
        return _phase(assets, source, trials, folder / "search.log", processes, started)
    searched = Replay([t for t in source.trainings if not t.confirmation])
    confirmed = Replay([t for t in source.trainings if t.confirmation])
    phases = [
        _phase(assets, part, len(part.trainings), folder / f"{name}.log", processes, started)
        for name, part in (("search", searched), ("confirmation", confirmed))
        if part.trainings
    ]
    return _sum(phases)


def _phase(
    assets: Assets, source: Source, trials: int, journal: Path, processes: int, started: float
) -> Report:
    """In this process, or in several that share the threads and take trials from one study."""
    if processes == 1:
        return _process(assets, source, trials, InMemoryStorage(), started)
    count = min(processes, trials)
    threads = torch.get_num_threads() // count
    with multiprocessing.get_context("fork").Pool(count, torch.set_num_threads, (threads,)) as pool:
        arguments = [(assets, source, trials, journal, started)] * count
        return _sum(pool.starmap(_process, arguments, chunksize=1))


def _sum(reports: list[Report]) -> Report:
    return Report(
        training_seconds=sum(report.training_seconds for report in reports),
        done=[done for report in reports for done in report.done],
    )


def _process(assets: Assets, source: Source, trials: int, storage: Any, started: float) -> Report:
    """One process; ``storage`` is the journal's path where there are several."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if isinstance(storage, Path):
        storage = JournalStorage(JournalFileBackend(str(storage)))
    study = optuna.create_study(
        study_name="plain",
        storage=storage,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=source.seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner() if source.searches else optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    plain = Plain(assets, source, trials, started)
    while len(study.get_trials(deepcopy=False)) < trials:
        study.optimize(plain.objective, n_trials=1)
    return plain.report


def _training_mode(model: nn.Module, frozen: list[nn.Module]) -> None:
    model.train()
    for module in frozen:
        module.eval()


def _optimizer(model: nn.Module, parameters: Any) -> torch.optim.Optimizer:
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": parameters["weight_decay"]},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    kind = torch.optim.Adam if parameters["optimizer"] == "adam" else torch.optim.AdamW
    return kind(groups, lr=0.0, fused=True)


def _accuracy(model: HeadedBody, batches: Sequence[Batch]) -> float:
    model.eval()
    with torch.inference_mode(), _autocast():
        right = sum(((model(i, m)["logits"].argmax(-1) == labels).sum() for i, m, labels in batches))
    return float(right) / sum(len(labels) for _, _, labels in batches)


def _sorted_batches(texts: Split, pad: int) -> Iterator[Batch]:
    order = np.argsort([len(row) for row in texts.ids], kind="stable")
    for start in range(0, len(order), EVALUATION_BATCH):
        yield _collate(texts.ids, texts.labels, order[start : start + EVALUATION_BATCH], pad)


def _collate(ids: Sequence[np.ndarray], labels: np.ndarray, items: np.ndarray, pad: int) -> Batch:
    width = -(-max(len(ids[i]) for i in items) // MULTIPLE) * MULTIPLE
    rows = np.full((len(items), width), pad, np.int64)
    mask = np.zeros_like(rows)
    for row, item in enumerate(items):
        rows[row, : len(ids[item])] = ids[item]
        mask[row, : len(ids[item])] = 1
    return tuple(torch.from_numpy(a).to(DEVICE) for a in (rows, mask, labels[items]))  # type: ignore[return-value]


def _autocast() -> contextlib.AbstractContextManager[object]:
    if DEVICE.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()
