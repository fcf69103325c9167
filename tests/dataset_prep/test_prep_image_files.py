"""Which file is whose image: by stem, by a field of the items, and what is said of the others."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.commands import encode_images as encode_images_command
from recbole_cammsr.dataset_prep.image_model import TorchImageModel
from recbole_cammsr.dataset_prep.image_source import open_images
from recbole_cammsr.dataset_prep.item_files import read_files

torch = pytest.importorskip("torch")
pytest.importorskip("PIL.Image")


@pytest.fixture
def encode(tmp_path, monkeypatch, run_prep):
    """A function that encodes images for the data set ``toy`` with a tiny network."""
    model = TorchImageModel(torch.nn.Identity(), 4, (0, 0, 0), (1, 1, 1))
    monkeypatch.setattr(encode_images_command, "load_image_model", lambda *_: model)

    def run(images, *more) -> list[str]:
        given = ["--images", images, "--dataset", "toy", "--output", tmp_path / "out", "--quiet"]
        run_prep("encode-images", *given, *more)
        with np.load(tmp_path / "out" / "toy.image.npz", allow_pickle=False) as arrays:
            return arrays["item_id"].tolist()

    (tmp_path / "out").mkdir(exist_ok=True)
    return run


def verdicts(folder) -> list[str]:
    return (folder / "out" / "toy.image.verdicts.tsv").read_text().splitlines()[1:]


def test_images_of_no_item_are_counted_and_have_a_verdict(encode, tmp_path, encode_image, capsys):
    (tmp_path / "out" / "toy.item").write_text("item_id:token\ni0\ni1\n")
    (tmp_path / "photos").mkdir()
    for name in ("i0.png", "img_1.png"):
        (tmp_path / "photos" / name).write_bytes(encode_image())
    assert encode(tmp_path / "photos") == ["i0"]
    assert "\tignored\timg_1.png\t'img_1' is no item id" in verdicts(tmp_path)
    said = capsys.readouterr().out
    assert "files ignored" in said
    assert "of these, images of no item" in said


def test_a_folder_without_the_image_of_any_item_is_refused(encode, tmp_path, encode_image):
    (tmp_path / "out" / "toy.item").write_text("item_id:token\ni0\ni1\n")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "img_0.png").write_bytes(encode_image())
    with pytest.raises(ValueError, match=r"'img_0' beside the item 'i0'.*--file-field.*verdicts"):
        encode(tmp_path / "photos")
    assert "\tignored\timg_0.png\t'img_0' is no item id" in verdicts(tmp_path)
    (tmp_path / "out" / "toy.item").write_text("item_id:token\timage:token_seq\ni0\tx/img_0.png\n")
    with pytest.raises(ValueError, match=r"'x/img_0.png' of the item 'i0' beside 'img_0.png'"):
        encode(tmp_path / "photos", "--file-field", "image")


@pytest.mark.parametrize("zipped", [False, True])
def test_items_name_their_files(zipped, encode, tmp_path, encode_image):
    (tmp_path / "out" / "toy.item").write_text(
        "item_id:token\timage:token_seq\n"
        "i0\ti0/main.png\ni1\t./my%20photo.png other.png\ni2\ti0/main.png\ni3\tnone.png\n"
        "i4\t../secret.png\ni5\t/etc/secret.png\ni6\t\ni7\thttp://x/y.png\n"
    )
    source = tmp_path / "photos"
    (source / "i0").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(encode_image())
    for name in ("i0/main.png", "my photo.png", "unused.png"):
        (source / name).write_bytes(encode_image())
    if zipped:
        source = tmp_path / "photos.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in (tmp_path / "photos").rglob("*.png"):
                archive.write(path, path.relative_to(tmp_path / "photos"))
    assert encode(source, "--file-field", "image") == ["i0", "i2", "i1"]
    assert verdicts(tmp_path)[3:] == [
        "i3\tmissing\t\tnone.png: no such file",
        "i4\tmissing\t\t../secret.png: its path leaves the folder",
        "i5\tmissing\t\t/etc/secret.png: its path leaves the folder",
        "i6\tmissing\t\tno image",
        "i7\tmissing\t\thttp:/x/y.png: a link; links are fetched with --url-field",
        "\tignored\tunused.png\tno item names it",
    ]


def test_a_named_link_that_leaves_the_folder_is_not_read(tmp_path, encode_image):
    (tmp_path / "secret.png").write_bytes(encode_image())
    (tmp_path / "photos").mkdir()
    try:
        os.symlink(tmp_path / "secret.png", tmp_path / "photos" / "a.png")
    except OSError:
        pytest.skip("no links here")
    with open_images(tmp_path / "photos", references={"i0": "a.png"}) as listing:
        assert listing.images == []
        assert listing.refused == {"i0": "a.png: a link that leaves the folder"}


def test_names_of_files_are_read_from_every_kind_of_items(tmp_path):
    (tmp_path / "i.csv").write_text("item_id,image\n1,a b.png\n2,\n3,\"['c.png', 'd.png']\"\n")
    assert list(read_files(tmp_path / "i.csv", "item_id", "image")) == [
        ("1", "a b.png"),
        ("3", "c.png"),
    ]
    (tmp_path / "i.jsonl").write_text('{"item_id": 1, "image": ["a.png"]}\n')
    assert list(read_files(tmp_path / "i.jsonl", "item_id", "image")) == [("1", "a.png")]
    with pytest.raises(ValueError, match="no item has a field 'photo'"):
        list(read_files(tmp_path / "i.jsonl", "item_id", "photo"))


def test_a_field_of_files_needs_images_and_items(encode, tmp_path):
    with pytest.raises(ValueError, match="--file-field needs --items"):
        encode(tmp_path, "--file-field", "image")


@pytest.fixture
def photos(tmp_path, encode_image):
    """Pictures of the items ``a``, ``c`` and ``d``, and a torn one of ``b``."""
    colours = {"c": (255, 0, 0), "a": (0, 255, 0), "d": (0, 0, 255)}
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "b.png").write_bytes(b"torn")
    for token, colour in colours.items():
        (tmp_path / "photos" / f"{token}.png").write_bytes(encode_image(colour=colour))
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "toy.item").write_text("item_id:token\nd\nc\nb\na\n")
    return tmp_path / "photos"


def features(folder) -> np.ndarray:
    with np.load(folder / "out" / "toy.image.npz", allow_pickle=False) as arrays:
        return arrays["feature"]


def test_chunks_of_one_image_keep_rows_and_reasons_with_their_items(encode, photos, tmp_path):
    assert encode(photos, "--chunk-size", "1") == ["a", "c", "d"]
    np.testing.assert_allclose(features(tmp_path), [[0, 1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-6)
    assert [line.split("\t")[:3] for line in verdicts(tmp_path)] == [
        ["a", "encoded", "a.png"],
        ["b", "missing", "b.png"],
        ["c", "encoded", "c.png"],
        ["d", "encoded", "d.png"],
    ]


def test_another_network_or_number_of_components_encodes_again(
    encode, photos, tmp_path, monkeypatch
):
    assert encode(photos) == ["a", "c", "d"]
    first = features(tmp_path)
    other = TorchImageModel(torch.nn.Identity(), 4, (0.5, 0, 0), (1, 1, 0.5))
    monkeypatch.setattr(encode_images_command, "load_image_model", lambda *_: other)
    encode(photos)
    np.testing.assert_allclose(features(tmp_path), (first - [0.5, 0, 0]) * [1, 1, 2], atol=1e-6)
    encode(photos, "--components", "2")
    assert features(tmp_path).shape == (3, 2)


@pytest.mark.parametrize("zipped", [False, True])
def test_an_image_that_was_replaced_is_encoded_again(
    zipped, encode, photos, tmp_path, encode_image
):
    path, source = photos / "a.png", tmp_path / "photos.zip" if zipped else photos

    def save(colour: tuple[int, int, int], seconds: int) -> None:
        # A bitmap, so that all have one size.
        path.write_bytes(encode_image(colour=colour, kind="BMP"))
        os.utime(path, (seconds, seconds))
        if zipped:
            with zipfile.ZipFile(source, "w") as archive:
                archive.write(path, path.name)

    for seconds, colour in enumerate([(255, 255, 0), (255, 0, 255)], start=10**9):
        save(colour, seconds)
        encode(source)
        np.testing.assert_allclose(features(tmp_path)[0], np.divide(colour, 255), atol=1e-6)
