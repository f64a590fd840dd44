"""Raw text made plain: colours, progress bars, control characters, JSON records."""

from hypothesis import given
from hypothesis import strategies as st

from responder.logic.diagnosis.text import PIECE_BYTES, pieces, plain


def test_colours_and_progress_bars_go() -> None:
    assert plain(b"\x1b[31mERROR\x1b[0m x\r 10%\r 20%\r\nend") == b"ERROR x\n 10%\n 20%\nend"


def test_control_characters_become_blanks() -> None:
    assert plain(b"a\x00b\x07c\td") == b"a b c\td"


def test_a_json_record_becomes_its_message() -> None:
    line = b'{"time":"2026-03-01T04:12:33Z","level":"error","rank":3,"msg":"CUDA out of memory\\nsecond line"}'
    assert plain(line) == b"[rank3]: 2026-03-01T04:12:33Z CUDA out of memory level=error\nsecond line"


def test_a_container_log_record_becomes_its_line() -> None:
    assert plain(b'{"log":"boom\\n","stream":"stderr","time":"2026-03-01T04:12:33Z"}').startswith(
        b"2026-03-01T04:12:33Z boom"
    )


def test_a_pretty_printed_payload_stays_as_it_is() -> None:
    body = b'{\n  "alerts": [{"labels": {"alertname": "X"}}]\n}'
    assert plain(body) == body


def test_pieces_end_at_line_ends_and_lose_nothing() -> None:
    text = "".join(f"line {number}\n" for number in range(PIECE_BYTES // 4))
    cut = list(pieces(text))
    assert len(cut) > 1
    assert all(piece.endswith(b"\n") for piece in cut)
    assert b"".join(cut).decode() == text


@given(st.text())
def test_any_text_is_readable(text: str) -> None:
    for piece in pieces(text):
        assert b"\x1b" not in piece
        assert b"\x00" not in piece
