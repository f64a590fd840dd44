"""Memory and load of a process tree, percentiles, and many requests over keep-alive connections."""

import http.client
import json
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def say(**figures: Any) -> None:
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}), flush=True)


def loop_s() -> float:
    """Seconds of a fixed loop: figures of a shared machine say little without how fast it was just then."""
    began = time.perf_counter()
    total = 0
    for number in range(5_000_000):
        total += number
    return time.perf_counter() - began


def rss_mib(pid: int) -> float:
    """Resident memory of a process and its children."""
    total, todo = 0.0, [pid]
    while todo:
        one = todo.pop()
        try:
            for line in Path(f"/proc/{one}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) / 1024
            todo += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
    return total


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def post_all(
    url: str, path: str, bodies: Sequence[bytes], connections: int = 8
) -> tuple[float, list[tuple[int, float]]]:
    """Seconds for all, and (status, seconds) of each."""
    address = urlsplit(url)
    results: list[tuple[int, float]] = []
    lock, waiting = threading.Lock(), iter(bodies)

    def work() -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                break
            began = time.perf_counter()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            results.append((answer.status, time.perf_counter() - began))
        connection.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, results


def alert(n: int, nodes: int = 200) -> dict[str, Any]:
    """The alert that the peers are measured with, in Alertmanager's API shape."""
    return {
        "labels": {"alertname": "GpuXidError", "severity": "critical", "node": f"gpu-{n % nodes:03d}", "gpu": str(n % 8),
                   "xid": "79", "job_name": f"train-{n % 50}", "n": str(n)},
        "annotations": {"summary": "GPU has fallen off the bus"},
    }  # fmt: skip
