"""The data set of models that read when interactions happened, not only in which order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction
from recbole.utils.enum_type import FeatureSource, FeatureType

from recbole_cammsr.data.dataset import CAMMSRDataset

#: field of the exact time since the data set's first interaction; its list is what models read
ELAPSED_FIELD = "elapsed_time"


class TimedDataset(CAMMSRDataset):
    """Histories with the exact times of their items.

    RecBole's own list of times is float32, in which the seconds since 1970 are multiples of 128.
    Here a row also has the list of :data:`ELAPSED_FIELD`: float64, in the unit of the time field,
    counted from the first interaction of the data set.

    Attributes:
        longest_interval: between two successive interactions of a user, in the same unit; known
            once the data set is built.

    Raises:
        ValueError: pre-split data, which do not carry the times of histories.
    """

    def __init__(self, config: Any) -> None:
        if config["benchmark_filename"] is not None:
            raise ValueError(
                f"{config['model']} needs the time of every interaction, which pre-split "
                f"`benchmark_filename` data does not carry; give the interactions in one file."
            )
        self.longest_interval = 0.0
        super().__init__(config)

    def data_augmentation(self) -> None:
        """Prefix rows, with the times of their histories."""
        self._check_field("uid_field", "time_field")
        times = self._raw_time
        if times is None:
            raise ValueError(
                f"the interactions have no field {self.time_field!r}; name the one with their "
                f"times in `TIME_FIELD`."
            )
        users = self.inter_feat[self.uid_field].numpy()
        follows = users[1:] == users[:-1]
        self.longest_interval = float(np.diff(times)[follows].max(initial=0.0))
        elapsed = torch.from_numpy(times - times.min(initial=np.inf))
        self.inter_feat.update(Interaction({ELAPSED_FIELD: elapsed}))
        self.set_field_property(ELAPSED_FIELD, FeatureType.FLOAT, FeatureSource.INTERACTION, 1)
        super().data_augmentation()

    def _packed_lists(self) -> list[str]:
        return [*super()._packed_lists(), ELAPSED_FIELD + self.config["LIST_SUFFIX"]]
