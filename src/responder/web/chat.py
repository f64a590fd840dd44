"""Slash commands and buttons, whichever way they arrive: signed HTTP here, or a socket that wiring connects to `handle`.

Answers within 3 s; what takes longer follows by the request's own `response_url`. Text of users is data: no link in it is
fetched. The role map decides who may act, and a refusal is recorded.
"""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request, Response

from responder.duration import parse_duration
from responder.errors import InputError, ResponderError
from responder.model.incident import Incident
from responder.model.report import Report
from responder.ports import Desk, IncidentFilter
from responder.telemetry import log
from responder.web.bodies import bounded
from responder.web.late_answers import reply

_log = log(__name__)
TRIAGE_TEXT_LIMIT = 4000
ANSWER_WITHIN = 2.0
"""Seconds; the person is shown an error after 3, and the answer has a way to go."""

HELP = """*/responder* — ask the incident responder
• `triage <text or incident id>`  a one-off report on pasted log lines, or the current report of an incident
• `show <incident>`  its report     • `list [open|all]`  incidents
• `ack <incident>`   • `resolve <incident> [what fixed it]`   • `silence <incident> [1h] [why]`
• `skills [domain]`  what it can diagnose     • `help`  this text"""

Later = Callable[[Awaitable[None]], None]
"""Takes work that nobody waits for, and keeps it until it is done."""


def routes(desk: Desk, verify: Callable[[Mapping[str, str], bytes], str | None] | None) -> APIRouter:
    """`/slack/commands` and `/slack/interactions`; 404 while that door is closed."""
    router = APIRouter(include_in_schema=False)
    background: set[asyncio.Task[None]] = set()

    async def checked(request: Request) -> bytes | Response:
        if verify is None:
            return Response("no chat sink is configured", 404)
        body = await bounded(request)
        if body is None:
            return Response("too large", 413, {"connection": "close"})
        headers = {name.lower(): value for name, value in request.headers.items()}
        problem = verify(headers, body)
        if problem is not None:
            _log.warning("chat_request_refused", why=problem)
            return Response(problem, 401)
        return body

    def later(work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        background.add(task)
        task.add_done_callback(background.discard)

    @router.post("/slack/commands")
    async def commands(request: Request) -> Response:
        body = await checked(request)
        if isinstance(body, Response):
            return body
        fields = _form(body)
        answer = await handle(desk, "command", fields, later)
        return _json(answer)

    @router.post("/slack/interactions")
    async def interactions(request: Request) -> Response:
        body = await checked(request)
        if isinstance(body, Response):
            return body
        try:
            payload = orjson.loads(_form(body).get("payload", ""))
        except orjson.JSONDecodeError:
            return Response("no payload", 400)
        if not isinstance(payload, dict):
            return Response("no payload", 400)
        answer = await handle(desk, "interaction", payload, later)
        return _json(answer)

    return router


async def handle(desk: Desk, kind: str, payload: Mapping[str, Any], later: Later) -> dict[str, Any] | None:
    """One command or interaction, answered in time: what takes longer (a locked store) goes on, and its answer follows."""
    task = asyncio.ensure_future(_answer(desk, kind, payload, later))
    done, _ = await asyncio.wait({task}, timeout=ANSWER_WITHIN)
    if done:
        return task.result()

    async def follow() -> None:
        answer = await task
        if answer is not None:
            await reply(str(payload.get("response_url", "")), answer)

    later(follow())
    return _private("Working on it…") if kind == "command" else None


async def _answer(desk: Desk, kind: str, payload: Mapping[str, Any], later: Later) -> dict[str, Any] | None:
    """Never raises: a person gets words."""
    try:
        if kind == "command":
            return await _command(desk, payload, later)
        return await _interaction(desk, payload, later)
    except ResponderError as error:
        return _private(str(error))
    except Exception:  # whatever broke, the person must not be left with the vendor's own timeout message  # noqa: BLE001
        _log.exception("chat_failed", kind=kind)
        return _private("That failed inside the responder; its log says why.")


# commands


async def _command(desk: Desk, fields: Mapping[str, Any], later: Later) -> dict[str, Any] | None:
    text = str(fields.get("text", "")).strip()
    verb, _, rest = text.partition(" ")
    rest = rest.strip()
    user = str(fields.get("user_id", ""))
    match verb.lower():
        case "" | "help":
            return _private(HELP)
        case "list":
            return await _list(desk, rest)
        case "show":
            return await _show(desk, rest)
        case "skills":
            return _skills(desk, rest)
        case "triage":
            return await _triage(desk, rest, fields, later)
        case "ack" | "resolve" | "silence":
            return await _act(desk, user, verb.lower(), rest)
    return _private(f"There is no `{_inert(verb[:40])}`.\n{HELP}")


async def _list(desk: Desk, what: str) -> dict[str, Any]:
    status = () if what == "all" else ("open", "acknowledged")
    found = await desk.store.read(lambda tx: tx.find_incidents(IncidentFilter(status=status, limit=15, top_level=True)))
    if not found:
        return _private("No open incidents. :relieved:")
    return _private("\n".join(_line(desk, one) for one in found))


def _line(desk: Desk, one: Incident) -> str:
    link = f"<{desk.base_url}/incidents/{one.id}|{one.id}>"
    return f"*{one.severity.value}* {link} _{one.status.value}_ {_inert(one.title[:120])} (owner {_inert(one.owner)})"


async def _show(desk: Desk, id: str) -> dict[str, Any]:
    return _private(_brief(desk, await _report(desk, id)))


async def _report(desk: Desk, id: str) -> Report:
    if not id:
        raise InputError("Name an incident, for example `show inc-4k2jx7qa`; `list` shows the open ones.")
    found = (await desk.store.read(lambda tx: tx.latest_reports([id]))).get(id)
    if found is None:
        raise InputError(f"No report of {_inert(id[:60])}; `list` shows the open incidents.")
    return found


def _brief(desk: Desk, report: Report) -> str:
    incident = report.incident
    lines = [
        f"*{incident.severity.value} · {_inert(report.title)}*  <{desk.base_url}/incidents/{incident.id}|{incident.id}>"
        f" _{incident.status.value}_",
        _inert(report.summary[:1200]),
    ]
    lines += [f"• {one.probability:.0%} {_inert(one.title)}" for one in report.hypotheses[:3]]
    first = report.hypotheses[0] if report.hypotheses else None
    if first and first.next_steps:
        step = first.next_steps[0]
        lines.append(f"*Next:* {_inert(step.do)}" + (f"\n`{_inert(step.command)}`" if step.command else ""))
    if report.related_skills:
        lines.append("*Related:* " + ", ".join(f"{one.name} ({_inert(one.why)})" for one in report.related_skills[:3]))
    return "\n".join(lines)[:2900]


def _skills(desk: Desk, domain: str) -> dict[str, Any]:
    chosen = [one for one in desk.skills() if not domain or domain.lower() in (one.domain.lower(), one.mode.value)]
    if not chosen:
        domains = ", ".join(sorted({one.domain for one in desk.skills()}))
        return _private(f"No skill in {_inert(domain[:40])}; there are {domains}")
    released = [f"• *{one.name}* ({one.mode.value}): {one.use_when}" for one in chosen if one.status == "released"]
    planned = [one.name for one in chosen if one.status == "planned"]
    tail = (
        f"\n_{len(planned)} more are planned: {', '.join(planned[:20])}{'…' if len(planned) > 20 else ''}_"
        if planned
        else ""
    )
    return _private("\n".join(released) + tail)


async def _triage(desk: Desk, text: str, fields: Mapping[str, Any], later: Later) -> dict[str, Any]:
    if text.startswith("inc-") and " " not in text:
        return await _show(desk, text)
    if not text:
        raise InputError("Paste log lines or name an incident: `triage CUDA out of memory...`")
    if _only_a_link(text):
        return _private("I do not open links. Paste the lines themselves, or name one of my incidents.")
    url = str(fields.get("response_url", ""))

    async def follow() -> None:
        try:
            report = await desk.triage_text(text[:TRIAGE_TEXT_LIMIT], None)
            answer = _private(_brief_loose(report))
        except ResponderError as error:
            answer = _private(str(error))
        except Exception:  # noqa: BLE001  # nobody waits for this task: its failure must reach the person all the same
            _log.exception("triage_failed")
            answer = _private("That failed inside the responder; its log says why.")
        await reply(url, answer)

    if url:
        later(follow())
        return _private("Looking at it…")
    return _private(_brief_loose(await desk.triage_text(text[:TRIAGE_TEXT_LIMIT], None)))


def _brief_loose(report: Report) -> str:
    lines = [f"*{_inert(report.title)}*", _inert(report.summary[:1200])]
    lines += [f"• {one.probability:.0%} {_inert(one.title)}" for one in report.hypotheses[:3]]
    first = report.hypotheses[0] if report.hypotheses else None
    if first and first.next_steps:
        lines.append(f"*Next:* {_inert(first.next_steps[0].do)}")
    return "\n".join(lines)[:2900]


def _only_a_link(text: str) -> bool:
    bare = text.strip("<> ")
    return bare.startswith(("http://", "https://")) and " " not in bare


# acts


async def _act(desk: Desk, user: str, verb: str, rest: str) -> dict[str, Any]:
    try:
        words = shlex.split(rest)
    except ValueError:
        words = rest.split()
    if not words:
        raise InputError(f"Name an incident: `{verb} inc-4k2jx7qa`.")
    id, more = words[0], " ".join(words[1:])
    return _private(await act(desk, user, verb, id, more))


async def act(desk: Desk, user: str, verb: str, id: str, more: str = "") -> str:
    """Do it when the role allows it; the answer in words. Raises InputError."""
    role = desk.role(user)
    if role not in ("operator", "admin"):
        await desk.operations.refused(user, "slack", verb, id, f"role {role}")
        return f"You are a {role} here; {verb} needs operator. (Roles are set in the responder's configuration.)"
    if verb == "ack":
        done = await desk.operations.acknowledge(id, user, "slack")
        return f":eyes: {done.id} is acknowledged by <@{user}>."
    if verb == "resolve":
        done = await desk.operations.resolve(id, user, "slack", more)
        return f":white_check_mark: {done.id} is resolved by <@{user}>."
    if verb == "silence":
        span, _, why = (more or "1h").partition(" ")
        made = await desk.operations.silence_incident(id, _duration(span), user, "slack", why.strip())
        return f":mute: `{_inert(made.text)}` is silenced until {made.ends_at:%Y-%m-%d %H:%M} UTC ({made.id})."
    right = verb == "right"
    await desk.operations.feedback(id, user, "slack", right=right, cause=more or None)
    return "Thank you: noted as the right cause." if right else "Thank you: noted as the wrong cause."


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InputError(str(error)) from error


# buttons

ACTIONS = {"ack": "ack", "resolve": "resolve", "silence": "silence", "right": "right", "wrong": "wrong"}


async def _interaction(desk: Desk, payload: Mapping[str, Any], later: Later) -> dict[str, Any] | None:
    if payload.get("type") != "block_actions":
        return None
    user = str((payload.get("user") or {}).get("id", ""))
    url = str(payload.get("response_url", ""))
    for action in payload.get("actions") or ():
        if not isinstance(action, dict):
            continue
        name = str(action.get("action_id", "")).removeprefix("responder_").partition(":")[0]
        verb = ACTIONS.get(name)
        id = str(action.get("value", ""))
        if verb is None or not id:
            continue
        try:
            text = await act(desk, user, verb, id)
        except InputError as error:
            text = str(error)
        if url:
            later(reply(url, {**_private(text), "replace_original": False}))
    return None


# small things


def _private(text: str) -> dict[str, Any]:
    return {
        "response_type": "ephemeral",
        "text": text,
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}}],
    }


def _inert(text: str) -> str:
    """Text of others: no mention, link or formatting of theirs comes alive."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "ʹ")


def _form(body: bytes) -> dict[str, str]:
    try:
        parsed = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        return {}
    return {name: values[0] for name, values in parsed.items()}


def _json(answer: dict[str, Any] | None) -> Response:
    return Response(b"" if answer is None else orjson.dumps(answer), media_type="application/json")
