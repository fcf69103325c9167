"""The causal encoder against a naive one, and DyT against its formula."""

from __future__ import annotations

import sys

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model.dyt import DyT, make_norm
from recbole_cammsr.model.encoder import HistoryEncoder
from recbole_cammsr.model.history_scale import HistoryScale
from recbole_cammsr.model.temporal_experts import TemporalExperts
from recbole_cammsr.model.transformer_block import Block


def make(
    norm="layernorm",
    intervals=0,
    position_encoding="absolute",
    norm_first=False,
    temporal=False,
    history_scale=0.0,
    hidden_dropout=0.3,
):
    torch.manual_seed(0)
    return HistoryEncoder(
        dimension=8,
        max_length=6,
        layers=2,
        intervals=intervals,
        hidden_dropout=hidden_dropout,
        norm=norm,
        norm_first=norm_first,
        heads=2,
        inner=16,
        attention_dropout=0.3,
        activation="gelu",
        position_encoding=position_encoding,
        position_slope=0.5,
        temporal_experts=temporal_experts() if temporal else None,
        history_scale=history_scale,
    ).eval()


def temporal_experts():
    return TemporalExperts(
        dimension=8, experts=3, interval_scale=10, longest_interval=100.0, unit=10.0
    )


def naive(encoder, items, norm_first=False):
    """Attention written out, one row, one head and one position at a time."""
    out = []
    for row in items:
        absolute = encoder.position is not None
        x = encoder.embedding_norm(row + (encoder.position.weight[: len(row)] if absolute else 0))
        for block in encoder.blocks:
            first = block.attention_norm(x) if norm_first else x
            q, k, v = block.query_key_value(first).chunk(3, dim=1)
            heads = []
            for head, (q_h, k_h, v_h) in enumerate(zip(*(part.chunk(2, 1) for part in (q, k, v)))):
                states = []
                for i in range(len(row)):
                    logits = q_h[i] @ k_h[: i + 1].t() / 4**0.5
                    if not absolute:
                        # the latest item first, at distance 0
                        logits = logits + block.recency.by_distance[head, : i + 1].flip(0)
                    states.append(torch.softmax(logits, dim=0) @ v_h[: i + 1])
                heads.append(torch.stack(states))
            x = x + block.attention_out(torch.cat(heads, dim=1))
            if norm_first:
                x = x + block.outer(F.gelu(block.inner(block.feed_forward_norm(x))))
            else:
                x = block.attention_norm(x)
                x = block.feed_forward_norm(x + block.outer(F.gelu(block.inner(x))))
        out.append(encoder.last_norm(x) if norm_first else x)
    return torch.stack(out)


@pytest.mark.parametrize("position_encoding", ["absolute", "relative"])
@pytest.mark.parametrize("norm", ["layernorm", "dyt"])
@pytest.mark.parametrize("norm_first", [True, False])
def test_equals_attention_written_out(norm_first, norm, position_encoding):
    encoder = make(norm, position_encoding=position_encoding, norm_first=norm_first)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "norm" in name:  # a norm that stands elsewhere, or is another one, must show
                parameter.uniform_(0.5, 1.5)
        for block in encoder.blocks:
            if block.recency is not None:
                block.recency.by_distance.normal_()
    items = torch.randn(3, 5, 8)
    assert torch.allclose(encoder(items), naive(encoder, items, norm_first), atol=1e-5)


@pytest.mark.parametrize("position_encoding", ["absolute", "relative"])
def test_a_prefix_does_not_see_what_follows(position_encoding):
    encoder = make(position_encoding=position_encoding)
    items = torch.randn(2, 6, 8)
    whole = encoder(items)
    for length in range(1, 7):
        assert torch.allclose(encoder(items[:, :length])[:, -1], whole[:, length - 1], atol=1e-5)


def make_block(hidden_dropout=0.0, attention_dropout=0.0, activation="gelu", norm_first=False):
    torch.manual_seed(0)
    return Block(
        dimension=8,
        heads=2,
        inner=16,
        hidden_dropout=hidden_dropout,
        attention_dropout=attention_dropout,
        activation=activation,
        norm="layernorm",
        norm_first=norm_first,
    )


@pytest.mark.parametrize("norm_first", [True, False])
def test_hidden_dropout_drops_what_attention_and_feed_forward_add(norm_first):
    block = make_block(hidden_dropout=1.0, norm_first=norm_first)
    x = torch.randn(3, 5, 8)
    nothing_added = x if norm_first else block.feed_forward_norm(block.attention_norm(x))
    assert torch.equal(block.train()(x), nothing_added)
    assert not torch.allclose(block.eval()(x), nothing_added, atol=1e-3)


def test_attention_dropout_drops_what_is_attended_to():
    block = make_block(attention_dropout=1.0)
    x = torch.randn(3, 5, 8)
    attended = block.attention_norm(x + block.attention_out.bias)
    added = block.outer(F.gelu(block.inner(attended)))
    assert torch.allclose(block.train()(x), block.feed_forward_norm(attended + added), atol=1e-6)


def test_hidden_dropout_drops_items_before_the_first_block():
    encoder = make(hidden_dropout=1.0)
    for module in encoder.modules():
        if isinstance(module, Block):
            module.dropout.p = module.attention_dropout = 0.0
    items, others = torch.randn(2, 3, 5, 8)
    assert not torch.allclose(encoder.eval()(items), encoder(others), atol=1e-3)
    assert torch.equal(encoder.train()(items), encoder(others))


def test_what_is_left_of_an_item_by_dropout_is_as_the_norm_made_it():
    """As in SASRec: a norm that came after would make up for what was dropped."""
    encoder = make(hidden_dropout=0.5, position_encoding="relative", norm_first=True).train()
    for block in encoder.blocks:
        block.dropout.p = 1.0  # blocks that add nothing
    encoder.last_norm = None
    items = torch.randn(20, 5, 8)
    states, normed = encoder(items), F.layer_norm(items, (8,), eps=1e-12)
    kept = states != 0
    assert 0.4 < kept.float().mean() < 0.6
    assert torch.allclose(states[kept], 2 * normed[kept], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("gelu", lambda z: z * (1 + torch.erf(z / 2**0.5)) / 2),
        ("relu", lambda z: z.clamp(min=0)),
        ("silu", lambda z: z / (1 + torch.exp(-z))),
    ],
)
def test_activations_are_their_formulas(name, formula):
    block = make_block(activation=name, norm_first=True)
    for parameter in block.attention_out.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(3, 5, 8)
    expected = x + block.outer(formula(block.inner(block.feed_forward_norm(x))))
    assert torch.allclose(block(x), expected, atol=1e-6)


def test_every_setting_reaches_the_encoder():
    settings = {
        "hidden_size": 8,
        "n_heads": 4,
        "inner_size": 12,
        "n_layers": 3,
        "hidden_dropout_prob": 0.2,
        "attn_dropout_prob": 0.4,
        "hidden_act": "relu",
        "position_slope": 2.0,
        "compile_encoder": False,
    }
    options = {
        "intervals": 4,
        "norm": "dyt",
        "norm_first": True,
        "position_encoding": "relative",
        "history_scale": 0.1,
    }
    torch.manual_seed(0)
    of_settings = HistoryEncoder.of_config(settings, 6, **options)
    torch.manual_seed(0)
    expected = HistoryEncoder(
        dimension=8,
        max_length=6,
        layers=3,
        hidden_dropout=0.2,
        heads=4,
        inner=12,
        attention_dropout=0.4,
        activation="relu",
        position_slope=2.0,
        **options,
    )
    items, times = torch.randn(3, 6, 8), some_times(False, 3, 6)
    states = []
    for encoder in (of_settings, expected):
        torch.manual_seed(1)
        states.append((encoder.train()(items, times), encoder.eval()(items, times)))
    assert all(torch.equal(one, other) for one, other in zip(*states))
    step_back = of_settings.blocks[2].recency(2)[0, 1, 0]
    assert step_back.item() == -2.0


@pytest.mark.parametrize("off", [None, False, 0])
def test_a_slope_that_is_off_starts_flat(off):
    settings = {
        "hidden_size": 8,
        "n_heads": 4,
        "inner_size": 12,
        "n_layers": 1,
        "hidden_dropout_prob": 0.2,
        "attn_dropout_prob": 0.4,
        "hidden_act": "relu",
        "position_slope": off,
        "compile_encoder": False,
    }
    encoder = HistoryEncoder.of_config(settings, 6, position_encoding="relative")
    assert not encoder.blocks[0].recency.by_distance.any()


def some_times(temporal, *shape):
    """Buckets, or exact ascending times."""
    if temporal:
        return torch.randint(0, 90, shape).double().sort(dim=-1).values
    return torch.randint(0, 4, shape)


@pytest.mark.parametrize("temporal", [False, True])
def test_times_change_the_states_from_their_position_on(temporal):
    encoder = make(intervals=0 if temporal else 4, temporal=temporal)
    items, times = torch.randn(1, 5, 8), some_times(temporal, 1, 5)
    changed = times.clone()
    changed[0, 3] = changed[0, 3] + 1 if temporal else (changed[0, 3] + 1) % 4
    before, after = encoder(items, times), encoder(items, changed)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_temporal_experts_scale_what_the_blocks_read():
    encoder = make(temporal=True)
    items, times = torch.randn(3, 5, 8), some_times(True, 3, 5)
    scaled = encoder.temporal_experts(items, times)
    assert torch.allclose(encoder(items, times), naive(encoder, scaled), atol=1e-5)


def test_history_scale_is_a_factor_for_each_dimension():
    encoder = make(history_scale=0.1)
    items = torch.randn(3, 5, 8)
    scaled = items * encoder.scale.factor
    assert torch.allclose(encoder(items), naive(encoder, scaled), atol=1e-5)


def test_history_scale_starts_around_zero_with_both_signs():
    torch.manual_seed(0)
    factor = HistoryScale(4096, 0.1).factor
    assert factor.mean().abs() < 0.01
    assert factor.std().item() == pytest.approx(0.1, abs=0.01)


def test_temporal_experts_take_the_place_of_the_history_scale():
    assert make(temporal=True, history_scale=0.1).scale is None


def test_dyt_is_its_formula_and_elementwise():
    norm = DyT(4, alpha=0.7)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        norm.bias.fill_(0.5)
    x = torch.randn(3, 2, 4)
    assert torch.allclose(norm(x), norm.weight * torch.tanh(0.7 * x) + 0.5)
    assert sum(p.numel() for p in norm.parameters()) == 2 * 4 + 1


def test_dyt_starts_as_the_identity_of_small_values():
    x = 0.01 * torch.randn(3, 4)
    assert torch.allclose(DyT(4)(x), x, rtol=1e-3)


@pytest.mark.parametrize(("norm", "kind"), [("layernorm", torch.nn.LayerNorm), ("dyt", DyT)])
def test_every_norm_but_that_of_the_embedding_sum_is_of_the_kind_asked_for(norm, kind):
    parts = make(norm, norm_first=True).named_modules()
    kinds = {name: type(part) for name, part in parts if name.endswith("norm")}
    assert kinds.pop("embedding_norm") is torch.nn.LayerNorm
    assert len(kinds) == 2 * 2 + 1  # two of each block, and of the last states
    assert set(kinds.values()) == {kind}


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("norm", ["layernorm", "dyt"])
def test_the_size_of_items_is_normed_away_before_the_blocks(norm, norm_first):
    """Whatever stands in the blocks: DyT does not rescale vectors as small as items start."""
    encoder = make(norm, position_encoding="relative", norm_first=norm_first)
    items = torch.randn(3, 5, 8)
    assert torch.allclose(encoder(0.02 * items), encoder(items), atol=1e-4)


def test_norm_names():
    assert isinstance(make_norm("dyt", 3), DyT)
    assert isinstance(make_norm("layernorm", 3), torch.nn.LayerNorm)
    with pytest.raises(ValueError, match="'batchnorm'"):
        make_norm("batchnorm", 3)


@pytest.mark.parametrize("temporal", [False, True])
@pytest.mark.parametrize("rows", [1, 3, 100])
def test_last_states_are_those_of_every_row_alone(rows, temporal):
    encoder = make(intervals=0 if temporal else 4, temporal=temporal)
    table = torch.randn(9, 8)
    length = torch.tensor([3, 6, 1, 6, 2])
    inside = torch.arange(6) < length[:, None]
    history = torch.randint(1, 9, (5, 6)) * inside
    times = some_times(temporal, 5, 6) * inside
    with torch.no_grad():
        together = encoder.last_states(table, history, length, times, rows=rows)
        for row in range(5):
            count = int(length[row])
            alone = encoder(table[history[row : row + 1, :count]], times[row : row + 1, :count])
            assert torch.allclose(together[row], alone[0, -1], atol=1e-6)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("position_encoding", ["absolute", "relative"])
def test_ends_are_the_states_at_their_positions(norm_first, position_encoding):
    """With their gradients."""
    encoder = make(norm_first=norm_first, position_encoding=position_encoding)
    items, weights = torch.randn(5, 6, 8), torch.randn(5, 8)
    ends = torch.tensor([0, 5, 3, 1, 5])
    found, wanted = encoder(items, None, ends), encoder(items)[torch.arange(5), ends]
    assert torch.allclose(found, wanted, atol=1e-6)
    parameters = list(encoder.parameters())
    of_found, of_wanted = (
        torch.autograd.grad((states * weights).sum(), parameters) for states in (found, wanted)
    )
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(of_found, of_wanted))


def test_dropout_is_drawn_at_the_ends_too():
    encoder = make(hidden_dropout=0.3).train()
    items, ends = torch.randn(1, 6, 8), torch.tensor([5])
    assert not torch.equal(encoder(items, None, ends), encoder(items, None, ends))


def can_compile():
    """Whether this torch compiles under this Python."""
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    return sys.version_info < (3, 12) or version >= (2, 4)


@pytest.mark.skipif(not can_compile(), reason="torch.compile needs torch 2.4 on Python 3.12")
def test_a_compiled_encoder_is_the_same_function_with_the_same_parameters(monkeypatch):
    stock = torch.nn.Module.compile
    # traced and differentiated as always, but not turned into machine code, which takes a minute
    monkeypatch.setattr(
        torch.nn.Module,
        "compile",
        lambda encoder, **options: stock(encoder, backend="aot_eager", **options),
    )
    settings = {
        "hidden_size": 8,
        "n_heads": 2,
        "inner_size": 16,
        "n_layers": 1,
        "hidden_dropout_prob": 0.3,
        "attn_dropout_prob": 0.3,
        "hidden_act": "gelu",
    }
    eager, compiled = (
        HistoryEncoder.of_config(
            {**settings, "compile_encoder": switch}, 6, temporal_experts=temporal_experts()
        )
        for switch in (False, True)
    )
    compiled.load_state_dict(eager.state_dict())
    assert compiled._compiled_call_impl is not None
    items, times = torch.randn(3, 5, 8), some_times(True, 3, 5)
    results = []
    for encoder in (eager.eval(), compiled.eval()):
        states = [encoder(items, times), encoder(items, times, torch.tensor([4, 2, 0]))]
        sum(each.square().sum() for each in states).backward()
        results.append(states + [each.grad for each in encoder.parameters()])
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(*results))
