"""CAMMSR inside RecBole: protocols agree, switches switch, checkpoints are small and safe."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.data.packing import TARGET_COUNT_FIELD
from recbole_cammsr.model.modality_swap import swapped_views
from recbole_cammsr.model.sampled_softmax import sampled_cross_entropy

ABLATIONS = [
    {},
    {"fusion": "sum"},
    {"category_weight": 0},
    {"swap_weight": 0},
    {"norm": "dyt"},
    {"norm_first": True},
    {"norm": "dyt", "norm_first": True},
    {"position_encoding": "absolute"},
    {"history_scale": 0},
    {"modalities": ["text"]},
    {"modalities": ["image"], "use_id": False, "fusion": "sum"},
    {"modalities": ["image"], "use_id": False},
    {"use_id": False},
    {"modalities": [], "category_weight": 0},
    {"category_field": "genres"},
    {"time_encoding": "interval", "MAX_ITEM_LIST_LENGTH": 50},
    {"time_encoding": "experts", "temporal_experts": 3},
    {"time_encoding": "experts", "softmax_samples": 8},
    {"scoring": "cosine"},
    {"experts_per_view": 2, "feature_dtype": "float16"},
]


TIME_ENCODINGS = ["none", "interval", "experts"]


def ids(settings):
    return ",".join(f"{key}={value}" for key, value in settings.items()) or "full"


def trainer_of(config, model):
    from recbole.utils import get_trainer

    return get_trainer(config["MODEL_TYPE"], config["model"])(config, model)


@pytest.mark.parametrize("settings", ABLATIONS, ids=ids)
def test_every_switch_trains_and_ranks(make_model, settings):
    config, _dataset, loaders, model = make_model(**settings)
    before = {name: value.clone() for name, value in model.named_parameters()}
    batch = next(iter(loaders[0]))
    losses = model.calculate_loss(batch)
    assert len(losses) == len(model.loss_names)
    assert all(torch.isfinite(loss) for loss in losses)
    trainer = trainer_of(config, model)
    trainer.fit(loaders[0], loaders[1], saved=False, verbose=False)
    trained = dict(model.named_parameters())
    still = [name for name in before if torch.equal(before[name], trained[name])]
    assert not still  # a part that no gradient reaches would be a part that does nothing
    result = trainer.evaluate(loaders[2], load_best_model=False)
    assert 0 <= result["ndcg@10"] <= 1


def test_loss_names_follow_the_switches(make_model):
    assert make_model()[3].loss_names == ("recommendation", "category", "swap")
    assert make_model(swap_weight=0)[3].loss_names == ("recommendation", "category")
    assert make_model(category_weight=0)[3].loss_names == ("recommendation", "swap")
    alone = make_model(modalities=[], category_weight=0)[3]
    assert alone.loss_names == ("recommendation",)  # one modality has nothing to swap with


def test_a_swap_that_was_asked_for_and_cannot_be_is_remarked_on(make_model, caplog):
    alone = {"modalities": [], "category_weight": 0}
    says = "`swap_weight: 0.5` is not used: items have one modality"
    for settings, warned in (({"swap_weight": 0.5}, False), ({"swap_weight": 0.5, **alone}, True)):
        caplog.clear()
        make_model(**settings)
        assert (says in caplog.text) == warned
    for settings in (alone, {"swap_weight": 0, **alone}):  # by default nobody asked for it
        caplog.clear()
        make_model(**settings)
        assert "swap_weight" not in caplog.text


@pytest.mark.parametrize("time_encoding", TIME_ENCODINGS)
def test_packed_rows_give_the_logits_of_classic_prefixes(
    make_model, move_parameters, time_encoding
):
    settings = {"MAX_ITEM_LIST_LENGTH": 50, "time_encoding": time_encoding}
    _, _, (packed, _, _), model = make_model(**settings)
    _, _, (classic, _, _), _ = make_model(**settings, train_packing=False)
    move_parameters(model)
    model.eval()
    with torch.no_grad():
        of_prefix = {
            (int(user), int(length), int(target)): scores
            for batch in classic
            for user, length, target, scores in zip(
                batch["user_id"],
                batch["item_length"],
                batch["item_id"],
                model.full_sort_predict(batch),
            )
        }
        table = model.ranking_table()
        compared = 0
        for batch in packed:
            states = model.encoder(table.items[batch["item_id_list"]], model._times(batch))
            logits = model.user_vectors(states) @ table.candidates.t()
            for row in range(len(batch["user_id"])):
                items = [*batch["item_id_list"][row, : batch["item_length"][row]].tolist()]
                items.append(int(batch["item_id"][row]))
                for position in range(int(batch["item_length"][row])):
                    key = (int(batch["user_id"][row]), position + 1, items[position + 1])
                    expected = of_prefix.pop(key)
                    assert torch.allclose(logits[row, position, 1:], expected[1:], atol=1e-5)
                    compared += 1
    assert compared > 100
    assert not of_prefix


@pytest.mark.parametrize("time_encoding", TIME_ENCODINGS)
def test_packed_and_classic_training_losses_agree_without_noise(
    make_model, move_parameters, time_encoding
):
    quiet = {
        "time_encoding": time_encoding,
        "hidden_dropout_prob": 0.0,
        "attn_dropout_prob": 0.0,
        "expert_dropout": 0.0,
        "swap_weight": 0,
        "MAX_ITEM_LIST_LENGTH": 50,
        "train_batch_size": 10**6,
    }
    _, _, (packed, _, _), model = make_model(**quiet)
    _, _, (classic, _, _), _ = make_model(**quiet, train_packing=False)
    move_parameters(model)
    one, many = next(iter(packed)), next(iter(classic))
    for a, b in zip(model.calculate_loss(one), model.calculate_loss(many)):
        assert abs(float(a) - float(b)) < 1e-5


def users_and_targets(model, batch, states):
    """The trained positions of every row, one after the other."""
    users, targets = [], []
    for row in range(len(states)):
        length = int(batch["item_length"][row])
        count = int(batch[TARGET_COUNT_FIELD][row]) if TARGET_COUNT_FIELD in batch else 1
        items = [*batch["item_id_list"][row, :length].tolist(), int(batch["item_id"][row])]
        for position in range(length - count, length):
            users.append(states[row, position])
            targets.append(items[position + 1])
    return torch.stack(users), torch.tensor(targets)


def naive_category_loss(model, table, items):
    """Mean over those of some items that have a label."""
    labels = model.item_encoder.category_targets
    labelled = [item for item in items if labels[item].any()]
    logits, labels = table.category_logits[labelled], labels[labelled].float()
    if model.item_encoder.category_head.multi_label:
        return F.binary_cross_entropy_with_logits(logits, labels)
    return F.cross_entropy(logits, labels)


def naive_swap_loss(a, b, targets, temperature):
    """Both directions of InfoNCE; rows with the same next item are no negatives."""
    similarity = F.cosine_similarity(a.unsqueeze(1), b, dim=2) / temperature
    total = 0
    for row, target in enumerate(targets):
        others = [other for other, it in enumerate(targets) if other == row or it != target]
        for direction in (similarity[row], similarity[:, row]):
            total = total + torch.logsumexp(direction[others], dim=0) - direction[row]
    return total / (2 * len(targets))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"train_packing": False},
        {"scoring": "cosine"},
        {"category_field": "genres"},
        {"use_id": False},
        {"time_encoding": "interval"},
        {"time_encoding": "experts"},
        {"item_block": 7, "train_batch_size": 8},  # few items: no history has the next one
        {"item_block": 7, "feature_device": "host"},
        {"softmax_samples": 8, "train_batch_size": 8},
    ],
    ids=ids,
)
def test_losses_are_those_of_their_definitions(make_model, move_parameters, settings):
    _, _, (loader, _, _), model = make_model(
        hidden_dropout_prob=0.0,
        attn_dropout_prob=0.0,
        expert_dropout=0.0,
        category_weight=0.3,
        swap_weight=0.7,
        swap_ratio=0.2,
        swap_temperature=0.5,
        score_temperature=0.25,
        **settings,
    )
    move_parameters(model)
    batch = next(iter(loader))
    history, last, target = batch["item_id_list"], batch["item_length"] - 1, batch["item_id"]
    drawn = torch.tensor([3, 5, 3, 9])
    if "softmax_samples" in settings:
        model.sampler.draw = lambda: drawn
    torch.manual_seed(1)
    recommendation, category, swap = model.calculate_loss(batch)

    table = model.item_table()
    states = model.encoder(table.items[history], model._times(batch))
    users, targets = users_and_targets(model, batch, states)
    if "softmax_samples" in settings:
        of_items = table.candidates[targets], targets, table.candidates[drawn], drawn
        expected = sampled_cross_entropy(users, *of_items, model.sampler.log_expected[drawn])
    else:
        logits = users @ table.candidates.t()
        if "scoring" in settings:
            of_candidates = table.weights.unsqueeze(2) * table.modalities
            logits = F.cosine_similarity(users.unsqueeze(1), of_candidates.sum(dim=1), dim=2) / 0.25
        expected = F.cross_entropy(logits[:, 1:], targets - 1)
    assert torch.allclose(recommendation, expected, atol=1e-5)

    seen = {*history.flatten().tolist(), *target.tolist()}
    if "softmax_samples" in settings:
        seen |= set(drawn.tolist())
    elif "item_block" not in settings:
        seen = range(len(table.items))
    expected = 0.3 * naive_category_loss(model, table, sorted(seen))
    assert torch.allclose(category, expected, atol=1e-5)

    torch.manual_seed(1)  # the same pairs and swaps
    mask = model.item_encoder.item_init.mask[history] & (history > 0).unsqueeze(2)
    rows, of_views = torch.arange(len(history)), []
    times = None if model.time_list is None else batch[model.time_list]
    for view in swapped_views(table.modalities[history], mask, 0.2):
        of_views.append(model.encoder(view, times)[rows, last])
    expected = 0.7 * naive_swap_loss(*of_views, target.tolist(), 0.5)
    assert torch.allclose(swap, expected, atol=1e-5)


def test_predict_agrees_with_full_sort_predict_in_shape_and_value(make_model):
    _, _, loaders, model = make_model()
    model.eval()
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        scores = model.full_sort_predict(interaction)
        one = model.predict(interaction)
    assert one.shape == (len(interaction["user_id"]),)
    assert torch.allclose(one, scores.gather(1, interaction["item_id"].unsqueeze(1)).squeeze(1))
    assert torch.isneginf(scores[:, 0]).all()


@pytest.mark.parametrize("time_encoding", TIME_ENCODINGS)
def test_predict_of_repeated_histories_equals_full_ranking(make_model, time_encoding):
    _, dataset, loaders, model = make_model(time_encoding=time_encoding)
    model.eval()
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        scores = model.full_sort_predict(interaction)
        repeated = interaction.repeat(5)
        items = torch.randint(1, dataset.item_num, (len(repeated),))
        repeated.update(type(interaction)({"item_id": items}))
        expected = scores.repeat(5, 1).gather(1, items.unsqueeze(1)).squeeze(1)
        assert torch.allclose(model.predict(repeated), expected, atol=1e-6)


def test_histories_that_differ_in_a_part_of_a_second_are_told_apart(make_model, move_parameters):
    _, _, loaders, model = make_model(time_encoding="experts")
    move_parameters(model)
    interaction = next(iter(loaders[2]))[0]
    twice = interaction.repeat(2)
    times = twice[model.time_list].clone()
    times[len(interaction) :] += 0.05 * torch.arange(times.shape[1])
    twice.interaction[model.time_list] = times
    with torch.no_grad():
        expected = model.eval().forward(twice)
        assert torch.allclose(model.user_of_each_row(twice), expected, atol=1e-6)
    assert not torch.allclose(*expected.chunk(2), atol=1e-3)


def test_sampled_evaluation_works(make_model):
    config, _, loaders, model = make_model(
        eval_args={"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "uni20"}
    )
    result = trainer_of(config, model).evaluate(loaders[2], load_best_model=False)
    assert 0 < result["recall@10"] <= 1


def test_the_item_table_is_kept_in_evaluation_and_never_stale(make_model):
    _, _, _loaders, model = make_model()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    model.eval()
    with torch.no_grad():
        first = model.ranking_table()
        assert model.ranking_table() is first
        for name in state:
            state[name] = state[name] + 0.1 if state[name].is_floating_point() else state[name]
        model.load_state_dict(state)
        second = model.ranking_table()
        assert not torch.allclose(first.items, second.items)
        assert model.train().ranking_table() is not model.ranking_table()
        assert torch.allclose(model.eval().ranking_table().items, second.items)
        next(model.item_encoder.parameters()).data.add_(1.0)  # leaves no trace
        assert not torch.allclose(model.train().eval().ranking_table().items, second.items)
    assert model.ranking_table().items.requires_grad  # with gradients nothing is kept


def _step(model, parameter, **options):
    parameter.grad = torch.ones_like(parameter)
    torch.optim.Adam([parameter], **options).step()


def _fused_step(model, parameter):
    """As torch takes it on a GPU where asked to: the parameter does not say that it was changed."""
    try:
        _step(model, parameter, fused=True)
    except RuntimeError as error:  # torch before 2.4 fuses on a GPU alone
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "change",
    [
        lambda model, parameter: parameter.add_(1),
        _step,
        _fused_step,
        lambda model, parameter: model.item_encoder.load_state_dict(
            {name: value + 1 for name, value in model.item_encoder.state_dict().items()}
        ),
        lambda model, parameter: model.item_encoder.load_state_dict(
            {name: value + 1 for name, value in model.item_encoder.state_dict().items()},
            assign=True,
        ),
    ],
    ids=["in_place", "optimizer", "fused", "part_loaded", "part_assigned"],
)
def test_parameters_changed_in_eval_mode_change_the_scores(make_model, change):
    """Averages of weights, fine-tuning without dropout: nobody switches the mode in between."""
    _, _, loaders, model = make_model()
    interaction = next(iter(loaders[2]))[0]
    model.eval()
    with torch.no_grad():
        before = model.full_sort_predict(interaction)
        assert torch.equal(model.full_sort_predict(interaction), before)
        change(model, model.item_encoder.item_init.id_embedding.weight)
        after = model.full_sort_predict(interaction)
        model.forget_items()
        assert torch.equal(after, model.full_sort_predict(interaction))
    assert not torch.allclose(after, before)


def test_parameters_assigned_again_and_again_change_the_scores(make_model):
    """New tensors each time, none of them ever changed in place."""
    _, _, loaders, model = make_model()
    interaction, encoder = next(iter(loaders[2]))[0], model.eval().item_encoder
    found = []
    with torch.no_grad():
        for _ in range(3):
            changed = {name: value + 1 for name, value in encoder.state_dict().items()}
            encoder.load_state_dict(changed, assign=True)
            found.append(model.full_sort_predict(interaction))
            model.forget_items()
            assert torch.equal(found[-1], model.full_sort_predict(interaction))
    assert not torch.allclose(found[0], found[1])


def test_a_model_of_inference_mode_ranks_and_is_never_stale(make_model):
    """Its parameters do not tell how often they were changed."""
    with torch.inference_mode():
        _, _, loaders, model = make_model()
        interaction = next(iter(loaders[2]))[0]
        before = model.eval().full_sort_predict(interaction)
        model.load_state_dict({name: value + 0.1 for name, value in model.state_dict().items()})
        after = model.full_sort_predict(interaction)
        model.forget_items()
        assert torch.equal(after, model.full_sort_predict(interaction))
    assert not torch.allclose(after, before)


@pytest.mark.parametrize("settings", [{"complete_missing": False}, {"category_weight": 0}], ids=ids)
def test_missing_modalities_get_no_weight_and_shares_sum_up(make_model, settings):
    _, _, _, model = make_model(**settings)
    assert model.item_encoder.completion is None
    model.eval()
    with torch.no_grad():
        table = model.item_table()
    mask = model.item_encoder.item_init.mask
    assert (~mask).any()
    assert (table.weights[~mask] == 0).all()
    assert torch.allclose(table.weights.sum(dim=1), torch.full((len(mask),), 3.0), atol=1e-5)
    assert torch.allclose(table.attention.sum(dim=1), torch.ones(len(mask)), atol=1e-5)
    unusable = (~mask).float() @ model.item_encoder.camoe.sees.t().float() > 0
    assert (table.attention[unusable] == 0).all()


def test_missing_modalities_are_completed_by_category(make_model, move_parameters):
    _, _, _, model = make_model()
    plain = make_model(complete_missing=False)[3]
    move_parameters(model)
    left_over = plain.load_state_dict(model.state_dict(), strict=False)
    assert left_over.unexpected_keys == ["item_encoder.completion.by_label"]
    encoder = model.item_encoder
    with torch.no_grad():
        table, before = model.eval().item_table(), plain.eval().item_table()
        p = torch.softmax(before.category_logits, dim=1)
    present = encoder.item_init.present
    labels = encoder.category_targets[1:].float()
    prior = labels[labels.any(dim=1)].mean(dim=0)  # one label an item
    d = table.modalities.shape[2]
    by_label = encoder.completion.by_label.detach()
    changed = 0
    for item in range(len(present)):
        for m in range(3):
            expected = before.modalities[item, m].clone()
            if not present[item, m]:
                for label in range(len(prior)):
                    part = by_label[label, (m - 1) * d : m * d]
                    expected += (p[item, label] - prior[label]) * part
                changed += 1
            assert torch.allclose(table.modalities[item, m], expected, atol=1e-5)
    assert changed > 5
    # completed modalities are weighed and scored; experts keep to what the item really has
    assert (table.weights > 0).all()
    weighed = (table.weights.unsqueeze(2) * table.modalities).sum(dim=1)
    assert torch.allclose(table.candidates, weighed, atol=1e-5)
    unusable = (~encoder.item_init.mask).float() @ encoder.camoe.sees.t().float() > 0
    assert (table.attention[unusable] == 0).all()


@pytest.mark.usefixtures("text_of_all_items")
def test_nothing_is_completed_where_nothing_is_missing(make_model):
    assert make_model(modalities=["text"])[3].item_encoder.completion is None


def change_item(path, token, factor):
    with np.load(path) as stored:
        tokens, values = stored["item_id"], stored["feature"].copy()
    values[tokens == token] *= factor
    return tokens, values


def test_row_order_changes_nothing(make_model, toy_path):
    _, _, loaders, model = make_model()
    path = toy_path / "toy" / "toy.text.npz"
    interaction, _, _, _ = next(iter(loaders[2]))
    model.eval()
    with torch.no_grad():
        before = model.full_sort_predict(interaction)
    with np.load(path) as stored:
        tokens, values = stored["item_id"], stored["feature"]
    order = np.random.default_rng(3).permutation(len(tokens))
    np.savez(path, item_id=tokens[order], feature=values[order])
    again = make_model()[3]
    again.load_state_dict(model.state_dict())
    again.load_other_parameter(model.other_parameter())
    again.eval()
    with torch.no_grad():
        assert torch.equal(again.full_sort_predict(interaction), before)


def test_a_feature_of_one_item_moves_that_item_alone(make_model):
    """Catalogue statistics stay: only the changed item's representation may differ."""
    _, _dataset, _, model = make_model()
    model.eval()
    item = 7
    with torch.no_grad():
        before = model.ranking_table().items.clone()
        model.item_encoder.item_init.features[0].values[item] += 1.0
        model.train().eval()
        after = model.ranking_table().items
    differs = (before != after).any(dim=1)
    assert differs.nonzero().flatten().tolist() == [item]


def test_checkpoints_hold_no_features_and_refuse_changed_files(make_model, toy_path):
    _, _, _, model = make_model()
    assert not [name for name in model.state_dict() if "features" in name or "target" in name]
    stored = io.BytesIO()
    torch.save(model.state_dict(), stored)
    trainable = sum(p.numel() for p in model.parameters()) * 4
    assert len(stored.getvalue()) < trainable + 40_000

    para = model.other_parameter()
    path = toy_path / "toy" / "toy.image.npz"
    with np.load(path) as content:
        tokens, values = content["item_id"], content["feature"].copy()
    values[3] += 1
    np.savez(path, item_id=tokens, feature=values)
    changed = make_model()[3]
    changed.load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match=r"'image'.*toy\.image\.npz") as caught:
        changed.load_other_parameter(para)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [{}, {"feature_device": "host"}, {"softmax_samples": 8}],
    ids=ids,
)
def test_checkpoints_hold_what_is_learned_and_nothing_else(make_model, settings):
    _, _, _, model = make_model(**settings)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize("model", ["CAMMSR", "SASRecMM"])
def test_a_checkpoint_is_refused_where_its_items_have_other_ids(make_model, toy_path, model):
    settings = {"modalities": [], "category_weight": 0}
    para = make_model(model, **settings)[3].other_parameter()
    make_model(model, **settings)[3].load_other_parameter(para)
    older = {"item_side": {key: it for key, it in para["item_side"].items() if key != "items"}}
    path = toy_path / "toy" / "toy.inter"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(lines)]) + "\n")
    turned = make_model(model, **settings)[3]
    with pytest.raises(ValueError, match=r"the items are not those .* other ids") as caught:
        turned.load_other_parameter(para)
    assert "\n" not in str(caught.value)
    turned.load_other_parameter(older)  # of a checkpoint from before there was a digest


@pytest.mark.parametrize("model", ["CAMMSR", "HM4SR", "MISSRec", "SASRecMM", "TedRec", "UniSRec"])
def test_a_checkpoint_of_more_items_is_refused_in_a_sentence(make_model, toy_path, model):
    stored = make_model(model)[3].state_dict()
    path = toy_path / "toy" / "toy.inter"
    lines = path.read_text().splitlines()
    gone = lines[1].split("\t")[1]
    path.write_text("\n".join(line for line in lines if line.split("\t")[1] != gone) + "\n")
    with pytest.raises(ValueError, match="there are 39 items, and 40 in the checkpoint; use the"):
        make_model(model)[3].load_state_dict(stored)


@pytest.mark.parametrize("model", ["CAMMSR", "HM4SR", "MISSRec", "SASRecMM"])
def test_a_checkpoint_is_refused_where_its_modalities_stand_in_another_order(
    make_model, toy_path, model
):
    """Where dimensions are equal nothing else would tell."""
    text, image = (toy_path / "toy" / f"toy.{name}.npz" for name in ("text", "image"))
    with np.load(text) as content:
        np.savez(image, item_id=content["item_id"], feature=content["feature"][::-1])
    trained = make_model(model)[3]
    para = trained.other_parameter()
    make_model(model)[3].load_other_parameter(para)
    turned = make_model(model, modalities=["image", "text"])[3]
    turned.load_state_dict(trained.state_dict())
    with pytest.raises(ValueError, match=r"`modalities` are image, text, .* text, image; name"):
        turned.load_other_parameter(para)
    del para["item_side"]["order"]  # of a checkpoint from before it was kept
    turned.load_other_parameter(para)


def test_a_history_scale_that_times_take_the_place_of_is_remarked_on(make_model, caplog):
    for encoding, said in (("none", False), ("experts", True)):
        caplog.clear()
        make_model(history_scale=0.1, time_encoding=encoding)
        assert ("`history_scale` is not used" in caplog.text) == said


def test_a_checkpoint_of_other_dimensions_is_refused_in_a_sentence(make_model, toy_path):
    _, _, _, model = make_model()
    path = toy_path / "toy" / "toy.image.npz"
    with np.load(path) as content:
        tokens, values = content["item_id"], content["feature"]
    np.savez(path, item_id=tokens, feature=np.concatenate([values, values], axis=1))
    with pytest.raises(ValueError, match="'image' has dimension 14 and the checkpoint 7"):
        make_model()[3].load_state_dict(model.state_dict())


@pytest.mark.parametrize("model", ["CAMMSR", "SASRecMM"])
def test_norms_stand_where_the_setting_says(make_model, model):
    # checkpoints from before it lack the setting, which RecBole reads as None
    for value, before in ((None, False), (False, False), (True, True)):
        config, _, loaders, made = make_model(model, norm_first=bool(value))
        if value is None:
            del config.final_config_dict["norm_first"]
            made = type(made)(config, loaders[0]._dataset)
        encoder = made.encoder
        assert [block.norm_first for block in encoder.blocks] == [before] * 2
        assert (encoder.last_norm is not None) == before


def test_settings_that_a_checkpoint_is_older_than_are_off(make_model):
    """RecBole reads what its configuration lacks as None."""
    config, _, loaders, made = make_model()
    for name in ("mixture_dropout", "history_scale"):
        del config.final_config_dict[name]
    again = type(made)(config, loaders[0]._dataset)
    assert again.item_encoder.camoe.mixture_dropout.p == 0
    assert again.encoder.scale is None


def test_the_one_query_without_guidance_starts_normal(make_model):
    first, again, other = (
        make_model(category_weight=0, hidden_size=64, seed=seed)[3].item_encoder.context.detach()
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.std().item() == pytest.approx(1, abs=0.3)


def test_the_settings_of_the_fusion_reach_it(make_model):
    settings = {
        "expert_size": 12,
        "experts_per_view": 2,
        "expert_dropout": 0.3,
        "mixture_dropout": 0.2,
        "expert_scale": 0.7,
        "gate_scale": 3.0,
    }
    camoe = make_model(**settings)[3].item_encoder.camoe
    assert len(camoe.experts) == 2 * 7
    assert {expert.inner.out_features for expert in camoe.experts} == {12}
    assert {expert.dropout.p for expert in camoe.experts} == {0.3}
    assert camoe.mixture_dropout.p == 0.2
    assert float(camoe.gamma.detach()) == pytest.approx(0.7)
    assert camoe.gate_scale == 3.0


def test_the_settings_of_the_encoder_reach_it(make_model):
    for norm in ("dyt", "layernorm"):
        for encoding in ("absolute", "relative"):
            encoder = make_model(norm=norm, position_encoding=encoding)[3].encoder
            kinds = {type(block.attention_norm).__name__ for block in encoder.blocks}
            assert kinds == {{"dyt": "DyT", "layernorm": "LayerNorm"}[norm]}
            assert (encoder.position is not None) == (encoding == "absolute")
    assert make_model(history_scale=0.1)[3].encoder.scale is not None
    interval = make_model(time_encoding="interval", interval_buckets=9)[3].encoder.interval
    assert interval.num_embeddings == 9


@pytest.mark.parametrize("time_encoding", ["interval", "experts"])
def test_encoded_times_change_the_ranking(make_model, move_parameters, time_encoding):
    _, _, loaders, model = make_model(time_encoding=time_encoding)
    move_parameters(model)
    interaction, _, _, _ = next(iter(loaders[2]))
    scores = []
    for factor in (1, 2):
        interaction.interaction[model.time_list] = factor * interaction[model.time_list]
        with torch.no_grad():
            scores.append(model.eval().full_sort_predict(interaction)[:, 1:])
    assert not torch.allclose(*scores, atol=1e-3)


def test_items_are_drawn_as_often_as_they_are_targets(make_model):
    _, dataset, (classic, _, _), model = make_model(softmax_samples=8, train_packing=False)
    targets = torch.cat([batch["item_id"] for batch in classic])
    counts = torch.tensor([float((targets == item).sum()) for item in range(1, dataset.item_num)])
    mass = (counts + 1) ** 0.75
    expected = model.sampler.log_expected.exp()
    assert expected[0] == 0
    assert torch.allclose(expected[1:], 8 * mass / mass.sum(), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fusion": "mean"}, "fusion"),
        ({"norm": "none"}, "norm"),
        ({"scoring": "euclid"}, "scoring"),
        ({"hidden_act": "tanhh"}, "hidden_act"),
        ({"n_heads": 3}, "n_heads"),
        ({"swap_ratio": 1.5}, "swap_ratio"),
        ({"swap_temperature": 0}, "swap_temperature"),
        ({"score_temperature": -1}, "score_temperature"),
        ({"time_encoding": "absolute"}, "time_encoding"),
        ({"history_scale": -0.1}, "history_scale"),
        ({"time_encoding": "experts", "temporal_experts": 0}, "temporal_experts"),
        ({"time_encoding": "experts", "time_unit": 0}, "time_unit"),
        ({"position_encoding": "rotary"}, "position_encoding"),
        ({"position_slope": -1}, "position_slope"),
        ({"modalities": [], "use_id": False, "category_weight": 0}, "no modality"),
        ({"compile_encoder": "maybe"}, "`compile_encoder` is .maybe.; it must be True or False"),
        ({"complete_missing": "no"}, "`complete_missing` is .no.; it must be True or False"),
        ({"enable_amp": "maybe"}, "`enable_amp` is .maybe.; it must be True or False"),
        ({"norm_first": "yes"}, "`norm_first` is .yes.; it must be True or False"),
        ({"train_packing": "maybe"}, "`train_packing` is .maybe.; it must be True or False"),
        ({"use_id": "off"}, "`use_id` is .off.; it must be True or False"),
        ({"loss_type": "BPR"}, "loss_type"),
        (
            {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}},
            "`train_neg_sample_args` is .*'uniform'.*set `train_neg_sample_args: ~`",
        ),
        (
            {"train_neg_sample_args": {"distribution": "popularity"}, "train_packing": False},
            "`train_neg_sample_args` is .*'popularity'",
        ),
        ({"max_logits": 1e3}, "`max_logits` is 1000.0; it must be an integer of 1 or more"),
        ({"topk": [10, 50]}, r"`topk` is \[10, 50\], but only 40 items are left"),
        ({"max_logits": True}, "`max_logits` is True"),
        ({"softmax_samples": 10.5}, "`softmax_samples` is 10.5; it must be 0 .off. or a positive"),
        ({"softmax_samples": -1}, "`softmax_samples` is -1"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_sentence(make_model, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_model(**settings)
    assert "\n" not in str(caught.value)


def test_mixed_precision_gives_finite_losses_and_nearly_the_same_ranking(make_model):
    _config, _, loaders, model = make_model()
    batch = next(iter(loaders[0]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model.calculate_loss(batch)
    assert all(torch.isfinite(loss) for loss in losses)
    sum(losses).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    interaction, _, _, _ = next(iter(loaders[2]))
    model.eval()
    with torch.no_grad():
        exact = model.full_sort_predict(interaction)[:, 1:]
        model.train().eval()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model.full_sort_predict(interaction)[:, 1:]
    correlation = torch.corrcoef(torch.stack([exact.flatten(), rough.float().flatten()]))[0, 1]
    assert correlation > 0.99


def test_a_catalogue_in_blocks_trains_and_ranks_as_in_one_piece(make_model):
    quiet = {
        "hidden_dropout_prob": 0.0,
        "attn_dropout_prob": 0.0,
        "expert_dropout": 0.0,
        "swap_weight": 0,
        "category_weight": 0,
    }
    _, _, loaders, whole = make_model(**quiet)
    _, _, _, blocks = make_model(**quiet, item_block=7)
    blocks.load_state_dict(whole.state_dict())
    batch = next(iter(loaders[0]))
    gradients = []
    for model in (whole, blocks):
        (loss,) = model.train().calculate_loss(batch)
        loss.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert gradients[0].keys() == gradients[1].keys()
    for name, expected in gradients[0].items():
        assert torch.allclose(gradients[1][name], expected, atol=1e-6), name
    with torch.no_grad():
        first, second = whole.eval().ranking_table(), blocks.eval().ranking_table()
        full = whole.item_table()
    for a, b, c in zip(first, second, (full.items, full.candidates)):
        assert torch.allclose(a, b, atol=1e-6)
        assert torch.allclose(a, c, atol=1e-6)


def test_sampled_softmax_trains_on_the_drawn_items_alone(make_model):
    _, _, loaders, model = make_model(softmax_samples=8, swap_weight=0, category_weight=0)
    batch = next(iter(loaders[0]))
    drawn = torch.tensor([3, 5])
    model.sampler.draw = lambda: drawn
    sum(model.calculate_loss(batch)).backward()
    touched = model.item_encoder.item_init.id_embedding.weight.grad.abs().sum(dim=1) > 0
    seen = set(batch["item_id_list"].flatten().tolist()) | set(batch["item_id"].tolist()) | {3, 5}
    assert {int(item) for item in touched.nonzero()} <= seen
    assert touched[3]
    assert touched[5]


def test_features_left_on_the_host_give_the_scores_of_resident_ones(make_model):
    _, _, loaders, resident = make_model()
    _, dataset, _, gathered = make_model(feature_device="host")
    assert all(table.values is None for table in dataset.feature_tables)
    gathered.load_state_dict(resident.state_dict())
    gathered.load_other_parameter(resident.other_parameter())
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        a, b = (model.eval().full_sort_predict(interaction) for model in (resident, gathered))
    assert torch.allclose(a[:, 1:], b[:, 1:], atol=1e-5)
