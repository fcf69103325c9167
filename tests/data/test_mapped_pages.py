"""Pages of a mapped file leave the process, and nothing else does."""

from __future__ import annotations

import mmap
import sys

import numpy as np
import pytest

from recbole_cammsr.data.mapped_pages import release_pages


@pytest.fixture
def mapped(tmp_path):
    values = np.arange(1 << 20, dtype=np.float32).reshape(-1, 256)
    np.save(tmp_path / "values.npy", values)
    return values, tmp_path / "values.npy"


def resident_kilobytes(path):
    with open("/proc/self/smaps", encoding="utf-8") as smaps:
        lines = smaps.read().splitlines()
    first = next(number for number, line in enumerate(lines) if line.endswith(str(path.resolve())))
    return next(int(line.split()[1]) for line in lines[first:] if line.startswith("Rss:"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_leave_and_values_stay(mapped):
    values, path = mapped
    source = np.load(path, mmap_mode="r")
    assert np.array_equal(source, values)
    before = resident_kilobytes(path)
    release_pages(np.asarray(source)[3:])  # a view of a view
    assert before > 4000
    assert resident_kilobytes(path) < 500
    assert np.array_equal(source, values)


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="no such advice on this system")
def test_changes_of_a_copy_on_write_map_are_kept(mapped):
    _, path = mapped
    source = np.load(path, mmap_mode="c")
    source[0, 0] = 7.0
    release_pages(source)
    assert source[0, 0] == 7.0


def test_arrays_in_memory_are_left_alone():
    values = np.ones((3, 2))
    release_pages(values[1:])
    assert values.sum() == 6.0


def test_a_system_without_the_advice_keeps_the_pages(mapped, monkeypatch):
    """Windows has none."""
    monkeypatch.delattr(mmap, "MADV_DONTNEED", raising=False)
    values, path = mapped
    source = np.load(path, mmap_mode="r")
    release_pages(source)
    assert np.array_equal(source, values)
