"""Stand-ins on the wire, fresh for each test."""

from collections.abc import Iterator

import pytest

from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire


@pytest.fixture
def slack() -> Iterator[SlackWire]:
    with SlackWire(rate=None).serve() as wire:
        yield wire


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyWire]:
    with PagerDutyWire(rate=None).serve() as wire:
        yield wire
