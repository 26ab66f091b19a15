from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_events import experiment
from cli_search import ESTIMATE

from hpo.cli.main import execute
from hpo.cli.plan_rows import _setting
from hpo.config.experiment import Budget, Choices, Range
from hpo.config.space import Space
from hpo.records.search import Earlier, WarmStart

pytestmark = pytest.mark.usefixtures("own_folder")


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


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            (("before", (3, 3), (1, 1)), ("runs/older", (0, 1), (0, 0))),
            [
                "begins with   before: 3 observations and 1 first draw of each search",
                "begins with   runs/older: 0 to 1 observation and 0 first draws of each search",
            ],
        ),
        (
            (),  # the run was begun before
            [
                "begins with   as it was begun, before, older: 3 to 4 observations and 1 first draw of each search"
            ],
        ),
    ],
)
def test_what_each_earlier_run_gives_is_a_line(given, told, coordinator, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    earlier = tuple(Earlier(name=name, trials=9, confirmations=0, sha256="-") for name in ("before", "older"))
    left_out = {"other weights": 1200, "a value that is not searched here": 2}
    warm = WarmStart(
        earlier=earlier, first_draws=1, observations=(4, 3), left_out=left_out, replicates=2, sha256="-"
    )
    gave = [SimpleNamespace(name=name, observations=seen, first_draws=drawn) for name, seen, drawn in given]
    coordinator.taken = SimpleNamespace(told=warm, given=gave)
    assert execute(["check", "--space", "tiny", "--results", "my runs", "--no-probe"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(told[0])
    assert lines[at : at + len(told) + 1] == [
        *told,
        "left out      1,200 with other weights; 2 with a value that is not searched here",
    ]
    assert lines[-1] == "next: hpo run --space tiny --results 'my runs'"
    assert coordinator.calls == [("tiny", Path("my runs"), None)]


def test_a_setting_is_told_with_its_range_step_and_condition() -> None:
    ratio = Range(low=0.1, high=0.5, step=0.1, default=0.2, when={"schedule": ("wsd", "cosine")})
    assert _setting(ratio) == "tuned: 0.1 to 0.5, step 0.1; default 0.2; when schedule is wsd or cosine"
    assert _setting(Range(low=1e-5, high=1e-3, log=True, default=5e-5)) == (
        "tuned: 1e-05 to 0.001, log; default 5e-05"
    )
    assert _setting(Choices(choices=((), (128,)), default=())) == "tuned: one of [], [128]; default []"
