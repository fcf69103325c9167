"""Pillow's warnings: none while images are opened, and all of them as before afterwards."""

from __future__ import annotations

import threading
import warnings

import pytest
from recbole_cammsr.dataset_prep.checks.thumbnails import thumbnails
from recbole_cammsr.dataset_prep.downloaded_image import decodable, is_image
from recbole_cammsr.dataset_prep.image_encoder import encode_image_files
from recbole_cammsr.dataset_prep.image_model import TorchImageModel
from recbole_cammsr.dataset_prep.image_source import open_images

torch = pytest.importorskip("torch")
image_module = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path, encode_image, monkeypatch):
    """A folder of images that Pillow warns of, where a warning is an error."""
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(encode_image(size=(8, 6)))
    # Pillow warns of more pixels than this, and refuses more than twice as many.
    monkeypatch.setattr(image_module, "MAX_IMAGE_PIXELS", 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(image_module.DecompressionBombWarning):
            image_module.open(tmp_path / "0.png")
        yield tmp_path


def look(how, folder):
    """Open all images of a folder in one of the ways; return how many are usable."""
    if how == "encode":
        model = TorchImageModel(torch.nn.Identity(), 4, (0, 0, 0), (1, 1, 1))
        with open_images(folder) as listing:
            return len(encode_image_files(listing.images, model, workers=4).tokens)
    if how == "decode":
        return sum(decodable(sorted(folder.iterdir())))
    if how == "recognise":
        return sum(is_image(path.read_bytes()) for path in folder.iterdir())
    return len(thumbnails(folder, {str(number) for number in range(6)}))


@pytest.mark.parametrize("how", ["encode", "decode", "recognise", "show"])
def test_warnings_are_no_reason_and_their_filters_stay(folder, how, monkeypatch):
    setters = set()

    class Watched(warnings.catch_warnings):
        def __enter__(self):
            setters.add(threading.current_thread())
            return super().__enter__()

    before = list(warnings.filters)
    monkeypatch.setattr(warnings, "catch_warnings", Watched)
    assert look(how, folder) == 6
    assert warnings.filters == before
    # Filters are those of the process: threads that set them in turn leave each other's behind.
    assert setters == {threading.main_thread()}
