"""Slash commands and buttons over signed HTTP, against Slack's own way of signing."""

import contextlib
import dataclasses
import hmac
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from responder.web.bodies import LIMIT
from tests.web.conftest import Serve, Served
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import APP_TOKEN, SlackWire

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]


async def command(served: Served, slack: SlackWire, text: str, **who: str) -> dict[str, Any]:
    headers, body = slack.command(text, **who)
    answer = await served.client.post("/slack/commands", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    words: dict[str, Any] = answer.json()
    return words


async def press(served: Served, slack: SlackWire, button: str, **who: str) -> None:
    """Press a button of the first message in the channel."""
    (root, *_) = await served.until(slack.roots)
    elements = [element for block in root["blocks"] if block["type"] == "actions" for element in block["elements"]]
    found = next(one for one in elements if one["action_id"].removeprefix("responder_").partition(":")[0] == button)
    headers, body = slack.interaction(found["action_id"], found["value"], root["ts"], **who)
    answer = await served.client.post("/slack/interactions", content=body, headers=headers)
    assert answer.status_code == 200


def said(slack: SlackWire) -> list[str]:
    """What came to response_urls."""
    with slack.lock:
        return [one["text"] for many in slack.answers.values() for one in many]


async def test_an_unsigned_or_wrongly_signed_request_is_refused(
    serve: Serve, slack: SlackWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    headers, body = slack.command("help")
    assert (await served.client.post("/slack/commands", content=body)).status_code == 401
    assert (await served.client.post("/slack/commands", content=body + b"x", headers=headers)).status_code == 401
    old = slack.sign(body, at=1_000_000.0)
    assert (await served.client.post("/slack/commands", content=body, headers=old)).status_code == 401


async def test_without_a_chat_sink_the_door_is_closed(serve: Serve, slack: SlackWire) -> None:
    served = await serve()
    headers, body = slack.command("help")
    assert (await served.client.post("/slack/commands", content=body, headers=headers)).status_code == 404


async def test_list_show_and_help(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    assert "triage" in (await command(served, slack, "help"))["text"]
    assert "No open incidents" in (await command(served, slack, "list"))["text"]
    one = await served.incident()
    assert one.id in (await command(served, slack, "list"))["text"]
    shown = (await command(served, slack, f"show {one.id}"))["text"]
    assert "%" in shown
    assert one.id in shown
    assert "No report" in (await command(served, slack, "show inc-nothing"))["text"]
    assert "There is no" in (await command(served, slack, "frobnicate"))["text"]


async def test_acts_follow_the_role_map_and_refusals_are_recorded(
    serve: Serve, slack: SlackWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"slack": wired["slack"]}, roles={"default": "viewer", "U0OPERATOR": "operator"})
    one = await served.incident()
    refused = await command(served, slack, f"ack {one.id}", user="U0VIEWER")
    assert "needs operator" in refused["text"]
    assert (await served.now(one.id)).status.value == "open"
    acts = await served.daemon.store.read(lambda tx: tx.actions(None, None, one.id))
    assert [(act.what, act.who) for act in acts] == [("refused", "U0VIEWER")]
    done = await command(served, slack, f"ack {one.id}", user="U0OPERATOR")
    assert "acknowledged" in done["text"]
    assert (await served.now(one.id)).acknowledged_by == "U0OPERATOR"
    over = await command(served, slack, f'resolve {one.id} "riser reseated"', user="U0OPERATOR")
    assert "resolved" in over["text"]


async def test_skills_and_reports_of_our_own_incidents(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    every = (await command(served, slack, "skills"))["text"]
    assert "*training-job-debugger*" in every
    assert "more are planned" in every
    assert "No skill in cooking" in (await command(served, slack, "skills cooking"))["text"]
    one = await served.incident()
    assert one.id in (await command(served, slack, f"triage {one.id}"))["text"]
    assert one.id in (await command(served, slack, "list all"))["text"]
    assert "Name an incident" in (await command(served, slack, "ack"))["text"]
    assert "no incident" in (await command(served, slack, "resolve inc-nothing"))["text"]


async def test_buttons_act_on_the_incident_of_their_message(
    serve: Serve, slack: SlackWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    one = await served.incident()
    await press(served, slack, "ack")
    await served.until(lambda: acknowledged(served, one.id))
    await served.until(lambda: "has it" in str(slack.roots()[0]))
    await press(served, slack, "right")
    await served.until(lambda: any("right cause" in text for text in said(slack)))
    assert (await served.now(one.id)).confirmed_class == one.first_class
    await press(served, slack, "wrong")
    await served.until(lambda: any("wrong cause" in text for text in said(slack)))
    assert (await served.now(one.id)).confirmed_class is None
    await press(served, slack, "resolve")
    await served.until(lambda: any("is resolved" in text for text in said(slack)))
    assert (await served.now(one.id)).status.value == "resolved"


async def test_a_press_follows_the_role_map_too(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]}, roles={"default": "viewer"})
    one = await served.incident()
    for button in ("ack", "resolve", "silence", "right"):
        await press(served, slack, button, user="U0VIEWER")
    await served.until(lambda: len(said(slack)) == 4)
    assert all("needs operator" in text for text in said(slack))
    assert (await served.now(one.id)).status.value == "open"
    acts = await served.daemon.store.read(lambda tx: tx.actions(None, None, one.id))
    assert [(act.what, act.who, act.detail["wanted"]) for act in acts] == [
        ("refused", "U0VIEWER", button) for button in ("ack", "resolve", "silence", "right")
    ]


async def test_commands_and_buttons_come_by_socket_where_nothing_comes_in(
    serve: Serve, slack: SlackWire, wired: dict[str, Any]
) -> None:
    settings = {name: value for name, value in wired["slack"].items() if name != "signing_secret"}
    served = await serve(sinks={"slack": {**settings, "app_token": APP_TOKEN}})
    one = await served.incident()
    await served.until(lambda: slack.sockets)
    headers, body = slack.command("list")
    assert (await served.client.post("/slack/commands", content=body, headers=headers)).status_code == 404
    slack.push("slash_commands", slack.command_payload("list"))
    (ack,) = await served.until(lambda: list(slack.acks))
    assert one.id in ack["payload"]["text"]
    (root,) = await served.until(slack.roots)
    slack.push("interactive", slack.interaction_payload("responder_ack", one.id, root["ts"]))
    await served.until(lambda: acknowledged(served, one.id))
    await served.until(lambda: any("is acknowledged" in text for text in said(slack)))


async def acknowledged(served: Served, id: str) -> bool:
    return (await served.now(id)).status.value == "acknowledged"


async def test_triage_of_pasted_lines_answers_at_once_and_follows_up(
    serve: Serve, slack: SlackWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    answer = await command(
        served, slack, "triage torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."
    )
    assert "Looking" in answer["text"]
    answers = await served.until(lambda: said(slack))
    assert "memory" in answers[-1].lower()


async def test_what_takes_long_is_answered_in_time_and_followed_up(
    serve: Serve, slack: SlackWire, wired: dict[str, Any], tmp_path: Path
) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    one = await served.incident()
    await served.until(slack.roots)
    with contextlib.closing(sqlite3.connect(tmp_path / "responder.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        answer = await command(served, slack, f"ack {one.id}")
        assert "Working on it" in answer["text"]
        assert time.monotonic() - began < 3, "what the vendor allows"
        other.execute("ROLLBACK")
    await served.until(lambda: any("is acknowledged" in text for text in said(slack)))
    assert await acknowledged(served, one.id)


async def test_a_link_is_never_followed(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    answer = await command(served, slack, "triage http://169.254.169.254/latest/meta-data/")
    assert "do not open links" in answer["text"]


async def test_text_of_others_is_inert(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    answer = await command(served, slack, "show <!channel>")
    assert "<!channel>" not in answer["text"]


@pytest.mark.parametrize("path", ["/slack/commands", "/slack/interactions", "/pagerduty/webhooks"])
async def test_a_body_without_end_is_cut_off_before_its_signature_is_looked_at(
    serve: Serve, path: str, wired: dict[str, Any]
) -> None:
    served = await serve(sinks=wired)
    sent = 0

    async def without_end() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * LIMIT:
            sent += 65_536
            yield b"x" * 65_536

    try:
        answer = await served.client.post(path, content=without_end())
    except httpx.TransportError:
        pass  # it hung up on us while we were still talking
    else:
        assert answer.status_code == 413
    assert sent < 32 * LIMIT, "it stopped listening"
    assert (await served.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"event": 5}', b'{"event": {"data": []}}', b"\xff"])
async def test_a_signed_webhook_without_an_event_is_refused(
    serve: Serve, pagerduty: PagerDutyWire, wired: dict[str, Any], body: bytes
) -> None:
    served = await serve(sinks={"pagerduty": wired["pagerduty"]})
    signature = hmac.new(pagerduty.webhook_secret.encode(), body, "sha256").hexdigest()
    headers = {"x-pagerduty-signature": f"v1={signature}"}
    assert (await served.client.post("/pagerduty/webhooks", content=body, headers=headers)).status_code == 400


async def test_a_webhook_that_is_replayed_or_about_another_s_incident_changes_nothing(
    serve: Serve, pagerduty: PagerDutyWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"pagerduty": wired["pagerduty"]})
    one = await served.incident()
    await served.until(lambda: pagerduty.incidents)
    page = pagerduty.incidents[0]
    foreign = dataclasses.replace(page, dedup_key="inc-of-somebody-else.1")
    headers, body = pagerduty.webhook("incident.resolved", foreign)
    assert (await served.client.post("/pagerduty/webhooks", content=body, headers=headers)).status_code == 204
    headers, body = pagerduty.webhook("incident.acknowledged", page)
    for _ in range(2):
        assert (await served.client.post("/pagerduty/webhooks", content=body, headers=headers)).status_code == 204
    assert (await served.now(one.id)).status.value == "acknowledged"
    acts = await served.daemon.store.read(lambda tx: tx.actions(None, None, one.id))
    assert [(act.what, act.via) for act in acts] == [("ack", "pagerduty")]


async def test_pagerdutys_acknowledgement_and_resolve_flow_back(
    serve: Serve, pagerduty: PagerDutyWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"pagerduty": wired["pagerduty"]})
    one = await served.incident()
    await served.until(lambda: pagerduty.incidents)
    page = pagerduty.incidents[0]
    headers, body = pagerduty.webhook("incident.acknowledged", page)
    assert (await served.client.post("/pagerduty/webhooks", content=body, headers=headers)).status_code == 204
    assert (await served.now(one.id)).status.value == "acknowledged"
    headers, body = pagerduty.webhook("incident.resolved", page)
    assert (await served.client.post("/pagerduty/webhooks", content=body + b" ", headers=headers)).status_code == 401
    assert (await served.client.post("/pagerduty/webhooks", content=body, headers=headers)).status_code == 204
    assert (await served.now(one.id)).status.value == "resolved"
