"""Views made by swapping modalities."""

from __future__ import annotations

import torch

from recbole_cammsr.model import cammsr
from recbole_cammsr.model.modality_swap import swapped_views


def rows(batch, length, modalities):
    """Each vector tells its row, position and modality."""
    x = torch.zeros(batch, length, modalities, 3)
    for b in range(batch):
        for p in range(length):
            for m in range(modalities):
                x[b, p, m] = torch.tensor([b, p, m])
    return x


def test_views_carry_the_two_sides_of_one_pair_per_row():
    torch.manual_seed(0)
    x = rows(50, 8, 4)
    a, b = swapped_views(x, torch.ones(50, 8, 4, dtype=torch.bool), 0.5)
    assert torch.equal(a[..., :2], x[:, :, 0, :2])  # rows and positions stay in place
    assert torch.equal(b[..., :2], x[:, :, 0, :2])
    pairs = set()
    for row in range(50):
        seen = {tuple(sorted((int(i), int(j)))) for i, j in zip(a[row, :, 2], b[row, :, 2])}
        assert len(seen) == 1
        (pair,) = seen
        assert pair[0] != pair[1]
        pairs.add(pair)
    assert len(pairs) == 6  # every pair of four modalities is drawn


def test_ratio_is_the_share_of_swapped_positions():
    torch.manual_seed(0)
    x, mask = rows(400, 20, 2), torch.ones(400, 20, 2, dtype=torch.bool)
    for ratio, expected in ((0.0, 0.0), (1.0, 1.0), (0.3, 0.3)):
        a, _ = swapped_views(x, mask, ratio)
        majority = a[:, :, 2].mode(dim=1, keepdim=True).values
        share = (a[:, :, 2] != majority).float().mean()
        assert abs(share - min(expected, 1 - expected)) < 0.02


def test_every_row_swaps_at_positions_of_its_own():
    torch.manual_seed(0)
    a, _ = swapped_views(rows(50, 20, 2), torch.ones(50, 20, 2, dtype=torch.bool), 0.5)
    like_the_first = a[:, :, 2] == a[:, :1, 2]
    assert len(like_the_first.unique(dim=0)) > 45  # of half a million patterns


def test_modalities_that_a_row_lacks_are_not_drawn():
    mask = torch.ones(64, 5, 3, dtype=torch.bool)
    mask[:, :, 1] = False
    a, b = swapped_views(rows(64, 5, 3), mask, 0.5)
    assert set(a[..., 2].unique().tolist()) | set(b[..., 2].unique().tolist()) == {0.0, 2.0}


def test_a_modality_that_some_item_of_the_row_has_is_drawn():
    """Padding has none of them, and another item of the row may lack this one."""
    mask = torch.ones(64, 5, 3, dtype=torch.bool)
    mask[:, :, 1] = False
    mask[:, 1:, 2] = False
    mask[:, 3:] = False
    a, b = swapped_views(rows(64, 5, 3), mask, 0.5)
    assert set(a[..., 2].unique().tolist()) | set(b[..., 2].unique().tolist()) == {0.0, 2.0}


def test_padding_has_no_modality_of_items_without_ids(make_model, monkeypatch):
    """Without an ID padding has none, and items without any count as having all."""
    _, _, loaders, model = make_model(use_id=False, train_packing=False)
    masks = []

    def watched(modalities, mask, ratio):
        masks.append(mask)
        return swapped_views(modalities, mask, ratio)

    monkeypatch.setattr(cammsr, "swapped_views", watched)
    batch = next(iter(loaders[0]))
    model.calculate_loss(batch)
    history = batch[model.ITEM_SEQ]
    expected = model.item_encoder.item_init.mask[history]
    assert (history == 0).any()
    assert not masks[0][history == 0].any()
    assert torch.equal(masks[0][history > 0], expected[history > 0])
