"""Stored documents: JSON with the version of their schema, so that what was written years ago can still be read.

A document begins with `{"schema":"responder.<type>/v<n>",`. One that was written by the present version is validated as it
is; an older one first walks up the `UPCASTERS` of its type, one version at a time. Raising a version means: change the model,
raise `version` here, add the function that makes the new form out of the old one, add an old document to the tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson
from pydantic_core import PydanticSerializationError, from_json, to_json

from responder.errors import Permanent
from responder.model.delivery import Delivery, Send
from responder.model.event import EVENT_SCHEMA, Change, Event, JobFact
from responder.model.evidence import RecordedAnswer
from responder.model.incident import INCIDENT_SCHEMA, Incident
from responder.model.journal import Action, Quarantined, Trail
from responder.model.report import REPORT_SCHEMA, Report
from responder.model.silence import Silence
from responder.model.value import Value

M = TypeVar("M", bound=Value)
LONGEST_REMEMBERED = 8_192
"""Characters. An incident on eight nodes has 2,000; the documents of large storms are few, and read again each time."""
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class DocumentType(Generic[M]):
    """How one type of document is written and read. `schema`: the name and version that are written today."""

    schema: str
    model: type[M]
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)
    """From version n (the key) to n + 1."""

    def __post_init__(self) -> None:
        name, _, version = self.schema.rpartition("/v")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "version", int(version))
        object.__setattr__(self, "prefix", f'{{"schema":"{self.schema}",')
        object.__setattr__(self, "own", "schema_" in self.model.model_fields)

    name: str = field(init=False)
    version: int = field(init=False)
    prefix: str = field(init=False)
    own: bool = field(init=False)
    """Whether the model itself has the field `schema`, as its first one."""
    plain: bool = False
    """Whether a value's own fields are its JSON: no aliases, no floats, no serializers of its own. Takes a third of the time."""
    remembered: int = 0
    """Texts whose values are remembered: a storm reads the same incident with every batch, and values are frozen."""
    _known: dict[str, M] = field(default_factory=dict, init=False, repr=False, compare=False)

    def dump(self, value: M) -> str:
        """The document's text."""
        try:
            text = _plain_json(value) if self.plain else value.model_dump_json(by_alias=True)
        except (PydanticSerializationError, orjson.JSONEncodeError):
            # Half a surrogate pair got in as text. It cannot be encoded; the rest of the document can.
            text = to_json(_encodable(value.model_dump(by_alias=True))).decode()
            return text if self.own else self.prefix + text[1:]
        text = text if self.own else self.prefix + text[1:]
        if self.remembered:
            self._remember(text, value)
        return text

    def load(self, text: str) -> M:
        """The value. Raises Permanent for a document of a newer version, or of none."""
        known = self._known.get(text) if self.remembered else None
        if known is not None:
            return known
        if text.startswith(self.prefix):
            value = self.model.model_validate_json(text if self.own else "{" + text[len(self.prefix) :])
            if self.remembered:
                self._remember(text, value)
            return value
        return self.model.model_validate(self._upcast(from_json(text)))

    def _remember(self, text: str, value: M) -> None:
        """Forgets all at once when full: no lock and no order to keep, and what matters is back with the next batch."""
        if len(text) <= LONGEST_REMEMBERED:
            if len(self._known) >= self.remembered:
                self._known.clear()
            self._known[text] = value

    def _upcast(self, tree: dict[str, Any]) -> dict[str, Any]:
        name, _, version = str(tree.get("schema", "")).rpartition("/v")
        if name != self.name or not version.isdigit():
            raise Permanent(f"a stored document says {tree.get('schema')!r} where {self.schema} was expected")
        for step in range(int(version), self.version):
            if step not in self.upcasters:
                raise Permanent(f"no way from {self.name}/v{step} to v{step + 1}: the store is older than can be read")
            tree = self.upcasters[step](tree)
        if int(version) > self.version:
            raise Permanent(
                f"a stored document is {tree['schema']}, this responder knows {self.schema}: run the version that wrote it"
            )
        tree = {key: part for key, part in tree.items() if key != "schema"}
        return tree | {"schema": self.schema} if self.own else tree


def _plain_json(value: Value) -> str:
    """What `model_dump_json` would write (tests/stores/test_documents.py compares them)."""
    return orjson.dumps(vars(value), default=vars, option=orjson.OPT_UTC_Z).decode()


def _encodable(tree: Any) -> Any:
    if isinstance(tree, str):
        return tree.encode("utf-8", "replace").decode()
    if isinstance(tree, dict):
        return {_encodable(key): _encodable(part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return [_encodable(part) for part in tree]
    return tree


EVENT = DocumentType(EVENT_SCHEMA, Event, plain=True)
TRAIL = DocumentType("responder.trail/v1", Trail)
INCIDENT = DocumentType(INCIDENT_SCHEMA, Incident, remembered=1_024)
REPORT = DocumentType(REPORT_SCHEMA, Report)
EVIDENCE = DocumentType("responder.evidence/v1", RecordedAnswer)
DELIVERY = DocumentType("responder.delivery/v1", Delivery)
SEND = DocumentType("responder.send/v1", Send)
JOB = DocumentType("responder.job/v1", JobFact, plain=True)
CHANGE = DocumentType("responder.change/v1", Change)
SILENCE = DocumentType("responder.silence/v1", Silence)
ACTION = DocumentType("responder.action/v1", Action)
QUARANTINED = DocumentType("responder.quarantined/v1", Quarantined)
