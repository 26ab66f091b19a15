"""`hpo predict`: what an exported model says of the texts of a file."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from hpo.cli.spaces import DeviceOption
from hpo.cli.words import count_of, printable

if TYPE_CHECKING:
    from hpo.runtime.prediction import Prediction

EXAMPLE = """\
Example:

  $ hpo predict results/lr_schedules/models/cosine reviews.csv
  row,label,probability
  1,positive,0.9142
  2,negative,0.7821
  ...
"""


def predict(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False, help="That `hpo export` wrote.")
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="CSV, JSON, JSON Lines or Parquet, with a column of texts.",
        ),
    ],
    text: Annotated[
        str | None,
        typer.Option(
            "--text", metavar="COLUMN", help="The texts; without it the column of the training data."
        ),
    ] = None,
    second_text: Annotated[
        str | None, typer.Option("--second-text", metavar="COLUMN", help="The second texts of a pair task.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", dir_okay=False, help="Where to write; without it to the terminal."
        ),
    ] = None,
    device: DeviceOption = None,
) -> None:
    """Score the texts of a file: a row of CSV for each, with label and probability, or entities. Texts are not repeated."""
    from hpo.records.origin import read_origin

    origin = read_origin(folder)
    from hpo.runtime.prediction import Predictor, read_given

    given = read_given(file, origin, text, second_text)
    predictor = Predictor(folder, device)
    cut = predictor.count_cut(given)
    if cut:
        told = f"{count_of(cut, 'text')} of {len(given.texts):,} had more than {origin.max_length:,} tokens"
        print(f"note: {told}, and were read up to there", file=sys.stderr)
    predictions = predictor.predict(given)
    if to is None:
        _write(sys.stdout, origin.kind, predictions)
        return
    with to.open("w", encoding="utf-8", newline="") as out:
        _write(out, origin.kind, predictions)
    print(f"predictions: {printable(str(to))}: {count_of(len(predictions), 'text')}")


def _write(out: IO[str], kind: str, predictions: Iterable[Prediction]) -> None:
    """A header and a row each, numbered from 1 as in the file, whose header does not count."""
    from hpo.records.cells import harmless

    rows = csv.writer(out, lineterminator="\n")
    if kind == "token-classification":
        rows.writerow(("row", "entities"))
        for row, one in enumerate(predictions, 1):
            found = [
                {"start": e.start, "end": e.end, "label": e.label, "probability": round(e.probability, 4)}
                for e in one.entities
            ]
            rows.writerow((row, json.dumps(found, ensure_ascii=False)))
    elif kind == "multi-label":
        rows.writerow(("row", "labels", "probabilities"))
        for row, one in enumerate(predictions, 1):
            likely = [name for name, probability in one.labels.items() if probability > 0.5]
            every = {name: round(probability, 4) for name, probability in one.labels.items()}
            rows.writerow(
                (row, json.dumps(likely, ensure_ascii=False), json.dumps(every, ensure_ascii=False))
            )
    else:
        rows.writerow(("row", "label", "probability"))
        for row, one in enumerate(predictions, 1):
            for name, probability in one.labels.items():
                rows.writerow((row, harmless(name), f"{probability:.4f}"))
