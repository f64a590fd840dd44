"""Typed values out of matches, and conditions on them."""

import pytest

from responder.logic.diagnosis.fields import convert, extract, meets


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "4,096", 4096),
        ("float", "1.5", 1.5),
        ("hex", "0x1f", 31),
        ("bytes", "2.50 GiB", int(2.5 * 1024**3)),
        ("bytes", "64M", 64 * 1024**2),
        ("bytes", "512 kB", 512 * 1024),
        ("duration", "600000 ms", 600.0),
        ("duration", "10m", 600.0),
        ("duration", "30", 30.0),
        ("duration", "2 hours", 7200.0),
    ],
)
def test_conversions(kind: str, text: str, value: float) -> None:
    assert convert(kind, text) == value


def test_bits_of_a_word() -> None:
    values = extract({"sub": {"of": "word", "bits": [20, 25]}, "word": "hex"}, {"word": "0x004505c6"})
    assert values == {"word": 0x004505C6, "sub": (0x004505C6 >> 20) & 0x3F}


def test_what_does_not_parse_is_left_out() -> None:
    assert extract({"code": "int"}, {"code": "n/a", "name": "x", "none": None}) == {"name": "x"}


@pytest.mark.parametrize(
    ("where", "met"),
    [
        ({"code": 79}, True),
        ({"code": [74, 79]}, True),
        ({"code": {"above": 70, "below": 80}}, True),
        ({"code": {"above": 79}}, False),
        ({"name": "PYTHON"}, True),
        ({"other": 1}, False),
        ({"name": {"above": 1}}, False),
        ({}, True),
    ],
)
def test_conditions_on_fields(where: dict, met: bool) -> None:
    assert meets(where, {"code": 79, "name": "python"}) is met
