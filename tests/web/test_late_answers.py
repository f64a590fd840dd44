"""Where late answers may go."""

import pytest
import structlog

from responder.web.late_answers import reply


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "http://[",
        "http://hooks.slack.com/commands/T/1/x",
        "https://evil.example/commands/T/1/x",
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
    ],
)
async def test_no_other_host_is_ever_called(url: str) -> None:
    with structlog.testing.capture_logs() as logs:
        await reply(url, {"text": "secret"})
    assert [line["event"] for line in logs] == ["response_url_refused"]
