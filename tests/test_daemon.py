"""What ends the daemon, and how it says so."""

from pathlib import Path

import pytest

from responder.config import Config, Loaded
from responder.errors import Permanent
from responder.ports import Intake
from responder.wiring.daemon import Daemon, serve


class Doomed:
    """A source that gives up when it is told to."""

    name = "doomed"

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    async def run(self, intake: Intake) -> None:
        raise Permanent("the world has ended")

    def ready(self) -> str | None:
        return None


@pytest.mark.asyncio
async def test_a_part_that_gives_up_ends_the_daemon_as_a_failure(tmp_path: Path) -> None:
    """Half a daemon that looks alive is worse than none, and a service manager must see that it failed."""
    config = Config.model_validate(
        {"store": f"sqlite:{tmp_path}/x.db", "listen": {"address": "127.0.0.1:0"}, "sinks": {}}
    )

    def ready(daemon: Daemon) -> None:
        from responder.wiring.daemon import _start_sources

        daemon.sources.append(Doomed(daemon))
        _start_sources(daemon)

    with pytest.raises(Permanent, match="the world has ended"):
        await serve(Loaded(config=config), ready)
