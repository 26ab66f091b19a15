"""Sentences on how configurations were drawn and stopped, by what the records call it."""

from __future__ import annotations

import re

from hpo.records.run import AS_PRUNED, Records, Run
from hpo.report.kit.cite import cite
from hpo.report.kit.tex import tex
from hpo.report.terms import inferred
from hpo.report.text import counted, listed

# Word in the recorded name -> what it is called; hpo's samplers are Optuna's.
_SAMPLERS = {
    "tpe": "the tree-structured Parzen estimator" + cite("bergstra2011algorithms"),
    "gp": "Bayesian optimisation with a Gaussian process",
    "gaussian process": "Bayesian optimisation with a Gaussian process",
    "random": "random search" + cite("bergstra2012random"),
    "qmc": "quasi-random points",
    "grid": "a grid",
}
_PRUNERS = {
    "successive halving": "successive halving" + cite("jamieson2016nonstochastic"),
    "hyperband": "Hyperband" + cite("li2018hyperband"),
    "median": "the median stopping rule" + cite("golovin2017vizier"),
}
_ASYNCHRONOUS = " in its asynchronous form" + cite("li2020massively")


def sampling(run: Run) -> list[str]:
    """How configurations were drawn, and whether draws look at results."""
    recorded, search = run.search.sampler, run.search
    if recorded is None:
        return ["How configurations were drawn is not recorded."]
    name = _named(_SAMPLERS, recorded)
    by = f" of Optuna{cite('akiba2019optuna')}" if run.source == "hpo" and name else ""
    told = f"{name}{by} (recorded: {tex(recorded)})" if name else f"what the source calls {tex(recorded)}"
    looks = {
        True: ["Draws do not depend on results."],
        False: ["Draws may depend on earlier results, or trials were stopped early."],
        None: ["Whether draws depend on results is not recorded."],
    }[search.independent]
    return [f"Configurations were drawn by {told}.", *looks]


def pruning(records: Records) -> list[str]:
    """How trials were stopped early, where, and among which."""
    run = records.run
    recorded, rungs = run.search.pruner, run.search.rungs
    pruned = sum(t.state == "pruned" for t in records.trials)
    if recorded is None:
        if not pruned:
            return ["Whether trials were stopped early is not recorded."]
        noted = inferred(run, AS_PRUNED)
        how = [f"How the import knew of them: {tex(noted)}."] if noted else []
        told = f"The records hold {counted(pruned, 'trial')} stopped early; by which rule is not recorded."
        return [told, *how]
    if recorded == "none":
        return ["No trial was stopped early."]
    name = _named(_PRUNERS, recorded)
    if run.source == "hpo" and recorded.startswith("successive_halving"):
        name += _ASYNCHRONOUS
    told = f"{name} (recorded: {tex(recorded)})" if name else f"what the source calls {tex(recorded)}"
    at = f", at {listed(f'{rung:,}' for rung in rungs)} {tex(run.resource)}" if rungs else ""
    within = ", among trials of the same search alone" if run.source == "hpo" else ""
    return [f"Trials were stopped early by {told}{at}{within}."]


def _named(names: dict[str, str], recorded: str) -> str:
    """The name of the one method of ``names`` that ``recorded`` mentions as a word; empty where there is none or several."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", recorded).lower()
    found = {title for word, title in names.items() if re.search(rf"\b{word}\b", words)}
    return found.pop() if len(found) == 1 else ""
