"""The candidate vectors of a catalogue, made by blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch


@pytest.mark.parametrize(
    "settings",
    [{}, {"use_id": False}, {"fusion": "sum"}, {"modalities": []}, {"category_weight": 0}],
    ids=str,
)
@pytest.mark.parametrize("size", [7, 1000])
def test_blocks_give_the_vectors_and_gradients_of_one_piece(make_model, settings, size):
    _, _, _, model = make_model(**settings)
    # in float32 weights this large show how a processor sums blocks of another size
    encoder = model.item_encoder.double()
    torch.manual_seed(0)
    for parameter in encoder.parameters():  # a gate at its start value of zero shows nothing
        torch.nn.init.normal_(parameter)
    whole = encoder.candidates(encoder.views())
    blocks = encoder.catalogue(size).vectors
    assert torch.allclose(blocks, whole, rtol=1e-9, atol=1e-9)
    weight = torch.randn_like(whole)
    parameters = dict(encoder.named_parameters())
    expected = torch.autograd.grad((whole * weight).sum(), parameters.values(), allow_unused=True)
    actual = torch.autograd.grad((blocks * weight).sum(), parameters.values(), allow_unused=True)
    for name, one, other in zip(parameters, expected, actual):
        assert (one is None) == (other is None), name
        if one is not None:
            assert torch.allclose(one, other, rtol=1e-9, atol=1e-9), name


@pytest.mark.parametrize("device", ["model", "host"])  # of the features
@pytest.mark.parametrize(
    "settings",
    [{}, {"use_id": False}, {"fusion": "sum"}, {"modalities": []}, {"category_weight": 0}],
    ids=str,
)
def test_the_table_of_blocks_is_that_of_one_piece(make_model, monkeypatch, settings, device):
    if device == "host":
        settings = {**settings, "feature_device": "host", "feature_dtype": "float32"}
    _, _, _, model = make_model(**settings)
    # as above
    encoder = model.item_encoder.eval().double()
    torch.manual_seed(0)
    for parameter in encoder.parameters():  # a gate at its start value of zero shows nothing
        torch.nn.init.normal_(parameter)
    views = encoder.views(torch.arange(encoder.n_items))
    fused = encoder.fuse(views)
    logits = None if views.prediction is None else views.prediction.logits
    whole = (views.modalities, encoder.item_init.present, fused.items, encoder.candidates(views))
    whole = (*whole, views.weights, fused.attention, logits)
    asked = []
    stock = encoder.views
    monkeypatch.setattr(encoder, "views", lambda items: asked.append(items) or stock(items))
    monkeypatch.setattr("recbole_cammsr.model.item_encoder._BLOCK_ITEMS", 7)
    for name, one, other in zip(encoder.table()._fields, encoder.table(), whole):
        assert (one is None) == (other is None), name
        if one is not None:
            assert one.dtype == other.dtype, name
            assert torch.allclose(one.double(), other.double(), rtol=1e-9, atol=1e-9), name
    assert len(asked) >= 2 * encoder.n_items / 7


def test_an_item_with_no_content_at_all_is_completed_as_well(make_model):
    encoder = make_model(use_id=False)[3].item_encoder
    init, completion = encoder.item_init, encoder.completion
    init.present[7], init.mask[7] = False, True
    torch.nn.init.normal_(completion.by_label)
    views = encoder.views()
    departure = views.prediction.probability[7] - completion.prior
    of_modality = completion.by_label.unflatten(1, (2, -1))
    for m in range(2):
        expected = init.missing[m] + departure @ of_modality[:, m]
        assert torch.allclose(views.modalities[7, m], expected, atol=1e-6)


def test_nothing_of_a_block_is_kept_for_the_backward_pass(make_model):
    _, _, _, model = make_model()
    encoder = model.item_encoder
    width = encoder.item_init.id_embedding.embedding_dim
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.append(tensor.shape) or tensor, lambda tensor: tensor
    ):
        encoder.catalogue(7)
    # the vectors that a block is made from are the embedding's own memory
    assert all(shape == (7, width) or shape[0] < 7 for shape in kept), kept


def test_features_left_in_their_file_are_read_forwards(make_model):
    settings = {"feature_device": "host", "feature_dtype": "float32"}
    _, _, _, model = make_model(**settings)
    encoder = model.item_encoder
    table = encoder.item_init.features[0].table
    assert table.source is not None
    asked = []
    read = type(table).rows

    def spy(self, items):
        if self is table:
            asked.append(self.row_of_item[items.numpy()])
        return read(self, items)

    type(table).rows = spy
    try:
        catalogue = encoder.catalogue(7)
        ranking = encoder.ranking_table(7)
    finally:
        type(table).rows = read
    assert len(asked) > 6
    passes = torch.from_numpy(np.concatenate(asked)).reshape(2, -1)[:, 1:]  # padding comes first
    assert (passes[:, 1:] >= passes[:, :-1]).all()
    ids = torch.arange(encoder.n_items)
    one_piece = encoder.candidates(encoder.views(ids))
    assert not torch.equal(catalogue.rows(ids), ids)
    assert torch.allclose(catalogue.vectors[catalogue.rows(ids)], one_piece, atol=1e-6)
    assert torch.allclose(ranking.candidates, one_piece, atol=1e-6)
    assert int(catalogue.rows(ids)[0]) == 0
