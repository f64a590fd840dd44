"""Grafana's webhook: told by its own fields, with the numbers that its rules saw."""

import orjson

from responder.formats import alertmanager, grafana
from responder.model.event import Kind, Status
from tests.formats.samples import GRAFANA_ALERT, alert, grafana_webhook, only, webhook


def test_values_are_annotations_and_addresses_are_links() -> None:
    event = only(grafana.FORMAT, grafana_webhook(GRAFANA_ALERT, externalURL="http://grafana:3000/"))
    assert (event.format, event.kind, event.title) == ("grafana", Kind.INFERENCE_SERVICE, "The error budget burns")
    assert orjson.loads(event.annotations["values"]) == {"A": 16.2, "B": 1}
    assert event.annotations["valueString"] == "[ var='A' labels={} value=16.2 ]"
    assert {link.text for link in event.links} == {"source", "dashboard", "silence", "grafana"}
    assert not any(link.href.startswith("javascript") for link in event.links)


def test_either_body_is_understood_at_either_path() -> None:
    theirs = only(grafana.FORMAT, grafana_webhook(GRAFANA_ALERT))
    assert only(alertmanager.FORMAT, grafana_webhook(GRAFANA_ALERT)) == theirs
    assert only(grafana.FORMAT, webhook(alert())) == only(alertmanager.FORMAT, webhook(alert()))
    assert only(grafana.FORMAT, webhook(alert())).format == "alertmanager"


def test_a_resolved_alert_has_its_end() -> None:
    over = only(
        grafana.FORMAT, grafana_webhook(GRAFANA_ALERT | {"status": "resolved", "endsAt": "2026-03-14T02:04:00Z"})
    )
    assert over.status is Status.RESOLVED
    assert over.ends_at is not None
    assert over.fingerprint == "9a0b33c1d2e4f567"


def test_an_alert_about_missing_data_is_about_monitoring() -> None:
    nodata = GRAFANA_ALERT | {
        "labels": {"alertname": "DatasourceNoData", "rulename": "TTFT", "datasource_uid": "p"},
        "annotations": {},
    }
    assert only(grafana.FORMAT, grafana_webhook(nodata)).kind is Kind.MONITORING
