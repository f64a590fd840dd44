"""The Slack stand-in refuses what Slack refuses; a stand-in that takes everything proves nothing."""

from typing import Any

import httpx
import pytest

from tests.wire.faults import Fault
from tests.wire.slack import CHANNEL, Channel, SlackWire

HEADERS = {"Authorization": "Bearer xoxb-wire"}
TEXT = {"type": "mrkdwn", "text": "x"}


def ask(slack: SlackWire, method: str, **args: Any) -> dict[str, Any]:
    answer = httpx.post(f"{slack.base_url}/api/{method}", json=args, headers=HEADERS)
    return answer.json() | {"http": answer.status_code}


def read(slack: SlackWire, method: str, **args: Any) -> dict[str, Any]:
    return dict(httpx.get(f"{slack.base_url}/api/{method}", params=args, headers=HEADERS).json())


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([section("x")] * 51, "invalid_blocks"),
        ([section("x" * 3001)], "invalid_blocks"),
        ([section("")], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
        ([{"type": "header", "text": TEXT}], "invalid_blocks"),
        ([{"type": "section", "fields": [TEXT] * 11}], "invalid_blocks"),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}], "invalid_blocks"),
        ([{"type": "context", "elements": [TEXT] * 11}], "invalid_blocks"),
        ([{"type": "actions", "elements": [{"type": "button", "text": TEXT}]}], "invalid_blocks"),
        ([{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}], "invalid_blocks"),
        ([{"type": "divider", "surprise": 1}], "invalid_blocks"),
        ([{"type": "table"}], "invalid_blocks"),
        ([section("x" * 2900)] * 5, "msg_blocks_too_long"),
        ({"type": "divider"}, "invalid_blocks_format"),
    ],
)
def test_blocks_beyond_a_limit_are_refused(slack: SlackWire, blocks: Any, error: str) -> None:
    assert ask(slack, "chat.postMessage", channel=CHANNEL, blocks=blocks)["error"] == error
    assert slack.roots() == []


def test_too_many_buttons_and_long_values_are_refused(slack: SlackWire) -> None:
    def button(n: int, value: str = "v", text: str = "t") -> dict[str, Any]:
        label = {"type": "plain_text", "text": text}
        return {"type": "button", "action_id": f"a{n}", "value": value, "text": label}

    for elements in (
        [button(n) for n in range(26)],
        [button(1, "v" * 2001)],
        [button(1, text="t" * 76)],
        [button(1), button(1)],
    ):
        answer = ask(slack, "chat.postMessage", channel=CHANNEL, blocks=[{"type": "actions", "elements": elements}])
        assert answer["error"] == "invalid_blocks"
        assert answer["response_metadata"]["messages"][0].startswith("[ERROR] ")


def test_a_channel_name_is_good_for_posting_only(slack: SlackWire) -> None:
    posted = ask(slack, "chat.postMessage", channel="#gpu-alerts", text="hello")
    assert posted["channel"] == CHANNEL
    assert ask(slack, "chat.update", channel="#gpu-alerts", ts=posted["ts"], text="x")["error"] == "channel_not_found"
    assert read(slack, "conversations.history", channel="gpu-alerts")["error"] == "channel_not_found"
    assert ask(slack, "chat.update", channel=CHANNEL, ts="1.0", text="x")["error"] == "message_not_found"


def test_metadata_is_checked_and_shown_only_on_request(slack: SlackWire) -> None:
    bad = ask(slack, "chat.postMessage", channel=CHANNEL, text="x", metadata={"event_type": "a"})
    assert bad["error"] == "invalid_metadata_format"
    ask(slack, "chat.postMessage", channel=CHANNEL, text="x", metadata={"event_type": "a", "event_payload": {"b": 1}})
    assert "metadata" not in read(slack, "conversations.history", channel=CHANNEL)["messages"][0]
    shown = read(slack, "conversations.history", channel=CHANNEL, include_all_metadata=1)["messages"][0]
    assert shown["metadata"]["event_payload"] == {"b": 1}


def test_history_needs_its_scope_and_membership(slack: SlackWire) -> None:
    slack.channels["C0OTHER"] = Channel("C0OTHER", "other", member=False)
    assert read(slack, "conversations.history", channel="C0OTHER")["error"] == "not_in_channel"
    slack.scopes = ("chat:write",)
    refused = read(slack, "conversations.history", channel=CHANNEL)
    assert (refused["error"], refused["needed"]) == ("missing_scope", "channels:history")


def test_history_is_newest_first_without_replies_and_paged(slack: SlackWire) -> None:
    roots = [ask(slack, "chat.postMessage", channel=CHANNEL, text=str(n))["ts"] for n in range(5)]
    ask(slack, "chat.postMessage", channel=CHANNEL, text="reply", thread_ts=roots[0])
    first = read(slack, "conversations.history", channel=CHANNEL, limit=3)
    assert [m["ts"] for m in first["messages"]] == roots[:1:-1]
    cursor = first["response_metadata"]["next_cursor"]
    rest = read(slack, "conversations.history", channel=CHANNEL, limit=3, cursor=cursor)
    assert [m["ts"] for m in rest["messages"]] == [roots[1], roots[0]]
    assert not rest["has_more"]
    assert [m["text"] for m in read(slack, "conversations.replies", channel=CHANNEL, ts=roots[0])["messages"]] == [
        "0",
        "reply",
    ]


def test_credentials_are_checked(slack: SlackWire) -> None:
    url = f"{slack.base_url}/api/auth.test"
    assert httpx.post(url).json()["error"] == "not_authed"
    assert httpx.post(url, headers={"Authorization": "Bearer wrong"}).json()["error"] == "invalid_auth"
    assert httpx.post(url, headers={"Authorization": "Bearer xapp-wire"}).json()["error"] == "not_allowed_token_type"


def test_more_than_the_rate_is_429_per_channel() -> None:
    now = 1000.0
    with SlackWire(rate=1, burst=2, clock=lambda: now).serve() as slack:
        slack.channels["C0OTHER"] = Channel("C0OTHER", "other")
        codes = [ask(slack, "chat.postMessage", channel=CHANNEL, text="x")["http"] for _ in range(3)]
        assert codes == [200, 200, 429]
        assert ask(slack, "chat.postMessage", channel="C0OTHER", text="x")["http"] == 200
        now += 1
        assert ask(slack, "chat.postMessage", channel=CHANNEL, text="x")["http"] == 200


def test_a_fault_happens_before_or_after_the_effect(slack: SlackWire) -> None:
    slack.faults.plan(Fault("chat.postMessage", after=False), Fault("chat.postMessage", after=True))
    url = f"{slack.base_url}/api/chat.postMessage"
    for expected in (0, 1):
        answer = httpx.post(url, json={"channel": CHANNEL, "text": "x"}, headers=HEADERS)
        assert answer.status_code == 500
        assert len(slack.roots()) == expected
    slack.faults.plan(Fault("chat.postMessage", kind="close", after=True))
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(url, json={"channel": CHANNEL, "text": "x"}, headers=HEADERS)
    assert len(slack.roots()) == 2


def test_a_response_url_takes_five_answers(slack: SlackWire) -> None:
    url = slack.response_url()
    assert [httpx.post(url, json={"text": "x"}).status_code for _ in range(6)] == [200] * 5 + [404]
