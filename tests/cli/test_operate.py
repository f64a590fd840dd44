"""`check`, `init`, `doctor`, `db`, `skills`, `kinds`, `incidents`, and what all commands have in common."""

import http.server
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer

from responder.cli import app
from tests.cli.conftest import Run


def commands(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if hasattr(node, "commands"):
        for name, child in node.commands.items():
            yield from commands(child, (*path, name))
    else:
        yield path, node


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_with_an_example(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    assert f"Example:[/dim]  responder {path[0]}" in command.help or f"| responder {path[0]}" in command.help
    for parameter in command.params:
        assert parameter.expose_value
        if parameter.param_type_name == "option":
            assert parameter.help, f"--{parameter.name} of {' '.join(path)} says nothing"


def test_all_commands_of_the_contract_are_there(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    names = "run demo triage replay test check explain evaluate incidents quarantine skills kinds export db init doctor"
    for name in names.split():
        assert f" {name} " in done.out
    assert "Example" in run("incidents", "ls", "--help").out
    assert run("--version").out.startswith("responder ")
    assert run().code in (0, 2)


def test_check_points_at_the_place_of_a_mistake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "responder.yaml").write_text("store: sqlite:x.db\nsinks:\n  consle: {}\nlisten: {adress: x}\n")
    done = run("check")
    assert done.code == 2
    assert "responder.yaml:4:10" in done.out
    assert 'did you mean "address"?' in done.out
    (tmp_path / "responder.yaml").write_text("store: sqlite:x.db\nsinks:\n  consle: {}\n")
    (problem,) = run("check", "--json").json["problems"]
    assert (problem["line"], problem["column"], problem["severity"]) == (3, 3, "error")
    assert problem["hint"] == "did you mean console?"
    (tmp_path / "responder.yaml").write_text("sinks: [")
    done = run("run")
    assert (done.code, done.out) == (2, "")
    assert "responder.yaml:" in done.err


def test_check_finds_a_secret_in_clear_text_and_does_not_repeat_it(run: Run, tmp_path: Path) -> None:
    secret = "xoxb-17-verysecretindeed"
    (tmp_path / "responder.yaml").write_text(f"sinks: {{slack: {{token: {secret}, channel: C0123456789}}}}\n")
    done = run("check")
    assert done.code == 0, "a warning: it works"
    assert "sinks.slack.token holds a secret in clear text" in done.out
    assert secret not in done.out + done.err


def test_check_knows_what_would_only_fail_at_night(run: Run, tmp_path: Path) -> None:
    (tmp_path / "responder.yaml").write_text(
        "sources: {kafka: {bootstrap_servers: 'k:1', topics: {a: slrum}}}\n"
        "sinks: {slack: {token: '${env:T}', channel: C0123456789, fallback: consol}, console: {}}\n"
    )
    done = run("check", T="t")
    assert done.code == 2
    assert "did you mean slurm?" in done.out
    assert "fallback 'consol'" in done.out


def test_check_of_a_bad_rule_is_not_a_bad_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("rules:\n  - {name: a, match: 'x=~\"(\"', skill: nope}\n")
    done = run("check", "r.yaml")
    assert done.code == 1
    assert "r.yaml:2:" in done.out


def test_init_writes_what_checks_and_tests_well(run: Run, tmp_path: Path) -> None:
    assert run("init", "new").code == 0
    before = (tmp_path / "new/responder.yaml").read_text()
    done = run("init", "new")
    assert done.code == 2
    assert "--force" in done.err
    assert (tmp_path / "new/responder.yaml").read_text() == before
    done = run("check", "-c", "new/responder.yaml")
    assert done.code == 0, done.out
    done = run("test", "new/rules/first.test.yaml", "-c", "new/responder.yaml", "--json")
    assert done.json["failed"] == 0
    (tmp_path / "file").touch()
    done = run("init", "file")
    assert done.code == 2
    assert "cannot write" in done.err


def test_a_rule_test_that_fails_says_so_with_its_status(run: Run, tmp_path: Path) -> None:
    run("init", "new")
    file = tmp_path / "new/rules/first.test.yaml"
    text = file.read_text()
    changed = text.replace("incidents: [", "incidents: [{rule: nonsense, key: {}, events: 3}, ", 1)
    assert changed != text
    file.write_text(changed)
    done = run("test", "new/rules/first.test.yaml", "-c", "new/responder.yaml")
    assert done.code == 1
    assert "FAILED" in done.out
    assert "nonsense" in done.out


def test_doctor_on_the_default_finds_all_well(run: Run, tmp_path: Path) -> None:
    done = run("doctor")
    assert done.code == 0
    assert all(line.startswith("ok ") for line in done.out.splitlines())
    (tmp_path / "responder.yaml").write_text(
        "sources: {kafka: {bootstrap_servers: '127.0.0.1:1', topics: {a: slurm}}}\nstore: 'sqlite:nowhere/x.db'\n"
    )
    done = run("doctor", "--json")
    assert done.code == 1
    assert "Unable to bootstrap" in done.json["source kafka"]
    assert "nowhere is no folder" in done.json["store"]


def test_kinds_and_skills_list_what_is_there(run: Run) -> None:
    kinds = run("kinds", "--json").json
    assert {"alertmanager", "grafana", "cloudevents", "slurm", "kubernetes", "native"} <= set(kinds["formats"])
    assert {"webhook", "kafka"} <= set(kinds["sources"])
    assert {"console", "slack", "pagerduty"} <= set(kinds["sinks"])
    plain = run("kinds", NO_COLOR="1").out
    assert len(plain.splitlines()) == 1 + sum(len(ones) for ones in kinds.values())
    released = run("skills", "ls", "--status", "released", "--json").json
    assert {one["name"] for one in released} >= {"training-job-debugger", "alert-triage-classifier"}
    assert run("skills", "show", "training-job-debugger").out.startswith("---")
    done = run("skills", "show", "training-job-debugge")
    assert done.code == 1
    assert "no skill is called 'training-job-debugge'; did you mean \"training-job-debugger\"?" in done.err


def test_the_exported_registry_fits_its_own_schema(run: Run) -> None:
    document = run("skills", "export").json
    validator = jsonschema.Draft202012Validator(document["json_schema"])
    for one in document["skills"]:
        validator.validate(one)
    assert len(document["skills"]) >= 65


def test_the_schema_is_made_backed_up_and_never_overwritten(run: Run, tmp_path: Path) -> None:
    done = run("db", "upgrade")
    assert done.code == 0
    assert "schema is at" in done.out
    assert run("db", "upgrade").out.strip() == done.out.split(" (")[0].strip()
    assert run("db", "backup", "copy.db").code == 0
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("pragma integrity_check").fetchone() == ("ok",)
    copy.close()
    assert run("db", "backup", "copy.db").code == 2
    done = run("export")
    assert done.code == 0
    assert done.json == {"type": "export", "schema": "responder.export/v1"}
    assert run("replay", "journal").code == 1


def test_what_may_not_be_read_or_written_is_said_with_its_name(tmp_path: Path) -> None:
    for name in ("rules", "skills"):
        (tmp_path / f"{name}.yaml").write_text(f"{{{name}: [locked, 'builtin:default'], store: 'sqlite::memory:'}}")
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0)
    mortal = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
    try:
        for arguments in (
            ("check", "-c", "rules.yaml"),
            ("check", "-c", "skills.yaml"),
            ("run", "-c", "rules.yaml"),
            ("run", "-c", "skills.yaml"),
            ("test", "-c", "skills.yaml"),
            ("init", "locked/new"),
            ("triage", "locked/x.log"),
            ("evaluate", "locked/x.jsonl"),
        ):
            command = [*mortal, sys.executable, "-m", "responder", *arguments]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False, text=True)
            assert done.returncode in (1, 2), arguments
            assert "Traceback" not in done.stderr, done.stderr
            assert "locked" in done.stdout + done.stderr, arguments
    finally:
        locked.chmod(0o700)


def test_a_database_that_is_away_is_said_without_its_password(run: Run, tmp_path: Path) -> None:
    (tmp_path / "responder.yaml").write_text("store: 'postgresql://responder:hunter2@127.0.0.1:1/incidents'\n")
    for arguments in (("run",), ("db", "upgrade"), ("export",), ("doctor",), ("db", "backup", "x.db")):
        done = run(*arguments)
        assert done.code in (1, 2), arguments
        assert "127.0.0.1:1/incidents" in done.out + done.err
        assert "hunter2" not in done.out + done.err


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Some other program on that port."""

    def do_GET(self) -> None:
        body = b"<html>hello</html>" if "incidents" in self.path else b'{"error": "no such thing"}'
        self.send_response(200 if "incidents" in self.path else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_no_daemon_or_another_program_is_said_clearly(run: Run, elsewhere: str) -> None:
    for url in ("http://127.0.0.1:1", "nonsense", "http://[", "http://a b/"):
        done = run("incidents", "ls", "--url", url)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("responder: ")
        assert "no daemon answers at" in done.err
        assert len(done.err.splitlines()) == 1
    done = run("incidents", "ls", RESPONDER_URL=elsewhere)
    assert done.code == 1
    assert "is no responder" in done.err
    done = run("quarantine", "show", "q-1", "--url", elsewhere)
    assert done.code == 1
    assert "no such thing (HTTP 404)" in done.err


@pytest.mark.parametrize("option", ["ssl_cafile: nowhere.pem", "session_timeout_seconds: 6"])
def test_a_part_that_could_not_run_stops_the_start(run: Run, tmp_path: Path, option: str) -> None:
    (tmp_path / "responder.yaml").write_text(
        f"sources: {{kafka: {{bootstrap_servers: '127.0.0.1:1', topics: {{a: slurm}}, {option}}}}}\n"
        "listen: {address: '127.0.0.1:0'}\n"
    )
    done = run("run")
    assert (done.code, done.out) == (2, "")
    assert option.partition(":")[0] in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("incidents", "ls", "--status", "closed"), "acknowledged"),
        (("incidents", "ls", "--severity", "SEV9"), "SEV4"),
        (("incidents", "ls", "--limit", "0"), "--limit"),
        (("incidents", "silence", "inc-1", "-d", "soon"), "not a duration"),
        (("incidents", "silence", "inc-1", "-d", "0s"), "above zero"),
        (("silences", "add", 'node="a"'), "--comment"),
        (("quarantine", "ls", "--state", "x"), "retried"),
        (("skills", "ls", "--mode", "x"), "classifier"),
        (("export", "--from", "1h", "--to", "2h"), "--from 1h is not before --to 2h"),
        (("replay", ""), "no source"),
    ],
)
def test_a_mistake_in_the_command_is_found_before_anybody_is_asked(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_wrong_log_level_or_port_is_a_mistake(run: Run) -> None:
    assert run("--log-level", "nonsense", "kinds").code == 2
    assert run("demo", "--port", "99999").code == 2


def test_an_unusable_certificate_or_address_is_a_configuration_error(run: Run, tmp_path: Path) -> None:
    for listen in ("tls_cert: responder.yaml", "address: '256.1.1.1:0', insecure: true"):
        (tmp_path / "responder.yaml").write_text(
            f"listen: {{address: '127.0.0.1:0', {listen}}}\n".replace("address: '127.0.0.1:0', address", "address")
        )
        done = run("run")
        assert done.code == 2, done.err
        assert "responder.yaml" in done.err
