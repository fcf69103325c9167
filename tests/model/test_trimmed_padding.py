"""Without its padding a RecBole model has the same loss, gradient and scores, or refuses."""

from __future__ import annotations

import pytest
import torch
from recbole.utils import get_model

from recbole_cammsr.model import trimmed_padding
from recbole_cammsr.model.faster_models import with_less_to_compute
from recbole_cammsr.model.shared_prefixes import SharedPrefixes


@pytest.mark.parametrize("name", ["SASRec", "GRU4Rec", "FDSA", "SASRecF", "NARM"])
def test_loss_gradient_and_scores_are_the_models_own(name, stock_and_faster, require_equal_models):
    loaders, stock, trimmed = stock_and_faster(name, "trim_padding")
    widths = []
    original = trimmed._stock
    trimmed._stock = lambda seq, length: widths.append(seq.shape[1]) or original(seq, length)
    require_equal_models(stock, trimmed, next(iter(loaders[0])), next(iter(loaders[2]))[0])
    assert 1 <= min(widths) < max(widths) <= 20  # lots differ in width: something was left out
    assert str(trimmed) == str(stock)
    assert type(stock) is get_model(name)  # without the setting nothing changes
    assert isinstance(trimmed, type(stock))


def test_the_check_leaves_mode_and_random_numbers_alone(make_data):
    config, _, loaders = make_data("SASRec", trim_padding=True, hidden_dropout_prob=0.5)
    model = get_model("SASRec")(config, loaders[0]._dataset)
    model.trm_encoder.eval()
    before = torch.get_rng_state()
    batch = next(iter(loaders[0]))
    model._check(batch["item_id_list"], batch["item_length"])
    assert model._is_checked
    assert torch.equal(before, torch.get_rng_state())
    assert model.training
    assert not model.trm_encoder.training
    assert not model.trm_encoder.layer[0].training


def test_a_batch_without_padding_leaves_the_check_to_a_later_one(make_data):
    config, _, loaders = make_data("SASRec", trim_padding=True)
    model = get_model("SASRec")(config, loaders[0]._dataset)
    model.forward(torch.full((3, 10), 2), torch.full((3,), 10))
    assert not model._is_checked
    model.forward(torch.tensor([[2, 3, 0, 0]]), torch.tensor([2]))
    assert model._is_checked


def test_a_model_made_by_the_type_of_another_is_trimmed_once(make_data):
    config, _, loaders = make_data("SASRec", trim_padding=True)
    model = get_model("SASRec")(config, loaders[0]._dataset)
    assert type(type(model)(config, loaders[0]._dataset)) is type(model)


class _ReadsPadding(torch.nn.Module):
    """The mean over all positions, padding included."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(9, 4)

    def forward(self, item_seq, item_seq_len):
        return self.embedding(item_seq).mean(1)


class _ReadsALittleOfIt(_ReadsPadding):
    def forward(self, item_seq, item_seq_len):
        first = self.embedding(item_seq[:, 0])
        return 0.01 * (first + 0.02 * super().forward(item_seq, item_seq_len))


class _IsLargerWithoutIt(_ReadsPadding):
    def forward(self, item_seq, item_seq_len):
        return torch.ones(len(item_seq), 4) / item_seq.shape[1]


class _IsNoNumberInShortBatches(_ReadsPadding):
    def forward(self, item_seq, item_seq_len):
        return self.embedding(item_seq[:, 0]) / (0.0 if item_seq.shape[1] < 5 else 1.0)


class _FixedWidth(_ReadsPadding):
    def forward(self, item_seq, item_seq_len):
        return self.embedding(item_seq).reshape(len(item_seq), -1) @ torch.ones(20, 4)


class _AVectorAPosition(_ReadsPadding):
    def forward(self, item_seq, item_seq_len):
        return self.embedding(item_seq)


class _AListOfVectors(_ReadsPadding):
    def forward(self, item_seq, item_seq_len):
        return [self.embedding(item_seq[:, 0])]


class _NormalisesTheBatch(_ReadsPadding):
    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(4)


@pytest.mark.parametrize(
    ("model_class", "reason"),
    [
        (_ReadsPadding, "reads its padding"),
        (_ReadsALittleOfIt, "reads its padding"),
        (_IsLargerWithoutIt, "reads its padding"),
        (_IsNoNumberInShortBatches, r"reads its padding \(vectors differ by (nan|inf)"),
        (_FixedWidth, "cannot read a shorter batch"),
        (_AVectorAPosition, "does not give one vector a history"),
        (_AListOfVectors, "gives more than one vector a history"),
        (_NormalisesTheBatch, "normalises over the batch"),
    ],
)
def test_a_model_that_depends_on_its_padding_is_refused(model_class, reason):
    model = with_less_to_compute(model_class, trimmed_padding.TrimmedPadding)()
    item_seq = torch.tensor([[1, 2, 0, 0, 0], [1, 2, 3, 4, 5], [6, 0, 0, 0, 0]])
    sentence = f"trim_padding: {model_class.__name__} {reason}.*trim_padding: False"
    for _ in range(2):  # not only the first time
        with pytest.raises(ValueError, match=sentence):
            model(item_seq, torch.tensor([2, 1, 1]))


class _Raises(_ReadsPadding):
    """Fails at whatever batch, or at shorter ones alone."""

    def __init__(self, error, only_shorter) -> None:
        super().__init__()
        self.error, self.only_shorter = error, only_shorter

    def forward(self, item_seq, item_seq_len):
        if self.only_shorter and item_seq.shape[1] == 5:
            return super().forward(item_seq, item_seq_len)
        raise self.error


@pytest.mark.parametrize("switch", [trimmed_padding.TrimmedPadding, SharedPrefixes])
@pytest.mark.parametrize(
    ("error", "only_shorter"),
    [
        (RuntimeError("shapes do not fit"), False),
        (torch.cuda.OutOfMemoryError("out of memory"), False),
        (torch.cuda.OutOfMemoryError("out of memory"), True),
    ],
)
def test_errors_that_no_padding_explains_stay_what_they_are(switch, error, only_shorter):
    model = with_less_to_compute(_Raises, switch)(error, only_shorter)
    item_seq = torch.tensor([[1, 0, 0, 0, 0], [1, 2, 0, 0, 0], [6, 0, 0, 0, 0], [6, 7, 0, 0, 0]])
    with pytest.raises(type(error)) as raised:
        model(item_seq, torch.tensor([1, 2, 1, 2]))
    assert raised.value is error


def test_recboles_stamp_attends_to_its_padding(make_data):
    config, _, loaders = make_data("STAMP", trim_padding=True)
    model = get_model("STAMP")(config, loaders[0]._dataset)
    with pytest.raises(ValueError, match="STAMP reads its padding"):
        model.calculate_loss(next(iter(loaders[0])))


def test_a_model_with_another_forward_is_refused(make_data):
    config, _, loaders = make_data("Caser", trim_padding=True)
    with pytest.raises(ValueError, match=r"Caser takes \(user, item_seq\)"):
        get_model("Caser")(config, loaders[0]._dataset)


def test_what_is_no_switch_is_refused(make_data):
    config, _, loaders = make_data("SASRec", trim_padding="yes please")
    with pytest.raises(ValueError, match="trim_padding is 'yes please'"):
        get_model("SASRec")(config, loaders[0]._dataset)


def test_our_own_models_stay_what_they_are(make_model):
    _, _, _, model = make_model("TedRec", trim_padding=True, train_packing=False)
    assert type(model).__mro__[0].__module__ == "recbole_cammsr.model.tedrec"
    assert not hasattr(model, "_is_checked")
