r"""The methods paragraph of a paper, from the records alone: what was done, and "not recorded" where they do not say.

It cites with ``\citep``; without natbib that is ``\cite``.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpo.records.base import NOT_RECORDED
from hpo.records.run import SMALL_FORM, Records, Run
from hpo.records.search import ParameterInfo
from hpo.records.setup import ModelInfo
from hpo.report.kit.cite import amount, cite, paragraphs
from hpo.report.kit.methods_budget import limits
from hpo.report.kit.methods_circumstances import fixed_beforehand, hardware, imported, software
from hpo.report.kit.methods_privacy import privacy
from hpo.report.kit.methods_search import pruning, sampling
from hpo.report.kit.methods_tests import further_methods, verdict_tests
from hpo.report.kit.references import DATA, MODEL
from hpo.report.kit.tex import breakable, tex
from hpo.report.section import Section
from hpo.report.sentences import Verdict
from hpo.report.sizes import recorded, search_budget, sizes_of, uneven_trials
from hpo.report.terms import class_of, without_search
from hpo.report.text import configuration, counted, listed, ranged

MOST_LISTED = 12  # parameters in the paragraph; of more the table of the space tells


def methods_tex(records: Records, judged: Verdict, sections: Sequence[Section]) -> str:
    """The paragraph, in parts with a heading each."""
    run = records.run
    made = {
        "Search": [*_space(run), *_budget(records), *sampling(run), *pruning(records)],
        "Selection": _selection(records),
    }
    if without_search(run):
        made = {"Trainings": [*_parameters(run), *_trainings(records)]}
    parts = {
        "Question": _question(run),
        "Data and model": [*_data(run), *_model(run)],
        **made,
        **({"Privacy": privacy(run)} if run.privacy is not None else {}),
        "Statistics": [*verdict_tests(records, judged), *further_methods(sections)],
        "Hardware and software": [*hardware(records), *software(run)],
        "Fixed beforehand": [fixed_beforehand(run)],
    }
    return paragraphs(parts)


def _question(run: Run) -> list[str]:
    names = listed(tex(name) for name in run.strategies)
    compared = next((p for p in run.space if p.kind == "compared"), None)
    asked = [question(run.question)]
    if len(run.strategies) < 2:
        asked.append("Nothing is compared.")
    elif compared is not None:
        asked.append(f"Compared are {len(run.strategies)} values of {tex(compared.name)}: {names}.")
    else:
        asked.append(f"Compared are {len(run.strategies)} strategies: {names}.")
    if run.form is not None:
        asked.append(SMALL_FORM)
    if run.source != "hpo":
        asked.append(f"The runs were made with other software and imported: {imported(run.source)}.")
    return asked


def question(asked: str) -> str:
    """What was asked, as a sentence."""
    end = "" if asked.rstrip().endswith(("?", ".", "!")) else "."
    return f"The question was: {tex(asked)}{end}"


def _data(run: Run) -> list[str]:
    split = run.split
    if split.source == NOT_RECORDED:
        found = [f"The task is {tex(run.task)}; where its data came from is not recorded."]
    else:
        found = [f"The data are {tex(split.source)}{cite(DATA)}; licence: {tex(split.licence)}."]
    if split.labels:
        found.append(
            f"There are {counted(len(split.labels), *class_of(run.kind))}: {listed(tex(label) for label in split.labels)}."
        )
    if not split.test:
        return [*found, "The sizes of the splits are not recorded."]
    cut = "" if run.max_length is None else f", of which at most {run.max_length:,} tokens are read"
    if split.texts_cut is not None:
        most = "at most " if run.models else ""
        cut += f" ({most}{split.texts_cut:,} have more)"
    found.append(
        f"The splits have {split.train:,} training, {split.validation:,} validation and {split.test:,} test texts{cut}; "
        f"{counted(split.duplicates_dropped, 'duplicate')} had been dropped before."
    )
    if split.groups is not None:
        found.append(f"The test texts are in {counted(len(set(split.groups)), 'group')}.")
    return found


def _model(run: Run) -> list[str]:
    model = run.model
    if run.models:
        each = listed(
            f"{tex(name)} ({_size(model)}; licence: {tex(model.licence)})"
            for name, model in run.models.items()
        )
        return [f"The pretrained bodies are those compared{cite(MODEL)}: {each}."]
    if model.source == NOT_RECORDED:
        return ["The model is not recorded."]
    return [
        f"The pretrained body is {tex(model.source)}{cite(MODEL)} ({_size(model)}); licence: {tex(model.licence)}."
    ]


def _size(model: ModelInfo) -> str:
    if not model.parameters:
        return "its size is not recorded"
    return f"{model.layers} layers of width {model.hidden_size:,}, {model.parameters:,} parameters"


def _parameters(run: Run) -> list[str]:
    """Parameters of trainings of which no search is recorded."""
    if not any(p.kind != "compared" for p in run.space):
        return ["Their parameters are not recorded."]
    return ["Their parameters are in table \\texttt{space}, as far as the source tells."]


def _trainings(records: Records) -> list[str]:
    """Trainings of which no search is recorded."""
    run = records.run
    verb = "is" if run.replicates == run.seeds == 1 else "are"
    trained = recorded(run, sizes_of(records))
    found = f"Of each strategy {trained} {verb} on record, with test scores recorded once, and no search."
    paired = [] if len(run.strategies) < 2 else [_pairing(run, "Trainings")]
    return [found, *paired, _seeds(records)]


def _space(run: Run) -> list[str]:
    searched = [p for p in run.space if p.kind in {"choices", "range"}]
    fixed = [p for p in run.space if p.kind == "fixed"]
    if not run.space:
        return ["The search space is not recorded."]
    seen = "" if run.source == "hpo" else " as far as the source tells"
    count = counted(len(searched), "parameter")
    if len(searched) > MOST_LISTED:
        found = [f"The search space has {count}{seen} (table \\texttt{{space}})."]
    else:
        found = [f"The search space has {count}{seen}: {'; '.join(map(_parameter, searched)) or 'none'}."]
    if fixed:
        told = ", ".join(f"{tex(p.name)} = {amount(p.values[0])}" for p in fixed)
        found.append(f"Fixed were {told}.")
    return found


def _parameter(parameter: ParameterInfo) -> str:
    p = parameter
    if p.observed:
        values = f"values seen from {amount(p.low)} to {amount(p.high)} (the range is not recorded)"
    elif p.kind == "range":
        how = [word for word, told in (("logarithmic", p.log), ("whole numbers", p.integer)) if told]
        how += [] if p.step is None else [f"in steps of {amount(p.step)}"]
        values = f"{amount(p.low)} to {amount(p.high)}" + (f" ({', '.join(how)})" if how else "")
    else:
        values = " or ".join(map(amount, p.values))
    where = [f"{tex(other)} is {' or '.join(map(amount, of))}" for other, of in p.when.items()]
    return f"{tex(p.name)}, {values}" + (f", where {listed(where)}" if where else "")


def _budget(records: Records) -> list[str]:
    run, sizes = records.run, sizes_of(records)
    states = [(s, sum(t.state == s for t in records.trials)) for s in ("complete", "pruned", "failed")]
    ended = listed(f"{count:,} {state}" for state, count in states if count)
    searches = ranged(sizes.replicates, "independent search", "independent searches")
    found = [f"Each strategy got {searches} of {search_budget(run, sizes)}."]
    found += limits(run)
    found += [uneven] if (uneven := uneven_trials(run, sizes)) else []
    if records.trials:
        found.append(f"{counted(len(records.trials), 'trial')} ended: {ended}.")
    again = sum(t.duplicate_of is not None for t in records.trials)
    if again:
        found.append(f"Of these, {again:,} repeat a configuration of their search and share its training.")
    if records.audited:
        audited = counted(len(records.audited), "pruned trial")
        found.append(
            f"After the run {audited}, drawn at random, were trained to their end; no result rests on them."
        )
    if any(p.default is not None for p in run.space):
        found.append("The first trial of each search is the default configuration.")
    return found if len(run.strategies) < 2 else [*found, _pairing(run, "Searches")]


def _pairing(run: Run, what: str) -> str:
    draws, nor_draws = ("", "neither") if what == "Trainings" else ("draws, ", "neither draws nor")
    if run.search.shared_draws is None:
        return f"Whether {what.lower()} of different strategies share {draws}seeds or data order is not recorded."
    if not run.search.shared_draws:
        return f"{what} of different strategies share {nor_draws} seeds nor data order."
    if run.source != "hpo":
        return f"{what} of different strategies with the same number count as paired."
    return (
        "Searches of different strategies with the same number share the data order, the seeds and, where a draw does not "
        "look at results, its values of the shared parameters."
    )


def _selection(records: Records) -> list[str]:
    run = records.run
    rule = run.search.selection
    found = [f"Selected was {tex(rule)}." if rule else "The rule of selection is not recorded."]
    found.append(_confirmation(records))
    if run.baseline is not None:
        own = next((c.parameters for c in records.confirmations if c.role == "baseline"), None)
        told = f": {breakable(configuration(own))}" if own else ""
        found.append(f"The baseline {tex(run.baseline)} is a fixed recipe without a search{told}.")
    return [*found, *_shifts(run), _seeds(records)]


def _shifts(run: Run) -> list[str]:
    """On which further sets confirmations were scored, and how."""
    if not run.shifts:
        return []
    sets = listed(
        f"{tex(s.name)} ({counted(s.size, 'text')} of {tex(s.source)}; licence: {tex(s.licence)})"
        for s in run.shifts
    )
    dropped = sum(s.overlap_dropped for s in run.shifts)
    return [
        (
            f"Each confirmation was scored once, in the same state, on further sets that selection had never seen: {sets}. "
            f"Texts of them that also stand in the task's splits had been left out ({dropped:,}); comparisons have Holm's "
            "correction within each set."
        )
    ]


def _confirmation(records: Records) -> str:
    own = [c for c in records.confirmations if c.role == "strategy"]
    fresh = sum(c.fresh for c in own)
    if not own:
        return "No selected configuration has a test score yet."
    if fresh == len(own):
        seeds = ranged(sizes_of(records).seeds, "fresh seed")
        return (
            f"The selected configuration of each search was trained again with {seeds}, which selection had not seen, and "
            "scored on the test split once."
        )
    return (
        f"Of {counted(len(own), 'test score')} of selected configurations, {len(own) - fresh:,} are of the selected trial "
        "itself and not of a training with a fresh seed."
    )


def _seeds(records: Records) -> str:
    own = {c.seed for c in records.confirmations if c.seed >= 0}
    trials = {t.seed for t in records.trials if t.seed >= 0}
    if not own and not trials:
        return "Seeds are not recorded."
    root = records.run.seed
    derived = "" if root is None else f"All seeds derive from the run's seed, {root}. "
    shared = own & trials
    between = (
        f"{len(shared):,} of them are seeds of trials" if shared else "none of them is the seed of a trial"
    )
    if not own:
        return f"{derived}The trials have {counted(len(trials), 'seed')}.".strip()
    if without_search(records.run):
        return f"{derived}The trainings have {counted(len(own), 'seed')}."
    return f"{derived}The confirmations have {counted(len(own), 'seed')}; {between}."
