"""Sentences on private trainings: how they were made private, how far, and what is left out."""

from __future__ import annotations

from hpo.records.run import Run
from hpo.report.kit.cite import amount, cite
from hpo.report.kit.tex import tex
from hpo.report.text import counted, listed


def privacy(run: Run) -> list[str]:
    """Nothing without private trainings."""
    info = run.privacy
    if info is None:
        return []
    each = listed(
        f"$\\varepsilon = {group.epsilon:g}$ by the {counted(group.trainings, 'training')} of "
        f"{listed(tex(name) for name in group.strategies)} (noise multiplier {group.noise_multiplier:.3f})"
        for group in info.groups
    )
    trained = (
        f"Private trainings are by DP-SGD{cite('abadi2016deep')}: batches by Poisson sampling, gradients of single texts by "
        f"Opacus{cite('yousefpour2021opacus')}, each cut to the norm {amount(info.clip)}."
    )
    met = f"At $\\delta =$ {amount(info.delta)} and for one training text more or less, these are met together: {each}."
    counts = (
        "All trials, confirmations and trainings of a baseline count, by composition of R{\\'e}nyi divergences"
        f"{cite('mironov2017renyi', 'mironov2019sampled')}, turned into $\\varepsilon$ as by "
        f"Balle et al.{cite('balle2020hypothesis')} (accountant: {tex(info.accountant)})."
    )
    left = "Validation and test texts, by which configurations were selected and scored, are outside of the promise."
    found = [trained, met, counts, left]
    if info.unprotected:
        found.append(f"Trained without noise: {listed(tex(name) for name in info.unprotected)}.")
    return found
