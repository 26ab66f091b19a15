from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_events import (
    DEVICE,
    MODEL,
    SPLIT,
    confirmation,
    experiment,
    run_record,
    trial,
    work,
)
from filelock import FileLock

from hpo.cli.check import _setting
from hpo.cli.main import execute
from hpo.cli.run import profile_line
from hpo.cli.spaces import asset_names
from hpo.cli.ui import experiment_name, latest_run
from hpo.config.experiment import Budget, Choices, Compare, DataSource, Fixed, Range
from hpo.config.space import Space, shipped_spaces
from hpo.records.files import mark_finished, read_run, write_confirmation, write_run, write_trial
from hpo.search.plan import make_plan
from hpo.search.stopping import Requests

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


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def write_records(folder: Path, *, finished: bool = False, name: str = "tiny") -> None:
    asked = experiment(replicates=1, trials=1).model_copy(update={"name": name})
    write_run(folder, run_record(asked))
    write_trial(folder, trial("linear", 0, 0, 0.7412))
    if finished:
        write_trial(folder, trial("cosine", 0, 0, 0.75))
        write_confirmation(folder, confirmation("linear", 0, 0.731))
        write_confirmation(folder, confirmation("cosine", 0, 0.742))
        mark_finished(folder)


@pytest.fixture
def coordinator(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the search, which needs torch, optuna and mlflow: it tells of one trial and returns an outcome."""
    asked = experiment(replicates=1, trials=1)
    report = SimpleNamespace(
        html=Path("results/tiny/report.html"), verdict=SimpleNamespace(sentences=VERDICT)
    )
    fake = SimpleNamespace(calls=[], trained=3, missing=(), shifts=(), estimate=ESTIMATE)

    def run_experiment(space, results, tracking_uri, device, observer, workers, store_limit, redact, **more):
        fake.calls.append((space.experiment.name, results, tracking_uri, device))
        fake.resources, fake.redact, fake.more = (workers, store_limit), redact, more
        if fake.trained:
            observer.started(work("linear", 0, 0))
            observer.trial(trial("linear", 0, 0, 0.7412))
        profile = {"train": 60.0, "evaluate": 12.0, "load": 4.0, "track": 3.6, "search": 0.1}
        return SimpleNamespace(report=report, profile=profile, trained=fake.trained, wall_seconds=80.0)

    def check_experiment(space, device, *, probe):
        fake.calls.append((space.experiment.name, device))
        found = fake.estimate if probe else None
        return SimpleNamespace(
            plan=make_plan(space.experiment),
            split=SPLIT,
            shifts=fake.shifts,
            models=(MODEL,),
            notes=(),
            device=DEVICE,
            privacy=None,
            estimate=found,
        )

    module = types.ModuleType("hpo.search.coordinator")
    module.__dict__.update(run_experiment=run_experiment, check_experiment=check_experiment)
    monkeypatch.setitem(sys.modules, "hpo.search.coordinator", module)
    space = Space(asked, Path("tiny.yaml"), "", {(): (1, 1)})
    monkeypatch.setattr("hpo.config.space.load_spaces", lambda *_: (space,))
    monkeypatch.setattr("hpo.assets.fetch.is_cached", lambda name: name not in fake.missing)
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: say(f"Fetching {name}"))
    return fake


def test_run_ends_with_verdict_report_time_and_next_command(coordinator, capsys) -> None:
    assert execute(["run", "--space", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "search: 2 trials in 2 studies, 2 strategies"
    assert lines[1].startswith(
        "trial 1/2: linear, replicate 0, draw 0: complete, validation accuracy 0.741; "
    )
    assert lines[2:] == [
        "",
        *VERDICT,
        "",
        "report: results/tiny/report.html",
        "time: 1 min, 90% of it in forward and backward passes (train 75%, evaluate 15%, load 5%, track 4%)",
        "3 segments trained now",
        "next: hpo ui --space tiny",
    ]
    assert coordinator.calls == [("tiny", Path("results"), None, None)]


def test_quiet_prints_the_end_alone(coordinator, capsys) -> None:
    assert execute(["run", "--space", "tiny", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["", VERDICT[0]]


@pytest.mark.parametrize("command", ["run", "check"])
def test_what_is_not_cached_is_fetched_before_anything_else_is_shown(command, coordinator, capsys) -> None:
    coordinator.missing = ("movie", "wordnet")  # the space names movie, and no augmentation
    assert execute([command, "--space", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fetching movie"
    assert not any(text.startswith("Fetching") for text in lines[1:])


def test_a_quiet_run_fetches_without_a_word_and_a_finished_one_fetches_nothing(
    coordinator, monkeypatch, capsys
) -> None:
    fetched = []
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: fetched.append(say(name)))
    coordinator.missing = ("movie",)
    assert execute(["run", "--space", "tiny", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == ""
    assert len(fetched) == 1
    write_records(Path("results/tiny"), finished=True)
    assert execute(["run", "--space", "tiny"]) == 0
    assert len(fetched) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"compare": Compare(parameter="augmentation", values=("none", "random_insertion"))},
        {"parameters": {"augmentation": Fixed(value="synonym_replacement")}},
        {"parameters": {"augmentation": Choices(choices=("none", "random_insertion"), default="none")}},
        {"baseline": {"augmentation": "synonym_replacement"}},
    ],
)
def test_an_augmentation_by_synonyms_names_wordnet_wherever_it_stands(changed) -> None:
    assert asset_names(experiment()) == ["movie", "minilm"]
    assert asset_names(experiment().model_copy(update=changed)) == ["movie", "minilm", "wordnet"]


def test_shift_sets_are_among_what_is_fetched() -> None:
    shift = {"amazon": DataSource(asset="amazon"), "a.csv": DataSource(path="/a.csv")}
    task = experiment().task.model_copy(update={"shift": shift})
    names = asset_names(experiment().model_copy(update={"task": task}))
    assert [name for name in names if name] == ["movie", "amazon", "minilm"]


def test_a_run_that_was_over_says_so(coordinator, capsys) -> None:
    coordinator.trained = 0
    assert execute(["run", "--space", "tiny"]) == 0
    assert "nothing was left to train" in capsys.readouterr().out.splitlines()


def test_the_next_command_finds_the_run_where_this_one_put_it(coordinator, capsys) -> None:
    uri = "http://127.0.0.1:5000"
    options = ["--results", "my runs", "--tracking-uri", uri]
    assert execute(["run", "--space", "tiny", *options, "--device", "cpu"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"next: hpo ui --space tiny --results 'my runs' --tracking-uri {uri}"
    assert coordinator.calls == [("tiny", Path("my runs"), uri, "cpu")]


@pytest.mark.parametrize(
    ("options", "resources"),
    [
        ([], (None, None)),
        (["--workers", "2", "--store-limit", "2GB"], (2, 2_000_000_000)),
        (["--store-limit", "1.5 GiB"], (None, 1_610_612_736)),
        (["--store-limit", "0"], (None, 0)),
    ],
)
def test_workers_and_the_room_of_the_store_are_passed_on(options, resources, coordinator) -> None:
    assert execute(["run", "--space", "tiny", *options]) == 0
    assert coordinator.resources == resources


def test_the_storage_is_passed_on_and_no_password_is_printed(coordinator, capsys) -> None:
    storage, uri = "postgresql+psycopg://ann:hunter2@host/db", "http://ann:hunter3@host:5000"
    assert execute(["run", "--space", "tiny", "--storage", storage, "--tracking-uri", uri]) == 0
    assert coordinator.more["storage"] == storage
    assert coordinator.calls[0][2] == uri
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "next: hpo ui --space tiny --tracking-uri http://host:5000"
    assert "hunter" not in printed.out + printed.err


def test_a_profile_without_times_has_no_shares() -> None:
    assert profile_line({}, 0.2) == "time: 1 s, 0% of it in forward and backward passes"


def test_report_prints_the_verdict_and_where_it_lies(monkeypatch, capsys) -> None:
    folder = Path("results/tiny")
    written = SimpleNamespace(
        html=folder / "report.html",
        figures=(folder / "figures/effects-3.25in.pdf",),
        kit=(folder / "methods.tex", folder / "references.bib", folder / "manifest.json"),
        verdict=SimpleNamespace(sentences=("co\x1b[2Jsine " + "is better " * 10,)),
    )
    asked = []
    monkeypatch.setattr(
        "hpo.report.writing.write_report", lambda f, **how: asked.append((f, how)) or written, raising=False
    )
    write_records(folder)
    assert execute(["report", "tiny"]) == 0
    assert asked == [(folder, {"figures": True, "latex": False, "redact": False})]
    assert capsys.readouterr().out.splitlines() == [
        "co [2Jsine is better is better is better is better is better is better is better",
        "is better is better is better",
        "report: results/tiny/report.html",
        "tables: results/tiny/tables, figures: results/tiny/figures",
        "for a paper: results/tiny/methods.tex, references.bib, manifest.json",
        "next: hpo report tiny --open",
    ]


@pytest.mark.parametrize("command", ["status", "verify"])
def test_an_imported_run_cannot_be_gone_on_with(command: str, capsys) -> None:
    write_records(Path("results/tiny"))
    head = read_run(Path("results/tiny"))
    assert head is not None
    write_run(Path("results/tiny"), head.model_copy(update={"source": "a CSV file"}))
    assert execute([command, "tiny"]) == 2
    assert "was imported from a CSV file" in capsys.readouterr().err


def test_check_prints_the_plan(coordinator, capsys) -> None:
    assert execute(["check", "--space", "tiny", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "space         tiny (tiny.yaml)",
        "question      Which schedule?",
        "strategies    2 values of schedule: linear, cosine; reference linear",
        "search        2 studies of 1 trial, 2 in all, in 1 replicate",
        "methods       sampler tpe, pruner successive_halving",
        "order         first the searches that would end last, since the test split opens",
        "              when all are over, others in turn; one draw of each at a time,",
        "              since the next looks at it; what others wait for before what is",
        "              their own; workers that no search needs confirm",
        "rungs         50, 100 examples",
        "a training    100 examples, 5 to 10 steps",
        "confirmation  2 trainings with fresh seeds",
        "at most       400 examples in 4 trainings",
        "epochs        fixed: 1.0",
        "batch_size    tuned: one of 10, 20; default 10",
        "data          movie reviews: 100 train, 10 validation, 10 test; 2 classes, 3",
        "              duplicates dropped; MIT",
        "model         minilm: 6 layers, 22,700,000 weights; Apache-2.0",
        "device        cpu, float32 (the CPU has no bf16)",
        "memory        400.0 MB to 620.0 MB in each of 2 workers, 2.50 GB free for each",
        "disk          2.0 MB to 1.50 GB of states and hidden states; what is gone is",
        "              computed again",
        "time          2 min to 4 min in 2 workers, by steps tried in 11 s",
        "next: hpo run --space tiny --device cpu",
    ]
    assert list(Path().iterdir()) == []


def test_the_small_form_is_checked_and_run_under_a_name_of_its_own(coordinator, capsys) -> None:
    assert execute(["check", "--space", "tiny", "--budget", "small"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split(maxsplit=1) == ["space", "tiny-small (tiny.yaml)"]
    assert lines[1].split(maxsplit=1) == ["form", "small: a trial of the machinery, and no answer"]
    assert lines[-1] == "next: hpo run --space tiny --budget small"
    assert execute(["run", "--space", "tiny", "--budget", "small"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "next: hpo ui --space tiny-small"
    assert [call[0] for call in coordinator.calls] == ["tiny-small", "tiny-small"]


def test_a_budget_in_device_seconds_is_printed_with_the_most_trials(coordinator, capsys, monkeypatch) -> None:
    budget = Budget(replicates=1, trials=9, rungs=(50,), device_seconds=1500)
    asked = experiment().model_copy(update={"budget": budget})
    monkeypatch.setattr("hpo.config.space.load_spaces", lambda *_: (Space(asked, Path("tiny.yaml"), "", {}),))
    assert execute(["check", "--space", "tiny"]) == 0
    search = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("search"))
    assert search.split(maxsplit=1)[1].startswith(
        "2 studies of 1,500 charged device-seconds and at most 9 trials"
    )
    assert execute(["run", "--space", "tiny"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "search: at most 18 trials in 2 studies, 2 strategies"
    assert second.startswith("trial 1/~18: linear, ")


def test_another_budget_is_refused_with_the_one_that_there_is(coordinator, capsys) -> None:
    assert execute(["run", "--space", "tiny", "--budget", "large"]) == 2
    assert "'large' is not one of 'small'" in capsys.readouterr().err
    assert coordinator.calls == []


def test_check_without_a_probe_leaves_its_rows_out(coordinator, capsys) -> None:
    assert execute(["check", "--space", "tiny", "--no-probe"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "device        cpu, float32 (the CPU has no bf16)",
        "next: hpo run --space tiny",
    ]


def test_check_names_what_is_unlikely_to_fit(coordinator, capsys) -> None:
    short = [
        SimpleNamespace(parameters={"batch_size": size, "frozen_layers": 0}, trainings=count)
        for size, count in ((64, 12), (32, 1))
    ]
    unknown = {"unfit": short, "seconds": None, "memory": None, "disk": None}
    coordinator.estimate = SimpleNamespace(**{**ESTIMATE.__dict__, **unknown})
    assert execute(["check", "--space", "tiny"]) == 0
    assert capsys.readouterr().out.splitlines()[-6:-1] == [
        "memory           not known on this system",
        "unlikely to fit  batch_size 64, frozen_layers 0 (12 trainings): trained in parts",
        "                 of a batch as far as that helps",
        "unlikely to fit  batch_size 32, frozen_layers 0 (1 training): trained in parts",
        "                 of a batch as far as that helps",
    ]


def test_a_setting_is_told_with_its_range_step_and_condition() -> None:
    ratio = Range(low=0.1, high=0.5, step=0.1, default=0.2, when={"schedule": ("wsd", "cosine")})
    assert _setting(ratio) == "tuned: 0.1 to 0.5, step 0.1; default 0.2; when schedule is wsd or cosine"
    assert _setting(Range(low=1e-5, high=1e-3, log=True, default=5e-5)) == (
        "tuned: 1e-05 to 0.001, log; default 5e-05"
    )
    assert _setting(Choices(choices=((), (128,)), default=())) == "tuned: one of [], [128]; default []"


def test_status_of_a_stopped_run(capsys) -> None:
    write_records(Path("results/tiny"))
    assert execute(["status", "tiny"]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "tiny: 1 of 2 trials, 0 of 2 confirmations",
        "strategy  studies  trials  pruned  best val.  confirmed",
        "linear        1/1     1/1       0      0.741        0/1",
        "cosine        0/1     0/1       0          -        0/1",
        "no process works on it",
        "next: the same `hpo run` command again",
    ]


@pytest.mark.parametrize(("parent", "option"), [("results", ""), ("my runs", " --results 'my runs'")])
def test_status_names_the_command_that_goes_on_with_a_shipped_space(parent, option, capsys) -> None:
    folder = Path(parent) / "lr_schedules"
    write_records(folder, name="lr_schedules")
    shipped = shipped_spaces()["lr_schedules"].read_text()
    (folder / "space.yaml").write_text(shipped)
    assert execute(["status", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"next: hpo run --space lr_schedules{option}\n")
    with FileLock(folder / ".lock"):
        assert execute(["status", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"next: hpo ui --space lr_schedules{option}\n")
    (folder / "space.yaml").write_text(f"{shipped}# mine\n")
    assert execute(["status", str(folder)]) == 0
    assert capsys.readouterr().out.endswith("next: the same `hpo run` command again\n")


def test_status_of_a_finished_run_shows_the_means_on_the_test_split(capsys) -> None:
    write_records(Path("elsewhere"), finished=True)
    assert execute(["status", "elsewhere"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[2] == "linear        1/1     1/1       0      0.741        1/1      0.731"
    assert lines[-1] == "next: hpo report elsewhere"


def test_status_tells_whether_a_process_holds_the_run(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    with FileLock(folder / ".lock"):
        assert execute(["status", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["a process works on it", "next: hpo ui --space tiny"]
    assert execute(["status", "tiny"]) == 0
    assert "no process works on it" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "when"), [([], "after the segments that"), (["--now"], "at once")])
def test_a_run_at_work_is_asked_to_stop_and_its_status_tells(option, when, capsys, monkeypatch) -> None:
    monkeypatch.setattr("hpo.search.stopping.PAUSE", 600.0)  # it hears nothing of it
    folder = Path("results/tiny")
    write_records(folder)
    with FileLock(folder / ".lock"), Requests(folder):
        assert execute(["stop", "tiny", *option]) == 0
        assert capsys.readouterr().out.startswith(f"tiny was asked to stop; it ends {when}")
        assert execute(["status", "tiny"]) == 0
        assert "a process works on it, and was asked to stop\n" in capsys.readouterr().out


def test_a_run_that_nobody_runs_cannot_be_stopped(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    (folder / "at-work").write_text("hpo run is at work\n")  # it was killed
    assert execute(["stop", "tiny"]) == 2
    assert capsys.readouterr().err == (
        "error: no process works on results/tiny: there is nothing to stop\n"
        "hint: See how far it is: `hpo status tiny`.\n"
    )
    assert (folder / "at-work").read_text() == "hpo run is at work\n"


def test_what_is_at_work_and_no_run_takes_no_request(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    with FileLock(folder / ".lock"):  # an audit has it too
        assert execute(["stop", "tiny"]) == 2
    assert "is no `hpo run`, and takes no request to stop\n" in capsys.readouterr().err


def test_status_writes_nothing(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    before = sorted(folder.rglob("*"))
    assert execute(["status", "tiny"]) == 0
    assert sorted(folder.rglob("*")) == before


def test_an_unknown_run_is_named_with_what_there_is(capsys) -> None:
    write_records(Path("results/tiny"))
    assert execute(["status", "tny"]) == 2
    assert capsys.readouterr().err == (
        "error: 'tny' is neither the folder of a run nor the name of one under results/; there are tiny\n"
        "hint: Name one of them, such as `tiny`.\n"
    )


def test_an_unknown_run_where_there_is_none_yet(capsys) -> None:
    assert execute(["report", "tiny"]) == 2
    assert capsys.readouterr().err == (
        "error: 'tiny' is neither the folder of a run nor the name of one under results/, which holds none\n"
        "hint: Start one with `hpo run --space lr_schedules`.\n"
    )


@pytest.mark.parametrize(
    ("named", "experiment"),
    [("tiny", "tiny"), ("results/tiny/", "tiny"), ("spaces/tiny.yaml", "tiny"), ("v1.5", "v1.5")],
)
def test_a_space_file_a_name_and_a_run_name_the_same_experiment(named: str, experiment: str) -> None:
    assert experiment_name(named) == experiment


def test_without_a_name_the_latest_run_is_opened() -> None:
    assert latest_run(Path("results")) is None
    for age, name in enumerate(("new", "old")):
        write_records(Path("results") / name)
        os.utime(Path("results") / name / "records" / "run.json", (1000 - age, 1000 - age))
    assert latest_run(Path("results")) == "new"


@pytest.mark.parametrize(
    ("arguments", "served"),
    [
        ([], ("sqlite:here", "tiny", None, True)),
        (["--space", "other", "--port", "5001", "--no-browser"], ("sqlite:here", "other", 5001, False)),
        (["--tracking-uri", "http://host"], ("http://host", None, None, True)),
    ],
)
def test_ui_serves_the_page_that_is_asked_for(arguments, served, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr("hpo.tracking.uri.default_uri", lambda results: "sqlite:here", raising=False)
    monkeypatch.setattr("hpo.tracking.ui.serve", lambda *call: calls.append(call) or 0)
    write_records(Path("results/tiny"))
    assert execute(["ui", *arguments]) == 0
    assert calls == [served]


def test_assets_lists_kind_size_licence_and_whether_cached(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    assert execute(["assets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "movie             data      2.5 MB  not cached" in lines
    at = lines.index("movie             data      2.5 MB  not cached")
    assert lines[at + 2] == "    licence: MIT (package); the texts are their authors'"
    assert max(map(len, lines)) <= 80


def test_fetch_knows_all_names_before_it_downloads_one(monkeypatch, capsys) -> None:
    fetched = []
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: fetched.append(name))
    assert execute(["fetch", "movie", "moovie"]) == 2
    assert fetched == []
    assert capsys.readouterr().err.endswith("hint: Did you mean `movie`?\n")


def test_fetch_prints_where_each_asset_lies(monkeypatch, capsys) -> None:
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: Path("/cache") / name)
    assert execute(["fetch", "movie", "wordnet"]) == 0
    assert capsys.readouterr().out == "movie: /cache/movie\nwordnet: /cache/wordnet\n"


def test_schema_is_json(capsys) -> None:
    assert execute(["schema"]) == 0
    assert "properties" in json.loads(capsys.readouterr().out)


def test_redact_is_handed_on(coordinator) -> None:
    assert execute(["run", "--space", "tiny"]) == 0
    assert coordinator.redact is False
    assert execute(["run", "--space", "tiny", "--redact"]) == 0
    assert coordinator.redact is True
