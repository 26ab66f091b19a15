"""`hpo import`: runs that other tools made, as records."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from hpo.cli.runs import RESULTS, ResultsOption
from hpo.cli.words import count_of, paragraph
from hpo.errors import UserError
from hpo.foreign.asked import Asked, Format, Roles

EXAMPLE = """\
Example:

  $ hpo import sqlite:///studies.db --study linear --study cosine --test-score test_accuracy
  Optuna (studies.db): 80 trainings: 61 complete, 17 pruned, 2 failed
  strategy: the study's name: linear, cosine
  ...
  records: results/studies
  next: hpo report results/studies

  $ hpo import table.csv --strategy optimizer --task dataset --test-score accuracy --percent
  $ hpo import http://mlflow.example --study sweep --strategy schedule --score val_acc --replicate fold
  $ hpo import ~/ray_results/schedules --strategy schedule --score accuracy
  $ hpo import wandb_export.csv --strategy method --score val_loss --minimize --parameter lr --parameter wd
"""

_SAYS = "What the source's names mean"
_LACKS = "What the source does not say"


def _named(flag: str, text: str) -> object:
    return typer.Option(flag, metavar="NAME", help=text, rich_help_panel=_SAYS)


def import_(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="URL or file of an Optuna storage, URL of an MLflow store, folder of Ray Tune results, a CSV export of "
            "W&B, a CSV or JSON-lines file, or what `hpo export-records` wrote. Several of one format are read as one.",
        ),
    ],
    results: ResultsOption = RESULTS,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Of the run, and of its folder; without it the source's name."),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="Of the source; without it what it looks like."),
    ] = None,
    study: Annotated[
        list[str] | None,
        typer.Option(
            "--study",
            metavar="NAME",
            help="Study of Optuna, or experiment of MLflow or Ray Tune, to read; repeat it. Without it all.",
            rich_help_panel=_SAYS,
        ),
    ] = None,
    study_names: Annotated[
        str | None,
        typer.Option(
            "--study-names",
            metavar="PATTERN",
            help="What the names of studies say, such as '{strategy}-{replicate}'; also {task} and {seed}.",
            rich_help_panel=_SAYS,
        ),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        _named(
            "--strategy",
            "Column, parameter, tag or attribute that says which strategy; else each study is one.",
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        _named("--task", "What says which data (or model); repeat it to combine. Each task becomes a run."),
    ] = None,
    replicate: Annotated[
        str | None, _named("--replicate", "What says which independent search; else there is one.")
    ] = None,
    seed: Annotated[str | None, _named("--seed", "Seed of the training.")] = None,
    score: Annotated[str | None, _named("--score", "Validation score, by which a search selects.")] = None,
    test_score: Annotated[str | None, _named("--test-score", "Test score.")] = None,
    phase: Annotated[
        str | None,
        _named(
            "--phase",
            "What says that a training is the retraining of a selected configuration with a fresh seed.",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        _named("--parameter", "A parameter, or a pattern such as 'config.*'; repeat it."),
    ] = None,
    rung: Annotated[
        str | None, _named("--rung", "How far the training was, where each row is one evaluation of it.")
    ] = None,
    trial: Annotated[
        str | None, _named("--trial", "What tells trainings apart whose rows are evaluations.")
    ] = None,
    cost: Annotated[
        str | None,
        _named("--cost", "Device-seconds of the training, from its start where rows are evaluations."),
    ] = None,
    state: Annotated[
        str | None, _named("--state", "How the training ended: complete, pruned, failed, ...")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric", metavar="TEXT", help="What the report calls the score.", rich_help_panel=_LACKS
        ),
    ] = None,
    minimize: Annotated[
        bool | None,
        typer.Option(
            "--minimize/--maximize", help="Whether low or high scores are better.", rich_help_panel=_LACKS
        ),
    ] = None,
    share: Annotated[
        bool | None,
        typer.Option(
            "--share/--no-share",
            help="Whether scores are shares of 1, as accuracies are.",
            rich_help_panel=_LACKS,
        ),
    ] = None,
    percent: Annotated[
        bool, typer.Option("--percent", help="Scores are shares in percent.", rich_help_panel=_LACKS)
    ] = False,
    independent: Annotated[
        bool | None,
        typer.Option(
            "--independent/--not-independent",
            help="Whether configurations were drawn without looking at results, as random search does.",
            rich_help_panel=_LACKS,
        ),
    ] = None,
    paired: Annotated[
        bool | None,
        typer.Option(
            "--paired/--not-paired",
            help="Whether a replicate, and a seed, is the same data order and start for every strategy; without it: where "
            "the same seeds are recorded.",
            rich_help_panel=_LACKS,
        ),
    ] = None,
    no_pruning: Annotated[
        bool,
        typer.Option(
            "--no-pruning",
            help="Take no training as pruned for ending before the longest of its task (or before its own epochs or steps, "
            "where those are a parameter): each with a score is complete. What the source calls pruned stays so.",
            rich_help_panel=_LACKS,
        ),
    ] = False,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="STRATEGY",
            help="That all others are compared with; without it all pairs are.",
            rich_help_panel=_LACKS,
        ),
    ] = None,
    question: Annotated[
        str | None,
        typer.Option("--question", metavar="TEXT", help="That the report answers.", rich_help_panel=_LACKS),
    ] = None,
) -> None:
    """Turn runs of other tools into records, which `hpo report` reads like its own. Changes nothing in the source.

    What has a usual name (strategy, task, seed, val_accuracy, test_accuracy, ...) needs no option: what was taken for what
    is printed, kept in the records, and listed by the report.
    """
    from hpo.foreign.importing import import_runs, write_import
    from hpo.records.files import is_folder_name

    asked = Asked(
        format=format_,
        name=name,
        question=question,
        reference=reference,
        metric=metric,
        maximize=None if minimize is None else not minimize,
        share=share,
        percent=percent,
        independent=independent,
        paired=paired,
        studies=tuple(study or ()),
        no_pruning=no_pruning,
        named=study_names,
        roles=Roles(
            strategy=tuple(strategy or ()),
            task=tuple(task or ()),
            replicate=replicate,
            seed=seed,
            score=score,
            test_score=test_score,
            rung=rung,
            trial=trial,
            cost=cost,
            state=state,
            phase=phase,
        ),
        parameters=tuple(parameter or ()),
    )
    if name is not None and not is_folder_name(name):
        raise UserError(
            f"--name {name!r}: found {'a path' if name else 'nothing'}; a name is required",
            "Say where it goes with --results.",
        )
    imported = import_runs(sources, asked)
    folders = write_import(imported, results)
    print("\n".join(map(paragraph, imported.told)))
    for folder in folders[:10]:
        print(f"records: {folder}")
    if len(folders) > 10:
        print(f"... and {count_of(len(folders) - 10, 'task')} more")
    together = folders[0] if len(folders) == 1 else folders[0].parent
    print("next: " + shlex.join(["hpo", "report", str(together)]))
