"""The page: incidents, one incident's report, silences, quarantine, skills, causes. Rendered here; HTMX refreshes parts, no build step.

Everything works without JavaScript too. Untrusted text is escaped by the templates; nothing is ever marked safe but our own SVG.
"""

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from responder.duration import parse_duration
from responder.errors import InputError, NotFound
from responder.logic.gaps import by_reason, figures_missing
from responder.model.report import Report
from responder.ports import Desk, IncidentFilter
from responder.web import graph, silences
from responder.web.actors import COOKIE, SESSION, Guard
from responder.web.chart import chart

STATIC_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("responder.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "age": age,
        "percent": percent,
        "clock": clock,
        "amount": amount,
        "words": words,
        "by_reason": by_reason,
        "figures_missing": figures_missing,
    }
    made.globals["chart"] = lambda evidence: Markup(chart(evidence))  # noqa: S704 -- our own SVG, its texts escaped there
    return made


def age(at: datetime, now: datetime) -> str:
    """How long ago, in the one unit that matters."""
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def percent(share: float) -> str:
    """Never certain and never impossible: the ends are `> 99 %` and `< 1 %`."""
    return "> 99 %" if share > 0.99 else "< 1 %" if share < 0.01 else f"{share * 100:.0f} %"


def clock(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def amount(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"


def words(name: str) -> str:
    """`gpu.fallen_off_bus` as people read it."""
    return name.replace(".", ": ", 1).replace("_", " ")


def routes(desk: Desk, guard: Guard) -> APIRouter:
    """All pages; acts are POSTed forms with the session's CSRF token."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    def render(request: Request, name: str, **values: Any) -> HTMLResponse:
        actor = guard.actor(request)
        text = (
            _templates()
            .get_template(name)
            .render(
                now=desk.clock.now(),
                actor=actor,
                csrf=actor.csrf or "",
                version=desk.version,
                path=request.url.path,
                **values,
            )
        )
        return HTMLResponse(text)

    @router.get("/")
    async def index(
        request: Request,
        status: Annotated[str, Query(max_length=20)] = "open",
        severity: Annotated[str, Query(max_length=10)] = "",
        owner: Annotated[str, Query(max_length=100)] = "",
        q: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        guard.actor(request)
        statuses = {"open": ("open", "acknowledged"), "resolved": ("resolved",)}.get(status, ())
        what = IncidentFilter(
            status=statuses,
            severity=(severity,) if severity else (),
            owner=owner or None,
            text=q or None,
            limit=200,
            top_level=True,
        )
        found = await desk.store.read(lambda tx: tx.find_incidents(what))
        children = await desk.store.read(lambda tx: {one.id: len(tx.children(one.id)) for one in found})
        partial = request.headers.get("hx-request") == "true"
        return render(
            request,
            "_rows.html" if partial else "index.html",
            incidents=found,
            children=children,
            wanted={"status": status, "severity": severity, "owner": owner, "q": q},
        )

    @router.get("/incidents/{id}")
    async def incident(request: Request, id: str, revision: Annotated[int | None, Query(ge=1)] = None) -> Response:
        guard.actor(request)

        def read(tx: Any) -> dict[str, Any]:
            found = tx.incidents([id]).get(id)
            if found is None:
                raise NotFound(f"no incident {id[:60]}")
            reports = tx.reports(id)
            return {
                "incident": found,
                "reports": reports,
                "sends": tx.sends(id),
                "deliveries": tx.deliveries(id),
                "actions": tx.actions(None, None, id),
                "events": tx.members(id, 20),
            }

        seen = await desk.store.read(read)
        report = next((r for r in reversed(seen["reports"]) if revision in (None, r.revision)), None)
        charts = [one for one in report.evidence if one.series] if report else []
        return render(
            request,
            "incident.html",
            report=report,
            charts=charts,
            graph=_graph(desk, report),
            classes=desk.taxonomy(),
            **seen,
        )

    @router.post("/incidents/{id}/{verb}")
    async def act(
        request: Request,
        id: str,
        verb: str,
        csrf: Annotated[str, Form(max_length=200)] = "",
        comment: Annotated[str, Form(max_length=2000)] = "",
        duration: Annotated[str, Form(max_length=20)] = "1h",
        cause: Annotated[str, Form(max_length=100)] = "",
    ) -> Response:
        actor = guard.require(request, "operator")
        guard.check_csrf(actor, csrf)
        operations = desk.operations
        if verb == "ack":
            await operations.acknowledge(id, actor.name, "page")
        elif verb == "resolve":
            await operations.resolve(id, actor.name, "page", comment)
        elif verb == "silence":
            try:
                span = parse_duration(duration)
            except ValueError as error:
                raise InputError(str(error)) from error
            await operations.silence_incident(id, span, actor.name, "page", comment)
        elif verb in ("right", "wrong"):
            await operations.feedback(id, actor.name, "page", right=verb == "right", cause=cause or None)
        else:
            raise NotFound(f"there is no {verb[:40]}")
        return RedirectResponse(f"/incidents/{id}", 303)

    @router.get("/silences")
    async def list_silences(request: Request) -> Response:
        guard.actor(request)
        return render(request, "silences.html", silences=await silences.listed(desk, active=False))

    @router.post("/silences/{id}/end")
    async def end_silence(request: Request, id: str, csrf: Annotated[str, Form(max_length=200)] = "") -> Response:
        actor = guard.require(request, "operator")
        guard.check_csrf(actor, csrf)
        await silences.end(desk, id, actor, "page")
        return RedirectResponse("/silences", 303)

    @router.get("/quarantine")
    async def quarantine(request: Request) -> Response:
        guard.actor(request)
        found = await desk.store.read(lambda tx: tx.quarantine("held", 200))
        return render(request, "quarantine.html", held=found)

    @router.post("/quarantine/{id}/{verb}")
    async def handle_held(
        request: Request, id: str, verb: str, csrf: Annotated[str, Form(max_length=200)] = ""
    ) -> Response:
        actor = guard.require(request, "admin")
        guard.check_csrf(actor, csrf)
        if verb == "retry":
            await desk.operations.retry_quarantined(id, actor.name, "page")
        elif verb == "drop":
            await desk.operations.drop_quarantined(id, actor.name, "page")
        else:
            raise NotFound(f"there is no {verb[:40]}")
        return RedirectResponse("/quarantine", 303)

    @router.get("/skills")
    async def skills(request: Request) -> Response:
        guard.actor(request)
        return render(request, "skills.html", skills=desk.skills())

    @router.get("/taxonomy")
    async def taxonomy(request: Request) -> Response:
        guard.actor(request)
        classes = desk.taxonomy()
        return render(request, "taxonomy.html", classes=list(classes.values()), drawn=_drawn(graph.whole(classes)))

    @router.get("/taxonomy/{name}")
    async def one_class(request: Request, name: str) -> Response:
        guard.actor(request)
        classes = desk.taxonomy()
        if name not in classes:
            raise NotFound(f"no class {name[:60]}")
        causes, effects = graph.causes_of(classes, name), graph.effects_of(classes, name)
        return render(
            request,
            "class.html",
            one=classes[name],
            causes=[classes[other] for other in causes],
            effects=[classes[other] for other in effects],
            near=_drawn(graph.around(classes, name, causes, effects)),
            drawn=_drawn(graph.whole(classes, name)),
            skills=[entry for entry in desk.skills() if name in entry.about],
        )

    def login_page(*, wrong: bool) -> HTMLResponse:
        template = _templates().get_template("login.html")
        return HTMLResponse(
            template.render(version=desk.version, wrong=wrong, user=guard.asks_for_user), 401 if wrong else 200
        )

    @router.get("/login")
    async def login_form(request: Request) -> Response:
        return login_page(wrong=False)

    @router.post("/login")
    async def login(
        request: Request,
        token: Annotated[str, Form(max_length=4096)],
        user: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        cookie = guard.login(user, token)
        if cookie is None:
            return login_page(wrong=True)
        answer = RedirectResponse("/", 303)
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        answer.set_cookie(
            COOKIE, cookie, max_age=int(SESSION.total_seconds()), httponly=True, samesite="strict", secure=secure
        )
        return answer

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        body = _static(name)
        kind = STATIC_TYPES.get(name.rpartition(".")[2])
        if body is None or kind is None:
            return HTMLResponse("not found", 404)
        return Response(body, media_type=kind, headers={"cache-control": "public, max-age=3600"})

    return router


@cache
def _static(name: str) -> bytes | None:
    if "/" in name or name.startswith("."):
        return None
    file = files("responder.web") / "static" / name
    return file.read_bytes() if file.is_file() else None


def _graph(desk: Desk, report: Report | None) -> Markup:
    """The incident's own part of the causal graph."""
    return _drawn(graph.of_report(desk.taxonomy(), report)) if report is not None else Markup()


def _drawn(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 -- our own SVG, its texts escaped there


def problem(status: int, message: str) -> HTMLResponse:
    """An error as a page."""
    return HTMLResponse(_templates().get_template("problem.html").render(status=status, message=message), status)
