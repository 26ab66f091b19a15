"""What a warm start asks of a space file: searches on which it can act."""

from __future__ import annotations

from hpo.config.checks import Draft
from hpo.config.experiment import WarmStart
from hpo.config.problems import Problems


def check_warm_start(draft: Draft, asked: WarmStart | None, problems: Problems) -> None:
    """Add what is wrong with the ``from`` of a file."""
    if asked is None:
        return
    sampler, trials = draft.budget["sampler"], draft.budget["trials"]
    at = draft.where("from")
    if draft.privacy is not None:
        found = (
            "the file has from and privacy: what earlier trainings on the same texts gave is in no account"
        )
        problems.add(at, found, "one of them")
    if not draft.searched():
        problems.add(
            at, "from has no effect, as nothing is searched", "from together with a searched parameter"
        )
    elif sampler == "grid":
        problems.add(
            at, "from has no effect under sampler: grid, whose points are all drawn", "other samplers"
        )
    elif not asked.first_draws and sampler in ("random", "qmc"):
        found = f"from has no effect, as sampler: {sampler} looks at no results and first_draws is 0"
        problems.add(at, found, "first_draws of at least 1, or sampler: tpe or gp")
    if trials is not None and asked.first_draws >= trials:
        found = (
            f"from.first_draws is {asked.first_draws}, and budget.trials {trials}, the default one among them"
        )
        problems.add(at, found, f"at most {trials - 1}")
