"""The Web API's methods that the product uses, each with Slack's refusals.

Source: docs.slack.dev/reference/methods/*. Known to be stricter or simpler than the real one: lengths count UTF-16 units;
only the block types that we send are known.
"""

import json
from collections.abc import Callable
from typing import Any

from tests.wire.blocks import refuse
from tests.wire.control import Call
from tests.wire.slack.workspace import Channel, RefusalError, Workspace


def do(slack: Workspace, method: str, args: dict[str, Any], call: Call) -> dict[str, Any]:
    if method not in METHODS:
        raise RefusalError("unknown_method", req_method=method)
    return METHODS[method](slack, args, call)


def _auth_test(slack: Workspace, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return {
        "url": "https://wire.slack.com/",
        "team": "wire",
        "user": "responder",
        "team_id": "T0WIRE",
        "user_id": "U0BOT",
        "bot_id": "B0BOT",
    }


def _post(slack: Workspace, args: dict[str, Any], call: Call) -> dict[str, Any]:
    _need(slack, "chat:write")
    channel = _channel(slack, args, names=True)
    _content(args)
    metadata = _metadata(args.get("metadata"))
    thread = args.get("thread_ts")
    if thread is not None and thread not in slack.messages.get(channel.id, {}):
        raise RefusalError("thread_not_found")
    wait = slack.posts.refuse(channel.id)
    if wait is not None:
        raise RefusalError("ratelimited", 429, {"Retry-After": str(wait)})
    ts = f"{int(slack.clock())}.{slack.next_serial():06d}"
    message: dict[str, Any] = {
        "type": "message",
        "user": "U0BOT",
        "bot_id": "B0BOT",
        "app_id": "A0WIRE",
        "team": "T0WIRE",
        "ts": ts,
        "text": str(args.get("text", ""))[:40_000],
        "blocks": args.get("blocks", []),
    }
    if metadata is not None:
        message["metadata"] = metadata
    if thread is not None:
        message["thread_ts"] = thread
        if args.get("reply_broadcast"):
            message["subtype"] = "thread_broadcast"
    slack.messages.setdefault(channel.id, {})[ts] = message
    call.effect = True
    return {"channel": channel.id, "ts": ts, "message": message}


def _update(slack: Workspace, args: dict[str, Any], call: Call) -> dict[str, Any]:
    _need(slack, "chat:write")
    channel = _channel(slack, args, names=False)
    message = slack.messages.get(channel.id, {}).get(str(args.get("ts")))
    if message is None:
        raise RefusalError("message_not_found")
    if message["bot_id"] != "B0BOT":
        raise RefusalError("cant_update_message")
    _content(args)
    if len(str(args.get("text", ""))) > 4000:
        raise RefusalError("msg_too_long")
    metadata = _metadata(args.get("metadata"))
    wait = slack.updates.refuse("workspace")
    if wait is not None:
        raise RefusalError("ratelimited", 429, {"Retry-After": str(wait)})
    message["text"] = str(args.get("text", ""))
    message["blocks"] = args.get("blocks", [])
    message["edited"] = {"user": "U0BOT", "ts": f"{slack.clock():.6f}"}
    if metadata is not None:
        message["metadata"] = metadata
    call.effect = True
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}


def _permalink(slack: Workspace, args: dict[str, Any], call: Call) -> dict[str, Any]:
    channel = _channel(slack, args, names=False)
    ts = str(args.get("message_ts"))
    if ts not in slack.messages.get(channel.id, {}):
        raise RefusalError("message_not_found")
    return {
        "channel": channel.id,
        "permalink": f"https://wire.slack.com/archives/{channel.id}/p{ts.replace('.', '')}",
    }


def _history(slack: Workspace, args: dict[str, Any], call: Call) -> dict[str, Any]:
    channel = _readable(slack, args)
    shown = [
        m
        for m in slack.messages.get(channel.id, {}).values()
        if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("subtype") == "thread_broadcast"
    ]
    return _page(list(reversed(_within(shown, args))), args)


def _replies(slack: Workspace, args: dict[str, Any], call: Call) -> dict[str, Any]:
    channel = _readable(slack, args)
    ts = str(args.get("ts"))
    if ts not in slack.messages.get(channel.id, {}):
        raise RefusalError("thread_not_found")
    root = slack.messages[channel.id][ts]
    return _page([root, *_within(slack.thread(ts, channel.id), args)], args)


def _need(slack: Workspace, scope: str) -> None:
    if scope not in slack.scopes:
        raise RefusalError("missing_scope", needed=scope, provided=",".join(slack.scopes))


def _channel(slack: Workspace, args: dict[str, Any], *, names: bool) -> Channel:
    """Only chat.postMessage resolves a channel's name; everything else wants its id."""
    asked = str(args.get("channel", ""))
    channel = slack.channels.get(asked)
    if channel is None and names:
        channel = next((c for c in slack.channels.values() if c.name == asked.removeprefix("#")), None)
    if channel is None or (channel.private and not channel.member):
        raise RefusalError("channel_not_found")
    if not channel.member:
        raise RefusalError("not_in_channel")
    if channel.archived:
        raise RefusalError("is_archived")
    return channel


def _readable(slack: Workspace, args: dict[str, Any]) -> Channel:
    channel = slack.channels.get(str(args.get("channel", "")))
    if channel is None:
        raise RefusalError("channel_not_found")
    _need(slack, "groups:history" if channel.private else "channels:history")
    return _channel(slack, args, names=False)


def _content(args: dict[str, Any]) -> None:
    blocks, text = args.get("blocks"), args.get("text")
    if not blocks and not text:
        raise RefusalError("no_text")
    if not blocks:
        return
    refusal = refuse(blocks)
    if refusal is not None:
        error, details = refusal
        messages = [f"[ERROR] {detail}" for detail in details]
        raise RefusalError(error, errors=details, response_metadata={"messages": messages})


def _metadata(metadata: Any) -> dict[str, Any] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise RefusalError("metadata_must_be_sent_as_json")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise RefusalError("invalid_metadata_format")
    if len(json.dumps(metadata)) > 8000:
        raise RefusalError("metadata_too_large")
    return metadata


def _within(messages: list[dict[str, Any]], args: dict[str, Any]) -> list[dict[str, Any]]:
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    if str(args.get("inclusive", "0")) in ("1", "true"):
        return [m for m in messages if oldest <= float(m["ts"]) <= latest]
    return [m for m in messages if oldest < float(m["ts"]) < latest]


def _page(messages: list[dict[str, Any]], args: dict[str, Any]) -> dict[str, Any]:
    start, limit = int(args.get("cursor") or 0), min(int(args.get("limit") or 100), 999)
    with_metadata = str(args.get("include_all_metadata", "0")) in ("1", "true")
    page = [{k: v for k, v in m.items() if k != "metadata" or with_metadata} for m in messages[start : start + limit]]
    more = len(messages) > start + limit
    cursor = {"response_metadata": {"next_cursor": str(start + limit)}} if more else {}
    return {"messages": page, "has_more": more} | cursor


METHODS: dict[str, Callable[[Workspace, dict[str, Any], Call], dict[str, Any]]] = {
    "auth.test": _auth_test,
    "chat.postMessage": _post,
    "chat.update": _update,
    "chat.getPermalink": _permalink,
    "conversations.history": _history,
    "conversations.replies": _replies,
}
