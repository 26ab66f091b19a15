from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from hpo import __version__
from hpo.cli.main import app, execute
from hpo.errors import UserError

COMMANDS = (
    "run",
    "check",
    "augment",
    "status",
    "stop",
    "retry",
    "report",
    "compare",
    "verify",
    "audit",
    "export",
    "predict",
    "import",
    "export-records",
    "ui",
    "cluster",
    "clean",
    "assets",
    "fetch",
    "schema",
)
SLOW = ("torch", "mlflow", "optuna", "transformers", "datasets", "pandas")


def test_every_command_is_known_to_these_tests() -> None:
    assert tuple(typer.main.get_command(app).commands) == COMMANDS  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_ends_with_an_example(command: str, capsys: pytest.CaptureFixture) -> None:
    assert execute([command, "--help"]) == 0
    text = capsys.readouterr().out
    example = text[text.index("Example:") :].splitlines()
    assert example[2].strip().startswith(f"$ hpo {command}")
    assert len([line for line in example if line.strip()]) >= 3  # the command, and what it prints
    assert "╮" not in "\n".join(example)


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture) -> None:
    assert execute([]) == 0
    text = capsys.readouterr().out
    assert "Usage: hpo [OPTIONS] COMMAND [ARGS]..." in text
    assert "$ hpo run --space lr_schedules" in text


def test_the_version(capsys: pytest.CaptureFixture) -> None:
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out == f"hpo {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["run"], "Missing option '--space'.", "Run `hpo run --help` for what it takes and an example."),
        (
            ["rn"],
            "No such command 'rn'. Did you mean 'run'?",
            "Run `hpo --help` for what it takes and an example.",
        ),
        (["status"], "Missing argument 'RUN'.", "Run `hpo status --help` for what it takes and an example."),
        (
            ["run", "--spcae", "x"],
            "No such option: --spcae (Possible options: --space, --storage)",
            "Run `hpo run --help` for what it takes and an example.",
        ),
        (
            ["run", "--space"],
            "Option '--space' requires an argument.",
            "Run `hpo run --help` for what it takes and an example.",
        ),
    ],
)
def test_a_usage_error_says_what_to_do_next(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture
) -> None:
    assert execute(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {message}\nhint: {hint}\n"


@pytest.mark.parametrize(
    ("command", "option"), [(["ui"], "--port"), (["run", "--space", "lr_schedules"], "--workers")]
)
def test_a_value_out_of_range_names_its_option(
    command: list[str], option: str, capsys: pytest.CaptureFixture
) -> None:
    assert execute([*command, option, "0"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"error: Invalid value for '{option}': ")
    assert lines[1:] == [f"hint: Run `hpo {command[0]} --help` for what it takes and an example."]


def test_a_limit_that_is_no_size_is_told(capsys: pytest.CaptureFixture) -> None:
    assert execute(["run", "--space", "lr_schedules", "--store-limit", "2G"]) == 2
    assert capsys.readouterr().err == (
        "error: Invalid value for '--store-limit': '2G' is not a size such as 2GB, 500 MB or 1.5 GiB, "
        "or a whole number of bytes.\n"
        "hint: Run `hpo run --help` for what it takes and an example.\n"
    )


def test_a_user_error_ends_with_its_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def load_spaces(*_: object) -> None:
        raise UserError("a.yaml:3:1: unknown key 'sede'; allowed: seed", "Correct the file.")

    monkeypatch.setattr("hpo.config.space.load_spaces", load_spaces)
    assert execute(["run", "--space", "a.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: a.yaml:3:1: unknown key 'sede'; allowed: seed\nhint: Correct the file.\n"


def test_results_that_are_a_file_are_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "file"
    file.touch()
    assert execute(["run", "--space", "lr_schedules", "--results", str(file)]) == 2
    assert capsys.readouterr().err == (
        f"error: Invalid value for '--results': dir '{file}' is a file.\n"
        "hint: Run `hpo run --help` for what it takes and an example.\n"
    )


def test_a_cache_that_is_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("HPO_CACHE", str(file))
    assert execute(["fetch", "movie"]) == 2
    assert capsys.readouterr().err == (
        f"error: {file / 'assets'}: Not a directory\n"
        "hint: Name a place that this user may write, or mend what stands there; then try again.\n"
    )


@pytest.mark.parametrize(
    ("refused", "message", "hint"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "results/a/x.tmp"),
            "results/a/x.tmp: No space left on device",
            "Free some space; then give the same command again.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "results/a"),
            "results/a: Permission denied",
            "Name a place that this user may write, or mend what stands there; then try again.",
        ),
        (
            OSError("no name\nmore"),
            "no name",
            "Name a place that this user may write, or mend what stands there; then try again.",
        ),
    ],
)
def test_what_the_system_refuses_is_one_line_with_path_and_reason(
    refused: OSError, message: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def load_spaces(*_: object) -> None:
        raise refused

    monkeypatch.setattr("hpo.config.space.load_spaces", load_spaces)
    assert execute(["run", "--space", "a.yaml"]) == 2
    assert capsys.readouterr().err == f"error: {message}\nhint: {hint}\n"


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.config.space.load_spaces", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        execute(["run", "--space", "a.yaml"])


def test_ctrl_c_in_any_command_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def load_spaces(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hpo.config.space.load_spaces", load_spaces)
    assert execute(["check", "--space", "a.yaml"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_in_one_line_that_it_goes_on(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("hpo.config.space.load_spaces", lambda *_: os.kill(os.getpid(), number))
    assert execute(["run", "--space", "a.yaml"]) == code
    assert capsys.readouterr().err == "interrupted: the same command goes on where it stopped\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_help_imports_nothing_slow() -> None:
    code = f"""
import sys
from hpo.cli.main import execute
assert execute(["--help"]) == 0
assert execute(["run", "--help"]) == 0
print("imported:", sorted(set(sys.modules) & set({SLOW})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported: []"


def test_the_console_script_exits_with_the_code_of_the_command() -> None:
    code = "from hpo.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "rn"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "hint: Run `hpo --help` for what it takes and an example."


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["schema"]) == 0
    assert "properties" in json.loads(capsys.readouterr().out)
