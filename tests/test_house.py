"""The rules of the house that a tool can hold: which room may use which, lint, format, types."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS_BELOW = {
    "cli": {"search", "report", "foreign", "tracking", "runtime", "assets", "config", "records"},
    "search": {"report", "stats", "runtime", "tracking", "training", "models", "data", "config", "records"},
    "report": {"stats", "records", "config"},
    "stats": set(),
    "runtime": {"training", "models", "data", "config", "records"},
    "foreign": {"tracking", "records"},
    "tracking": {"config", "records"},
    "training": {"models", "data", "metrics", "records"},
    "models": {"assets", "data", "records"},
    "data": {"assets", "config", "records"},
    "assets": {"config"},
    "config": {"records"},
    "metrics": {"records"},
    "records": set(),
}
FLOOR = {"errors", "json_text", "pulse", "seeds", "__version__"}
ALONE = {"mlflow": {"tracking"}, "optuna": {"search", "foreign"}, "torch": {"training", "models", "runtime"}}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                (f"{node.module}.{a.name}" for a in node.names) if node.module == "hpo" else (node.module,)
            )


def modules() -> list[Path]:
    return sorted((ROOT / "hpo").rglob("*.py"))


@pytest.mark.parametrize("room", sorted(ROOMS_BELOW))
def test_a_room_uses_only_rooms_below_it(room: str) -> None:
    allowed = ROOMS_BELOW[room] | FLOOR | {room}
    for path in (ROOT / "hpo" / room).rglob("*.py"):
        used = {name.split(".")[1] for name in imports(path) if name.startswith("hpo.")}
        assert used <= allowed, f"{path.relative_to(ROOT)} reaches up to {sorted(used - allowed)}"


def test_every_folder_is_a_room_with_a_place() -> None:
    folders = {p.name for p in (ROOT / "hpo").iterdir() if p.is_dir() and not p.name.startswith("__")}
    assert folders - {"search_spaces"} == set(ROOMS_BELOW)


def test_the_order_of_the_rooms_has_no_cycle() -> None:
    done: set[str] = set()
    while len(done) < len(ROOMS_BELOW):
        ready = {room for room, below in ROOMS_BELOW.items() if room not in done and below <= done}
        assert ready, f"a cycle among {sorted(set(ROOMS_BELOW) - done)}"
        done |= ready


@pytest.mark.parametrize("library", sorted(ALONE))
def test_a_heavy_library_is_imported_in_its_room_alone(library: str) -> None:
    for path in modules():
        if any(name.split(".")[0] == library for name in imports(path)):
            assert path.relative_to(ROOT / "hpo").parts[0] in ALONE[library], path


@pytest.mark.parametrize("library", ["pickle", "joblib", "dill", "cloudpickle"])
def test_nothing_is_unpickled(library: str) -> None:
    assert not [p for p in modules() if any(n.split(".")[0] == library for n in imports(p))]


@pytest.mark.parametrize(
    "command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join
)
def test_the_tools_have_no_complaint(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def test_every_test_module_has_a_name_of_its_own() -> None:
    """pytest imports them by it alone."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_the_readme_and_ci_run_the_same_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    command = next(line for line in script.splitlines() if "pytest" in line and not line.startswith("#"))
    assert command in (ROOT / "README.md").read_text()


def test_every_test_that_the_page_on_security_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text(encoding="utf-8")))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 40
    assert sorted(named - there) == []


def test_every_csv_is_written_by_one_that_marks_formulas() -> None:
    writes = re.compile(r"csv\.writer\(|DictWriter\(|\.to_csv\(|\.write_csv\(")
    writers = [path for path in modules() if writes.search(path.read_text(encoding="utf-8"))]
    assert len(writers) >= 3
    assert [path for path in writers if "hpo.records.cells" not in set(imports(path))] == []


def test_nothing_listens_but_the_page() -> None:
    """It binds a port of loopback to find a free one, and starts MLflow's server on it."""
    listens = re.compile(r"\.bind\(|\.listen\(\d*\)|HTTPServer|socketserver|create_server\(|Listener\(")
    found = [
        path.relative_to(ROOT / "hpo").as_posix() for path in modules() if listens.search(path.read_text())
    ]
    assert found == ["tracking/ui.py"]
    assert 'HOST = "127.0.0.1"' in (ROOT / "hpo" / "tracking" / "ui.py").read_text()
