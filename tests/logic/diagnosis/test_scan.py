"""Lines that were seen before are searched in less time, and found to say the same."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.diagnosis import Knowledge, Signatures
from responder.logic.diagnosis.scan import LONGEST_REMEMBERED, SHORT_TEXT, Found
from tests.logic.diagnosis.conftest import AT

LINES = (
    "NVRM: Xid (PCI:0000:1a:00): 79, pid=1234, name=python, GPU has fallen off the bus.",
    "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.",
    "2026-03-01 03:59:12,123 ERROR torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.",
    "OSError: [Errno 28] No space left on device",
    "GPU has fallen off the bus",
    'gpu="3"',
    'xid="79"',
    "No signature says anything of this error",
    "",
)


def unseen(shipped: Signatures) -> Signatures:
    """The same signatures, compiled as far as they are, which have seen nothing yet."""
    made = Signatures(shipped.by_id, shipped.literals)
    made.__dict__.update(indexed=shipped.indexed, _compiled=shipped._compiled, _demanded=shipped._demanded)
    return made


@pytest.fixture
def fresh(knowledge: Knowledge) -> Signatures:
    return unseen(knowledge.signatures)


def scan(signatures: Signatures, text: str, later: int = 0) -> Found:
    return signatures.scan(text, 0, 0, AT + timedelta(hours=later))


def test_a_text_says_the_same_when_it_comes_again(fresh: Signatures) -> None:
    text = "\n".join(LINES)
    first = scan(fresh, text)
    assert first.hits
    assert LINES[0].encode() in fresh.lines_known
    assert LINES[-3].encode() in fresh.lines_known
    assert scan(fresh, text) == first


@given(drawn=st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=6), min_size=2, max_size=5))
def test_what_was_seen_changes_nothing(knowledge: Knowledge, drawn: list[list[str]]) -> None:
    used = unseen(knowledge.signatures)
    for lines in drawn:
        text = "\n".join(lines)
        assert scan(used, text) == scan(unseen(knowledge.signatures), text)


def test_prefixes_are_read_anew(fresh: Signatures) -> None:
    """The same line stands at another time where its prefix has no year."""
    text = "Mar  1 03:59:12 gpu-001 kernel: NVRM: Xid (PCI:0000:1a:00): 79, GPU has fallen off the bus."
    first, second = scan(fresh, text), scan(fresh, text, later=365 * 24)
    assert first.hits[0].at is not None
    assert second.hits[0].at is not None
    assert second.hits[0].at - first.hits[0].at > timedelta(days=300)


def test_logs_and_long_lines_are_not_remembered(fresh: Signatures) -> None:
    scan(fresh, "OSError: [Errno 28] No space left on device\n" * (SHORT_TEXT // 40))
    scan(fresh, "OSError: [Errno 28] No space left on device " + "x" * LONGEST_REMEMBERED)
    assert not fresh.lines_known


def test_what_is_remembered_is_bounded(fresh: Signatures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("responder.logic.diagnosis.scan.MOST_REMEMBERED", 3)
    for number in range(10):
        scan(fresh, f"OSError: [Errno {number}] No space left on device")
    assert 0 < len(fresh.lines_known) <= 3
