"""A whole daemon inside the test's loop, on a real socket, with the vendors' stand-ins; fed past the formats."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import pytest_asyncio

from responder.config import Config, Loaded
from responder.model.incident import Incident
from responder.ports import IncidentFilter
from responder.wiring.daemon import Daemon, running
from tests.e2e.conftest import sinks_for
from tests.making import event
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire


class Served:
    """A running daemon and a client to it."""

    def __init__(self, daemon: Daemon, client: httpx.AsyncClient) -> None:
        self.daemon = daemon
        self.client = client
        self.url = f"http://{daemon.address}"

    async def incident(self, **labels: str) -> Incident:
        """Something breaks, and has its first report."""
        import asyncio

        await self.daemon.engine.ingest.accept_events(
            [event(at=self.daemon.clock.now(), labels={"err_code": "79", **labels})]
        )
        async with asyncio.timeout(30):
            while True:
                found = await self.daemon.store.read(lambda tx: tx.find_incidents(IncidentFilter(limit=100)))
                mine = [
                    one for one in found if labels.get("node", "n1") in one.entities.get("node", ()) and one.revision
                ]
                if mine:
                    return mine[0]
                await asyncio.sleep(0.02)

    async def now(self, id: str) -> Incident:
        return (await self.daemon.store.read(lambda tx: tx.incidents([id])))[id]

    async def until(self, condition: Any) -> Any:
        """Wait by condition, bounded; a coroutine function or a plain one."""
        import asyncio
        import inspect

        async with asyncio.timeout(30):
            while True:
                value = condition()
                value = await value if inspect.isawaitable(value) else value
                if value:
                    return value
                await asyncio.sleep(0.02)


class Serve(Protocol):
    """Start a daemon with these parts of a configuration."""

    async def __call__(self, **config: Any) -> Served: ...


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules:\n  - {name: node-alert, match: 'node!=\"\"', skill: gpu-node-health-diagnoser, group_by: [node], group_wait: 50ms,"
        " owner: gpu-platform, runbook_url: 'https://runbooks.example.com/{node}'}\n"
    )
    async with AsyncExitStack() as stack:

        async def start(**config: Any) -> Served:
            base = {"store": f"sqlite:{tmp_path}/responder.db", "sinks": {}, "rules": (str(rules), "builtin:default")}
            listen = {"address": "127.0.0.1:0", **config.pop("listen", {})}
            loaded = Loaded(config=Config.model_validate({**base, "listen": listen, **config}))
            daemon = await stack.enter_async_context(running(loaded, watch=False))
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://{daemon.address}", timeout=20))
            return Served(daemon, client)

        yield start


@pytest.fixture
def wired(slack: SlackWire, pagerduty: PagerDutyWire) -> dict[str, Any]:
    return sinks_for(slack.base_url, pagerduty.base_url)
