"""The link under a report leads to the thing at fault."""

from responder.logic.runbook import runbook_url
from tests.making import event, incident, rule


def test_the_runbook_is_that_of_the_blamed_node_and_not_of_the_first_that_spoke() -> None:
    one = incident(rule=rule(runbook_url="https://r/{node}/{alertname}"), entities={"node": ("n 7", "n1")})
    assert runbook_url(one, [event(), event(labels={"node": "n7"})]) == "https://r/n%207/GPUFellOffBus"


def test_a_link_is_cut_at_the_part_that_nothing_fills() -> None:
    one = incident(rule=rule(runbook_url="https://r/gpu/{xid}"))
    assert runbook_url(one, [event()]) == "https://r/gpu"


def test_without_one_of_its_own_the_alerts_link_counts() -> None:
    one = incident(rule=rule(runbook_url=None))
    assert runbook_url(one, [event(annotations={"runbook_url": "https://a/b"})]) == "https://a/b"
