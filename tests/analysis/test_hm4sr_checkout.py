"""Running a checkout of HM4SR: what is replaced, what is written, what is refused.

A stand-in with the same constants takes the place of the real checkout, of which no line is here.
"""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from recbole_cammsr.analysis import hm4sr_checkout

_MODEL = """
import torch
from torch import nn

class HM4SR(nn.Module):
    def __init__(self):
        super().__init__()
        self.text = nn.Linear(768, 4)
        self.image = nn.Linear(768, 4)
        self.place = torch.zeros(1).to('cuda')
        self.time_moe = nn.Module()
        self.time_moe.time_embedding = nn.Embedding(3, 2)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for file, text in ((hm4sr_checkout.MODEL_FILE, _MODEL), (hm4sr_checkout.SETTINGS_FILE, "a: 1")):
        (root / file).parent.mkdir(parents=True)
        (root / file).write_text(text, encoding="utf-8")
    return root


def test_device_and_dimensions_are_replaced_and_the_file_is_not(checkout: Path) -> None:
    model = hm4sr_checkout.model_class(checkout, "cpu", [12, 5])()
    assert (model.text.in_features, model.image.in_features) == (12, 5)
    same = hm4sr_checkout.model_class(checkout, "cpu", [768, 5])()
    assert (same.text.in_features, same.image.in_features) == (768, 5)
    one = hm4sr_checkout.model_class(checkout, "cpu", [7])()
    assert (one.text.in_features, one.image.in_features) == (7, 7)
    assert model.place.device.type == "cpu"
    assert (checkout / hm4sr_checkout.MODEL_FILE).read_text(encoding="utf-8") == _MODEL


def test_an_interval_that_is_no_number_reads_row_0(checkout: Path) -> None:
    model = hm4sr_checkout.model_class(checkout, "cpu", [12, 12])()
    index = torch.tensor([-(2**63), -1, 2])
    table = model.time_moe.time_embedding
    with pytest.raises(IndexError):
        table(index)
    hm4sr_checkout.mend_interval_index(model)
    assert torch.equal(table(index), table.weight[[0, 0, 2]])


@pytest.mark.parametrize("constant", ["'cuda'", "nn.Linear(768,"])
def test_code_of_another_kind_is_refused(checkout: Path, constant: str) -> None:
    path = checkout / hm4sr_checkout.MODEL_FILE
    path.write_text(_MODEL.replace(constant, "None"), encoding="utf-8")
    with pytest.raises(ValueError, match="fewer than"):
        hm4sr_checkout.model_class(checkout, "cpu", [12, 12])


def test_a_folder_without_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkout of HM4SR: it has no .*HM4SR\.py"):
        hm4sr_checkout.check(tmp_path)


def toy() -> SimpleNamespace:
    frame = pd.DataFrame({"user": [1, 2, 1, 2, 1], "time": [50.0, 7.0, 10.0, 8.0, 1033.0]})
    return SimpleNamespace(
        dataset_name="toy", uid_field="user", time_field="time", inter_feat=frame
    )


def test_files_are_where_and_what_the_model_reads(tmp_path: Path) -> None:
    text, image = torch.ones(4, 3, dtype=torch.float16), torch.zeros(4, 3)
    labels = torch.tensor([[False, False], [True, False], [True, True], [False, True]])
    hm4sr_checkout.write_files(tmp_path, toy(), [text, image], labels, longest=5)
    folder = tmp_path / "dataset" / "toy"
    assert torch.equal(torch.load(folder / "txt_emb.pt", weights_only=True), text.float())
    assert torch.equal(torch.load(folder / "img_emb.pt", weights_only=True), image)
    # its category task indexes the labels' columns by positions of a row
    written = torch.load(folder / "cat.pt", weights_only=True)
    assert torch.equal(written[:, :2], labels.long())
    assert written.shape == (4, 5)
    assert not written[:, 2:].any()
    with open(folder / "interval_num", "rb") as file:
        exponent = pickle.load(file)
    # the longest interval of one user is 1033 - 50
    assert 0 < exponent - math.log2(983 + 1) < 0.1


def test_one_modality_stands_for_both(tmp_path: Path) -> None:
    only, labels = torch.randn(4, 3), torch.ones(4, 3, dtype=torch.bool)
    hm4sr_checkout.write_files(tmp_path, toy(), [only], labels, longest=2)
    folder = tmp_path / "dataset" / "toy"
    assert torch.load(folder / "cat.pt", weights_only=True).shape == (4, 3)
    assert torch.equal(torch.load(folder / "img_emb.pt", weights_only=True), only)


def test_data_without_features_is_refused(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs features"):
        hm4sr_checkout.write_files(tmp_path, toy(), [], torch.ones(4, 1, dtype=torch.bool), 2)
    with pytest.raises(ValueError, match="needs features"):
        hm4sr_checkout.model_class(checkout, "cpu", [])
