"""The confirmed winner of a run as a Hugging Face folder: which training it is, brought back, written, and its card."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from hpo.config.experiment import Experiment
from hpo.config.parameters import complete
from hpo.config.problems import nearest_name
from hpo.data.entities import tag_names
from hpo.data.read import read_texts
from hpo.data.task_data import TaskData
from hpo.data.tokens import between
from hpo.errors import UserError
from hpo.models.exported import Exported, write_folder
from hpo.records.files import is_finished, read_records
from hpo.records.metrics import Metric
from hpo.records.origin import FILE, Form, Origin, is_exported, write_origin
from hpo.records.redaction import has_names
from hpo.records.run import Records, Run
from hpo.records.trainings import Confirmation
from hpo.report.model_card import Folder, model_card
from hpo.report.sentences import verdict
from hpo.runtime.again import Trainer, Whole, device_like
from hpo.runtime.jobs import UNTRAINED, Job
from hpo.runtime.loading import Loaded, load
from hpo.search.accounts import mechanism
from hpo.search.circumstances import other_assets, other_numerics
from hpo.search.plan import forks
from hpo.search.prepare import run_record
from hpo.training.store import Store, store_folder

COMPARED = 64  # validation texts on which the folder is held against the training
CARD = "README.md"


class Export:
    """One training of the finished run in ``folder``, ready to be brought back and written.

    Of the confirmations of a strategy it is the one with the best validation score, of equals the first by replicate and
    seed. The test split decides which strategy is the best, never which of its trainings is taken home.

    Args:
        strategy: of which; None: the one with the best mean test score. The baseline is one by its name.

    Attributes:
        confirmation: the training.
        among: number of confirmations of its strategy.
        redacted: whether classes are named by number, as in the records of the run.
        warnings: of the store, a sentence each.

    Raises:
        UserError: the run was imported or is not finished, or has no such strategy confirmed.
    """

    def __init__(self, folder: Path, strategy: str | None) -> None:
        self._records = read_records(folder)
        _refuse(folder, self._records.run)
        self._judged = verdict(self._records)
        own = _of_strategy(self._records, strategy or self._judged.analysis.best)
        self.confirmation = best_by_validation(own, self._records.run.metric)
        self.among = len(own)
        self.redacted = not has_names(self._records.run)
        self.experiment = Experiment.model_validate(self._records.run.experiment)
        self.warnings: list[str] = []
        self._folder = folder

    def write(self, target: Path) -> Origin:
        """Bring the training back, from its stored state or by training again, and write it into ``target``.

        Nothing that is stored changes. A folder that an export wrote before is replaced, whole or not at all.

        Raises:
            UserError: ``target`` is something else, data or weights are not those of the run, or training diverges here.
        """
        refuse_target(target)
        was = self._records.run.device
        drawn = mechanism(self.experiment, self._folder)
        loaded = load(self.experiment, device_like(was), was.threads, mechanism=drawn)
        now = run_record(loaded, was.workers)
        if changed := other_assets(self._records.run, now):
            raise UserError(
                f"{self._folder} was trained on other data or weights:\n  " + "\n  ".join(changed),
                "Bring back those that it began with.",
            )
        whole = self._bring_back(loaded)
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        origin = self._fill(partial, loaded, whole, tuple(other_numerics(self._records.run, now)))
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
        return origin

    def _bring_back(self, loaded: Loaded) -> Whole:
        c = self.confirmation
        rung = UNTRAINED if c.rungs[c.best_rung].steps == 0 else c.best_rung
        job = Job(parameters=c.parameters, seed=c.seed, rung=rung)
        store = store_folder(self._folder.parent)
        # Without a limit, so that opening it makes no room.
        kept = Store(store, sys.maxsize, self.warnings.append) if store.is_dir() else None
        with closing(Trainer(loaded, forks(self.experiment), kept)) as trainer:
            whole = trainer.whole(job, c.segments[0].key)
        if whole is None:
            raise UserError(
                f"{c.strategy}, replicate {c.replicate}, seed {c.index} diverges where it is trained again here",
                "Export it where it was trained, with what `records/run.json` names.",
            )
        return whole

    def _fill(self, folder: Path, loaded: Loaded, whole: Whole, others: tuple[str, ...]) -> Origin:
        """Write all files of the folder."""
        task, tokenizer = loaded.task, whole.pretrained.tokenizer
        exported = Exported(
            classifier=whole.model.cpu(),
            parameters=complete(self.confirmation.parameters),
            tokenizer=tokenizer,
            kind=task.kind,
            names=_names(self._records.run, task),
            max_length=self.experiment.task.max_length,
        )
        some = slice(COMPARED)
        texts = read_texts(
            tokenizer, task.validation.texts[some], task.validation.labels[some], exported.max_length
        )
        form, difference = write_folder(exported, texts.ids, folder)
        origin = self._origin(whole, others, form, difference)
        write_origin(folder, origin)
        told = Folder(
            form=form,
            model=whole.pretrained.info,
            between=between(tokenizer) if task.kind == "pair" else "",
            difference=difference,
            compared=len(texts.ids),
            rescored=origin.rescored,
            retrained=whole.retrained,
            others=others if whole.retrained else (),
        )
        card = model_card(self._records, self._judged, self.confirmation, told)
        (folder / CARD).write_text(card, encoding="utf-8", newline="\n")
        return origin

    def _origin(self, whole: Whole, others: tuple[str, ...], form: Form, difference: float) -> Origin:
        run, c, task = self._records.run, self.confirmation, self.experiment.task
        rung = c.rungs[c.best_rung]
        return Origin(
            run=run.name,
            strategy=c.strategy,
            replicate=c.replicate,
            index=c.index,
            seed=c.seed,
            key=next((s.key for s in c.segments if s.steps == rung.steps), ""),
            examples=rung.examples,
            parameters=dict(c.parameters),
            kind=task.kind,
            max_length=task.max_length,
            text=task.data.text,
            second_text=task.data.second_text,
            scrub=task.scrub,
            metric=run.metric.name,
            validation_score=c.validation_score,
            test_score=c.test_score,
            rescored=whole.metrics[task.metric],
            retrained=whole.retrained,
            others=others if whole.retrained else (),
            form=form,
            difference=difference,
            data_sha256=run.split.sha256,
            weights_sha256=whole.pretrained.info.sha256,
            versions=run.versions,
        )


def _names(run: Run, task: TaskData) -> tuple[str, ...]:
    """Of classes, labels or tags; as the records have them, where these leave out the names of the data."""
    if has_names(run):
        return task.label_names
    return tag_names(run.split.labels) if task.kind == "token-classification" else run.split.labels


def best_by_validation(confirmations: Iterable[Confirmation], metric: Metric) -> Confirmation:
    """The confirmation with the best validation score; of equals the first by replicate and seed."""

    def rank(c: Confirmation) -> tuple[float, int, int]:
        assert c.validation_score is not None, "runs of hpo record it"
        return -c.validation_score if metric.maximize else c.validation_score, c.replicate, c.index

    return min(confirmations, key=rank)


def refuse_target(target: Path) -> None:
    """Refuse to write over what no export wrote.

    Raises:
        UserError: there is such a thing.
    """
    if not target.exists() or is_exported(target) or (target.is_dir() and not any(target.iterdir())):
        return
    raise UserError(
        f"{target} exists, and `hpo export` did not write it: there is no {FILE} in it",
        "Name another folder with --to, or move it away.",
    )


def _of_strategy(records: Records, strategy: str | None) -> list[Confirmation]:
    names = list(dict.fromkeys(c.strategy for c in records.confirmations))
    if strategy is None:
        raise UserError(
            f"{records.run.name} confirmed nothing: no trial was completed",
            "Look with `hpo report` at what became of the trials.",
        )
    if strategy not in names:
        near = nearest_name(strategy, names)
        raise UserError(
            f"no strategy {strategy!r} was confirmed; there are {', '.join(names)}",
            f"Did you mean `--strategy {near}`?" if near else "Name one of them with --strategy.",
        )
    return [c for c in records.confirmations if c.strategy == strategy]


def _refuse(folder: Path, run: Run) -> None:
    if run.source != "hpo":
        raise UserError(
            f"{folder} was imported from {run.source}: its trainings cannot be brought back here",
            "Export a run that `hpo run` made.",
        )
    if not is_finished(folder):
        raise UserError(
            f"{folder} is not finished",
            "Bring it to its end with `hpo run`; `hpo status` shows how far it is.",
        )
