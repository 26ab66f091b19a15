"""Where an exported model comes from: ``hpo.json`` in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from hpo.errors import UserError
from hpo.records.base import Frozen

FILE = "hpo.json"

# How the head stands in the folder. own: as the architecture's class in transformers has it; paired, scaled: in that class,
# its further layer set so that it hands the head's result on (``hpo.models.exported``); hpo: in a class of hpo.
Form = Literal["own", "paired", "scaled", "hpo"]


class Origin(Frozen):
    """One exported training.

    Attributes:
        run, strategy, replicate, index, seed: which confirmation of which run.
        key: of the segment at whose end the exported state stands, as the run recorded it.
        examples: seen up to there.
        parameters: every active parameter of the training.
        kind, max_length: of the task, and tokens of a text that are read.
        text, second_text: columns of the task's data.
        scrub: whether addresses and numbers are replaced in texts before they are read (``hpo.data.scrubbing``).
        metric: by name.
        validation_score, test_score: as recorded.
        rescored: the test score of what was exported, scored again where it was exported.
        retrained: segments that were trained again for it; 0: its state was stored.
        others: what was not then as it was when the run was trained, so that it is alike and not equal.
        difference: the largest difference of logits between folder and training, in the largest logit.
        data_sha256, weights_sha256: of the splits, and of the pretrained body.
    """

    schema_version: int = 1
    run: str
    strategy: str
    replicate: int
    index: int
    seed: int
    key: str
    examples: int
    parameters: dict[str, Any]
    kind: str
    max_length: int
    text: str
    second_text: str
    scrub: bool
    metric: str
    validation_score: float | None
    test_score: float
    rescored: float
    retrained: int
    others: tuple[str, ...]
    form: Form
    difference: float
    data_sha256: str
    weights_sha256: str
    versions: dict[str, str]


def is_exported(folder: Path) -> bool:
    """Whether `hpo export` wrote ``folder``."""
    return (folder / FILE).is_file()


def write_origin(folder: Path, origin: Origin) -> None:
    """Write ``hpo.json``."""
    (folder / FILE).write_text(origin.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_origin(folder: Path) -> Origin:
    """Read ``hpo.json``.

    Raises:
        UserError: there is none, or it is not what this version writes.
    """
    if not is_exported(folder):
        raise UserError(
            f"{folder} holds no exported model: there is no {FILE} in it",
            "Name a folder that `hpo export` wrote.",
        )
    try:
        return Origin.model_validate_json((folder / FILE).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{folder / FILE}: {field}: {first['msg']}", "Export the run again.") from error
