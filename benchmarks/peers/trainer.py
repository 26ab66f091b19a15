"""T and T*: ``Trainer.hyperparameter_search`` of transformers with Optuna, as a user writes it and the same set well."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.utils import logging

from benchmarks.data import Assets, Split
from benchmarks.peers.body import freeze, headed, set_dropout
from benchmarks.peers.report import Done, Report
from benchmarks.peers.source import Replay, Search, Source, rates_of
from benchmarks.trainings import Training

WELL_SET: Mapping[str, Any] = {
    "train_sampling_strategy": "group_by_length",
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
    "per_device_eval_batch_size": 64,
    "dataloader_pin_memory": torch.cuda.is_available(),
    "bf16": torch.cuda.is_available(),
}


class Items(Dataset[dict[str, Any]]):
    """A split as a user hands it to the Trainer: ids and label of each text."""

    def __init__(self, texts: Split, order: np.ndarray | None = None) -> None:
        chosen = range(len(texts.ids)) if order is None else order
        self.items = [{"input_ids": texts.ids[i].tolist(), "label": int(texts.labels[i])} for i in chosen]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.items[index]


class Variants(Items):
    """The training split as each epoch reads it: ``show`` picks the epoch's variants."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self.items = [{}] * len(assets.train.labels)  # the Trainer asks how many before any is shown

    def show(self, training: Training, epoch: int) -> None:
        """Read the texts of this epoch of ``training`` from now on."""
        super().__init__(self._assets.epoch(training, epoch))


class Rated(Trainer):
    """A Trainer whose schedule gives listed rates: schedules that transformers lacks cost no more than its own."""

    rates: np.ndarray

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Rates by step, as factors of the peak."""
        peak, rates = self.args.learning_rate, self.rates
        last = len(rates) - 1
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            cast("torch.optim.Optimizer", optimizer or self.optimizer),
            lambda step: rates[min(step, last)] / peak,
        )
        return self.lr_scheduler


@dataclass
class Watch(TrainerCallback):
    """Evaluates and stops where the training says; the schedule keeps its full horizon."""

    variants: Variants
    report: Report
    started: float
    training: Training | None = None
    done: Done | None = None
    _began: float = field(default=0.0)

    def follow(self, training: Training) -> None:
        """Watch this training from now on."""
        self.training = training
        self.done = Done(training.study, 0, (), None, 0.0, confirmation=training.confirmation)
        self.variants.show(training, 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._began = time.perf_counter()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        assert self.training is not None
        self.variants.show(self.training, int(state.epoch or 0))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        assert self.training is not None
        assert self.done is not None
        self.done.steps = state.global_step
        control.should_evaluate = state.global_step in self.training.evaluations
        control.should_training_stop |= state.global_step >= self.training.steps

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        assert self.done is not None
        self.done.evaluations += (state.global_step,)
        self.done.accuracy = max(metrics["eval_accuracy"], self.done.accuracy or 0.0)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Also where a trial is pruned."""
        assert self.training is not None
        assert self.done is not None
        now = time.perf_counter()
        self.report.training_seconds += now - self._began
        self.done.ended = now - self.started
        self.done.pruned = self.done.steps < self.training.steps
        self.report.done.append(self.done)


def run(
    assets: Assets, source: Source, trials: int, folder: Path, started: float, *, well_set: bool
) -> Report:
    """Make ``trials`` trials: a search for each study of a replay, then a Trainer for each confirmation."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.set_verbosity_error()  # load reports of fresh heads
    side = Side(assets, folder, started, well_set)
    if isinstance(source, Search):
        side.search(source, trials)
    elif isinstance(source, Replay):
        for _, group in groupby(source.trainings, key=lambda t: t.study):
            listed = list(group)
            searched = [t for t in listed if not t.confirmation]
            if searched:
                side.search(Replay(searched), len(searched))
            for training in listed:
                if training.confirmation:
                    side.confirm(training)
    return side.report


class Side:
    """One Trainer after another on the same assets."""

    def __init__(self, assets: Assets, folder: Path, started: float, well_set: bool) -> None:
        self._assets = assets
        self._folder = folder
        self._well_set = well_set
        self.report = Report()
        self.watch = Watch(Variants(assets), self.report, started)
        self._body: Any = None

    def search(self, source: Source, trials: int) -> None:
        trainer: Rated
        given: dict[str, Any] = {"sampler": optuna.samplers.TPESampler(seed=source.seed)}
        if not source.searches:
            given["pruner"] = optuna.pruners.NopPruner()

        def space(trial: optuna.Trial) -> dict[str, Any]:
            training = source.training(trial)
            trainer.rates = rates_of(training)
            return arguments_of(training)

        def model_init(trial: optuna.Trial | None) -> nn.Module | None:
            if trial is None:  # the Trainer asks for one at its start
                return nn.Linear(1, 1)
            training = source.training(trial)
            self.watch.follow(training)
            return self.model(training)

        trainer = self.trainer({}, model_init=model_init)
        trainer.hyperparameter_search(
            hp_space=space,
            compute_objective=lambda metrics: metrics["eval_accuracy"],
            n_trials=trials,
            direction="maximize",
            backend="optuna",
            **given,
        )

    def confirm(self, training: Training) -> None:
        self.watch.follow(training)
        trainer = self.trainer(arguments_of(training), model=self.model(training))
        trainer.rates = rates_of(training)
        trainer.train()
        began = time.perf_counter()
        trainer.predict(self._evaluated(self._assets.test))
        self.report.training_seconds += time.perf_counter() - began

    def trainer(self, given: Mapping[str, Any], **model: Any) -> Rated:
        chosen = {**(WELL_SET if self._well_set else {}), **given}
        arguments = TrainingArguments(
            output_dir=str(self._folder / "trainer"), label_names=["labels"], **chosen
        )
        multiple = 8 if self._well_set else None
        return Rated(
            args=arguments,
            train_dataset=self.watch.variants,
            eval_dataset=self._evaluated(self._assets.validation),
            processing_class=self._assets.tokenizer,
            data_collator=DataCollatorWithPadding(self._assets.tokenizer, pad_to_multiple_of=multiple),
            compute_metrics=_metrics,
            callbacks=[self.watch],
            **model,
        )

    def _evaluated(self, texts: Split) -> Items:
        """T* hands over the texts sorted, so that little is padding."""
        if not self._well_set:
            return Items(texts)
        return Items(texts, np.argsort([len(row) for row in texts.ids], kind="stable"))

    def model(self, training: Training) -> nn.Module:
        parameters, assets = training.parameters, self._assets
        plain_head = not parameters["head_hidden_sizes"] and parameters["pooling"] == "cls"
        if self._well_set or not plain_head:
            if self._body is None or not self._well_set:
                self._body = AutoModel.from_pretrained(assets.model, add_pooling_layer=False)
            return headed(self._body, parameters, assets.classes, training.seed)
        model = AutoModelForSequenceClassification.from_pretrained(assets.model, num_labels=assets.classes)
        freeze(model.base_model, parameters["frozen_layers"])
        set_dropout(model, parameters["dropout"])
        return model  # type: ignore[no-any-return]


def arguments_of(training: Training) -> dict[str, Any]:
    """The training's settings as fields of ``TrainingArguments``."""
    parameters = training.parameters
    return {
        "learning_rate": parameters["learning_rate"],
        "per_device_train_batch_size": parameters["batch_size"],
        "max_steps": training.horizon,
        "weight_decay": parameters["weight_decay"],
        "max_grad_norm": parameters["gradient_clip"],
        "seed": training.seed,
    }


def _metrics(predictions: Any) -> dict[str, float]:
    return {"accuracy": float((predictions.predictions.argmax(-1) == predictions.label_ids).mean())}
