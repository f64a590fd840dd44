"""`responder explain`: the decision trail of a stored event, or what the rules would make of a payload."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from responder.config import read
from responder.errors import InputError
from responder.logic.redact import redact_event
from responder.pipeline.explain import explain_event, explain_routing
from responder.runtime.clock import SystemClock
from responder.wiring.adapters import formats
from responder.wiring.knowledge import read_playbook
from responder.wiring.oneoff import decode_any, log_event
from responder.wiring.store import open_reader


async def explain_stored(event_id: str, config: Path | None) -> list[Mapping[str, Any]]:
    """Reads the configured store directly, beside a running daemon. Raises InputError for an unknown event."""
    loaded = read(config)
    book = read_playbook(loaded)
    async with open_reader(loaded.config.store, SystemClock(), loaded) as store:
        found = await store.read(lambda tx: explain_event(tx, event_id, book))
    if found is None:
        raise InputError(
            f"no event {event_id} in {loaded.config.store}; events are kept for {loaded.config.retention.events}"
        )
    return [found]


def explain_file(body: bytes, config: Path | None) -> list[Mapping[str, Any]]:
    """What today's rules make of each event of a payload (or of a log)."""
    book = read_playbook(read(config))
    now = datetime.now(UTC)
    events = decode_any(body, now, formats()) or [log_event(body, now, None)]
    return [explain_routing(redact_event(event), book) for event in events]


def print_explanation(found: Mapping[str, Any]) -> None:
    """For people: what it was, each rule with the matcher that decided, what followed."""
    out = sys.stdout.write
    event = found["event"]
    out(f"{event['id']}  {event['status']}  {event['title']}\n")
    out(f"  labels    {', '.join(f'{k}={v}' for k, v in sorted(found['labels'].items()))}\n")
    trail = found.get("trail")
    if trail:
        out(f"  decided   {trail['disposition']}: {trail['reason']}")
        out(f" (by {trail['suppressed_by']})\n" if trail.get("suppressed_by") else "\n")
        if trail.get("silence_id"):
            out(f"  silence   {trail['silence_id']}\n")
    if found.get("seen"):
        seen = found["seen"]
        out(
            f"  seen      {seen['count']} times, {seen['first_at'][:19]} to {seen['last_at'][:19]}, now {seen['status']}\n"
        )
    matched = [step for step in found["rules"] if step["matched"]]
    out("  rules\n")
    for step in matched:
        out(f"    + {step['rule']}\n")
    missed = [step for step in found["rules"] if not step["matched"]]
    for step in missed:
        had = (
            f" (has {step['found']!r})"
            if step.get("found")
            else ""
            if "not reached" in step["failed_at"]
            else " (label is absent)"
        )
        out(f"    - {step['rule']}: {step['failed_at']}{had}\n")
    if found.get("decided_with") and found["decided_with"] != found["rules_now"]:
        out(
            f"  note      it was decided with rules {found['decided_with']}; the rules shown are {found['rules_now']}\n"
        )
    for incident in found.get("incidents", ()):
        if "gone" in incident:
            out(f"  incident  {incident['id']} ({incident['gone']})\n")
            continue
        out(
            f"  incident  {incident['id']}  {incident['severity']} {incident['status']}  {incident['class'] or 'no cause yet'}\n"
        )
        out(f"            {incident['severity_reason']}\n")
        if incident["parent"]:
            out(f"            a symptom of {incident['parent']}\n")
        for send in incident["sends"]:
            word = "sent" if send["sent"] else "not sent"
            where = f" as {send['message_id']}" if send.get("message_id") else ""
            out(f"    {send['at'][:19]} {send['sink']}: {word}, {send['reason']}{where}\n")
        for row in incident["deliveries"]:
            if row["last_error"]:
                out(f"    {row['sink']} fails since {row['failing_since']}: {row['last_error']}\n")
