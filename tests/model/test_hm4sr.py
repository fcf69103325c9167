"""HM4SR against loops over its equations, and against its authors' code where that is at hand.

The environment variable CAMMSR_HM4SR names a checkout of the authors' repository (no line of it
is here); without it the comparisons with their code are skipped. Its model file is executed: name
only a checkout that you trust.
"""

from __future__ import annotations

import math
import os
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from recbole_cammsr.analysis import hm4sr_checkout
from recbole_cammsr.model import hm4sr_tasks
from recbole_cammsr.model.hm4sr_experts import InteractiveMixture
from recbole_cammsr.model.info_nce import info_nce
from recbole_cammsr.model.modality_encoder import ModalityEncoder

QUIET = {"hidden_dropout_prob": 0.0, "attn_dropout_prob": 0.0}


# ---------------------------------------------------------------- equations, as loops


def softmax(values: list[float]) -> list[float]:
    exponentials = [math.exp(value) for value in values]
    return [each / sum(exponentials) for each in exponentials]


def test_each_modality_weighs_the_interactive_experts_itself(move_parameters):
    torch.manual_seed(0)
    module = InteractiveMixture(modalities=3, dimension=4, experts=5, id_scale=0, content_scale=1)
    assert module.scale.tolist() == [0, 1, 1]
    move_parameters(module)
    vectors = torch.randn(6, 3, 4)
    result = module(vectors)
    for p in range(6):
        joined = torch.cat([vectors[p, m] for m in range(3)])
        for m in range(3):
            gate = module.gates[m]
            weights = softmax((gate.weight @ vectors[p, m] + gate.bias).tolist())
            added = torch.zeros(4)
            for weight, expert in zip(weights, module.experts):
                added += weight * (expert.weight @ joined + expert.bias)[4 * m : 4 * m + 4]
            expected = vectors[p, m] + module.scale[m] * added
            assert torch.allclose(result[p, m], expected, atol=1e-6)


def test_placeholders_take_the_share_of_each_history_anywhere_in_it():
    torch.manual_seed(0)
    length = torch.tensor([1, 2, 3, 4, 7, 10])
    drawn = torch.stack([hm4sr_tasks.draw_placeholders(length, 12, 0.3) for _ in range(2000)])
    assert (drawn.sum(dim=2) == torch.tensor([0, 0, 0, 1, 2, 3])).all()
    for row, n in enumerate(length.tolist()):
        assert not drawn[:, row, n:].any()
        # each position equally often: 2000 draws, more than five standard deviations of room
        assert (drawn[:, row, :n].float().mean(dim=0) - math.floor(0.3 * n) / n).abs().max() < 0.06


def test_the_category_task_counts_an_item_once_per_prefix_that_holds_it():
    torch.manual_seed(0)
    logits = torch.randn(9, 3)
    labels = torch.rand(9, 3) < 0.5
    labels[4] = False
    history = torch.tensor([[1, 4, 2, 1, 5], [6, 7, 0, 0, 0]])
    length, count = torch.tensor([5, 2]), torch.tensor([3, 1])
    seen = hm4sr_tasks.prefixes_of_positions(length, count, 5)
    weight = torch.zeros(9).index_add_(0, history.flatten(), seen.flatten().float())
    found = hm4sr_tasks.weighted_category_loss(logits, labels, weight)
    terms = []
    for row in range(2):
        for end in range(int(length[row] - count[row]) + 1, int(length[row]) + 1):
            for item in history[row, :end].tolist():
                if labels[item].any():
                    for value, label in zip(logits[item].tolist(), labels[item].tolist()):
                        terms.append(math.log1p(math.exp(-value if label else value)))
    assert float(found) == pytest.approx(sum(terms) / len(terms), abs=1e-6)
    nothing = hm4sr_tasks.weighted_category_loss(logits, torch.zeros_like(labels), weight)
    assert float(nothing) == 0


def test_scores_of_a_row_depend_neither_on_the_batch_nor_on_its_padding(
    make_model, move_parameters
):
    _, _, loaders, model = make_model("HM4SR")
    move_parameters(model)
    interaction, _, _, _ = next(iter(loaders[2]))
    with torch.no_grad():
        scores = model.eval().full_sort_predict(interaction)
        for row in range(0, len(interaction), 7):
            alone = model.full_sort_predict(interaction[row : row + 1])[0]
            assert torch.allclose(alone[1:], scores[row, 1:], atol=1e-5)


def test_scores_are_the_sum_over_modalities_and_losses_those_of_the_equations(
    make_model, move_parameters
):
    config, dataset, loaders, model = make_model("HM4SR", **QUIET, placeholder_share=0.0)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    items = model.item_init()[0]
    ends, score_rows = [], []
    for row in range(len(batch)):
        n = int(batch["item_length"][row])
        inside = torch.ones(1, n, dtype=torch.bool)
        time = model.time(batch["elapsed_time_list"][row : row + 1, :n])[inside]
        vectors = items[batch["item_id_list"][row, :n]] + model.position.weight[:n].unsqueeze(1)
        vectors = model.temporal(model.interactive(vectors), time)
        states = [model.encoders[m](vectors[:, m], inside)[0, -1] for m in range(3)]
        ends.append(torch.stack(states))
        score_rows.append(sum(items[1:, m] @ states[m] for m in range(3)))
    ends, targets = torch.stack(ends), batch["item_id"]
    expected = [torch.nn.functional.cross_entropy(torch.stack(score_rows), targets - 1)]
    expected.append(info_nce(ends[:, 0], items[targets, 0], targets, 0.2))
    terms = []
    for row in range(len(batch)):
        for item in batch["item_id_list"][row, : int(batch["item_length"][row])]:
            label = dataset.categories.targets[item].float()
            if label.any():
                logits = model.category_head(items[item].flatten())
                terms.append(torch.nn.functional.binary_cross_entropy_with_logits(logits, label))
    expected.append(torch.stack(terms).mean())
    # without a position taken, a history is compared with itself
    same = [info_nce(ends[:, m], ends[:, m], targets, 1.0) for m in (1, 2)]
    expected.append(sum(same) / 2)
    found = model.calculate_loss(batch)
    assert model.loss_names == ("recommendation", "id_contrast", "category", "placeholder")
    for name, ours, theirs in zip(model.loss_names, found, expected):
        assert torch.allclose(ours, theirs, atol=1e-5), name
    assert config["train_packing"] is False


def test_placeholders_know_the_time_alone(make_model, move_parameters):
    """With every position taken, the items of the history do not matter for the masked view."""
    _, _, loaders, model = make_model("HM4SR", **QUIET, placeholder_share=1.0)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    inside = batch["item_id_list"] > 0
    time = model.time(batch["elapsed_time_list"])[inside]
    rows = inside, batch["item_length"], batch["item_id"]
    generator = torch.Generator().manual_seed(0)
    ends = torch.randn(len(batch), 48, generator=generator)
    first, second = (torch.randn(len(time), 3, 16, generator=generator) for _ in range(2))

    def loss(vectors: torch.Tensor, time: torch.Tensor) -> float:
        return float(model.placeholders(*rows, vectors, time, ends, model.encoders))

    assert loss(first, time) == loss(second, time)
    later = model.time(batch["elapsed_time_list"] + 9e6)[inside]
    assert loss(first, later) != loss(first, time)


# ---------------------------------------------------------------- rows and switches


def test_packed_rows_give_the_losses_of_classic_prefixes(make_model, move_parameters):
    options = {**QUIET, "MAX_ITEM_LIST_LENGTH": 50, "train_batch_size": 10**6}
    options["placeholder_weight"] = 0
    _, _, (packed, _, _), model = make_model("HM4SR", **options, train_packing=True)
    move_parameters(model)
    _, _, (classic, _, _), _ = make_model("HM4SR", **options)
    one, many = next(iter(packed)), next(iter(classic))
    assert len(one) < len(many)
    pairs = list(zip(model.calculate_loss(one), model.calculate_loss(many)))
    assert len(pairs) == 3
    for a, b in pairs:
        assert float(a.detach()) == pytest.approx(float(b.detach()), abs=1e-5)


def test_placeholders_of_packed_rows_are_in_their_longest_prefix(make_model, monkeypatch):
    lengths = []
    draw = hm4sr_tasks.draw_placeholders

    def spy(length, width, share):
        lengths.append(length)
        return draw(length, width, share)

    monkeypatch.setattr(hm4sr_tasks, "draw_placeholders", spy)
    _, _, loaders, model = make_model("HM4SR", train_packing=True)
    batch = next(iter(loaders[0]))
    assert torch.isfinite(model.calculate_loss(batch)[-1])
    assert torch.equal(lengths[0], batch["item_length"])


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"id_contrast_weight": 0}, ("recommendation", "category", "placeholder")),
        ({"category_weight": 0}, ("recommendation", "id_contrast", "placeholder")),
        ({"placeholder_weight": 0}, ("recommendation", "id_contrast", "category")),
        ({"modalities": []}, ("recommendation", "id_contrast", "category")),
        ({"modalities": ["text"]}, ("recommendation", "id_contrast", "category", "placeholder")),
    ],
)
def test_switches_and_any_number_of_modalities(make_model, settings, names):
    _, _, loaders, model = make_model("HM4SR", **settings)
    assert model.loss_names == names
    losses = model.calculate_loss(next(iter(loaders[0])))
    assert len(losses) == len(names)
    sum(losses).backward()
    silent = [key for key, value in model.named_parameters() if value.grad is None]
    assert not silent


def test_placeholders_that_were_asked_for_and_cannot_be_are_remarked_on(make_model, caplog):
    for settings, warned in (
        ({"placeholder_weight": 0.5, "modalities": []}, True),
        ({"placeholder_weight": 0.5}, False),
        ({"modalities": []}, False),  # by default nobody asked for them
    ):
        caplog.clear()
        make_model("HM4SR", **settings)
        assert ("`placeholder_weight: 0.5` is not used: `modalities` is" in caplog.text) == warned


def test_weights_multiply_their_losses(make_model):
    keys = ("id_contrast_weight", "category_weight", "placeholder_weight")
    _, _, loaders, model = make_model("HM4SR", **QUIET, placeholder_share=0.0)
    batch = next(iter(loaders[0]))
    plain = model.calculate_loss(batch)
    weighted = make_model("HM4SR", **QUIET, placeholder_share=0.0, **dict.fromkeys(keys, 0.5))[3]
    weighted.load_state_dict(model.state_dict())
    for index, (a, b) in enumerate(zip(plain, weighted.calculate_loss(batch))):
        assert float(b.detach()) == pytest.approx(float(a.detach()) * (0.5 if index else 1))


def test_temporal_experts_learn_and_are_kept_unless_the_defects_are_asked_for(make_model):
    for defects in (False, True):
        _, _, loaders, model = make_model("HM4SR", original_defects=defects)
        sum(model.calculate_loss(next(iter(loaders[0])))).backward()
        gradient = model.temporal.experts.grad
        assert gradient is None if defects else gradient.abs().max() > 0
        # a checkpoint that leaves them out, as theirs does, could not be used again
        assert "temporal.experts" in model.state_dict()


def test_mixed_precision_does_not_blur_the_time(make_model, move_parameters):
    _, _, loaders, model = make_model("HM4SR")
    move_parameters(model)
    batch = next(iter(loaders[0]))
    times, inside = batch["elapsed_time_list"] * 1e5, batch["item_id_list"] > 0
    exact = model.time(times)[inside]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model.time(times)[inside], exact)
        assert all(torch.isfinite(loss) for loss in model.calculate_loss(batch))


def test_the_defects_of_the_losses_are_those_described(make_model, move_parameters):
    _, dataset, loaders, model = make_model("HM4SR", **QUIET, original_defects=True)
    move_parameters(model)
    batch = next(iter(loaders[0]))
    losses = dict(zip(model.loss_names, model.calculate_loss(batch)))
    users, items = model.forward(batch), model.ranking_table().items
    # the padding item is a candidate
    expected = torch.nn.functional.cross_entropy(users @ items.t(), batch["item_id"])
    assert torch.allclose(losses["recommendation"], expected, atol=1e-5)
    # a false negative counts as similarity 0
    width = users.shape[1] // 3
    expected = info_nce(
        users[:, :width], items[batch["item_id"], :width], batch["item_id"], 0.2, 0.0
    )
    assert torch.allclose(losses["id_contrast"], expected, atol=1e-5)
    # position l of row b trains label l of the b-th position of the whole batch
    in_order = batch["item_id_list"].flatten().tolist()
    terms = []
    for b, row in enumerate(batch["item_id_list"].tolist()):
        for column, item in enumerate(row):
            if item:
                logit = float(model.category_head(items[in_order[b]])[column])
                labels = dataset.categories.targets[in_order[b]]
                has = column < len(labels) and bool(labels[column])
                terms.append(math.log1p(math.exp(-logit if has else logit)))
    assert float(losses["category"]) == pytest.approx(sum(terms) / len(terms), abs=1e-5)


def test_what_cannot_work_is_refused(make_model):
    with pytest.raises(ValueError, match=r"`original_defects: True`.*`train_packing: False`"):
        make_model("HM4SR", original_defects=True, train_packing=True)
    with pytest.raises(ValueError, match="`interval_scale` is 0; it must be a number above 0"):
        make_model("HM4SR", interval_scale=0)


# ---------------------------------------------------------------- the authors' code

CHECKOUT = os.environ.get("CAMMSR_HM4SR")
needs_checkout = pytest.mark.skipif(
    CHECKOUT is None, reason="CAMMSR_HM4SR names no checkout of the authors' code"
)
#: their settings that ours have other names for
THEIR_SETTINGS = {
    "layer_norm_eps": 1e-12,
    "temperature": 0.2,
    "phcl_temperature": 1.0,
    "phcl_weight": 1.0,
    "beta": 0.3,
    "start_expert_num": 4,
    "start_gate_selection": "softmax",
    "temporal_expert_num": 4,
    "temporal_gate_selection": "softmax",
    "initializer_weight": [0.0, 1.0, 1.0],
}


@torch.no_grad()
def copy_weights(ours, theirs, copy_blocks) -> None:
    ours.item_init.id_embedding.weight.copy_(theirs.item_embedding.weight)
    ours.position.load_state_dict(theirs.position_embedding.state_dict())
    names = ("item", "txt", "img")
    for m, name in enumerate(names):
        copy_blocks(ours.encoders[m].blocks, getattr(theirs, f"{name}_seq").layer)
        ours.encoders[m].norm.load_state_dict(getattr(theirs, f"{name}_ln").state_dict())
    for m, name in enumerate(names[1:]):
        projection = getattr(theirs, f"{name}_projection")
        ours.item_init.projections[m].load_state_dict(projection.state_dict())
        # an item without features has the projection of zeros there, a vector of its own here
        ours.item_init.missing[m].copy_(projection.bias)
        ours.placeholders[m].load_state_dict(getattr(theirs, f"placeholder_{name}").state_dict())
    start, time = theirs.start_moe, theirs.time_moe
    ours.interactive.experts.load_state_dict(start.expert.state_dict())
    for gate, name in zip(ours.interactive.gates, ("id", "txt", "img")):
        gate.load_state_dict(getattr(start, f"gate_{name}").state_dict())
    ours.interactive.scale.copy_(start.weight)
    ours.time.interval.weight.copy_(time.time_embedding.weight[: len(ours.time.interval.weight)])
    ours.time.absolute.load_state_dict(time.absolute_w.state_dict())
    ours.temporal.gate.load_state_dict(time.gate.state_dict())
    ours.temporal.experts.copy_(torch.cat(list(time.expert)))
    ours.category_head.load_state_dict(theirs.cat_linear.state_dict())


@pytest.fixture
def pair(make_model, copy_blocks, toy_path, tmp_path, monkeypatch):
    """Our model with the defects of theirs, their model with the same weights, and the loaders."""
    file = toy_path / "toy" / "toy.inter"
    frame = pd.read_csv(file, sep="\t")
    # times that float32 holds exactly: their table of intervals has no row for one rounded up
    start = 1_400_000_000
    frame["timestamp:float"] = start + 1280 * (frame["timestamp:float"] - start)
    frame.to_csv(file, sep="\t", index=False)
    config, dataset, loaders, ours = make_model(
        "HM4SR", original_defects=True, **QUIET, **THEIR_SETTINGS
    )
    features = [part.values for part in ours.item_init.features]
    described = SimpleNamespace(
        dataset_name="toy",
        uid_field="user_id:token",
        time_field="timestamp:float",
        inter_feat=frame,
    )
    labels = dataset.categories.targets
    hm4sr_checkout.write_files(tmp_path, described, features, labels, ours.max_seq_length)
    monkeypatch.chdir(tmp_path)
    their_class = hm4sr_checkout.model_class(CHECKOUT, "cpu", [f.shape[1] for f in features])
    theirs = their_class(config, loaders[0]._dataset)
    hm4sr_checkout.mend_interval_index(theirs)
    frozen = (theirs.txt_embedding, theirs.img_embedding, theirs.cat_embedding)
    torch.manual_seed(5)
    with torch.no_grad():
        kept = {id(module.weight) for module in frozen}
        for parameter in theirs.parameters():
            if id(parameter) not in kept:
                parameter.add_(0.05 * torch.randn_like(parameter))
    copy_weights(ours, theirs, copy_blocks)
    # the first positions of every history, where both draw at random
    monkeypatch.setattr("random.sample", lambda population, k: list(population)[:k])

    def first(length, width, share):
        return torch.arange(width) < (length * share).floor().unsqueeze(1)

    monkeypatch.setattr(hm4sr_tasks, "draw_placeholders", first)
    return ours, theirs, loaders


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max().detach())


@needs_checkout
def test_vectors_and_scores_are_those_of_the_authors_code(pair):
    ours, theirs, loaders = pair
    ours.eval()
    theirs.eval()
    interaction, _, _, _ = next(iter(loaders[2]))
    history, times = interaction["item_id_list"], interaction["timestamp_list"]
    inside = history > 0
    with torch.no_grad():
        vectors, ends, _ = theirs.forward(history, interaction["item_length"], times)
        table = ours.ranking_table()
        mixed = ours._mixed(history, table.items, ours.time(times)[inside])
        for m in range(3):
            assert difference(mixed[:, m], vectors[m][inside]) < 1e-5
        assert difference(ours.forward(interaction), torch.cat(ends, dim=1)) < 1e-5
        found = ours.full_sort_predict(interaction)[:, 1:]
        assert difference(found, theirs.full_sort_predict(interaction)[:, 1:]) < 1e-5


@needs_checkout
def test_losses_are_those_of_the_authors_code(pair):
    ours, theirs, loaders = pair
    batch = next(iter(loaders[0]))
    history, times = batch["item_id_list"], batch["timestamp_list"]
    vectors, ends, scores = theirs.forward(history, batch["item_length"], times)
    expected = {
        "recommendation": theirs.loss_fct(scores, batch["item_id"]),
        "id_contrast": theirs.IDCL(ends[0], batch),
        "category": theirs.CP(history),
        "placeholder": theirs.PCL(batch, vectors, ends),
    }
    losses = dict(zip(ours.loss_names, ours.calculate_loss(batch)))
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        assert difference(loss, expected[name]) < 1e-5, name
    sum(losses.values()).backward()
    theirs.calculate_loss(batch).backward()
    for mine, other in (
        (ours.position.weight, theirs.position_embedding.weight),
        (ours.temporal.gate.weight, theirs.time_moe.gate.weight),
        (ours.interactive.gates[1].weight, theirs.start_moe.gate_txt.weight),
        (ours.item_init.projections[1].weight, theirs.img_projection.weight),
        (ours.category_head.weight, theirs.cat_linear.weight),
        (ours.placeholders[0].weight, theirs.placeholder_txt.weight),
    ):
        scale = float(other.grad.abs().max())
        assert scale > 0
        assert difference(mine.grad, other.grad) < 1e-5 * scale


def test_a_modality_goes_through_dropout_before_the_first_block():
    torch.manual_seed(0)
    options = {"dimension": 8, "heads": 2, "inner": 16, "activation": "gelu"}
    encoder = ModalityEncoder(1, hidden_dropout=0.5, attention_dropout=0.0, **options)
    encoder.blocks.eval()
    vectors, inside = torch.randn(5, 8), torch.tensor([[True] * 3, [True, True, False]])
    drawn = [encoder(vectors, inside) for _ in range(2)]
    assert not torch.equal(*drawn)
    encoder.eval()
    assert torch.equal(encoder(vectors, inside), encoder(vectors, inside))


def test_the_ends_of_a_modality_are_its_states_there():
    torch.manual_seed(0)
    options = {"dimension": 8, "heads": 2, "inner": 16, "activation": "gelu"}
    encoder = ModalityEncoder(2, hidden_dropout=0.5, attention_dropout=0.5, **options).eval()
    length = torch.tensor([3, 1, 4, 2])
    inside = torch.arange(5) < length.unsqueeze(1)
    vectors = torch.randn(int(length.sum()), 8)
    states = encoder(vectors, inside)
    ends = encoder(vectors, inside, only_ends=True)
    assert torch.allclose(ends, states[torch.arange(4), length - 1], atol=1e-6)
