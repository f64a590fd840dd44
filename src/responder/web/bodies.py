"""Reads a request's body, and no more of it than the door takes: nobody has proved anything yet while it comes."""

from starlette.requests import Request

LIMIT = 1024 * 1024
"""Far above what chat and paging vendors send (3,000 characters of command, a message with its blocks, an incident)."""


async def bounded(request: Request) -> bytes | None:
    """None when it is larger; whether it says so beforehand or not."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LIMIT:
            return None
        parts.append(part)
    return b"".join(parts)
