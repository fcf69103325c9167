"""The RecBole data set of CAMMSR: histories in exact order, item features, packed training rows."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from recbole.data.dataset import SequentialDataset
from recbole.data.interaction import Interaction
from recbole.utils.enum_type import FeatureSource, FeatureType

from recbole_cammsr.data.augmentation import prefix_rows
from recbole_cammsr.data.categories import CategoryTable, read_categories
from recbole_cammsr.data.feature_table import (
    FEATURE_DTYPES,
    FeatureTable,
    align,
    coverage_report,
)
from recbole_cammsr.data.formats import read_features
from recbole_cammsr.data.histories import PrefixInteraction
from recbole_cammsr.data.intervals import interval_buckets
from recbole_cammsr.data.packing import PackedRows, pack_rows
from recbole_cammsr.data.settings import (
    check_known,
    held_in_memory,
    modality_file,
    modality_names,
)
from recbole_cammsr.data.vectorised_dataset import VectorisedDataset

#: field of the bucketed time since the previous interaction; its list is what the model reads
INTERVAL_FIELD = "interval_bucket"
#: field of a packed row: how many of its last positions are trained
TARGET_COUNT_FIELD = "target_count"


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


class CAMMSRDataset(VectorisedDataset):
    """RecBole's sequential data set with multimodal item features.

    Differences from its parent: histories are ordered by the file's exact times (RecBole compares
    float32), prefix rows are made without Python loops, and the training split is packed unless
    `train_packing` is false. Validation and test rows, vocabulary and counters are RecBole's own.
    """

    inter_feat: Any  # a DataFrame until the data set is built, then an Interaction

    def __init__(self, config: Any) -> None:
        self.item_side = ItemSide()
        self.packed: PackedRows | None = None
        self._raw_time: np.ndarray | None = None
        self.modalities = modality_names(config["modalities"])
        check_known(self.modalities, config["modality_files"])
        if config["time_encoding"] == "interval" and config["benchmark_filename"] is not None:
            raise ValueError(
                "`time_encoding: interval` needs the time of every interaction, which pre-split "
                "`benchmark_filename` data does not carry; set `time_encoding: none`."
            )
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
        """Category labels of the items; None where guidance is off."""
        if self.item_side.features is None:
            self._read_item_side()
        return self.item_side.categories

    def _read_item_side(self) -> None:
        name = self.config["feature_dtype"] or "float16"
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
        raws = {modality: read_features(file, self.iid_field) for modality, file in files.items()}
        resident = held_in_memory(self.config, raws.values(), len(token_to_id))
        tables = [
            align(raw, modality, token_to_id, FEATURE_DTYPES[name], resident)
            for modality, raw in raws.items()
        ]
        lines = [coverage_report(tables)] if tables else ["no content modalities: item IDs only"]
        categories = None
        if self.config["category_weight"] or self.config["category_field"]:
            categories = self._read_categories(token_to_id)
        if categories is not None:
            lines.append(categories.report())
        self.item_side.features = tuple(tables)
        self.item_side.categories = categories
        self.logger.info("Item modalities\n" + "\n".join(lines))

    def _read_categories(self, token_to_id: dict[str, int]) -> CategoryTable | None:
        field = self.config["category_field"]
        if not self.config["category_weight"]:
            return None
        if not field:
            raise ValueError(
                "`category_field` is not set; name the category column of the `.item` file, or set "
                "`category_weight: 0` to run without category guidance."
            )
        return read_categories(
            os.path.join(self.dataset_path, f"{self.dataset_name}.item"),
            field,
            self.iid_field,
            token_to_id,
            field_separator=self.config["field_separator"],
            sequence_separator=self.config["seq_separator"],
            encoding=self.config["encoding"] or "utf-8",
        )

    # ---------------------------------------------------------------- histories

    def _get_load_and_unload_col(self, source: Any) -> tuple[Any, Any]:
        load, unload = super()._get_load_and_unload_col(source)
        if source == FeatureSource.INTERACTION and load:
            # RecBole's default leaves the time out, without which there are no histories
            load = load | {self.config["TIME_FIELD"]}
        return load, unload

    def _load_data(self, token: str, dataset_path: str) -> None:
        super()._load_data(token, dataset_path)
        time_field = self.config["TIME_FIELD"]
        if self.config["benchmark_filename"] is None and time_field not in self.inter_feat:
            raise ValueError(
                f"interaction file {os.path.join(dataset_path, token)}.inter has no field "
                f"{time_field!r}, so histories have no order; add it, or name the right field in "
                f"`TIME_FIELD`."
            )

    def _normalize(self) -> None:
        # RecBole rescales the time field too; order and intervals need what the file says
        if self.time_field and self.time_field in self.inter_feat:
            self._raw_time = self.inter_feat[self.time_field].to_numpy(dtype=np.float64, copy=True)
        super()._normalize()

    def _change_feat_format(self) -> None:
        if self.config["benchmark_filename"] is None and self._raw_time is not None:
            users = self.inter_feat[self.uid_field].to_numpy()
            order = np.lexsort((self._raw_time, users))  # stable: ties stay in file order
            self.inter_feat = self.inter_feat.iloc[order].reset_index(drop=True)
            self._raw_time = self._raw_time[order]
        super()._change_feat_format()

    def data_augmentation(self) -> None:
        """RecBole's prefix rows, in its order, without its loops."""
        self._check_field("uid_field", "time_field")
        users = self.inter_feat[self.uid_field].numpy()
        if self.config["time_encoding"] == "interval" and self._raw_time is not None:
            buckets = interval_buckets(users, self._raw_time, self.config["interval_buckets"])
            self.inter_feat.update(Interaction({INTERVAL_FIELD: torch.from_numpy(buckets)}))
            self.set_field_property(INTERVAL_FIELD, FeatureType.TOKEN, FeatureSource.INTERACTION, 1)
        self._aug_presets()
        rows = prefix_rows(users, self.max_item_list_len)
        fields = self.inter_feat.interaction
        of_target = {field: value[torch.from_numpy(rows.target)] for field, value in fields.items()}
        of_target[self.item_list_length_field] = torch.from_numpy(rows.length)
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
        """
        datasets: list[SequentialDataset] = super().build()
        if self.config["train_packing"] and self.config["benchmark_filename"] is None:
            train = datasets[0]
            train.packed = _pack(
                train.inter_feat[self.uid_field].numpy(),
                train.inter_feat[self.item_list_length_field].numpy(),
                self.config["packing_overlap"],
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
        for list_field in self._packed_lists():
            if list_field in feat:
                batch[list_field] = feat.histories(list_field, rows, longest)
        return Interaction(batch)

    def _packed_lists(self) -> list[str]:
        """List fields of a packed row, where the data set has them."""
        return [self.item_id_list_field, INTERVAL_FIELD + self.config["LIST_SUFFIX"]]


def _pack(user_ids: np.ndarray, lengths: np.ndarray, overlap: int | None) -> PackedRows:
    # leave-one-out keeps users together, other splits order rows by time alone
    order = np.argsort(user_ids, kind="stable")
    packed = pack_rows(user_ids[order], lengths[order], overlap)
    return PackedRows(order[packed.row], packed.targets)
