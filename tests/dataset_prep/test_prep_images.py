"""Images from anywhere: hostile files and archives cost their item, never the run."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.commands import encode_images as encode_images_command
from recbole_cammsr.dataset_prep.image_encoder import encode_image_files, encode_images
from recbole_cammsr.dataset_prep.image_model import TorchImageModel, TransformersImageModel
from recbole_cammsr.dataset_prep.image_opening import UnusableImageError, open_image
from recbole_cammsr.dataset_prep.image_source import open_images

torch = pytest.importorskip("torch")
image_module = pytest.importorskip("PIL.Image")

RED = (255, 0, 0)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(64)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "expected"),
    [
        ("RGB", RED, "PNG", RED),
        ("RGBA", (255, 0, 0, 0), "PNG", (255, 255, 255)),
        ("P", 0, "GIF", (0, 0, 0)),
        ("L", 77, "PNG", (77, 77, 77)),
        ("LA", (0, 0), "PNG", (255, 255, 255)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("CMYK", (0, 0, 0, 0), "JPEG", (255, 255, 255)),
        ("I;16", 9000, "PNG", (0, 0, 0)),
        ("F", 0.5, "TIFF", (0, 0, 0)),
        ("YCbCr", (255, 128, 128), "JPEG", (255, 255, 255)),
    ],
)
def test_every_colour_mode_becomes_rgb(encode_image, mode, colour, kind, expected):
    image = open_image(encode_image(mode, colour=colour, kind=kind))
    assert image.mode == "RGB"
    assert image.size == (8, 6)
    np.testing.assert_allclose(image.getpixel((3, 3)), expected, atol=2)


def test_transparent_entries_of_a_palette_become_white():
    pixels = image_module.new("P", (8, 6), 1)
    pixels.putpalette([0, 0, 0, *RED])
    pixels.paste(0, (0, 0, 4, 6))
    for kind in ("PNG", "GIF"):
        buffer = io.BytesIO()
        pixels.save(buffer, kind, transparency=0)
        image = open_image(buffer.getvalue())
        assert [image.getpixel(place) for place in ((1, 3), (6, 3))] == [(255, 255, 255), RED]


def test_sixteen_bit_greys_are_scaled_not_clipped():
    ramp = image_module.fromarray(np.linspace(0, 65535, 48).reshape(6, 8).astype(np.uint16))
    buffer = io.BytesIO()
    ramp.save(buffer, "PNG")
    grey = np.asarray(open_image(buffer.getvalue()))[..., 0].ravel()
    np.testing.assert_allclose(grey, np.linspace(0, 255, 48), atol=2)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (3, 4)])
def test_pixels_that_are_no_number_make_an_image_unusable(odd, place):
    pixels = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    pixels[place] = odd
    buffer = io.BytesIO()
    image_module.fromarray(pixels).save(buffer, "TIFF")
    with pytest.raises(UnusableImageError, match="some pixels are NaN or infinite"):
        open_image(buffer.getvalue())


def test_first_frame_of_an_animation():
    frames = [image_module.new("RGB", (4, 4), colour) for colour in (RED, (0, 0, 255))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert open_image(buffer.getvalue()).getpixel((0, 0)) == RED


def test_exif_turns_the_image_and_broken_exif_does_not_stop(encode_image):
    turned = encode_image(
        size=(8, 6),
        kind="JPEG",
        exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    )
    assert open_image(turned).size == (6, 8)
    broken = encode_image(size=(8, 6), kind="JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert open_image(broken).size == (8, 6)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be decoded"),
        (b"<html>404 Not Found</html>", "cannot be decoded"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be decoded"),
        (b"GIF89a" + b"\xff" * 40, "cannot be decoded"),
        (b"BM" + b"\xff" * 60, "cannot be decoded|pixels"),
        (png_header(50_000, 50_000), "50000x50000 pixels are more than|cannot be decoded"),
        (png_header(9_000, 9_000), "9000x9000 pixels are more than"),
        (png_header(40, 40), "cannot be decoded"),
        (png_header(0, 7), "cannot be decoded|only 0x7"),
    ],
)
def test_unusable_images_give_a_reason(data, reason):
    with pytest.raises(UnusableImageError, match=reason):
        open_image(data)


def test_truncated_and_tiny_images(encode_image):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    image_module.fromarray(noise).save(buffer, "JPEG")
    with pytest.raises(UnusableImageError, match="cannot be decoded"):
        open_image(buffer.getvalue()[:900])
    with pytest.raises(UnusableImageError, match="only 1x1"):
        open_image(encode_image(size=(1, 1)))
    assert open_image(encode_image(size=(1, 1)), min_side=1).size == (1, 1)


def test_missing_pillow_is_a_sentence_not_a_missing_image(monkeypatch, tmp_path, encode_image):
    (tmp_path / "a.png").write_bytes(encode_image())
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"pip install 'recbole-cammsr\[prep\]'"):
        encode_images(tmp_path, tiny_model())


def tiny_model() -> TorchImageModel:
    """A network whose features are the mean colour, in 0..1."""
    return TorchImageModel(torch.nn.Identity(), 4, (0, 0, 0), (1, 1, 1))


@pytest.fixture
def archive(tmp_path, encode_image):
    path = tmp_path / "images.zip"
    good = encode_image(colour=RED)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("b/2.png", encode_image(colour=(0, 255, 0)))
        file.writestr("1.jpg", good)
        file.writestr("broken.png", good[:30])
        file.writestr("../escape.png", good)
        file.writestr("/absolute.png", good)
        file.writestr("C:\\windows.png", good)
        file.writestr("a\\..\\..\\escape2.png", good)
        file.writestr("c/1.png", encode_image())
        file.writestr("notes.txt", b"x")
        file.writestr("__MACOSX/3.png", good)
        file.writestr("bomb.png", png_header(60_000, 60_000))
        file.mkdir("folder.png") if sys.version_info >= (3, 11) else None
    return path


def test_archive_members_are_sorted_out_with_reasons(archive):
    result = encode_images(archive, tiny_model(), batch_size=1, wanted=["1", "2", "7", "broken"])
    assert dict(zip(result.item_ids, result.features.round().tolist())) == {
        "1": [1.0, 0.0, 0.0],
        "2": [0.0, 1.0, 0.0],
    }
    assert result.missing["7"] == "no image"
    assert result.missing["broken"].startswith("broken.png: cannot be decoded")
    leaving = {name for name, reason in result.ignored.items() if "leaves" in reason}
    assert len(leaving) == 4
    assert result.ignored["c/1.png"] == "item 1 already has 1.jpg"
    assert result.ignored["notes.txt"] == "not an image by its name"
    assert result.ignored["__MACOSX/3.png"] == "hidden file"


def test_batches_do_not_change_the_result(archive):
    results = [encode_images(archive, tiny_model(), batch_size=size) for size in (1, 2, 50)]
    for result in results[1:]:
        assert result.item_ids == results[0].item_ids
        np.testing.assert_array_equal(result.features, results[0].features)
    assert set(results[0].missing) == {"broken", "bomb"}


def test_folder_equals_archive(archive, tmp_path):
    folder = tmp_path / "folder"
    with zipfile.ZipFile(archive) as file:
        for name in ("b/2.png", "1.jpg", "c/1.png", "broken.png"):
            file.extract(name, folder)
    result = encode_images(folder, tiny_model())
    assert result.item_ids == ["1", "2"]
    assert result.ignored == {"c/1.png": "item 1 already has 1.jpg"}


def test_a_name_that_no_feature_file_can_hold_costs_its_item_alone(tmp_path, encode_image):
    for name in ("1.png", "c .png"):
        (tmp_path / name).write_bytes(encode_image())
    result = encode_images(tmp_path, tiny_model())
    assert result.item_ids == ["1"]
    assert "no feature file can hold" in result.ignored["c .png"]


def test_member_without_a_name_costs_nothing_else(tmp_path, encode_image):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(".", b"x")
        file.writestr("./1.png", encode_image())
    result = encode_images(tmp_path / "x.zip", tiny_model())
    assert result.item_ids == ["1"]
    assert result.ignored == {".": "no file name"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_ids_may_hold_colons(tmp_path, encode_image):
    folder = tmp_path / "folder"
    folder.mkdir()
    names = ["spotify:track:abc.png", "a:1.png"]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name in names:
            (folder / name).write_bytes(encode_image())
            file.writestr(name, encode_image())
        file.writestr("C:/windows.png", encode_image())
    for source, ignored in ((folder, {}), (tmp_path / "x.zip", {"C:/windows.png"})):
        result = encode_images(source, tiny_model())
        assert sorted(result.item_ids) == ["a:1", "spotify:track:abc"]
        assert set(result.ignored) == set(ignored)


def test_large_and_damaged_members_cost_their_item(tmp_path, encode_image):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("big.png", bytes(5_000_000))
        file.writestr("good.png", encode_image())
        file.writestr("torn.png", np.random.default_rng(0).bytes(400))
    raw = bytearray(path.read_bytes())
    start = raw.index(b"torn.png") + 30
    raw[start : start + 40] = bytes(40)
    path.write_bytes(raw)
    with open_images(path, max_bytes=1_000_000) as listing:
        big = next(image for image in listing.images if image.token == "big")
        with pytest.raises(ValueError, match="larger than 1000000 bytes"):
            big.read()
    result = encode_images(path, tiny_model())
    assert result.item_ids == ["good"]
    assert set(result.missing) == {"big", "torn"}


def test_features_that_are_not_finite_are_missing(tmp_path, encode_image):
    for name, colour in (("a", RED), ("b", 0)):
        (tmp_path / f"{name}.png").write_bytes(encode_image(colour=colour))
    model = TorchImageModel(torch.nn.Identity(), 2, (0, 0, 0), (1, 1, 1))
    model.forward = lambda batch: 1 / batch.amax(dim=(2, 3))[:, :1]
    result = encode_images(tmp_path, model)
    assert result.item_ids == ["a"]
    np.testing.assert_allclose(result.features, [[1.0]], atol=1e-6)
    assert result.missing == {"b": "the network's output is not finite"}


def test_refusals(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder or zip"):
        encode_images(tmp_path / "x.zip", tiny_model())
    (tmp_path / "x.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="not a readable zip"):
        encode_images(tmp_path / "x.zip", tiny_model())
    with pytest.raises(ValueError, match=r"no image in it.*'x\.zip'"):
        encode_images(tmp_path, tiny_model())
    with pytest.raises(ValueError, match="batch_size"):
        encode_images(tmp_path, tiny_model(), batch_size=0)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match="none of 1 images is usable"):
        encode_images(tmp_path, tiny_model())


def test_torch_adapter_normalises_and_pools():
    model = TorchImageModel(torch.nn.Identity(), 4, (0.5, 0.5, 0.5), (0.25, 0.5, 1.0))
    tensor = model.prepare(image_module.new("RGB", (9, 5), RED))
    assert tensor.shape == (3, 4, 4)
    assert tensor.dtype == torch.float32
    features = model.features(tensor.unsqueeze(0))
    np.testing.assert_allclose(features, [[2.0, -1.0, -0.5]], atol=1e-6)


def test_transformers_adapter(tmp_path, encode_image):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.ViTConfig(**size, intermediate_size=8, image_size=8, patch_size=4)
    model = transformers.ViTForImageClassification(config)
    folder = tmp_path / "vit"
    model.save_pretrained(folder)
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    images = tmp_path / "images"
    images.mkdir()
    for token in "ab":
        (images / f"{token}.png").write_bytes(encode_image(colour=(ord(token), 0, 9)))
    # A classifier's checkpoint has no pooler, and a random one would differ from load to load.
    first = encode_images(images, TransformersImageModel.from_pretrained(str(folder)))
    again = encode_images(images, TransformersImageModel.from_pretrained(str(folder)))
    assert first.features.shape == (2, 8)
    np.testing.assert_array_equal(first.features, again.features)
    with pytest.raises(FileNotFoundError, match="image encoder"):
        TransformersImageModel.from_pretrained(str(tmp_path / "none"))


def test_torch_adapter_keeps_rows_above_each_other():
    image = image_module.new("RGB", (8, 8), RED)
    image.paste((0, 0, 255), (0, 6, 8, 8))
    tensor = TorchImageModel(torch.nn.Identity(), 8, (0, 0, 0), (1, 1, 1)).prepare(image)
    assert tensor[0, :, 3].round().tolist() == [1] * 6 + [0] * 2
    assert tensor[2, :, 3].round().tolist() == [0] * 6 + [1] * 2


class Processor:
    """What a fingerprint asks of an image processor."""

    def __init__(self, **settings: object) -> None:
        self.settings = settings

    def to_dict(self) -> dict[str, object]:
        """Its settings."""
        return self.settings


def tiny_vision(kind: str):
    """A random vision model that takes images of 8 x 8."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    size.update(intermediate_size=8)
    patches = {"image_size": 8, "patch_size": 4}
    if kind == "CLIP":
        config = transformers.CLIPConfig(
            text_config={**size, "vocab_size": 20},
            vision_config={**size, **patches},
            projection_dim=6,
        )
    elif kind == "ResNet":
        config = transformers.ResNetConfig(
            embedding_size=4, hidden_sizes=[6], depths=[1], layer_type="basic"
        )
    else:
        config = transformers.ViTConfig(**size, **patches)
    return getattr(transformers, f"{kind}Model")(config).eval()


@pytest.mark.parametrize(
    ("kind", "trained_pooler", "expected"),
    [
        ("ViT", True, lambda model, images: model(images).pooler_output),
        ("ViT", False, lambda model, images: model(images).last_hidden_state[:, 0]),
        ("ResNet", True, lambda model, images: model(images).last_hidden_state.mean((2, 3))),
        ("ResNet", False, lambda model, images: model(images).last_hidden_state.mean((2, 3))),
        (
            "CLIP",
            True,
            lambda model, images: model.visual_projection(
                model.vision_model(pixel_values=images).pooler_output
            ),
        ),
    ],
)
def test_features_of_each_kind_of_vision_model(kind, trained_pooler, expected):
    model = tiny_vision(kind)
    images = torch.randn(3, 3, 8, 8)
    adapter = TransformersImageModel(model, Processor(), trained_pooler=trained_pooler)
    with torch.inference_mode():
        features, reference = adapter.features(images), expected(model, images)
    np.testing.assert_allclose(features, reference, atol=1e-5)


def test_fingerprints_of_image_models_change_with_what_a_feature_depends_on():
    model = tiny_vision("ViT")
    prints = [
        TransformersImageModel(model, Processor(size=8), trained_pooler=pooler).fingerprint()
        for pooler in (True, True, False)
    ]
    assert prints[0] == prints[1]
    prints.append(TransformersImageModel(model, Processor(size=9)).fingerprint())
    with torch.no_grad():
        model.embeddings.cls_token += 1
    prints.append(TransformersImageModel(model, Processor(size=8)).fingerprint())
    assert len(set(prints)) == 4

    network = torch.nn.Identity()
    mean, std = (0.1, 0.2, 0.3), (1, 2, 3)
    models = [
        TorchImageModel(network, 4, mean, std),
        TorchImageModel(network, 5, mean, std),
        TorchImageModel(network, 4, mean[::-1], std),
        TorchImageModel(network, 4, mean, std[::-1]),
        TorchImageModel(network, 4, mean, std, precision="bfloat16"),
        TorchImageModel(torch.nn.Linear(2, 2), 4, mean, std),
    ]
    assert len({one.fingerprint() for one in models}) == len(models)


def test_command_writes_features_and_reasons(archive, tmp_path, monkeypatch, capsys, run_prep):
    monkeypatch.setattr(encode_images_command, "load_image_model", lambda *_: tiny_model())
    (tmp_path / "toy.item").write_text(
        "item_id:token\n" + "".join(f"{token}\n" for token in ("1", "2", "7", "bomb", "escape"))
    )
    fixed = ["--images", archive, "--dataset", "toy", "--output", tmp_path, "--quiet"]
    run_prep("encode-images", *fixed, "--components", "1")
    assert re.search(r"image unusable +1\n +no image +2\n", capsys.readouterr().out)
    verdicts = (tmp_path / "toy.image.verdicts.tsv").read_text().splitlines()
    assert verdicts[:2] == ["item_id\tverdict\tsource\treason", "1\tencoded\t1.jpg\t"]
    assert "7\tmissing\t\tno image" in verdicts
    assert "escape\tmissing\t\t../escape.png: its path leaves the archive" in verdicts
    assert "\tignored\t../escape.png\tits path leaves the archive" in verdicts
    assert any(line.startswith("bomb\tmissing\tbomb.png\tbomb.png: ") for line in verdicts)
    with np.load(tmp_path / "toy.image.npz", allow_pickle=False) as arrays:
        assert arrays["item_id"].tolist() == ["1", "2"]
        assert arrays["feature"].shape == (2, 1)
    for wrong, reason in (("9", "needs at least as many images, but 3"), ("-1", "at least 0")):
        with pytest.raises(ValueError, match=f"--components .*{reason}"):
            run_prep("encode-images", *fixed, "--components", wrong)
    with pytest.raises(ValueError, match="either --images or --url-field"):
        run_prep("encode-images", "--dataset", "toy", "--output", tmp_path)


def test_components_and_dtype_are_applied_to_chunks_that_stand(
    archive, tmp_path, monkeypatch, capsys, run_prep
):
    monkeypatch.setattr(encode_images_command, "load_image_model", lambda *_: tiny_model())
    (tmp_path / "toy.item").write_text("item_id:token\n1\n2\nbroken\nbomb\n")
    fixed = ["--images", archive, "--dataset", "toy", "--output", tmp_path, "--quiet"]
    # Four images pass the first look and the three values of a feature do not.
    with pytest.raises(ValueError, match="4 components of features of 3 values"):
        run_prep("encode-images", *fixed, "--components", "4")
    run_prep("encode-images", *fixed, "--components", "2", "--dtype", "float16")
    assert re.search(r"stopped run +1 of 1 chunks", capsys.readouterr().out)
    with np.load(tmp_path / "toy.image.npz", allow_pickle=False) as arrays:
        assert (arrays["feature"].shape, arrays["feature"].dtype) == ((2, 2), np.float16)


def test_reasons_are_written_even_where_no_image_is_usable(
    tmp_path, monkeypatch, run_prep, encode_image
):
    monkeypatch.setattr(encode_images_command, "load_image_model", lambda *_: tiny_model())
    images, outside = tmp_path / "images", tmp_path / "secret.png"
    images.mkdir()
    outside.write_bytes(encode_image())
    (images / "secret.png").symlink_to(outside)
    (tmp_path / "toy.item").write_text("item_id:token\nsecret\nbomb\n")
    fixed = ["--images", images, "--dataset", "toy", "--output", tmp_path, "--quiet"]
    verdicts = tmp_path / "toy.image.verdicts.tsv"
    with pytest.raises(ValueError, match=r"no image in it.*a link that leaves the folder"):
        run_prep("encode-images", *fixed)
    leaves = "secret.png: a link that leaves the folder"
    assert f"secret\tmissing\t\t{leaves}" in verdicts.read_text().splitlines()
    (images / "bomb.png").write_bytes(png_header(50_000, 50_000))
    with pytest.raises(ValueError, match=r"no item can be encoded.*all reasons are in .*verdicts"):
        run_prep("encode-images", *fixed)
    rows = verdicts.read_text().splitlines()
    assert f"secret\tmissing\t\t{leaves}" in rows
    assert any(row.startswith("bomb\tmissing\tbomb.png\tbomb.png: ") for row in rows)
    assert not (tmp_path / "toy.image.npz").exists()
    with pytest.raises(FileNotFoundError, match="no such folder or zip"):
        run_prep("encode-images", *fixed[2:], "--images", tmp_path / "typo")


def test_a_run_that_fails_leaves_the_features_and_their_reasons_alone(
    tmp_path, monkeypatch, run_prep, encode_image
):
    monkeypatch.setattr(encode_images_command, "load_image_model", lambda *_: tiny_model())
    images, bad = tmp_path / "images", tmp_path / "bad"
    images.mkdir()
    bad.mkdir()
    (images / "1.png").write_bytes(encode_image())
    (tmp_path / "toy.item").write_text("item_id:token\n1\n")
    fixed = ["--dataset", "toy", "--output", tmp_path, "--quiet"]
    run_prep("encode-images", *fixed, "--images", images)
    kept = {path: path.read_bytes() for path in tmp_path.glob("toy.*")}
    assert tmp_path / "toy.image.verdicts.tsv" in kept
    failed = tmp_path / "toy.image.verdicts.failed.tsv"
    with pytest.raises(ValueError, match="no image in it"):
        run_prep("encode-images", *fixed, "--images", bad)
    assert "1\tmissing\t\tno image" in failed.read_text().splitlines()
    (bad / "1.png").write_bytes(png_header(50_000, 50_000))
    with pytest.raises(ValueError, match=r"all reasons are in .*\.verdicts\.failed\.tsv"):
        run_prep("encode-images", *fixed, "--images", bad)
    assert "1\tmissing\t1.png\t1.png: " in failed.read_text()
    assert {path: path.read_bytes() for path in kept} == kept
    run_prep("encode-images", *fixed, "--images", images, "--force")
    assert not failed.exists()


def test_links_that_leave_the_folder_are_not_read(tmp_path, encode_image):
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret.png").write_bytes(encode_image())
    (folder / "good.png").write_bytes(encode_image())
    (folder / "inner.png").symlink_to(folder / "good.png")
    (folder / "secret.png").symlink_to(outside / "secret.png")
    (folder / "nothing.png").symlink_to(folder / "absent.png")
    (folder / "circle.png").symlink_to(folder / "circle.png")
    (folder / "sub").symlink_to(outside)
    result = encode_images(folder, tiny_model(), wanted=["good", "inner", "secret", "circle"])
    assert result.item_ids == ["good", "inner"]
    assert result.missing == {
        "circle": "circle.png: a link that leaves the folder",
        "secret": "secret.png: a link that leaves the folder",
    }


def test_reasons_are_the_same_in_every_run(tmp_path):
    (tmp_path / "a.png").write_bytes(b"<html>")
    (tmp_path / "b.png").write_bytes(b"GIF89a" + b"\xff" * 40)
    with open_images(tmp_path) as listing:
        reasons = [encode_image_files(listing.images, tiny_model()).missing for _ in range(2)]
    assert reasons[0] == reasons[1]
    assert "0x" not in str(reasons)


def test_threads_do_not_change_the_result(archive):
    with open_images(archive) as listing:
        chunks = [encode_image_files(listing.images, tiny_model(), 2, n) for n in (1, 5)]
    assert chunks[0].tokens == chunks[1].tokens
    assert chunks[0].missing == chunks[1].missing
    np.testing.assert_array_equal(chunks[0].features, chunks[1].features)
