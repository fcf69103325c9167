"""TedRec against its authors' code and against its equations."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model import tedrec


@pytest.fixture
def both(
    make_model,
    quiet_text_model,
    text_of_all_items,
    authors_text_model,
    copy_adaptor,
    copy_sasrec_encoder,
):
    """Makes loaders, our model, the authors' with the same weights, and what copies them."""

    def copy_weights(model, source) -> None:
        copy_adaptor(model.adaptor, source.moe_adaptor)
        copy_sasrec_encoder(model.encoder, source)
        with torch.no_grad():
            model.id_embedding.weight.copy_(source.item_embedding.weight)
            model.fusion.filter.copy_(source.complex_weight[0])
            for gate, theirs in (
                (model.fusion.filter_gate, source.item_gating),
                (model.fusion.mutual_gate, source.fusion_gating),
            ):
                gate.weight.copy_(theirs.weight)
                gate.bias.copy_(theirs.bias)

    def make(**settings):
        _, _, loaders, ours = make_model("TedRec", **quiet_text_model, **settings)
        theirs = authors_text_model("TedRec", "CAMMSR_TEDREC", loaders[0]._dataset)
        return loaders, ours, theirs, copy_weights

    return make


def test_scores_loss_and_gradients_are_those_of_the_authors_code(
    both, largest_gradient_difference, record_property
):
    loaders, ours, theirs, copy_weights = both(original_defects=True)
    copy_weights(ours, theirs)
    batch = next(iter(loaders[0]))
    (loss,) = ours.calculate_loss(batch)
    expected = theirs.calculate_loss(batch)
    loss.backward()
    expected.backward()
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        scores = ours.eval().full_sort_predict(interaction)[:, 1:]
        their_scores = theirs.eval().full_sort_predict(interaction)[:, 1:]
    gradients = largest_gradient_difference(ours, theirs, copy_weights)
    record_property("loss", float((loss - expected).abs()))
    record_property("scores", float((scores - their_scores).abs().max()))
    record_property("gradients", gradients)
    assert torch.allclose(loss, expected, atol=1e-5, rtol=0)
    assert torch.allclose(scores, their_scores, atol=1e-5, rtol=0)
    assert gradients < 1e-5


def test_without_padding_in_it_the_authors_code_is_ours(both, record_property):
    loaders, ours, theirs, copy_weights = both()
    with torch.no_grad():  # what their code has at padded positions
        theirs.item_embedding.weight[0] = 0
        for expert in theirs.moe_adaptor.experts:
            expert.bias.zero_()
    copy_weights(ours, theirs)
    batch = next(iter(loaders[0]))
    history, length = batch["item_id_list"], batch["item_length"]
    assert (length < history.shape[1]).any()
    texts = theirs.moe_adaptor(theirs.plm_embedding(history))
    users = F.normalize(theirs(history, texts, length), dim=1)
    items = F.normalize(theirs.item_embedding.weight, dim=1)[1:]
    expected = F.cross_entropy(users @ items.t() / theirs.temperature, batch["item_id"] - 1)
    (loss,) = ours.calculate_loss(batch)
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        scores = ours.eval().full_sort_predict(interaction)[:, 1:]
        their_scores = theirs.eval().full_sort_predict(interaction)[:, 1:]
    record_property("loss", float((loss - expected).abs()))
    record_property("scores", float((scores - their_scores).abs().max()))
    assert torch.allclose(loss, expected, atol=1e-5, rtol=0)
    assert torch.allclose(scores, their_scores, atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("defects", [True, False])
def test_scores_follow_the_equations(make_model, quiet_text_model, move_parameters, defects):
    _, dataset, loaders, model = make_model("TedRec", **quiet_text_model, original_defects=defects)
    move_parameters(model)
    model.eval()
    size, adaptor = model.max_seq_length, model.adaptor
    texts, ids = dataset.feature_tables[0].values, model.id_embedding.weight
    interaction, _, _, _ = next(iter(loaders[2]))
    scores = model.full_sort_predict(interaction)
    assert (interaction["item_length"] < size).any()
    for row in range(len(interaction)):
        length = int(interaction["item_length"][row])
        history = interaction["item_id_list"][row]
        of_ids, of_texts = torch.zeros(size, 16), torch.zeros(size, 16)
        for position in range(size if defects else length):
            item = history[position]
            gates = (adaptor.gate.weight @ texts[item]).softmax(dim=0)
            of_ids[position] = ids[item]
            for gate, weight, shift in zip(gates, adaptor.weight, adaptor.shift):
                of_texts[position] += gate * (weight @ (texts[item] - shift[position]))
        fused = model.fusion(of_ids.unsqueeze(0), of_texts.unsqueeze(0))
        state = model.encoder(fused)[0, length - 1]
        expected = F.cosine_similarity(state.unsqueeze(0), ids[1:])
        assert torch.allclose(scores[row, 1:], expected, atol=1e-5)


@pytest.mark.parametrize("defects", [True, False])
def test_trimmed_rows_give_the_same_loss_and_scores(
    make_model, quiet_text_model, move_parameters, defects
):
    _, _, loaders, model = make_model("TedRec", **quiet_text_model, original_defects=defects)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    short = batch["item_length"] < 6
    assert short.any()
    wide, narrow = batch[short], batch[short]
    narrow.update(type(batch)({"item_id_list": wide["item_id_list"][:, :5]}))
    assert torch.allclose(model.calculate_loss(wide)[0], model.calculate_loss(narrow)[0], atol=1e-6)
    model.eval()
    assert torch.allclose(model(wide), model(narrow), atol=1e-6)


@pytest.mark.parametrize("defects", [True, False])
def test_training_reads_what_ranking_reads(make_model, quiet_text_model, move_parameters, defects):
    _, _, loaders, model = make_model("TedRec", **quiet_text_model, original_defects=defects)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    (loss,) = model.calculate_loss(batch)
    model.eval()
    candidates = F.normalize(model.id_embedding.weight, dim=1)[0 if defects else 1 :]
    logits = model(batch) @ candidates.t() / model.temperature
    expected = F.cross_entropy(logits, batch["item_id"] - (0 if defects else 1))
    assert torch.allclose(loss, expected, atol=1e-5)


@pytest.mark.parametrize("defects", [True, False])
def test_rows_taken_a_few_at_a_time_change_neither_loss_nor_gradients(
    make_model, quiet_text_model, move_parameters, monkeypatch, defects
):
    _, _, loaders, model = make_model("TedRec", **quiet_text_model, original_defects=defects)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    results = []
    for at_a_time in (len(batch), 3):
        monkeypatch.setattr(tedrec, "_TRAINED_ROWS", at_a_time)
        model.zero_grad()
        (loss,) = model.calculate_loss(batch)
        loss.backward()
        results.append([loss.detach(), *(part.grad.clone() for part in model.parameters())])
    for whole, few in zip(*results):
        assert torch.allclose(whole, few, atol=1e-6)


def test_packed_rows_are_refused(make_model):
    with pytest.raises(ValueError, match=r"`train_packing` is True.*set `train_packing: False`"):
        make_model("TedRec", train_packing=True)
