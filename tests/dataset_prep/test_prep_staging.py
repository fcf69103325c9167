"""Staged tables and line files: what is read, what is left out, what a kill leaves."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import zlib
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
from pyarrow import parquet
from recbole_cammsr.dataset_prep.line_files import LineFile
from recbole_cammsr.dataset_prep.staging import (
    INTERACTIONS,
    ITEMS,
    UNUSABLE_ITEM,
    UNUSABLE_USER,
    StagingWriter,
    read_report,
)

from recbole_cammsr.run import atomic_write


def test_rows_keep_their_order_across_batches(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged", rows_per_batch=3) as writer:
        for index in range(10):
            writer.interaction(f"u{index % 4}", f"i{index}", index / 2, 100 - index)
    table = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pydict()
    assert table["row"] == list(range(10))
    assert table["item"] == [f"i{index}" for index in range(10)]
    assert table["timestamp"] == [100.0 - index for index in range(10)]


def test_unusable_ids_and_numbers_are_counted_not_written(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        writer.interaction("NA", "a")
        writer.interaction("u", "a\tb")
        writer.interaction("u", "a", float("nan"), float("inf"))
        writer.item("", title="no token")
        writer.item("b")
        writer.skip("line is not JSON", 2)
        writer.note("meta.gz ends early")
        writer.warn("items stand twice")
        writer.doubt_times("times may be milliseconds")
    report = read_report(tmp_path / "staged")
    assert report["skipped"] == {UNUSABLE_USER: 1, UNUSABLE_ITEM: 2, "line is not JSON": 2}
    assert report["notes"] == ["meta.gz ends early"]
    assert report["warnings"] == ["items stand twice"]
    assert report["time_doubts"] == ["times may be milliseconds"]
    assert (report["interactions"], report["items"]) == (1, 1)
    assert report["examples"] == {
        UNUSABLE_USER: "'NA' (read as missing)",
        UNUSABLE_ITEM: r"'a\tb' (holds a tab, line break or double quote)",
    }
    (row,) = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pylist()
    assert row == {"row": 0, "user": "u", "item": "a", "rating": None, "timestamp": None}


def test_ids_that_differ_in_half_a_pair_are_left_out_not_joined(tmp_path: Path) -> None:
    """As JSON may spell them: in a file both would be ``a?``."""
    halves = json.loads(r'["a\ud83d", "a\ud83e"]')
    with StagingWriter(tmp_path / "staged") as writer:
        for half in halves:
            writer.interaction(half, "i")
            writer.interaction("u", half)
            writer.item(half, title="T")
        writer.interaction("u", "i")
    report = read_report(tmp_path / "staged")
    assert report["skipped"] == {UNUSABLE_USER: 2, UNUSABLE_ITEM: 4}
    assert report["examples"][UNUSABLE_USER] == r"'a\ud83d' (holds half a surrogate pair)"
    (row,) = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pylist()
    assert (row["user"], row["item"]) == ("u", "i")


def test_an_item_whose_id_cannot_be_used_is_shown(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        writer.item("nan", title="T")
    report = read_report(tmp_path / "staged")
    assert report["skipped"] == {UNUSABLE_ITEM: 1}
    assert report["examples"] == {UNUSABLE_ITEM: "'nan' (read as missing)"}


def test_item_fields_survive_half_surrogates_and_blanks_in_references(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        writer.item("a", title="half \ud83d pair", categories=[["x", "y"], []], image="my cat.jpg")
        writer.item("b", title="", image=["one.jpg", " ", "two.jpg"])
        writer.item("c", title="", description="", brand="", categories=[[]], image=" ")
        writer.item("d", description="D", brand="B", categories="label")
    first, second, empty, last = parquet.read_table(tmp_path / "staged" / ITEMS).to_pylist()
    assert first["title"] == "half ? pair"
    assert json.loads(first["categories"]) == [["x", "y"]]
    assert first["image"] == "my%20cat.jpg"
    assert second == {
        "item": "b",
        "title": None,
        "description": None,
        "brand": None,
        "categories": None,
        "image": "one.jpg two.jpg",
    }
    assert empty == {**dict.fromkeys(second), "item": "c"}
    assert (last["description"], last["brand"], last["categories"]) == ("D", "B", '"label"')


def test_an_error_leaves_the_older_folder_and_success_replaces_it(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        writer.interaction("u", "old")

    def fail() -> None:
        with StagingWriter(tmp_path / "staged") as writer:
            writer.interaction("u", "new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["staged"]
    table = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pydict()
    assert table["item"] == ["old"]
    with StagingWriter(tmp_path / "staged") as writer:
        writer.interaction("u", "new")
    table = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pydict()
    assert table["item"] == ["new"]


@pytest.mark.parametrize("name", ["staged", ".staged"])
def test_a_folder_in_the_making_has_the_name_that_preparation_removes(
    name: str, tmp_path: Path
) -> None:
    with StagingWriter(tmp_path / "new" / name):
        assert [path.name for path in (tmp_path / "new").iterdir()] == [".staged.partial"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_remains_of_a_killed_run_do_not_enter_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".staged.partial").mkdir()
    (tmp_path / ".staged.partial" / "stray").write_text("x")
    with StagingWriter(tmp_path / "staged"):
        pass
    assert not (tmp_path / "staged" / "stray").exists()


def test_undecodable_bytes_are_replaced_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "reviews.txt"
    path.write_bytes(b"plain\r\ncaf" + b"\xe9\nline\xe2\x80\xa8sep\nlast")
    lines = LineFile(path)
    assert list(lines) == ["plain", "caf\ufffd", "line\u2028sep", "last"]
    assert (lines.lines, lines.undecodable, lines.cut) == (4, 1, False)
    assert lines.findings()[0].endswith("not utf-8, which became U+FFFD: 1")


def test_lines_before_the_cut_of_a_gzip_stream_are_used(tmp_path: Path) -> None:
    generator = random.Random(0)
    text = [f"{index} {generator.random()}" for index in range(20_000)]
    content = gzip.compress("\n".join(text).encode())
    # Named without .gz: gzip is recognised by content.
    path = tmp_path / "reviews.json"
    path.write_bytes(content[: len(content) // 2])
    lines = LineFile(path)
    read = list(lines)
    assert lines.cut
    assert read == text[: len(read)]
    assert len(read) > 0.45 * len(text)
    assert "cut or damaged" in lines.findings()[0]


def test_whole_gzip_file_has_no_findings(tmp_path: Path) -> None:
    path = tmp_path / "reviews.json.gz"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    lines = LineFile(path)
    assert list(lines) == ["a", "b"]
    assert lines.findings() == []


def test_the_first_cause_is_told_where_a_file_cannot_be_written(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    generator = random.Random(0)

    def fill() -> None:
        with StagingWriter(tmp_path / "staged", rows_per_batch=1000) as writer:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
            while True:
                writer.interaction(str(generator.random()), str(generator.random()))

    try:
        # As on a full disk, the file cannot be closed either, which says nothing of the cause.
        with pytest.raises(OSError, match="File too large") as caught:
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Path(caught.value.filename).name == INTERACTIONS
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("zipped", [False, True])
def test_a_byte_order_mark_is_no_part_of_the_first_line(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    content = b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"
    path.write_bytes(gzip.compress(content) if zipped else content)
    # Further down it is a character of the text.
    assert list(LineFile(path)) == ["a", "\ufeffb"]
    assert next(iter(LineFile(path, "latin-1"))) == "\xef\xbb\xbfa"


def test_a_folder_is_put_in_place_where_folders_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, which opens no folder and flushes no file that is open for reading only."""
    fcntl = pytest.importorskip("fcntl")
    open_file, flush = os.open, os.fsync

    def open_as_windows(path: str, *arguments: int, **more: int) -> int:
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open_file(path, *arguments, **more)

    def flush_as_windows(handle: int) -> None:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flush(handle)

    monkeypatch.setattr(atomic_write, "_FOLDERS_OPEN", False)
    monkeypatch.setattr(os, "open", open_as_windows)
    monkeypatch.setattr(os, "fsync", flush_as_windows)
    with StagingWriter(tmp_path / "staged") as writer:
        writer.interaction("u", "a")
    monkeypatch.undo()
    assert parquet.read_table(tmp_path / "staged" / INTERACTIONS).num_rows == 1


def test_files_and_folders_are_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_ino))
    with StagingWriter(tmp_path / "staged") as writer:
        writer.interaction("u", "a")
    staged = {path.stat().st_ino for path in (tmp_path / "staged").iterdir()}
    assert len(staged) == 3
    assert staged < set(flushed)
    if os.name == "posix":
        assert {(tmp_path / "staged").stat().st_ino, tmp_path.stat().st_ino} < set(flushed)


def test_ratings_and_times_of_zero_are_no_gaps(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        writer.interaction("u", "a", 0.0, 0.0)
        writer.interaction("u", "b", -0.5, -1.0)
        writer.interaction("u", "c")
    table = parquet.read_table(tmp_path / "staged" / INTERACTIONS).to_pydict()
    assert table["rating"] == [0.0, -0.5, None]
    assert table["timestamp"] == [0.0, -1.0, None]


def test_references_and_paths_keep_their_order(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        writer.item("a", categories=[["z"], ["b", "a"], ["c"]], image=["z.jpg", "a.jpg", "m.jpg"])
    (row,) = parquet.read_table(tmp_path / "staged" / ITEMS).to_pylist()
    assert json.loads(row["categories"]) == [["z"], ["b", "a"], ["c"]]
    assert row["image"] == "z.jpg a.jpg m.jpg"


def test_the_first_example_of_a_reason_is_kept(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        for example in ("", "one", "two"):
            writer.skip("odd", example=example)
    report = read_report(tmp_path / "staged")
    assert (report["skipped"], report["examples"]) == ({"odd": 3}, {"odd": "one"})


@pytest.mark.parametrize("place", ["data", "checksum", "behind"])
def test_lines_before_the_damage_of_a_gzip_stream_are_used(place: str, tmp_path: Path) -> None:
    generator = random.Random(0)
    text = [f"{index} {generator.random()}" for index in range(20_000)]
    packer = zlib.compressobj(wbits=31)
    content = packer.compress("".join(f"{line}\n" for line in text).encode())
    # After a whole block there is no other one that begins so.
    content += packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 20 if place == "data" else packer.flush()
    if place == "checksum":
        content = content[:-8] + bytes(4) + content[-4:]
    elif place == "behind":
        content += b"no gzip"
    (tmp_path / "x.json.gz").write_bytes(content)
    lines = LineFile(tmp_path / "x.json.gz")
    read = list(lines)
    assert lines.cut
    assert len(read) > 0.75 * len(text)
    assert read == text[: len(read)]


def test_another_spelling_of_utf_8_has_the_same_mark(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfuser_id\nu\n")
    for name in ("UTF8", "utf_8", "U8"):
        assert list(LineFile(tmp_path / "x.txt", name)) == ["user_id", "u"]


def test_a_second_reading_counts_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"caf\xe9\none\rline\n\xe9\n")
    lines = LineFile(path)
    for _ in range(2):
        assert list(lines) == ["caf\ufffd", "one\rline", "\ufffd"]
        assert (lines.lines, lines.undecodable, lines.cut) == (3, 2, False)
    for content, cut in ((gzip.compress(b"a\n")[:-8], True), (b"a\n", False)):
        path.write_bytes(content)
        assert (list(lines), lines.lines, lines.cut) == (["a"], 1, cut)
    assert lines.findings() == []
