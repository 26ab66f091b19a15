"""On what a run trained: data, model and device, and how private it was."""

from __future__ import annotations

from hpo.records.base import NOT_RECORDED, Frozen


class SplitInfo(Frozen):
    """Facts about the data: sizes in texts (0: not recorded), and what makes them these data.

    Attributes:
        source: name of the data and where it came from.
        labels: classes, labels, or types of entities.
        texts_cut: how many of all splits have more tokens than are read, of several models as the one that cuts most
            reads them; None: not recorded.
        scrubbed: how many e-mail addresses (``EMAIL``), ``PHONE`` and ``CARD`` numbers were replaced in the texts of the
            source; None: none was looked for.
        groups: group of each test item, by number, in the order of the split; None: no groups.
        sha256: covers texts, labels and their assignment to splits.
    """

    source: str = NOT_RECORDED
    licence: str = NOT_RECORDED
    labels: tuple[str, ...] = ()
    train: int = 0
    validation: int = 0
    test: int = 0
    duplicates_dropped: int = 0
    texts_cut: int | None = None
    scrubbed: dict[str, int] | None = None
    groups: tuple[int, ...] | None = None
    sha256: str = NOT_RECORDED


class ShiftInfo(Frozen):
    """A further set of labelled texts, of another domain, on which confirmations alone were scored.

    Attributes:
        size: in texts.
        overlap_dropped: texts left out because they also stand in the task's own splits.
        texts_cut: how many have more tokens than are read; None: not recorded.
        largest_class: share of the texts with the most frequent class; None where a text has no one class.
        groups: group of each item, by number, in the order of the set; None: no groups.
        sha256: covers texts and labels.
    """

    name: str
    source: str
    licence: str
    size: int
    overlap_dropped: int = 0
    duplicates_dropped: int = 0
    texts_cut: int | None = None
    largest_class: float | None = None
    groups: tuple[int, ...] | None = None
    sha256: str


class ModelInfo(Frozen):
    """The pretrained body.

    Attributes:
        parameters: of all its layers; 0: not recorded.
        sha256: covers its weights; of a model from outside the catalogue its configuration and tokenizer too.
    """

    source: str = NOT_RECORDED
    licence: str = NOT_RECORDED
    layers: int = 0
    hidden_size: int = 0
    parameters: int = 0
    sha256: str = NOT_RECORDED


class DeviceInfo(Frozen):
    """Where training ran, with which number format, and why; in so many workers, each of so many ``threads``."""

    name: str = NOT_RECORDED
    precision: str = NOT_RECORDED
    precision_reason: str = NOT_RECORDED
    threads: int = 0
    workers: int = 1


class PrivateGroup(Frozen):
    """Private trainings of one epsilon.

    Attributes:
        epsilon: that was asked for.
        spent: that all of them together meet, as counted beforehand.
        noise_multiplier: standard deviation of the noise over the clipping norm.
        trainings: how many there are at most: trials, confirmations and the baseline's.
        strategies: whose trainings they are.
        steps, rate: of one training, the most: its steps, and the probability with which each draws a text.
    """

    epsilon: float
    spent: float
    noise_multiplier: float
    trainings: int
    strategies: tuple[str, ...]
    steps: int
    rate: float


class PrivacyInfo(Frozen):
    """Differential privacy of the training split by DP-SGD; the noise's seed is nowhere in the records.

    Attributes:
        accountant: with which it was counted.
        delta: goes with each epsilon.
        clip: largest norm of the gradient of one text.
        together: epsilon of the trainings of all groups.
        unprotected: strategies (and the baseline) whose trainings are not private.
    """

    accountant: str
    delta: float
    clip: float
    groups: tuple[PrivateGroup, ...]
    together: float
    unprotected: tuple[str, ...] = ()
