"""Time stamps of a dozen formats, and texts that only look like one."""

from datetime import UTC, datetime

import pytest

from responder.logic.diagnosis.stamps import read_stamp

NEAR = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-03-01T04:12:33.123456Z x", datetime(2026, 3, 1, 4, 12, 33, 123456, UTC)),
        ("2026-03-01T04:12:33+02:00 x", datetime(2026, 3, 1, 2, 12, 33, tzinfo=UTC)),
        ("2026-03-01 04:12:33,123 INFO", datetime(2026, 3, 1, 4, 12, 33, 123000, UTC)),
        ("[2026-03-01 04:12:33] x", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("2026/03/01 04:12:33 x", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("20260301 04:12:33 x", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("01/Mar/2026:04:12:33 +0000", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("Mar  1 04:12:33 n17 kernel:", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("Dec 31 23:59:59 n17 kernel:", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("[Sun Mar  1 04:12:33 2026] NVRM", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("Sun Mar  1 04:12:33 UTC 2026", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("E0301 04:12:33.123456   12 x.go:1]", datetime(2026, 3, 1, 4, 12, 33, 123456, UTC)),
        ("[E301 x", None),
        ("03-01 04:12:33 x", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("1772338353.5 x", datetime(2026, 3, 1, 4, 12, 33, 500000, UTC)),
        ("04:12:33 x", datetime(2026, 3, 1, 4, 12, 33, tzinfo=UTC)),
        ("23:59:59 x", datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)),
        ("Traceback (most recent", None),
        ("2026-13-45 99:99:99", None),
        ("Foo 31 04:12:33", None),
        ("Feb 30 04:12:33", None),
    ],
)
def test_stamp(text: str, wanted: datetime | None) -> None:
    stamp = read_stamp(text, NEAR)
    assert (stamp.at if stamp else None) == wanted


def test_seconds_since_boot_are_no_instant() -> None:
    stamp = read_stamp("[  123.456789] NVRM: x", NEAR)
    assert stamp is not None
    assert (stamp.at, stamp.boot_s) == (None, 123.456789)
