"""Numbers and names as a report prints them, and how names are escaped in Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hpo.records.metrics import Metric


def one_line(text: str) -> str:
    """``text`` with line breaks, tabs and control characters as single spaces."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).split())


def markdown(text: str) -> str:
    """``text`` for Markdown that may pass HTML through."""
    escaped = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", escaped)


def percent(share: float) -> str:
    """A share of 1 in percent: ``78.2 %``."""
    return f"{100 * share:.1f} %"


def percent_interval(interval: tuple[float, float]) -> str:
    """``76.5 to 79.9 %``."""
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def points(share: float) -> str:
    """A difference of two shares in percentage points with its sign, without the unit: ``+1.84``."""
    text = f"{100 * share:+.2f}"
    return "0.00" if float(text) == 0 else text


@dataclass(frozen=True)
class Units:
    """How scores of a metric and their differences are printed: shares in percent and points, others as numbers."""

    metric: Metric

    @property
    def scale(self) -> float:
        """What an axis multiplies scores by."""
        return 100.0 if self.metric.share else 1.0

    def axis(self, split: str) -> str:
        """``test accuracy, %``."""
        return f"{split} {self.metric.name}" + (", %" if self.metric.share else "")

    @property
    def difference_unit(self) -> str:
        """What a difference is counted in, with a space before it; empty where it is a plain number."""
        return " points" if self.metric.share else ""

    def value(self, score: float | None) -> str:
        """``78.2 %``, ``0.4312``; ``-`` where there is none."""
        if score is None:
            return "-"
        return percent(score) if self.metric.share else f"{score:.4g}"

    def interval(self, interval: tuple[float, float]) -> str:
        """``76.5 to 79.9 %``; a single unit has none."""
        if math.isinf(interval[0]):
            return "not known"
        if self.metric.share:
            return percent_interval(interval)
        return f"{interval[0]:.4g} to {interval[1]:.4g}"

    def difference(self, difference: float | None) -> str:
        """``+1.84``: points of a share, else in the metric's own unit; ``-`` where there is none."""
        if difference is None:
            return "-"
        return points(difference) if self.metric.share else f"{difference:+.3g}"

    def difference_interval(self, interval: tuple[float, float]) -> str:
        """``-0.12 to +1.90``; a single unit has none."""
        if math.isinf(interval[0]):
            return "not known"
        return f"{self.difference(interval[0])} to {self.difference(interval[1])}"


def p_text(p: float) -> str:
    """A p-value: ``0.012``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def seconds(value: float) -> str:
    """Device-seconds, with hours from 10,000 on."""
    return f"{value:,.1f}" if value < 10_000 else f"{value:,.0f} ({value / 3600:.1f} h)"


def value_text(value: Any) -> str:
    """A parameter's value: three significant digits of a float, a list in brackets."""
    if isinstance(value, float) and 0 < abs(value) < 0.001:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if isinstance(value, float):
        return f"{value:.3g}".replace("e+0", "e+")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    return str(value)


def plain_value(value: Any) -> Any:
    """A parameter's value for a table of numbers: a list as text."""
    return value_text(value) if isinstance(value, list | tuple) else value


def capitalised(text: str) -> str:
    """``text`` with a capital first letter, the others as they are: ``Accuracy``, ``AUC``."""
    return text[:1].upper() + text[1:]


def listed(names: Iterable[str]) -> str:
    """``a, b and c``."""
    items = list(names)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1] if items else "none"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 seed``, ``1,000 seeds``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def between(counts: Iterable[int]) -> str:
    """``4``; ``12 to 16`` where ``counts``, at least one, differ."""
    sizes = sorted(set(counts))
    return " to ".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))


def ranged(counts: Iterable[int], noun: str, plural: str | None = None) -> str:
    """``4 trials``; ``12 to 16 trials`` where ``counts``, at least one, differ."""
    sizes = set(counts)
    low, most = min(sizes), counted(max(sizes), noun, plural)
    return most if len(sizes) == 1 else f"{low:,} to {most}"


def configuration(parameters: Mapping[str, Any]) -> str:
    """``name=value`` of each parameter, by name."""
    return ", ".join(f"{name}={value_text(parameters[name])}" for name in sorted(parameters))
