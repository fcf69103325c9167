"""The exact order of times for the data sets of RecBole's own models: ``exact_time_order``.

RecBole sorts by times as float32, in which the seconds since 1970 are multiples of 128: what lies
closer together than that stays in the order of the file, and a user's last interaction may be
another one than in this package's data sets. Rows that come to its sort in exact order leave it so.
"""

from __future__ import annotations

from typing import Any

from recbole_cammsr.data.timed_dataset import TimedDataset


def sort_by_exact_time(dataset: Any) -> None:
    """Put the interactions of a data set that has not been built in the order of their times.

    Times that are equal keep the order of the file. Nothing is done where RecBole does not order by
    time, where the data are split already, where no time is loaded, and to this package's data
    sets, which are in this order anyway.

    Args:
        dataset: a RecBole ``Dataset``; its ``inter_feat`` is still a table, with float64 times.
    """
    config, field = dataset.config, dataset.time_field
    if isinstance(dataset, TimedDataset) or config["benchmark_filename"] is not None:
        return
    if config["eval_args"]["order"] != "TO" or field not in dataset.inter_feat:
        return
    ordered = dataset.inter_feat.sort_values(by=field, kind="stable")
    dataset.inter_feat = ordered.reset_index(drop=True)
