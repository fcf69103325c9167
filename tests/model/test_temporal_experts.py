"""Temporal experts against loops over their equations."""

from __future__ import annotations

import math

import pytest
import torch

from recbole_cammsr.model.temporal_experts import (
    TemporalExperts,
    TemporalMixture,
    TimeEmbedding,
    unit_warning,
)


def test_temporal_experts_scale_by_what_the_time_says(move_parameters):
    torch.manual_seed(0)
    module = TemporalMixture(modalities=2, dimension=3, experts=4, trained=True)
    move_parameters(module)
    vectors, time = torch.randn(5, 2, 3), torch.randn(5, 6)
    result = module(vectors, time)
    for p in range(5):
        weights = torch.softmax(module.gate.weight @ time[p] + module.gate.bias, dim=0)
        expected = sum(w * vectors[p].flatten() * e for w, e in zip(weights, module.experts))
        assert torch.allclose(result[p].flatten(), expected, atol=1e-6)


def test_time_vectors_are_the_interval_and_the_absolute_time(move_parameters):
    torch.manual_seed(0)
    module = TimeEmbedding(dimension=4, interval_scale=10, longest_interval=1000.0, unit=50.0)
    assert module.interval.num_embeddings == int(10 * math.log2(1001)) + 1
    move_parameters(module)
    times = [[7.0, 7.0, 8.0, 1008.0], [30.0, 94.5, 0.0, 0.0], [0.0, 5000.0, 5001.0, 0.0]]
    lengths = [4, 2, 3]
    result = module(torch.tensor(times, dtype=torch.float64))
    assert result.shape == (3, 4, 8)
    for of_row, row, length in zip(result, times, lengths):
        for k in range(length):
            since = row[k] - row[k - 1] if k else 0.0
            index = min(math.floor(10 * math.log2(1 + since)), module.interval.num_embeddings - 1)
            when = [
                math.cos(
                    (
                        float(module.absolute.weight[j, 0]) * row[k] / 50
                        + float(module.absolute.bias[j])
                    )
                    / 10000 ** (j / 4)
                )
                for j in range(4)
            ]
            expected = torch.cat([module.interval.weight[index], torch.tensor(when)])
            assert torch.allclose(of_row[k], expected, atol=1e-5)


def test_a_trained_time_reads_other_interactions_as_those_it_was_trained_with(move_parameters):
    """Their first interaction may be earlier or later, their longest interval longer or shorter."""
    common = {"dimension": 4, "interval_scale": 10, "unit": 50.0}
    trained = TimeEmbedding(**common, longest_interval=1000.0, first_time=1.6e9 + 0.25)
    move_parameters(trained)
    times = torch.tensor([[1.6e9 + 10, 1.6e9 + 500], [1.6e9 + 700, 1.6e9 + 9e4]]).double()
    expected = trained(times - trained.first_time)
    for first_time, longest in ((1.5e9, 1e8), (1.6e9 + 5, 20.0)):
        other = TimeEmbedding(**common, longest_interval=longest, first_time=first_time)
        held = other.interval.weight  # as an optimizer holds it
        other.load_state_dict(trained.state_dict())
        assert torch.equal(other(times - first_time), expected)
        assert other.interval.weight is held
        assert other.state_dict()["interval.weight"].shape == trained.interval.weight.shape
        again = TimeEmbedding(**common, longest_interval=1.0, first_time=0.0)
        again.load_state_dict(other.state_dict())
        assert torch.equal(again(times), expected)


def make():
    torch.manual_seed(0)
    return TemporalExperts(
        dimension=4, experts=3, interval_scale=10, longest_interval=1000.0, unit=50.0
    )


def test_the_items_of_a_history_are_scaled_position_by_position(move_parameters):
    module = make()
    move_parameters(module)
    items = torch.randn(2, 3, 4)
    times = torch.tensor([[0.0, 3.0, 900.0], [50.0, 50.0, 51.0]], dtype=torch.float64)
    result, vectors = module(items, times), module.time(times)
    for b in range(2):
        for k in range(3):
            logits = module.mixture.gate.weight @ vectors[b, k] + module.mixture.gate.bias
            factors = torch.softmax(logits, dim=0) @ module.mixture.experts
            assert torch.allclose(result[b, k], items[b, k] * factors, atol=1e-6)


def test_a_time_is_told_to_its_own_item_and_as_interval_to_the_next(move_parameters):
    module = make()
    move_parameters(module)
    items, times = torch.randn(1, 5, 4), torch.tensor([[0.0, 10.0, 20.0, 40.0, 80.0]]).double()
    later = times.clone()
    later[0, 2] = 35.0
    differs = (module(items, times) != module(items, later)).any(dim=2)[0]
    assert differs.tolist() == [False, False, True, True, False]


def test_seconds_count_years_after_the_first_interaction(move_parameters):
    module = TemporalExperts(
        dimension=4, experts=3, interval_scale=10, longest_interval=1e9, unit=86400.0
    )
    move_parameters(module)
    years = 20 * 365 * 86400.0
    times = torch.tensor([[years, years + 1], [years, years + 4]], dtype=torch.float64)
    vectors = module.time(times)
    assert not torch.equal(vectors[0, 1], vectors[1, 1])  # one and four seconds later


def test_mixed_precision_keeps_the_phase_of_late_times(move_parameters):
    module = make()
    move_parameters(module)
    times = torch.tensor([[1e6, 1e6 + 40]], dtype=torch.float64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = module.time(times)
    assert torch.equal(mixed, module.time(times))


def test_temporal_experts_are_made_as_the_settings_say_and_all_of_them_learn(move_parameters):
    settings = {"hidden_size": 4, "temporal_experts": 3, "interval_scale": 7, "time_unit": 50.0}
    module = TemporalExperts.of_config(settings, 1000.0, 1.5e9)
    other = TemporalExperts(
        **{"dimension": 4, "experts": 3, "interval_scale": 7, "longest_interval": 1000.0},
        **{"unit": 50.0, "first_time": 1.5e9},
    )
    move_parameters(module)
    other.load_state_dict(module.state_dict())
    items, times = torch.randn(2, 3, 4), torch.tensor([[0.0, 3, 900], [50, 51, 60]]).double()
    result = module(items, times)
    assert torch.equal(result, other(items, times))
    # as a checkpoint counts them, whose data began earlier
    later = TemporalExperts.of_config(settings, 1000.0, 1.5e9 + 100)
    later.load_state_dict(module.state_dict())
    assert torch.equal(later(items, times - 100), result)
    result.square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_temporal_experts_start_as_small_factors_of_either_sign():
    torch.manual_seed(0)
    start = TemporalMixture(modalities=3, dimension=64, experts=50, trained=True).experts
    assert float(start.detach().std()) == pytest.approx(0.1, rel=0.05)
    assert float(start.detach().mean()) == pytest.approx(0.0, abs=0.005)


@pytest.mark.parametrize(
    ("span", "unit", "said"),
    [
        (10 * 365 * 86400.0, 86400.0, None),
        (86400.0, 86400.0, None),
        (0.0, 86400.0, None),  # nothing to tell apart
        (10 * 365 * 86400e3, 86400.0, "86400000 for days where times are milliseconds"),
        (900.0, 86400.0, "1 where times are days"),
    ],
)
def test_a_unit_that_does_not_fit_the_times_is_remarked_on(span, unit, said):
    found = unit_warning(span, unit)
    assert (found is None) == (said is None)
    assert said is None or said in found


@pytest.mark.parametrize(
    ("model", "settings"), [("CAMMSR", {"time_encoding": "experts"}), ("HM4SR", {})]
)
def test_a_table_of_intervals_that_no_memory_would_hold_is_refused(make_model, model, settings):
    says = r"^`interval_scale` is 1e\+09, .* at most 1,000,000 are held; set it to \d+ or less"
    with pytest.raises(ValueError, match=says):
        make_model(model, interval_scale=1e9, **settings)


def test_the_scale_that_is_named_instead_fits():
    common = {"dimension": 1, "longest_interval": 1023.0, "unit": 1.0}
    with pytest.raises(ValueError, match=r"\(1023, .*set it to 100000 or less"):
        TimeEmbedding(interval_scale=100_001, **common)
    assert TimeEmbedding(interval_scale=100_000, **common).interval.num_embeddings == 1_000_001


def test_models_log_that_remark(make_model, caplog):
    settings = {"CAMMSR": {"time_encoding": "experts"}, "HM4SR": {}}
    for name, own in settings.items():
        caplog.clear()
        make_model(name, **own, time_unit=0.001)
        assert "`time_unit` (0.001)" in caplog.text
        caplog.clear()
        make_model(name, **own, time_unit=10)
        assert "`time_unit` (" not in caplog.text
