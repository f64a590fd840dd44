"""Socket Mode on the wire: commands and buttons come over the WebSocket that we open, and each is acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from responder.sinks.slack import socket
from tests.wire.faults import Fault
from tests.wire.slack import APP_TOKEN, SlackWire

pytestmark = pytest.mark.asyncio


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  (the state is another thread's)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def connected(slack: SlackWire, handler: socket.Handler) -> AsyncIterator[None]:
    task = asyncio.create_task(socket.run(APP_TOKEN, slack.base_url, handler))
    try:
        await until(lambda: slack.sockets)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_commands_and_buttons_reach_the_handler_and_its_answer_goes_back(slack: SlackWire) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    async def handler(kind: socket.Kind, payload: dict[str, Any]) -> dict[str, Any] | None:
        seen.append((kind, payload))
        return {"text": "3 open"} if kind == "command" else None

    async with connected(slack, handler):
        command = slack.push("slash_commands", slack.command_payload("list"))
        press = slack.push("interactive", slack.interaction_payload("responder_ack", "inc-1", "1.0"))
        await until(lambda: len(slack.acks) == 2)
    acks = {ack["envelope_id"]: ack.get("payload") for ack in slack.acks}
    assert acks == {command: {"text": "3 open"}, press: None}
    assert sorted((kind, payload.get("text", "")) for kind, payload in seen) == [
        ("command", "list"),
        ("interaction", ""),
    ]


async def test_a_broken_handler_is_acknowledged_and_others_are_ignored(slack: SlackWire) -> None:
    async def handler(kind: socket.Kind, payload: dict[str, Any]) -> dict[str, Any] | None:
        raise RuntimeError("broken")

    async with connected(slack, handler):
        sent = {slack.push("slash_commands", slack.command_payload("list")), slack.push("events_api", {"event": {}})}
        await until(lambda: len(slack.acks) == 2)
    assert {ack["envelope_id"] for ack in slack.acks} == sent


async def test_a_slow_handler_is_acknowledged_in_time_and_goes_on(slack: SlackWire) -> None:
    go, done = asyncio.Event(), asyncio.Event()

    async def handler(kind: socket.Kind, payload: dict[str, Any]) -> dict[str, Any] | None:
        await go.wait()
        done.set()
        return {"text": "too late"}

    async with connected(slack, handler):
        slack.push("slash_commands", slack.command_payload("triage x"))
        await until(lambda: slack.acks)
        go.set()
        await asyncio.wait_for(done.wait(), 5)
    assert "payload" not in slack.acks[0]


async def test_it_reconnects_when_slack_asks_for_it(slack: SlackWire) -> None:
    async def handler(kind: socket.Kind, payload: dict[str, Any]) -> dict[str, Any] | None:
        return None

    async with connected(slack, handler):
        first = slack.sockets[0]
        await asyncio.to_thread(slack.refresh_socket)
        await until(lambda: slack.sockets and slack.sockets[-1] is not first)
        slack.push("slash_commands", slack.command_payload("list"))
        await until(lambda: slack.acks)


async def test_it_keeps_trying_while_slack_is_away(slack: SlackWire) -> None:
    slack.faults.plan(Fault("apps.connections.open", status=503))

    async def handler(kind: socket.Kind, payload: dict[str, Any]) -> dict[str, Any] | None:
        return None

    async with connected(slack, handler):
        assert len(slack.called("apps.connections.open")) == 2
