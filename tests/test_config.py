"""`responder.yaml`: secrets by reference, mistakes with their place, doors that do not open by accident."""

import contextlib
import signal
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.config import Config, literal_secrets, read
from responder.document import ConfigErrors, load
from responder.duration import parse_duration
from responder.errors import ConfigError
from responder.wiring import adapters
from responder.wiring.knowledge import read_playbook
from tests.e2e.daemon import running

DAY = "2026-11-20T00:00:00Z"


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(text: str) -> Path:
        file = tmp_path / "responder.yaml"
        file.write_text(text)
        return file

    return write


def test_no_file_at_all_is_a_working_configuration() -> None:
    config = read(None).config
    assert (config.listen.host, config.listen.port) == ("127.0.0.1", 8080)
    assert config == Config()


def test_an_empty_file_and_empty_parts_are_the_default(write) -> None:  # type: ignore[no-untyped-def]
    assert read(write("")).config == Config()
    assert read(write("sinks: {console: }\n")).config.sinks == {"console": None}


def test_references_are_filled_from_environment_and_files(
    write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("TOKEN", "s3cret: #odd")
    (tmp_path / "pw").write_text("from file\n")
    config = read(
        write(f"""
listen: {{auth: {{bearer: "${{env:TOKEN}}", basic: {{username: u, password: "x-${{file:{tmp_path}/pw}}-y"}}}}}}
sources: {{kafka: {{bootstrap_servers: "k1,${{env:TOKEN}}"}}}}
""")
    ).config
    assert config.listen.auth.bearer == "s3cret: #odd"
    assert config.listen.auth.basic is not None
    assert config.listen.auth.basic.password == "x-from file-y"
    assert (config.sources["kafka"] or {})["bootstrap_servers"] == "k1,s3cret: #odd"


@pytest.mark.parametrize(
    ("reference", "code", "named"),
    [("env:NOT_SET_HERE", "C120", "NOT_SET_HERE"), ("file:/nowhere/token", "C121", "/nowhere/token")],
)
def test_a_missing_secret_is_named_with_its_place(write, reference: str, code: str, named: str) -> None:  # type: ignore[no-untyped-def]
    file = write(f"store: sqlite:x.db\nsinks:\n  slack:\n    channel: C1\n    token: ${{{reference}}}\n")
    with pytest.raises(ConfigError) as raised:
        read(file)
    error = raised.value
    assert (error.file, error.line, error.column, error.code) == (file, 5, 12, code)
    assert named in str(error)
    assert error.hint


def test_an_unknown_key_names_the_nearest_known_one(write) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigErrors) as raised:
        read(write("listen:\n  adress: 127.0.0.1:80\nretension: {events: 1d}\n"))
    found = {(one.line, one.column, one.hint) for one in raised.value.problems}
    assert found == {(2, 3, 'did you mean "address"?'), (3, 1, 'did you mean "retention"?')}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("retention: {events: 14}", 1, "needs a unit"),
        ("retention: {events: 99999999999d}", 1, "century"),
        ("listen: {address: nowhere}", 1, "host:port"),
        ("listen: {address: '127.0.0.1:99999'}", 1, "host:port"),
        ("listen: {max_body_bytes: 0}", 1, "greater than 0"),
        ("rules: a.yaml", 1, "rules"),
        ("sinks: [slack]", 1, "sinks"),
        ("severity: {alert: {page: SEV9}}", 1, "SEV1"),
        ("a: 1\na: 2", 2, "twice"),
        (f"silences:\n  - {{match: 'a=\"b\"', start: {DAY}, end: {DAY}, author: ann, comment: x}}", 2, "ends before"),
        (f"silences:\n  - {{match: 'a=\"b\"', start: {DAY}, end: 2026-11-21, author: ann, comment: ''}}", 2, "comment"),
        ("listen: [", 2, "not YAML"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(write, text: str, line: int, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError) as raised:
        read(write(text + "\n"))
    assert raised.value.line == line
    assert words in str(raised.value)
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize(("match", "words"), [("node='n1'", "quote"), ("node!=n1", "silence everything")])
def test_a_silence_that_cannot_be_is_said_with_its_place(write, match: str, words: str) -> None:  # type: ignore[no-untyped-def]
    file = write(
        f"silences:\n  - {{match: 'a=\"b\"', start: {DAY}, end: 2026-11-21T00:00:00Z, author: ann, comment: x}}\n"
        f'  - {{start: {DAY}, end: 2026-11-21T00:00:00Z, author: ann, comment: x,\n     match: "{match}"}}\n'
    )
    with pytest.raises(ConfigError) as raised:
        read_playbook(read(file))
    assert (raised.value.file, raised.value.line) == (file, 4)
    assert words in str(raised.value)


@pytest.mark.parametrize("address", ["0.0.0.0:80", ":8080", "10.1.2.3:80", "[::]:80", "gpu-admin.example.com:80"])
def test_an_open_door_to_the_network_is_refused_unless_told_so(write, address: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match="without authentication") as raised:
        read(write(f"listen:\n  address: '{address}'\n"))
    assert raised.value.code == "C110"
    with pytest.raises(ConfigError, match="without authentication"):
        read(write(f"listen: {{address: '{address}', auth: {{none: true}}}}\n"))
    assert read(write(f"listen: {{address: '{address}', insecure: true}}\n")).config.listen.insecure
    assert read(write(f"listen: {{address: '{address}', auth: {{bearer: t}}}}\n")).config.listen.auth.configured


@pytest.mark.parametrize("address", ["127.0.0.1:80", "localhost:80", "[::1]:80"])
def test_loopback_needs_no_credentials(write, address: str) -> None:  # type: ignore[no-untyped-def]
    assert read(write(f"listen: {{address: '{address}'}}\n")).config.listen.loopback


@pytest.mark.parametrize(
    "auth",
    [
        "bearer: '${env:EMPTY}'",
        "bearer: [good, '${env:EMPTY}']",
        "bearer: []",
        "basic: {username: u, password: '${env:EMPTY}'}",
        "hmac: {secret: '${env:EMPTY}'}",
    ],
)
def test_an_empty_secret_opens_no_door(write, auth: str, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("EMPTY", "")
    with pytest.raises(ConfigError) as raised:
        read(write(f"listen: {{auth: {{{auth}}}}}\n"))
    assert "good" not in str(raised.value), "no secret is quoted"


def test_an_override_of_authentication_that_says_nothing_is_refused() -> None:
    for empty in ({}, {"none": False}):
        with pytest.raises(ConfigError, match="none: true"):
            adapters.settings("sources", "webhook", {"formats": {"grafana": {"auth": empty}}})
    opened = adapters.settings("sources", "webhook", {"formats": {"grafana": {"auth": {"none": True}}}})
    assert opened.formats["grafana"].auth.none


def test_sources_name_formats_that_exist() -> None:
    with pytest.raises(ConfigError, match="did you mean slurm"):
        adapters.settings("sources", "kafka", {"bootstrap_servers": "k:9092", "topics": {"jobs": "slrum"}})
    with pytest.raises(ConfigError, match="did you mean grafana"):
        adapters.settings("sources", "webhook", {"formats": {"grafanna": {}}})


def test_literal_secrets_are_found_and_references_are_not(write) -> None:  # type: ignore[no-untyped-def]
    document = load(
        write("""
store: postgresql://responder:hunter2@db/responder
listen: {auth: {bearer: [abc, "${env:T}"], hmac: {secret: abc, header: X}}}
sinks: {slack: {token: xoxb-1, signing_secret: "${env:S}", channel: C1}, pagerduty: {routing_key: R0, webhook_secrets: [w, "${env:W}"]}}
enrichers: {prometheus: {url: "http://user:pw@prom:9090"}}
owners: {a: {pagerduty: R1, slack: C2}, b: {pagerduty: "${env:PD}"}}
""")
    )
    found = {".".join(str(step) for step in path) for path in literal_secrets(document)}
    assert found >= {
        "store",
        "listen.auth.hmac.secret",
        "sinks.slack.token",
        "sinks.pagerduty.routing_key",
        "enrichers.prometheus.url",
        "owners.a.pagerduty",
        "listen.auth.bearer.0",
        "sinks.pagerduty.webhook_secrets.0",
    }
    assert not {
        name
        for name in found
        if "signing_secret" in name or name.startswith("owners.b") or name.endswith(".1") or "slack.channel" in name
    }


@given(st.text(alphabet="0123456789.msdhw -e", max_size=30))
def test_a_duration_is_one_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= parse_duration(text).days <= 36525


def test_a_bad_file_at_a_reload_keeps_the_old_state_and_says_so(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    good = "rules: [{name: %s, match: 'node!=\"\"', skill: alert-triage-classifier, group_wait: 0s, owner: o, runbook_url: 'https://r/x'}]\n"
    rules.write_text(good % "first")
    config = {"rules": [str(rules), "builtin:default"], "sinks": {}}
    with running(tmp_path / "daemon", config) as daemon:

        def rule_of(node: str) -> str:
            body = {"kind": "node", "status": "firing", "labels": {"alertname": "Odd", "node": node}}
            (id,) = daemon.post("/v1/events/native", body).json()["event_ids"]
            (incident,) = daemon.get(f"/v1/explain/{id}")["incidents"]
            return str(incident["rule"])

        def reload() -> None:
            assert daemon.process is not None
            daemon.process.send_signal(signal.SIGHUP)

        def problem() -> str | None:
            found = httpx.get(f"{daemon.url}/readyz").json()["parts"]["rules"]
            return str(found) if found else None

        assert rule_of("n1") == "first"
        rules.write_text("rules: [{name: broken, match: 'node=~\"(\"'}]\n")
        reload()
        told = daemon.until(problem, "/readyz to name the bad file")
        assert "rules.yaml:1" in told
        assert rule_of("n2") == "first", "the old rules still decide"
        before = daemon.log.count("reload_refused")
        rules.write_bytes(b"\xff\xfe")
        reload()
        daemon.until(lambda: daemon.log.count("reload_refused") > before, "the second reload")
        rules.write_text(good % "second")
        reload()
        daemon.until(lambda: not problem(), "all to be well again")
        assert rule_of("n3") == "second"
        assert daemon.get("/readyz")["ready"] is True
        daemon.file.write_text("listen: [")
        reload()
        told = daemon.until(problem, "/readyz to name the bad configuration")
        assert "responder.yaml" in told
        assert daemon.process is not None
        assert daemon.process.poll() is None
