"""The card of an exported model, from records that never were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nasty_records import nasty_records
from scipy import stats
from shifted_records import shifted
from synthetic_records import make_records

from hpo.records.run import Records
from hpo.records.setup import ModelInfo
from hpo.records.trainings import Confirmation, Rung
from hpo.report.model_card import Folder, model_card
from hpo.report.sentences import verdict


def card_of(records: Records, c: Confirmation | None = None, **changes: Any) -> str:
    told: dict[str, Any] = {
        "form": "own",
        "model": records.run.model,
        "between": "",
        "difference": 2e-7,
        "compared": 64,
        "rescored": 0.5,
        "retrained": 0,
        "others": (),
    }
    return model_card(records, verdict(records), c or records.confirmations[0], Folder(**told | changes))


def test_the_test_score_has_students_interval_over_the_items() -> None:
    records = make_records()
    c = records.confirmations[0]
    assert c.test_correct is not None
    right = np.array(c.test_correct)
    n = len(right)
    half = stats.t.ppf(0.975, n - 1) * right.std(ddof=1) / np.sqrt(n)
    low, high = 100 * (right.mean() - half), 100 * (right.mean() + half)
    told = f"Test accuracy: {100 * c.test_score:.1f} % (95 % interval over {n:,} test texts: {low:.1f} to {high:.1f} %)"
    assert told in card_of(records, c)


def test_the_card_tells_the_verdict_of_the_report_and_the_strategys_mean() -> None:
    records = make_records()
    judged = verdict(records)
    card = card_of(records)
    for sentence in judged.sentences:
        assert sentence.split(";")[0].replace("_", "\\_")[:40] in card
    name = records.confirmations[0].strategy
    mean = next(s for s in judged.analysis.standings if s.name == name).estimate.mean
    assert f"whose mean is {100 * mean:.1f} %" in card
    for licence in (records.run.split.licence, records.run.model.licence):
        assert licence.replace("_", "\\_") in card


@pytest.mark.parametrize(
    ("form", "told", "untold"),
    [
        ("own", "It loads with transformers alone.", "import hpo.transformers"),
        ("paired", "hand the result of the trained head on", "import hpo.transformers"),
        ("scaled", "not in float16", "import hpo.transformers"),
        ("hpo", "```python\nimport hpo.transformers\n", "It loads with transformers alone."),
    ],
)
def test_the_card_says_what_the_folder_loads_with(form: str, told: str, untold: str) -> None:
    card = card_of(make_records(), form=form)
    assert told in card
    assert untold not in card


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("sentiment", 'pipeline("text-classification", model="path/to/this/folder", truncation=True)'),
        (
            "multi-label",
            'pipeline("text-classification", model="path/to/this/folder", truncation=True, top_k=None)',
        ),
        ("pair", 'classify({"text": "A text.", "text_pair": "Another."})'),
        ("token-classification", 'aggregation_strategy="first")'),
    ],
)
def test_the_example_is_of_the_kind_of_task(kind: str, call: str) -> None:
    records = make_records()
    card = card_of(records.model_copy(update={"run": records.run.model_copy(update={"kind": kind})}))
    assert call in card


def test_the_second_text_stands_behind_what_training_put_there() -> None:
    records = make_records()
    pairs = records.model_copy(update={"run": records.run.model_copy(update={"kind": "pair"})})
    assert 'classify({"text": "A text.", "text_pair": "\\nAnother."})' in card_of(pairs, between="\n")


def test_what_was_replaced_in_texts_is_told_to_those_who_use_a_pipeline() -> None:
    records = make_records()
    scrubbed = records.run.model_copy(update={"experiment": {"task": {"scrub": True}}})
    assert "`hpo predict` puts them there, too; a pipeline does not." in card_of(
        records.model_copy(update={"run": scrubbed})
    )
    assert "[EMAIL]" not in card_of(records)


def test_of_models_that_are_compared_the_card_names_its_own() -> None:
    model = ModelInfo(source="owner/small", licence="its own licence", sha256="5" * 64)
    card = card_of(make_records(), model=model)
    assert "| Pretrained model | owner/small |" in card
    assert "| Licence of the model | its own licence |" in card
    assert f"| Pretrained weights, SHA-256 | {'5' * 64} |" in card
    assert "made of those of owner/small and of" in card


def test_scores_on_other_domains_stand_beside_that_on_the_test_split() -> None:
    records = make_records()
    names = {c.strategy for c in records.confirmations}
    there = shifted(records, {"tweets": dict.fromkeys(names, 0.6), "news": dict.fromkeys(names, 0.7)})
    card = card_of(there)
    for name, scores in there.confirmations[0].shifts.items():
        right = np.array(scores.correct)
        half = stats.t.ppf(0.975, len(right) - 1) * right.std(ddof=1) / np.sqrt(len(right))
        low, high = 100 * (right.mean() - half), 100 * (right.mean() + half)
        row = f"| {name} | {len(right)} | {100 * right.mean():.1f} % | {low:.1f} to {high:.1f} % |"
        assert row in card
    assert "other domains" not in card_of(records)


def test_the_card_tells_at_which_evaluation_the_training_was_taken() -> None:
    c = make_records().confirmations[0]
    rungs = tuple(Rung(examples=n, score=0.5) for n in (1000, 2000, 3000))
    card = card_of(make_records(), c.model_copy(update={"rungs": rungs, "best_rung": 1}))
    assert "2,000 of 3,000 examples: its best evaluation on validation texts" in card


def test_a_training_that_is_alike_says_so_with_its_own_score() -> None:
    card = card_of(make_records(), others=("torch: 1.0 -> 2.13.0",), retrained=3, rescored=0.7125)
    assert "alike and not equal to the one that was tested" in card
    assert "torch: 1.0 -&gt; 2.13.0" in card
    assert "Its own test accuracy is 71.2 %" in card or "Its own test accuracy is 71.3 %" in card


def test_what_a_user_wrote_is_escaped() -> None:
    records = nasty_records()
    card = card_of(records)
    assert "<b>" not in card
    body = card.split("```")[2]  # behind the example
    rows = [line for line in body.splitlines() if line.startswith("|")]
    for row in rows:
        unescaped = row.replace("\\\\", "").replace("\\|", "")
        assert unescaped.endswith("|")
        assert unescaped.count("|") in {3, 4, 7}, row
