"""What comes from elsewhere in names, messages and folders does nothing but be named."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.cli.main import execute
from hpo.cli.runs import find_run
from hpo.errors import UserError

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
TITLE = "\x1b]0;owned\x07\x1b[2J"  # sets a terminal's title and clears its screen


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    shutil.copytree(EXAMPLE / "records", folder / "records")
    return folder


@pytest.mark.parametrize("name", ["report.html.tmp", "tables", "records/trials/more"])
def test_a_link_in_a_runs_folder_is_refused_before_anything_is_written_through_it(
    run: Path, tmp_path: Path, name: str
) -> None:
    aim = tmp_path / "elsewhere"
    aim.mkdir()
    (run / name).symlink_to(aim)
    with pytest.raises(UserError) as caught:
        find_run(str(run))
    assert (
        caught.value.message == f"{run / name} is a symbolic link, and what a run writes stays in its folder"
    )
    assert list(aim.iterdir()) == []


def test_a_runs_folder_may_itself_be_a_link(run: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run)
    assert find_run(str(tmp_path / "link")) == tmp_path / "link"


def test_what_steers_a_terminal_is_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / f"a{TITLE}"
    folder.mkdir()
    (folder / "x.csv").write_text("strategy\n")
    assert execute(["import", str(folder / "x.csv")]) == 2
    said = capsys.readouterr()
    assert "owned" in said.err
    assert [c for c in said.err + said.out if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize(
    "name", ["..", ".", ".store", "a/b", "a\\b", "a\0b", "a\nb", "", "x" * 300, "C:x", "\udcff"]
)
def test_an_import_takes_no_name_that_leads_out_of_the_results(tmp_path: Path, name: str) -> None:
    source = tmp_path / "x.csv"
    source.write_text("strategy,seed,val_accuracy\na,0,0.5\nb,0,0.6\n")
    results = tmp_path / "deep" / "results"
    assert execute(["import", str(source), "--name", name, "--results", str(results)]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"x.csv"}


@pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")
def test_the_command_writes_for_its_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("strategy,seed,val_accuracy\na,0,0.5\nb,0,0.6\n")
    program = "import os; os.umask(0); from hpo.cli.main import main; main()"
    command = [sys.executable, "-c", program, "import", "x.csv", "--results", "r"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    written = list((tmp_path / "r").rglob("*"))
    assert written
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in written} == {0}
