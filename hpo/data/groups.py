"""Draw splits by whole groups: no document, author or patient stands in two of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpo.data.strata import draw, quotas
from hpo.errors import UserError


def draw_by_group(
    labels: np.ndarray, groups: np.ndarray, sizes: Mapping[str, int], seed: int, origin: str
) -> dict[str, np.ndarray]:
    """Give whole groups to splits, then trim each split to its size and, as far as can be, its share of each class.

    All groups are given away, in proportion to the sizes, even where few would do: a split of a few texts of each of many
    groups says more of new groups than one of all texts of the largest.

    Args:
        labels, groups: int64 [n], class and group of each text.
        sizes: texts wanted by each split.
        origin: what an error calls the data.

    Returns:
        For each split the positions of its texts, ascending.

    Raises:
        UserError: the groups do not fill the splits.
    """
    rng = np.random.default_rng([seed, len(sizes)])
    counts = np.bincount(labels)
    wanted = _wanted(counts, sizes)
    owner = _assign(labels, groups, wanted * counts // np.maximum(wanted.sum(axis=0), 1), rng)
    parts = {}
    for number, (name, size) in enumerate(sizes.items()):
        there = np.flatnonzero(owner[groups] == number)
        if len(there) < size:
            raise UserError(
                f"{origin}: whole groups give {name} {len(there)} texts, but {size} are asked for",
                "Ask for smaller splits: a group is never divided, so some of its texts are left over.",
            )
        parts[name] = there[draw(labels[there], wanted[number], rng)]
    return parts


def _wanted(counts: np.ndarray, sizes: Mapping[str, int]) -> np.ndarray:
    """int64 [splits, classes]: texts of each class that each split wants."""
    wanted = []
    for size in sizes.values():
        wanted.append(quotas(counts, size))
        counts = counts - wanted[-1]
    return np.stack(wanted)


def _assign(
    labels: np.ndarray, groups: np.ndarray, wanted: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Split number of each group, -1 for none: largest group first, to the split that wants most of it.

    What a split wants of a group is the number of texts of classes that it lacks, times the share of itself that is
    still open. Groups that no split wants for their classes go where the most texts are missing.
    """
    content = np.zeros((int(groups.max()) + 1, wanted.shape[1]), np.int64)
    np.add.at(content, (groups, labels), 1)
    order = rng.permutation(len(content))
    order = order[np.argsort(-content[order].sum(axis=1), kind="stable")]
    owner = np.full(len(content), -1, np.int64)
    size = np.maximum(wanted.sum(axis=1), 1)
    lacking = wanted.copy()
    for group in order:
        gain = np.minimum(content[group], lacking).sum(axis=1) * (lacking.sum(axis=1) / size)
        if gain.max() > 0:
            owner[group] = gain.argmax()
            lacking[owner[group]] = np.maximum(lacking[owner[group]] - content[group], 0)
    filled = np.array([content[owner == number].sum() for number in range(len(wanted))])
    for group in order[owner[order] == -1]:
        short = wanted.sum(axis=1) - filled
        if short.max() > 0:
            owner[group] = short.argmax()
            filled[owner[group]] += content[group].sum()
    return owner
