"""`hpo export`: the confirmed winner of a run as a Hugging Face folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.runs import MODELS, RESULTS, ResultsOption, RunArgument, TrackingOption, find_run
from hpo.cli.spaces import fetch_assets
from hpo.cli.words import count_of, line, paragraph, printable, score

if TYPE_CHECKING:
    from hpo.records.origin import Origin
    from hpo.search.export import Export

EXAMPLE = """\
Example:

  $ hpo export lr_schedules
  lr_schedules: cosine, replicate 2, seed 0, which has the best validation
  accuracy, 0.742, of its 5 confirmations
  model: results/lr_schedules/models/cosine, which loads with transformers alone
  card: results/lr_schedules/models/cosine/README.md
  next: hpo predict results/lr_schedules/models/cosine FILE
"""


def export(
    run: RunArgument,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy", metavar="NAME", help="Of which; without it the one with the best mean test score."
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            file_okay=False,
            help="Where to write; without it models/ in the run's folder.",
        ),
    ] = None,
    register: Annotated[
        str | None,
        typer.Option("--register", metavar="NAME", help="Make it a version of this model in MLflow, too."),
    ] = None,
    tracking_uri: TrackingOption = None,
    results: ResultsOption = RESULTS,
) -> None:
    """Write the winner's best training by validation as a folder for transformers, with tokenizer and model card."""
    folder = find_run(run, results)
    if register is not None:
        from hpo.tracking.register import check_name

        check_name(register)
    from hpo.records.files import slug
    from hpo.search.export import Export

    begun = Export(folder, strategy)
    fetch_assets(begun.experiment, line)
    target = to or folder / MODELS / slug(begun.confirmation.strategy)
    print(paragraph(_which(folder, begun)), flush=True)
    origin = begun.write(target)
    for note in _notes(begun, origin):
        print(paragraph(f"note: {note}"))
    how = "with `import hpo.transformers`" if origin.form == "hpo" else "with transformers alone"
    print(f"model: {target}, which loads {how}")
    print(f"card: {target / 'README.md'}")
    if register is not None:
        print(f"MLflow: {register}, version {_register(folder, target, origin, register, tracking_uri)}")
    print("next: " + shlex.join(["hpo", "predict", str(target)]) + " FILE")


def _which(folder: Path, begun: Export) -> str:
    from hpo.records.metrics import METRICS

    c, metric = begun.confirmation, METRICS[begun.experiment.task.metric]
    return (
        f"{folder.name}: {c.strategy}, replicate {c.replicate}, seed {c.index}, which has the best validation "
        f"{metric.name}, {score(c.validation_score)}, of its {count_of(begun.among, 'confirmation')}"
    )


def _notes(begun: Export, origin: Origin) -> list[str]:
    """What became of the training on the way."""
    notes = list(begun.warnings)
    if begun.redacted:
        notes.append("classes are named by number in it, as in the records of this run")
    scores = f"test {origin.metric} {score(origin.rescored)}, where {score(origin.test_score)} was recorded"
    if origin.others:
        notes.append(
            f"trained again where not all is as it was ({'; '.join(origin.others)}): the model is alike, not equal; {scores}"
        )
    elif origin.retrained:
        notes.append(
            f"its state was not stored: {count_of(origin.retrained, 'segment')} trained again; {scores}"
        )
    return notes


def _register(folder: Path, target: Path, origin: Origin, name: str, tracking_uri: str | None) -> str:
    """Make the folder a version of the model ``name``; its number."""
    from hpo.errors import UserError
    from hpo.records.files import read_records
    from hpo.report.sentences import verdict
    from hpo.tracking.register import register
    from hpo.tracking.uri import default_uri

    own = folder / "run-id"
    if not own.is_file():
        raise UserError(
            f"{printable(str(folder))} is not tracked in MLflow: there is no run-id in it",
            f"Register a run that `hpo run` made; the model is written: {target}.",
        )
    description = (
        f"{origin.strategy} of the run {origin.run}: test {origin.metric} {score(origin.test_score)}. "
        f"{verdict(read_records(folder)).text}"
    )
    tags = {
        "hpo.run": own.read_text().strip(),
        "hpo.strategy": origin.strategy,
        "hpo.replicate": str(origin.replicate),
        "hpo.index": str(origin.index),
    }
    uri = tracking_uri or default_uri(folder.parent)
    return register(uri, folder.name, tags["hpo.run"], target, name, description, tags)
