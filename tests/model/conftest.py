"""Public models that ours are compared with, and their weights in our layout."""

from __future__ import annotations

import copy
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recbole_cammsr.model import trimmed_padding


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Runs the test with two threads, whatever the others have."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def copy_blocks() -> Callable:
    """Gives encoder blocks the weights of RecBole's Transformer layers."""

    def copy_weights(blocks: Any, layers: Any) -> None:
        for ours, theirs in zip(blocks, layers):
            attention, forward = theirs.multi_head_attention, theirs.feed_forward
            parts = (attention.query, attention.key, attention.value)
            with torch.no_grad():
                ours.query_key_value.weight.copy_(torch.cat([part.weight for part in parts]))
                ours.query_key_value.bias.copy_(torch.cat([part.bias for part in parts]))
            ours.attention_out.load_state_dict(attention.dense.state_dict())
            ours.attention_norm.load_state_dict(attention.LayerNorm.state_dict())
            ours.inner.load_state_dict(forward.dense_1.state_dict())
            ours.outer.load_state_dict(forward.dense_2.state_dict())
            ours.feed_forward_norm.load_state_dict(forward.LayerNorm.state_dict())

    return copy_weights


@pytest.fixture
def move_parameters() -> Callable:
    """Gives every parameter a value of its own: shifts and gates start at zero, norms at one."""

    def move(model: nn.Module) -> None:
        torch.manual_seed(3)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.05 * torch.randn_like(parameter))

    return move


@pytest.fixture
def copy_sasrec_encoder(copy_blocks: Callable) -> Callable:
    """Gives a HistoryEncoder the weights of RecBole's SASRec."""

    def copy_weights(encoder: Any, stock: Any) -> None:
        with torch.no_grad():
            encoder.position.weight.copy_(stock.position_embedding.weight)
            encoder.embedding_norm.load_state_dict(stock.LayerNorm.state_dict())
            copy_blocks(encoder.blocks, stock.trm_encoder.layer)

    return copy_weights


@pytest.fixture
def copy_adaptor() -> Callable:
    """Gives a MoEAdaptor the weights of the one in the authors' code."""

    def copy_weights(adaptor: Any, theirs: Any) -> None:
        with torch.no_grad():
            adaptor.gate.weight.copy_(theirs.w_gate.t())
            for index, expert in enumerate(theirs.experts):
                adaptor.weight[index].copy_(expert.lin.weight)
                adaptor.shift[index].copy_(expert.bias.reshape(adaptor.shift[index].shape))

    return copy_weights


@pytest.fixture
def quiet_text_model() -> dict[str, Any]:
    """Settings of a small UniSRec or TedRec without chance."""
    return {
        "hidden_dropout_prob": 0.0,
        "attn_dropout_prob": 0.0,
        "adaptor_dropout_prob": 0.0,
        "noisy_gating": False,
        "n_experts": 3,
        "modalities": ["text"],
    }


@pytest.fixture
def text_of_all_items(toy_path: Path) -> None:
    """Rewrites the toy data set's text features: every item has one, as the authors need it."""
    lines = (toy_path / "toy" / "toy.inter").read_text(encoding="utf-8").splitlines()[1:]
    tokens = np.array(sorted({line.split("\t")[1] for line in lines}))
    features = np.random.default_rng(3).normal(size=(len(tokens), 12)).astype(np.float32)
    np.savez(toy_path / "toy" / "toy.text.npz", item_id=tokens, feature=features)


@pytest.fixture
def authors_text_model(make_config: Callable, move_parameters: Callable) -> Callable:
    """Makes UniSRec or TedRec of the authors' code, with random weights and no noise.

    Its checkout is the folder that the environment variable names.
    """

    def make(name: str, variable: str, dataset: Any, **settings: Any) -> Any:
        if variable not in os.environ:
            pytest.skip(f"{variable} names no checkout of {name}")
        file = Path(os.environ[variable]) / f"{name.lower()}.py"
        spec = importlib.util.spec_from_file_location(f"authors_{name.lower()}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        table = dataset.feature_tables[0]
        features = table.rows(torch.arange(len(table.present)))
        dataset.plm_embedding = nn.Embedding.from_pretrained(features, padding_idx=0)
        config = make_config(
            "SASRec",
            n_exps=3,
            adaptor_layers=[features.shape[1], 16],
            adaptor_dropout_prob=0.0,
            hidden_dropout_prob=0.0,
            attn_dropout_prob=0.0,
            temperature=0.07,
            **settings,
        )
        torch.manual_seed(5)
        model = getattr(module, name)(config, dataset)
        model.moe_adaptor.noisy_gating = False
        move_parameters(model)
        return model

    return make


@pytest.fixture
def largest_gradient_difference() -> Callable:
    """Largest difference of the gradients of two models that are laid out differently."""

    def largest(ours: Any, theirs: Any, copy_weights: Callable) -> float:
        of_theirs, expected = copy.deepcopy(theirs), copy.deepcopy(ours)
        with torch.no_grad():
            for target, source in zip(of_theirs.parameters(), theirs.parameters()):
                target.copy_(torch.zeros_like(source) if source.grad is None else source.grad)
            for parameter in expected.parameters():
                parameter.zero_()
        copy_weights(expected, of_theirs)
        gradients = dict(expected.named_parameters())
        return max(
            float((parameter.grad - gradients[key]).abs().max())
            for key, parameter in ours.named_parameters()
            if parameter.grad is not None
        )

    return largest


@pytest.fixture
def stock_and_faster(make_data: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Makes a model of RecBole's twice with equal weights, the second time with a switch set."""
    from recbole.utils import get_model, init_seed

    monkeypatch.setattr(trimmed_padding, "ROWS", 7)
    rates = ("hidden_dropout_prob", "attn_dropout_prob", "dropout_prob")
    quiet = {**dict.fromkeys(rates, 0.0), "dropout_probs": [0.0, 0.0]}
    features = {
        "selected_features": ["genre"],
        "load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "genre"]},
    }

    def make(name: str, switch: str, **settings: Any) -> Any:
        own = features if name in ("FDSA", "SASRecF", "GRU4RecF") else {}
        given = {"MAX_ITEM_LIST_LENGTH": 20, switch: True, **quiet, **own, **settings}
        config, _, loaders = make_data(name, **given)
        models = []
        for value in (None, True):
            config[switch] = value
            init_seed(5, True)
            models.append(get_model(name)(config, loaders[0]._dataset))
        return loaders, *models

    return make


@pytest.fixture
def require_equal_models() -> Callable:
    """Compares two models of one layout: losses and gradients of a batch, scores of other rows."""

    def require(stock: Any, faster: Any, batch: Any, rows: Any) -> None:
        losses = [model.calculate_loss(batch) for model in (stock, faster)]
        for loss in losses:
            loss.backward()
        assert torch.allclose(*losses, atol=1e-6)
        others = dict(faster.named_parameters())
        for key, parameter in stock.named_parameters():
            assert torch.allclose(parameter.grad, others[key].grad, atol=1e-6), key
        with torch.no_grad():
            scores = [model.eval().full_sort_predict(rows) for model in (stock, faster)]
        assert torch.allclose(*scores, atol=1e-6)

    return require
