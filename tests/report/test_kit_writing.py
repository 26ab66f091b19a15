import hashlib
import json
import re
from pathlib import Path

import pytest
from foreign_records import foreign
from nasty_records import nasty_records
from synthetic_records import make_records

from hpo.records.plan import earlier_digest, plan_digest
from hpo.records.run import Records, Stamp
from hpo.records.verdict_rule import verdict_rule
from hpo.report.figure import Figure
from hpo.report.kit.manifest import records_digest
from hpo.report.kit.writing import write_kit
from hpo.report.sections import build_sections
from hpo.report.sentences import verdict
from hpo.report.table import Table


def write(folder: Path, records: Records, *, latex: bool = False) -> tuple[Path, ...]:
    judged = verdict(records)
    other = folder / "tables" / "main.csv"
    other.parent.mkdir(parents=True)
    other.write_text("a,b\n")
    return write_kit(folder, records, judged, build_sections(records, judged), (other,), latex=latex)


def stamped(records: Records, plan: str) -> Records:
    stamp = Stamp(began="2026-01-02T03:04:05+00:00", command="hpo run x.yaml", git="abc", plan_sha256=plan)
    return records.model_copy(update={"run": records.run.model_copy(update={"stamp": stamp})})


@pytest.fixture(scope="module")
def own():
    return make_records(trials=4)


@pytest.fixture(scope="module")
def kit(own, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    return folder, write(folder, own, latex=True)


def test_the_kit_is_methods_references_checklist_manifest_and_on_demand_an_example(kit, own, tmp_path):
    names = ["methods.tex", "references.bib", "checklist.md", "example.tex", "manifest.json"]
    assert [path.name for path in kit[1]] == names
    assert [path.name for path in write(tmp_path, own)] == [n for n in names if n != "example.tex"]
    assert all(path.is_file() for path in kit[1])


def test_the_manifest_has_the_hash_of_every_file_but_its_own(kit):
    folder, written = kit
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(files) == {"tables/main.csv", *(p.name for p in written if p.name != "manifest.json")}
    for name, digest in files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_manifest_is_the_same_in_any_folder_and_holds_none(kit, own, tmp_path):
    write(tmp_path / "elsewhere", own, latex=True)
    text = (tmp_path / "elsewhere" / "manifest.json").read_text()
    assert text == (kit[0] / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text


def test_the_digest_of_records_is_that_of_their_lines(own):
    lines = [own.run, *own.trials, *own.confirmations]
    whole = "".join(line.model_dump_json() + "\n" for line in lines)
    assert records_digest(own) == hashlib.sha256(whole.encode()).hexdigest()
    changed = own.confirmations[0].model_copy(update={"test_score": 0.5})
    other = own.model_copy(update={"confirmations": (changed, *own.confirmations[1:])})
    assert records_digest(other) != records_digest(own)


def test_the_manifest_says_whether_the_plan_is_as_it_was_stamped(own, tmp_path):
    found = {}
    plans = {"kept": plan_digest(own.run), "earlier": earlier_digest(own.run), "changed": "0" * 64}
    for name, plan in plans.items():
        write(tmp_path / name, stamped(own, plan))
        found[name] = json.loads((tmp_path / name / "manifest.json").read_text())
    assert found["kept"]["plan"] == {
        "stamped": plan_digest(own.run),
        "now": plan_digest(own.run),
        "equal": True,
        "rule_stamped": True,
        "rule": verdict_rule(),
    }
    changed, earlier = found["changed"]["plan"], found["earlier"]["plan"]
    assert (changed["now"], changed["equal"], changed["rule_stamped"]) == (plan_digest(own.run), False, None)
    assert (earlier["now"], earlier["equal"], earlier["rule_stamped"]) == (earlier["stamped"], True, False)
    assert found["kept"]["stamp"] == {
        "began": "2026-01-02T03:04:05+00:00",
        "command": "hpo run x.yaml",
        "git": "abc",
    }


def test_the_manifest_of_an_unstamped_run_knows_nothing_of_its_plan(kit):
    manifest = json.loads((kit[0] / "manifest.json").read_text())
    assert manifest["stamp"] is None
    assert manifest["plan"]["equal"] is manifest["plan"]["rule_stamped"] is None
    assert manifest["versions"]["torch"] == "2.13.0"


def test_the_manifest_lists_fresh_seeds_and_how_many_are_shared_with_trials(own, tmp_path):
    shared = own.trials[0].model_copy(update={"seed": own.confirmations[0].seed})
    write(tmp_path, own.model_copy(update={"trials": (shared, *own.trials[1:])}))
    seeds = json.loads((tmp_path / "manifest.json").read_text())["seeds"]
    assert seeds["confirmations"] == sorted({c.seed for c in own.confirmations})
    assert seeds["shared"] == 1
    assert seeds["run"] == 0


def test_the_manifest_of_another_tools_run_holds_no_seed(own, tmp_path):
    write(tmp_path, foreign(own))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["seeds"] == {"run": None, "trials": 0, "confirmations": [], "shared": 0}
    assert manifest["run"]["source"] == "Optuna"


def test_the_example_takes_every_table_every_figure_for_print_and_the_methods(kit, own):
    text = (kit[0] / "example.tex").read_text()
    sections = build_sections(own, verdict(own))
    for part in (part for section in sections for part in section.parts):
        if isinstance(part, Table):
            assert rf"\input{{tables/{part.name}}}" in text
        elif isinstance(part, Figure):
            assert (f"{{figures/{part.name}-3.25in.pdf}}" in text) == part.paper, part.name
    assert "\\input{methods}" in text
    assert "\\bibliography{references}" in text
    assert "\\documentclass[10pt]{article}" in text


def test_the_example_holds_no_date_of_its_making(kit):
    assert "\\date{}" in (kit[0] / "example.tex").read_text()
    assert "\\today" not in (kit[0] / "example.tex").read_text()


def test_names_stay_text_in_the_example(tmp_path):
    write(tmp_path, nasty_records(), latex=True)
    text = (tmp_path / "example.tex").read_text()
    assert re.findall(r"\\end\{document\}", text) == [r"\end{document}"]
    assert "/etc/passwd}" not in text.replace(r"\textbraceright{}", "")
