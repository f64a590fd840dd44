"""Queries are anchored at the event's time, escaped, bounded; what cannot be answered is a reason."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from responder.enrichers.prometheus import Prometheus, Settings
from responder.logic.diagnosis.readings import judge
from responder.model.evidence import Ask, Missing, Need, Reading, Window
from responder.model.skill import EvidenceSpec
from tests.servers import prometheus as prometheuses
from tests.servers.prometheus import Prometheus as Server

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""The event's time: an hour ago, so that "now" would give other answers."""


def history() -> str:
    """An hour of a temperature that jumps from 60 to 91 at the event, a straggling sibling, and an odd node name."""
    lines = ["# TYPE temp gauge"]
    for second in range(-3600, 601, 30):
        at = NOW.timestamp() + second
        lines.append(f'temp{{gpu="0",node="n1"}} {60 if second < -60 else 91} {at:.0f}')
    lines += [f'temp{{gpu="1",node="n1"}} 58 {NOW.timestamp() + second:.0f}' for second in range(-3600, 601, 30)]
    lines.append("# TYPE clock gauge")
    for card in range(64):  # the slow one comes last, far beyond the series that are kept
        level = 1095 if card == 63 else 1980 if card else 1990
        lines += [
            f'clock{{gpu="{card % 8}",UUID="GPU-{card:02}",hostname="n{card // 8}",job="dcgm"}} {level} {NOW.timestamp() + at:.0f}'
            for at in range(-900, 301, 60)
        ]
    lines.append(r"# TYPE odd gauge" + "\n" + r'odd{node="a\"} or vector(1) #"} 7 ' + f"{NOW.timestamp():.0f}")
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with prometheuses.running(history=history()) as running:
        yield running


@pytest_asyncio.fixture
async def enricher(server: Server) -> AsyncIterator[Prometheus]:
    made = Prometheus(Settings(url=server.url), "test")
    yield made
    await made.close()


def ask(query: str, variables: Mapping[str, tuple[str, ...]] | None = None, **need: object) -> Ask:
    window = Window(start_at=NOW - timedelta(minutes=10), at=NOW, end_at=NOW + timedelta(minutes=2))
    return Ask(
        need=Need.model_validate({"name": "gpu_temp", "source": "prometheus", "query": query, "unit": "C", **need}),
        window=window,
        variables=dict(variables or {"node": ("n1",)}),
    )


async def reading(enricher: Prometheus, one: Ask) -> Reading:
    found = await enricher.read(one)
    assert isinstance(found, Reading), found
    return found


async def missing(enricher: Prometheus, one: Ask) -> Missing:
    found = await enricher.read(one)
    assert isinstance(found, Missing), found
    return found


async def test_the_value_is_that_of_the_events_time_and_of_the_worst_series(enricher: Prometheus) -> None:
    found = await reading(enricher, ask('temp{node="{node}"}'))
    assert found.value == 91
    assert "largest of 2 series" in found.statement
    assert found.query == 'temp{node="n1"}'


async def test_a_baseline_is_what_it_was_before(enricher: Prometheus) -> None:
    found = await reading(enricher, ask('temp{node="{node}",gpu="0"}', baseline=True))
    assert found.baseline == 60
    assert "60 before" in found.statement


async def test_a_range_brings_points_of_the_window_for_a_chart(enricher: Prometheus) -> None:
    found = await reading(enricher, ask('temp{node="{node}"}', range=True))
    assert len(found.series) == 2
    points = found.series[0].points
    assert NOW - timedelta(minutes=10) <= points[0].at < points[-1].at <= NOW + timedelta(minutes=2)
    assert 10 <= len(points) <= 61
    assert not found.stale


async def test_the_answer_says_which_series_it_is(enricher: Prometheus) -> None:
    found = await reading(enricher, ask('temp{node="{node}"}'))
    assert found.statement == 'gpu temp was 91 C on {gpu="0", node="n1"} (largest of 2 series)'
    lowest = await reading(enricher, ask("bottomk(1, clock)"))
    assert 'on {UUID="GPU-63", gpu="7", hostname="n7"}' in lowest.statement


async def test_of_many_series_the_extremes_and_the_events_own_are_kept(enricher: Prometheus) -> None:
    own = {"node": ("n3",), "gpu": ("GPU-30",)}
    found = await reading(enricher, ask("clock", own, range=True))
    assert found.value == 1990
    assert "largest of 64 series" in found.statement
    assert len(found.series) == 20
    kept = {one.labels["UUID"]: one.points[-1].value for one in found.series}
    assert kept["GPU-63"] == 1095
    assert kept["GPU-00"] == 1990
    assert "GPU-30" in kept
    assert "GPU-00" in (await reading(enricher, ask("max by (UUID, job) (clock)", own))).statement


@pytest.mark.parametrize(("node", "card", "slow"), [("n7", "GPU-63", True), ("n3", "GPU-30", False)])
async def test_what_is_kept_tells_whether_the_events_own_card_is_slow(
    enricher: Prometheus, node: str, card: str, slow: bool
) -> None:
    about = {"node": (node,), "gpu": (card,)}
    found = await reading(enricher, ask("clock", about, range=True))
    below = EvidenceSpec(
        need="clock", deviates={"from": "siblings", "direction": "below"}, sustained=timedelta(minutes=5)
    )
    assert judge(below, found, about) is slow


async def test_variables_are_escaped_and_cannot_change_the_query(enricher: Prometheus) -> None:
    found = await reading(enricher, ask('odd{node="{node}"}', {"node": ('a"} or vector(1) #',)}))
    assert found.value == 7


async def test_nothing_found_is_no_data(enricher: Prometheus) -> None:
    assert (await missing(enricher, ask('temp{node="{node}"}', {"node": ("n9",)}))).reason == "no_data"


async def test_a_rejected_query_says_what_prometheus_said(enricher: Prometheus) -> None:
    found = await missing(enricher, ask("sum by ("))
    assert found.reason == "bad_query"
    assert "parse error" in found.detail


async def test_a_variable_without_a_value_is_not_asked(enricher: Prometheus) -> None:
    found = await missing(enricher, ask('temp{gpu="{gpu}"}'))
    assert found.reason == "no_variable"
    assert "{gpu}" in found.detail


async def test_no_prometheus_is_unreachable_and_the_doctor_says_so() -> None:
    away = Prometheus(Settings(url="http://127.0.0.1:9"), "test")
    assert (await missing(away, ask("temp"))).reason == "unreachable"
    problem = await away.check()
    assert problem is not None
    assert "127.0.0.1:9" in problem
    await away.close()


async def test_a_query_over_its_deadline_is_a_timeout(enricher: Prometheus) -> None:
    heavy = "count(sum_over_time(temp[1h:5ms]) + sum_over_time(temp[1h:5ms]) + sum_over_time(temp[1h:5ms]))"
    found = await missing(enricher, ask(heavy, within="20ms"))
    assert found.reason == "timeout"


async def test_the_doctor_finds_a_working_one_fine(enricher: Prometheus) -> None:
    assert await enricher.check() is None
