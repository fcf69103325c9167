"""MISSRec against its authors' code and against its equations."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model import missrec

QUIET = {"hidden_dropout_prob": 0.0}


@pytest.fixture
def content_of_all_items(text_of_all_items, toy_path):
    """Rewrites the toy data set's images too: every item has one."""
    with np.load(toy_path / "toy" / "toy.text.npz") as texts:
        tokens = texts["item_id"]
    images = np.random.default_rng(4).normal(size=(len(tokens), 7)).astype(np.float32)
    np.savez(toy_path / "toy" / "toy.image.npz", item_id=tokens, feature=images)


@pytest.fixture
def authors_missrec(make_config, move_parameters, monkeypatch):
    """Makes MISSRec of the authors' code with random weights and the interests of our model.

    Its checkout is the folder that the environment variable names.
    """
    if "CAMMSR_MISSREC" not in os.environ:
        pytest.skip("CAMMSR_MISSREC names no checkout of MISSRec")

    def module(name):
        file = Path(os.environ["CAMMSR_MISSREC"]) / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, file)
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, loaded)
        spec.loader.exec_module(loaded)
        return loaded

    def make(dataset, **settings):
        module("model_utils")
        sizes = {}
        for key, table in zip(("plm", "img"), dataset.feature_tables):
            rows = table.rows(torch.arange(len(table.present)))
            setattr(dataset, f"{key}_embedding", nn.Embedding.from_pretrained(rows, padding_idx=0))
            sizes[f"{key}_size"] = rows.shape[1]
        options = {
            "temperature": 0.07,
            "lambda": 0.001,
            "gamma": 0,
            "modal_type": "img_text",
            "id_type": "id",
            "seq_mm_fusion": "add",
            "interest_ratio": 0.5,
            "knn_local_ratio": 0.1,
            "n_heads": 4,
            **QUIET,
            **sizes,
            **settings,
        }
        torch.manual_seed(5)
        model = module("missrec").MISSRec(make_config("SASRec", **options), dataset)
        move_parameters(model)
        return model

    return make


def copy_weights(model, source) -> None:
    """Give our model the weights of the authors'."""
    decoder = model.decoder
    decoder.position.load_state_dict(source.position_embedding.state_dict())
    decoder.embedding_norm.load_state_dict(source.LayerNorm.state_dict())
    decoder.encoder.load_state_dict(source.trm_model.encoder.state_dict())
    decoder.decoder.load_state_dict(source.trm_model.decoder.state_dict())
    adaptors = [getattr(source, f"{key}_adaptor", None) for key in ("text", "img")]
    for adaptor, theirs in zip(model.adaptors, filter(None, adaptors)):
        adaptor.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        if model.id_embedding is not None:
            model.id_embedding.weight.copy_(source.item_embedding.weight)
        if model.fusion is not None and model.fusion.factor is not None:
            model.fusion.factor.copy_(source.fusion_factor)


def copy_interests(theirs, ours) -> None:
    found = ours.interests()
    assert len(found.vectors) == len(theirs.interest_embeddings)
    theirs.interest_embeddings.copy_(found.vectors)
    theirs.plm_interest_lookup_table.copy_(found.of_items[:, 0])
    if found.of_items.shape[1] > 1:
        theirs.img_interest_lookup_table.copy_(found.of_items[:, 1])


@pytest.mark.parametrize("defects", [True, False])
@pytest.mark.parametrize(
    ("use_id", "fusion"),
    [(True, "shared"), (False, "shared"), (True, "static"), (True, "item"), (True, "one modality")],
)
def test_scores_loss_and_gradients_are_those_of_the_authors_code(
    request, make_model, authors_missrec, largest_gradient_difference, record_property, use_id,
    fusion, defects,
):  # fmt: skip
    if not defects:  # theirs reads missing content as zeros: ours needs to have it all
        request.getfixturevalue("content_of_all_items")
    settings = {"use_id": use_id, "original_defects": defects, "interest_weight": 0, **QUIET}
    stage = {"train_stage": "transductive_ft" if use_id else "inductive_ft"}
    if fusion == "one modality":
        settings["modalities"], stage["modal_type"] = ["text"], "text"
        stage["item_mm_fusion"] = "static"
    else:
        settings["candidate_fusion"] = fusion
        names = {"shared": "dynamic_shared", "item": "dynamic_instance", "static": "static"}
        stage["item_mm_fusion"] = names[fusion]
    _, _, loaders, ours = make_model("MISSRec", **settings)
    theirs = authors_missrec(loaders[0]._dataset, **stage)
    copy_weights(ours, theirs)
    copy_interests(theirs, ours)
    batch = next(iter(loaders[0]))
    (loss,) = ours.calculate_loss(batch)
    if defects:
        expected = theirs.calculate_loss(batch)
    else:  # theirs with the padding item taken out of the candidates
        logits = theirs.full_sort_predict(batch)[:, 1:]
        expected = F.cross_entropy(logits, batch["item_id"] - 1)
    loss.backward()
    expected.backward()
    gradients = largest_gradient_difference(ours, theirs, copy_weights)
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        ours.eval()
        copy_interests(theirs.eval(), ours)
        scores = ours.full_sort_predict(interaction)[:, 1:]
        their_scores = theirs.full_sort_predict(interaction)[:, 1:] * theirs.temperature
    record_property("loss", float((loss - expected).abs()))
    record_property("scores", float((scores - their_scores).abs().max()))
    record_property("gradients", gradients)
    assert torch.allclose(loss, expected, atol=1e-5, rtol=0)
    assert torch.allclose(scores, their_scores, atol=1e-5, rtol=0)
    assert gradients < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("use_id", [True, False])
@pytest.mark.parametrize("modalities", [["text", "image"], ["image"]])
def test_scores_follow_the_equations(make_model, move_parameters, use_id, modalities):
    options = {"use_id": use_id, "modalities": modalities}
    _, dataset, loaders, model = make_model("MISSRec", **options)
    move_parameters(model)
    model.eval()
    tables, found = dataset.feature_tables, model.interests()
    contents = [
        {
            m: adaptor(table.values[item].float())
            for m, (adaptor, table) in enumerate(zip(model.adaptors, tables))
            if table.present[item]
        }
        for item in range(dataset.item_num)
    ]
    assert any(len(each) < len(tables) for each in contents[1:])
    ids = model.id_embedding.weight if use_id else torch.zeros(dataset.item_num, 16)
    sums = [sum(each.values()) + ids[item] for item, each in enumerate(contents)]
    interaction, _, _, _ = next(iter(loaders[2]))
    scores = model.full_sort_predict(interaction)
    for row in range(0, len(interaction), 5):
        length = int(interaction["item_length"][row])
        history = interaction["item_id_list"][row, :length]
        numbers = sorted({int(n) for item in history for n in found.of_items[item] if n})
        interests = found.vectors[numbers or [0]].unsqueeze(0)
        ends, _ = model.decoder(
            torch.stack([sums[item] for item in history]).unsqueeze(0),
            torch.ones(1, length, dtype=torch.bool),
            interests,
            torch.full(interests.shape[:2], bool(numbers)),
            torch.tensor([length - 1]),
        )
        user = ends[0]

        def cosine(vector, user=user):
            return float(F.cosine_similarity(user, vector, dim=0))

        for item in range(1, dataset.item_num):
            if len(tables) == 1:
                expected = cosine(sums[item]) if use_id or contents[item] else 0.0
            else:
                held = torch.tensor([cosine(vector) for vector in contents[item].values()])
                expected = float(((model.fusion.factor * held).softmax(dim=0) * held).sum())
                if use_id:
                    expected = (cosine(ids[item]) + len(held) * expected) / (1 + len(held))
            assert float(scores[row, item]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("defects", [True, False])
@pytest.mark.parametrize("modalities", [["text", "image"], ["text"]])
def test_training_reads_what_ranking_reads(make_model, move_parameters, defects, modalities):
    options = {"original_defects": defects, "modalities": modalities, **QUIET}
    _, dataset, loaders, model = make_model("MISSRec", **options)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    loss, penalty = model.calculate_loss(batch)
    model.eval()
    first = 0 if defects else 1
    items = torch.arange(first, dataset.item_num)
    logits = model.scores(model(batch), model.ranking_table().candidates[first:], items)
    expected = F.cross_entropy(logits / model.temperature, batch["item_id"] - first)
    assert torch.allclose(loss, expected, atol=1e-5)
    assert model.loss_names == ("recommendation", "interests")
    assert 0 < float(penalty) < model.interest_weight * len(batch) * 10


def test_the_penalty_is_the_sum_over_the_rows(make_model, move_parameters):
    """So a batch twice as large weighs it twice as much."""
    _, _, loaders, model = make_model("MISSRec", **QUIET)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    rows = [batch[row : row + 1] for row in range(len(batch))]
    with torch.no_grad():
        _, penalty = model.calculate_loss(batch)
        alone = sum(model.calculate_loss(row)[1] for row in rows)
    assert len(rows) > 10
    assert torch.allclose(penalty, alone, rtol=1e-4)


def test_parts_of_a_batch_change_neither_loss_nor_gradients(
    make_model, move_parameters, monkeypatch
):
    _, dataset, loaders, model = make_model("MISSRec", **QUIET)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    results = []
    for rows, held in ((len(batch), 10**9), (3, 7 * 3 * dataset.item_num)):
        monkeypatch.setattr(missrec, "_TRAINED_ROWS", rows)
        model.max_logits = held
        model.zero_grad()
        losses = model.calculate_loss(batch)
        sum(losses).backward()
        results.append([*losses, *(part.grad.clone() for part in model.parameters())])
    for whole, few in zip(*results):
        assert torch.allclose(whole, few, atol=1e-6)


def test_content_that_an_item_lacks_counts_for_nothing(make_model, move_parameters):
    _, dataset, loaders, model = make_model("MISSRec", **QUIET)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    before = model.calculate_loss(batch)
    lacking = ~torch.stack([table.present for table in dataset.feature_tables], dim=1)
    assert lacking[1:].any()
    for index, features in enumerate(model.features):
        features.values[lacking[:, index]] = 5.0
    model.forget_items()
    for ours, expected in zip(model.calculate_loss(batch), before):
        assert torch.equal(ours, expected)


def test_interests_are_found_once_an_epoch_and_once_an_evaluation(make_model, monkeypatch):
    _, _, loaders, model = make_model("MISSRec")
    found = []

    def counted(*args):
        found.append(missrec_discover(*args))
        return found[-1]

    missrec_discover = missrec.discover
    monkeypatch.setattr(missrec, "discover", counted)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for epoch in range(2):
        model.train()
        for batch in loaders[0]:
            optimizer.zero_grad()
            sum(model.calculate_loss(batch)).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for interaction, _, _, _ in loaders[1]:
                model.full_sort_predict(interaction)
        assert len(found) == 2 * (epoch + 1)
    assert not torch.equal(found[0].vectors, found[1].vectors)


def test_a_fused_step_in_eval_mode_has_interests_found_anew(make_model):
    _, _, loaders, model = make_model("MISSRec")
    interaction, batch = next(iter(loaders[2]))[0], next(iter(loaders[0]))
    model.eval()
    try:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05, fused=True)
    except RuntimeError as error:  # torch before 2.4 fuses on a GPU alone
        pytest.skip(str(error))
    with torch.no_grad():
        model.full_sort_predict(interaction)
    sum(model.calculate_loss(batch)).backward()
    optimizer.step()
    with torch.no_grad():
        after = model.full_sort_predict(interaction)
        model.forget_items()
        assert torch.equal(after, model.full_sort_predict(interaction))


def test_histories_without_content_are_ranked_and_learned_from(make_model, toy_path):
    for name in ("text", "image"):
        file = toy_path / "toy" / f"toy.{name}.npz"
        with np.load(file) as content:
            kept = {key: content[key][5:9] for key in content.files}
        np.savez(file, **kept)
    _, dataset, loaders, model = make_model("MISSRec", use_id=False)
    bare = ~torch.stack([table.present for table in dataset.feature_tables]).any(dim=0)
    batch = next(iter(loaders[0]))
    assert bare[batch["item_id_list"]].all(dim=1).any()
    losses = model.calculate_loss(batch)
    sum(losses).backward()
    assert all(torch.isfinite(part.grad).all() for part in model.parameters())
    assert max(float(part.grad.abs().max()) for part in model.parameters()) < 1e3
    with torch.no_grad():
        assert torch.isfinite(model.eval().full_sort_predict(batch)[:, 1:]).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"train_packing": True}, r"`train_packing` is True.*set `train_packing: False`"),
        ({"modalities": []}, r"`modalities` is empty.*name a modality"),
        ({"n_layers": 3}, r"`n_layers` is 3; .* take an even number"),
        ({"interest_share": 1.5}, r"`interest_share` is 1.5; it must be between 0 and 1"),
        ({"candidate_fusion": "dynamic"}, "must be one of static, shared, item"),
        ({"interest_weight": -1}, "`interest_weight` is -1; it must be 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(make_model, settings, says):
    with pytest.raises(ValueError, match=says):
        make_model("MISSRec", **settings)
