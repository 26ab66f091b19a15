"""Markdown descriptions that tell a newcomer to the MLflow page what he is looking at."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import NamedTuple

from hpo.records.run import Run
from hpo.tracking.progress import CHARGED, MONEY, Names
from hpo.tracking.uri import VIEW

LONGEST = 3000  # characters of a text that a user wrote


class Found(NamedTuple):
    """What a finished run found: the ``verdict`` in plain sentences, and its main table in Markdown."""

    verdict: str
    main_table: str


def experiment_tags(run: Run, run_id: str) -> dict[str, str]:
    """Tags of the experiment: its description, the kind of its page, and what the link to it shows.

    Shown is the run opened last, oldest first: MLflow nests rows only by their start, and loads a hundred at a time.
    """
    searched = [p.name for p in run.space if p.kind in {"choices", "range"}]
    names = Names(run.metric)
    columns = [f"metrics.`{name}`" for name in (names.test, names.best_so_far, names.best, CHARGED)]
    columns += [] if run.price_per_hour is None else [f"metrics.`{MONEY}`"]
    columns += [f"params.`{name}`" for name in searched]
    view = {
        "searchFilter": f"tags.`hpo.run` = '{run_id}'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": True,
        "selectedColumns": columns,
    }
    return {
        "mlflow.note.content": experiment(run),
        "mlflow.experimentKind": "custom_model_development",
        VIEW: json.dumps(view),
    }


def experiment(run: Run, found: Found | None = None) -> str:
    """Description of the experiment's page, with what was ``found`` first."""
    names = Names(run.metric)
    first = "" if found is None else f"### Verdict\n\n{_safe(found.verdict)}\n\n{found.main_table}"
    return f"""{first}{_question(run)}
{_what(run)}

{_ends(run)}
**How the runs nest** (`+` at the left of a row opens it; `Load more` at the end shows what came after the first hundred)

- `comparison`: the verdict, and under Artifacts the report, its tables and the space file. Start here.
- one run per strategy: {_names(run.strategies)}. Read `{names.test}` for the result and \
`{names.best_so_far}` for the search.
    - study `r0` ... `r{run.replicates - 1}`: one independent search (replicate) of that strategy.
        - trial `d0` ...: one configuration, trained once. Pruned trials read KILLED, failed ones FAILED.
        - confirmation `s0` ...: the study's best configuration, trained again with a fresh seed, scored on the test split.
{_baseline_row(run)}
**Columns**: `{names.test}` is what the verdict rests on; `{names.best}` chose the configuration and is \
optimistic; `{CHARGED}` is device time{_price(run)}.

**Charts** (second icon above the table) draw visible rows only: the strategies at first; open rows to see more. \
The step of `validation/...` and `train/loss` is the number of examples seen, of `{names.best_so_far}` the number \
of ended trials per search.
"""


def strategy(run: Run, name: str) -> str:
    """Description of a strategy's run."""
    names = Names(run.metric)
    return f"""{_question(run)}
This run is the strategy {_code(name)}: searched {run.replicates} times independently (runs below: one study per \
replicate), {_budget(run, name)} a search; the best configuration of each search is confirmed with {run.seeds} fresh \
seed(s) on {run.split.test} test items.

- `{names.test}`: mean over the confirmations, shown once all have ended.
- `{names.best_so_far}`: best validation {run.metric.name} after n trials, mean over the searches; step n.
- `{CHARGED}`: device-seconds that this strategy would have cost alone{_price(run)}.
"""


def baseline(run: Run) -> str:
    """Description of the baseline's run."""
    return f"""{_question(run)}
This run is the baseline: a fixed recipe that nothing was searched for, trained on the same fresh seeds as the \
strategies' selected configurations and scored on the same {run.split.test} test items.
"""


def comparison(run: Run, found: Found | None, notes: Sequence[str] = ()) -> str:
    """Description of the run that holds what was ``found`` (None: not yet) and the ``notes`` of the coordinator."""
    told = "Not known yet: the run has not finished."
    if found is not None:
        told = f"{_safe(found.verdict)}\n\n{found.main_table}"
    sizes = f"{run.split.train} training, {run.split.validation} validation, {run.split.test} test texts"
    listed = "".join(f"- {_line(note)}\n" for note in notes)
    return f"""### Verdict

{told}
{_question(run)}
{_what(run)}

{_ends(run)}- Data: {_line(run.split.source)}: {sizes}.
{_shifts(run)}- Model: {_line(run.model.source)}. Device: {_line(run.device.name)}, {run.device.precision}.
{listed}
The full report is `report.html` under Artifacts; `tables/` holds its tables for a paper, and `figures/` its figures \
once `hpo report` has drawn them.
"""


def _question(run: Run) -> str:
    return f"\n### {_line(run.question)}\n"


def _what(run: Run) -> str:
    metric = run.metric.name
    form = "" if run.form is None else f", in the {run.form} form of the space"
    return (
        f"`hpo` compared {len(run.strategies)} strategies by {metric}{form}: each was searched {run.replicates} times"
        f" with an equal budget of {_budget(run)}, and each search's best configuration was trained again with"
        f" {run.seeds} fresh seed(s) and scored on data that the search never saw."
    )


def _budget(run: Run, strategy: str = "") -> str:
    """Of a search."""
    stop = run.early_stop
    if stop is not None and strategy in stop.strategies:
        return f"{stop.after} trials (then it stopped: it could no longer change the comparison)"
    if not run.limit.by_cost:
        at_most = "at most " if run.may_end_early and run.closed is None else ""
        return f"{at_most}{run.limit.trials} trials"
    return f"{run.limit.costs()} (at most {run.limit.trials} trials)"


def _price(run: Run) -> str:
    return (
        "" if run.price_per_hour is None else f", `{MONEY}` the same at {run.price_per_hour:g} a device-hour"
    )


def _ends(run: Run) -> str:
    """What ends searches beside the number of their trials, and what they began with: a list."""
    asked = run.experiment.get("budget", {})
    found = []
    if run.money is not None:
        found.append(f"Each search may be charged {run.money:g} in money, which pays for its device-seconds.")
    if run.total is not None:
        money = (asked.get("total") or {}).get("money")
        paid = "" if money is None else f" ({money:g} in money)"
        found.append(f"All searches together may spend {run.total.in_all()}{paid}, shared work once.")
    if run.closed is not None:
        found.append(f"That ended them after {run.closed.rounds} draws each: {_line(run.closed.reason)}.")
    if asked.get("stop_decided"):
        found.append(f"A strategy stops that can no longer change the comparison{_stopped(run)}.")
    if run.warm_start is not None:
        names = _names(tuple(earlier.name for earlier in run.warm_start.earlier))
        counts = run.warm_start.observations
        observed = (
            "no" if not any(counts) else " to ".join(str(n) for n in sorted({min(counts), max(counts)}))
        )
        found.append(
            f"Each search began with what {names} had found: {observed} observations and"
            f" {run.warm_start.first_draws} first draw(s). None of these is a result of this run."
        )
    return "".join(f"- {text}\n" for text in found)


def _stopped(run: Run) -> str:
    stop = run.early_stop
    if stop is None:
        return ""
    who = f"{_names(stop.strategies)} did" if stop.strategies else "none did"
    return f": after {stop.after} draws of each search {who}"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"{_code(name)}" for name in names)


def _baseline_row(run: Run) -> str:
    return (
        "" if run.baseline is None else f"- {_code(run.baseline)}: a fixed recipe beside them, for scale.\n"
    )


def _shifts(run: Run) -> str:
    if not run.shifts:
        return ""
    named = ", ".join(f"{_line(shift.name)} ({shift.size} texts)" for shift in run.shifts)
    return f"- Confirmations were scored on further sets, too (`test_shift/...`): {named}.\n"


def _code(name: str) -> str:
    return f"`{' '.join(name.split()).replace('`', chr(39))}`"


def _line(text: str) -> str:
    return " ".join(_safe(text).split())


def _safe(text: str) -> str:
    """A user's text without the marks of HTML and Markdown."""
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return "".join(f"\\{c}" if c in "\\`*_[]#|~" else c for c in html.escape(short, quote=False))
