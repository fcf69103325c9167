"""Downloads against hostile servers on loopback: every bad link costs its item, never the run."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep import downloaded_image
from recbole_cammsr.dataset_prep.item_links import first_link
from recbole_cammsr.dataset_prep.public_address import is_public

pytest.importorskip("aiohttp")
from recbole_cammsr.dataset_prep.download_journal import JOURNAL, read_journal
from recbole_cammsr.dataset_prep.http_fetch import FetchError, Limits, fetch, open_session
from recbole_cammsr.dataset_prep.image_download import download_images

QUICK = Limits(
    concurrency=4,
    connect_seconds=2,
    read_seconds=2,
    total_seconds=2,
    max_bytes=5000,
    tries=3,
    backoff_seconds=0.01,
    allow_private_hosts=True,
)
# A server that answers nothing or a byte at a time must cost this and no more.
IMPATIENT = Limits(
    connect_seconds=0.3, read_seconds=0.3, total_seconds=0.6, tries=1, allow_private_hosts=True
)


class Handler(BaseHTTPRequestHandler):
    """Answers by path; counts requests."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        server = self.server
        server.seen[self.path] = server.seen.get(self.path, 0) + 1
        name = self.path.strip("/")
        if name in server.bodies:
            self.answer(200, server.bodies[name])
        elif name.startswith("good"):
            self.answer(200, server.image)
        elif name.startswith("slow"):
            time.sleep(0.25)
            self.answer(200, server.image)
        elif name == "down":
            self.answer(503 if server.down else 200, server.image)
        elif name == "moved":
            self.answer(302, Location="/good-moved")
        elif name == "file":
            self.answer(302, Location="file:///etc/hostname")
        elif name == "circle":
            self.answer(301, Location="/circle")
        elif name == "private":
            self.answer(302, Location="http://169.254.169.254/latest/meta-data")
        elif name == "huge":
            self.answer(200, bytes(6000))
        elif name == "endless":
            self.answer_endlessly()
        elif name == "zipped":
            self.answer(200, server.image, Content_Encoding="gzip")
        elif name == "short":
            self.answer(200, server.image[:20], Content_Length="500")
        elif name == "html":
            self.answer(200, b"<html>not here</html>")
        elif name == "flaky":
            flaky = server.seen[self.path] < 3
            self.answer(503 if flaky else 200, server.image, Retry_After="0")
        elif name == "busy":
            self.answer(429)
        else:
            self.answer(404)

    def answer_endlessly(self) -> None:
        """No length, and more than is allowed."""
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(bytes(1000))
        except OSError:
            return


@pytest.fixture
def server(encode_image) -> Iterator[ThreadingHTTPServer]:
    """An HTTP server on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.image = encode_image(colour=(9, 8, 7))
    server.seen = {}
    server.bodies = {}
    server.down = False
    server.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def raw_server() -> Iterator:
    """A function that starts a socket on loopback which a function serves."""
    sockets, threads, stop = [], [], threading.Event()

    def start(serve) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.05)
        sockets.append(listener)

        def accept() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:  # a time limit has its own class before Python 3.10
                    continue
                with connection:
                    try:
                        serve(connection, stop)
                    except OSError:
                        continue

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    stop.set()
    for thread in threads:
        thread.join()
    for listener in sockets:
        listener.close()


def outcome(url: str, limits: Limits = QUICK) -> bytes | str:
    """Body of a URL, or the reason why there is none."""

    async def run() -> bytes | str:
        async with open_session(limits) as session:
            try:
                return await fetch(session, url, limits)
            except FetchError as error:
                return str(error)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("file", "scheme 'file' is not http or https"),
        ("circle", "more than 5 redirects"),
        ("huge", "larger than 5000 bytes"),
        ("endless", "larger than 5000 bytes"),
        ("zipped", "compressed although that was not asked for"),
        ("short", "connection broken off (3 tries)"),
        ("busy", "HTTP status 429 (3 tries)"),
        ("none", "HTTP status 404"),
    ],
)
def test_bad_answers_give_their_reason(server, path, reason):
    assert outcome(f"{server.root}/{path}") == reason
    assert server.seen[f"/{path}"] == (6 if path == "circle" else 3 if "3 tries" in reason else 1)


def test_good_answers(server):
    for path in ("good", "moved", "flaky"):
        assert outcome(f"{server.root}/{path}") == server.image
    assert server.seen["/flaky"] == 3


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/hostname", "scheme 'file' is not http or https"),
        ("ftp://example.org/a.png", "scheme 'ftp' is not http or https"),
        ("data:image/png;base64,AAAA", "scheme 'data' is not http or https"),
        (
            "/etc/hostname",
            "not a link to http or https; files are given with --images FOLDER --file-field FIELD",
        ),
        ("http:///a.png", "no host in the URL"),
        ("http://127.1/", "host 127.1 is an address in an unusual spelling"),
        ("http://2130706433/", "host 2130706433 is an address in an unusual spelling"),
        ("http://0x7f.0x1/", "host 0x7f.0x1 is an address in an unusual spelling"),
        ("http://127.0.0.1./", "host 127.0.0.1. is an address in an unusual spelling"),
        ("http://\u2460\u2461\u2466.0.0.1/", "address 127.0.0.1 is not on the public internet"),
        ("http://[::1", "not a URL"),
        ("http://10.0.0.1/a.png", "address 10.0.0.1 is not on the public internet"),
        ("http://[::ffff:127.0.0.1]/", "address ::ffff:7f00:1 is not on the public internet"),
    ],
)
def test_links_that_are_refused_without_a_request(url, reason):
    assert outcome(url, Limits(tries=1)) == reason


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]"]
)
def test_loopback_is_refused_however_it_is_written(server, host):
    found = outcome(f"http://{host}:{server.server_port}/good", Limits(tries=1))
    assert re.search("is not on the public internet|in an unusual spelling", str(found))
    assert not server.seen


def test_redirects_to_private_addresses_are_refused(server, monkeypatch):
    from recbole_cammsr.dataset_prep import http_fetch

    # The first request must get through: only the server's own address counts as public.
    monkeypatch.setattr(http_fetch, "is_public", lambda address: address == "127.0.0.1")
    found = outcome(f"{server.root}/private", Limits(tries=1))
    assert found == "address 169.254.169.254 is not on the public internet"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::7f00:1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("fec0::2", False),
        ("4000::1", False),
        ("example.org", False),
    ],
)
def test_public_addresses(address, public):
    assert is_public(address) is public


@given(st.ip_addresses(v=4))
def test_wrapping_does_not_make_an_address_public(address):
    plain = is_public(str(address))
    assert is_public(f"::ffff:{address}") is plain
    assert is_public(f"64:ff9b::{int(address) >> 16:x}:{int(address) & 0xFFFF:x}") is plain


def test_servers_that_keep_one_waiting(raw_server):
    def silent(connection, stop) -> None:
        stop.wait(5)

    def byte_by_byte(text: bytes):
        def serve(connection, stop) -> None:
            for byte in text:
                connection.sendall(bytes([byte]))
                if stop.wait(0.1):
                    return

        return serve

    body = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + bytes(4000)
    trickle_body = byte_by_byte(body)

    def quick_head(connection, stop) -> None:
        connection.sendall(body[:45])
        trickle_body(connection, stop)

    for serve in (silent, byte_by_byte(body), quick_head):
        start = time.monotonic()
        reason = outcome(raw_server(serve), IMPATIENT)
        assert reason in ("no answer in time (1 tries)", "no complete answer in 0.6 s (1 tries)")
        # Generous, since the machine may be busy; a trickled body alone would take minutes.
        assert time.monotonic() - start < 15


def test_time_in_the_queue_before_a_host_is_no_time_of_a_try(server):
    limits = Limits(per_host=1, total_seconds=1.6, tries=1, allow_private_hosts=True)

    async def run() -> list[bytes]:
        async with open_session(limits) as session:
            links = [f"{server.root}/slow{number}" for number in range(9)]
            return await asyncio.gather(*(fetch(session, link, limits) for link in links))

    # Each takes a quarter of a second, all one after the other more than a try may.
    assert asyncio.run(run()) == [server.image] * 9


def test_what_is_no_http(raw_server):
    def noise(connection, stop) -> None:
        connection.recv(1000)
        connection.sendall(b"\x00\xff" * 40 + b"\r\n\r\n")

    def hang_up(connection, stop) -> None:
        connection.recv(1000)

    assert outcome(raw_server(noise), IMPATIENT).startswith("not a sound HTTP answer")
    assert outcome(raw_server(hang_up), IMPATIENT) == "connection broken off (1 tries)"


def test_limits_that_allow_nothing():
    for wrong in ({"tries": 0}, {"max_bytes": 0}, {"total_seconds": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Limits(**wrong)


def test_journal_is_taken_over_and_passing_failures_tried_again(server, tmp_path):
    links = [(name, f"{server.root}/{name}") for name in ("good1", "good2", "none", "busy")]
    counts = download_images(links, tmp_path, QUICK)
    assert (counts.fetched, counts.kept, counts.failed) == (2, 0, 2)
    # A writer killed in its line, and a line that names a file elsewhere.
    with (tmp_path / JOURNAL).open("a") as journal:
        entry = {"item_id": "x", "url": "u", "file": "../../x", "sha256": "", "reason": None}
        journal.write(json.dumps({**entry, "passing": False}) + '\n{"item_id": "good1", "ur')
    server.seen.clear()
    counts = download_images(links, tmp_path, QUICK)
    assert (counts.fetched, counts.kept, counts.failed) == (0, 2, 2)
    assert server.seen == {"/busy": 3}
    assert set(read_journal(tmp_path)) == {"good1", "good2", "none", "busy"}
    # Another link for the same item, and a file that went away.
    kept = read_journal(tmp_path)["good2"].file
    (tmp_path / kept).unlink()
    links[0] = ("good1", f"{server.root}/good3")
    server.seen.clear()
    assert download_images(links[:2], tmp_path, QUICK).fetched == 2
    assert server.seen == {"/good3": 1, "/good2": 1}


def test_command_from_links_to_features(server, tmp_path, monkeypatch, run_prep, capsys):
    torch = pytest.importorskip("torch")
    from recbole_cammsr.dataset_prep.commands import encode_images
    from recbole_cammsr.dataset_prep.image_model import TorchImageModel

    model = TorchImageModel(torch.nn.Identity(), 4, (0, 0, 0), (1, 1, 1))
    monkeypatch.setattr(encode_images, "load_image_model", lambda *_: model)
    secret = tmp_path / "secret.png"
    secret.write_bytes(server.image)
    links = {
        "a": [f"{server.root}/good"],
        "../b": [f"{server.root}/moved", "unused"],
        "page": f"{server.root}/html",
        "gone": f"{server.root}/none",
        "local": secret.as_uri(),
        "none": None,
    }
    items = tmp_path / "toy.jsonl"
    items.write_text(
        "".join(json.dumps({"item_id": k, "imUrl": v}) + "\n" for k, v in links.items())
    )
    output = tmp_path / "out"
    arguments = ["--dataset", "toy", "--output", output, "--items", items, "--url-field", "imUrl"]
    arguments += ["--allow-private-hosts", "--backoff-seconds", "0.01", "--quiet"]
    run_prep("encode-images", *arguments)
    with np.load(output / "toy.image.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["../b", "a"]
        np.testing.assert_allclose(arrays["feature"], np.tile([9, 8, 7], (2, 1)) / 255, atol=1e-3)
    rows = (output / "toy.image.verdicts.tsv").read_text().splitlines()
    reasons = {row.split("\t")[0]: row.split("\t")[1::2] for row in rows[1:]}
    assert reasons["a"] == reasons["../b"] == ["encoded", ""]
    assert reasons["none"] == ["missing", "no image"]
    assert reasons["gone"] == ["missing", f"{server.root}/none: HTTP status 404"]
    local = f"{secret.as_uri()}: scheme 'file' is not http or https"
    assert reasons["local"] == ["missing", local]
    assert "not a sound file of JPEG" in reasons["page"][1]
    # Nothing outside the output folder was written.
    assert {path.name for path in tmp_path.iterdir()} == {"out", "secret.png", "toy.jsonl"}
    server.seen.clear()
    capsys.readouterr()
    run_prep("encode-images", *arguments)
    assert "up to date, nothing to do" in capsys.readouterr().out
    # What came in place of an image may have been a page that asks for patience.
    assert server.seen == {"/html": 1}
    # The download folder stands for a folder of images from now on.
    again = ["--images", output / "toy.image.downloads", "--items", items, "--modality", "again"]
    run_prep("encode-images", "--dataset", "toy", "--output", output, *again, "--quiet")
    first, second = (output / f"toy.{name}.npz" for name in ("image", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_refusals_of_a_limit_end_with_it(server, tmp_path):
    links = [("a", f"{server.root}/good"), ("b", f"{server.root}/none")]
    small = replace(QUICK, max_bytes=20)

    def run(limits: Limits, **more: bool) -> tuple[int, int, dict[str, int]]:
        server.seen.clear()
        counts = download_images(links, tmp_path, limits, **more)
        return counts.fetched, counts.failed, dict(server.seen)

    assert run(replace(QUICK, allow_private_hosts=False)) == (0, 2, {})
    assert run(replace(QUICK, allow_private_hosts=False)) == (0, 2, {})
    assert run(small) == (0, 2, {"/good": 1, "/none": 1})
    assert run(small) == (0, 2, {})
    assert run(small, retry_all=True) == (0, 2, {"/good": 1, "/none": 1})
    assert run(QUICK) == (1, 1, {"/good": 1})
    assert run(QUICK) == (0, 1, {})


PAGE = b"<html><body>are you a robot?</body></html>"


@pytest.mark.parametrize("body", [PAGE, b"", b"{}", b"<svg/>", b"%PDF-1.7\n"])
def test_answer_that_is_no_image_is_a_failure_that_may_pass(server, tmp_path, body):
    links = [("a", f"{server.root}/captcha")]
    server.bodies["captcha"] = body
    counts = download_images(links, tmp_path, QUICK)
    assert (counts.fetched, counts.failed, counts.passing) == (0, 1, 1)
    entry = read_journal(tmp_path)["a"]
    assert entry.reason.startswith("what came is not a sound file of JPEG")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [JOURNAL]
    server.bodies["captcha"] = server.image
    counts = download_images(links, tmp_path, QUICK)
    assert (counts.fetched, counts.failed) == (1, 0)
    assert (tmp_path / read_journal(tmp_path)["a"].file).read_bytes() == server.image


def test_every_format_that_can_be_decoded_is_kept(server, tmp_path, encode_image):
    for kind in ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        server.bodies[kind] = encode_image(kind=kind)
    server.bodies["pixel"] = encode_image(size=(1, 1))
    server.bodies["grey"] = encode_image("I;16", kind="TIFF")
    links = [(name, f"{server.root}/{name}") for name in server.bodies]
    assert download_images(links, tmp_path, QUICK).fetched == len(links)
    server.seen.clear()
    assert download_images(links, tmp_path, QUICK, retry_all=True).kept == len(links)
    assert not server.seen


def test_files_that_cannot_be_decoded_are_asked_for_again_when_all_failures_are(server, tmp_path):
    links = [(name, f"{server.root}/good-{name}") for name in ("whole", "page", "cut")]
    download_images(links, tmp_path, QUICK)
    files = {name: tmp_path / read_journal(tmp_path)[name].file for name, _ in links}
    # As an earlier version has left them.
    files["page"].write_bytes(PAGE)
    files["cut"].write_bytes(server.image[:-30])
    server.seen.clear()
    assert download_images(links, tmp_path, QUICK).kept == 3
    assert not server.seen
    advanced: list[int] = []
    counts = download_images(links, tmp_path, QUICK, advanced.append, retry_all=True)
    assert server.seen == {"/good-page": 1, "/good-cut": 1}
    assert (counts.fetched, counts.kept, counts.failed, sum(advanced)) == (2, 1, 0, 3)
    assert {path.read_bytes() for path in files.values()} == {server.image}
    # One that comes as before is no image of the item any more.
    files["page"].write_bytes(PAGE)
    server.bodies["good-page"] = PAGE
    counts = download_images(links, tmp_path, QUICK, retry_all=True)
    assert (counts.kept, counts.failed) == (2, 1)
    assert read_journal(tmp_path)["page"].file is None


def test_command_tries_links_again_and_leaves_out_those_that_are_gone(
    server, tmp_path, monkeypatch, run_prep, capsys
):
    torch = pytest.importorskip("torch")
    from recbole_cammsr.dataset_prep.commands import encode_images
    from recbole_cammsr.dataset_prep.image_model import TorchImageModel

    model = TorchImageModel(torch.nn.Identity(), 4, (0, 0, 0), (1, 1, 1))
    monkeypatch.setattr(encode_images, "load_image_model", lambda *_: model)
    items, output = tmp_path / "toy.csv", tmp_path / "toy.image.npz"
    arguments = ["--dataset", "toy", "--output", tmp_path, "--items", items, "--url-field", "u"]
    arguments += ["--allow-private-hosts", "--backoff-seconds", "0.01", "--tries", "2", "--quiet"]

    def run(*paths: str) -> tuple[list[str], str]:
        rows = [f"{number},{path and server.root + path}" for number, path in enumerate(paths)]
        items.write_text("\n".join(["item_id,u", *rows]) + "\n")
        server.seen.clear()
        run_prep("encode-images", *arguments)
        with np.load(output, allow_pickle=False) as arrays:
            return arrays["item_id"].tolist(), capsys.readouterr().out

    server.down = True
    encoded, printed = run("/good", "/moved", "/down", "/none")
    assert encoded == ["0", "1"]
    assert re.search(r"not to be had +2\n +of these tried again by the next run +1\n", printed)
    made = output.stat().st_mtime_ns
    assert "up to date" in run("/good", "/moved", "/down", "/none")[1]
    assert server.seen == {"/down": 2}
    assert output.stat().st_mtime_ns == made
    server.down = False
    encoded, printed = run("/good", "/moved", "/down", "/none")
    assert encoded == ["0", "1", "2"]
    assert "images changed since it was made" in printed
    assert server.seen == {"/down": 1}
    assert "up to date" in run("/good", "/moved", "/down", "/none")[1]
    assert not server.seen
    # The pictures of two links that are gone still lie in the folder.
    assert run("/good", "", "/none", "/none")[0] == ["0"]
    verdicts = (tmp_path / "toy.image.verdicts.tsv").read_text().splitlines()
    assert "1\tmissing\t\tno image" in verdicts
    assert f"2\tmissing\t\t{server.root}/none: HTTP status 404" in verdicts
    # Another data set may have left a failure for an item that has no link here.
    assert run("/good", "", "/none", "")[0] == ["0"]
    assert "3\tmissing\t\tno image" in (tmp_path / "toy.image.verdicts.tsv").read_text()


def test_list_of_hostile_links_leaves_a_reason_for_each_item(
    raw_server, tmp_path, monkeypatch, run_prep
):
    from recbole_cammsr.dataset_prep.commands import encode_images

    class Network:
        """Never asked for a feature."""

        def fingerprint(self) -> str:
            return "network"

    monkeypatch.setattr(encode_images, "load_image_model", lambda *_: Network())
    url = raw_server(lambda connection, stop: stop.wait(5))
    (tmp_path / "secret.png").write_bytes(b"x")
    links = {"local": (tmp_path / "secret.png").as_uri(), "silent": url}
    items = tmp_path / "toy.jsonl"
    items.write_text("".join(json.dumps({"item_id": k, "u": v}) + "\n" for k, v in links.items()))
    arguments = ["--dataset", "toy", "--output", tmp_path, "--items", items, "--url-field", "u"]
    arguments += ["--allow-private-hosts", "--tries", "1", "--total-seconds", "0.3", "--quiet"]
    with pytest.raises(ValueError, match=r"no image in it"):
        run_prep("encode-images", *arguments)
    rows = (tmp_path / "toy.image.verdicts.tsv").read_text().splitlines()[1:]
    reasons = dict(row.split("\t")[::3] for row in rows)
    assert reasons["local"] == f"{links['local']}: scheme 'file' is not http or https"
    assert reasons["silent"] == f"{url}: no complete answer in 0.3 s (1 tries)"


def test_first_link():
    assert first_link(None) == first_link([]) == first_link("  ") == ""
    assert first_link(" http://a http://b ") == "http://a"
    assert first_link([None, "", ["http://c"]]) == "http://c"


def test_first_link_of_an_object_is_its_largest_image():
    sizes = {"thumb": "http://t", "large": "http://l", "hi_res": "http://h", "variant": "MAIN"}
    assert first_link([sizes, {"hi_res": "http://other"}]) == "http://h"
    assert first_link([{**sizes, "hi_res": None}]) == "http://l"
    assert first_link({"variant": "MAIN", "thumb": "http://t"}) == "http://t"
    assert first_link([{"variant": "MAIN"}, sizes]) == "http://h"


def test_first_link_of_an_object_of_lists_is_of_its_main_image():
    images = {"hi_res": [None, "http://2"], "large": ["http://1", None], "variant": ["MAIN"]}
    assert first_link(images) == "http://1"
    assert first_link({**images, "variant": ["PT01", "MAIN"]}) == "http://2"
    assert first_link({"hi_res": None, "large": [], "variant": None}) == ""


@pytest.mark.parametrize(
    ("value", "link"),
    [
        ("http://h/img/a b.jpg", "http://h/img/a%20b.jpg"),
        (["http://h/a b.jpg", "http://h/c.jpg"], "http://h/a%20b.jpg"),
        ("http://h/a b.jpg  HTTPS://h/c d.jpg", "http://h/a%20b.jpg"),
        ({"large": "http://h/a\u00a0b.jpg"}, "http://h/a%C2%A0b.jpg"),
        ("http://h/a%20b.jpg\nhttp://h/c.jpg", "http://h/a%20b.jpg"),
    ],
)
def test_blank_within_a_link_is_part_of_it(value, link):
    assert first_link(value) == link


def test_folder_of_downloads_needs_its_files(tmp_path: Path, encode_image):
    from recbole_cammsr.dataset_prep.image_source import open_images

    (tmp_path / "ab").mkdir()
    names = [f"ab/{'ab' * 20}", f"ab/{'ac' * 20}"]
    (tmp_path / names[0]).write_bytes(encode_image())
    lines = [
        {"item_id": token, "url": "u", "file": file, "sha256": "s", "reason": None}
        for token, file in zip("xy", names)
    ]
    (tmp_path / JOURNAL).write_text(
        "".join(json.dumps({**line, "passing": False}) + "\n" for line in lines)
    )
    with open_images(tmp_path) as listing:
        assert [(x.token, x.read() == encode_image()) for x in listing.images] == [("x", True)]
        assert listing.refused == {"y": "u: its file is gone"}


@pytest.mark.parametrize(
    "line",
    [
        "3",
        "[]",
        "null",
        '{"item_id": "a"}',
        '{"item_id": "a", "ur',
        "\udcff\udcfe",
        *(
            json.dumps(
                {"item_id": "a", "url": "u", "file": file, "sha256": "s", "reason": None}
                | {"passing": False}
            )
            for file in (
                "../../x",
                f"ab/{'ab' * 20}/../../../x",
                f"../../ab/{'ab' * 20}",
                f"/ab/{'ab' * 20}",
                f"ab/{'ab' * 20}\n",
                f"ab/{'ab' * 21}",
                "",
            )
        ),
    ],
)
def test_a_line_of_the_journal_that_is_none_costs_no_other(line: str, tmp_path: Path):
    entries = [
        {"item_id": token, "url": url, "file": None, "sha256": None, "reason": "r", "passing": True}
        for token, url in (("b", "old"), ("c", "u"), ("b", "new"))
    ]
    rows = [json.dumps(entry) for entry in entries]
    content = "\n".join([rows[0], line, *rows[1:]]) + "\n"
    (tmp_path / JOURNAL).write_bytes(content.encode("utf-8", "surrogateescape"))
    found = read_journal(tmp_path)
    assert {token: entry.url for token, entry in found.items()} == {"b": "new", "c": "u"}


def test_the_journal_tells_when_the_image_of_a_link_has_changed(server, tmp_path, encode_image):
    links = [("a", f"{server.root}/picture")]
    digests = []
    for colour in ((1, 2, 3), (4, 5, 6)):
        server.bodies["picture"] = encode_image(colour=colour)
        assert download_images(links, tmp_path, QUICK).fetched == 1
        entry = read_journal(tmp_path)["a"]
        assert entry.sha256 == hashlib.sha256(server.bodies["picture"]).hexdigest()
        digests.append(entry.sha256)
        (tmp_path / entry.file).unlink()
    assert digests[0] != digests[1]


def test_verdicts_on_files_come_in_their_order(tmp_path, encode_image, monkeypatch):
    monkeypatch.setattr(downloaded_image, "_BLOCK", 3)
    sound = [number % 3 != 1 for number in range(8)]
    for number, good in enumerate(sound):
        content = encode_image(size=(40, 30), colour=(number, 0, 0))
        (tmp_path / f"{number}").write_bytes(content if good else content[:-30])
    paths = [tmp_path / f"{number}" for number in range(8)]
    assert list(downloaded_image.decodable(paths)) == sound
    assert list(downloaded_image.decodable([tmp_path / "absent", paths[0]])) == [False, True]


def test_formats_that_no_encoder_opens_are_no_images(encode_image, monkeypatch):
    """A picture whose format would run another program, or that nothing reads afterwards."""
    image_module = pytest.importorskip("PIL.Image")
    for kind in ("PPM", "EPS", "ICO"):
        assert not downloaded_image.is_image(encode_image(size=(32, 32), kind=kind))
    assert downloaded_image.is_image(encode_image(size=(40, 30))[:-30])
    # One that Pillow refuses for its size is an image all the same: the server means it.
    monkeypatch.setattr(image_module, "MAX_IMAGE_PIXELS", 30)
    assert downloaded_image.is_image(encode_image(size=(40, 30)))
