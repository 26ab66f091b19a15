"""Sentences on where a run was trained, with what, and what was fixed before its first score."""

from __future__ import annotations

from hpo.records.base import NOT_RECORDED
from hpo.records.plan import Kept, kept
from hpo.records.run import AS_SECONDS, Records, Run
from hpo.report import costs
from hpo.report.kit.cite import cite
from hpo.report.kit.tex import breakable, tex
from hpo.report.terms import inferred, without_search
from hpo.report.text import counted, listed, seconds

SOFTWARE = {  # package -> its name, and the key of its reference
    "torch": ("PyTorch", "paszke2019pytorch"),
    "transformers": ("Transformers", "wolf2020transformers"),
    "optuna": ("Optuna", "akiba2019optuna"),
    "mlflow": ("MLflow", "zaharia2018mlflow"),
}


def hardware(records: Records) -> list[str]:
    """Device, workers and number format, and the device time of everything."""
    device = records.run.device
    threads = f" of {counted(device.threads, 'thread')}" if device.threads else ""
    found = ["The hardware is not recorded."]
    if device.name != NOT_RECORDED:
        workers = counted(device.workers, "worker")
        found = [f"Training ran on {tex(device.name)} with {workers}{threads}, in {tex(device.precision)}."]
    items: tuple[costs.Item, ...] = (*records.trials, *records.confirmations)
    charged, spent = costs.charged(items), costs.spent(items)
    if not charged or spent is None:
        return [*found, "Costs are not recorded."]
    whose = "" if without_search(records.run) else ", those of pruned and failed trials too,"
    cost = (
        f"All trainings{whose} cost {seconds(charged)} device-seconds{costs.partly(items)} as if each had run "
        f"alone; with shared work done once, {seconds(spent)} were spent."
        f"{costs.in_money(records.run, charged, spent)}"
    )
    noted = inferred(records.run, AS_SECONDS)
    return [*found, cost, f"What the import noted of them: {tex(noted)}."] if noted else [*found, cost]


def software(run: Run) -> list[str]:
    """Packages with their versions, and the references of those that have one."""
    if not run.versions:
        return ["The versions of the software are not recorded."]
    named = []
    for name, version in sorted(run.versions.items()):
        title, key = SOFTWARE.get(name, (name, ""))
        named.append(f"{tex(title)} {tex(version)}" + (cite(key) if key else ""))
    return [f"The software was {listed(named)}."]


def imported(source: str) -> str:
    """What other software made the records, with its references as far as its name is known."""
    keys = [key for name, (_, key) in SOFTWARE.items() if name in source.lower()]
    return tex(source) + (cite(*keys) if keys else "")


def fixed_beforehand(run: Run) -> str:
    """What was stamped before the first score, and whether the records still have it so."""
    sets = "data, shift sets" if run.shifts else "data"
    what = f"Question, strategies, budget, search, selection, metric, seeds, {sets} and model"
    if run.stamp is None:
        return f"Whether {what[0].lower()}{what[1:]} were fixed before the first score is not recorded."
    found = kept(run)
    rule = "" if found is Kept.WITHOUT_RULE else ", and the rule of the verdict,"
    later = " The rule of the verdict is not in it." if found is Kept.WITHOUT_RULE else ""
    equal = "does not equal" if found is Kept.CHANGED else "equals"
    return (
        f"{what}{rule} were stamped on {tex(run.stamp.began)}, before the first score, by their SHA-256, "
        f"{breakable(run.stamp.plan_sha256)}, which {equal} that of the records now.{later}"
    )
