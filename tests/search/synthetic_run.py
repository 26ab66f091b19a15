"""The head of a run that never was."""

from hpo.records.run import Run
from hpo.records.search import Search


def make_head() -> Run:
    return Run(
        name="small",
        question="Which schedule?",
        task="reviews",
        strategies=("linear", "cosine"),
        replicates=3,
        trials=4,
        seeds=1,
        search=Search(sampler="random"),
        space=(),
    )
