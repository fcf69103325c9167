"""Checks the model's settings before anything is built from them."""

from __future__ import annotations

from typing import Any

from recbole_cammsr.model.encoder import ACTIVATIONS

_CHOICES = {
    "fusion": ("camoe", "sum"),
    "scoring": ("cosine", "dot"),
    "norm": ("dyt", "layernorm"),
    "time_encoding": ("none", "interval"),
    "hidden_act": tuple(ACTIVATIONS),
}
_AT_LEAST_ONE = (
    "hidden_size",
    "inner_size",
    "n_layers",
    "n_heads",
    "expert_size",
    "experts_per_view",
    "item_block",
)
_POSITIVE = ("swap_temperature", "score_temperature", "max_logits")
_SHARES = ("swap_ratio", "hidden_dropout_prob", "attn_dropout_prob", "expert_dropout")
_NOT_NEGATIVE = ("category_weight", "swap_weight", "softmax_samples")


def check_settings(config: Any) -> None:
    """Refuse settings that cannot work.

    Args:
        config: RecBole's Config.

    Raises:
        ValueError: names the setting, its value and what it may be.
    """
    if config["loss_type"] != "CE":
        raise ValueError(
            f"`loss_type` is {config['loss_type']!r}; CAMMSR trains with 'CE', cross-entropy over "
            f"the catalogue."
        )
    for key, choices in _CHOICES.items():
        if config[key] not in choices:
            raise ValueError(f"`{key}` is {config[key]!r}; it must be one of {', '.join(choices)}.")
    for key in _AT_LEAST_ONE:
        _check(
            key,
            config[key],
            isinstance(config[key], int) and config[key] >= 1,
            "an integer of 1 or more",
        )
    for key in _POSITIVE:
        _check(key, config[key], _is_number(config[key]) and config[key] > 0, "a number above 0")
    for key in _SHARES:
        _check(
            key, config[key], _is_number(config[key]) and 0 <= config[key] <= 1, "between 0 and 1"
        )
    for key in _NOT_NEGATIVE:
        value = config[key] or 0
        _check(key, value, _is_number(value) and value >= 0, "0 (off) or a positive number")
    if config["hidden_size"] % config["n_heads"]:
        raise ValueError(
            f"`hidden_size` {config['hidden_size']} is not a multiple of `n_heads` "
            f"{config['n_heads']}; change one of them."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check(key: str, value: Any, holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(f"`{key}` is {value!r}; it must be {expected}.")
