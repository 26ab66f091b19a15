from __future__ import annotations

import io

import pytest
from cli_events import confirmation, experiment, rung, trial, work
from rich.console import Console

from hpo.cli.display import run_view, watching
from hpo.cli.progress import Progress
from hpo.records.events import Observer
from hpo.search.plan import make_plan

TEST_SCORE = 0.9137


def drawn(progress: Progress, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(run_view(progress, width))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def half_way(observer: Observer) -> None:
    """One study of two trials is over, the next has begun."""
    observer.note("3 duplicates were dropped")
    observer.started(work("linear", 0, 0))
    observer.trial(trial("linear", 0, 0, 0.7412))
    observer.started(work("linear", 0, 1))
    observer.trial(trial("linear", 0, 1, None))
    observer.started(work("cosine", 0, 0))
    observer.rung(work("cosine", 0, 0), rung(50, 0.61))


def to_the_end(observer: Observer) -> None:
    half_way(observer)
    for strategy in ("linear", "cosine"):
        for replicate in range(2):
            for draw in range(2):
                if (strategy, replicate) != ("linear", 0):
                    observer.trial(trial(strategy, replicate, draw))
    for strategy in ("linear", "cosine"):
        for replicate in range(2):
            observer.started(work(strategy, replicate, 0, confirmation=True))
            observer.confirmation(confirmation(strategy, replicate, TEST_SCORE))


def told_to(tell, *, terminal: bool = False, quiet: bool = False, **settings) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=terminal, **settings)
    with watching(make_plan(experiment()), console, quiet=quiet) as observer:
        tell(observer)
    return out.getvalue()


def test_the_view_half_way() -> None:
    progress = Progress(make_plan(experiment()), clock=lambda: 0.0)
    half_way(progress)
    assert drawn(progress, 80)[1:] == [
        "training draw 0 of replicate 0: cosine",
        "  50/100 examples, rung 1/2, validation 0.610",
        "strategy  studies  trials  pruned  best val.  confirmed",
        "linear        1/2     2/4       1      0.741        0/2",
        "cosine        0/2     0/4       0          -        0/2",
        "note: 3 duplicates were dropped",
    ]
    assert "2/12 trainings, time left not known yet" in drawn(progress, 80)[0]


def test_failed_trials_get_a_column_when_there_are_any() -> None:
    progress = Progress(make_plan(experiment()))
    progress.trial(trial("cosine", 0, 0, None, state="failed"))
    assert "cosine        0/2     1/4       0       1          -        0/2" in drawn(progress, 80)


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    progress = Progress(make_plan(experiment("frozen_layers=[1, 2, 3, 4, 5, 6]", "linear")))
    half_way(progress)
    lines = drawn(progress, width)
    assert max(map(len, lines)) <= width
    assert any(line.endswith("0/2") for line in lines) or width < 40


def test_a_narrow_terminal_keeps_trials_best_and_confirmed() -> None:
    progress = Progress(make_plan(experiment()))
    half_way(progress)
    assert "strategy  trials  best val.  confirmed" in drawn(progress, 44)


def test_names_of_the_users_file_are_not_read_as_markup_or_control() -> None:
    progress = Progress(make_plan(experiment("[red]linear[/red]", "co\x1b[2Jsine")))
    progress.note("a [bold]note[/bold]\nof two lines")
    lines = drawn(progress, 100)
    assert any(line.startswith("[red]linear[/red]") for line in lines)
    assert any(line.startswith("co [2Jsine") for line in lines)
    assert "note: a [bold]note[/bold] of two lines" in lines


def test_no_test_score_is_shown_before_the_run_is_over() -> None:
    progress = Progress(make_plan(experiment()))
    half_way(progress)
    progress.confirmation(confirmation("linear", 0, TEST_SCORE))
    progress.confirmation(confirmation("linear", 1, TEST_SCORE))
    assert "0.91" not in "\n".join(drawn(progress, 120))


def test_mean_test_scores_are_shown_when_the_run_is_over() -> None:
    progress = Progress(make_plan(experiment()))
    to_the_end(progress)
    lines = drawn(progress, 100)
    assert "12/12 trainings, done" in lines[0]
    assert sum(line.endswith("0.914") for line in lines) == 2


def test_elsewhere_each_ended_training_and_phase_is_a_line() -> None:
    def tell(observer: Observer) -> None:
        half_way(observer)
        observer.started(work("linear", 0, 0, confirmation=True))
        observer.confirmation(confirmation("linear", 0, TEST_SCORE))

    lines = [line.split(";")[0] for line in told_to(tell).splitlines()]
    assert lines == [
        "note: 3 duplicates were dropped",
        "search: 8 trials in 4 studies, 2 strategies",
        "trial 1/8: linear, replicate 0, draw 0: complete, validation accuracy 0.741",
        "trial 2/8: linear, replicate 0, draw 1: pruned after 50 examples (below the better half)",
        "confirmation: 4 trainings with fresh seeds, each scored once on the test split",
        "confirmation 1/4: linear, replicate 0, seed 0: scored",
    ]


def test_plain_lines_hold_no_control_characters_and_no_test_score() -> None:
    text = told_to(to_the_end)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "0.91" not in text
    assert text.endswith("done\n")


def test_work_found_stored_is_one_plain_line() -> None:
    def tell(observer: Observer) -> None:
        for draw in range(2):
            observer.trial(trial("linear", 0, draw))
        observer.confirmation(confirmation("linear", 0, 0.7))

    assert told_to(tell) == "found finished from before: 3 trainings\n"


def test_quiet_shows_nothing_before_the_end() -> None:
    assert told_to(to_the_end, quiet=True) == ""
    assert told_to(to_the_end, quiet=True, terminal=True) == ""


def test_a_terminal_is_left_with_the_whole_table() -> None:
    text = told_to(to_the_end, terminal=True)
    assert "\x1b[" in text
    assert "12/12 trainings, done" in text


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    colour = "\x1b[3"  # SGR of a foreground colour
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert colour in told_to(half_way, terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert colour not in told_to(half_way, terminal=True)
