"""The RecBole data set of CAMMSR: histories in exact order, item features, packed training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from recbole.data.dataset import SequentialDataset
from recbole.data.interaction import Interaction

from recbole_cammsr.data import own_items
from recbole_cammsr.data.augmentation import prefix_rows
from recbole_cammsr.data.categories import CategoryTable, categories_of
from recbole_cammsr.data.coverage import coverage_report
from recbole_cammsr.data.feature_checks import check_table
from recbole_cammsr.data.feature_table import FEATURE_DTYPES, FeatureTable, align
from recbole_cammsr.data.formats import features_of
from recbole_cammsr.data.histories import PrefixInteraction
from recbole_cammsr.data.packing import TARGET_COUNT_FIELD, PackedRows, pack_rows
from recbole_cammsr.data.settings import (
    DEFAULT_FEATURE_DTYPE,
    check_known,
    check_whole_number,
    held_in_memory,
    modality_file,
    modality_names,
)
from recbole_cammsr.data.split_parts import check_parts
from recbole_cammsr.data.timed_dataset import TimedDataset


class ItemSide:
    """Feature tables and categories; never pickled, because the files can be read again."""

    def __init__(self) -> None:
        self.features: tuple[FeatureTable, ...] | None = None
        self.categories: CategoryTable | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.features = None
        self.categories = None


class CAMMSRDataset(TimedDataset):
    """RecBole's sequential data set with multimodal item features.

    Differences from RecBole's: histories are ordered by the file's exact times and may carry them
    (:class:`~recbole_cammsr.data.timed_dataset.TimedDataset`), prefix rows are made without Python
    loops, and the training split is packed unless `train_packing` is false. Validation and test
    rows, vocabulary and counters are RecBole's own.

    Attributes:
        reads_categories: whether the model has `category_weight`; for the others it says nothing.
    """

    reads_categories = True

    def __init__(self, config: Any) -> None:
        self.item_side = ItemSide()
        self.packed: PackedRows | None = None
        self.modalities = modality_names(config["modalities"])
        check_known(self.modalities, config["modality_files"])
        check_whole_number(config, "MAX_ITEM_LIST_LENGTH", 1)
        super().__init__(config)

    # ---------------------------------------------------------------- item features

    def _data_processing(self) -> None:
        super()._data_processing()
        self._read_item_side()

    @property
    def feature_tables(self) -> tuple[FeatureTable, ...]:
        """Aligned features, in the order of `modalities`."""
        if self.item_side.features is None:
            self._read_item_side()
        return self.item_side.features or ()

    @property
    def categories(self) -> CategoryTable | None:
        """Category labels of the items; None where guidance is off, or the model has none."""
        if self.item_side.features is None:
            self._read_item_side()
        return self.item_side.categories

    def _read_item_side(self) -> None:
        name = self.config["feature_dtype"] or DEFAULT_FEATURE_DTYPE
        if name not in FEATURE_DTYPES:
            raise ValueError(
                f"`feature_dtype` is {name!r}; it must be one of {', '.join(FEATURE_DTYPES)}."
            )
        token_to_id = self.field2token_id[self.iid_field]
        files = {
            modality: modality_file(
                modality, self.config["modality_files"], self.dataset_path, self.dataset_name
            )
            for modality in self.modalities
        }
        raws = {modality: features_of(self.config, file) for modality, file in files.items()}
        for raw in raws.values():  # before their dimensions are read
            check_table(raw)
        resident = held_in_memory(self.config, raws.values(), len(token_to_id))
        tables = [
            align(raw, modality, token_to_id, FEATURE_DTYPES[name], resident)
            for modality, raw in raws.items()
        ]
        lines = [coverage_report(tables)] if tables else ["no content modalities: item IDs only"]
        categories = None
        if self.reads_categories and self.config["category_weight"]:
            categories = self._read_categories(token_to_id)
        if categories is not None:
            lines.append(categories.report())
            for sentence in categories.doubts():
                self.logger.warning(sentence)
        self.item_side.features = tuple(tables)
        self.item_side.categories = categories
        self.logger.info("Item modalities\n" + "\n".join(lines))

    def _read_categories(self, token_to_id: dict[str, int]) -> CategoryTable:
        field = self.config["category_field"]
        if not field:
            raise ValueError(
                "`category_field` is not set; name the category column of the `.item` file, or set "
                "`category_weight: 0` to run without category guidance."
            )
        if not isinstance(field, str):
            raise ValueError(
                f"`category_field` is {field!r}; name one column, of type token_seq where items "
                f"have several labels."
            )
        return categories_of(self.config, self.dataset_path, field, token_to_id)

    # ---------------------------------------------------------------- histories

    def data_augmentation(self) -> None:
        """RecBole's prefix rows, in its order, without its loops."""
        self._check_field("uid_field", "time_field")
        users = self.inter_feat[self.uid_field].numpy()
        self._add_times(users)
        self._aug_presets()
        rows = prefix_rows(users, self.max_item_list_len)
        if not len(rows.target):
            raise ValueError(
                f"none of the {len(np.unique(users))} users of the data set {self.dataset_name} "
                f"has two interactions, so that no item has a history to be trained on; give their "
                f"further interactions, or filter less (`item_inter_num_interval`, `val_interval`, "
                f"`rm_dup_inter`)."
            )
        fields = self.inter_feat.interaction
        of_target = {field: value[torch.from_numpy(rows.target)] for field, value in fields.items()}
        of_target[self.item_list_length_field] = torch.from_numpy(rows.length)
        if self.config["mask_history"]:
            of_target |= own_items.note(
                self, fields[self.uid_field], fields[self.iid_field], torch.from_numpy(rows.target)
            )
        flat, widths = {}, {}
        for field, value in fields.items():
            if field == self.uid_field:
                continue
            list_field = getattr(self, f"{field}_list_field")
            list_length = self.field2seqlen[list_field]
            flat[list_field] = value
            widths[list_field] = list_length if isinstance(list_length, int) else list_length[0]
        self.inter_feat = PrefixInteraction(
            of_target, torch.from_numpy(rows.start), self.item_list_length_field, flat, widths
        )

    def inter_matrix(self, *args: Any, **kwargs: Any) -> Any:
        """RecBole's user-item matrix, which also reads the first item of the histories."""
        rows = self.inter_feat
        if not isinstance(rows, PrefixInteraction):
            return super().inter_matrix(*args, **kwargs)
        self.inter_feat = rows.materialise()
        try:
            return super().inter_matrix(*args, **kwargs)
        finally:
            self.inter_feat = rows

    # ---------------------------------------------------------------- packing

    def build(self) -> list[SequentialDataset]:
        """Split as RecBole does, then pack the training split.

        Returns:
            Training, validation and test data.

        Raises:
            ValueError: there is nothing to train on, or a part that the split asks for is empty.
        """
        datasets: list[SequentialDataset] = super().build()
        if self.config["benchmark_filename"] is None:
            split = self.config["eval_args"]["split"]
            check_parts(split, [len(part.inter_feat) for part in datasets])
        if self.config["train_packing"] and self.config["benchmark_filename"] is None:
            train = datasets[0]
            train.packed = _pack(
                train.inter_feat[self.uid_field].numpy(),
                train.inter_feat[self.item_list_length_field].numpy(),
                self.config["packing_overlap"],
                self.max_item_list_len,
            )
        return datasets

    def __len__(self) -> int:
        return len(self.inter_feat) if self.packed is None else len(self.packed.row)

    def __getitem__(self, index: Any, join: bool = True) -> Interaction:
        if self.packed is not None:
            return self.packed_batch(np.asarray(index))
        rows = self.inter_feat[index]
        if isinstance(rows, PrefixInteraction):
            rows = rows.materialise()
        return self.join(rows) if join else rows

    def packed_batch(self, index: np.ndarray) -> Interaction:
        """Packed rows, trimmed to the longest of them.

        Args:
            index: ``(B,)`` positions among the packed rows.

        Returns:
            User, last target, history list(s) of shape ``(B, longest)``, history length and
            :data:`TARGET_COUNT_FIELD`.

        Raises:
            ValueError: the data set is not packed.
        """
        if self.packed is None:
            raise ValueError("only the training split of `train_packing: true` has packed rows.")
        rows = torch.from_numpy(self.packed.row[index])
        feat: PrefixInteraction = self.inter_feat
        length = feat[self.item_list_length_field][rows]
        longest = int(length.max())
        batch = {
            self.uid_field: feat[self.uid_field][rows],
            self.iid_field: feat[self.iid_field][rows],
            self.item_list_length_field: length,
            TARGET_COUNT_FIELD: torch.from_numpy(self.packed.targets[index]),
        }
        times = self._times_of(self.config)
        lists = [self.history_field]
        if times is not None:
            lists.append(times + self.config["LIST_SUFFIX"])
        for list_field in lists:
            batch[list_field] = feat.histories(list_field, rows, longest)
        return Interaction(batch)


class AlwaysTimedDataset(CAMMSRDataset):
    """The same for models that always read the times of `time_encoding: experts`."""

    always_timed = True


class UntimedDataset(CAMMSRDataset):
    """The same for models that have no `time_encoding` and no `category_weight`."""

    has_setting = False
    reads_categories = False


def _pack(user_ids: np.ndarray, lengths: np.ndarray, overlap: int | None, width: int) -> PackedRows:
    # leave-one-out keeps users together, other splits order rows by time alone
    order = np.argsort(user_ids, kind="stable")
    packed = pack_rows(user_ids[order], lengths[order], overlap, width)
    return PackedRows(order[packed.row], packed.targets)
