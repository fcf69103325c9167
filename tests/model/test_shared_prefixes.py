"""With shared prefixes a RecBole model has the same loss, gradient and scores, or refuses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.utils import get_model

from recbole_cammsr.model.faster_models import with_less_to_compute
from recbole_cammsr.model.shared_prefixes import SharedPrefixes, prefix_runs

BPR = {"loss_type": "BPR", "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}


@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, {}) for name in ("SASRec", "GRU4Rec", "FDSA", "SASRecF", "GRU4RecF")]
    + [("SASRec", BPR)],
)
def test_loss_gradient_and_scores_are_the_models_own(
    name, settings, stock_and_faster, require_equal_models
):
    loaders, stock, packed = stock_and_faster(name, "train_packing", **settings)
    seen = []
    original = packed._stock
    packed._stock = lambda seq, length: seen.append(seq.shape) or original(seq, length)
    batch = max(loaders[0], key=len)
    packed._check_sharing(batch["item_id_list"], batch["item_length"])
    seen.clear()
    packed.calculate_loss(batch)
    assert sum(rows for rows, _ in seen) < 0.5 * len(batch)
    require_equal_models(stock, packed, batch, next(iter(loaders[2]))[0])
    assert str(packed) == str(stock)
    assert type(stock) is get_model(name)  # without the setting nothing changes


def test_rows_in_any_order_give_their_own_vectors(stock_and_faster):
    loaders, stock, packed = stock_and_faster("SASRec", "train_packing")
    batch = max(loaders[0], key=len)
    order = torch.randperm(len(batch), generator=torch.Generator().manual_seed(1))
    seq, length = batch["item_id_list"][order], batch["item_length"][order]
    packed._is_sharing_checked = True
    with torch.no_grad():
        assert torch.allclose(stock(seq, length), packed(seq, length), atol=1e-6)


@settings(max_examples=60)
@given(
    histories=st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=6), min_size=1, max_size=9)
)
def test_a_row_is_a_prefix_of_the_last_of_its_run_and_runs_are_as_long_as_they_can_be(histories):
    length = torch.tensor([len(history) for history in histories])
    seq = torch.tensor([history + [0] * (6 - len(history)) for history in histories])
    expected = [0]
    for before, history in zip(histories, histories[1:]):
        expected.append(expected[-1] + (history[: len(before)] != before))
    assert prefix_runs(seq, length).tolist() == expected


def test_the_check_leaves_mode_and_random_numbers_alone(make_data):
    config, _, loaders = make_data("SASRec", train_packing=True, hidden_dropout_prob=0.5)
    model = get_model("SASRec")(config, loaders[0]._dataset)
    model.trm_encoder.eval()
    before = torch.get_rng_state()
    batch = max(loaders[0], key=len)
    model._check_sharing(batch["item_id_list"], batch["item_length"])
    assert model._is_sharing_checked
    assert torch.equal(before, torch.get_rng_state())
    assert model.training
    assert not model.trm_encoder.training


def test_a_batch_in_which_too_little_is_shared_leaves_the_check_to_a_later_one(make_data):
    config, _, loaders = make_data("SASRec", train_packing=True)
    model = get_model("SASRec")(config, loaders[0]._dataset)
    model.forward(torch.tensor([[2, 3, 0], [4, 0, 0]]), torch.tensor([2, 1]))
    assert not model._is_sharing_checked
    shared = torch.tensor([[2, 0, 0], [2, 3, 0], [4, 0, 0], [4, 2, 0]]), torch.tensor([1, 2, 1, 2])
    model.forward(*(rows[:2] for rows in shared))
    assert not model._is_sharing_checked
    model.forward(*shared)
    assert model._is_sharing_checked


class _Embeds(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(9, 4)

    def gather_indexes(self, output, gather_index):
        return output[torch.arange(len(output)), gather_index]


class _ReadsLaterItems(_Embeds):
    def forward(self, item_seq, item_seq_len):
        states = self.embedding(item_seq)
        return self.gather_indexes(states + states.mean(1, keepdim=True), item_seq_len - 1)


class _ReadsALittleOfThem(_Embeds):
    def forward(self, item_seq, item_seq_len):
        states = self.embedding(item_seq)
        states = states + 0.004 * states.mean(1, keepdim=True)
        return self.gather_indexes(states, item_seq_len - 1)


class _GathersByItself(_Embeds):
    def forward(self, item_seq, item_seq_len):
        return self.embedding(item_seq)[torch.arange(len(item_seq)), item_seq_len - 1]


class _AddsToWhatItGathered(_Embeds):
    def forward(self, item_seq, item_seq_len):
        states = self.embedding(item_seq)
        return self.gather_indexes(states, item_seq_len - 1) + states[:, 0]


class _ReadsTheLastTwo(_Embeds):
    """The first two prefixes of a history are as they would be without the window."""

    def forward(self, item_seq, item_seq_len):
        place = torch.arange(item_seq.shape[1])
        read = place >= item_seq_len.unsqueeze(1) - 2
        states = (self.embedding(item_seq) * read.unsqueeze(2)).cumsum(1)
        return self.gather_indexes(states, item_seq_len - 1)


class _ReadsTheFirstAndTheLast(_Embeds):
    """The shortest prefix of a history and the longest are what they would be alone."""

    def forward(self, item_seq, item_seq_len):
        place = torch.arange(item_seq.shape[1])
        read = (place == 0) | (place == item_seq_len.unsqueeze(1) - 1)
        states = (self.embedding(item_seq) * read.unsqueeze(2)).cumsum(1)
        return self.gather_indexes(states, item_seq_len - 1)


@pytest.mark.parametrize("model_class", [_ReadsTheLastTwo, _ReadsTheFirstAndTheLast])
def test_a_model_that_differs_in_long_rows_only_is_refused(model_class):
    model = with_less_to_compute(model_class, SharedPrefixes)()
    histories = torch.tensor([[1, 2, 3, 4, 5], [6, 5, 4, 3, 2]])
    length = torch.arange(1, 6).repeat(2)
    item_seq = histories.repeat_interleave(5, 0) * (torch.arange(5) < length.unsqueeze(1))
    with pytest.raises(ValueError, match="reads items or padding after the end"):
        model(item_seq, length)


@pytest.mark.parametrize(
    ("model_class", "reason"),
    [
        (_ReadsLaterItems, "reads items or padding after the end"),
        (_ReadsALittleOfThem, "reads items or padding after the end"),
        (_GathersByItself, "does not take its states with gather_indexes"),
        (_AddsToWhatItGathered, "needs every prefix of a history as a row"),
    ],
)
def test_a_model_whose_prefixes_cannot_be_shared_is_refused(model_class, reason):
    model = with_less_to_compute(model_class, SharedPrefixes)()
    item_seq = torch.tensor([[1, 2, 0, 0], [1, 2, 3, 0], [6, 0, 0, 0], [6, 5, 0, 0]])
    sentence = f"train_packing: {model_class.__name__} {reason}.*train_packing: False"
    for _ in range(2):  # not only the first time
        with pytest.raises(ValueError, match=sentence):
            model(item_seq, torch.tensor([2, 3, 1, 2]))


@pytest.mark.parametrize("name", ["NARM", "STAMP", "LightSANs"])
def test_recboles_models_that_look_at_the_whole_history_are_refused(name, make_data):
    config, _, loaders = make_data(name, train_packing=True)
    model = get_model(name)(config, loaders[0]._dataset)
    with pytest.raises(ValueError, match=f"train_packing: {name} .*; set train_packing: False"):
        model.calculate_loss(max(loaders[0], key=len))


@pytest.mark.parametrize("name", ["BERT4Rec", "Caser"])
def test_a_model_with_another_forward_is_refused(name, make_data):
    config, _, loaders = make_data(name, train_packing=True)
    with pytest.raises(ValueError, match=f"train_packing: forward of {name} takes"):
        get_model(name)(config, loaders[0]._dataset)


def test_a_forward_that_takes_more_is_refused():
    """Also where the rest has defaults, of which nobody knows what they depend on."""
    more = type("More", (_Embeds,), {"forward": lambda self, item_seq, item_seq_len, more=1: more})
    with pytest.raises(ValueError, match=r"More takes \(item_seq, item_seq_len, more\)"):
        with_less_to_compute(more, SharedPrefixes)


def test_a_model_made_by_the_type_of_another_is_made_faster_once(make_data):
    config, _, loaders = make_data("SASRec", train_packing=True)
    model = get_model("SASRec")(config, loaders[0]._dataset)
    assert type(type(model)(config, loaders[0]._dataset)) is type(model)


def test_what_somebody_makes_of_our_models_stays_what_it_is(make_data):
    config, _, loaders = make_data("CAMMSR")
    own = type("CAMMSR", (get_model("CAMMSR"),), {"__module__": "somebody.elses"})
    assert config["train_packing"]
    assert type(own(config, loaders[0]._dataset)) is own


def test_a_model_that_is_not_sequential_takes_no_notice(make_data):
    _, _, loaders = make_data("Pop", train_packing=True)
    assert type(loaders[0]).__name__ == "TrainDataLoader"
