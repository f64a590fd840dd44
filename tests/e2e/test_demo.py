"""`responder demo --exit`: the story as a person sees it in a pipe, from the first post to the last report."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(120)


def test_the_story_ends_with_a_report_on_every_fault_and_on_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "responder", "demo", "--exit", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=110, check=False, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr, "no colours in a pipe"
    told = re.findall(r"^ +SEV\d +(.+?) {2,}(inc-\w+)", done.stdout, flags=re.MULTILINE)
    titles = {title for title, _ in told}
    for words in ("fell off the PCIe bus", "GPU memory exhausted", "KV cache", "r12"):
        assert any(words.lower() in title.lower() for title in titles), (words, titles)
    assert any("full" in title.lower() or "space" in title.lower() for title in titles), titles
    posts = re.findall(r"POST (\S+) .*→ (\d+)", done.stderr)
    assert {path.rpartition("/")[2] for path, _ in posts} >= {
        "alertmanager",
        "grafana",
        "kubernetes",
        "native",
        "slurm",
    }
    assert [status for _, status in posts].count("400") == 2, "two malformed bodies"
    closing = done.stderr.splitlines()[-1]
    counts = re.match(r"([\d,]+) events journalled; ([\d,]+) of them in (\d+) incidents", closing)
    assert counts is not None, closing
    journalled, grouped, incidents = (int(number.replace(",", "")) for number in counts.groups())
    assert journalled - grouped >= 5, "some needed nobody"
    assert incidents == 5
    assert "2 bodies in quarantine" in closing
    assert list(tmp_path.iterdir()) == [], "a throw-away store"
