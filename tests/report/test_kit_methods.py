import re
from pathlib import Path

import pytest
from audited_records import audited
from foreign_records import foreign
from nasty_records import nasty_records
from scored_records import scored
from synthetic_records import make_records

from hpo.records.files import read_records
from hpo.records.plan import earlier_digest, plan_digest
from hpo.records.run import SMALL_FORM, Records, Stamp
from hpo.records.search import ParameterInfo, Search
from hpo.records.setup import PrivacyInfo, PrivateGroup
from hpo.report.figure import Axis, Figure, Panel
from hpo.report.kit.methods import methods_tex
from hpo.report.kit.methods_tests import FURTHER, further_methods
from hpo.report.kit.references import bibliography, cited, library
from hpo.report.section import Section
from hpo.report.sections import build_sections
from hpo.report.sentences import verdict
from hpo.report.table import make_table
from tests.stats.demsar import DEMSAR, TREES

ROOT = Path(__file__).parents[2]


def methods(records: Records) -> str:
    """Without what other sections add."""
    return methods_tex(records, verdict(records), ())


def with_sections(records: Records) -> str:
    judged = verdict(records)
    return methods_tex(records, judged, build_sections(records, judged))


def with_run(records: Records, **update) -> Records:
    return records.model_copy(update={"run": records.run.model_copy(update=update)})


def with_search(records: Records, **update) -> Records:
    return with_run(records, search=records.run.search.model_copy(update=update))


@pytest.fixture(scope="module")
def own():
    return make_records(reference="linear")


@pytest.fixture(scope="module")
def text(own):
    return methods(own)


def test_the_paragraph_says_what_was_searched_with_its_numbers(text):
    assert r"learning\_rate, $5 \times 10^{-5}$ to 0.001 (logarithmic)" in text
    assert r"schedule\_decay\_ratio, 0.1 to 0.5, where schedule is wsd" in text
    assert "5 independent searches of 4 trials" in text
    assert "512 training, 400 validation and 1,000 test texts" in text
    assert "22,713,216 parameters" in text


def test_what_a_text_may_have_several_of_is_no_class(own):
    named = own.run.split.model_copy(update={"labels": ("joy", "fear")})
    assert "There are 2 classes: joy and fear." in methods(with_run(own, split=named))
    assert "There are 2 labels: joy and fear." in methods(with_run(own, split=named, kind="multi-label"))
    told = methods(with_run(own, split=named, kind="token-classification"))
    assert "There are 2 types of entities: joy and fear." in told


def test_trials_are_counted_by_how_they_ended(own, text):
    states = [t.state for t in own.trials]
    assert f"{len(states)} trials ended: {states.count('complete')} complete" in text
    assert f"{states.count('pruned')} pruned and {states.count('failed')} failed" in text


def test_sampler_and_pruner_are_cited_as_they_were_recorded(own, text):
    assert (
        r"tree-structured Parzen estimator~\citep{bergstra2011algorithms} of Optuna~\citep{akiba2019optuna}"
        in text
    )
    assert (
        r"successive halving~\citep{jamieson2016nonstochastic} in its asynchronous form~\citep{li2020massively}"
        in text
    )
    other = methods(with_search(own, sampler="random", pruner="none", independent=True))
    assert r"random search~\citep{bergstra2012random}" in other
    assert "No trial was stopped early." in other
    assert "bergstra2011algorithms" not in other


def test_hyperband_and_the_median_rule_are_told_apart_from_halving(own):
    hyperband = methods(with_search(own, pruner="hyperband, reduction factor 3"))
    assert r"Hyperband~\citep{li2018hyperband}" in hyperband
    assert "li2020massively" not in hyperband
    assert r"median stopping rule~\citep{golovin2017vizier}" in methods(with_search(own, pruner="median"))


def test_what_another_tool_calls_its_sampler_is_quoted_where_it_is_not_known(own):
    records = with_search(foreign(own), sampler="my_Sampler%", pruner="SuccessiveHalvingPruner")
    assert r"what the source calls my\_Sampler\%" in methods(records)
    assert (
        r"successive halving~\citep{jamieson2016nonstochastic} (recorded: SuccessiveHalvingPruner)"
        in methods(records)
    )
    assert "li2020massively" not in methods(records)
    assert "TPESampler" in methods(with_search(foreign(own), sampler="TPESampler"))
    assert "bergstra2011algorithms" in methods(with_search(foreign(own), sampler="TPESampler"))


def test_a_run_of_another_tool_says_what_it_does_not_hold(own):
    told = methods(foreign(own))
    for missing in (
        "The search space is not recorded.",
        "How configurations were drawn is not recorded.",
        "by which rule is not recorded",
        "The sizes of the splits are not recorded.",
        "The model is not recorded.",
        "The rule of selection is not recorded.",
        "Seeds are not recorded.",
        "The hardware is not recorded.",
        "Costs are not recorded.",
        "The versions of the software are not recorded.",
        "were fixed before the first score is not recorded",
        "share draws, seeds or data order is not recorded",
        "Student's over searches, for scores of single test items are not recorded",
    ):
        assert missing in told
    assert "lower is better" in told
    assert "Satterthwaite" not in told
    assert "satterthwaite1946approximate" not in cited(told)


def test_scores_that_are_the_selected_trials_own_are_not_called_fresh(own):
    told = methods(foreign(own))
    assert "25 are of the selected trial itself" in told
    assert "fresh seed, which" not in told
    assert "each the mean of 1 test score" in told


def test_one_search_is_worded_as_configurations():
    told = methods(make_records(replicates=1, seeds=6))
    assert "not the strategy" in told
    assert "Units are searches" not in told
    assert "fewer than 5 seeds" in told
    assert "over seeds alone" in told


def test_a_single_unit_claims_no_crossed_variance():
    told = methods(make_records(replicates=1, seeds=1))
    assert "With a single unit the variance of a mean is that of drawing the test items anew" in told
    assert not {"scheffe1959variance", "satterthwaite1946approximate"} & cited(told)


def test_the_family_is_the_reference_or_all_pairs(own):
    assert "The family is the 4 comparisons with the reference, linear" in methods(own)
    assert "The family is the 10 comparisons of all pairs" in methods(make_records())


def test_unpaired_strategies_are_compared_by_welch(own):
    told = methods(with_search(own, shared_draws=False))
    assert r"by Welch~\citep{welch1947generalization}" in told
    assert "paired by replicate" not in told


def test_grouped_items_are_drawn_by_group(own):
    groups = tuple(i // 4 for i in range(own.run.split.test))
    told = methods(with_run(own, split=own.run.split.model_copy(update={"groups": groups})))
    assert "The test texts are in 250 groups." in told
    assert r"groups' sums linearised~\citep{cochran1977sampling}" in told
    assert "cochran1977sampling" not in methods(own)


def test_without_a_baseline_none_is_told_of():
    assert "baseline" not in methods(make_records(baseline=None))
    assert "The baseline textbook is a fixed recipe" in methods(make_records())


def test_nothing_compared_makes_no_test():
    told = methods(make_records({"all": 0.8}, baseline=None))
    assert "Nothing is compared." in told
    assert "holm1979simple" not in cited(told)
    assert "schuirmann1987comparison" not in cited(told)


def test_an_unfinished_run_has_made_no_test(own):
    told = methods(own.model_copy(update={"confirmations": ()}))
    assert "The run is unfinished, and no test has been made." in told
    assert "holm1979simple" not in cited(told)


def test_seeds_of_confirmations_that_are_seeds_of_trials_are_told(own):
    assert "none of them is the seed of a trial" in methods(own)
    shared = own.trials[0].model_copy(update={"seed": own.confirmations[0].seed})
    assert "1 of them are seeds of trials" in methods(
        own.model_copy(update={"trials": (shared, *own.trials[1:])})
    )


def test_an_audit_is_told_and_rests_no_result(own):
    records = audited(own, lambda _: 0.7, every=2)
    assert f"After the run {len(records.audited)} pruned trials, drawn at random" in methods(records)


def test_the_stamp_is_compared_with_what_the_records_say_now(own):
    began = {"began": "2026-01-02T03:04:05+00:00", "command": "hpo run", "git": None}
    kept = with_run(own, stamp=Stamp(**began, plan_sha256=plan_digest(own.run)))
    assert "which equals that of the records now" in methods(kept)
    changed = with_run(kept, question="Another question?")
    assert "which does not equal that of the records now" in methods(changed)
    earlier = methods(with_run(own, stamp=Stamp(**began, plan_sha256=earlier_digest(own.run))))
    assert "which equals that of the records now. The rule of the verdict is not in it." in earlier
    assert "The rule of the verdict is not in it" not in methods(kept)


def test_the_cost_is_that_of_pruned_and_failed_trials_too(own, text):
    items = (*own.trials, *own.confirmations)
    total = sum(sum(s.seconds for s in i.segments) + sum(r.seconds for r in i.rungs) for i in items)
    total += sum(c.test_seconds for c in own.confirmations)
    assert f"cost {total:,.1f} device-seconds" in text


def test_many_parameters_are_left_to_the_table(own):
    more = tuple(own.run.space[1].model_copy(update={"name": f"p{i}"}) for i in range(20))
    told = methods(with_run(own, space=(*own.run.space, *more)))
    assert r"The search space has 25 parameters (table \texttt{space})." in told


def test_methods_of_a_section_are_cited_only_where_it_stands(own):
    assert "friedman1937ranks" not in cited(
        with_sections(own)
    )  # five searches are too few for five strategies
    ranked = with_sections(scored(DEMSAR, TREES))
    assert {"friedman1937ranks", "iman1980approximations", "demsar2006comparisons"} <= cited(ranked)
    assert {"wilcoxon1945individual", "pratt1959remarks", "benavoli2016meanranks"} <= cited(ranked)
    assert "benavoli2017time" not in cited(ranked)  # no margin, no region of equivalence
    assert "hutter2014fanova" not in cited(ranked)


def test_every_part_that_a_sentence_waits_for_is_built_somewhere():
    source = "".join(
        p.read_text(encoding="utf-8") for p in (ROOT / "hpo" / "report" / "sections").glob("*.py")
    )
    for name in FURTHER:
        assert f'"{name}"' in source, name


def test_names_stay_text_in_the_paragraph():
    plain = re.sub(
        r"\\[\\$&#%_,]|\\citep\{[^}]*\}|~(?=\\citep)|\$[\d.]* ?\\?t?i?m?e?s? ?10\^\{-?\d+\}\$",
        "",
        methods(nasty_records()),
    )
    body = plain.split("\n", 3)[3]
    assert not set(re.sub(r"~", "", body)) & set("#$^&%")
    assert "\\input" not in body
    assert "\\end" not in body


def test_private_trainings_are_told_with_what_they_meet_and_what_is_left_out(own):
    assert "DP-SGD" not in methods(own)
    group = PrivateGroup(
        epsilon=3.0,
        spent=2.99,
        noise_multiplier=5.2384,
        trainings=20,
        strategies=("linear",),
        steps=48,
        rate=0.125,
    )
    info = PrivacyInfo(
        accountant="RDP", delta=1e-5, clip=1.0, groups=(group,), together=2.99, unprotected=("cosine",)
    )
    private = with_run(own, privacy=info)
    told = methods(private)
    assert r"At $\delta =$ $10^{-5}$" in told
    assert r"$\varepsilon = 3$ by the 20 trainings of linear (noise multiplier 5.238)" in told
    assert "Validation and test texts, by which configurations were selected and scored, are outside" in told
    assert "Trained without noise: cosine." in told
    assert {"abadi2016deep", "mironov2019sampled", "balle2020hypothesis"} <= cited(told)
    assert bibliography(private.run, told)


def test_the_bibliography_holds_what_is_cited_and_no_more(own, text):
    keys = set(re.findall(r"@\w+\{([^,]+),", bibliography(own.run, text)))
    assert keys == cited(text)
    assert {"hpo-data", "hpo-model", "holm1979simple", "paszke2019pytorch"} <= keys


def test_data_and_model_are_referred_to_by_what_was_recorded_alone(own):
    entry = bibliography(own.run, r"\citep{hpo-data}")
    assert "title = {{movie\\_reviews (two sentiment classes)}}" in entry
    assert "Licence: MIT" in entry
    assert not re.search(r"author|year|url", entry)
    with pytest.raises(ValueError, match="hpo-data"):
        bibliography(foreign(own).run, r"\citep{hpo-data}")


def test_a_key_without_an_entry_is_refused(own):
    with pytest.raises(ValueError, match="nobody1999"):
        bibliography(own.run, r"\citep{holm1979simple,nobody1999}")


def test_every_sentence_cites_entries_that_there_are():
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "hpo" / "report" / "kit").glob("*.py"))
    keys = set(re.findall(r"""["']([a-z]+(?:19|20)\d\d[a-z]+)["']""", source))
    assert keys == set(library())


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        # As the publishers print them.
        ("holm1979simple", ("Scandinavian Journal of Statistics", "6", "65--70", "1979")),
        ("schuirmann1987comparison", ("15", "657--680", "10.1007/BF01068419")),
        ("satterthwaite1946approximate", ("Biometrics Bulletin", "2", "110--114", "1946")),
        ("akiba2019optuna", ("2623--2631", "10.1145/3292500.3330701")),
        ("lourie2024confidence", ("3455--3472", "10.18653/v1/2024.naacl-long.189")),
        ("dodge2021expected", ("4066--4073", "2021")),
        ("watanabe2023pedanova", ("4389--4396", "10.24963/ijcai.2023/488")),
        ("abadi2016deep", ("308--318", "10.1145/2976749.2978318")),
        ("mironov2017renyi", ("263--275", "10.1109/CSF.2017.11")),
        ("balle2020hypothesis", ("108", "2496--2506", "2020")),
        ("iman1980approximations", ("9", "571--595", "10.1080/03610928008827904")),
    ],
)
def test_references_have_the_figures_of_their_publishers(key, facts):
    entry = library()[key]
    assert all(f"{{{fact}}}" in entry for fact in facts)


def test_entries_are_whole_and_their_braces_balanced():
    for key, entry in library().items():
        assert entry.count("{") == entry.count("}"), key
        assert {"title", "year"} <= set(re.findall(r"^  (\w+) *=", entry, re.MULTILINE)), key
        assert entry.isascii(), key


def test_the_same_records_give_the_same_paragraph():
    records = read_records(ROOT / "results" / "example")
    assert with_sections(records) == with_sections(records)


def importance(*headings: str) -> Section:
    panels = tuple(Panel([], Axis(), Axis(), heading) for heading in headings)
    figure = Figure("importance", "t", "c", "a", panels, make_table("importance", "t", "n", [], []))
    return Section("importance", "t", parts=(figure,))


def test_a_method_of_importance_is_named_only_where_something_of_it_is_shown():
    fanova, ped = "hutter2014fanova", "watanabe2023pedanova"
    for headings, keys in (((), set()), (("fANOVA",), {fanova}), (("PED-ANOVA",), {ped})):
        assert cited(" ".join(further_methods([importance(*headings)]))) == keys
    both = further_methods([importance("fANOVA", "PED-ANOVA")])
    assert both == [
        f"Parameter importance is estimated by functional ANOVA~\\citep{{{fanova}}} and by PED-ANOVA~\\citep{{{ped}}}."
    ]


def test_trainings_without_a_search_have_no_paragraph_on_one():
    told = methods(scored(DEMSAR, TREES))
    assert (
        r"\paragraph{Trainings.} Their parameters are not recorded. Of each strategy 14 trainings are on record"
        in told
    )
    assert "Units are trainings: a claim is about the strategies as they were trained here" in told
    assert "fewer than 3 trainings a strategy" in told
    assert not [w for w in (r"paragraph{Search", r"paragraph{Selection", "searches", "fresh") if w in told]


def test_one_training_a_strategy_speaks_of_these_models():
    told = methods(make_records(replicates=1, seeds=1))
    assert "speaks of these trained models only" in told
    assert "No test is reported, for units are too few" in told
    assert "holm1979simple" not in cited(told)


def test_what_an_import_inferred_is_told_where_it_matters(own):
    lr = ParameterInfo(name="lr", kind="range", low=0.001, high=0.1, log=True, observed=True)
    notes = ("3 ended before the longest of their task: taken as pruned", "cost: x, taken as device-seconds")
    records = with_run(own, source="CSV", space=(lr,), search=Search(), notes=notes)
    told = methods(records)
    assert "lr, values seen from 0.001 to 0.1 (the range is not recorded)" in told
    assert f"by which rule is not recorded. How the import knew of them: {notes[0]}." in told
    assert f"What the import noted of them: {notes[1]}." in told


def test_the_small_form_of_a_space_is_told_beside_the_question(own, text):
    told = methods(with_run(own, form="small"))
    assert SMALL_FORM in told
    assert SMALL_FORM not in text
