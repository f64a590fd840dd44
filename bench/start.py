"""From the command to the first answered request, on a warm install and an existing store; memory at rest."""

import compileall
import tempfile
import time
from pathlib import Path

import responder
from bench.measuring import loop_s, percentile, rss_mib, say
from tests.e2e.daemon import Daemon

RUNS = 7


def main() -> None:
    compileall.compile_dir(responder.__path__[0], quiet=1)  # as pip does; an editable install may not be
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), {"sinks": {"console": {}}})
        first = daemon.start()
        daemon.stop()
        times, memory = [], []
        for _ in range(RUNS):
            times.append(daemon.start())
            time.sleep(2)
            assert daemon.process is not None
            memory.append(rss_mib(daemon.process.pid))
            daemon.stop()
        say(bench="start", first_start_s=first, ready_p50_s=percentile(times, 0.5), ready_max_s=max(times),
            rss_at_rest_mib=percentile(memory, 0.5), runs=RUNS, loop_s=loop_s())  # fmt: skip


if __name__ == "__main__":
    main()
