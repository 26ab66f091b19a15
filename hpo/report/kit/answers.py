"""What the records hold on each item of a checklist; "not recorded" where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hpo.records.base import NOT_RECORDED
from hpo.records.charges import charged_seconds
from hpo.records.run import AS_SECONDS, Records, Run
from hpo.records.setup import ModelInfo
from hpo.report import costs
from hpo.report.analysis import Analysis
from hpo.report.optimism import mean_drop
from hpo.report.sentences import Verdict
from hpo.report.setup_tables import setup_table, space_table
from hpo.report.sizes import search_budget, sizes_of
from hpo.report.terms import class_of, inferred, single_training, units_of, without_search
from hpo.report.text import Units, counted, listed, p_text, ranged, seconds


def _setup(records: Records) -> dict[str, str]:
    """Value by item of the setup table."""
    return {row[0]: row[1] for row in setup_table(records).rows}


def _facts(facts: Mapping[str, str]) -> str:
    """Facts with their names, each of them "not recorded" where it is; that alone where none is recorded."""
    if all(NOT_RECORDED in fact for fact in facts.values()):
        return NOT_RECORDED
    return "; ".join(f"{name}: {fact}" for name, fact in facts.items())


def question(records: Records, judged: Verdict) -> str:  # noqa: ARG001 one signature for all answers
    """What was asked and compared."""
    return f"{records.run.question} Compared: {listed(records.run.strategies)}."


def creators(records: Records, judged: Verdict) -> str:
    """Sources of data and model, as references.bib cites them."""
    run = records.run
    return _facts(
        {"data": run.split.source, "model": run.model.source, "software": packages(records, judged)}
    )


def licences(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Licences of data and weights."""
    run = records.run
    sets = {shift.name: shift.licence for shift in run.shifts}
    return _facts({"data": run.split.licence, **sets, "model": run.model.licence})


def data(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Source of the data and the hash of its splits, and those of the shift sets."""
    split = records.run.split
    sets = {f"of {shift.name}": f"{shift.source}, SHA-256 {shift.sha256}" for shift in records.run.shifts}
    return _facts({"source": split.source, "SHA-256 of texts, labels and splits": split.sha256, **sets})


def splits(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Sizes of the splits, and groups, and sizes of the shift sets."""
    split = records.run.split
    if not split.test:
        return NOT_RECORDED
    sizes = f"{split.train:,} training, {split.validation:,} validation, {split.test:,} test texts"
    if split.groups is not None:
        sizes += f" in {counted(len(set(split.groups)), 'group')}"
    return "; ".join(
        [sizes, *(f"{counted(shift.size, 'text')} of {shift.name}" for shift in records.run.shifts)]
    )


def examples(records: Records, judged: Verdict) -> str:
    """Number of examples; how labels are distributed is not in the records."""
    split = records.run.split
    classes = (
        counted(len(split.labels), *class_of(records.run.kind))
        if split.labels
        else f"classes: {NOT_RECORDED}"
    )
    return f"{splits(records, judged)}; {classes}; label distribution: {NOT_RECORDED}"


def excluded(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Duplicates, and where texts are cut."""
    run = records.run
    if not run.split.test:
        return NOT_RECORDED
    cut = f"texts cut at {run.max_length:,} tokens" if run.max_length is not None else f"cut: {NOT_RECORDED}"
    if run.split.texts_cut is not None:
        most = "at most " if run.models else ""
        cut += f" ({most}{run.split.texts_cut:,} have more)"
    return f"{counted(run.split.duplicates_dropped, 'duplicate')} dropped before splitting; {cut}"


def model_size(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Parameters of the body, or of each that is compared."""
    run = records.run
    if run.models:
        return "; ".join(f"{name}: {_body_size(model)}" for name, model in run.models.items())
    return _body_size(run.model)


def _body_size(model: ModelInfo) -> str:
    if not model.parameters:
        return NOT_RECORDED
    return f"{model.parameters:,} in the pretrained body, {model.layers} layers of {model.hidden_size:,}"


def budget(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Device time of all trials and confirmations."""
    items: tuple[costs.Item, ...] = (*records.trials, *records.confirmations)
    charged, spent = costs.charged(items), costs.spent(items)
    if not charged or spent is None:
        return NOT_RECORDED
    lost = [t for t in records.trials if t.state != "complete"]
    audit = sum(audited.seconds for audited in records.audited)
    more = f"; the audit of pruning: {seconds(audit)}" if records.audited else ""
    on_lost = f"{seconds(sum(map(charged_seconds, lost)))} on {counted(len(lost), 'pruned or failed trial')}"
    noted = inferred(records.run, AS_SECONDS)
    more += f"; {noted}" if noted else ""
    return (
        f"{seconds(charged)} device-seconds{costs.partly(items)} as if each training had run alone, of which {on_lost}; "
        f"{seconds(spent)} spent, shared work once{more}"
    )


def runtime(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Mean device time of a complete trial and of a confirmation."""
    complete = [t for t in records.trials if t.state == "complete"]
    if without_search(records.run):
        return _facts({"trainings": _mean_time(records.confirmations)})
    return _facts(
        {"complete trials": _mean_time(complete), "confirmations": _mean_time(records.confirmations)}
    )


def _mean_time(items: Iterable[costs.Item]) -> str:
    known = [charged_seconds(item) for item in items if costs.is_recorded(item)]
    return (
        f"{seconds(sum(known) / len(known))} device-seconds, mean of {len(known):,}"
        if known
        else NOT_RECORDED
    )


def infrastructure(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Device and number format."""
    return _facts({"device": _setup(records)["Device"], "precision": records.run.device.precision})


def bounds(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Values of each searched parameter."""
    columns = ("Parameter", "Values", "Scale", "Condition")
    table = space_table(records)
    if not table.rows:
        return NOT_RECORDED
    picked = [table.columns.index(column) for column in columns]
    searched = [p.name for p in records.run.space if p.kind in {"choices", "range"}]
    rows = [[row[i] for i in picked] for row in table.rows if row[0] in searched]
    told = (
        f"{name}: {values} ({scale}{'' if when == '-' else ', where ' + when})"
        for name, values, scale, when in rows
    )
    unknown = [p.name for p in records.run.space if p.observed]
    more = [f"range of {listed(unknown)}: {NOT_RECORDED}"] if unknown else []
    return "; ".join([*told, *more]) or "0 parameters were searched"


def search(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Budget, sampler, pruner and rule of selection."""
    found, run = records.run.search, records.run
    if without_search(run):
        return NOT_RECORDED
    sizes = sizes_of(records)
    searches = ranged(sizes.replicates, "search", "searches")
    budgets = f"{searches} a strategy of {search_budget(run, sizes)}"
    return _facts(
        {
            "budget": budgets if records.trials else NOT_RECORDED,
            "sampler": found.sampler or NOT_RECORDED,
            "pruner": found.pruner or NOT_RECORDED,
            "selected": found.selection or NOT_RECORDED,
        }
    )


def selected(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Where the selected configurations stand, and of how many searches."""
    searches = {(c.strategy, c.replicate) for c in records.confirmations if c.role == "strategy"}
    if not searches or not any(c.parameters for c in records.confirmations):
        return NOT_RECORDED
    what = "configuration" if without_search(records.run) else "selected configuration"
    return f"{counted(len(searches), what)}: table selected, its parameters in data/parameters.csv"


def runs(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Trainings and evaluations, by how they ended."""
    if without_search(records.run):
        return f"{counted(len(records.confirmations), 'training')}, each with its test score recorded once"
    trials = records.trials
    states = ", ".join(f"{sum(t.state == s for t in trials):,} {s}" for s in ("complete", "pruned", "failed"))
    again = sum(t.duplicate_of is not None for t in trials)
    shared = f", {again:,} of them sharing an earlier one's training" if again else ""
    items: tuple[costs.Item, ...] = (*trials, *records.confirmations)
    rungs = sum(len(item.rungs) for item in items)
    evaluations = counted(rungs, "evaluation") if rungs else f"evaluations: {NOT_RECORDED},"
    audited = (
        f"; {counted(len(records.audited), 'pruned trial')} finished by the audit" if records.audited else ""
    )
    return (
        f"{counted(len(trials), 'trial')} ({states}){shared}; {counted(len(records.confirmations), 'confirmation')}; "
        f"{evaluations} on validation{audited}"
    )


def validation(records: Records, judged: Verdict) -> str:
    """Validation at selection beside each test score."""
    rows = [c for c in records.confirmations if c.role == "strategy"]
    known = sum(c.selected_score is not None for c in rows)
    if not known:
        return NOT_RECORDED
    units = Units(records.run.metric)
    drops = {s.name: mean_drop(records, s.name) for s in judged.analysis.standings}
    told = ", ".join(
        f"{name} {units.difference(drop)}{units.difference_unit}"
        for name, drop in drops.items()
        if drop is not None
    )
    return f"for {known:,} of {counted(len(rows), 'test score')} (table selected); mean drop from validation to test: {told}"


def metric(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """The metric and its direction."""
    return _setup(records)["Metric"]


def statistics(records: Records, judged: Verdict) -> str:
    """What is reported and what intervals are over."""
    analysis = judged.analysis
    if not analysis.standings:
        return NOT_RECORDED
    return f"{_intervals(records, analysis)}; {_behind(analysis)}"


def _intervals(records: Records, analysis: Analysis) -> str:
    """What is reported with what interval."""
    items = any(c.item_scores is not None for c in records.confirmations)
    if single_training(records.run):
        if not items:
            return "single scores without an interval, since scores of single test items are not recorded"
        return "scores with 95 % intervals over test items alone, which speak of these trained models only"
    sizes = sorted({(s.estimate.units, s.seeds) for s in analysis.standings})
    over = listed(_size(records.run, n, seeds) for n, seeds in sizes)
    how = "by Student's t"
    if items:
        how = "with test items, crossed variance with Satterthwaite's degrees of freedom"
    return f"means with 95 % intervals over {over} {how}"


def _size(run: Run, units: int, seeds: int) -> str:
    """What a mean is over: ``5 searches of 1 seed``."""
    told = counted(units, *units_of(run))
    if without_search(run):
        return f"{told} of {counted(seeds, 'training')}" if seeds > 1 else told
    return f"{told} of {counted(seeds, 'seed')}" if run.replicates > 1 else f"{told} of one search"


def _behind(analysis: Analysis) -> str:
    """How many trainings a reported score is of: whether it is a single run."""
    sizes = sorted({s.estimate.units * s.seeds for s in analysis.standings})
    if sizes[-1] == 1:
        return "each score reported is that of a single run"
    most = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    single = "; 1 is a single run" if sizes[0] == 1 else ""
    return f"each is the mean of {most} test scores, not their maximum{single}"


def significance(records: Records, judged: Verdict) -> str:
    """The tests made, their correction, and the least p."""
    made = judged.analysis.comparisons
    if judged.state == "unfinished" or not made:
        return "0 comparisons were tested"
    family = (
        "all pairs" if judged.analysis.family == "pairs" else f"with the reference {records.run.reference}"
    )
    told = f"{counted(len(made), 'comparison')} ({family})"
    tested = [c.holm_p for c in made if c.enough]
    if not tested:
        return f"{told}, with too few units, or none that differ, for any test: no p is reported"
    return f"{told}, two-sided, Holm's correction; least corrected p {p_text(min(tested))}"


def packages(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Versions of the software."""
    return _setup(records)["Versions"]


def code(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Commit, command and versions."""
    facts = _setup(records)
    return _facts(
        {"commit": facts["Source code"], "command": facts["Command"], "software": facts["Versions"]}
    )


def access(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Sources of data, model and code."""
    run, facts = records.run, _setup(records)
    return _facts(
        {
            "data": run.split.source,
            "model": run.model.source,
            "commit": facts["Source code"],
            "command": facts["Command"],
        }
    )


def reproducibility(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Seeds, hashes of data and weights, and what was fixed beforehand."""
    run = records.run
    return _facts(
        {
            "seed": NOT_RECORDED if run.seed is None else str(run.seed),
            "SHA-256 of data and splits": run.split.sha256,
            "of weights": run.model.sha256,
            "of what was fixed beforehand": NOT_RECORDED if run.stamp is None else run.stamp.plan_sha256,
        }
    )
