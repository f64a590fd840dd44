"""Alerts accepted durably per second over HTTP, one alert per request and a hundred, and memory after 100,000 events.

Each twice: first while the 200 incidents that they open are triaged, then while they join those.
"""

import json
import tempfile
from pathlib import Path

from bench.measuring import alert, percentile, post_all, rss_mib, say
from tests.e2e.daemon import running

CONNECTIONS = 16


def main() -> None:
    for per_post, count in ((1, 5000), (100, 50000)):
        with tempfile.TemporaryDirectory() as folder, running(Path(folder), {"sinks": {}}) as daemon:
            for start, incidents in ((0, "opening"), (count, "open")):
                bodies = [
                    json.dumps([alert(n) for n in range(first, first + per_post)]).encode()
                    for first in range(start, start + count, per_post)
                ]
                seconds, results = post_all(daemon.url, "/v1/events/alertmanager", bodies, CONNECTIONS)
                assert daemon.process is not None
                say(
                    bench="webhook",
                    per_post=per_post,
                    incidents=incidents,
                    alerts=count,
                    alerts_per_s=count / seconds,
                    ok=sum(status == 202 for status, _ in results),
                    p50_ms=percentile((s for _, s in results), 0.5) * 1000,
                    p99_ms=percentile((s for _, s in results), 0.99) * 1000,
                    rss_mib=rss_mib(daemon.process.pid),
                )


if __name__ == "__main__":
    main()
