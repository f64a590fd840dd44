"""What Slack refuses in a message: Block Kit's limits, with the shape of Slack's own complaints.

Limits: docs.slack.dev/reference/block-kit and slack_sdk/models/blocks (validators); the sum of all text of about 13,200
characters is undocumented (slackapi/bolt-js issue 2509). Lengths count UTF-16 units, the strictest reading.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

MAX_BLOCKS = 50
MAX_TOTAL = 13_200
_KNOWN = {"section", "header", "divider", "context", "actions", "image"}
_ENTITY = re.compile(r"<([^<>]*)>")


def length(text: str) -> int:
    """UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def refuse(blocks: Any) -> tuple[str, list[str]] | None:
    """None when Slack would take the blocks, else the error's name and its details."""
    if not isinstance(blocks, list):
        return "invalid_blocks_format", []
    problems = list(_problems(blocks))
    if problems:
        return "invalid_blocks", problems
    if sum(length(text) for text in texts(blocks)) > MAX_TOTAL:
        return "msg_blocks_too_long", []
    return None


def texts(node: Any) -> Iterator[str]:
    """Every text a reader sees, as sent."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("text", "alt_text", "title") and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def _problems(blocks: list[Any]) -> Iterator[str]:
    if not blocks:
        yield "must have at least 1 items [json-pointer:/blocks]"
    if len(blocks) > MAX_BLOCKS:
        yield "no more than 50 items allowed [json-pointer:/blocks]"
    seen: set[str] = set()
    for n, block in enumerate(blocks):
        at = f"/blocks/{n}"
        if not isinstance(block, dict) or block.get("type") not in _KNOWN:
            found = block.get("type") if isinstance(block, dict) else block
            yield f"unsupported type: {found!r:.40} [json-pointer:{at}/type]"
            continue
        block_id = block.get("block_id")
        if block_id is not None:
            yield from _string(block_id, f"{at}/block_id", 255)
            if block_id in seen:
                yield f"`block_id` {block_id} already exists in this message [json-pointer:{at}/block_id]"
            seen.add(block_id)
        yield from _CHECKS[block["type"]](block, at)


def _section(block: dict[str, Any], at: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield f"missing required field: text [json-pointer:{at}]"
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", 3000)
    fields = block.get("fields")
    if fields is not None:
        if not 1 <= len(fields) <= 10:
            yield f"no more than 10 items allowed, at least 1 [json-pointer:{at}/fields]"
        for n, field in enumerate(fields):
            yield from _text(field, f"{at}/fields/{n}", 2000)
    yield from _unknown(block, {"type", "block_id", "text", "fields", "accessory", "expand"}, at)
    if "accessory" in block:
        yield from _button(block["accessory"], f"{at}/accessory")


def _header(block: dict[str, Any], at: str) -> Iterator[str]:
    yield from _text(block.get("text"), f"{at}/text", 150, kinds=("plain_text",))
    yield from _unknown(block, {"type", "block_id", "text"}, at)


def _divider(block: dict[str, Any], at: str) -> Iterator[str]:
    yield from _unknown(block, {"type", "block_id"}, at)


def _context(block: dict[str, Any], at: str) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
        yield f"no more than 10 items allowed, at least 1 [json-pointer:{at}/elements]"
        return
    for n, element in enumerate(elements):
        yield from _text(element, f"{at}/elements/{n}", 3000)
    yield from _unknown(block, {"type", "block_id", "elements"}, at)


def _actions(block: dict[str, Any], at: str) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 25:
        yield f"no more than 25 items allowed, at least 1 [json-pointer:{at}/elements]"
        return
    seen: set[str] = set()
    for n, element in enumerate(elements):
        yield from _button(element, f"{at}/elements/{n}")
        action_id = element.get("action_id")
        if action_id in seen:
            yield f"`action_id` {action_id} already exists in this block [json-pointer:{at}/elements/{n}/action_id]"
        seen.add(action_id)
    yield from _unknown(block, {"type", "block_id", "elements"}, at)


def _image(block: dict[str, Any], at: str) -> Iterator[str]:
    yield from _string(block.get("alt_text"), f"{at}/alt_text", 2000)
    yield from _url(block.get("image_url"), f"{at}/image_url")


def _button(element: Any, at: str) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") != "button":
        yield f"unsupported type: {element!r:.40} [json-pointer:{at}/type]"
        return
    yield from _text(element.get("text"), f"{at}/text", 75, kinds=("plain_text",))
    if "action_id" in element:
        yield from _string(element["action_id"], f"{at}/action_id", 255)
    if "value" in element:
        yield from _string(element["value"], f"{at}/value", 2000)
    if "url" in element:
        yield from _url(element["url"], f"{at}/url")
    if element.get("style", "primary") not in ("primary", "danger"):
        yield f"must be one of primary, danger [json-pointer:{at}/style]"
    if "confirm" in element:
        confirm = element["confirm"]
        for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            yield from _text(confirm.get(key), f"{at}/confirm/{key}", most)
    yield from _unknown(
        element, {"type", "text", "action_id", "value", "url", "style", "confirm", "accessibility_label"}, at
    )


def _text(node: Any, at: str, most: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    if not isinstance(node, dict):
        yield f"missing required field [json-pointer:{at}]"
        return
    kind = node.get("type")
    if kind not in kinds:
        yield f"must be one of {', '.join(kinds)} [json-pointer:{at}/type]"
    allowed = {"type", "text", "verbatim"} if kind == "mrkdwn" else {"type", "text", "emoji"}
    yield from _unknown(node, allowed, at)
    yield from _string(node.get("text"), f"{at}/text", most)
    if kind == "mrkdwn":
        for link in _ENTITY.findall(str(node.get("text"))):
            if link.startswith(("http:", "https:")):
                yield from _url(link.partition("|")[0].replace("&amp;", "&"), f"{at}/text")


def _string(value: Any, at: str, most: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"must be a string [json-pointer:{at}]"
        return
    if not value:
        yield f"must be more than 0 characters [json-pointer:{at}]"
    if length(value) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}]"


def _url(value: Any, at: str) -> Iterator[str]:
    yield from _string(value, at, 3000)
    try:
        parts = urlsplit(str(value))
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or re.search(r"\s", str(value)):
        yield f"must be a valid URL [json-pointer:{at}]"


def _unknown(node: dict[str, Any], known: set[str], at: str) -> Iterator[str]:
    for key in node.keys() - known:
        yield f"invalid additional property: {key} [json-pointer:{at}]"


_CHECKS = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "image": _image,
}
