"""The MovieLens-100K command, and the feature files that the package ships."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from recbole_cammsr.dataset_prep import item_image, ml100k
from recbole_cammsr.dataset_prep.image_model import TorchImageModel
from recbole_cammsr.dataset_prep.table_reader import read_records

import recbole_cammsr

SHIPPED = Path(recbole_cammsr.__file__).parent / "example_data"


def read(path: Path) -> tuple[list[str], np.ndarray]:
    """Tokens and features of a feature file."""
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["item_id"].tolist(), arrays["feature"]


def test_movies_without_overview_or_poster_are_absent(
    with_pooling, encode_image, tmp_path, monkeypatch, capsys
):
    torch = pytest.importorskip("torch")
    movies = [(1, "a b", True), (2, None, True), (3, "c", False), (4, "d e", True), (5, "", True)]
    with gzip.open(tmp_path / "items.jsonl.gz", "wt") as file:
        for number, overview, _ in movies:
            movie = {"item_id": number, "title": "n", "overview": overview}
            file.write(json.dumps(movie) + "\n")
    with zipfile.ZipFile(tmp_path / "posters.zip", "w") as file:
        for number, _, poster in movies:
            if poster:
                data = b"torn" if number == 4 else encode_image(colour=(40 * number, number, 0))
                file.writestr(f"{number}.jpg", data)
        file.writestr("77.jpg", encode_image())
    tiny = TorchImageModel(torch.nn.Flatten(), 2, (0, 0, 0), (1, 1, 1))
    monkeypatch.setattr(item_image, "efficientnet_lite0", lambda device: tiny)
    sources = ["--items", f"{tmp_path}/items.jsonl.gz", "--posters", f"{tmp_path}/posters.zip"]
    encoder = ["--text-encoder", str(with_pooling("mean", True)), "--quiet"]
    for folder in ("one", "two"):
        output = ["--output", str(tmp_path / folder), "--image-components", "2"]
        assert ml100k.main([*sources, *encoder, *output]) == 0
    assert "3 usable, 1 unusable, 1 items without image" in capsys.readouterr().out
    tokens, features = read(tmp_path / "one/ml-100k.text.npz")
    assert tokens == ["1", "3", "4"]
    assert features.dtype == np.float16
    tokens, features = read(tmp_path / "one/ml-100k.image.npz")
    assert tokens == ["1", "2", "5"]
    assert features.shape == (3, 2)
    for name in ("ml-100k.text.npz", "ml-100k.image.npz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(("modality", "width", "rows"), [("text", 384, 1664), ("image", 256, 1663)])
def test_shipped_features(modality, width, rows):
    tokens, features = read(SHIPPED / f"ml-100k.{modality}.npz")
    assert len(set(tokens)) == len(tokens) == rows
    assert features.shape == (rows, width)
    assert features.dtype == np.float16
    assert np.isfinite(features).all()
    assert {int(token) for token in tokens} <= set(range(1, 1683))
    # Two of MiniLM's dimensions are zero for every text: their last weights are zero.
    assert (features.astype(np.float32).std(0) == 0).sum() <= 2
    assert len(np.unique(features, axis=0)) > 0.98 * rows


def test_shipped_features_are_small():
    total = sum(path.stat().st_size for path in SHIPPED.iterdir())
    assert total < 2.5e6


def test_shipped_tokens_are_the_movies_with_overview_and_poster():
    shared = os.environ.get("CAMMSR_SHARED_DATA")
    source = Path(shared or ".") / "ml100k" / "items.jsonl.gz"
    if not shared or not source.is_file():
        pytest.skip("CAMMSR_SHARED_DATA names no folder with ml100k/items.jsonl.gz")
    movies = list(read_records(source))
    overview = [str(movie["item_id"]) for movie in movies if movie["overview"]]
    assert read(SHIPPED / "ml-100k.text.npz")[0] == overview
    poster = {str(movie["item_id"]) for movie in movies if movie["poster"]}
    assert set(read(SHIPPED / "ml-100k.image.npz")[0]) == poster
