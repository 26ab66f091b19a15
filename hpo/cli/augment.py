"""`hpo augment`: training texts beside their variants, on the user's own terminal alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.spaces import SpaceOption, fetch_named, one_by_one, open_spaces
from hpo.cli.words import count_of, line, paragraph
from hpo.errors import UserError

if TYPE_CHECKING:
    from hpo.config.experiment import Experiment
    from hpo.search.examples import Shown

EXAMPLE = """\
Example:

  $ hpo augment --space augmentation -n 1 --method random_swap
  random_swap, strength 0.1: 19.5% of the words touched, 200 of 200 texts changed
    text     a film of quiet power and great charm
    variant  a film of [charm] power and great [quiet]
  [new] in place of a word, [+new] put in, [] left out
  next: hpo run --space augmentation
"""


def augment(
    space: SpaceOption,
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, metavar="N", help="Texts to show for each method.")
    ] = 5,
    method: Annotated[
        str | None,
        typer.Option("--method", metavar="METHOD", help="This one alone, whether the space uses it or not."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            "--strength",
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Share of a text's words that a variant touches; without it the space's default.",
        ),
    ] = None,
) -> None:
    """Show how a space's augmentations change its training texts, and measure how much. Trains and writes nothing."""
    spaces = open_spaces(space)
    methods = chosen(spaces[0].experiment, method)
    from hpo.search.examples import show

    for opened in one_by_one(spaces, line):
        fetch_named(needed(opened.experiment, methods), line)
        for shown in show(opened, methods, strength, number):
            print("\n".join(lines(shown)))
    print("[new] in place of a word, [+new] put in, [] left out")
    print(f"next: hpo run --space {space}")


def chosen(experiment: Experiment, method: str | None) -> list[str]:
    """The methods to show.

    Raises:
        UserError: there is none, or none of this name.
    """
    from hpo.config.parameters import AUGMENTATIONS
    from hpo.config.problems import listed, nearest_name

    values = experiment.values("augmentation")
    found = [name for name in AUGMENTATIONS[1:] if name in ([method] if method else values)]
    if found:
        return found
    known = listed(AUGMENTATIONS[1:])
    if method is None:
        raise UserError(
            f"no training of {experiment.name} augments its texts", f"Name a method with --method: {known}."
        )
    near = nearest_name(method, AUGMENTATIONS[1:])
    raise UserError(
        f"--method is {method!r}; allowed: {known}",
        f"Did you mean {near}?" if near else "Name one of them.",
    )


def needed(experiment: Experiment, methods: list[str]) -> list[str]:
    """Assets that the methods read on the space's texts."""
    from hpo.config.parameters import NEEDS_SYNONYMS

    synonyms = [] if set(NEEDS_SYNONYMS).isdisjoint(methods) else ["wordnet"]
    return [experiment.task.data.asset or "", *synonyms]


def lines(shown: Shown) -> list[str]:
    """What is printed of one method: how much it touches, and texts with their variants."""
    measured = f"{shown.share:.1%} of the words touched, {shown.changed:,} of {count_of(shown.texts, 'text')} changed"
    printed = [f"{shown.method}, strength {shown.strength:g}: {measured}"]
    for example in shown.examples:
        printed.append(paragraph(" ".join(example.words), "  text     "))
        pairs = zip(example.gaps, [*example.slots, ()], [*example.words, ""], strict=True)
        marked = [mark for gap, slot, word in pairs for mark in _marked(gap, slot, word)]
        printed.append(paragraph(" ".join(marked), "  variant  "))
    return printed


def _marked(gap: tuple[str, ...], slot: tuple[str, ...], word: str) -> list[str]:
    """A word of the variant with what was put in before it; ``word`` is what stood there, empty behind the last."""
    inserted = [f"[+{new}]" for new in gap]
    if not word:
        return inserted
    return [*inserted, word if slot == (word,) else f"[{' '.join(slot)}]"]
