"""What a case gives to read: the logs of its events, the alerts' own words, and loose text, each as one part."""

from dataclasses import dataclass
from functools import cached_property

from responder.logic.diagnosis.structure import LOOKED_AT, Structure, structure
from responder.logic.diagnosis.text import plain
from responder.model.diagnosis import Case
from responder.model.event import Event, JobState, Status

MOST_EVENT_TEXTS = 200
"""Alerts of one incident whose words are read; a storm repeats itself."""


@dataclass(frozen=True)
class Part:
    """`source` is `log` or `event`; rank and node are known where the sender said them."""

    text: str
    source: str
    rank: int | None = None
    node: str | None = None

    @cached_property
    def plain(self) -> str:
        """The head of the text as the scanner sees it, line by line."""
        return plain(self.text[:LOOKED_AT].encode("utf-8", "replace")).decode("utf-8", "replace")

    @cached_property
    def structure(self) -> Structure:
        """Of the head of the text; lines count as the scanner counts them."""
        return structure(self.plain)


def parts(case: Case) -> list[Part]:
    """Logs first, then what alerts say; equal texts once."""
    found = [Part(case.text, "log")] if case.text else []
    for event in case.events:
        found += [Part(piece.text, "log", piece.rank, piece.node) for piece in event.logs if piece.text]
    seen: set[str] = set()
    for event in case.events[:MOST_EVENT_TEXTS]:
        text = event_text(event)
        if text and text not in seen and event.status is not Status.RESOLVED:
            seen.add(text)
            nodes = event.entities.get("node", ())
            found.append(Part(text, "event", node=nodes[0] if len(nodes) == 1 else None))
    return found


def _link(value: str) -> bool:
    """A bare URL leads to words about a kind of alert; it says nothing of this one."""
    return value.startswith(("http://", "https://")) and len(value.split()) == 1


def event_text(event: Event) -> str:
    """An event's words, one fact a line, as people and signatures would find them in a pasted alert."""
    lines = [event.title] if event.title else []
    lines += [value for value in event.annotations.values() if value and value != event.title and not _link(value)]
    lines += [f'{name}="{value}"' for name, value in event.labels.items() if value]
    job = event.job
    if job is not None:
        said_well = (
            job.exit_code != 0 or job.state is JobState.COMPLETED
        )  # a job that a signal or its node ended has a 0 too
        facts = (
            ("state", job.state.value.upper()),
            ("exit code", job.exit_code if said_well else None),
            ("signal", job.signal),
            ("reason", job.reason),
        )
        lines.append(", ".join(f"{name} {value}" for name, value in facts if value not in (None, "")))
    return "\n".join(lines)
