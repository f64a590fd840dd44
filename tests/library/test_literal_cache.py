"""What patterns demand, remembered from one start to the next."""

from pathlib import Path

import orjson
import pytest

from responder.library.cache_file import cache_folder
from responder.library.literal_cache import LiteralCache
from responder.library.paths import builtin
from responder.library.skills import load_skills
from responder.logic.diagnosis.literals import required

PATTERN = r"Xid \(PCI:[0-9a-f:]+\): (?:79|154)"


def test_it_answers_as_the_work_itself_does(tmp_path: Path) -> None:
    first = LiteralCache(tmp_path)
    assert first.required(PATTERN) == tuple(sorted(required(PATTERN) or ()))
    first.save()
    again = LiteralCache(tmp_path)
    assert again.required(PATTERN) == first.required(PATTERN)
    assert again.required(r"\d+") is None
    with pytest.raises(ValueError, match=r"."):
        again.required("(broken")


def test_the_second_start_takes_what_the_first_found(tmp_path: Path) -> None:
    first = LiteralCache(tmp_path)
    first.required(PATTERN)
    first.save()
    (file,) = tmp_path.iterdir()
    file.write_bytes(orjson.dumps({PATTERN: ["taken from the file"]}))
    assert LiteralCache(tmp_path).required(PATTERN) == ("taken from the file",)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"a": 5}', b'{"a": [1]}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    first = LiteralCache(tmp_path)
    first.required(PATTERN)
    first.save()
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    assert LiteralCache(tmp_path).required(PATTERN) == first.required(PATTERN)


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = LiteralCache(tmp_path / "file")
    assert cache.required(PATTERN)
    cache.save()


def test_the_place_is_systemd_s_or_that_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    assert cache_folder() == tmp_path / "responder"
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/responder:/var/cache/other")
    assert cache_folder() == Path("/var/cache/responder")


def test_skills_are_the_same_with_and_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fresh = load_skills([builtin("skills")])
    assert list((tmp_path / "responder").glob("literals-*.json"))
    assert list((tmp_path / "responder").glob("documents-*.json"))
    warm = load_skills([builtin("skills")])
    assert warm.knowledge.signatures.literals == fresh.knowledge.signatures.literals
    assert warm.skills == fresh.skills
    for part in ("taxonomy", "signatures", "catalogues", "registry", "calibration", "root_blocks", "version"):
        assert getattr(warm.knowledge, part) == getattr(fresh.knowledge, part), part
