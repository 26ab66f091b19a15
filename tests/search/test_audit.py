"""A sample of pruned trials of a run on the tiny model, trained on to their end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo.cli.main import execute
from hpo.config.space import load_space
from hpo.errors import UserError
from hpo.records.files import is_finished, read_records, write_run, write_trial
from hpo.records.run import Records
from hpo.records.selection import auditable, selected_trials
from hpo.records.trainings import Audited, Rung, Trial
from hpo.report import verdict
from hpo.report.audit import gains, missed_by_pruning
from hpo.runtime import engine
from hpo.runtime.jobs import Job
from hpo.runtime.loading import load
from hpo.search import coordinator
from hpo.search.audit import Audit
from hpo.search.coordinator import run_experiment
from hpo.search.plan import forks
from hpo.search.verify import Verification
from hpo.training.store import Store

SPACE = """\
question: Which schedule, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant]}}
parameters:
  learning_rate: {{low: 1e-4, high: 1e-2, log: true}}
  frozen_layers: {{choices: [0, 2]}}
  dropout: 0.1
  batch_size: 16
  epochs: 3
budget: {{replicates: 3, trials: 4, rungs: [32, 64, 128], sampler: random, pruner: successive_halving}}
confirmation: {{seeds: 1}}
"""


class Nobody:
    """In place of the tracker, and as an observer: says and hears nothing."""

    def __init__(self, *_: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "cores", lambda: 1)


@pytest.fixture(scope="module")
def original(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a finished run with pruned trials, whose space file names data and model as seen from its folder."""
    folder = tmp_path_factory.mktemp("results")
    path = folder / "tiny.yaml"
    beside = [os.path.relpath(named, folder) for named in (tiny_data, tiny_model)]
    path.write_text(SPACE.format(data=beside[0], model=beside[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        patch.setattr(engine, "cores", lambda: 1)
        run_experiment(load_space(str(path), [], []), folder / "results", None, "cpu", Nobody(), 1)
    return folder / "results"


@pytest.fixture
def results(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "results"))


def finish(results: Path, size: int, seed: int = 0) -> list[tuple[Trial, Audited]]:
    told: list[tuple[Trial, Audited]] = []
    Audit(results / "tiny", size, seed).finish(lambda trial, audited: told.append((trial, audited)))
    return told


def whole(
    records: Records, trials: list[Trial], store: Path
) -> Iterator[tuple[list[Rung], list[str], list[str]]]:
    """Rungs, segments' keys and digests of their states of each trial, trained whole in a store of its own."""
    loaded = load(coordinator.Experiment.model_validate(records.run.experiment), "cpu", 1)
    kept = Store(store)
    worker = loaded.worker(loaded.recall(kept, forks(loaded.experiment)))
    for trial in trials:
        rungs, keys = [], []
        for number in range(len(worker.recall.course(trial.parameters, trial.seed).rungs)):
            done = worker.do(Job(parameters=trial.parameters, seed=trial.seed, rung=number))
            assert done.rung is not None
            rungs.append(done.rung)
            keys += [segment.key for segment in done.segments]
        yield rungs, keys, [state(kept, key) for key in keys]


def state(store: Store, key: str) -> str:
    facts = store.segment(key)
    assert facts is not None
    return facts.state


def without_clock(rungs: list[Rung]) -> list[Rung]:
    return [rung.model_copy(update={"seconds": 0.0}) for rung in rungs]


@pytest.mark.parametrize(
    "gone", [(), ("states",), ("states", "prefixes"), ("segments", "states", "evaluations")]
)
def test_an_audited_trial_has_the_bits_of_the_same_trial_trained_whole(
    results: Path, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    for kind in gone:
        for path in (results / ".store" / kind).iterdir():
            path.unlink()
    told = finish(results, 99)
    records = read_records(results / "tiny")
    assert [audited for _, audited in told] != []
    assert {(t.strategy, t.replicate, t.draw) for t, _ in told} == {
        (t.strategy, t.replicate, t.draw) for t in records.trials if t.state == "pruned"
    }
    store = Store(results / ".store")
    unpruned = whole(records, [trial for trial, _ in told], tmp_path / "alone")
    for (trial, audited), (rungs, keys, states) in zip(told, unpruned, strict=True):
        assert audited.state == "complete"
        assert without_clock([*trial.rungs, *audited.rungs]) == without_clock(rungs)
        assert audited.score == max(rung.score for rung in rungs)
        own = [segment.key for segment in (*trial.segments, *audited.segments)]
        assert own == keys
        assert [state(store, segment.key) for segment in audited.segments] == states[len(trial.segments) :]


def test_a_training_goes_on_where_it_was_stopped(results: Path) -> None:
    """What had been trained is trained again only where its state is gone, and then the audit's seconds tell."""
    emptied = Path(shutil.copytree(results, results.parent / "emptied"))
    for path in (emptied / ".store" / "states").iterdir():
        path.unlink()
    for trial, audited in finish(results, 99):
        charged = sum(s.seconds for s in audited.segments) + sum(r.seconds for r in audited.rungs)
        assert trial.segments[-1].examples < audited.segments[0].examples
        assert audited.seconds <= 1.001 * (charged + sum(p.spent for p in audited.passes))
    for trial, audited in finish(emptied, 99):
        assert audited.seconds > sum(s.seconds for s in audited.segments), trial


def test_the_records_of_the_run_and_its_verdict_stay_as_they_are(results: Path) -> None:
    folder = results / "tiny"
    before, stored = read_records(folder), {p: p.read_bytes() for p in (folder / "records").rglob("*.json")}
    finish(results, 2)
    after = read_records(folder)
    assert len(after.audited) == 2
    assert (after.trials, after.confirmations) == (before.trials, before.confirmations)
    assert verdict(after) == verdict(before)
    assert {path: path.read_bytes() for path in stored} == stored
    assert is_finished(folder)


def test_a_larger_sample_holds_a_smaller_one_and_trains_the_rest_alone(results: Path) -> None:
    first = [audited for _, audited in finish(results, 2)]
    assert [a.sample_seed for a in first] == [0, 0]
    again = Audit(results / "tiny", 2, 0)
    assert again.left == []
    more = Audit(results / "tiny", 4, 0)
    assert more.sample[:2] == again.sample
    assert more.left == more.sample[2:]
    second = [audited for _, audited in finish(results, 4)]
    assert len(second) == 2
    kept = read_records(results / "tiny").audited
    assert sorted(kept, key=str) == sorted([*first, *second], key=str)


def test_an_audit_that_was_stopped_goes_on(results: Path) -> None:
    class StoppedError(Exception): ...

    def stop(trial: Trial, audited: Audited) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        Audit(results / "tiny", 3, 0).finish(stop)
    assert len(read_records(results / "tiny").audited) == 1
    assert len(finish(results, 3)) == 2


def test_data_and_model_are_found_from_any_folder_however_the_space_file_named_them(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert [audited.state for _, audited in finish(results, 1)] == ["complete"]
    assert all(one.equal for one in Verification(results / "tiny", results / ".store", 2).compare())


def test_what_an_audit_goes_on_from_is_not_cleaned_away_meanwhile(results: Path) -> None:
    def states() -> set[Path]:
        return set((results / ".store" / "states").iterdir())

    def clean(trial: Trial, audited: Audited) -> None:
        before = states()
        assert execute(["clean", "--results", str(results)]) == 0
        assert states() == before != set()

    Audit(results / "tiny", 2, 0).finish(clean)
    assert execute(["clean", "--results", str(results)]) == 0
    assert states() == set()


def test_every_pruned_trial_is_as_likely_to_be_drawn(results: Path) -> None:
    pruned = auditable(read_records(results / "tiny"))
    counts = dict.fromkeys(((t.strategy, t.replicate, t.draw) for t in pruned), 0)
    draws = 400
    for seed in range(draws):
        for t in Audit(results / "tiny", 2, seed).sample:
            counts[t.strategy, t.replicate, t.draw] += 1
    expected = 2 * draws / len(pruned)
    # Chi-square of the counts beyond its 99.9 % point (28 at 9 degrees of freedom) would be a sample that is not uniform.
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 28


def test_those_that_their_search_would_have_selected_are_counted(results: Path) -> None:
    told = finish(results, 99)
    records = read_records(results / "tiny")
    best: dict[tuple[str, int], float] = {}
    for t in records.trials:
        if t.score is not None:
            best[t.strategy, t.replicate] = max(t.score, best.get((t.strategy, t.replicate), 0.0))
    better = [a for t, a in told if a.score is not None and a.score > best[t.strategy, t.replicate]]
    found = missed_by_pruning(records)
    assert found is not None
    assert (found.better, found.audited, found.pruned, found.most) == (
        len(better),
        len(told),
        len(told),
        len(better),
    )
    assert found.largest_gain == max(gain for _, gain in gains(records) if gain is not None)


def test_a_duplicate_is_no_second_training_to_draw(results: Path) -> None:
    folder = results / "tiny"
    pruned = auditable(read_records(folder))
    write_trial(folder, pruned[0].model_copy(update={"draw": 50, "duplicate_of": pruned[0].draw}))
    assert auditable(read_records(folder)) == pruned


def test_a_run_with_records_missing_is_refused(results: Path) -> None:
    next((results / "tiny" / "records" / "confirmations").iterdir()).unlink()
    with pytest.raises(UserError, match="is not finished") as caught:
        finish(results, 1)
    assert caught.value.hint == "Bring it to its end with `hpo run`; `hpo status` shows how far it is."


def test_an_imported_run_is_refused(results: Path) -> None:
    head = read_records(results / "tiny").run
    write_run(results / "tiny", head.model_copy(update={"source": "Optuna", "experiment": {}}))
    with pytest.raises(UserError, match="was imported from Optuna"):
        finish(results, 1)


def test_a_run_without_pruned_trials_is_refused(results: Path) -> None:
    folder = results / "tiny"
    records = read_records(folder)
    winner = next(iter(selected_trials(records).values()))
    for t in records.trials:
        if t.state == "pruned":
            update = {"state": "complete", "score": 0.0, "best_rung": 0}
            write_trial(folder, t.model_copy(update=update))
    assert winner.state == "complete"
    with pytest.raises(UserError, match="holds no pruned trial"):
        finish(results, 1)


@pytest.mark.parametrize("changed", ["data", "torch"])
def test_another_machine_or_version_is_refused_and_nothing_is_trained(results: Path, changed: str) -> None:
    folder = results / "tiny"
    head = read_records(folder).run
    split = head.split.model_copy(update={"sha256": "0" * 64})
    update: dict[str, Any] = (
        {"split": split} if changed == "data" else {"versions": {**head.versions, "torch": "1.0"}}
    )
    write_run(folder, head.model_copy(update=update))
    with pytest.raises(UserError, match=f"not all is as it was when .* was trained:\n  {changed}") as caught:
        finish(results, 1)
    assert caught.value.hint.startswith("Audit it where it was trained")
    assert read_records(folder).audited == ()


def test_a_diverged_trial_counts_as_not_better(results: Path) -> None:
    finish(results, 99)
    records = read_records(results / "tiny")
    failed = records.audited[0].model_copy(update={"state": "failed", "score": None})
    others = [a.model_copy(update={"score": 1.5}) for a in records.audited[1:]]
    found = missed_by_pruning(records.model_copy(update={"audited": (failed, *others)}))
    assert found is not None
    assert (found.better, found.audited) == (len(others), len(others) + 1)
