"""The JSON API under `/v1`, and `/healthz`, `/readyz`, `/metrics`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from responder.duration import Duration, parse_duration
from responder.errors import NotFound
from responder.model.incident import Incident, Severity
from responder.model.report import Report
from responder.ports import Desk, IncidentFilter
from responder.telemetry import OPEN, READY
from responder.web import silences
from responder.web.actors import Actor, Guard

Id = Annotated[str, Path(min_length=1, max_length=120, pattern=r"^[^\x00]+$")]
Text = Annotated[str, Field(max_length=2000)]


def _filled(given: Any) -> Any:
    return [one for one in given if one != ""] if isinstance(given, list) else given


Filled = BeforeValidator(_filled)
"""`?status=&severity=SEV1`, as a form sends it: what is left empty is not asked for."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(_Body):
    """An empty object."""


class ResolveBody(_Body):
    """What fixed it."""

    comment: Text = ""


class SilenceIncidentBody(_Body):
    """For how long, and why."""

    duration: Duration = parse_duration("1h")
    comment: Text = ""


class FeedbackBody(_Body):
    """Was the leading cause right? If not, what was it?"""

    right: bool
    cause: Annotated[str | None, Field(max_length=100)] = None


class SilenceBody(_Body):
    """A new silence: matchers as in a rule."""

    match: Annotated[str, Field(min_length=3, max_length=2000)]
    duration: Duration
    comment: Annotated[str, Field(min_length=1, max_length=2000)]
    starts_at: datetime | None = None
    maintenance: bool = False


class Problem(BaseModel):
    """An error: what is wrong and what to do."""

    error: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem},
    401: {"model": Problem},
    403: {"model": Problem},
    404: {"model": Problem},
    503: {"model": Problem},
}


def incident_document(incident: Incident) -> dict[str, Any]:
    """An incident as the API shows it: the rule by name."""
    body = incident.model_dump(mode="json", by_alias=True, exclude={"rule", "version"})
    body["rule"] = incident.rule.name
    body["class"] = body.pop("first_class")
    return body


def routes(desk: Desk, guard: Guard) -> APIRouter:
    """All of `/v1`."""
    router = APIRouter(prefix="/v1", responses=REFUSALS)

    def reader(request: Request) -> Actor:
        return guard.actor(request)

    def operator(request: Request) -> Actor:
        return guard.require(request, "operator")

    def admin(request: Request) -> Actor:
        return guard.require(request, "admin")

    Reader = Annotated[Actor, Depends(reader)]  # noqa: N806
    Operator = Annotated[Actor, Depends(operator)]  # noqa: N806
    Admin = Annotated[Actor, Depends(admin)]  # noqa: N806

    @router.get("/incidents", tags=["incidents"])
    async def list_incidents(
        actor: Reader,
        status: Annotated[list[Literal["open", "acknowledged", "resolved"]] | None, Query(), Filled] = None,
        severity: Annotated[list[Literal["SEV1", "SEV2", "SEV3", "SEV4"]] | None, Query(), Filled] = None,
        owner: Annotated[str | None, Query(max_length=200)] = None,
        q: Annotated[str | None, Query(max_length=200)] = None,
        top_level: bool = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """Incidents, newest first."""
        what = IncidentFilter(
            status=tuple(status or ()),
            severity=tuple(severity or ()),
            owner=owner or None,
            text=q or None,
            limit=limit,
            offset=offset,
            top_level=top_level,
        )
        found = await desk.store.read(lambda tx: tx.find_incidents(what))
        return {"incidents": [incident_document(one) for one in found]}

    @router.get("/incidents/{id}", tags=["incidents"])
    async def get_incident(id: Id, actor: Reader) -> dict[str, Any]:
        """An incident with its deliveries, children and acts."""

        def read(tx: Any) -> dict[str, Any]:
            incident = tx.incidents([id]).get(id)
            if incident is None:
                raise NotFound(f"no incident {id}")
            return {
                **incident_document(incident),
                "children": [child.id for child in tx.children(id)],
                "deliveries": [row.model_dump(mode="json", exclude={"target"}) for row in tx.deliveries(id).values()],
                "sends": [send.model_dump(mode="json") for send in tx.sends(id)],
                "actions": [action.model_dump(mode="json") for action in tx.actions(None, None, id)],
            }

        return await desk.store.read(read)

    @router.get("/incidents/{id}/report", tags=["incidents"], response_model=Report, response_model_by_alias=True)
    async def get_report(
        id: Id, actor: Reader, revision: Annotated[int | None, Query(ge=1, le=1_000_000)] = None
    ) -> Response:
        """The latest report, or one of its revisions."""
        found = await desk.store.read(lambda tx: tx.reports(id) if revision else list(tx.latest_reports([id]).values()))
        chosen = next((report for report in reversed(found) if revision in (None, report.revision)), None)
        if chosen is None:
            raise NotFound(f"no report of {id}" + (f" with revision {revision}" if revision else " yet"))
        return Response(chosen.model_dump_json(by_alias=True), media_type="application/json")

    @router.get("/explain/{event_id}", tags=["incidents"])
    async def explain(event_id: Id, actor: Reader) -> dict[str, Any]:
        """Why this event did, or did not, lead to anything."""
        found = await desk.explain(event_id)
        if found is None:
            raise NotFound(f"no event {event_id} in the journal")
        return dict(found)

    @router.get("/skills", tags=["knowledge"])
    async def skills(
        actor: Reader,
        domain: Annotated[str | None, Query(max_length=100)] = None,
        mode: Annotated[str | None, Query(max_length=100)] = None,
        status: Literal["released", "planned"] | None = None,
    ) -> dict[str, Any]:
        """The registry."""
        wanted = [
            one.model_dump(mode="json")
            for one in desk.skills()
            if domain in (None, one.domain) and mode in (None, one.mode.value) and status in (None, one.status)
        ]
        return {"skills": wanted}

    @router.get("/schemas/{name}", tags=["knowledge"])
    async def schemas(name: Id, actor: Reader) -> dict[str, Any]:
        """JSON Schemas of report, rules, config, skill and event."""
        found = desk.schema(name)
        if found is None:
            raise NotFound(f"no schema is called {name}; there are report, rules, config, skill, event")
        return dict(found)

    @router.post("/incidents/{id}/ack", tags=["acts"])
    async def ack(id: Id, actor: Operator, body: Nothing) -> dict[str, Any]:
        """It is being looked at: repeats and escalation stop."""
        return incident_document(await desk.operations.acknowledge(id, actor.name, actor.via))

    @router.post("/incidents/{id}/resolve", tags=["acts"])
    async def resolve(id: Id, actor: Operator, body: ResolveBody) -> dict[str, Any]:
        """It is over."""
        return incident_document(await desk.operations.resolve(id, actor.name, actor.via, body.comment))

    @router.post("/incidents/{id}/silence", tags=["acts"])
    async def silence_incident(id: Id, actor: Operator, body: SilenceIncidentBody) -> dict[str, Any]:
        """Silence what it is about."""
        made = await desk.operations.silence_incident(id, body.duration, actor.name, actor.via, body.comment)
        return made.model_dump(mode="json", exclude={"match"})

    @router.post("/incidents/{id}/feedback", tags=["acts"])
    async def feedback(id: Id, actor: Operator, body: FeedbackBody) -> dict[str, Any]:
        """Right or wrong cause: it counts as history the next time."""
        done = await desk.operations.feedback(id, actor.name, actor.via, right=body.right, cause=body.cause)
        return incident_document(done)

    @router.get("/silences", tags=["silences"])
    async def list_silences(actor: Reader, active: bool = False) -> dict[str, Any]:
        """Silences and maintenance windows."""
        found = await silences.listed(desk, active=active)
        return {"silences": [one.model_dump(mode="json", exclude={"match"}) for one in found]}

    @router.post("/silences", tags=["silences"], status_code=201)
    async def add_silence(actor: Operator, body: SilenceBody) -> dict[str, Any]:
        """Silence whatever matches."""
        made = await desk.operations.silence(
            body.match,
            body.duration,
            actor.name,
            actor.via,
            body.comment,
            starts_at=body.starts_at,
            maintenance=body.maintenance,
        )
        return made.model_dump(mode="json", exclude={"match"})

    @router.delete("/silences/{id}", tags=["silences"])
    async def end_silence(id: Id, actor: Operator) -> dict[str, Any]:
        """End it now."""
        ended = await silences.end(desk, id, actor, actor.via)
        return ended.model_dump(mode="json", exclude={"match"})

    @router.get("/quarantine", tags=["quarantine"])
    async def quarantine(
        actor: Reader,
        state: Literal["held", "retried", "dropped"] | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """What could not be used."""
        found = await desk.store.read(lambda tx: tx.quarantine(state, limit))
        return {"quarantined": [one.model_dump(mode="json", exclude={"body", "headers"}) for one in found]}

    @router.get("/quarantine/{id}", tags=["quarantine"])
    async def quarantined(id: Id, actor: Reader) -> dict[str, Any]:
        """One entry with its (redacted) body."""
        found = await desk.store.read(lambda tx: tx.quarantined(id))
        if found is None:
            raise NotFound(f"nothing is quarantined under {id}")
        return found.model_dump(mode="json")

    @router.post("/quarantine/{id}/retry", tags=["quarantine"])
    async def retry(id: Id, actor: Admin, body: Nothing) -> dict[str, Any]:
        """Through intake again."""
        done = await desk.operations.retry_quarantined(id, actor.name, actor.via)
        return {
            "accepted": done.accepted,
            "duplicates": done.duplicates,
            "quarantined": done.quarantined,
            "event_ids": list(done.event_ids),
            "error": done.error,
        }

    @router.post("/quarantine/{id}/drop", tags=["quarantine"])
    async def drop(id: Id, actor: Admin, body: Nothing) -> dict[str, Any]:
        """For good."""
        await desk.operations.drop_quarantined(id, actor.name, actor.via)
        return {"id": id, "state": "dropped"}

    return router


def probes(desk: Desk) -> APIRouter:
    """Alive, ready, and the daemon's own metrics; these alone need no credentials."""
    router = APIRouter(tags=["probes"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The event loop answers."""
        return {"status": "ok"}

    @router.get("/readyz", responses={503: {"description": "Not ready, with what is wrong per part"}})
    async def readyz() -> JSONResponse:
        """Store, sources and rules."""
        parts = await _parts(desk)
        ready = not any(parts.values())
        return JSONResponse({"ready": ready, "parts": parts}, 200 if ready else 503)

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Prometheus metrics."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        parts = await _parts(desk)
        for part, problem in parts.items():
            READY.labels(part).set(0 if problem else 1)
        if not parts["store"]:
            counts = await desk.store.read(lambda tx: tx.open_by_severity())
            for severity in Severity:
                OPEN.labels(severity.value).set(counts.get(severity, 0))
        return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _parts(desk: Desk) -> dict[str, str | None]:
    """Per part None, or one line that says what is wrong; the store is asked, not believed."""
    parts = dict(desk.ready())
    try:
        await desk.store.read(lambda tx: tx.meta("schema"))
    except Exception as error:  # whatever it is, the answer is "not ready"  # noqa: BLE001
        parts["store"] = str(error) or type(error).__name__
    return parts
