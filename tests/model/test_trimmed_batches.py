"""Training reads no column that is padding in all rows of a batch."""

from __future__ import annotations

import pytest
import torch
from recbole.data.interaction import Interaction

MODELS = ("CAMMSR", "SASRecMM", "UniSRec")


def widened(batch, lists, columns):
    """The same rows with columns of padding behind them."""
    wide = {field: batch[field] for field in batch.columns}
    for field in lists:
        padding = torch.zeros_like(wide[field][:, :1]).expand(-1, columns)
        wide[field] = torch.cat([wide[field], padding], dim=1)
    return Interaction(wide)


@pytest.mark.parametrize("name", MODELS)
def test_the_encoder_reads_as_many_columns_as_the_longest_history_has(make_model, name):
    _, _, loaders, model = make_model(name, train_packing=False, MAX_ITEM_LIST_LENGTH=25)
    batch = next(iter(loaders[0]))
    short = batch[batch["item_length"] < 8]
    longest = int(short["item_length"].max())
    assert short["item_id_list"].shape[1] == 25
    widths = []
    model.encoder.register_forward_pre_hook(lambda _, given: widths.append(given[0].shape[1]))
    losses = model.calculate_loss(short)
    assert set(widths) == {longest}
    assert all(torch.isfinite(loss) for loss in losses)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("CAMMSR", {"swap_ratio": 0.0}),
        ("CAMMSR", {"swap_ratio": 0.0, "time_encoding": "experts"}),
        ("SASRecMM", {}),
        ("UniSRec", {}),
    ],
    ids=str,
)
def test_padding_behind_all_rows_changes_neither_loss_nor_gradient(make_model, name, settings):
    _, _, loaders, model = make_model(name, train_packing=False, **settings)
    model.eval()  # no dropout, and the same pairs of modalities are drawn
    batch = next(iter(loaders[0]))
    lists = [field for field in batch.columns if batch[field].dim() == 2]
    # the times stand in every row, and how long ago for a model that reads it
    assert len(lists) == (3 if "time_encoding" in settings else 2), lists
    results = []
    for rows in (batch, widened(batch, lists, 9)):
        torch.manual_seed(0)
        model.zero_grad()
        losses = model.calculate_loss(rows)
        sum(losses).backward()
        slopes = [each.grad.clone() for each in model.parameters() if each.grad is not None]
        results.append((losses, slopes))
    (first, first_slopes), (second, second_slopes) = results
    assert all(torch.equal(one, two) for one, two in zip(first, second))
    assert len(first_slopes) == len(second_slopes) > 3
    assert all(torch.equal(one, two) for one, two in zip(first_slopes, second_slopes))


def test_packed_rows_are_taken_as_they_are(make_model):
    _, _, loaders, model = make_model()
    batch = next(iter(loaders[0]))
    assert model.trimmed(batch) is batch
