"""The encoder and decoder of interests against attention written out, row by row."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model.interest_decoder import InterestDecoder

OPTIONS = {
    "dimension": 8,
    "layers": 2,
    "heads": 2,
    "inner": 16,
    "dropout": 0.3,
    "activation": "gelu",
    "positions": 6,
}


END = torch.tensor([2])


@pytest.fixture(params=[2, 4])
def decoder(request, move_parameters) -> InterestDecoder:
    torch.manual_seed(0)
    module = InterestDecoder(**{**OPTIONS, "layers": request.param})
    move_parameters(module)
    return module.eval()


def attention(module, queries, memory):
    """Two heads of width four, written out."""
    projected = [
        F.linear(rows, weight, bias)
        for rows, weight, bias in zip(
            (queries, memory, memory), module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3)
        )
    ]
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        query, key, value = (rows[:, head] for rows in projected)
        heads.append((query @ key.t() / 4**0.5).softmax(dim=1) @ value)
    return module.out_proj(torch.cat(heads, dim=1))


def naive(decoder, items, interests):
    memory = interests
    for reads in decoder.encoder.layers:
        memory = reads.norm1(memory + attention(reads.self_attn, memory, memory))
        memory = reads.norm2(memory + reads.linear2(F.gelu(reads.linear1(memory))))
    memory = decoder.encoder.norm(memory)
    return naive_states(decoder, items, memory), memory


def naive_states(decoder, items, memory):
    rows = decoder.embedding_norm(items + decoder.position.weight[: len(items)])
    for writes in decoder.decoder.layers:
        rows = writes.norm1(rows + attention(writes.self_attn, rows, rows))
        rows = writes.norm2(rows + attention(writes.multihead_attn, rows, memory))
        rows = writes.norm3(rows + writes.linear2(F.gelu(writes.linear1(rows))))
    return decoder.decoder.norm(rows)


@pytest.mark.parametrize("gradients", [True, False])
def test_padded_rows_give_what_each_row_gives_alone(decoder, gradients):
    lengths, widths = [5, 1, 3], [2, 4, 1]
    items, interests = torch.randn(3, 5, 8), torch.randn(3, 4, 8)
    known = torch.arange(5) < torch.tensor(lengths).unsqueeze(1)
    held = torch.arange(4) < torch.tensor(widths).unsqueeze(1)
    interests[~held] = 0.0
    with torch.set_grad_enabled(gradients):  # without, torch takes its fused path
        ends, memory = decoder(items, known, interests, held, torch.tensor(lengths) - 1)
    for row, (length, width) in enumerate(zip(lengths, widths)):
        expected, expected_memory = naive(decoder, items[row, :length], interests[row, :width])
        assert torch.allclose(ends[row], expected[-1], atol=1e-5)
        assert torch.allclose(memory[row, :width], expected_memory, atol=1e-5)


def test_a_history_without_interests_is_read_all_the_same(decoder):
    items, known = torch.randn(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)
    held = torch.tensor([[False, False], [True, True]])
    interests = torch.randn(2, 2, 8) * held.unsqueeze(2)
    places = torch.tensor([2, 1])  # a state knows the whole history, the items after it too
    states, memory = decoder(items, known, interests, held, places)
    alone = naive_states(decoder, items[0], torch.zeros(1, 8))
    assert torch.allclose(states[0], alone[2], atol=1e-5)
    assert torch.allclose(states[1], naive(decoder, items[1], interests[1])[0][1], atol=1e-5)
    assert not memory[0].any()


def test_dropout_is_drawn_in_training_alone(decoder):
    items, known = torch.randn(1, 3, 8), torch.ones(1, 3, dtype=torch.bool)
    interests, held = torch.randn(1, 2, 8), torch.ones(1, 2, dtype=torch.bool)
    still = [decoder(items, known, interests, held, END)[0] for _ in range(2)]
    assert torch.equal(*still)
    drawn = [decoder.train()(items, known, interests, held, END)[0] for _ in range(2)]
    assert not torch.equal(*drawn)


def test_items_go_through_dropout_before_the_first_block(decoder):
    decoder.train()
    for block in (decoder.encoder, decoder.decoder):
        block.eval()
    items, known = torch.randn(1, 3, 8), torch.ones(1, 3, dtype=torch.bool)
    interests, held = torch.randn(1, 2, 8), torch.ones(1, 2, dtype=torch.bool)
    drawn = [decoder(items, known, interests, held, END)[0] for _ in range(2)]
    assert not torch.equal(*drawn)


def test_an_odd_number_of_layers_is_refused():
    with pytest.raises(ValueError, match=r"`n_layers` is 3; .* take an even number"):
        InterestDecoder(**{**OPTIONS, "layers": 3})
