"""Parts of a long computation: only a damaged one is deleted."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.chunk_store import ChunkStore


@pytest.fixture
def stored(tmp_path):
    """A store with one part, and the part's file."""
    store = ChunkStore(tmp_path / "x.npz")
    assert store.load("key") is None
    store.save("key", {"tokens": np.array(["a", "bc"]), "feature": np.arange(6.0).reshape(2, 3)})
    return store, next(store.folder.iterdir())


@pytest.mark.parametrize("cut", [0, 1, 30, 300])
def test_a_part_that_was_cut_is_computed_again(stored, cut):
    store, part = stored
    np.testing.assert_array_equal(store.load("key")["feature"], [[0, 1, 2], [3, 4, 5]])
    part.write_bytes(part.read_bytes()[:cut])
    assert store.load("key") is None
    assert not part.exists()


def test_a_part_with_a_changed_byte_is_whole_or_computed_again(stored):
    store, part = stored
    content = part.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x18
        part.write_bytes(changed)
        loaded = store.load("key")
        assert part.exists() == (loaded is not None)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_part_that_cannot_be_read_now_stays(stored, code, monkeypatch):
    store, part = stored

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(OSError, match=r"key\.npz") as caught:
        store.load("key")
    assert caught.value.errno == code
    assert part.exists()


def test_a_part_that_would_run_code_is_computed_again(stored):
    store, part = stored
    np.savez(part, feature=np.array([{"a": 1}], dtype=object))
    assert store.load("key") is None
    assert not part.exists()


def test_outputs_side_by_side_have_parts_of_their_own(tmp_path):
    text, image = (ChunkStore(tmp_path / f"d.{name}.npz") for name in ("text", "image"))
    for store, value in ((text, 1), (image, 2)):
        store.save("key", {"feature": np.array([value])})
    text.discard()
    assert text.load("key") is None
    assert image.load("key")["feature"].tolist() == [2]
