"""The generated data set: exact counts, the laws it follows, the same bytes for the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_cammsr.analysis.generated_data import (
    PRESETS,
    DataSize,
    apportion,
    history_lengths,
    item_counts,
    write_dataset,
)
from recbole_cammsr.data.formats import FeatureFile, read_features

SMALL = DataSize(users=60, items=90, interactions=700, modalities=2, dimension=5, categories=4)


def interactions(folder: Path) -> pd.DataFrame:
    frame = pd.read_csv(folder / f"{folder.name}.inter", sep="\t")
    frame.columns = [column.split(":")[0] for column in frame.columns]
    return frame


def test_counts_are_exact(tmp_path: Path) -> None:
    frame = interactions(write_dataset(SMALL, tmp_path))
    assert frame["user_id"].nunique() == SMALL.users
    assert frame["item_id"].nunique() == SMALL.items
    assert len(frame) == SMALL.interactions


def test_no_user_is_below_the_minimum_and_times_ascend(tmp_path: Path) -> None:
    frame = interactions(write_dataset(SMALL, tmp_path))
    assert frame["user_id"].value_counts().min() == SMALL.minimum_length
    gaps = frame["timestamp"].diff()[frame["user_id"] == frame["user_id"].shift()]
    assert len(gaps) == SMALL.interactions - SMALL.users
    assert (gaps > 0).all()


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_popularity_follows_zipf(exponent: float) -> None:
    size = replace(PRESETS["games"], zipf=exponent)
    counts = item_counts(size)
    assert counts.sum() == size.interactions
    rank = np.arange(1, 201)
    slope, _ = np.polyfit(np.log(rank), np.log(counts[:200] - 1), 1)
    assert slope == pytest.approx(-exponent, abs=0.03)


def test_zipf_of_zero_is_uniform() -> None:
    counts = item_counts(replace(SMALL, zipf=0.0))
    assert counts.max() - counts.min() <= 1


def test_lengths_are_log_normal_above_the_minimum() -> None:
    size = DataSize(users=20_000, items=10, interactions=2_000_000, length_sigma=0.8)
    lengths = history_lengths(size, np.random.default_rng(1))
    assert lengths.sum() == size.interactions
    assert np.log(lengths - size.minimum_length).std() == pytest.approx(0.8, abs=0.02)


@given(
    st.lists(st.floats(0.01, 100.0), min_size=1, max_size=30),
    st.integers(0, 10_000),
)
@settings(max_examples=50)
def test_apportioned_parts_add_up_and_are_within_one_of_the_share(
    weights: list[float], total: int
) -> None:
    parts = apportion(np.array(weights), total)
    assert parts.sum() == total
    quotas = np.array(weights) / sum(weights) * total
    assert (np.abs(parts - quotas) < 1 + 1e-6).all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, second = (write_dataset(SMALL, tmp_path / name) for name in "ab")
    other = write_dataset(replace(SMALL, seed=1), tmp_path / "c")
    names = sorted(path.name for path in first.iterdir())
    assert len(names) == 5  # .inter, .item, two feature files, the stamp
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
        assert (first / name).read_bytes() != (other / name).read_bytes()


def test_a_complete_folder_is_left_alone_and_another_size_is_not(tmp_path: Path) -> None:
    folder = write_dataset(SMALL, tmp_path)
    file = folder / f"{folder.name}.item"
    file.write_text("mine", encoding="utf-8")
    write_dataset(SMALL, tmp_path)
    assert file.read_text(encoding="utf-8") == "mine"
    write_dataset(replace(SMALL, seed=3), tmp_path)
    assert file.read_text(encoding="utf-8") != "mine"


def test_features_and_categories_cover_every_item(tmp_path: Path) -> None:
    folder = write_dataset(SMALL, tmp_path)
    items = set(interactions(folder)["item_id"])
    for modality in ("text", "image"):
        raw = read_features(FeatureFile(str(folder / f"{folder.name}.{modality}.npz")))
        assert set(raw.tokens.tolist()) == items
        assert raw.values.shape == (SMALL.items, SMALL.dimension)
        assert raw.values.astype(np.float32).std() == pytest.approx(1.0, abs=0.1)
    labels = pd.read_csv(folder / f"{folder.name}.item", sep="\t")
    assert set(labels["item_id:token"]) == items
    assert 1 < labels["category:token"].nunique() <= SMALL.categories


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"interactions": 299}, "at least 300"),
        ({"items": 701}, "at least 701"),
        ({"users": 0}, "users is 0"),
        ({"dimension": 0}, "dimension 0"),
        ({"zipf": -1.0}, "must not be negative"),
    ],
)
def test_contradicting_sizes_are_refused(
    tmp_path: Path, change: dict[str, float], part: str
) -> None:
    with pytest.raises(ValueError, match=part):
        write_dataset(replace(SMALL, **change), tmp_path)  # type: ignore[arg-type]
