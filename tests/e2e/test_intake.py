"""Whatever is posted to a running daemon: never a 500, never lost silently, and the daemon is alive afterwards.

Each format has its own way to prove the sender, so that hostile bodies and every kind of credentials meet the same process.
"""

import base64
import contextlib
import gzip
import hmac
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from tests.e2e.daemon import Daemon, running
from tests.formats.samples import (
    CLOUD_EVENT,
    GRAFANA_ALERT,
    KUBERNETES_EVENT,
    NATIVE,
    POD_KILLED_FOR_MEMORY,
    SLURM_FAILED,
    alert,
    grafana_webhook,
    webhook,
)

pytestmark = pytest.mark.timeout(180)

LIMIT = 64 * 1024
BEARERS = ("first-token-of-two", "second-token-of-two")
SECRET = "a secret both sides know"
RULES = """
rules:
  - {name: side-by-side, match: 'side=~".+"', skill: alert-triage-classifier, group_by: [side], group_wait: 50ms, owner: o,
     runbook_url: 'https://r/x'}
  - {name: everything-else, match: 'alertname=~".*"', outcome: observe, owner: o, runbook_url: 'https://r/x'}
"""
AUTH: dict[str, dict[str, Any]] = {
    "native": {"bearer": list(BEARERS)},
    "slurm": {"basic": {"username": "slurm", "password": "pässword: with colon"}},
    "kubernetes": {"hmac": {"secret": SECRET, "header": "X-Hub-Signature-256", "prefix": "sha256="}},
    "grafana": {
        "hmac": {
            "secret": SECRET,
            "header": "X-Grafana-Alerting-Signature",
            "timestamp_header": "X-Grafana-Alerting-Timestamp",
        }
    },
    "cloudevents": {"hmac": {"secret": SECRET, "algorithm": "sha512"}},
}
FORMATS = ("alertmanager", *AUTH)
BODIES: dict[str, list[Any]] = {
    "alertmanager": [webhook(alert(), alert(status="resolved")), [alert()]],
    "grafana": [grafana_webhook(GRAFANA_ALERT)],
    "cloudevents": [CLOUD_EVENT, CLOUD_EVENT | {"data": webhook(alert())}, [CLOUD_EVENT]],
    "slurm": [SLURM_FAILED],
    "kubernetes": [KUBERNETES_EVENT, {"type": "MODIFIED", "object": POD_KILLED_FOR_MEMORY}],
    "native": [NATIVE, [NATIVE, NATIVE]],
}


def mac(text: bytes, algorithm: str = "sha256", secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text, algorithm).hexdigest()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def credentials(format: str, body: bytes) -> dict[str, str]:
    """Headers of a sender that may."""
    stamp = str(int(time.time()))
    return {
        "native": lambda: {"authorization": f"Bearer {BEARERS[1]}"},
        "slurm": lambda: {"authorization": basic("slurm", "pässword: with colon")},
        "kubernetes": lambda: {"x-hub-signature-256": "sha256=" + mac(body)},
        "grafana": lambda: {
            "x-grafana-alerting-signature": mac(stamp.encode() + b":" + body),
            "x-grafana-alerting-timestamp": stamp,
        },
        "cloudevents": lambda: {"x-signature": mac(body, "sha512")},
        "alertmanager": dict,
    }[format]()


class Target:
    """The daemon, and the books on what was sent to it."""

    def __init__(self, daemon: Daemon, client: httpx.Client) -> None:
        self.daemon = daemon
        self.client = client
        self.quarantined: set[str] = set()
        self.events: set[str] = set()
        self.statuses: Counter[tuple[str, int]] = Counter()

    def post(self, format: str, body: bytes, **headers: str) -> httpx.Response:
        """With the right credentials. Checks that the answer accounts for the body."""
        path = f"/v1/events/{format}"
        answer = self.client.post(path, content=body, headers={**credentials(format, body), **headers})
        self.statuses[format, answer.status_code] += 1
        assert answer.headers["content-type"] == "application/json"
        said = answer.json()
        assert answer.status_code in (202, 400), answer.text
        if answer.status_code == 400:
            assert said["error"]
            held = self.client.get(f"/v1/quarantine/{said['quarantine_id']}")
            assert held.status_code == 200, "refused, and the body is gone"
            assert (held.json()["format"], held.json()["state"]) == (format, "held")
            self.quarantined.add(said["quarantine_id"])
        else:
            assert len(said["event_ids"]) == said["accepted"] + said["duplicates"]
            assert len(said.get("quarantine_ids", ())) == said["quarantined"]
            self.quarantined.update(said.get("quarantine_ids", ()))
            self.events.update(said["event_ids"])
        return answer

    def alive(self) -> bool:
        return self.client.get("/healthz").status_code == 200 and self.client.get("/readyz").status_code == 200


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("intake")
    (folder / "rules.yaml").write_text(RULES)
    config = {
        "rules": [str(folder / "rules.yaml"), "builtin:default"],
        "sinks": {},
        "listen": {"max_body_bytes": LIMIT},
        "sources": {"webhook": {"formats": {name: {"auth": auth} for name, auth in AUTH.items()}}},
    }
    with running(folder / "daemon", config) as daemon, httpx.Client(base_url=daemon.url, timeout=30) as client:
        target = Target(daemon, client)
        yield target
        # The books, over everything that the module's tests sent.
        assert target.alive()
        listed = {one["id"] for one in daemon.get("/v1/quarantine", params={"limit": "1000"})["quarantined"]}
        if len(listed) < 1000:
            assert target.quarantined <= listed
        for id in sorted(target.events)[:50]:
            assert daemon.get(f"/v1/explain/{id}")["event"]["id"] == id
        assert "Traceback" not in daemon.log, daemon.log[-4000:]


quick = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["firing", "resolved", "FAILED", "9999-12-31T23:59:59Z", "-1", "\x00", "\ud800", "n[1-99999999]"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def encoded(value: Any) -> bytes:
    """JSON as careless programs write it: NaN, numbers of any size and half surrogates included."""
    import json

    return json.dumps(value).encode()


@st.composite
def mutated(draw: st.DrawFn, bodies: list[Any]) -> bytes:
    """A real body with up to three of its parts replaced, doubled or removed."""
    root = [deepcopy(draw(st.sampled_from(bodies)))]
    for _ in range(draw(st.integers(1, 3))):
        node: Any = root
        while True:
            keys = list(range(len(node))) if isinstance(node, list) else list(node)
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
                node = node[key]
                continue
            if node is not root and draw(st.integers(0, 4)) == 0:
                del node[key]
            elif isinstance(node, list) and node is not root and draw(st.booleans()):
                node.append(deepcopy(node[key]))
            else:
                node[key] = draw(anything)
            break
    return encoded(root[0] if root else None)


@pytest.mark.parametrize("format", FORMATS)
def test_real_bodies_are_taken_whole_and_twice_is_once(target: Target, format: str) -> None:
    for body in BODIES[format]:
        raw = orjson.dumps(body)
        first, second = target.post(format, raw), target.post(format, raw)
        assert first.status_code == second.status_code == 202
        count = first.json()["accepted"] + first.json()["duplicates"]
        assert (first.json()["quarantined"], second.json()["accepted"], second.json()["duplicates"]) == (0, 0, count)


@pytest.mark.parametrize("format", FORMATS)
def test_any_json_is_taken_or_held(target: Target, format: str) -> None:
    @quick
    @given(anything.map(encoded))
    def check(body: bytes) -> None:
        target.post(format, body)

    check()


@pytest.mark.parametrize("format", FORMATS)
def test_real_bodies_with_wrong_parts_are_taken_or_held_part_by_part(target: Target, format: str) -> None:
    @quick
    @given(mutated(BODIES[format]))
    def check(body: bytes) -> None:
        target.post(format, body)

    check()


@pytest.mark.parametrize("format", FORMATS)
def test_any_bytes_are_held(target: Target, format: str) -> None:
    real = [orjson.dumps(body) for body in BODIES[format]]

    @settings(quick, max_examples=20)
    @given(st.binary(max_size=200) | st.tuples(st.sampled_from(real), st.integers(0, 400), st.binary(max_size=3)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
    ))  # fmt: skip
    def check(body: bytes) -> None:
        target.post(format, body)

    check()


@pytest.mark.parametrize("format", FORMATS)
def test_named_horrors(target: Target, format: str) -> None:
    deep = 5000
    horrors = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"{}",
        b"[" * deep,
        b"[" * deep + b"]" * deep,
        b'{"a":' * deep + b"1" + b"}" * deep,
        b'{"alerts":' + b"[" * 900 + b"]" * 900 + b"}",
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"kind": "node"}',
        b'{"kind": "\xc3\x28"}',
        b'{"kind": "\\ud800"}',
        b"1e999",
        b'"' + b"x" * 60_000 + b'"',
        orjson.dumps({str(n): n for n in range(5000)}),
        b'{"a": 1, "a": 2}',
        gzip.compress(b"{}"),
        b"<xml/>",
        b"kind=node&status=firing",
    ]
    for body in horrors:
        target.post(format, body)
    raw = orjson.dumps(BODIES[format][0])
    for kind in (
        "",
        "text/plain",
        "application/json; charset=utf-16",
        "application/cloudevents+json",
        "multipart/form-data",
    ):
        target.post(format, raw, **{"content-type": kind})


def test_one_broken_alert_of_ten_does_not_take_the_others_along(target: Target) -> None:
    alerts: list[Any] = [alert(labels={"alertname": "Ten", "n": str(n)}, fingerprint=f"{n:016x}") for n in range(10)]
    alerts[3], alerts[7] = {"labels": 5}, "firing"
    said = target.post("alertmanager", orjson.dumps(webhook(*alerts))).json()
    assert (said["accepted"], said["duplicates"], said["quarantined"]) == (8, 0, 2)


def test_what_is_held_is_redacted(target: Target) -> None:
    body = b'{"kind": 7, "log": "export HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123456789"'
    id = target.post("native", body).json()["quarantine_id"]
    assert "hf_abcdefghij" not in orjson.dumps(target.daemon.get(f"/v1/quarantine/{id}")).decode()


def test_alertmanager_s_own_api_answers_as_alertmanager_does(target: Target) -> None:
    alerts = [{"labels": {"alertname": "Own", "n": str(n)}, "startsAt": "2026-11-20T03:00:00Z"} for n in range(3)]
    answer = target.client.post("/api/v2/alerts", json=alerts)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 3
    assert target.client.post("/api/v2/alerts", json=alerts).json()["duplicates"] == 3
    refused = target.client.post("/api/v2/alerts", content=b"nonsense")
    assert refused.status_code == 400
    assert refused.json()["quarantine_id"]


def test_two_formats_of_one_fault_meet_in_one_incident(target: Target) -> None:
    labels = {"alertname": "NodeDown", "severity": "critical", "side": "both", "node": "n42"}
    target.post("alertmanager", orjson.dumps([{"labels": labels, "startsAt": datetime.now(UTC).isoformat()}]))
    target.post("native", orjson.dumps({"kind": "node", "status": "firing", "labels": labels | {"alertname": "Probe"}}))

    def joined() -> list[dict[str, Any]]:
        return [one for one in target.daemon.incidents() if one["key"] == {"side": "both"} and one["revision"]]

    (incident,) = target.daemon.until(joined, "the report")
    assert incident["events"] == 2


# how a request may be wrong before its body is looked at


def raw_post(target: Target, format: str, headers: dict[str, str], body: bytes = b"{}") -> httpx.Response:
    return target.client.post(f"/v1/events/{format}", content=body, headers=headers)


def test_too_large_is_413_whether_it_says_so_or_not(target: Target) -> None:
    large = b'{"kind": "' + b"x" * LIMIT + b'"}'
    for format in FORMATS:
        told = raw_post(target, format, credentials(format, large), large)
        assert told.status_code == 413, format
        assert "listen.max_body_bytes" in told.json()["error"]

        def pieces() -> Iterator[bytes]:
            for start in range(0, len(large), 8192):
                yield large[start : start + 8192]

        untold = target.client.post(f"/v1/events/{format}", content=pieces(), headers=credentials(format, large))
        assert untold.status_code == 413, format
    assert target.client.post("/api/v2/alerts", content=large).status_code == 413
    exactly = b'"' + b"x" * (LIMIT - 2) + b'"'
    assert target.post("alertmanager", exactly).status_code == 400


def answer_to(target: Target, *sent: bytes, shut: bool = True) -> bytes:
    """What comes back for these bytes on the wire."""
    with socket.create_connection(("127.0.0.1", target.daemon.port), timeout=20) as wire:
        for part in sent:
            wire.sendall(part)
        if shut:
            wire.shutdown(socket.SHUT_WR)
        out = b""
        while part := wire.recv(65536):
            out += part
        return out


def test_a_length_over_the_limit_is_refused_before_the_body_comes(target: Target) -> None:
    head = b"POST /v1/events/alertmanager HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999\r\n\r\n"
    assert answer_to(target, head, shut=False).startswith(b"HTTP/1.1 413")


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(target: Target) -> None:
    before = target.daemon.get("/v1/quarantine", params={"limit": "1000"})["quarantined"]
    body = b'[{"labels": {"alertname": "Half"'
    head = b"POST /v1/events/alertmanager HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n"
    assert b"HTTP/1.1 2" not in answer_to(target, head, body)
    assert target.alive()
    after = target.daemon.get("/v1/quarantine", params={"limit": "1000"})["quarantined"]
    assert [one["id"] for one in after] == [one["id"] for one in before], "its sender got no answer, and sends it again"


WRONG: dict[str, list[Callable[[bytes], dict[str, str]]]] = {
    "native": [
        lambda body: {},
        lambda body: {"authorization": "Bearer wrong"},
        lambda body: {"authorization": "Bearer"},
        lambda body: {"authorization": f"Basic {BEARERS[0]}"},
        lambda body: {"authorization": f"Bearer {BEARERS[0]}x"},
        lambda body: {"authorization": BEARERS[0]},
        lambda body: {"x-signature": mac(body)},
    ],
    "slurm": [
        lambda body: {},
        lambda body: {"authorization": basic("slurm", "wrong")},
        lambda body: {"authorization": basic("other", "pässword: with colon")},
        lambda body: {"authorization": basic("slurm", "")},
        lambda body: {"authorization": "Basic !!!"},
        lambda body: {"authorization": "Basic é"},
        lambda body: {"authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        lambda body: {"authorization": "Bearer pässword: with colon"},
    ],
    "kubernetes": [
        lambda body: {},
        lambda body: {"x-hub-signature-256": mac(body)},
        lambda body: {"x-hub-signature-256": "sha256="},
        lambda body: {"x-hub-signature-256": "sha256=" + mac(body + b" ")},
        lambda body: {"x-hub-signature-256": "sha256=" + mac(body, secret="other")},
        lambda body: {"x-hub-signature-256": "sha1=" + mac(body, "sha1")},
        lambda body: {"x-hub-signature-256": "sha256=²³é"},
    ],
    "grafana": [
        lambda body: {},
        lambda body: {"x-grafana-alerting-signature": mac(body)},
        lambda body: stamped(body, time.time() - 400),
        lambda body: stamped(body, time.time() + 400),
        lambda body: stamped(body, time.time()) | {"x-grafana-alerting-timestamp": str(int(time.time()) + 1)},
        lambda body: stamped(body, time.time()) | {"x-grafana-alerting-timestamp": "²"},
        lambda body: stamped(body, time.time()) | {"x-grafana-alerting-timestamp": "-1"},
        lambda body: stamped(body, time.time()) | {"x-grafana-alerting-timestamp": "9" * 400},
        lambda body: stamped(body, time.time()) | {"x-grafana-alerting-timestamp": ""},
    ],
    "cloudevents": [
        lambda body: {},
        lambda body: {"x-signature": mac(body)},
        lambda body: {"authorization": "Bearer x"},
    ],
}


def stamped(body: bytes, at: float) -> dict[str, str]:
    stamp = str(int(at))
    return {
        "x-grafana-alerting-signature": mac(stamp.encode() + b":" + body),
        "x-grafana-alerting-timestamp": stamp,
    }


@pytest.mark.parametrize("format", WRONG)
def test_who_cannot_prove_it_is_refused_and_leaves_no_trace(target: Target, format: str) -> None:
    body = orjson.dumps(BODIES[format][0])
    before = target.daemon.get("/v1/quarantine", params={"limit": "1000"})["quarantined"]
    for wrong in WRONG[format]:
        headers = {name: value.encode("latin-1") for name, value in wrong(body).items()}
        answer = target.client.post(f"/v1/events/{format}", content=body, headers=headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert "wrong credentials" in answer.json()["error"]
        assert SECRET not in answer.text
        if "bearer" in AUTH[format]:
            assert answer.headers["www-authenticate"].startswith("Bearer")
        junk = target.client.post(f"/v1/events/{format}", content=b"\xff junk", headers=headers)
        assert junk.status_code == 401
    assert target.daemon.get("/v1/quarantine", params={"limit": "1000"})["quarantined"] == before
    assert target.post(format, body).status_code == 202, "who can is let in"


def test_every_one_of_the_rotated_tokens_is_good(target: Target) -> None:
    for token in BEARERS:
        for scheme in ("Bearer", "bearer"):
            assert raw_post(target, "native", {"authorization": f"{scheme} {token}"}, b"[]").status_code != 401


def test_wrong_paths_methods_and_encodings_have_their_codes(target: Target) -> None:
    client = target.client
    assert client.post("/v1/events/nonsense", content=b"{}").status_code == 404
    assert "alertmanager" in client.post("/v1/events/nonsense", content=b"{}").json()["error"]
    assert client.post("/v1/events/", content=b"{}").status_code == 404
    assert client.post("/v1/events/alertmanager/x", content=b"{}").status_code == 404
    assert client.post("/v1/events/%FF%00", content=b"{}").status_code == 404
    answer = client.get("/v1/events/alertmanager")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    packed = gzip.compress(orjson.dumps([alert()]))
    answer = client.post("/v1/events/alertmanager", content=packed, headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


def test_while_the_store_is_locked_senders_are_told_to_come_back_and_nothing_is_half_done(target: Target) -> None:
    body = orjson.dumps([{"labels": {"alertname": "Locked"}, "startsAt": "2026-11-20T03:00:00Z"}])
    with sqlite3.connect(target.daemon.folder / "responder.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = target.client.post("/v1/events/alertmanager", content=body)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert "send it again" in answer.json()["error"]
        assert target.client.get("/healthz").status_code == 200
        other.execute("ROLLBACK")
    other.close()
    answer = target.client.post("/v1/events/alertmanager", content=body)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


def test_the_api_keeps_to_its_own_document(target: Target) -> None:
    """Each operation with what its document allows, and what it does not: documented answers of the documented shape, never a 500."""
    document = schemathesis.openapi.from_url(f"{target.daemon.url}/openapi.json")
    checks = [
        schemathesis.checks.not_a_server_error,
        schemathesis.checks.status_code_conformance,
        schemathesis.checks.content_type_conformance,
        schemathesis.checks.response_schema_conformance,
    ]
    seen = set()
    for found in document.get_all_operations():
        operation = found.ok()
        seen.add(operation.label)
        modes = schemathesis.GenerationMode
        for mode in (modes.POSITIVE, modes.NEGATIVE):

            @settings(max_examples=4, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None)
            @given(operation.as_strategy(generation_mode=mode))
            def check(case: schemathesis.Case) -> None:
                case.call_and_validate(checks=checks, headers={"authorization": f"Bearer {BEARERS[0]}"}, timeout=20)

            with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with an operation that takes nothing
                check()
    assert {"POST /v1/events/{format}", "POST /api/v2/alerts", "GET /v1/incidents", "POST /v1/silences"} <= seen
