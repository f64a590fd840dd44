"""A readiness probe over HTTP, and nothing else."""

import httpx


def http_ok(url: str) -> bool:
    """Whether the address answers 200; a refused connection is a no."""
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
