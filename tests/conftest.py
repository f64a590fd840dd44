"""Fixtures for all tests: the real servers, each started at its first use; the vendors' stand-ins; and Hypothesis' settings."""

import contextlib
import os
from collections.abc import Generator, Iterator

import hypothesis
import pytest

from tests.servers import alertmanager as alertmanagers
from tests.servers import chromium as browsers
from tests.servers import kafka as brokers
from tests.servers import postgres as databases
from tests.servers import prometheus as prometheuses
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire

# No deadline: a shared machine's slow moment is no defect. In CI the same examples each time: red is red twice.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped integration test is a failure: what was not run must not look green."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("integration"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def kafka() -> Iterator[brokers.Kafka]:
    """A broker. A test that stops it starts it again."""
    with brokers.running() as kafka:
        yield kafka


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Postgres]:
    with databases.running() as postgres:
        yield postgres


@pytest.fixture
def postgres_url(postgres: databases.Postgres) -> Iterator[str]:
    """`postgresql://...` of an empty database of this test's own."""
    with postgres.new_database() as url:
        yield url


@pytest.fixture
def prometheus() -> Iterator[prometheuses.Start]:
    """Call it with a configuration to get a running Prometheus; it ends with the test."""
    with contextlib.ExitStack() as started:
        yield lambda config=None, **more: started.enter_context(prometheuses.running(config, **more))


@pytest.fixture
def alertmanager() -> Iterator[alertmanagers.Start]:
    """Call it with a configuration to get a running Alertmanager; it ends with the test."""
    with contextlib.ExitStack() as started:
        yield lambda config=None: started.enter_context(alertmanagers.running(config))


@pytest.fixture(scope="session")
def chromium() -> browsers.Chromium:
    return browsers.find()


@pytest.fixture
def slack() -> Iterator[SlackWire]:
    """Slack's stand-in, without its rate limits."""
    with SlackWire(rate=None).serve() as wire:
        yield wire


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyWire]:
    """PagerDuty's stand-in, without its rate limits."""
    with PagerDutyWire(rate=None).serve() as wire:
        yield wire
