"""What a download folder keeps of answers that are made up: no server is asked."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from recbole_cammsr.dataset_prep import downloaded_image

pytest.importorskip("aiohttp")
from recbole_cammsr.dataset_prep import image_download
from recbole_cammsr.dataset_prep.download_journal import JOURNAL, read_journal
from recbole_cammsr.dataset_prep.http_fetch import FetchError, Limits
from recbole_cammsr.dataset_prep.image_download import download_images

LINKS = [(name, f"http://host/{name}") for name in "abcdef"]


@pytest.fixture
def asked(monkeypatch, encode_image) -> list[str]:
    """The links that were asked for; all but those that end in ``gone`` give an image."""
    links: list[str] = []

    async def fetch(session: object, url: str, limits: Limits) -> bytes:
        links.append(url)
        if url.endswith("gone"):
            raise FetchError("gone")
        return encode_image()

    monkeypatch.setattr(image_download, "fetch", fetch)
    return links


@pytest.mark.parametrize("earlier", [b"", b"{}\n", b'{"item_id": "x", "ur', b'{"item_id": "b"}\n'])
def test_what_a_killed_writer_left_costs_no_entry_after_it(asked, tmp_path, earlier):
    folder = tmp_path / "new" / "folder"
    folder.mkdir(parents=True)
    (folder / JOURNAL).write_bytes(earlier)
    assert download_images(LINKS, folder, Limits()).fetched == len(LINKS)
    assert (folder / JOURNAL).read_bytes().startswith(earlier)
    assert read_journal(folder).keys() == dict(LINKS).keys()
    asked.clear()
    assert download_images(LINKS, folder, Limits()).kept == len(LINKS)
    assert not asked


def test_each_item_is_counted_once_and_in_the_journal_before_the_next(asked, tmp_path):
    links = [*LINKS, ("none", "http://host/gone")]
    ticks: list[int] = []
    known: list[int] = []

    def advance(number: int) -> None:
        ticks.append(number)
        known.append(len(read_journal(tmp_path / "new" / "folder")))

    for counted in ((6, 0, 1, 0), (0, 6, 1, 0)):
        counts = download_images(links, tmp_path / "new" / "folder", Limits(), advance)
        assert (counts.fetched, counts.kept, counts.failed, counts.passing) == counted
    assert ticks == [1] * 14
    assert known == [*range(1, 8), *[7] * 7]


def test_as_many_links_at_a_time_as_the_limit_says(monkeypatch, tmp_path):
    waiting, most = 0, 0

    async def fetch(session: object, url: str, limits: Limits) -> bytes:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        for _ in range(20):
            await asyncio.sleep(0)
        waiting -= 1
        raise FetchError("gone")

    monkeypatch.setattr(image_download, "fetch", fetch)
    assert download_images(LINKS, tmp_path, Limits(concurrency=4)).failed == len(LINKS)
    assert most == 4


def test_links_that_no_text_can_hold_have_a_file_each(asked, tmp_path):
    """Half a pair of UTF-16, as JSON of broken text has it."""
    links = [("a", "http://host/\udcff"), ("b", "http://host/\udcfe")]
    assert download_images(links, tmp_path, Limits()).fetched == 2
    assert len({entry.file for entry in read_journal(tmp_path).values()}) == 2


def test_formats_are_known_before_any_other_image_was_opened(tmp_path, encode_image):
    (tmp_path / "a").write_bytes(encode_image(kind="TIFF"))
    code = (
        "import sys\n"
        "from recbole_cammsr.dataset_prep.downloaded_image import is_image\n"
        "print(is_image(open(sys.argv[1], 'rb').read()))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "True\n"


def test_a_pillow_without_a_format_knows_the_others(monkeypatch, encode_image):
    image_module = pytest.importorskip("PIL.Image")
    files = {kind: encode_image(kind=kind) for kind in ("PNG", "TIFF")}
    monkeypatch.delitem(image_module.OPEN, "TIFF")
    assert downloaded_image.is_image(files["PNG"])
    assert not downloaded_image.is_image(files["TIFF"])
    assert not downloaded_image.is_image(b"<html></html>")
