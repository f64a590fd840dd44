"""One machine under two names becomes one; two machines never do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.config import Config, Loaded
from responder.logic.hosts import both, is_address, short, unify
from responder.pipeline.hosts import MOST, Hosts
from responder.wiring.knowledge import read_playbook
from tests.making import T0, event, minutes
from tests.pipeline.conftest import Simulate, node_rule

LONG = "gpu-12.cluster.local"


def named(hosts: Hosts, node: str, cluster: str = "") -> str:
    entities = {"node": (node,), **({"cluster": (cluster,)} if cluster else {})}
    names = hosts.unified(entities)
    return names[0] if names else node


def test_a_configured_domain_is_cut_whatever_was_heard() -> None:
    hosts = Hosts(["cluster.local"])
    assert named(hosts, LONG) == "gpu-12"
    assert named(hosts, "GPU-12.Cluster.Local") == "GPU-12"
    assert named(hosts, "gpu-12.elsewhere.net") == "gpu-12.elsewhere.net"


def test_a_node_of_the_topology_is_known_with_any_domain() -> None:
    assert named(Hosts(listed={"gpu-12"}), LONG) == "gpu-12"


def test_a_short_name_that_was_heard_gathers_its_long_one_in() -> None:
    hosts = Hosts()
    assert named(hosts, LONG, "a") == LONG
    assert named(hosts, "gpu-12", "a") == "gpu-12"
    assert named(hosts, LONG, "a") == "gpu-12"


def test_clusters_that_give_machines_the_same_short_names_stay_apart() -> None:
    hosts = Hosts()
    named(hosts, "gpu-12", "a")
    assert named(hosts, "gpu-12.b.net", "b") == "gpu-12.b.net"
    named(hosts, "gpu-12", "b")
    assert named(hosts, "gpu-12.b.net", "b") == "gpu-12"
    assert named(hosts, "gpu-12.b.net") == "gpu-12.b.net", "without a cluster it may be either"


def test_two_domains_that_claim_a_short_name_both_keep_theirs() -> None:
    hosts = Hosts()
    named(hosts, "gpu-12")
    named(hosts, "gpu-12.one.net")
    assert named(hosts, "gpu-12.two.net") == "gpu-12.two.net"
    assert named(hosts, "gpu-12.one.net") == "gpu-12.one.net"


def test_an_address_is_never_cut() -> None:
    hosts = Hosts(["0.0.3"], {"10"})
    named(hosts, "10")
    assert named(hosts, "10.0.0.3") == "10.0.0.3"
    assert [is_address(name) for name in ("10.0.0.3", "fe80::1", "[fe80::1]", "1.gpu", "ip-10-0-0-3.ec2")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_one_event_with_both_names_has_one_node() -> None:
    assert Hosts().unified({"node": (LONG, "gpu-12", "gpu-13")}) == ("gpu-12", "gpu-13")


def test_what_is_remembered_is_bounded() -> None:
    hosts = Hosts()
    for n in range(MOST + 10):
        named(hosts, f"n{n}")
    assert named(hosts, "n0.x.net") == "n0.x.net"
    assert named(hosts, f"n{MOST}.x.net") == f"n{MOST}"


def test_the_configuration_says_which_domains_are_cut() -> None:
    made = Config(node_domains=("cluster.local",), topology={"gpu-7": {"rack": "r1"}})
    book = read_playbook(Loaded(config=made))
    assert book.located(event(labels={"node": LONG})).entities["node"] == ("gpu-12",)
    placed = book.located(event(labels={"node": "gpu-7.anything.net"}))
    assert (placed.entities["node"], placed.entities["rack"]) == (("gpu-7",), ("r1",))


names = st.lists(st.sampled_from(["a", "b", "a.x", "a.y", "b.x", "10.0.0.1", "10", ""]), max_size=8)


@given(names)
def test_unifying_is_settled_at_once_and_invents_no_name(listed: list[str]) -> None:
    found = unify(listed)
    assert unify(found) == found
    assert set(found) <= set(listed)
    assert {short(name) for name in found} == {short(name) for name in listed}


def test_lists_share_a_host_under_either_name() -> None:
    assert both(["gpu-1.x", "n2"], ["gpu-1", "n2.x"]) == {"gpu-1.x", "n2"}
    assert both(["gpu-1.x"], ["gpu-1.y"]) == set()
    assert both(["10.0.0.1"], ["10"]) == set()


@pytest.mark.asyncio
async def test_alerts_of_one_machine_under_two_names_are_one_incident_with_one_node(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    labels = {"alertname": "XidError", "xid": "79"}
    await engine.feed([event(labels={**labels, "node": "gpu-12"})], T0)
    await engine.feed([event(labels={**labels, "node": LONG}, entities={"node": (LONG,)})], T0)
    await engine.advance(T0 + minutes(3))
    one = await engine.only()
    assert (one.key, one.events, one.entities["node"]) == ({"node": "gpu-12"}, 2, ("gpu-12",))
    assert (await engine.reports(one.id))[-1].impact.nodes == ("gpu-12",)


@pytest.mark.asyncio
async def test_two_names_that_met_too_late_are_still_related(simulate: Simulate) -> None:
    engine = await simulate()
    long = {"alertname": "KubeNodeNotReady", "severity": "critical", "node": LONG}
    await engine.feed([event(labels=long)], T0)
    await engine.feed(
        [event(labels={"alertname": "XidError", "severity": "critical", "xid": "79", "node": "gpu-12"})], T0
    )
    await engine.advance(T0 + minutes(5))
    found = {one.rule.name: one for one in await engine.simulation.incidents()}
    cause = found.pop("gpu-lost")
    assert [one.parent for one in found.values()] == [cause.id]
