"""Prometheus: instant and range queries anchored at the event's time, never at "now".

prometheus-api-client is synchronous: it runs on a small pool of threads, each request with its own deadline. A query that fails,
times out or returns nothing is a Missing with its reason; a rejected query says what Prometheus said.
"""

import ast
import asyncio
import json
import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import Field

from responder.duration import Duration, parse_duration
from responder.logic.question import question_key
from responder.logic.siblings import label_text, sample
from responder.logic.template import UnfilledError, fill
from responder.model.evidence import Ask, Missing, Point, Reading, Series
from responder.model.value import Value
from responder.ports import Context

DESCRIPTION = "Prometheus (or what speaks its API: Mimir, Thanos, VictoriaMetrics): PromQL at the event's time"
_REFUSED = re.compile(r"HTTP Status Code (\d+) \((.*)\)$", re.DOTALL)
"""How the client words a refused request."""
THREADS = 8
"""Needs of one skill that are asked side by side; more wait within their own deadline."""
POINTS = 60
"""Points of a range query: enough for a chart, small enough to keep with the report."""
LINES = 20
"""Series kept of one answer: a sample that has the extremes, the event's own and the spread of all (see `logic/siblings`)."""
Raw = tuple[Mapping[str, str], Sequence[Sequence[Any]]]
"""A series as Prometheus sends it: labels, and pairs of time and text."""
STALE_AFTER = timedelta(minutes=5)
"""Prometheus' own lookback: a sample older than this would not have been returned, so a gap to the window's end is one."""


class Settings(Value):
    """`enrichers.prometheus`."""

    url: str
    """Base URL, for example http://prometheus:9090."""
    base_url: str | None = None
    """Asked instead of `url` when set; links for people still use `url`."""
    timeout: Duration = parse_duration("3s")
    """Longest wait for one query; a need's own deadline may be shorter."""
    bearer: str | None = None
    username: str | None = None
    password: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with each request, for example X-Scope-OrgID for Mimir."""
    verify_tls: bool = True


def create(settings: Settings, context: Context) -> "Prometheus":
    return Prometheus(settings, context.user_agent)


class Prometheus:
    """The enricher. Concurrent reads share one pool of threads."""

    name = "prometheus"

    def __init__(self, settings: Settings, user_agent: str) -> None:
        self._settings = settings
        self._user_agent = user_agent
        self._client: Any = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")

    def key(self, ask: Ask) -> str:
        return question_key(ask)

    async def read(self, ask: Ask) -> Reading | Missing:
        need = ask.need
        if not isinstance(need.query, str):
            return Missing(need=need.name, reason="bad_query", detail="a PromQL query is a text")
        try:
            query = fill(need.query, ask.variables, escape="promql")
        except UnfilledError as error:
            return Missing(need=need.name, reason="no_variable", detail=str(error), query=need.query)
        wait = min(need.within, self._settings.timeout).total_seconds()
        work = self._range if need.range else self._instant
        try:
            async with asyncio.timeout(wait + 0.25):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work, ask, query, wait)
        except TimeoutError:
            return Missing(need=need.name, reason="timeout", detail=f"no answer within {wait:g} s", query=query)

    async def check(self) -> str | None:
        now = datetime.now(UTC)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._pool, self._ask, "vector(1)", now, 5.0)
        except Exception as error:  # noqa: BLE001
            reason, detail = _reason(error)
            return f"Prometheus at {self._address}: {reason}: {detail}"
        return None if found else f"Prometheus at {self._address} answered, but not with a result: is that its API?"

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    # on a thread

    @property
    def _address(self) -> str:
        return (self._settings.base_url or self._settings.url).rstrip("/")

    def _connected(self) -> Any:
        if self._client is None:
            from prometheus_api_client import PrometheusConnect
            from urllib3.util.retry import Retry

            settings = self._settings
            headers = {"User-Agent": self._user_agent, **settings.headers}
            if settings.bearer:
                headers["Authorization"] = f"Bearer {settings.bearer}"
            auth = (settings.username, settings.password) if settings.username else None
            # The client's own retries would outlive the deadline; asking again is the pipeline's business.
            self._client = PrometheusConnect(
                url=self._address,
                headers=headers,
                disable_ssl=not settings.verify_tls,
                retry=Retry(0, read=False),
                auth=auth,
            )
        return self._client

    def _ask(self, query: str, at: datetime, wait: float) -> list[dict[str, Any]]:
        params = {"time": f"{at.timestamp():.3f}", "timeout": f"{wait:.3f}"}
        return _rows(self._connected().custom_query(query, params=params, timeout=wait))

    def _ask_range(self, query: str, start: datetime, end: datetime, wait: float) -> list[dict[str, Any]]:
        step = max(1, math.ceil((end - start).total_seconds() / POINTS))
        client = self._connected()
        found = client.custom_query_range(
            query, start, end, f"{step}s", params={"timeout": f"{wait:.3f}"}, timeout=wait
        )
        return _rows(found)

    def _instant(self, ask: Ask, query: str, wait: float) -> Reading | Missing:
        need, at = ask.need, ask.window.at
        try:
            rows = self._ask(query, at, wait)
            span = at - ask.window.start_at
            before = self._ask(query, ask.window.start_at - span, wait) if need.baseline else []
        except Exception as error:  # noqa: BLE001
            return self._missing(ask, query, error)
        found = [(row["metric"], [row["value"]]) for row in rows if "value" in row]
        return self._reading(ask, query, found, _mean([float(row["value"][1]) for row in before if "value" in row]))

    def _range(self, ask: Ask, query: str, wait: float) -> Reading | Missing:
        window = ask.window
        span = window.end_at - window.start_at
        try:
            rows = self._ask_range(query, window.start_at, window.end_at, wait)
            before = self._ask_range(query, window.start_at - span, window.start_at, wait) if ask.need.baseline else []
        except Exception as error:  # noqa: BLE001
            return self._missing(ask, query, error)
        found = [(row["metric"], row["values"]) for row in rows if row.get("values")]
        base = [float(value) for row in before for _, value in row.get("values", ())]
        return self._reading(ask, query, found, _mean(base))

    def _reading(self, ask: Ask, query: str, found: Sequence[Raw], baseline: float | None) -> Reading | Missing:
        need = ask.need
        rows = [(_shown(labels), values, last) for labels, values in found if (last := _last(values)) is not None]
        if not rows:
            return Missing(need=need.name, reason="no_data", detail="the query returned no series", query=query)
        # Several series: the largest is what an alert on the same expression would fire for. It is chosen before any is dropped.
        labels, _, worst = max(rows, key=lambda row: row[2].value)
        stale = need.range and ask.window.at - worst.at > STALE_AFTER
        name = need.name.replace("_", " ")
        compared = f", {baseline:g} before" if baseline is not None else ""
        among = [shown for shown, _, _ in rows]
        which = label_text(labels, among)
        on = f" on {which}" if which else ""
        of = f" (largest of {len(rows)} series)" if len(rows) > 1 else ""
        kept = sample(among, [last.value for _, _, last in rows], ask.variables, LINES) if need.range else []
        return Reading(
            need=need.name,
            value=worst.value,
            unit=need.unit,
            statement=f"{name} was {worst.value:g} {need.unit}".rstrip() + f"{on}{compared}{of}",
            observed_at=worst.at,
            query=query,
            link=f"{self._settings.url.rstrip('/')}/graph?g0.expr={quote(query)}&g0.tab=0",
            series=tuple(Series(labels=among[n], points=_points(rows[n][1])) for n in kept),
            baseline=baseline,
            stale=stale,
        )

    def _missing(self, ask: Ask, query: str, error: Exception) -> Missing:
        reason, detail = _reason(error)
        return Missing(need=ask.need.name, reason=reason, detail=detail, query=query)


def _rows(found: Any) -> list[dict[str, Any]]:
    """A vector or matrix as it is; a scalar as one series without labels."""
    if isinstance(found, list) and len(found) == 2 and not isinstance(found[0], dict):
        return [{"metric": {}, "value": found}]
    if not isinstance(found, list):
        raise TypeError("the answer is no Prometheus result")
    return found


def _shown(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "__name__"}


def _points(values: Sequence[Sequence[Any]]) -> tuple[Point, ...]:
    return tuple(
        Point(at=datetime.fromtimestamp(float(at), UTC), value=float(text))
        for at, text in values
        if math.isfinite(float(text))
    )


def _last(values: Sequence[Sequence[Any]]) -> Point | None:
    """The newest sample that is a number."""
    return next((point for one in reversed(values) for point in _points([one])), None)


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None


def _reason(error: Exception) -> tuple[str, str]:
    """A short code and what was said."""
    import requests
    from prometheus_api_client.exceptions import PrometheusApiClientException

    if isinstance(error, requests.Timeout):
        return "timeout", "Prometheus did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "unreachable", str(getattr(error.args[0], "reason", error.args[0]) if error.args else error)[:300]
    if isinstance(error, PrometheusApiClientException):
        found = _REFUSED.match(str(error))
        status, body = (int(found[1]), found[2]) if found else (0, str(error))
        kind, said = _said(body)
        if status in (401, 403):
            return "no_permission", said
        if kind in ("timeout", "canceled"):
            return "timeout", said
        if status >= 500:
            return "unreachable", said
        return ("bad_query" if kind == "bad_data" else "query_failed"), said
    return "bad_answer", f"{type(error).__name__}: {error}"[:300]


def _said(body: str) -> tuple[str, str]:
    """Prometheus' `errorType` and `error` from the text that the client makes of its answer (a printed bytes literal)."""
    try:
        raw = ast.literal_eval(body)
        answer = json.loads(raw)
        return str(answer.get("errorType", "")), str(answer.get("error", ""))[:300]
    except (ValueError, SyntaxError, AttributeError):
        return "", body[:300]
