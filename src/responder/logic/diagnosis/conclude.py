"""From weighed accounts to what people read: hypotheses with next steps, what was ruled out, facts, timeline, title, summary."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from responder.logic.diagnosis.catalogue import Device, normal
from responder.logic.diagnosis.knowledge import Knowledge
from responder.logic.diagnosis.observe import Observed
from responder.logic.diagnosis.steps import merge
from responder.logic.diagnosis.weigh import Account
from responder.logic.hosts import unify
from responder.logic.template import UnfilledError, fill
from responder.model.diagnosis import BENIGN, UNKNOWN, Case, Hypothesis, RuledOut, TimelineEntry, Verdict
from responder.model.skill import NextStep, Skill, TaxonomyClass

SHOWN_HYPOTHESES = 8
LEAST_SHOWN = 0.01
RULED_OUT_BELOW = 0.05
MOST_TIMELINE = 12
MOST_ENTITIES = 512
MOST_READ = 64
"""Names of one kind taken from the lines."""
_FIELD_ENTITIES = {
    "node": "node",
    "host": "node",
    "hostname": "node",
    "pod": "pod",
    "job": "job",
    "job_id": "job",
    "uuid": "gpu",
    "gpu_uuid": "gpu",
    "pci": "pci",
    "service": "service",
    "namespace": "namespace",
    "model": "model",
    "deployment": "service",
}
Values = Mapping[str, tuple[str, ...]]
"""Variable to its values, the one to use first."""
_TITLES = {UNKNOWN: "Cause unknown", BENIGN: "Nothing that needs anybody"}


def variables(case: Case, entities: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """What commands may name: entities, then labels of the newest event."""
    found: dict[str, tuple[str, ...]] = {}
    for event in case.events:
        for name, value in event.labels.items():
            if value and name.isidentifier():
                found[name.lower()] = (value,)
    for kind, names in entities.items():
        if names:
            found[kind] = tuple(names)
    return found


def in_words(values: Mapping[str, tuple[str, ...]], where: str) -> dict[str, tuple[str, ...]]:
    """What sentences name: where several nodes are hit and none is blamed, the place that they share, and how many GPUs."""
    if not values.get("node") or not where or where == values["node"][0]:
        return dict(values)
    gpus = values.get("gpu", ())
    return {**values, "node": (where,), "gpu": (f"{len(gpus)} GPUs",) if len(gpus) > 1 else gpus}


def entities(case: Case, seen: Observed) -> dict[str, tuple[str, ...]]:
    """Entities of the events first, then what the lines name, the first failing process's own ahead of the others."""
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for event in case.events:
        for kind, values in event.entities.items():
            names[kind].update(dict.fromkeys(values))
    for kind, values in case.entities.items():
        names[kind].update(dict.fromkeys(values))
    if seen.root is not None and seen.root.node:
        names["node"].setdefault(seen.root.node)
    for hit in ([seen.first] if seen.first else []) + seen.hits[:2000]:
        if hit.node:
            names["node"].setdefault(hit.node)
        if hit.said.pod:
            names["pod"].setdefault(hit.said.pod)
        for name, value in hit.fields.items():
            kind = _FIELD_ENTITIES.get(name, "")
            if kind == "pci":
                names["pci"].setdefault(normal(str(value)))
            elif kind and str(value).strip() and len(names[kind]) < MOST_READ:
                names[kind].setdefault(str(value).strip())
    listed = {kind: tuple(values) for kind, values in names.items() if values}
    if "node" in listed:
        listed["node"] = unify(listed["node"])
    return {kind: values[:MOST_ENTITIES] for kind, values in listed.items()}


def hypotheses(
    ranked: Sequence[Account], skill: Skill, knowledge: Knowledge, seen: Observed, values: Values, words: Values
) -> tuple[Hypothesis, ...]:
    """The most probable ones; `unknown` is always among them, `benign` where anything speaks for it."""
    shown: list[Hypothesis] = []
    for place, account in enumerate(ranked):
        worth = account.probability >= LEAST_SHOWN or place < 3
        if account.name == UNKNOWN or (
            worth and len(shown) < SHOWN_HYPOTHESES and (account.name != BENIGN or account.because)
        ):
            shown.append(_hypothesis(account, skill, knowledge, seen, values, words))
    return tuple(shown)


def _hypothesis(
    account: Account, skill: Skill, knowledge: Knowledge, seen: Observed, values: Values, words: Values
) -> Hypothesis:
    known = knowledge.taxonomy.get(account.name)
    spec = next((one for one in skill.hypotheses if one.class_ == account.name), None)
    steps: list[NextStep] = list(spec.next_steps) if spec else []
    device = _device_of(account.name, seen, knowledge)
    if not steps and known is not None:
        steps = list(known.first_actions)
    says = spec.says if spec and spec.says else ""
    return Hypothesis.model_validate(
        {
            "class": account.name,
            "title": known.title if known else _TITLES.get(account.name, account.name),
            "probability": round(account.probability, 4),
            "because": tuple(dict.fromkeys(account.because)),
            "against": tuple(dict.fromkeys(account.opposed)),
            "symptoms": tuple(
                name
                for name, share in sorted(account.symptoms.items(), key=lambda pair: (-pair[1], pair[0]))
                if share >= 0.2
            ),
            "next_steps": tuple(
                _filled(step, values, words) for step in merge(steps, device.steps if device is not None else ())
            ),
            "says": _said(says, known, words, device),
        }
    )


def _device_of(name: str, seen: Observed, knowledge: Knowledge) -> Device | None:
    """The first device whose root code is of that class, before others one whose codes mean more together."""
    found = []
    for device in seen.codes.devices:
        known = knowledge.catalogues[device.catalogue].code(device.root) if device.root is not None else None
        if known is not None and known.class_ == name:
            found.append(device)
    return next((device for device in found if device.says), found[0] if found else None)


def _said(says: str, known: TaxonomyClass | None, values: Values, device: Device | None) -> str:
    try:
        text = fill(says, values) if says else ""
    except UnfilledError:
        text = ""
    if not text and known is not None:
        text = known.definition
    if says.startswith("{node}") and text and " " in values.get("node", ("",))[0]:
        text = text[0].upper() + text[1:]  # a place in words begins the sentence; a name keeps its letters
    more = device.says[0] if device is not None and device.says else ""
    return f"{text} {more}".strip()


def _filled(step: NextStep, values: Values, words: Values) -> NextStep:
    """The step with its variables; the command goes when one of its variables has no value."""
    command = step.command
    if command is not None:
        try:
            command = fill(command, values, "shell")
        except UnfilledError:
            command = None
    do = step.do
    with contextlib.suppress(UnfilledError):
        do = fill(step.do, words)
    if command is not None and "{node}" in (step.command or "") and words.get("node") != values.get("node"):
        do = f"{do} (the command names the first of {len(values['node'])} nodes)"
    return step.model_copy(update={"command": command, "do": do})


def ruled_out(ranked: Iterable[Account]) -> tuple[RuledOut, ...]:
    """Classes that had support and lost it: explained by another cause, or contradicted."""
    out: list[RuledOut] = []
    for account in ranked:
        if account.name in (UNKNOWN, BENIGN) or account.probability >= RULED_OUT_BELOW:
            continue
        if account.opposed:
            out.append(_out(account.name, account.opposed))
        elif account.explained_by and account.cause > 0:
            out.append(_out(account.name, account.because))
    return tuple(out[:SHOWN_HYPOTHESES])


def _out(name: str, because: Sequence[str]) -> RuledOut:
    return RuledOut.model_validate({"class": name, "because": tuple(dict.fromkeys(because))})


def facts(seen: Observed, ranked: Sequence[Account], knowledge: Knowledge) -> dict[str, JsonValue]:
    """What programs ask for: first failing rank and node, exit code, codes and the device's own verdict, clock skew, retry advice."""
    found: dict[str, Any] = {}
    if seen.root is not None:
        found["first_failing_rank"] = seen.root.rank
        found["first_failing_node"] = seen.root.node
        found["exit_code"] = _whole(seen.root.facts.get("exit_code"))
    if seen.first is not None:
        found.setdefault("first_failing_rank", seen.first.rank)
        if found["first_failing_rank"] is None:
            found["first_failing_rank"] = seen.first.rank
        if not found.get("first_failing_node") and found["first_failing_rank"] == seen.first.rank:
            found["first_failing_node"] = seen.first.node
        found["first_error_line"] = seen.first.line
    for device in seen.codes.devices:
        if device.verdict:
            found["recovery_action"] = device.verdict
        if device.root is not None:
            found.setdefault("root_code", device.root)
        if device.disagreement:
            found["authorities_disagree"] = list(device.disagreement)
    if seen.order.skews:
        found["skew_s"] = {who: round(skew.total_seconds(), 1) for who, skew in sorted(seen.order.skews.items())}
    if ranked and ranked[0].name in knowledge.taxonomy:
        found["retry_advice"] = _retry(knowledge.taxonomy[ranked[0].name])
    return {name: value for name, value in found.items() if value is not None}


def _whole(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None


def _retry(known: TaxonomyClass) -> str:
    """Whether trying again helps, by the usual culprit."""
    match known.culprit:
        case "user_code" | "dependency" | "data" | "security" | "platform_config":
            return "fix_first"
        case "hardware" | "driver":
            return "exclude_node_and_retry"
        case "capacity":
            return "change_request_first"
        case _:
            return "retry"


def timeline(case: Case, seen: Observed, cited: Mapping[str, str]) -> tuple[TimelineEntry, ...]:
    """When alerts started and when each known message was first seen (clocks corrected)."""
    entries = [
        TimelineEntry(at=event.starts_at, what=event.title or f"{event.kind.value} event")
        for event in case.events[:MOST_TIMELINE]
    ]
    told: set[str] = set()
    for hit in seen.hits:
        if (
            hit.at is None
            or hit.signature in told
            or hit.signature not in cited
            or seen.parts[hit.part].source != "log"
        ):
            continue
        told.add(hit.signature)
        who = f"rank {hit.rank}" if hit.rank is not None else (hit.node or "")
        skew = seen.order.skews.get(who, timedelta())
        text = hit.said.body.strip()[:160]
        entries.append(TimelineEntry(at=hit.at - skew, what=f"{who}: {text}" if who else text))
        if len(told) >= MOST_TIMELINE:
            break
    return tuple(sorted(entries, key=lambda entry: entry.at))


def title(verdict: Verdict, first: Hypothesis, where: str) -> str:
    """One line: the cause and the place it hit; nothing where there is no cause to name."""
    if verdict is not Verdict.DIAGNOSED:
        return ""
    return f"{first.title} on {where}" if where else first.title


def summary(verdict: Verdict, shown: Sequence[Hypothesis], seen: Observed) -> str:
    """Two or three sentences a sleepy person understands."""
    if verdict is Verdict.BENIGN:
        return "What was seen is normal operation; nobody needs to act."
    if verdict is Verdict.INSUFFICIENT_EVIDENCE:
        hints = [f"{one.title} ({one.probability:.0%})" for one in shown if one.class_ not in (UNKNOWN, BENIGN)][:2]
        tail = f" Weak hints point to: {', '.join(hints)}." if hints else ""
        return f"The evidence does not single out a cause.{tail}"
    first = shown[0]
    sentences = [first.says or first.title]
    rank = seen.first.rank if seen.first else None
    if rank is not None:
        sentences.append(f"It began on rank {rank}.")
    if first.symptoms:
        sentences.append("Other errors in the logs follow from it.")
    return " ".join(sentence if sentence.endswith(".") else f"{sentence}." for sentence in sentences)
