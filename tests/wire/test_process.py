"""The stand-ins as a process of their own, for tests that kill the daemon."""

import json
import subprocess
import sys

import httpx


def test_both_serve_from_one_process_and_tell_what_they_saw() -> None:
    faults = json.dumps([{"method": "chat.postMessage", "after": True, "times": 1}])
    command = [
        sys.executable,
        "-m",
        "tests.wire",
        "--slack-port",
        "0",
        "--pagerduty-port",
        "0",
        "--slack-faults",
        faults,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            urls = json.loads(process.stdout.readline())
            headers = {"Authorization": "Bearer xoxb-wire"}
            post = {"url": f"{urls['slack']}/api/chat.postMessage", "json": {"channel": "C0ALERTS", "text": "x"}}
            assert [httpx.post(**post, headers=headers).status_code for _ in range(2)] == [500, 200]
            httpx.post(f"{urls['pagerduty']}/_faults", json={"status": 503})
            assert httpx.post(f"{urls['pagerduty']}/v2/enqueue", json={}).status_code == 503
            state = httpx.get(f"{urls['slack']}/_state").json()
            assert [call["effect"] for call in state["calls"]] == [True, True]
            assert len(state["messages"]["C0ALERTS"]) == 2
        finally:
            process.terminate()
        assert process.wait(10) == 0
