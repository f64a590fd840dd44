"""Silences and maintenance windows from every door, each with author, end and comment: configuration, API, command, button, page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from responder.model.journal import Disposition
from tests.making import event
from tests.web.conftest import Serve, Served
from tests.web.test_chat import command, press
from tests.wire.slack import SlackWire

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]


async def quiet(served: Served, **labels: str) -> str | None:
    """Send an alert; the id of the silence that kept it quiet, None when it was heard."""
    one = event(at=served.daemon.clock.now(), labels=labels)
    await served.daemon.engine.ingest.accept_events([one])
    entry = (await served.daemon.store.read(lambda tx: tx.journal_entries([one.id])))[one.id]
    return entry.trail.silence_id if entry.trail.disposition is Disposition.SILENCED else None


async def listed(served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await served.client.get("/v1/silences", params={"active": "true"})).json()[
        "silences"
    ]
    return found


def lasts(silence: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(silence["ends_at"]) - datetime.fromisoformat(silence["starts_at"])


async def test_by_the_configuration(serve: Serve) -> None:
    now = datetime.now(UTC)
    window = {
        "match": 'rack="r9"', "start": now - timedelta(hours=1), "end": now + timedelta(hours=1), "author": "dana",
        "comment": "new switch", "maintenance": True,
    }  # fmt: skip
    later = {**window, "match": 'rack="r10"', "start": now + timedelta(hours=1), "end": now + timedelta(hours=2)}
    served = await serve(silences=[window, later])
    (made,) = await listed(served)
    assert (made["created_by"], made["comment"], made["maintenance"]) == ("dana", "new switch", True)
    assert lasts(made) == timedelta(hours=2)
    assert await quiet(served, node="n1", rack="r9") == made["id"]
    assert await quiet(served, node="n2", rack="r10") is None, "not yet"
    every = (await served.client.get("/v1/silences")).json()["silences"]
    assert [one["text"] for one in every] == ['rack="r10"', 'rack="r9"']
    refused = await served.client.delete(f"/v1/silences/{made['id']}")
    assert refused.status_code == 400
    assert "configuration" in refused.json()["error"]
    page = (await served.client.get("/silences", headers={"accept": "text/html"})).text
    assert "new switch" in page
    assert "From the configuration." in page
    assert f"/silences/{made['id']}/end" not in page


async def test_by_the_api_now_or_from_a_time_on(serve: Serve) -> None:
    served = await serve(listen={"auth": {"bearer": "t"}, "user_header": "X-User"}, roles={"ann": "operator"})
    served.client.headers["x-user"] = "ann"
    later = (served.daemon.clock.now() + timedelta(hours=1)).isoformat()
    body = {"match": 'node="n1"', "duration": "2h", "comment": "RMA"}
    made = (await served.client.post("/v1/silences", json=body)).json()
    assert (made["created_by"], made["comment"], lasts(made)) == ("ann", "RMA", timedelta(hours=2))
    window = {**body, "match": 'node="n2"', "starts_at": later, "maintenance": True}
    planned = (await served.client.post("/v1/silences", json=window)).json()
    assert (planned["maintenance"], planned["starts_at"][:19]) == (True, later[:19])
    assert await quiet(served, node="n1") == made["id"]
    assert await quiet(served, node="n2") is None
    nobody = await served.client.post("/v1/silences", json=body, headers={"x-user": "eve"})
    assert nobody.status_code == 403


async def test_by_the_slash_command(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    one = await served.incident()
    said = await command(served, slack, f"silence {one.id} 2h RMA is on its way", user="U0ANN")
    assert "is silenced until" in said["text"]
    (made,) = await listed(served)
    assert (made["created_by"], made["comment"], lasts(made)) == ("U0ANN", "RMA is on its way", timedelta(hours=2))
    assert await quiet(served, node="n1", device="another") == made["id"]
    assert await quiet(served, node="n2") is None
    wrong = await command(served, slack, f"silence {one.id} for ever", user="U0ANN")
    assert "not a duration" in wrong["text"]
    assert len(await listed(served)) == 1


async def test_by_the_button(serve: Serve, slack: SlackWire, wired: dict[str, Any]) -> None:
    served = await serve(sinks={"slack": wired["slack"]})
    one = await served.incident()
    await press(served, slack, "silence", user="U0ANN")
    (made,) = await served.until(lambda: listed(served))
    assert (made["created_by"], lasts(made)) == ("U0ANN", timedelta(hours=1))
    assert one.id in made["comment"]
    assert await quiet(served, node="n1", device="another") == made["id"]


async def test_by_the_page(serve: Serve) -> None:
    served = await serve()
    one = await served.incident()
    form = {"duration": "30m", "comment": "looking"}
    page = await served.client.get(f"/incidents/{one.id}", headers={"accept": "text/html"})
    form["csrf"] = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    html = {"accept": "text/html"}
    assert (await served.client.post(f"/incidents/{one.id}/silence", data=form, headers=html)).status_code == 303
    (made,) = await listed(served)
    assert (made["comment"], lasts(made), bool(made["created_by"])) == ("looking", timedelta(minutes=30), True)
    done = await served.client.post(f"/silences/{made['id']}/end", data=form, headers=html)
    assert done.status_code == 303
    assert await listed(served) == []
    acts = await served.daemon.store.read(lambda tx: tx.actions(None, None, None))
    assert {act.what for act in acts} >= {"silence", "unsilence"}
