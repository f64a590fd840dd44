"""The PagerDuty sink: one event per call, of which any may be sent twice without harm.

An owner's routing key is a secret and never stored: a delivery's target names the owner, and the key is looked up when sending.
`target` learns an owner's key, so whoever wires this sink up calls it once for each owner before the first delivery.
"""

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from responder.errors import Permanent, Transient
from responder.model.delivery import Order, Owner, Receipt, Visible
from responder.model.report import Report
from responder.ports import Clock
from responder.sinks.pace import in_any_minute
from responder.sinks.pagerduty import event as events
from responder.sinks.pagerduty.settings import EVENTS_API, KEY, Settings
from responder.telemetry import log

if TYPE_CHECKING:
    import httpx

_log = log(__name__)
PAUSE = timedelta(seconds=15)
"""After a 429 without Retry-After: a quarter of the sliding minute that the limit is counted over."""
OWNER = "owner"


class PagerDuty:
    """See `responder.ports.Sink`."""

    name = "pagerduty"

    def __init__(self, settings: Settings, clock: Clock, base_url: str, user_agent: str) -> None:
        self.minimum_severity = settings.minimum_severity
        self.fallback = settings.fallback
        self._settings = settings
        self._clock = clock
        self._pages = f"{base_url.rstrip('/')}/incidents/"
        self._user_agent = user_agent
        self._url = f"{(settings.base_url or EVENTS_API).rstrip('/')}/v2/enqueue"
        self._pacer = in_any_minute(settings.rate, settings.burst)
        self._keys: dict[str, str] = {}
        self._http: httpx.AsyncClient | None = None

    def target(self, owner: Owner) -> dict[str, str]:
        """The owner's name when it has a key of its own."""
        key = owner.targets.get(self.name)
        if key is None:
            self._keys.pop(owner.name, None)
            return {}
        self._keys[owner.name] = key
        return {OWNER: owner.name}

    async def deliver(self, order: Order, report: Report) -> Receipt:
        shown: dict[str, Any] = dict(order.receipt.data) if order.receipt else {}
        if shown.get("status") == "resolved" and order.visible in (Visible.OPEN, Visible.ACKNOWLEDGED):
            shown = {}
        key = str(shown.get("dedup_key") or events.dedup_key(order.incident_id, order.episode))
        step = self._step(order, report, shown)
        if step is not None:
            body, after = step
            await self._send(order, body | {"dedup_key": key})
            shown = {
                "dedup_key": key,
                "status": after,
                "hash": _hash(body) if after == "triggered" else shown.get("hash"),
            }
        done = self._step(order.model_copy(update={"outcome_unknown": False}), report, shown) is None
        before = order.receipt
        return Receipt(
            data=shown,
            message_id=key if shown else None,
            revision=before.revision if before else 0,
            visible=before.visible if before else None,
            at=before.at if before else None,
            done=done,
        )

    def _step(self, order: Order, report: Report, shown: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
        """The next event and the status after it; None when PagerDuty shows what it should."""
        status = shown.get("status")
        if order.visible in (Visible.RESOLVED, Visible.MERGED):
            # A trigger that got no answer may have paged somebody: resolve it all the same.
            pending = status in ("triggered", "acknowledged") or (status is None and order.outcome_unknown)
            return (events.resolve(report, joined=order.visible is Visible.MERGED), "resolved") if pending else None
        opened = events.trigger(report, f"{self._pages}{order.incident_id}", order.note)
        if status is None:
            return opened, "triggered"
        if order.visible is Visible.ACKNOWLEDGED:
            return (events.acknowledge(), "acknowledged") if status == "triggered" else None
        return (opened, "triggered") if _hash(opened) != shown.get("hash") else None

    async def _send(self, order: Order, body: dict[str, Any]) -> None:
        owner = order.target.get(OWNER, "")
        try:
            key = self._key(owner)
            lane = hashlib.sha256(key.encode()).hexdigest()[:12]
            pause = self._pacer.wait(lane, order.incident_id, self._clock.now())
            if pause > timedelta():
                raise Transient("waiting for a turn (sinks.pagerduty.rate)", retry_after=pause)
            try:
                await self._post(body | {"routing_key": key}, owner)
            except Transient as error:
                if error.retry_after is not None:
                    self._pacer.hold(lane, error.retry_after, self._clock.now())
                raise
        except Transient as error:
            if order.outcome_unknown and not error.outcome_unknown:
                raise Transient(str(error), retry_after=error.retry_after, outcome_unknown=True) from error
            raise

    def _key(self, owner: str) -> str:
        if owner and owner not in self._keys:
            # Better paged by the wrong team than not at all.
            _log.warning("owner_has_no_routing_key", owner=owner, used="sinks.pagerduty.routing_key")
        key = self._keys.get(owner) or self._settings.routing_key.get_secret_value()
        if not KEY.fullmatch(key):
            raise Permanent(f"owners.{owner}.pagerduty is not an integration key: it has 32 letters and digits")
        return key

    async def _post(self, body: dict[str, Any], owner: str) -> None:
        import httpx

        try:
            answer = await self._client().post(self._url, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Transient(f"PagerDuty cannot be reached: {error}") from error
        except httpx.HTTPError as error:
            raise Transient(
                f"no answer from PagerDuty: {type(error).__name__} {error}", outcome_unknown=True
            ) from error
        if answer.status_code == 202:
            return
        if answer.status_code == 429:
            raise Transient("PagerDuty's rate limit", retry_after=_retry_after(answer.headers.get("retry-after")))
        if answer.status_code >= 500 or answer.status_code == 408:
            raise Transient(f"PagerDuty failed: HTTP {answer.status_code}", outcome_unknown=True)
        which = f"owners.{owner}.pagerduty" if owner in self._keys else "sinks.pagerduty.routing_key"
        raise Permanent(f"PagerDuty refused the event (HTTP {answer.status_code}): {_errors(answer)}; check {which}")

    def _client(self) -> "httpx.AsyncClient":
        if self._http is None:
            import httpx

            timeout = self._settings.timeout.total_seconds()
            self._http = httpx.AsyncClient(timeout=timeout, headers={"User-Agent": self._user_agent})
        return self._http

    async def check(self) -> str | None:
        """Reachable? Whether the key is right cannot be asked without paging somebody: PagerDuty has no such question."""
        import httpx

        try:
            answer = await self._client().post(self._url, json={})
        except httpx.HTTPError as error:
            return f"PagerDuty cannot be reached at {self._url}: {type(error).__name__} {error}"
        if answer.status_code in (400, 429):
            return None
        return f"{self._url} does not answer like PagerDuty's Events API (HTTP {answer.status_code}); check base_url"

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None


def _hash(body: dict[str, Any]) -> str:
    """Of what a reader sees: a new revision number alone is no reason to send."""
    payload = body.get("payload", {})
    details = {name: value for name, value in payload.get("custom_details", {}).items() if name != "revision"}
    raw = json.dumps([payload | {"custom_details": details}, body.get("links")], sort_keys=True)
    return hashlib.sha256(raw.encode()).hexdigest()[:16]


def _retry_after(value: str | None) -> timedelta:
    return timedelta(seconds=max(1, int(value))) if value is not None and value.isdigit() else PAUSE


def _errors(answer: "httpx.Response") -> str:
    try:
        told = answer.json()
        return "; ".join(str(one) for one in told["errors"])[:500] or str(told["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
