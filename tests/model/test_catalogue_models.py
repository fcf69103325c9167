"""What holds of every model of this package, whatever it computes."""

from __future__ import annotations

import pytest
import torch
from recbole.utils import get_trainer
from torch import nn

from recbole_cammsr.data.feature_table import FeatureTable
from recbole_cammsr.model import frozen_features
from recbole_cammsr.model.item_table import RankingTable
from recbole_cammsr.registry import MODELS

#: models whose definition lets one row carry all its prefixes
PACKABLE = ["CAMMSR", "SASRecMM", "UniSRec"]
QUIET = {"hidden_dropout_prob": 0.0, "attn_dropout_prob": 0.0}


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_learns_and_ranking_works(make_model, name):
    config, _, loaders, model = make_model(name)
    before = {key: value.clone() for key, value in model.named_parameters()}
    losses = model.calculate_loss(next(iter(loaders[0])))
    assert len(losses) == len(model.loss_names)
    assert all(torch.isfinite(loss) for loss in losses)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.fit(loaders[0], loaders[1], saved=False, verbose=False)
    trained = dict(model.named_parameters())
    assert not [key for key in before if torch.equal(before[key], trained[key])]
    result = trainer.evaluate(loaders[2], load_best_model=False)
    assert 0 <= result["ndcg@10"] <= 1


@pytest.mark.parametrize("name", PACKABLE)
def test_packed_rows_give_the_loss_of_classic_prefixes(make_model, name):
    options = {**QUIET, "MAX_ITEM_LIST_LENGTH": 50, "train_batch_size": 10**6}
    if name == "CAMMSR":
        options.update(expert_dropout=0.0, swap_weight=0)
    if name == "UniSRec":
        options.update(adaptor_dropout_prob=0.0, noisy_gating=False)
    _, _, (packed, _, _), model = make_model(name, **options)
    _, _, (classic, _, _), _ = make_model(name, **options, train_packing=False)
    one, many = next(iter(packed)), next(iter(classic))
    assert len(one) < len(many)
    for a, b in zip(model.calculate_loss(one), model.calculate_loss(many)):
        assert float(a.detach()) == pytest.approx(float(b.detach()), abs=1e-5)


@pytest.mark.parametrize("name", ["SASRecMM", "HM4SR", "MISSRec"])
def test_a_step_reads_features_on_the_host_some_at_a_time(make_model, monkeypatch, name):
    """Loss and gradients are those of features in memory; a promise of properties/model/*.yaml."""
    asked, stock = [], FeatureTable.rows

    def rows(table, items):
        asked.append(len(items))
        return stock(table, items)

    monkeypatch.setattr(frozen_features, "_BLOCK_BYTES", 8 * 4 * 12)  # 8 rows of text, 13 of image
    found = []
    for device in ("resident", "host"):
        _, _, loaders, model = make_model(name, **QUIET, feature_device=device)
        monkeypatch.setattr(FeatureTable, "rows", rows)
        torch.manual_seed(1)
        loss = sum(model.calculate_loss(next(iter(loaders[0]))))
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            scores = model.eval().full_sort_predict(next(iter(loaders[2]))[0])[:, 1:]
        found.append([loss.detach(), scores, *gradients])
        assert max(asked, default=0) == {"resident": 0, "host": 13}[device]
    for resident, host in zip(*found):
        assert torch.allclose(resident, host, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.usefixtures("two_threads")
def test_a_step_repeats_to_the_last_bit_on_two_threads(make_model, name):
    wide = {"hidden_size": 128, "MAX_ITEM_LIST_LENGTH": 50, "train_batch_size": 10**6}
    if name == "CAMMSR":
        wide.update(time_encoding="experts", expert_size=128)
    _, _, loaders, model = make_model(name, **wide)
    batch = next(iter(loaders[0]))

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        torch.manual_seed(1)
        sum(model.calculate_loss(batch)).backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    first = gradients()
    for _ in range(5):
        for name, one, other in zip(dict(model.named_parameters()), first, gradients()):
            assert torch.equal(one, other), name


@pytest.mark.parametrize("name", MODELS)
def test_what_was_ranked_under_autocast_is_not_kept_for_the_full_precision(make_model, name):
    _, _, loaders, model = make_model(name)
    model.eval()
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        expected = model.full_sort_predict(interaction)
        model.forget_items()  # else those of the full precision would be there already
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = model.full_sort_predict(interaction)
        scores = model.full_sort_predict(interaction)
    assert not torch.equal(mixed[:, 1:].float(), expected[:, 1:])
    assert torch.equal(scores, expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-5), (torch.bfloat16, 0.05)])
def test_a_model_can_have_another_precision(make_model, name, dtype, near):
    _, _, loaders, model = make_model(name)
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        expected = model.eval().full_sort_predict(interaction)[:, 1:]
        scores = model.to(dtype).full_sort_predict(interaction)[:, 1:]
    assert (scores.float() - expected).abs().max() < near
    losses = model.train().calculate_loss(next(iter(loaders[0])))
    sum(losses).backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", MODELS)
def test_predict_gives_the_scores_of_full_ranking(make_model, name):
    _, dataset, loaders, model = make_model(name)
    model.eval()
    interaction, _, _, _ = next(iter(loaders[2]))
    repeated = interaction.repeat(3)
    items = torch.randint(1, dataset.item_num, (len(repeated),))
    repeated.update(type(interaction)({"item_id": items}))
    with torch.no_grad():
        scores = model.full_sort_predict(interaction)
        expected = scores.repeat(3, 1).gather(1, items.unsqueeze(1)).squeeze(1)
        assert torch.allclose(model.predict(repeated), expected, atol=1e-5)
    assert torch.isneginf(scores[:, 0]).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_holds_no_features_and_gives_the_same_ranking(make_model, name):
    _, _, loaders, model = make_model(name)
    state, stored = model.state_dict(), model.other_parameter()
    trainable = {key for key, _ in model.named_parameters()}
    assert all(value.numel() < 64 for key, value in state.items() if key not in trainable)
    interaction, _, _, _ = next(iter(loaders[2]))
    again = make_model(name, seed=7)[3]
    again.load_state_dict(state)
    again.load_other_parameter(stored)
    with torch.no_grad():
        expected = model.eval().full_sort_predict(interaction)
        assert torch.equal(again.eval().full_sort_predict(interaction), expected)


@pytest.mark.parametrize("name", MODELS)
def test_weights_start_with_the_standard_deviation_that_is_set(make_model, name):
    #: these start as torch starts them, or otherwise, as in the authors' code
    others = {
        "HM4SR": ("interactive.", "category_head", "placeholders."),
        "MISSRec": ("adaptors.",),
        "TedRec": ("adaptor.",),
        "UniSRec": ("adaptor.",),
    }
    for std in (0.01, 0.05):
        model = make_model(name, initializer_range=std, hidden_size=32)[3]
        for key, module in model.named_modules():
            if key.startswith(others.get(name, ("none",))):
                continue
            if isinstance(module, (nn.Linear, nn.Embedding)):
                # a fifth of a row of 32 is within chance, of larger ones less
                count = module.weight.numel()
                expected = pytest.approx(std, rel=0.03 + 4 / (2 * count) ** 0.5)
                assert float(module.weight.detach().std()) == expected, key
            if isinstance(module, nn.Linear) and module.bias is not None:
                assert not module.bias.any(), key


@pytest.mark.parametrize("name", MODELS)
def test_what_is_kept_of_items_is_dropped_where_a_model_moves(make_model, name):
    _, _, _, model = make_model(name)
    with torch.no_grad():
        for move in (lambda: model.to("meta"), lambda: model.to_empty(device="cpu")):
            model._table = RankingTable(torch.zeros(1), torch.zeros(1))
            move()
            assert model._table is None


@pytest.mark.parametrize("off", [False, 0])
@pytest.mark.parametrize("name", ["HM4SR", "TedRec"])
def test_models_on_item_ids_refuse_to_go_without(make_model, name, off):
    with pytest.raises(ValueError, match=f"{name} is built on item IDs"):
        make_model(name, use_id=off)


@pytest.mark.parametrize("name", ["HM4SR", "TedRec", "CAMMSR", "MISSRec"])
def test_no_model_guesses_what_an_empty_switch_means(make_model, name):
    with pytest.raises(ValueError, match="`use_id` is None; it must be True or False"):
        make_model(name, use_id=None)


@pytest.mark.parametrize("name", ["SASRecMM", "UniSRec", "TedRec", "MISSRec"])
def test_models_that_read_no_categories_do_not_mind_them(make_model, name):
    """Settings that a comparison shares may have a `category_weight`."""
    _, dataset, _, model = make_model(name, category_weight=0.5, category_field=None)
    assert dataset.categories is None
    assert not [key for key in model.other_parameter()["item_side"] if "categor" in key]
    # checkpoints of versions that noted the categories nevertheless
    earlier = {**model.other_parameter()["item_side"], "categories": "digest"}
    model.load_other_parameter({"item_side": earlier})
