"""UniSRec against its authors' code and against its equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F


@pytest.mark.parametrize("defects", [True, False])
@pytest.mark.parametrize("use_id", [True, False])
def test_scores_loss_and_gradients_are_those_of_the_authors_code(
    make_model,
    quiet_text_model,
    text_of_all_items,
    authors_text_model,
    copy_adaptor,
    copy_sasrec_encoder,
    largest_gradient_difference,
    use_id,
    defects,
    record_property,
):
    options = {
        **quiet_text_model,
        "use_id": use_id,
        "original_defects": defects,
        "train_packing": False,
    }
    _, _, loaders, ours = make_model("UniSRec", **options)
    stage = {"train_stage": "transductive_ft" if use_id else "inductive_ft", "lambda": 1e-3}
    dataset = loaders[0]._dataset
    theirs = authors_text_model("UniSRec", "CAMMSR_UNISREC", dataset, **stage)

    def copy_weights(model, source) -> None:
        copy_adaptor(model.adaptor, source.moe_adaptor)
        copy_sasrec_encoder(model.encoder, source)
        if use_id:
            with torch.no_grad():
                model.id_embedding.weight.copy_(source.item_embedding.weight)

    copy_weights(ours, theirs)
    batch = next(iter(loaders[0]))
    (loss,) = ours.calculate_loss(batch)
    if defects:
        expected = theirs.calculate_loss(batch)
    else:  # theirs with the padding item taken out of the candidates
        history, length = batch["item_id_list"], batch["item_length"]
        texts = theirs.moe_adaptor(theirs.plm_embedding(history))
        items = theirs.moe_adaptor(theirs.plm_embedding.weight)
        if use_id:
            items = items + theirs.item_embedding.weight
        users = F.normalize(theirs(history, texts, length), dim=1)
        logits = users @ F.normalize(items, dim=1)[1:].t() / theirs.temperature
        expected = F.cross_entropy(logits, batch["item_id"] - 1)
    loss.backward()
    expected.backward()
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        scores = ours.eval().full_sort_predict(interaction)[:, 1:]
        their_scores = theirs.eval().full_sort_predict(interaction)[:, 1:]
    record_property("loss", float((loss - expected).abs()))
    record_property("scores", float((scores - their_scores).abs().max()))
    gradients = largest_gradient_difference(ours, theirs, copy_weights)
    record_property("gradients", gradients)
    assert torch.allclose(loss, expected, atol=1e-5, rtol=0)
    assert torch.allclose(scores, their_scores, atol=1e-5, rtol=0)
    assert gradients < 1e-5


@pytest.mark.parametrize("use_id", [True, False])
def test_items_and_scores_follow_the_equations(
    make_model, quiet_text_model, move_parameters, use_id
):
    _, dataset, loaders, model = make_model("UniSRec", **quiet_text_model, use_id=use_id)
    move_parameters(model)
    table, adaptor = dataset.feature_tables[0], model.adaptor
    assert 0 < table.covered < dataset.item_num - 1
    items = []
    for item in range(dataset.item_num):
        text = table.values[item]  # as it stands in the file
        if table.present[item]:
            gates = torch.stack([text @ row for row in adaptor.gate.weight]).softmax(dim=0)
            experts = zip(gates, adaptor.weight, adaptor.shift)
            vector = sum(gate * (weight @ (text - shift)) for gate, weight, shift in experts)
        else:
            vector = model.missing
        items.append(vector + model.id_embedding.weight[item] if use_id else vector)
    items = torch.stack(items)
    model.eval()
    assert torch.allclose(model.rows_by_block(), items, atol=1e-6)
    interaction, _, _, _ = next(iter(loaders[2]))
    scores = model.full_sort_predict(interaction)
    for row in range(len(interaction)):
        length = int(interaction["item_length"][row])
        history = interaction["item_id_list"][row, :length]
        state = model.encoder(items[history].unsqueeze(0))[0, -1]
        expected = F.cosine_similarity(state.unsqueeze(0), items[1:])
        assert torch.allclose(scores[row, 1:], expected, atol=1e-5)


@pytest.mark.parametrize("draws", ["position", "item"])
def test_noise_is_drawn_for_each_position_or_item_and_for_each_candidate(
    make_model, quiet_text_model, move_parameters, draws
):
    options = {**quiet_text_model, "noisy_gating": True, "adaptor_draws": draws}
    _, _, _, model = make_model("UniSRec", **options)
    move_parameters(model)
    history = torch.tensor([[5, 7, 5, 0]])
    rows = model.history_rows(history, history > 0)[0].detach()
    assert torch.allclose(rows[0], rows[2], atol=1e-6) == (draws == "item")
    assert not torch.allclose(rows[0], model.rows_by_block()[5], atol=1e-4)
    assert torch.equal(rows[3], torch.zeros(16))
    rows = model.eval().history_rows(history, history > 0)[0].detach()
    assert torch.allclose(rows, model.rows_by_block()[history[0]] * (history[0] > 0)[:, None])


def test_blocks_of_items_change_neither_loss_nor_gradients(make_model, quiet_text_model):
    outcomes = []
    for block in (10**6, 7):
        _, _, loaders, model = make_model("UniSRec", **quiet_text_model, item_block=block)
        (loss,) = model.calculate_loss(next(iter(loaders[0])))
        loss.backward()
        with torch.no_grad():
            table = model.eval().ranking_table().candidates
        outcomes.append((loss.detach(), table, [p.grad for p in model.parameters()]))
    (loss, table, gradients), (other_loss, other_table, other_gradients) = outcomes
    assert torch.allclose(loss, other_loss, atol=1e-6)
    assert torch.allclose(table, other_table, atol=1e-6)
    for one, other in zip(gradients, other_gradients):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_zero_row_among_the_candidates_spoils_only_the_original(make_model, quiet_text_model):
    largest = {}
    for defects in (True, False):
        _, _, loaders, model = make_model(
            "UniSRec", **quiet_text_model, use_id=False, original_defects=defects
        )
        (loss,) = model.calculate_loss(next(iter(loaders[0])))
        loss.backward()
        largest[defects] = float(model.adaptor.shift.grad.abs().max())
    assert largest[True] > 1e6
    assert largest[False] < 10


def test_the_padding_has_a_random_vector_only_in_the_original(make_model, quiet_text_model):
    """A candidate like the others there; here nothing at all."""
    for defects in (True, False):
        model = make_model("UniSRec", **quiet_text_model, original_defects=defects)[3]
        padding, *items = model.id_embedding.weight.detach()
        spread = float(torch.stack(items).std())
        assert float(padding.std()) == pytest.approx(spread if defects else 0, rel=0.6)


@torch.no_grad()
def test_a_row_of_zeros_is_no_text_unless_it_is_standardised(
    make_model, move_parameters, quiet_text_model, toy_path
):
    path = toy_path / "toy" / "toy.text.npz"
    with np.load(path) as content:
        tokens, values = content["item_id"], content["feature"]
    values[0] = 0
    np.savez(path, item_id=tokens, feature=values)
    for scaling, is_text in (("none", False), ("standardise", True)):
        options = {**quiet_text_model, "use_id": False, "feature_scaling": scaling}
        _, dataset, _, model = make_model("UniSRec", **options)
        move_parameters(model)
        item = torch.tensor([dataset.token2id("item_id", tokens[0])])
        assert bool(model.tables[0].present[item])
        assert torch.equal(model.eval().item_rows(item)[0], model.missing) != is_text


def test_host_features_and_scaling(make_model, quiet_text_model):
    tables = {}
    for scaling in ("none", "standardise"):
        for device in ("resident", "host"):
            options = {**quiet_text_model, "feature_scaling": scaling, "feature_device": device}
            model = make_model("UniSRec", **options)[3].eval()
            tables[scaling, device] = model.ranking_table().items.detach()
    for scaling in ("none", "standardise"):
        resident, host = tables[scaling, "resident"], tables[scaling, "host"]
        assert torch.allclose(resident, host, atol=1e-6)
    assert not torch.allclose(tables["none", "host"], tables["standardise", "host"], atol=1e-3)


@pytest.mark.parametrize("name", ["UniSRec", "TedRec"])
def test_one_modality_is_read_and_it_must_be_there(make_model, name):
    _, _, _, model = make_model(name, modalities=["image", "text"])
    assert model.features.dimension == 12
    assert model.provenance.modalities == ("text",)
    _, _, _, model = make_model(name, modalities=["image", "text"], text_modality="image")
    assert model.features.dimension == 7
    for modalities in (["image"], []):
        with pytest.raises(ValueError, match=r"'text'.*not in `modalities`"):
            make_model(name, modalities=modalities)


@pytest.mark.parametrize("name", ["UniSRec", "TedRec"])
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_experts", 0),
        ("temperature", 0),
        ("adaptor_dropout_prob", 2),
        ("feature_scaling", "x"),
        ("adaptor_draws", "x"),
    ],
)
def test_settings_that_cannot_work_are_refused(make_model, name, setting, value):
    with pytest.raises(ValueError, match=f"`{setting}` is {value!r}"):
        make_model(name, **{setting: value})
