"""YAML text to a tree of nodes, and the tree to plain values: safe, bounded, by the YAML 1.2 core schema.

libyaml composes (its nodes carry marks); the values are made here, because PyYAML's own constructor reads YAML 1.1,
keeps the last of duplicate keys, and expands aliases without a bound. `document` is what everybody else uses.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from responder.errors import ResponderError

MAX_DEPTH = 128  # nested collections; libyaml's recursion overflows the C stack somewhere above 20,000
MAX_NODES = 2_000_000  # nodes after aliases are expanded ("billion laughs")

Step = str | int

_STR, _NULL, _BOOL, _INT, _FLOAT, _MAP, _SEQ = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "null", "bool", "int", "float", "map", "seq")
)
_MERGE = "<<"
# YAML 1.2.2 section 10.3.2 (core schema), 2021-10-01
_WORDS = dict.fromkeys(("", "~", "null", "Null", "NULL"), (_NULL, None)) | {
    word: (_BOOL, word.lower() == "true") for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER_STARTS = frozenset("+-.0123456789")


class BadNodeError(ResponderError):
    """YAML, but not acceptable here."""

    def __init__(self, message: str, node: yaml.Node) -> None:
        super().__init__(message)
        self.node = node


class _Loader(yaml.CSafeLoader):
    """Composes nodes with libyaml; the core schema instead of YAML 1.1, and a bound on the depth."""

    depth = 0

    def descend_resolver(self, current_node: object, _index: object) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH}", problem_mark=_mark_of(current_node))

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        if kind is not yaml.ScalarNode:
            return _MAP if kind is yaml.MappingNode else _SEQ
        if not implicit[0]:
            return _STR
        if value in _WORDS:
            return _WORDS[value][0]
        if value[0] in _NUMBER_STARTS:
            if _INTEGER.fullmatch(value):
                return _INT
            if _REAL.fullmatch(value):
                return _FLOAT
        return _STR


def _mark_of(node: object) -> Any:
    return node.start_mark if isinstance(node, yaml.Node) else None


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: a document makes a great many objects and no garbage, and each of the collector's
    passes visits all of them (measured on 2.4 MB: 1.9 s with it, 0.3 s without)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def compose(text: str) -> "yaml.Node | None":
    """The tree of nodes with their marks, None for an empty text. Raises yaml.YAMLError."""
    loader = _Loader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


class Builder:
    """Nodes to plain values. Aliases share one value; `<<` merges as in YAML 1.1, which people expect in rules."""

    def __init__(self) -> None:
        self.done: dict[int, tuple[Any, int]] = {}
        self.open: set[int] = set()
        self.nodes = 0

    def build(self, node: yaml.Node) -> Any:
        value, self.nodes = self._sized(node)
        return value

    def _sized(self, node: yaml.Node) -> tuple[Any, int]:
        """The value, and how many nodes it would have with every alias written out."""
        if type(node) is yaml.ScalarNode:
            return _scalar(node), 1
        known = self.done.get(id(node))
        if known is not None:
            return known
        if id(node) in self.open:
            raise BadNodeError("an alias contains itself", node)
        self.open.add(id(node))
        result: tuple[Any, int]
        if type(node) is yaml.MappingNode:
            result = self._mapping(node)
        elif type(node) is yaml.SequenceNode and node.tag == _SEQ:
            pairs = [self._sized(item) for item in node.value]
            result = [value for value, _ in pairs], 1 + sum(size for _, size in pairs)
        else:
            raise BadNodeError(f"tag {node.tag} is not supported", node)
        if result[1] > MAX_NODES:
            raise BadNodeError(f"more than {MAX_NODES:,} values once its aliases are written out", node)
        self.open.discard(id(node))
        self.done[id(node)] = result
        return result

    def _mapping(self, node: yaml.MappingNode) -> tuple[dict[str, Any], int]:
        if node.tag != _MAP:
            raise BadNodeError(f"tag {node.tag} is not supported", node)
        out: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        size = 1
        for name, item in node.value:
            if type(name) is not yaml.ScalarNode:
                raise BadNodeError("a key must be a text", name)
            value, count = self._sized(item)
            size += count
            if size > MAX_NODES:
                break
            if name.value == _MERGE and not name.style:
                for part in value if isinstance(value, list) else [value]:
                    if not isinstance(part, dict):
                        raise BadNodeError("<< takes a mapping or a list of mappings", item)
                    merged = part | merged
            elif name.value in out:
                raise BadNodeError(f'key "{name.value}" occurs twice', name)
            else:
                out[name.value] = value
        return (merged | out if merged else out), size


def _scalar(node: yaml.ScalarNode) -> Any:
    tag, text = node.tag, node.value
    if tag == _STR:
        return text
    try:
        if tag in (_NULL, _BOOL):
            return _WORDS[text][1]
        if tag == _INT:
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if tag == _FLOAT:
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except (ValueError, KeyError):
        raise BadNodeError(f"not a value of its tag: {text[:60]!r}", node) from None
    raise BadNodeError(f"tag {tag} is not supported", node)


def child(node: "yaml.Node | None", step: Step) -> "tuple[yaml.Node | None, yaml.Node] | None":
    """Key node and value node under `step`; looks into `<<` last."""
    if type(node) is yaml.SequenceNode and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    if type(node) is not yaml.MappingNode:
        return None
    for name, value in node.value:
        if name.value == step:
            return name, value
    for name, value in node.value:
        if name.value == _MERGE:
            for part in value.value if type(value) is yaml.SequenceNode else [value]:
                if (pair := child(part, step)) is not None:
                    return pair
    return None
