"""A YAML 1.2 text as plain nodes that know their line and column. Nothing in it is executed or built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from hpo.config.problems import Position, Problems

MOST_CHARACTERS = (
    200_000  # a file of the most nodes has room for them; four times as much takes half a minute
)
MOST_NODES = 10_000  # aliases count each time they are used, so that nested ones cannot multiply
LONGEST_NUMBER = 400  # digits; the largest float has 309, and Python prints none of 4,300
_CORE = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Node:
    """One value of the file.

    Attributes:
        at: where the value starts.
        key_at: where its key stands in a mapping; elsewhere the same as ``at``.
        value: a scalar, a tuple of nodes or a dict of nodes by key.
    """

    at: Position
    key_at: Position
    value: Any

    def plain(self) -> Any:
        """The value with lists and dicts in place of nodes."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, tuple) else self.value


def read_document(text: str, problems: Problems) -> Node | None:
    """Parse ``text``; None where it cannot be read as a whole. Every fault is added to ``problems``.

    A key that stands twice is a fault too; the first one counts.
    """
    if len(text) > MOST_CHARACTERS:
        problems.add((1, 1), f"a file of {len(text)} characters", f"at most {MOST_CHARACTERS}")
        return None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("%"):
            problems.add((number, 1), f"the YAML directive {line.split()[0]}", "YAML 1.2 without directives")
            return None
    root = _compose(text, problems)
    if root is None:
        return None
    reader = _Reader(problems)
    node = reader.read(root)
    return None if reader.broken else node


def positions(root: Node) -> Mapping[tuple[str | int, ...], Position]:
    """Where each key path of the document stands: the key in a mapping, the item in a list."""
    return dict(_walk(root, ()))


def _walk(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Position]]:
    yield path, node.key_at
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _walk(child, (*path, key))
    elif isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            yield from _walk(child, (*path, index))


def _compose(text: str, problems: Problems) -> YamlNode | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # an anchor may be set again; YAML allows it
    try:
        root: YamlNode | None = yaml.compose(text)
    except RecursionError:
        problems.add((1, 1), "lists or mappings nested too deeply", "the levels that the documentation shows")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        context = f" {error.context}" if error.context else ""
        problems.add(at, f"broken YAML: {error.problem}{context}", "YAML 1.2")
    except YAMLError as error:  # a character that YAML forbids: the reader knows its position in the text
        index = getattr(error, "position", 0)
        at = (text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))
        problems.add(at, f"broken YAML: {str(error).splitlines()[0]}", "YAML 1.2")
    else:
        if root is None:
            problems.add((1, 1), "an empty file", "a space file; `hpo schema` describes it")
        return root
    return None


@dataclass
class _Reader:
    """Turns composed nodes into plain ones, counting them."""

    problems: Problems
    broken: bool = False
    count: int = 0
    open: set[int] = field(default_factory=set)  # nodes being read: meeting one again is a cycle

    def read(self, node: YamlNode, key_at: Position | None = None) -> Node:
        at = _position(node)
        self.count += 1
        value = None
        if self.count == MOST_NODES:
            self._break(at, "too many values, with those that aliases repeat", f"at most {MOST_NODES}")
        elif id(node) in self.open:
            self._break(at, "an alias inside the value that it names", "aliases of finished values")
        elif self.count < MOST_NODES:
            self.open.add(id(node))
            value = self._value(node)
            self.open.remove(id(node))
        return Node(at, key_at or at, value)

    def _break(self, at: Position, found: str, allowed: str) -> None:
        self.problems.add(at, found, allowed)
        self.broken = True

    def _value(self, node: YamlNode) -> Any:
        if isinstance(node, MappingNode):
            return self._mapping(node)
        if isinstance(node, SequenceNode):
            # The limit ends the walk: nested aliases would multiply it otherwise.
            return tuple(self.read(item) for item in node.value if self.count < MOST_NODES)
        return self._scalar(node)

    def _mapping(self, node: MappingNode) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for key, child in node.value:
            at = _position(key)
            if not isinstance(key, ScalarNode):
                self._break(at, "a list or mapping as a key", "a word as a key")
            elif key.value in entries:
                first = entries[key.value].key_at[0]
                self.problems.add(at, f"key {key.value!r} a second time", f"once (line {first} has it)")
            elif self.count < MOST_NODES:
                entries[key.value] = self.read(child, at)
        return entries

    def _scalar(self, node: YamlNode) -> Any:
        tag = str(node.tag)
        kind = tag.removeprefix(_CORE)
        if kind in _READERS:
            try:
                return _READERS[kind](node.value)
            except ValueError:  # an explicit tag on a text that is no number, or thousands of digits
                return str(node.value)
        written = f"!!{kind}" if kind != tag else tag
        self._break(_position(node), f"the YAML tag {written}", "plain values without a tag")
        return None


def _position(node: YamlNode) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits, 0) if digits.lstrip("+-")[:2].lower() in ("0x", "0o") else int(digits)


def _real(text: str) -> float:
    # YAML writes infinity and not-a-number with a leading dot.
    digits = text.replace("_", "").lower()
    return float(digits.replace(".inf", "inf").replace(".nan", "nan"))


_READERS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _real,
    # A space file has no dates and no merge keys: they are words.
    **dict.fromkeys(("str", "timestamp", "merge", "value"), str),
}
