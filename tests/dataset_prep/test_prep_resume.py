"""Kill at any moment, run again: the files equal those of an uninterrupted run.

A kill is aimed at a moment counted in events (files opened, renamed or removed in the output
folder, batches encoded), so that every kind of moment is met whatever the machine's speed.
"""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

KILLS = 10


class Driver:
    """Runs a command in a child and says how it ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, module: str, arguments: list[str], folder: Path, kill_at: int = 0) -> int | None:
        """Number of events, or None for a child that was killed."""
        more = ["--output", str(folder), "--device", "cpu", "--quiet"]
        request = {
            "module": f"recbole_cammsr.dataset_prep.commands.{module}",
            "arguments": [*arguments, *more],
            "folder": str(folder),
            "kill_at": kill_at,
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if answer["killed"]:
            return None
        assert answer["events"] is not None, "the command failed, see stderr"
        return answer["events"]


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """The driver process."""
    script = Path(__file__).with_name("resume_driver.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "TOKENIZERS_PARALLELISM": "false"},
    ) as process:
        yield Driver(process)
        process.stdin.close()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill_test(run: Callable[..., int | None], tmp_path: Path, outputs: set[str]) -> None:
    """Kill at ten random moments, each in a folder of its own and all in one folder."""
    whole = tmp_path / "whole"
    events = run(whole)
    assert events is not None
    expected = contents(whole)
    assert set(expected) == outputs
    rng = random.Random(7)
    moments = sorted(rng.sample(range(1, events), KILLS))
    partly_done = 0
    for moment in moments:
        folder = tmp_path / f"killed{moment}"
        assert run(folder, moment) is None
        if folder.is_dir():
            left = [path for path in folder.iterdir() if not path.name.startswith(".")]
            assert all(path.read_bytes() == expected[path.name] for path in left)
            partly_done += any(folder.glob(".*.work/*.npz"))
        assert run(folder) is not None
        assert contents(folder) == expected
    # Most moments lie after the first chunk, else the test would show nothing.
    assert partly_done >= KILLS // 2
    folder = tmp_path / "often"
    for moment in rng.sample(range(1, events // 3), 3):
        run(folder, moment)
    assert run(folder) is not None
    assert contents(folder) == expected


def test_text_encoding_survives_kills(driver, tmp_path, with_pooling):
    rng = random.Random(0)
    items = tmp_path / "items.jsonl"
    with items.open("w") as file:
        for number in range(60):
            text = " ".join(rng.choices("abcdefghijklmn", k=rng.randrange(12)))
            file.write(json.dumps({"item_id": f"i{number}", "title": text}) + "\n")
    arguments = ["--dataset", "toy", "--items", str(items), "--fields", "title"]
    arguments += ["--text-encoder", str(with_pooling("mean", True))]
    arguments += ["--chunk-size", "9", "--tokens-per-batch", "40"]
    run = partial(driver.run, "encode_text", arguments)
    kill_test(run, tmp_path / "out", {"toy.text.npz", "toy.prep.json"})


def test_image_encoding_survives_kills(driver, tmp_path, encode_image):
    images = tmp_path / "images"
    images.mkdir()
    for number in range(40):
        data = encode_image(colour=(number, 5 * number, 7)) if number % 7 else b"torn"
        (images / f"{number:02d}.png").write_bytes(data)
    arguments = ["--dataset", "toy", "--images", str(images), "--chunk-size", "6"]
    arguments += ["--image-batch-size", "4", "--workers", "2"]
    run = partial(driver.run, "encode_images", arguments)
    outputs = {"toy.image.npz", "toy.image.verdicts.tsv", "toy.prep.json"}
    kill_test(run, tmp_path / "out", outputs)


def test_finished_is_a_no_op_and_changes_are_noticed(tmp_path, with_pooling, run_prep, capsys):
    items = tmp_path / "toy.item"
    items.write_text("item_id:token\ttitle:token_seq\n1\ta b\n2\tc\n")
    encoder = with_pooling("mean", False)
    fixed = ["--dataset", "toy", "--output", tmp_path, "--fields", "title", "--quiet"]
    fixed += ["--device", "cpu", "--text-encoder", encoder]
    output = tmp_path / "toy.text.npz"

    def run(*more: object) -> str:
        run_prep("encode-text", *fixed, *more)
        return capsys.readouterr().out

    run()
    first, made = output.read_bytes(), output.stat().st_mtime_ns
    assert "up to date, nothing to do" in run()
    assert output.stat().st_mtime_ns == made
    assert "--force: encoding again" in run("--force")
    assert output.read_bytes() == first
    assert "dtype changed since it was made: encoding again" in run("--dtype", "float16")
    items.write_text("item_id:token\ttitle:token_seq\n1\ta b\n2\td\n")
    assert "toy.item, dtype changed since it was made" in run()
    assert output.read_bytes() != first
    assert "fields changed since it was made" in run("--fields", "title,item_id")
    assert "fields, required field changed since it was made" in run("--require", "title")
    assert "item field, required field changed since" in run("--item-field", "title")
    with np.load(output, allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["a b", "d"]
    assert "item field changed since it was made" in run()
    config = encoder / "1_Pooling" / "config.json"
    config.write_text(json.dumps({"pooling_mode": "cls"}))
    assert "encoder content, pooling changed since it was made" in run()
    output.write_bytes(first)
    assert "toy.text.npz changed since it was made" in run()
    assert "up to date" in run()
    assert not list(tmp_path.glob(".*work"))


def test_texts_cut_are_counted_over_a_stop(tmp_path, with_pooling, run_prep, capsys, monkeypatch):
    from recbole_cammsr.dataset_prep.text_encoder import TextEncoder

    # Six words, the full stop that ends a sentence, [CLS] and [SEP] are nine tokens.
    sizes = (6, 7, 3, 8, 6, 9)
    titles = [" ".join("abcdefghi"[:size]) for size in sizes]
    rows = "".join(f"{number}\t{title}\n" for number, title in enumerate(titles))
    (tmp_path / "toy.item").write_text("item_id:token\ttitle:token_seq\n" + rows)
    arguments = ["--dataset", "toy", "--output", tmp_path, "--fields", "title", "--quiet"]
    arguments += ["--text-encoder", with_pooling("mean", False, 9)]
    arguments += ["--device", "cpu", "--chunk-size", "2"]
    encode, calls = TextEncoder.encode, []

    def fail_late(*values: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(*values, **named)

    monkeypatch.setattr(TextEncoder, "encode", fail_late)
    with pytest.raises(KeyboardInterrupt):
        run_prep("encode-text", *arguments)
    run_prep("encode-text", *arguments)
    printed = capsys.readouterr().out
    assert "2 of 3 chunks" in printed
    assert re.search(r"texts cut at 9 tokens +3\n", printed)
    record = json.loads((tmp_path / "toy.prep.json").read_text())
    assert record["stages"]["encode-text:text"]["counts"]["cut"] == 3


def test_only_parts_of_the_same_texts_and_settings_are_taken_over(
    tmp_path, with_pooling, run_prep, capsys, monkeypatch
):
    """A stopped run that goes on with a change gives the file of a run that began with it."""
    from recbole_cammsr.dataset_prep.text_encoder import TextEncoder

    items = tmp_path / "items.jsonl"
    rows = [{"item_id": str(n), "title": title} for n, title in enumerate(["a b", *"cdefg"])]
    encode, encoder = TextEncoder.encode, with_pooling("mean", False)

    def write(titles: dict[int, str]) -> None:
        changed = [{**row, "title": titles.get(n, row["title"])} for n, row in enumerate(rows)]
        items.write_text("".join(json.dumps(row) + "\n" for row in changed))

    def run(folder: Path, *more: str) -> str:
        given = ["--dataset", "toy", "--items", items, "--fields", "title", "--quiet"]
        given += ["--device", "cpu", "--chunk-size", "2", "--text-encoder", encoder]
        run_prep("encode-text", *given, "--output", folder, *more)
        return capsys.readouterr().out

    calls: list[int] = []

    def fail_late(*values: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(*values, **named)

    write({})
    with monkeypatch.context() as patch:
        patch.setattr(TextEncoder, "encode", fail_late)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped")
    changes = (({0: "n"}, [], 1), ({}, ["--max-length", "3"], 0), ({}, ["--dtype", "float16"], 2))
    for number, (titles, more, taken) in enumerate(changes):
        write(titles)
        again, fresh = tmp_path / f"again{number}", tmp_path / f"fresh{number}"
        shutil.copytree(tmp_path / "stopped", again)
        assert f"{taken} of 3 chunks" in run(again, *more)
        run(fresh, *more)
        assert contents(again) == contents(fresh)


def test_rows_of_all_parts_are_those_of_their_items(tmp_path, with_pooling, run_prep):
    """Chunks of two items, one with a single text, one with none, against one text at a time."""
    from recbole_cammsr.dataset_prep.text_encoder import TextEncoder

    texts = {"i1": "a b", "i0": "c", "i5": "d e f", "i3": "", "i4": "", "i2": "", "i6": "g h"}
    rows = "".join(f"{token}\t{text}\n" for token, text in texts.items())
    (tmp_path / "toy.item").write_text("item_id:token\ttitle:token_seq\n" + rows)
    folder = with_pooling("mean", True)
    given = ["--dataset", "toy", "--output", tmp_path, "--fields", "title", "--quiet"]
    given += ["--device", "cpu", "--text-encoder", folder, "--chunk-size", "2"]
    run_prep("encode-text", *given)
    encoder = TextEncoder.from_pretrained(str(folder))
    with np.load(tmp_path / "toy.text.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["i1", "i0", "i5", "i6"]
        for token, row in zip(arrays["item_id"].tolist(), arrays["feature"]):
            np.testing.assert_allclose(row, encoder.encode([f"{texts[token]}."])[0], atol=1e-6)
    record = json.loads((tmp_path / "toy.prep.json").read_text())
    counts = record["stages"]["encode-text:text"]["counts"]
    assert (counts["items"], counts["encoded"], counts["missing"]) == (7, 4, 3)


def test_full_disk_is_told_with_the_file(tmp_path, monkeypatch):
    from recbole_cammsr.dataset_prep.chunk_store import ChunkStore

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*\.x\.npz\.work.*key\.npz"):
        ChunkStore(tmp_path / "x.npz").save("key", {"feature": np.arange(3)})
