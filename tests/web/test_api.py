"""The JSON API: what the command line and the page stand on."""

import pytest

from tests.web.conftest import Serve

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]


async def test_incidents_can_be_listed_filtered_and_shown(serve: Serve) -> None:
    served = await serve()
    one = await served.incident()
    listed = (await served.client.get("/v1/incidents")).json()["incidents"]
    assert [i["id"] for i in listed] == [one.id]
    for query, count in (
        ({"status": "open"}, 1),
        ({"status": "resolved"}, 0),
        ({"severity": one.severity.value}, 1),
        ({"owner": "gpu-platform"}, 1),
        ({"owner": "nobody"}, 0),
        ({"q": "n1"}, 1),
        ({"q": "elsewhere"}, 0),
        ({"status": "", "severity": "", "owner": "", "q": ""}, 1),
        ({"status": ["acknowledged", "open"]}, 1),
    ):
        found = (await served.client.get("/v1/incidents", params=query)).json()["incidents"]
        assert len(found) == count, query
    shown = (await served.client.get(f"/v1/incidents/{one.id}")).json()
    assert shown["rule"] == "node-alert"
    report = (await served.client.get(f"/v1/incidents/{one.id}/report")).json()
    assert report["schema"] == "responder.report/v1"
    assert report["hypotheses"][0]["class"] == "gpu.fallen_off_bus"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/incidents/inc-nowhere", None, 404),
        ("GET", "/v1/incidents/inc-nowhere/report", None, 404),
        ("POST", "/v1/incidents/inc-nowhere/ack", {}, 404),
        ("GET", "/v1/explain/ev_nothing", None, 404),
        ("GET", "/v1/incidents?severity=SEV9", None, 400),
        ("GET", "/v1/schemas/nonsense", None, 404),
        ("POST", "/v1/silences", {"match": "node=", "duration": "1h", "comment": "x"}, 400),
        ("POST", "/v1/silences", {"match": "{}", "duration": "1h", "comment": "x"}, 400),
        ("POST", "/v1/silences", {"match": 'node="a"', "duration": "3", "comment": "x"}, 400),
        ("POST", "/v1/quarantine/q-none/retry", {}, 404),
        ("DELETE", "/v1/silences/sil-none", None, 404),
    ],
)
async def test_mistakes_get_one_clear_line(serve: Serve, method: str, path: str, body: object, status: int) -> None:
    served = await serve()
    answer = (
        await served.client.request(method, path, json=body)
        if body is not None
        else await served.client.request(method, path)
    )
    assert answer.status_code == status, answer.text
    message = answer.json()["error"]
    assert message
    assert "Traceback" not in message


async def test_acts_are_audited_and_shown_with_who_and_when(serve: Serve) -> None:
    served = await serve()
    one = await served.incident()
    done = await served.client.post(f"/v1/incidents/{one.id}/ack", json={})
    assert done.json()["status"] == "acknowledged"
    again = await served.client.post(f"/v1/incidents/{one.id}/ack", json={})
    assert again.status_code == 200
    right = await served.client.post(f"/v1/incidents/{one.id}/feedback", json={"right": True})
    assert right.json()["confirmed_class"] == "gpu.fallen_off_bus"
    over = await served.client.post(f"/v1/incidents/{one.id}/resolve", json={"comment": "riser reseated"})
    assert over.json()["status"] == "resolved"
    acts = (await served.client.get(f"/v1/incidents/{one.id}")).json()["actions"]
    assert [act["what"] for act in acts] == ["ack", "ack", "feedback", "resolve"]
    assert acts[-1]["detail"]["comment"] == "riser reseated"
    assert (await served.client.post(f"/v1/incidents/{one.id}/ack", json={})).status_code == 400


async def test_a_silence_keeps_the_next_alert_quiet_until_it_is_ended(serve: Serve) -> None:
    served = await serve()
    made = await served.client.post("/v1/silences", json={"match": 'node="n7"', "duration": "2h", "comment": "RMA"})
    assert made.status_code == 201
    from tests.making import event

    await served.daemon.engine.ingest.accept_events([event(at=served.daemon.clock.now(), labels={"node": "n7"})])
    assert (await served.client.get("/v1/incidents")).json()["incidents"] == []
    id = made.json()["id"]
    ended = await served.client.delete(f"/v1/silences/{id}")
    assert ended.status_code == 200
    assert (await served.client.get("/v1/silences", params={"active": "true"})).json()["silences"] == []


async def test_explain_goes_from_the_rules_to_the_messages(serve: Serve) -> None:
    served = await serve()
    one = await served.incident()
    (member,) = await served.daemon.store.read(lambda tx: tx.members(one.id, 10))
    why = (await served.client.get(f"/v1/explain/{member.id}")).json()
    assert why["trail"]["reason"] == "routed"
    assert why["rules"][0]["matched"] is True
    missed = [step for step in why["rules"] if not step["matched"]]
    assert all(step["failed_at"] for step in missed)
    assert why["incidents"][0]["id"] == one.id


async def test_probes_need_no_credentials_and_everything_else_does(serve: Serve) -> None:
    served = await serve(listen={"auth": {"bearer": "s3cret-token"}})
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await served.client.get(path)).status_code == 200, path
    for method, path in (
        ("GET", "/v1/incidents"),
        ("POST", "/v1/silences"),
        ("GET", "/v1/skills"),
        ("POST", "/v1/events/native"),
    ):
        answer = await served.client.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    good = await served.client.get("/v1/incidents", headers={"authorization": "Bearer s3cret-token"})
    assert good.status_code == 200
    bad = await served.client.get("/v1/incidents", headers={"authorization": "Bearer s3cret-tokem"})
    assert bad.status_code == 401


async def test_roles_of_a_trusted_proxys_users_are_kept(serve: Serve) -> None:
    served = await serve(
        listen={"auth": {"bearer": "t"}, "user_header": "X-User"}, roles={"default": "viewer", "ann": "operator"}
    )
    one = await served.incident()
    path = f"/v1/incidents/{one.id}/ack"
    assert (await served.client.post(path, json={}, headers={"x-user": "bob"})).status_code == 403
    assert (await served.client.post(path, json={}, headers={"x-user": "ann"})).status_code == 200
    through = {"x-user": "ann", "x-forwarded-for": "203.0.113.7"}
    assert (await served.client.post(path, json={}, headers=through)).status_code == 200, "as proxies do"


async def test_another_site_cannot_act_through_a_browser(serve: Serve) -> None:
    served = await serve()
    one = await served.incident()
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = await served.client.post(f"/v1/incidents/{one.id}/ack", json={}, headers=headers)
        assert answer.status_code == 403


async def test_the_openapi_document_names_intake_too(serve: Serve) -> None:
    served = await serve()
    document = (await served.client.get("/openapi.json")).json()
    assert "/v1/events/{format}" in document["paths"]
    assert "/api/v2/alerts" in document["paths"]
    assert "/v1/incidents/{id}/report" in document["paths"]
