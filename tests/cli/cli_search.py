from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from cli_events import confirmation, experiment, run_record, trial

from hpo.records.files import mark_finished, write_confirmation, write_run, write_trial

VERDICT = ("Inconclusive: cosine and linear cannot be told apart.", "8 more searches would tell.")
ESTIMATE = SimpleNamespace(
    workers=2,
    seconds=SimpleNamespace(low=130.0, high=250.0),
    memory=SimpleNamespace(low=4e8, high=6.2e8),
    room=2.5e9,
    disk=SimpleNamespace(low=2e6, high=1.5e9),
    store_limit=6 * 2**30,
    unfit=(),
    tried=11.4,
)


def write_records(folder: Path, *, finished: bool = False, name: str = "tiny") -> None:
    asked = experiment(replicates=1, trials=1).model_copy(update={"name": name})
    write_run(folder, run_record(asked))
    write_trial(folder, trial("linear", 0, 0, 0.7412))
    if finished:
        write_trial(folder, trial("cosine", 0, 0, 0.75))
        write_confirmation(folder, confirmation("linear", 0, 0.731))
        write_confirmation(folder, confirmation("cosine", 0, 0.742))
        mark_finished(folder)
