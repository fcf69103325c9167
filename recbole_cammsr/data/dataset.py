"""The RecBole data set of CAMMSR: histories in exact order, item features, packed training rows."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import torch
from recbole.data.dataset import SequentialDataset
from recbole.data.interaction import Interaction
from recbole.utils.enum_type import FeatureSource, FeatureType

from recbole_cammsr.data.augmentation import prefix_rows
from recbole_cammsr.data.categories import CategoryTable, read_categories
from recbole_cammsr.data.core_filter import Allowed, rows_of_core
from recbole_cammsr.data.feature_table import (
    FEATURE_DTYPES,
    FeatureTable,
    align,
    coverage_report,
)
from recbole_cammsr.data.formats import read_features
from recbole_cammsr.data.history_rows import HistoryColumns, HistoryRows, HistorySource
from recbole_cammsr.data.interaction_file import read_regular_file
from recbole_cammsr.data.intervals import interval_buckets
from recbole_cammsr.data.packing import PackedRows, pack_rows
from recbole_cammsr.data.settings import check_known, modality_file, modality_names
from recbole_cammsr.data.splitting import GroupedRows, leave_out_sizes, part_sizes

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


class CAMMSRDataset(SequentialDataset):
    """RecBole's sequential data set with multimodal item features.

    Differences from its parent: histories are ordered by the file's exact times (RecBole compares
    float32), prefix rows are made without Python loops and hold where their history stands instead
    of the history (:class:`HistoryRows`), and the training split is packed unless `train_packing`
    is false. Validation and test rows, vocabulary and counters are RecBole's own.
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
        tables = []
        for modality in self.modalities:
            file = modality_file(
                modality, self.config["modality_files"], self.dataset_path, self.dataset_name
            )
            raw = read_features(file, self.iid_field)
            tables.append(align(raw, modality, token_to_id, FEATURE_DTYPES[name]))
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

    def _load_feat(self, filepath: str, source: Any) -> Any:
        if source == FeatureSource.INTERACTION:
            frame = self._load_regular_file(filepath, source)
            if frame is not None:
                return frame
        return super()._load_feat(filepath, source)

    def _load_regular_file(self, filepath: str, source: Any) -> Any:
        """Interactions as RecBole reads them, or None where only RecBole's own reading is sure."""
        separator, encoding = self.config["field_separator"], self.config["encoding"]
        load, unload = self._get_load_and_unload_col(source)
        with open(filepath, encoding=encoding) as handle:
            header = handle.readline()[:-1].split(separator)
        names = [column.split(":")[0] for column in header]
        chosen = {
            column: name
            for column, name in zip(header, names)
            if (load is None or name in load) and (unload is None or name not in unload)
        }
        kinds: dict[str, list[str]] = {FeatureType.TOKEN.value: [], FeatureType.FLOAT.value: []}
        for column in chosen:
            _, _, kind = column.partition(":")
            if kind not in kinds:
                return None
            kinds[kind].append(column)
        frame = read_regular_file(filepath, separator, encoding, header, *kinds.values())
        if frame is None:
            return None
        for column, name in chosen.items():
            kind = FeatureType(column.partition(":")[2])
            self.field2source[name] = source
            self.field2type[name] = kind
            self.field2seqlen[name] = 1
            if kind == FeatureType.FLOAT:
                self.field2bucketnum[name] = 2
        return frame.rename(columns=chosen)

    def _load_data(self, token: str, dataset_path: str) -> None:
        super()._load_data(token, dataset_path)
        time_field = self.config["TIME_FIELD"]
        if self.config["benchmark_filename"] is None and time_field not in self.inter_feat:
            raise ValueError(
                f"interaction file {os.path.join(dataset_path, token)}.inter has no field "
                f"{time_field!r}, so histories have no order; add it, or name the right field in "
                f"`TIME_FIELD`."
            )

    def _filter_by_inter_num(self) -> None:
        # rows of `.user` and `.item` files are banned too, which only RecBole's own loop does
        if self.user_feat is not None or self.item_feat is not None:
            super()._filter_by_inter_num()
            return
        kept = rows_of_core(
            pd.factorize(self.inter_feat[self.uid_field])[0],
            pd.factorize(self.inter_feat[self.iid_field])[0],
            self._allowed_counts("user_inter_num_interval"),
            self._allowed_counts("item_inter_num_interval"),
        )
        if not kept.all():
            self.inter_feat = self.inter_feat.take(np.flatnonzero(kept))

    def _allowed_counts(self, setting: str) -> Allowed:
        intervals = self._parse_intervals_str(self.config[setting])
        if not intervals:
            return lambda counts: np.ones(len(counts), dtype=bool)
        if len(intervals) > 1:
            self.logger.warning(f"`{setting}` has more than one interval; any of them will do.")
        return lambda counts: np.asarray(self._within_intervals(counts, intervals))

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
        target, start, length = (torch.from_numpy(part) for part in rows)
        stored = {field: values[target] for field, values in self.inter_feat.interaction.items()}
        stored[self.item_list_length_field] = length
        sources = {}
        for field, values in self.inter_feat.interaction.items():
            if field != self.uid_field:
                list_field = getattr(self, f"{field}_list_field")
                shape = self.field2seqlen[list_field]
                width = shape if isinstance(shape, int) else shape[0]
                sources[list_field] = HistorySource(values, width)
        self.inter_feat = HistoryRows(HistoryColumns(stored, sources, start, length))

    # ---------------------------------------------------------------- splits

    def _grouped_index(self, group_by_list: Any) -> Any:
        return GroupedRows(np.asarray(group_by_list))

    def _split_index_by_leave_one_out(self, grouped_index: Any, leave_one_num: int) -> Any:
        return grouped_index.parts(leave_out_sizes(grouped_index.sizes, leave_one_num))

    def split_by_ratio(self, ratios: list[float], group_by: str | None = None) -> Any:
        """RecBole's split by ratio, without its loop over users.

        Args:
            ratios: shares of the parts, normalised here.
            group_by: field by which rows are grouped before the split.

        Returns:
            One data set a part.
        """
        if group_by is None:
            return super().split_by_ratio(ratios)
        shares = [ratio / sum(ratios) for ratio in ratios]
        groups = GroupedRows(self.inter_feat[group_by].numpy())
        totals, which = np.unique(groups.sizes, return_inverse=True)
        sizes = np.array(
            [part_sizes(self._calcu_split_ids(tot=n, ratios=shares), n) for n in totals.tolist()]
        )
        self._drop_unused_col()
        return [self.copy(self.inter_feat[rows]) for rows in groups.parts(sizes[which])]

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
                self.config["packing_overlap"] or 0,
            )
        return datasets

    def __len__(self) -> int:
        return len(self.inter_feat) if self.packed is None else len(self.packed.row)

    def __getitem__(self, index: Any, join: bool = True) -> Interaction:
        if self.packed is not None:
            return self.packed_batch(np.asarray(index))
        rows = self.inter_feat[index]
        if isinstance(rows, HistoryRows):
            rows = rows.gather()
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
        rows = self.inter_feat.interaction.take(torch.from_numpy(self.packed.row[index]))
        longest = int(rows.length.max())
        batch = {
            self.uid_field: rows[self.uid_field],
            self.iid_field: rows[self.iid_field],
            self.item_id_list_field: rows.gathered(self.item_id_list_field, longest),
            self.item_list_length_field: rows.length,
            TARGET_COUNT_FIELD: torch.from_numpy(self.packed.targets[index]),
        }
        interval_list = INTERVAL_FIELD + self.config["LIST_SUFFIX"]
        if interval_list in rows:
            batch[interval_list] = rows.gathered(interval_list, longest)
        return Interaction(batch)


def _pack(user_ids: np.ndarray, lengths: np.ndarray, overlap: int) -> PackedRows:
    # leave-one-out keeps users together, other splits order rows by time alone
    order = np.argsort(user_ids, kind="stable")
    packed = pack_rows(user_ids[order], lengths[order], overlap)
    return PackedRows(order[packed.row], packed.targets)
