"""No planted secret survives, clean text is left alone, and redacting twice changes nothing."""

import base64
import random
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.logic.redact import redact_bytes, redact_event, redact_text
from responder.model.event import AlertSeverity, Change, Event, JobFact, JobState, Kind, Link, LogPart, Status

AT = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)
ALNUM = string.ascii_letters + string.digits


def _draw(seed: int, alphabet: str, length: int) -> str:
    """A value as random as a key is: with a capital, a small letter and a digit where the alphabet has them."""
    source = random.Random(seed)
    must = [c for c in "A7z" if c in alphabet]
    return "".join(source.choice(alphabet) for _ in range(length - len(must))) + "".join(must)


SECRETS: list[tuple[str, str, str]] = [
    # (text before, the secret, text after); `*` in front of a name: generated below
    ("", "AKIA" + _draw(1, string.ascii_uppercase + "234567", 16), ""),
    ("", "AIza" + _draw(2, ALNUM, 35), ""),
    ("", "ya29." + _draw(3, ALNUM, 60), ""),
    ("", "GOCSPX-" + _draw(4, ALNUM, 28), ""),
    ("", "abc8Q~" + _draw(5, ALNUM, 34), ""),
    ("", "hf_" + _draw(6, ALNUM, 34), ""),
    ("", "sk-ant-api03-" + _draw(7, ALNUM + "_-", 90), ""),
    ("", "sk-proj-" + _draw(8, ALNUM, 48), ""),
    ("", "sk-" + _draw(9, ALNUM, 48), ""),
    ("", "gsk_" + _draw(10, ALNUM, 52), ""),
    ("", "xoxb-" + _draw(11, string.digits, 12) + "-" + _draw(11, ALNUM, 24), ""),
    ("", "xapp-1-" + _draw(12, ALNUM, 40), ""),
    ("", "ghp_" + _draw(13, ALNUM, 36), ""),
    ("", "github_pat_" + _draw(14, ALNUM, 60), ""),
    ("", "glpat-" + _draw(15, ALNUM, 20), ""),
    ("", "nvapi-" + _draw(16, ALNUM + "_-", 64), ""),
    ("", "wandb_v1_" + _draw(17, ALNUM, 40), ""),
    ("", "dapi" + _draw(18, "0123456789abcdef", 32), ""),
    ("", "dckr_pat_" + _draw(19, ALNUM, 27), ""),
    ("", "hvs." + _draw(20, ALNUM, 90), ""),
    ("", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ." + _draw(21, ALNUM, 43), ""),
    ("-----BEGIN RSA PRIVATE KEY-----\n", _draw(22, ALNUM, 64), "\n-----END RSA PRIVATE KEY-----"),
    ('"-----BEGIN OPENSSH PRIVATE KEY-----\\n', _draw(23, ALNUM, 64), ""),
    ("postgresql://bob:", "hunter2", "@db.example/train"),
    ("redis://:", "p@ss-w0rd", "@cache:6379/0"),
    ("https://hooks.slack.com/services/", "T0AB/B0CD/" + _draw(24, ALNUM, 24), ""),
    ("https://events.pagerduty.com/integration/", _draw(25, "0123456789abcdef", 32), "/enqueue"),
    ("routing_key: ", _draw(26, "0123456789abcdef", 32), ""),
    ("https://x.blob.core.windows.net/c?sv=2024&sig=", _draw(27, ALNUM, 43) + "%3D", ""),
    ("https://b.s3.amazonaws.com/k?X-Amz-Signature=", _draw(28, "0123456789abcdef", 64), ""),
    ("Authorization: Bearer ", _draw(29, ALNUM, 24), ""),
    ("'authorization': 'Basic ", "Ym9iOmh1bnRlcjI=", "'"),
    ("curl -H 'Authorization: Token ", _draw(30, ALNUM, 24), "' http://x"),
    ("curl -s -u bob:", "hunter2", " https://x"),
    ("password=", "hunter2", ""),
    ('"password": "', "hun ter,2", '"'),
    ('{\\"db_password\\": \\"', "hunter2", '\\"}'),
    ("DB_PASSWORD='", "hun ter2", "'"),
    ("db_pass=", "hunter2", ""),
    ("Server=x;Uid=bob;Pwd=", "hunter2", ";"),
    ("AccountKey=", _draw(31, ALNUM + "+/", 86) + "==", ";"),
    ("aws_secret_access_key = ", "/" + _draw(32, ALNUM + "+/", 39), ""),
    ("export WANDB_API_KEY=", _draw(33, "0123456789abcdef", 40), ""),
    ("wandb login ", _draw(34, "0123456789abcdef", 40), ""),
    ("--token ", "abcd1234", " --verbose"),
    ("'--api-key', '", "abcd1234", "'"),
    ("--db-password=", "abcd1234", ""),
    ("- name: HF_TOKEN\n  value: ", "abcd1234", "\n"),
    ('{"name":"NGC_API_KEY","value":"', "abcd1234", '"}'),
    ("api_key: ", "abcd1234", ""),
    ("client_secret => ", "abcd1234", ""),
    ("machine h login bob password ", "hunter2", ""),
    ("X-Vault-Token: ", "s." + _draw(35, ALNUM, 24), ""),
    ("Cookie: ", "session=abcdef; id=7", "\n"),
    ("CREATE USER bob IDENTIFIED BY '", "hunter2", "'"),
    ("mailed to ", "bob.smith+gpu@example.co.uk", " at 2"),
]

CLEAN = """\
2026-03-14T02:00:07.123Z gpu03 kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=4711, name=python3, GPU has fallen off the bus.
GPU 00000000:3B:00.0 UUID GPU-5f2c7a4e-0a1b-4c2d-8e3f-123456789abc serial 1324321012345 MIG-6b1c2d3e-0a1b-4c2d-8e3f-123456789abc
gpu03:4711:4802 [3] NCCL INFO comm 0x55f3c8a01230 rank 3 nranks 64 cudaDev 3 busId 3b000 commId 0x8f3e2d1c0b9a7866 - Init COMPLETE
[rank3]:[E314 02:00:07 ProcessGroupNCCL.cpp:616] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=81, OpType=ALLREDUCE)
step 4711 loss=2.31 tokens/s=12000 max_tokens=4096 eos_token=</s> eos_token_id=2 num_tokens: 512 token_usage=0.93 pad_token: <pad>
forward_pass: 12.3ms backward_pass=30ms time per token: 3.21 ms/token=0.4 next_token=hello unexpected token: identifier
commit 4f51392aa6c94e08d1e2f3a4b5c6d7e8f9012345 image repo/name@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
pod ml/flask-deployment-7d9f8b6c5d-x2x4z task-scheduler-7d9f8b6c5d-abcde disk-usage-monitor-exporter-12345 risk-model-serving-0-1-2-3
MountVolume.SetUp failed for volume "creds" : secret "hf-token" not found; couldn't find key HF_TOKEN in Secret ml/hf
references non-existent secret key: tls.crt; Secret ml/db not found; password authentication failed for user "bob"
systemd: getty@tty1.service user@1000.service dev-nvme0n1@x.device slurmstepd@gpu03.cluster.local git@github.com:org/repo.git
http://prometheus.monitoring.svc:9090/graph?g0.expr=up%3D%3D0&g0.tab=1 https://grafana/d/abc?orgId=1 tcp://10.0.0.1:29500
srun --ntasks=64 --gpus-per-task=1 --mem-per-gpu 64G docker run -u 1000:1000 PWD=/home/bob OLDPWD=/root
api_key: None password: null token=${HF_TOKEN} secret: <unset> passphrase="" --password $PW api-key=********
Basic authentication required; bearer token missing; per-token latency and multi-token prediction pre-token usage 0.9
"""


@pytest.mark.parametrize(("before", "secret", "after"), SECRETS)
def test_each_kind_goes_and_its_surroundings_stay(before: str, secret: str, after: str) -> None:
    text = f"at 02:00 {before}{secret}{after} on gpu03"
    redacted = redact_text(text)
    assert secret not in redacted
    assert "[redacted:" in redacted
    assert redacted.startswith("at 02:00 ")
    assert redacted.endswith(" on gpu03")


def test_the_most_telling_kind_is_named() -> None:
    token = "hf_" + _draw(6, ALNUM, 34)
    assert redact_text(f"export HF_TOKEN={token}") == "export HF_TOKEN=[redacted:huggingface-token]"
    assert redact_text(f'"authorization": "Bearer {token}"') == '"authorization": "Bearer [redacted:huggingface-token]"'


def test_clean_logs_are_the_same_object() -> None:
    for line in CLEAN.splitlines():
        assert redact_text(line) == line
    assert redact_text(CLEAN) == CLEAN
    quiet = CLEAN.splitlines()[0] * 10
    assert redact_text(quiet) is quiet


@settings(max_examples=300)
@given(
    planted=st.lists(
        st.tuples(st.sampled_from(SECRETS), st.integers(0, len(CLEAN.splitlines()))), min_size=1, max_size=6
    )
)
def test_secrets_planted_anywhere_never_survive_and_twice_is_once(
    planted: list[tuple[tuple[str, str, str], int]],
) -> None:
    lines = CLEAN.splitlines()
    for (before, secret, after), at in sorted(planted, key=lambda item: -item[1]):
        lines.insert(at, f"INFO {before}{secret}{after}")
    redacted = redact_text("\n".join(lines))
    for (_, secret, _), _ in planted:
        assert secret not in redacted
    assert redact_text(redacted) == redacted


_PIECES = [
    "password",
    "token",
    "=",
    ":",
    '"',
    "'",
    "\\",
    "[redacted:jwt]",
    "@",
    "://",
    ":",
    "a.b",
    "--",
    "sk-",
    "value",
    ",",
    "]",
    ")",
    "Bearer",
    "authorization",
    "cookie",
    "secret",
    "eyJ",
    "-----BEGIN",
    "PRIVATE",
    "KEY-----",
    "-----END",
    "PRIVATE",
    "KEY-----",
    "x1Y2z3A4b5",
    "&sig=",
    "curl",
    "-u",
    "Basic",
]


def test_the_colon_of_a_mark_begins_no_password() -> None:
    once = redact_text("://&sig=0000000000000000@")
    assert once == "://&sig=[redacted:signature]@"
    assert redact_text(once) == once
    user = redact_text(f"https://hf_{'a1B2c3D4e5' * 4}:hunter2@example.com")
    assert user == "https://[redacted:huggingface-token]:[redacted:url-password]@example.com"
    assert redact_text(user) == user


def test_a_secret_inside_another_one_s_frame_is_found_too() -> None:
    once = redact_text("://&sig=00000000PASSWORD:0@")
    assert "00000000" not in once
    assert redact_text(once) == once


@settings(max_examples=500)
@given(st.one_of(st.text(), st.lists(st.sampled_from([*_PIECES, " ", "\n"]), max_size=25).map("".join)))
def test_redacting_is_idempotent_on_anything(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@given(st.binary())
def test_any_body_can_go_to_quarantine(body: bytes) -> None:
    shown = redact_bytes(body)
    assert isinstance(shown, str)


def test_bodies_that_are_no_text_are_redacted_too() -> None:
    shown = redact_bytes(b"\xff\x00 password=hunter2 \xfe")
    assert shown.startswith("base64:")
    assert b"hunter2" not in base64.b64decode(shown[7:])
    assert "hunter2" not in redact_bytes("password=hunter2".encode("utf-16"))


def _event(**changes: object) -> Event:
    values: dict[str, object] = {
        "id": "ev_1",
        "format": "alertmanager",
        "source": "am",
        "fingerprint": "f" * 16,
        "kind": Kind.NODE,
        "status": Status.FIRING,
        "severity": AlertSeverity.CRITICAL,
        "title": "GPU 3 on n17 fell off the bus",
        "labels": {"alertname": "GpuXid", "node": "n17"},
        "annotations": {"summary": "Xid 79 on n17"},
        "entities": {"node": ("n17",)},
        "logs": (LogPart(text=CLEAN.splitlines()[0]),),
        "links": (Link(href="http://prometheus/graph?g0.expr=up"),),
        "starts_at": AT,
        "received_at": AT,
    }
    return Event.model_validate(values | changes)


def test_a_clean_event_is_the_same_object() -> None:
    event = _event()
    assert redact_event(event) is event


@pytest.mark.parametrize(("before", "secret", "after"), SECRETS)
def test_no_field_of_an_event_keeps_a_secret(before: str, secret: str, after: str) -> None:
    text = f"{before}{secret}{after}"
    event = _event(
        title=text,
        labels={"alertname": "X", "note": text},
        annotations={"description": f"see\n{text}"},
        entities={"user": (text,)},
        logs=(LogPart(text=f"line\n{text}\n", rank=3, node="n17"),),
        links=(Link(href=text, text=text),),
        job=JobFact(id="4711", state=JobState.FAILED, name=text, reason=text, user=text),
        change=Change(at=AT, what=text),
    )
    changed = redact_event(event)
    assert secret not in changed.model_dump_json()
    assert secret not in str(changed.model_dump())
    assert (changed.id, changed.status, changed.starts_at) == (event.id, event.status, event.starts_at)
    assert redact_event(changed) == changed


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_the_name_of_a_label_may_be_what_tells(field: str) -> None:
    changed = redact_event(_event(**{field: {"db_password": 'hun"ter2', "alertname": "X", "token": "abcd1234"}}))
    assert getattr(changed, field) == {
        "db_password": "[redacted:password]",
        "alertname": "X",
        "token": "[redacted:token]",
    }


def test_a_hostile_text_takes_linear_time() -> None:
    for piece in (
        "token=token=",
        "-----BEGIN PRIVATE KEY-----[",
        "authorization: x ",
        "://a:",
        'token="',
        "token=)",
        "a@",
        "cookie: ",
    ):
        text = piece * (400_000 // len(piece))
        once = redact_text(text)
        assert isinstance(once, str)
