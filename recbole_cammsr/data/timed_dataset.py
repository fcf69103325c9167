"""RecBole's data set with the order and the times of the interactions as the file has them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction
from recbole.utils.enum_type import FeatureSource, FeatureType

from recbole_cammsr.data.history_times import (
    FIELD_OF_ENCODING,
    INTERVAL_FIELD,
    elapsed_times,
    interval_buckets,
    interval_warning,
    longest_interval,
)
from recbole_cammsr.data.pre_split_dataset import PreSplitDataset
from recbole_cammsr.data.settings import check_whole_number

#: settings with the names of the fields that make a history
_FIELDS_OF_HISTORIES = ("USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD")


class TimedDataset(PreSplitDataset):
    """Interactions in the exact order of the file's times, and what models are told of the times.

    RecBole compares and keeps times as float32, in which the seconds since 1970 are multiples of
    128. What `time_encoding` names is made of the file's own (docs/model.md eq. 2).

    Attributes:
        always_timed: whether the model reads the times of `experts` without having the setting.
        has_setting: whether the model reads `time_encoding`; for the others it says nothing.
        longest_interval: with those times: the longest between two successive interactions of a
            user, in the unit of the time field; known once the histories are made.
        time_span: with those times: between the data set's first and last interaction.
        first_time: with those times: of the data set's first interaction.

    Raises:
        ValueError: the time field is missing, no number or not finite, times are asked of
            pre-split data, which do not carry those of histories, or the number of their buckets
            cannot be.
    """

    always_timed = False
    has_setting = True
    longest_interval = 0.0
    time_span = 0.0
    first_time = 0.0
    inter_feat: Any  # a DataFrame until the data set is built, then an Interaction

    def __init__(self, config: Any) -> None:
        self._raw_time: np.ndarray | None = None
        self._refuse_pre_split(config)
        if self._times_of(config) == INTERVAL_FIELD:
            check_whole_number(config, "interval_buckets", 2)
        super().__init__(config)

    def _refuse_pre_split(self, config: Any) -> None:
        if config["benchmark_filename"] is None or self._times_of(config) is None:
            return
        setting = f"`time_encoding: {config['time_encoding']}`"
        who, fix = setting, "set `time_encoding: none`"
        if self.always_timed:
            who, fix = config["model"], "give the interactions in one file"
        raise ValueError(
            f"{who} needs the time of every interaction, which pre-split `benchmark_filename` data "
            f"does not carry; {fix}."
        )

    def _get_load_and_unload_col(self, source: Any) -> tuple[Any, Any]:
        load, unload = super()._get_load_and_unload_col(source)
        if source == FeatureSource.INTERACTION and load:
            # RecBole's default is user_id and item_id alone: without the time there are no
            # histories, and the fields may have other names
            load = load | {self.config[field] for field in _FIELDS_OF_HISTORIES}
        return load, unload

    def _load_data(self, token: str, dataset_path: str) -> None:
        super()._load_data(token, dataset_path)
        if self.config["benchmark_filename"] is None:
            self._check_times(os.path.join(dataset_path, f"{token}.inter"))

    def _check_times(self, path: str) -> None:
        """Refuse interactions without times before RecBole fills in the mean of the others."""
        time_field = self.config["TIME_FIELD"]
        if time_field not in self.inter_feat:
            raise ValueError(
                f"interaction file {path} has no field {time_field!r}, so histories have no order; "
                f"add it, or name the right field in `TIME_FIELD`."
            )
        if self.field2type[time_field] != FeatureType.FLOAT:
            raise ValueError(
                f"{time_field!r} of interaction file {path} is of type "
                f"{self.field2type[time_field].value}, and times are numbers; make it "
                f"{time_field}:float, or name the right field in `TIME_FIELD`."
            )
        unknown = int((~np.isfinite(self.inter_feat[time_field].to_numpy())).sum())
        if unknown:
            raise ValueError(
                f"{time_field!r} of interaction file {path} is no finite number in {unknown} of "
                f"{len(self.inter_feat)} interactions, so histories have no order; fill it in, or "
                f"leave these interactions out."
            )

    def _remove_duplication(self) -> None:
        keep = self.config["rm_dup_inter"]
        if keep is None:
            return
        # RecBole's own, but for its sort, which changes the places of interactions of equal times
        self.inter_feat = self.inter_feat.sort_values(by=self.time_field, kind="stable")
        self.inter_feat = self.inter_feat.drop_duplicates(
            [self.uid_field, self.iid_field], keep=keep
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

    def _times_of(self, config: Any) -> str | None:
        """The field with what the model is told of times; None where it is told nothing."""
        if self.always_timed:
            return FIELD_OF_ENCODING["experts"]
        return FIELD_OF_ENCODING.get(config["time_encoding"]) if self.has_setting else None

    def _add_times(self, users: np.ndarray) -> None:
        """Add that field, of the interactions in order, before they become histories."""
        field, times = self._times_of(self.config), self._raw_time
        if field is None:
            return
        if times is None:
            raise ValueError(
                f"the interactions have no field {self.time_field!r}; name the one with their "
                f"times in `TIME_FIELD`."
            )
        if field == INTERVAL_FIELD:
            values = interval_buckets(users, times, self.config["interval_buckets"])
            kind = FeatureType.TOKEN
            odd = interval_warning(values, self.config["interval_buckets"])
            if odd is not None:
                self.logger.warning(odd)
        else:
            values, kind = elapsed_times(times), FeatureType.FLOAT
            self.longest_interval = longest_interval(users, times)
            self.time_span = float(values.max(initial=0.0))
            self.first_time = float(times.min()) if len(times) else 0.0
        self.inter_feat.update(Interaction({field: torch.from_numpy(values)}))
        self.set_field_property(field, kind, FeatureSource.INTERACTION, 1)
