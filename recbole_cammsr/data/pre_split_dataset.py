"""Pre-split data (`benchmark_filename`): one file a part, whose rows bring their histories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging import getLogger
from typing import Any

import pandas as pd
from recbole.utils.enum_type import FeatureSource, FeatureType

from recbole_cammsr.data import last_items
from recbole_cammsr.data.vectorised_dataset import VectorisedDataset

#: settings that filter interactions, which RecBole leaves undone where these are split, as it does
#: what these parts of `eval_args` say
_FILTERS = ("user_inter_num_interval", "item_inter_num_interval", "rm_dup_inter", "val_interval")
_PARTS = ("split", "order", "group_by")


class PreSplitDataset(VectorisedDataset):
    """Lets histories from files be what those made of interactions are.

    RecBole reads them only where `load_col` lists them, numbers their items by themselves unless
    `alias_of_item_id` names them, and where they are too long keeps what is oldest. Here they are
    always read, have the item field's numbers, and keep their last `MAX_ITEM_LIST_LENGTH` items.
    Which items are candidates does not depend on that length.

    Attributes:
        history_field: the list of the item field.

    Raises:
        ValueError: there are not three files, a file has no histories, a row of it lacks user, item
            or history, or `seq_len` would keep the oldest items.
    """

    #: of longer histories, whatever `keep_last_items` says
    keeps_last_items = True

    def __init__(self, config: Any) -> None:
        self.history_field = config["ITEM_ID_FIELD"] + config["LIST_SUFFIX"]
        # RecBole names the attribute after the item field, and looks for `item_id`'s
        self.item_id_list_field = self.history_field
        files = config["benchmark_filename"]
        self.is_pre_split = files is not None
        if self.is_pre_split and not (isinstance(files, (list, tuple)) and len(files) == 3):
            raise ValueError(
                f"`benchmark_filename` is {files!r}; it must name three files, of training, "
                f"validation and test, such as [train, valid, test] for "
                f"{config['dataset']}.train.inter and so on."
            )
        if self.is_pre_split:
            _warn_of_unused(config)
        super().__init__(config)

    # ---------------------------------------------------------------- files

    def _get_load_and_unload_col(self, source: Any) -> tuple[Any, Any]:
        load, unload = super()._get_load_and_unload_col(source)
        if self.is_pre_split and source == FeatureSource.INTERACTION and load:
            load = load | {self.history_field}
        return load, unload

    def _load_feat(self, filepath: str, source: Any) -> Any:
        if not self.is_pre_split or source != FeatureSource.INTERACTION:
            return super()._load_feat(filepath, source)
        with self._whole_histories() as longest:
            frame = super()._load_feat(filepath, source)
        self._check_histories(frame, filepath, longest)
        return frame

    @contextmanager
    def _whole_histories(self) -> Iterator[int | None]:
        """While a file is read, keep its histories from `seq_len`, which is handed out instead."""
        asked = self.config["seq_len"]
        if not isinstance(asked, Mapping) or self.history_field not in asked:
            yield None
            return
        others = {field: most for field, most in asked.items() if field != self.history_field}
        self.config["seq_len"] = others
        try:
            yield asked[self.history_field]
        finally:
            self.config["seq_len"] = asked

    def _check_histories(self, frame: pd.DataFrame, path: str, longest: int | None) -> None:
        field, file = self.history_field, f"pre-split interaction file {path}"
        if field not in frame:
            raise ValueError(
                f"{file} has no field {field!r} with the histories, but "
                f"{', '.join(map(repr, frame))}; add it as {field}:token_seq, or give the "
                f"interactions in one file, without `benchmark_filename`."
            )
        if self.field2type[field] != FeatureType.TOKEN_SEQ:
            raise ValueError(
                f"{field!r} of {file} is of type {self.field2type[field].value}, and histories are "
                f"lists of items; make it {field}:token_seq."
            )
        lengths = last_items.lengths_of(frame[field])
        user, item = self.config["USER_ID_FIELD"], self.config["ITEM_ID_FIELD"]
        for empty, missing, other in (
            (user, frame[user].isna(), item),
            (item, frame[item].isna(), user),
            (field, lengths == 0, user),
        ):
            if missing.any():
                raise ValueError(
                    f"{missing.sum()} of {len(frame)} rows of {file} have nothing in {empty!r}, "
                    f"the first of {other} {frame[other][missing].iloc[0]!r}; leave them out, or "
                    f"fill them in."
                )
        if longest is not None and (lengths > longest).any():
            raise ValueError(
                f"`seq_len` of {field!r} is {longest}, and {int((lengths > longest).sum())} of "
                f"{len(frame)} histories in {path} are longer (up to {lengths.max()}): it would "
                f"keep their oldest items; take {field!r} out of `seq_len` and set "
                f"`MAX_ITEM_LIST_LENGTH: {longest}`, which keeps their last ones."
            )

    # ---------------------------------------------------------------- items

    def _set_alias(self, alias_name: str, default_value: list[str]) -> None:
        given = self.config[f"alias_of_{alias_name}"] or []
        absent = [field for field in given if field not in self.field2type]
        if absent:
            raise ValueError(
                f"`alias_of_{alias_name}` names {absent[0]!r}, which {self.dataset_name} does not "
                f"have; its fields are {', '.join(self.field2type)}."
            )
        if self.is_pre_split and alias_name == "item_id" and self.history_field not in given:
            default_value = [*default_value, self.history_field]
        super()._set_alias(alias_name, default_value)

    def _benchmark_presets(self) -> None:
        super()._benchmark_presets()
        # RecBole's may be those of a column `item_id` that is not the item field
        self.inter_feat[self.item_list_length_field] = last_items.lengths_of(
            self.inter_feat[self.history_field]
        )


def warn_of_packing(config: Any) -> None:
    """Say that pre-split rows are not packed, where somebody asked for it.

    Args:
        config: RecBole's Config, with `train_packing` and `benchmark_filename` set.
    """
    if getattr(config, "external_config_dict", {}).get("train_packing"):
        getLogger().warning(
            f"`train_packing: True` does nothing for the pre-split data {config['dataset']}: every "
            f"row of `benchmark_filename` is trained by itself."
        )


def _warn_of_unused(config: Any) -> None:
    asked = getattr(config, "external_config_dict", {})
    given = [f"`{name}`" for name in _FILTERS if asked.get(name) is not None]
    evaluation, usual = asked.get("eval_args"), config.internal_config_dict.get("eval_args")
    if isinstance(evaluation, Mapping) and isinstance(usual, Mapping):
        # what is as it is anyway was completed by a command
        differing = [part for part in _PARTS if evaluation.get(part) not in (None, usual.get(part))]
        given += [f"`{part}` of `eval_args`" for part in differing]
    if given:
        verb = "does" if len(given) == 1 else "do"
        getLogger().warning(
            f"{', '.join(given)} {verb} nothing for the pre-split data "
            f"{config['dataset']}: the rows of `benchmark_filename` are taken as they are."
        )
