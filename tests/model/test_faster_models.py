"""Models that compute less are saved and copied like RecBole's own."""

from __future__ import annotations

import copy

import pytest
import torch


@pytest.mark.parametrize("switch", ["trim_padding", "train_packing"])
def test_a_model_can_be_saved_whole_and_copied(stock_and_faster, tmp_path, switch):
    loaders, stock, faster = stock_and_faster("SASRec", switch)
    rows = next(iter(loaders[2]))[0]
    path = tmp_path / "model.pth"
    torch.save(faster, path)
    again = torch.load(path, weights_only=False)
    for other in (again, copy.deepcopy(faster)):
        assert type(other) is type(faster)
        assert other.item_embedding.weight is not faster.item_embedding.weight
        with torch.no_grad():
            expected = stock.eval().full_sort_predict(rows)
            assert torch.allclose(other.eval().full_sort_predict(rows), expected, atol=1e-5)
