"""Item initialisation against its formula."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from recbole_cammsr.model import frozen_features
from recbole_cammsr.model.frozen_features import FrozenFeatures, standardise
from recbole_cammsr.model.item_init import ItemInit


def test_standardised_features_follow_the_formula_over_present_items():
    torch.manual_seed(0)
    values = torch.randn(6, 3, dtype=torch.float64) * 5 + 2
    present = torch.tensor([False, True, True, False, True, True])
    result = standardise(values, present)
    unit = [values[i] / values[i].pow(2).sum().sqrt() for i in range(6) if present[i]]
    mean = sum(unit) / len(unit)
    centred = [row - mean for row in unit]
    rms = (sum(float(row.pow(2).sum()) for row in centred) / len(centred)) ** 0.5
    rows = iter(centred)
    for item in range(6):
        expected = next(rows) / rms if present[item] else torch.zeros(3)
        assert torch.allclose(result[item].double(), expected.double(), atol=1e-5)


def test_zero_and_constant_rows_stay_finite():
    values, present = torch.zeros(4, 3), torch.tensor([False, True, True, True])
    assert torch.equal(standardise(values, present), torch.zeros(4, 3))
    assert torch.isfinite(standardise(torch.ones(4, 3), present)).all()
    assert torch.equal(standardise(values, torch.zeros(4, dtype=torch.bool)), values)


@pytest.mark.parametrize("rows", [1, 500])
def test_equal_rows_are_not_blown_up(rows):
    # a row divided by its rounded length has a rounded length: 1e-7 is not to become 1e5
    torch.manual_seed(0)
    values = torch.randn(200, 1, 48).expand(-1, rows, -1)
    for copies in values:
        assert standardise(copies.contiguous(), torch.ones(rows, dtype=torch.bool)).norm() < 1e-4


def test_statistics_are_those_of_all_rows_at_once(monkeypatch):
    values = np.random.default_rng(0).normal(1, 3, size=(30, 5)).astype(np.float32)
    values[4] = 0
    monkeypatch.setattr(frozen_features, "_BLOCK_BYTES", 5 * 4 * 7)
    unit = values.astype(np.float64) / np.maximum(
        np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True), 1e-12
    )
    centred = unit - unit.mean(axis=0)
    for resident in (True, False):
        rows = torch.cat([torch.zeros(1, 5), torch.from_numpy(values), torch.zeros(1, 5)])
        table = Table(rows, torch.tensor([False] + [True] * 30 + [False]), resident)
        items = table.present.nonzero().squeeze(1)
        mean, rms = frozen_features._statistics(table.rows, items, 5)
        assert np.allclose(mean.numpy(), unit.mean(axis=0), atol=1e-7)
        assert rms == pytest.approx(np.sqrt((centred**2).sum(axis=1).mean()), rel=1e-9)
        features = FrozenFeatures(table)(None)
        assert np.allclose(features[1:31].numpy(), centred / rms, atol=1e-6)
        assert not features[[0, 31]].any()


class Table:
    """Features in memory, or gathered."""

    def __init__(self, values, present, resident=True):
        self.raw = values * present[:, None]
        self.values = self.raw if resident else None
        self.present = present
        self.dimension = values.shape[1]

    def rows(self, items):
        return self.raw[items].float()

    def reading_order(self):
        backwards = torch.arange(len(self.present) - 1, 0, -1)
        return None if self.raw is self.values else torch.cat([torch.zeros(1).long(), backwards])


def make(use_id=True, resident=True):
    torch.manual_seed(0)
    present = [torch.tensor([0, 1, 1, 0, 0]).bool(), torch.tensor([0, 1, 0, 1, 0]).bool()]
    values = [torch.randn(5, 3), torch.randn(5, 6)]
    tables = [Table(v, has, resident) for v, has in zip(values, present)]
    init = ItemInit(
        n_items=5,
        dimension=4,
        features=[FrozenFeatures(table) for table in tables],
        present=present,
        use_id=use_id,
    )
    init.reset_parameters(0.5)
    return init


@pytest.mark.parametrize(
    "items", [None, torch.tensor([3, 1, 1, 0]), slice(1, 4)], ids=["all", "ids", "range"]
)
def test_gathered_features_equal_resident_ones(items):
    resident, gathered = make(), make(resident=False)
    gathered.load_state_dict(resident.state_dict())
    for a, b in zip(resident(items), gathered(items)):
        assert torch.allclose(a.float(), b.float(), atol=1e-6)


@pytest.mark.parametrize("use_id", [True, False])
@pytest.mark.parametrize("resident", [True, False])
def test_vectors_of_the_catalogue_and_gradients_do_not_depend_on_blocks(
    monkeypatch, use_id, resident
):
    init = make(use_id, resident=resident)
    vectors = init()[0]
    expected = torch.autograd.grad(vectors.square().sum(), list(init.parameters()))
    monkeypatch.setattr(frozen_features, "_BLOCK_BYTES", 3 * 4 * 2)  # two rows, and one
    asked = []
    for features in init.features:
        if not resident:
            stock = features.table.rows
            features.table.rows = lambda ids, stock=stock: asked.append(len(ids)) or stock(ids)
    blocks = init.catalogue()
    assert torch.allclose(blocks, vectors, atol=1e-6)
    found = torch.autograd.grad(blocks.square().sum(), list(init.parameters()))
    for one, other in zip(found, expected):
        assert torch.allclose(one, other, atol=1e-5)
    # read once more in the backward pass
    assert sorted(asked) == ([] if resident else 2 * 6 * [1] + 2 * 2 * [2])


@pytest.mark.parametrize("resident", [True, False])
def test_a_copy_shares_the_features_and_nothing_else(resident):
    """RecBole copies the model to count its operations; the features can be most of it."""
    init = make(resident=resident)
    copied = copy.deepcopy(init)
    for one, other in zip(init.features, copied.features):
        assert one is not other
        held = (one.values, other.values) if resident else (one.table.raw, other.table.raw)
        assert (held[0] is held[1]) == resident  # this test's own table has no say in copies
    weights = zip(init.parameters(), copied.parameters())
    assert all(one is not other for one, other in weights)
    for one, other in zip(init(None), copied(None)):
        assert torch.equal(one, other)
    copied.double()
    assert all(one.dtype == torch.float32 for one in init.buffers() if one.is_floating_point())


def test_gathered_features_without_any_row_stay_finite():
    table = Table(torch.ones(3, 2), torch.zeros(3, dtype=torch.bool), resident=False)
    assert torch.equal(FrozenFeatures(table)(None), torch.zeros(3, 2))


@pytest.mark.parametrize("use_id", [True, False])
def test_modalities_and_missing_vectors(use_id):
    init = make(use_id)
    vectors, mask = init()
    first = 1 if use_id else 0
    assert vectors.shape == (5, 2 + first, 4)
    if use_id:
        assert torch.equal(vectors[:, 0], init.id_embedding.weight)
        assert not vectors[0, 0].any()
    for index in range(2):
        features = init.features[index].values
        for item in range(5):
            expected = (
                init.projections[index](features[item])
                if init.present[item, first + index]
                else init.missing[index]
            )
            assert torch.allclose(vectors[item, first + index], expected)
    # an item with nothing at all takes part with its missing vectors, others with what they have
    assert mask[4].tolist() == ([True, False, False] if use_id else [True, True])
    assert mask[3].tolist() == ([True, False, True] if use_id else [False, True])


def test_an_item_without_anything_is_its_missing_vectors():
    init = make(use_id=False)
    for projection in init.projections:
        torch.nn.init.ones_(projection.bias)
    assert not init.present[4].any()
    for modality in range(2):
        assert torch.equal(init()[0][4, modality], init.missing[modality])


def test_start_values_have_the_deviation_asked_for():
    torch.manual_seed(0)
    values, present = torch.randn(500, 40), torch.ones(500, dtype=torch.bool)
    init = ItemInit.of_tables([Table(values, present)], 500, 2000)
    torch.nn.init.ones_(init.projections[0].bias)
    init.reset_parameters(0.05)
    drawn = [init.id_embedding.weight[1:], init.projections[0].weight, init.missing[0]]
    for vectors in drawn:
        assert vectors.std().item() == pytest.approx(0.05, rel=0.1)
        assert abs(vectors.mean().item()) < 0.005
    assert not init.id_embedding.weight[0].any()
    assert not init.projections[0].bias.any()


def test_some_items_equal_the_same_rows_of_all():
    init = make()
    vectors, mask = init()
    some = torch.tensor([3, 1, 1])
    chosen, chosen_mask = init(some)
    assert torch.allclose(chosen, vectors[some])
    assert torch.equal(chosen_mask, mask[some])


def test_frozen_parts_are_not_in_the_state():
    assert set(make().state_dict()) == {
        "id_embedding.weight",
        "projections.0.weight",
        "projections.0.bias",
        "projections.1.weight",
        "projections.1.bias",
        "missing.0",
        "missing.1",
    }


def test_no_modality_at_all_is_refused():
    with pytest.raises(ValueError, match="use_id"):
        ItemInit(n_items=3, dimension=2, features=[], present=[], use_id=False)
