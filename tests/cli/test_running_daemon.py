"""`incidents`, `silences` and `quarantine` as somebody on call uses them, against a daemon of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from tests.cli.conftest import Done, Run
from tests.e2e.daemon import Daemon, running

TOKEN = "s3cret-token"
RULES = (
    "rules: [{name: any, match: 'node!=\"\"', skill: gpu-node-health-diagnoser, group_by: [node], group_wait: 20ms}]\n"
)


class Ask(Protocol):
    def __call__(self, *arguments: str, **environment: str) -> Done: ...


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("operated")
    (folder / "rules.yaml").write_text(RULES)
    now = datetime.now(UTC)
    window = {
        "match": 'rack="r9"', "start": now - timedelta(hours=1), "end": now + timedelta(hours=1), "author": "dana",
        "comment": "new switch", "maintenance": True,
    }  # fmt: skip
    config = {
        "listen": {"auth": {"bearer": TOKEN}},
        "rules": [str(folder / "rules.yaml"), "builtin:default"],
        "sinks": {},
        "silences": [window],
        "roles": {"default": "admin"},
    }
    with running(folder, config) as daemon:
        yield daemon


@pytest.fixture
def ask(run: Run, daemon: Daemon) -> Ask:
    """The command with the daemon's address and token in the environment."""

    def ask(*arguments: str, **environment: str) -> Done:
        return run(*arguments, **{"RESPONDER_URL": daemon.url, "RESPONDER_TOKEN": TOKEN, **environment})

    return ask


def post(daemon: Daemon, body: Any, **labels: str) -> Any:
    event = body or {"kind": "node", "status": "firing", "labels": {"alertname": "XidError", "xid": "79", **labels}}
    return daemon.post("/v1/events/native", event, headers={"authorization": f"Bearer {TOKEN}"}).json()


def opened(daemon: Daemon, ask: Ask, node: str) -> str:
    """The incident on a node that is named so that no search for it finds an incident's own name (`inc-n45ne7rr`)."""
    post(daemon, None, node=node)

    def reported() -> str | None:
        found = ask("incidents", "ls", "--q", node, "--json").json["incidents"]
        return found[0]["id"] if found and found[0]["revision"] else None

    return str(daemon.until(reported, "the first report"))


def test_an_incident_from_the_list_to_its_end(ask: Ask, daemon: Daemon) -> None:
    id = opened(daemon, ask, "node-1")
    listed = ask("incidents", "ls", "--status", "open", "--limit", "1")
    assert id in listed.out
    assert "--limit" in listed.err, "it says that there may be more"
    assert "fallen" in ask("incidents", "show", id).out.lower()
    assert ask("incidents", "show", id, "--json").json["schema"] == "responder.report/v1"
    assert ask("incidents", "ack", id).out == f"{id} is acknowledged\n"
    assert ask("incidents", "resolve", id, "-m", "riser reseated").out == f"{id} is resolved\n"
    again = ask("incidents", "ack", id)
    assert (again.code, again.out) == (1, "")
    assert "already resolved (HTTP 400)" in again.err
    assert ask("incidents", "ack", "inc-nobody").code == 1
    assert ask("incidents", "ack", "../silences").code == 1, "an id is no path"


def test_silencing_an_incident_names_author_end_and_comment(ask: Ask, daemon: Daemon) -> None:
    id = opened(daemon, ask, "node-2")
    done = ask("incidents", "silence", id, "-d", "4h", "-m", "RMA on its way")
    assert 'node="node-2"' in done.out
    (made,) = [one for one in ask("silences", "ls", "--json").json["silences"] if "node-2" in one["text"]]
    assert (made["comment"], bool(made["created_by"])) == ("RMA on its way", True)
    lasts = datetime.fromisoformat(made["ends_at"]) - datetime.fromisoformat(made["starts_at"])
    assert lasts == timedelta(hours=4)


def test_a_silence_is_added_listed_ended_and_kept_in_the_books(ask: Ask, daemon: Daemon) -> None:
    done = ask("silences", "add", 'node="node-3"', "-d", "2h", "-m", "riser", "--maintenance")
    assert done.code == 0
    id = done.out.partition(":")[0]
    row = next(line for line in ask("silences", "ls").out.splitlines() if id in line)
    assert "maintenance" in row
    assert 'node="node-3"' in row
    assert post(daemon, None, node="node-3")["accepted"] == 1
    assert ask("incidents", "ls", "--q", "node-3").out == "", "it is quiet"
    assert ask("silences", "end", id).out == f"{id} is over\n"
    assert id not in ask("silences", "ls").out
    assert id in ask("silences", "ls", "--all").out
    wrong = ask("silences", "add", "node=", "-m", "x")
    assert (wrong.code, wrong.out) == (1, "")
    everything = ask("silences", "add", 'node!="node-1"', "-m", "x")
    assert everything.code == 1
    assert "everything" in everything.err


def test_a_window_of_the_configuration_is_quiet_shown_and_only_ended_there(ask: Ask, daemon: Daemon) -> None:
    (window,) = [one for one in ask("silences", "ls", "--json").json["silences"] if one["configured"]]
    assert (window["created_by"], window["comment"], window["maintenance"]) == ("dana", "new switch", True)
    post(daemon, None, node="node-4", rack="r9")
    assert ask("incidents", "ls", "--q", "node-4").out == ""
    done = ask("silences", "end", window["id"])
    assert done.code == 1
    assert "comes from the configuration" in done.err


def test_what_is_in_quarantine_is_listed_shown_retried_and_dropped(ask: Ask, daemon: Daemon) -> None:
    assert ask("quarantine", "ls").err == "the quarantine is empty\n"
    id = post(daemon, {"kind": 7})["quarantine_id"]
    assert id in ask("quarantine", "ls").out
    assert ask("quarantine", "show", id).json["format"] == "native"
    still = ask("quarantine", "retry", id)
    assert (still.code, still.out) == (1, ""), "it is as broken as before"
    assert "stays in quarantine" in still.err
    assert ask("quarantine", "drop", id).out == f"{id} is dropped\n"
    assert id not in ask("quarantine", "ls").out
    assert id in ask("quarantine", "ls", "--state", "dropped").out


def test_credentials_are_asked_for(ask: Ask) -> None:
    for token in ("", "wrong"):
        done = ask("incidents", "ls", RESPONDER_TOKEN=token)
        assert (done.code, done.out) == (1, "")
        assert "RESPONDER_TOKEN" in done.err


def test_incident_ids_complete_from_the_daemon(ask: Ask, daemon: Daemon) -> None:
    id = opened(daemon, ask, "n5")
    words = "responder incidents ack inc-"
    asked = {"_RESPONDER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    assert id in ask(**asked).out.split()
