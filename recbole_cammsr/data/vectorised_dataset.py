"""RecBole's sequential data set without its Python loops over rows: reading, filtering, splitting.

Rows, their order and the numbers of tokens are RecBole's (tests/data/test_regular_table.py and
test_splitting.py compare them).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from recbole.data.dataset import SequentialDataset
from recbole.utils.enum_type import FeatureSource

from recbole_cammsr.data.atomic_header import read_header
from recbole_cammsr.data.core_filter import Allowed, rows_of_core
from recbole_cammsr.data.splitting import GroupedRows, leave_out_sizes, part_sizes
from recbole_cammsr.data.table_reading import (
    check_any_row,
    check_byte_order_mark,
    check_fields,
    fast_reading,
)

#: settings with the names of the fields without which there are no interactions
_FIELDS_OF_INTERACTIONS = ("USER_ID_FIELD", "ITEM_ID_FIELD")


class VectorisedDataset(SequentialDataset):
    """Replaces what takes long at millions of interactions and leaves the rest to RecBole."""

    inter_feat: Any  # a DataFrame until the data set is built, then an Interaction

    def _load_feat(self, filepath: str, source: Any) -> Any:
        if self._get_load_and_unload_col(source)[0] != set():
            check_byte_order_mark(filepath, self.config["encoding"])
        if source == FeatureSource.INTERACTION:
            check_any_row(filepath)
        try:
            with fast_reading():
                frame = super()._load_feat(filepath, source)
        except ValueError:
            # RecBole does not say which column it cannot read; a file it does not load may be odd
            read_header(filepath, self.config["field_separator"], self.config["encoding"]).check()
            raise
        if source == FeatureSource.INTERACTION:
            wanted = {setting: self.config[setting] for setting in _FIELDS_OF_INTERACTIONS}
            check_fields(filepath, () if frame is None else tuple(frame), wanted)
        return frame

    def _filter_by_inter_num(self) -> None:
        # rows of `.user` and `.item` files are banned too, which only RecBole's own loop does
        if self.user_feat is not None or self.item_feat is not None:
            super()._filter_by_inter_num()
            return
        user_intervals = self._count_intervals("user_inter_num_interval")
        item_intervals = self._count_intervals("item_inter_num_interval")
        if not user_intervals and not item_intervals:
            return
        kept = rows_of_core(
            pd.factorize(self.inter_feat[self.uid_field])[0],
            pd.factorize(self.inter_feat[self.iid_field])[0],
            self._allowed(user_intervals),
            self._allowed(item_intervals),
        )
        if not kept.all():
            self.inter_feat = self.inter_feat.take(np.flatnonzero(kept))

    def _count_intervals(self, setting: str) -> list[Any]:
        """Intervals of a setting; none where they allow every number of interactions."""
        intervals = self._parse_intervals_str(self.config[setting]) or []
        if len(intervals) > 1:
            self.logger.warning(f"`{setting}` has more than one interval; any of them will do.")
        if any(self._within_intervals(1, [each]) and each[2] == np.inf for each in intervals):
            return []
        return list(intervals)

    def _allowed(self, intervals: list[Any]) -> Allowed:
        if not intervals:
            return lambda counts: np.ones(len(counts), dtype=bool)
        return lambda counts: np.asarray(self._within_intervals(counts, intervals))

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
