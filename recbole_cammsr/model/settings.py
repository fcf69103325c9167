"""Checks the model's settings before anything is built from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recbole_cammsr.data.settings import is_number, is_whole
from recbole_cammsr.model.candidate_fusion import CANDIDATE_FUSIONS
from recbole_cammsr.model.encoder import POSITION_ENCODINGS
from recbole_cammsr.model.transformer_block import ACTIVATIONS

_CHOICES = {
    "fusion": ("camoe", "sum"),
    "multimodal_fusion": ("sum", "concat"),
    "scoring": ("cosine", "dot"),
    "norm": ("dyt", "layernorm"),
    "time_encoding": ("none", "interval", "experts"),
    "position_encoding": POSITION_ENCODINGS,
    "hidden_act": tuple(ACTIVATIONS),
    "feature_scaling": ("none", "standardise"),
    "adaptor_draws": ("position", "item"),
    "candidate_fusion": CANDIDATE_FUSIONS,
}
_AT_LEAST_ONE = (
    "hidden_size",
    "inner_size",
    "n_layers",
    "n_heads",
    "expert_size",
    "experts_per_view",
    "item_block",
    "n_experts",
    "interactive_experts",
    "temporal_experts",
    "max_logits",
)
_POSITIVE = (
    "swap_temperature",
    "score_temperature",
    "temperature",
    "id_contrast_temperature",
    "placeholder_temperature",
    "interval_scale",
    "time_unit",
)
_DROPOUTS = (
    "hidden_dropout_prob",
    "attn_dropout_prob",
    "expert_dropout",
    "mixture_dropout",
    "adaptor_dropout_prob",
)
_SHARES = (
    "swap_ratio",
    "placeholder_share",
    "interest_share",
    "neighbour_share",
)
_SWITCHES = (
    "compile_encoder",
    "complete_missing",
    "enable_amp",
    "noisy_gating",
    "norm_first",
    "original_defects",
    "train_packing",
    "use_id",
)
_NOT_NEGATIVE = (
    "history_scale",
    "position_slope",
    "category_weight",
    "swap_weight",
    "id_contrast_weight",
    "placeholder_weight",
    "interest_weight",
)
_COUNTS = ("softmax_samples",)
_NUMBERS = ("content_expert_scale", "expert_scale", "gate_scale", "id_expert_scale")
_DEVIATIONS = ("initializer_range",)


#: settings, what holds of their values, and how to say it
_RULES: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (_AT_LEAST_ONE, lambda v: is_whole(v) and v >= 1, "an integer of 1 or more"),
    (_POSITIVE, lambda v: is_number(v) and v > 0, "a number above 0, and finite"),
    (_SHARES, lambda v: is_number(v) and 0 <= v <= 1, "between 0 and 1"),
    (_DROPOUTS, lambda v: is_number(v) and 0 <= v < 1, "0 (off) or more, and below 1"),
    (_NUMBERS, is_number, "a finite number"),
    (_DEVIATIONS, lambda v: is_number(v) and v >= 0, "0 or a positive, finite number"),
    (
        _NOT_NEGATIVE,
        lambda v: v in (None, False) or (is_number(v) and v >= 0),
        "0 (off) or a positive, finite number",
    ),
    (_COUNTS, lambda v: v is None or (is_whole(v) and v >= 0), "0 (off) or a positive integer"),
    # None is refused: it could mean the default as well as off
    (_SWITCHES, lambda v: v in (True, False), "True or False"),
)


def check_settings(config: Any) -> None:
    """Refuse settings that cannot work; what a model does not have is not looked at.

    Args:
        config: RecBole's Config, or a mapping with every setting of the model.

    Raises:
        ValueError: names the setting, its value and what it may be.
    """
    if config["loss_type"] != "CE":
        raise ValueError(
            f"`loss_type` is {config['loss_type']!r}; {config['model']} trains with 'CE', "
            f"cross-entropy over the catalogue."
        )
    _refuse_sampled_negatives(config)
    _refuse_labels(config)
    check_values(config)
    if config["hidden_size"] % config["n_heads"]:
        raise ValueError(
            f"`hidden_size` {config['hidden_size']} is not a multiple of `n_heads` "
            f"{config['n_heads']}; change one of them."
        )


def _refuse_sampled_negatives(config: Any) -> None:
    """Refuse negatives among the training rows: each row's item is taken for a target.

    RecBole refuses them itself for models that it knows to train with cross-entropy alone; those
    of this package are `POINTWISE` to it, because a packed row is neither a pair nor a single item.
    """
    name = "train_neg_sample_args"
    asked = config[name] or {}
    if str(asked.get("distribution", "none")).lower() != "none":
        raise ValueError(
            f"`{name}` is {asked}; {config['model']} trains with cross-entropy over "
            f"the catalogue, which has all negatives: set `{name}: ~` (None)."
        )


def _refuse_labels(config: Any) -> None:
    """Refuse an evaluation of labels, which the rows of a sequential model do not have."""
    if "eval_args" not in config or not config["eval_args"]:
        return  # the model's own settings alone
    modes = config["eval_args"].get("mode")
    if "labeled" in (modes.values() if isinstance(modes, dict) else [modes]):
        raise ValueError(
            f"`eval_args` has the mode 'labeled', and {config['model']} ranks items and does not "
            f"judge labels: set `mode: full`."
        )


def check_values(settings: Any) -> None:
    """Refuse values that cannot work, each looked at by itself.

    Args:
        settings: RecBole's Config, or a mapping with any settings of the models of this package.

    Raises:
        ValueError: names the setting, its value and what it may be.
    """
    for key, choices in _CHOICES.items():
        if key in settings and settings[key] not in choices:
            raise ValueError(
                f"`{key}` is {settings[key]!r}; it must be one of {', '.join(choices)}."
            )
    for keys, holds, expected in _RULES:
        for key in keys:
            if key in settings and not holds(settings[key]):
                raise ValueError(f"`{key}` is {settings[key]!r}; it must be {expected}.")


def check_cuts(config: Any, n_items: int) -> None:
    """Refuse rankings longer than the catalogue, which would fail after the first epoch.

    Args:
        config: RecBole's Config.
        n_items: of the data set, padding included.

    Raises:
        ValueError: `topk` asks for more items than there are.
    """
    longest = max(config["topk"], default=0)
    if longest >= n_items:
        raise ValueError(
            f"`topk` is {config['topk']}, but only {n_items - 1} items are left to rank after "
            f"filtering; take no number above that."
        )


def refuse_without_id(config: Any) -> None:
    """Refuse `use_id: False` for a model that is built on item IDs.

    Args:
        config: RecBole's Config.

    Raises:
        ValueError: the ID is switched off.
    """
    if config["use_id"] is not None and not config["use_id"]:
        raise ValueError(
            f"`use_id` is {config['use_id']}, but {config['model']} is built on item IDs; take the "
            f"setting out, or compare with CAMMSR, SASRecMM or UniSRec without IDs."
        )
