"""The table of benchmarks/README.md, made from benchmarks/results.json and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import stopping_table, verdict_table
from benchmarks.cases import CASES

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
README = FOLDER / "README.md"
BEGIN, END = "<!-- made by python -m benchmarks -->\n", "<!-- end -->\n"


def read_results(path: Path = RESULTS) -> dict[str, Any]:
    """All that was measured: ``{case: {...}}``."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_results(found: Mapping[str, Any], results: Path = RESULTS, readme: Path = README) -> None:
    """Write the results, and the table into the README between its marks."""
    results.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    readme.write_text(before + BEGIN + table(found) + END + rest.split(END)[1], encoding="utf-8")


def table(found: Mapping[str, Any]) -> str:
    """The table and, below it, what else each case measured; those of simulated runs last."""
    heads = (
        "case",
        "work",
        "to reach",
        "times slower than hpo: median (least to most)",
        "R/U",
        "U / (P x wall)",
    )
    rows = [heads, *(_row(name, found.get(name)) for name in CASES)]
    resources = [
        (
            "case",
            "repeats",
            "machine",
            "engine",
            "MB of the coordinator",
            "MB of each worker",
            "store, bytes a unique step",
        ),
        *(_resources(name, found[name]) for name in CASES if name in found),
    ]
    notes = [line for name in CASES if name in found for line in _figures(name, found[name])]
    verdicts = [""]
    if "verdicts" in found:
        case = found["verdicts"]
        verdicts = ["", _markdown(verdict_table.rows(case)), verdict_table.false_verdicts(case) + "\n"]
    stops = ["", _markdown(stopping_table.rows(found["early_stop"]))] if "early_stop" in found else []
    return "\n".join([_markdown(rows), _markdown(resources), *notes, *verdicts, *stops])


def _row(name: str, case: Mapping[str, Any] | None) -> tuple[str, ...]:
    head = (f"`{name}`", CASES[name].work, CASES[name].target)
    if case is None:
        return (*head, "not measured", "", "")
    ratios = "; ".join(f"{side} {_spread(values)}" for side, values in sorted(case.get("ratios", {}).items()))
    efficiency = _number(median(case["efficiency"])) if "efficiency" in case else ""
    return (*head, ratios, _number(case["reuse"]) if "reuse" in case else "", efficiency)


def _resources(name: str, case: Mapping[str, Any]) -> tuple[str, ...]:
    hpo = case.get("sides", {}).get("H", {})
    workers = ", ".join(f"{value:.0f}" for value in hpo.get("worker_megabytes", []))
    store = case.get("store_bytes_per_unique_step")
    return (
        f"`{name}`",
        str(case["repeats"]),
        case["machine"]["name"],
        str(case["machine"].get("engine", "before 4")),
        f"{hpo['coordinator_megabytes']:.0f}" if hpo else "",
        workers or ("none" if hpo else ""),
        "" if store is None else f"{store:,.0f}",
    )


def _figures(name: str, case: Mapping[str, Any]) -> list[str]:
    figures = case.get("figures", {})
    if not figures:
        return []
    shown = "; ".join(f"{label} {_number(value)}" for label, value in sorted(figures.items()))
    return [f"- `{name}`: {shown}."]


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return _number(values[0])
    return f"{_number(median(values))} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return (
        f"{value:,d}" if isinstance(value, int) else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
    )


def _markdown(rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines) + "\n"
