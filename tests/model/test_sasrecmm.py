"""SASRecMM is RecBole's SASRec where there is no content; else it adds or joins vectors."""

from __future__ import annotations

import torch
from recbole.utils import get_model


def test_without_content_it_is_recboles_sasrec(make_model, copy_sasrec_encoder):
    quiet = {"hidden_dropout_prob": 0.0, "attn_dropout_prob": 0.0}
    _, _, loaders, model = make_model("SASRecMM", modalities=[], train_packing=False, **quiet)
    config, _, _, _ = make_model("SASRec", **quiet)
    stock = get_model("SASRec")(config, loaders[0]._dataset)
    with torch.no_grad():  # RecBole starts biases at 0 and norms at 1: move them all
        for parameter in stock.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        model.item_init.id_embedding.weight.copy_(stock.item_embedding.weight)
    copy_sasrec_encoder(model.encoder, stock)
    batch = next(iter(loaders[0]))
    # RecBole's softmax has the padding item as a candidate; ours has not
    theirs = stock.forward(batch["item_id_list"], batch["item_length"])
    logits = theirs @ stock.item_embedding.weight[1:].t()
    expected = torch.nn.functional.cross_entropy(logits, batch["item_id"] - 1)
    (loss,) = model.calculate_loss(batch)
    assert torch.allclose(loss, expected, atol=1e-6)
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        ours, stocks = model.eval(), stock.eval()
        scores = ours.full_sort_predict(interaction)[:, 1:]
        assert torch.allclose(scores, stocks.full_sort_predict(interaction)[:, 1:], atol=1e-5)


def test_items_are_sums_or_projected_concatenations(make_model):
    for fusion in ("sum", "concat"):
        _, dataset, _, model = make_model("SASRecMM", multimodal_fusion=fusion)
        table = model.eval().ranking_table()
        assert table.items is table.candidates
        modalities = model.item_init()[0]
        for item in range(dataset.item_num):
            if fusion == "sum":
                expected = modalities[item, 0] + modalities[item, 1] + modalities[item, 2]
            else:
                joined = torch.cat(list(modalities[item]))
                layer = model.concatenated
                expected = layer.weight @ joined + layer.bias
            assert torch.allclose(table.items[item], expected, atol=1e-6)
