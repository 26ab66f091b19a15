"""What private trainings ask of a space file."""

from __future__ import annotations

import pytest
from space_texts import GOOD, Faults, Load, parameters, replaced

from hpo.config.experiment import Fixed, Privacy

BASELINE = "baseline: {epochs: 2}\n"
EPSILONS = replaced(
    "{parameter: schedule, values: [linear, wsd]}", "{parameter: privacy_epsilon, values: [0, 8, 1]}"
)


def private(text: str, section: str = "{epsilon: 8, delta: 1e-5}") -> str:
    return f"{text}privacy: {section}\n"


def test_an_epsilon_of_the_section_is_that_of_every_training(load: Load) -> None:
    experiment = load(private(GOOD + BASELINE)).experiment
    assert experiment.privacy == Privacy(epsilon=8.0, delta=1e-5, clip=1.0)
    assert experiment.parameters["privacy_epsilon"] == Fixed(value=8.0)
    assert experiment.baseline == {"epochs": 2.0, "privacy_epsilon": 8.0}
    assert experiment.values("privacy_epsilon") == (8.0, 8.0)


def test_a_baseline_may_be_without_privacy(load: Load) -> None:
    experiment = load(private(GOOD + "baseline: {privacy_epsilon: 0}\n")).experiment
    assert experiment.values("privacy_epsilon") == (8.0, 0.0)


def test_epsilons_are_compared_at_one_delta(load: Load) -> None:
    experiment = load(private(EPSILONS, "{delta: 1e-5, clip: 0.5}")).experiment
    assert experiment.privacy == Privacy(delta=1e-5, clip=0.5)
    assert experiment.strategies() == ("privacy_epsilon=0.0", "privacy_epsilon=8.0", "privacy_epsilon=1.0")


def test_a_file_without_the_section_has_no_privacy(load: Load) -> None:
    assert load(GOOD).experiment.privacy is None
    assert "privacy_epsilon" not in load(GOOD).experiment.parameters


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{epsilon: 8}", "9:1: missing key 'delta' in privacy; allowed: a number above 0 and below 1"),
        ("{epsilon: 0, delta: 1e-5}", "9:20: privacy.epsilon is 0; allowed: a number above 0"),
        ("{epsilon: 8, delta: 1}", "9:30: privacy.delta is 1; allowed: a number above 0 and below 1"),
        (
            "{epsilon: 8, delta: 0.01}",
            (
                "9:23: privacy.delta is 0.01, with which one of 100 texts may be told whole; "
                "allowed: below 0.01, 1 over the training texts"
            ),
        ),
        ("{delta: 1e-5}", "9:1: privacy has no epsilon; allowed: epsilon, or privacy_epsilon compared"),
        (
            "{epsilon: 8, delta: 1e-5, clipp: 2}",
            "9:36: unknown key 'clipp' in privacy; allowed: epsilon, delta, clip; did you mean clip?",
        ),
    ],
)
def test_what_is_wrong_with_the_section_is_told(faults: Faults, section: str, message: str) -> None:
    assert faults(private(GOOD, section)) == [message]


def test_an_epsilon_stands_in_one_place(faults: Faults) -> None:
    assert faults(private(parameters("privacy_epsilon: 8"))) == [
        (
            "6:3: parameters has privacy_epsilon; allowed: privacy.epsilon, or privacy_epsilon compared: "
            "the noise is fixed before the first training"
        )
    ]
    assert faults(private(EPSILONS)) == [
        "9:11: privacy has epsilon, and privacy_epsilon is compared; allowed: one of the two"
    ]
    assert faults(EPSILONS) == [
        "4:39: privacy_epsilon is above 0, and the file has no privacy; allowed: privacy: {delta: ...}"
    ]
    assert faults(GOOD + "baseline: {privacy_epsilon: 3}\n") == [
        "9:12: privacy_epsilon is above 0, and the file has no privacy; allowed: privacy: {delta: ...}"
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "class_weights: balanced",
            "6:3: class_weights is balanced, which counts the labels of the training texts, without noise",
        ),
        (
            "unfreezing: {choices: [none, gradual]}",
            (
                "6:3: unfreezing is gradual, which trains other layers at other steps, "
                "for which Opacus has no gradients of each text"
            ),
        ),
        ("mixup_alpha: 0.2", "6:3: mixup_alpha is above 0, which mixes a text into the gradients of others"),
        ("gradient_clip: {low: 0.5, high: 2}", "6:3: gradient_clip has no effect under privacy"),
        (
            "batch_size: {low: 8, high: 32}",
            "6:3: parameters.batch_size is a range, and what each value costs is counted beforehand",
        ),
        ("batch_size: {choices: [50, 101]}", "6:3: batch_size is 101 under privacy"),
    ],
)
def test_what_leaks_past_the_noise_or_cannot_be_counted_is_refused(
    faults: Faults, line: str, message: str
) -> None:
    plain = parameters(line)
    assert not faults(plain), "without privacy it is right"
    (told,) = faults(private(plain))
    assert told.partition("; allowed: ")[0] == message


def test_entities_of_other_texts_are_refused(faults: Faults) -> None:
    text = parameters("augmentation: mention_replacement").replace(
        "{data:", "{kind: token-classification, data:"
    )
    assert not faults(text)
    (told,) = faults(private(text))
    assert told.startswith(
        "6:3: augmentation is mention_replacement, which puts entities of other training texts into a text"
    )


def test_the_baseline_is_looked_at_as_well(faults: Faults) -> None:
    (told,) = faults(private(GOOD + "baseline: {class_weights: balanced, batch_size: 8}\n"))
    assert told.startswith("9:12: class_weights is balanced")
    (told,) = faults(private(GOOD + "baseline: {batch_size: 101}\n"))
    assert told.startswith("9:12: batch_size is 101 under privacy; allowed: at most 100, the training texts")


def test_samplers_that_look_at_results_and_pruners_are_allowed(load: Load) -> None:
    """Composition covers them; see hpo.training.accounting."""
    text = replaced(
        "{trials: 4, rungs: [50, 100]}", "{trials: 4, rungs: [50, 100], sampler: tpe, pruner: median}"
    )
    assert load(private(text)).experiment.budget.sampler == "tpe"
