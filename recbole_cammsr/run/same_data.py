"""Guards a checkpoint against data that it was not trained on."""

from __future__ import annotations

from logging import getLogger
from typing import Any

from recbole_cammsr.data import token_digest
from recbole_cammsr.run.errors import RunError
from recbole_cammsr.run.setting_text import compared

#: settings that say which users and items there are, and which numbers they have
_NUMBERED_BY = (
    *("benchmark_filename", "USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD"),
    *("field_separator", "seq_separator", "encoding", "load_col", "unload_col", "unused_col"),
    *("additional_feat_suffix", "rm_dup_inter", "val_interval", "filter_inter_by_user_or_item"),
    *("user_inter_num_interval", "item_inter_num_interval"),
    *("alias_of_user_id", "alias_of_item_id"),
)


def check(saved: Any, config: Any, path: str) -> None:
    """Refuse other users and items, and tell of other interactions of the same ones.

    Args:
        saved: configuration in the checkpoint.
        config: RecBole's Config, of which a data set has been made.
        path: the checkpoint.

    Raises:
        RunError: users or items are others, or have other numbers.
    """
    if token_digest.differs(saved, config):
        raise _other_tokens(saved, config, path)
    if token_digest.differs(saved, config, token_digest.INTERACTIONS):
        getLogger().warning(
            f"{path} was trained on other interactions of the same users and items: what is "
            "validated and tested now may be what it was trained on, and the figures too good "
            f"then; bring back the {config['dataset']}.inter and the filters that it was trained "
            "with, or train anew"
        )


def _other_tokens(saved: Any, config: Any, path: str) -> RunError:
    differing = [name for name in _NUMBERED_BY if saved[name] != config[name]]
    if not differing and saved["data_path"] != config["data_path"]:
        differing = ["data_path"]  # not beside others: the same folder may be written otherwise
    if differing:
        return RunError(
            f"{path} was trained with {compared(saved, config, differing)}, which makes other "
            "users or items, or numbers them in another way, so its embeddings would be taken for "
            "those of others: keep what it was trained with, or train anew"
        )
    return RunError(
        f"{path} was trained on other users or items, or on a file that names them in another "
        f"order, so its embeddings would be taken for those of others: bring back the "
        f"{config['dataset']}.inter that it was trained on, or train anew"
    )
