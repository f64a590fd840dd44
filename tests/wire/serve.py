"""Runs a stand-in in a thread with an event loop of its own: a test's loop never waits for the server it talks to."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web


def free_socket(port: int = 0) -> socket.socket:
    """A bound listening socket on loopback; its port is known before the server starts."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


async def start(app: web.Application, bound: socket.socket) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    return runner


@contextmanager
def running(app: web.Application, port: int = 0) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Serve until the block ends; yields the base URL and the server's loop."""
    bound = free_socket(port)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    def work() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start(app, bound))
        loop.call_soon(ready.set)
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=work, name="wire", daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("the stand-in did not start within 10 s")
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}", loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
