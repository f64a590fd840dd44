"""Slash commands and buttons over signed HTTP, against Slack's own way of signing."""

from typing import Any

import pytest

from tests.web.conftest import Serve, Served
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]


async def command(served: Served, slack: SlackWire, text: str, **who: str) -> dict[str, Any]:
    headers, body = slack.command(text, **who)
    answer = await served.client.post("/slack/commands", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


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


async def test_buttons_act_on_the_incident_of_their_message(
    serve: Serve, slack: SlackWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    one = await served.incident()
    await served.until(slack.roots)
    (root,) = slack.roots()
    actions = [
        element
        for block in root["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
        if "action_id" in element
    ]
    ids = {element["action_id"]: element.get("value") for element in actions}
    ack = next(name for name in ids if "ack" in name)
    assert ids[ack] == one.id
    headers, body = slack.interaction(ack, one.id, root["ts"])
    answer = await served.client.post("/slack/interactions", content=body, headers=headers)
    assert answer.status_code == 200
    await served.until(lambda: acknowledged(served, one.id))
    await served.until(lambda: "has it" in str(slack.roots()[0]))


async def acknowledged(served: Served, id: str) -> bool:
    return (await served.now(id)).status.value == "acknowledged"


async def test_triage_of_pasted_lines_answers_at_once_and_follows_up(
    serve: Serve, slack: SlackWire, wired: dict[str, Any]
) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    said = await command(
        served, slack, "triage torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."
    )
    assert "Looking" in said["text"]
    answers = await served.until(lambda: [one for many in slack.answers.values() for one in many])
    assert "memory" in answers[-1]["text"].lower()


async def test_a_link_is_never_followed(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    said = await command(served, slack, "triage http://169.254.169.254/latest/meta-data/")
    assert "do not open links" in said["text"]


async def test_text_of_others_is_inert(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    said = await command(served, slack, "show <!channel>")
    assert "<!channel>" not in said["text"]


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
