"""What knowledge files say, remembered from one start to the next."""

from pathlib import Path

import orjson
import pytest

from responder.document import ConfigErrors, load
from responder.library.document_cache import DocumentCache

TEXT = "a: [1, 2.5, true, null, 'x']\nb: &one {c: 12:30, d: 0x10}\ne: *one\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "file.yaml"
    made.write_text(TEXT)
    return made


def kept(folder: Path) -> Path:
    (one,) = folder.glob("documents-*.json")
    return one


def test_it_reads_what_yaml_says(file: Path, tmp_path: Path) -> None:
    for _ in range(2):
        cache = DocumentCache(tmp_path / "cache")
        assert cache.load(file, code="S100") == load(file, code="S100")
        cache.save()


def test_the_second_start_takes_what_the_first_found_and_a_changed_file_is_read_again(
    file: Path, tmp_path: Path
) -> None:
    first = DocumentCache(tmp_path)
    first.load(file, code="S100")
    first.save()
    (key,) = orjson.loads(kept(tmp_path).read_bytes())
    kept(tmp_path).write_bytes(orjson.dumps({key: "taken from the cache"}))
    again = DocumentCache(tmp_path)
    assert again.load(file, code="S100").data == "taken from the cache"
    file.write_text("a: 5")
    assert again.load(file, code="S100").data == {"a": 5}


@pytest.mark.parametrize("text", ["a: .inf", "a: .nan", f"a: {2**70}"])
def test_what_json_cannot_say_is_not_kept(file: Path, tmp_path: Path, text: str) -> None:
    file.write_text(text)
    cache = DocumentCache(tmp_path)
    assert str(cache.load(file, code="S100").data) == str(load(file).data)
    cache.save()
    assert not list(tmp_path.glob("documents-*.json"))


def test_an_error_names_its_place_with_and_without_it(file: Path, tmp_path: Path) -> None:
    for _ in range(2):
        cache = DocumentCache(tmp_path)
        document = cache.load(file, code="S100")
        assert document.place(("b", "d")) == load(file).place(("b", "d"))
        cache.save()
    file.write_text("a: 1\na: 2\n")
    for _ in range(2):
        cache = DocumentCache(tmp_path)
        with pytest.raises(ConfigErrors, match="occurs twice"):
            cache.load(file, code="S100")
        cache.save()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_damaged_cache_is_as_good_as_none(file: Path, tmp_path: Path, content: bytes) -> None:
    first = DocumentCache(tmp_path)
    first.load(file, code="S100")
    first.save()
    kept(tmp_path).write_bytes(content)
    assert DocumentCache(tmp_path).load(file, code="S100") == load(file, code="S100")
