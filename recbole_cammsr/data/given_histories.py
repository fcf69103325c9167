"""Histories that are no user's of the data set, as rows that sequential models read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from recbole_cammsr.data.history_times import FIELD_OF_ENCODING, INTERVAL_FIELD, interval_buckets

#: tokens that a sentence names
_NAMED = 5
#: that many times the time that a data set covers may have passed: thirty years after one of a
#: month; milliseconds for seconds are far beyond
_SPANS_LATER = 400


class GivenHistories:
    """Histories of item tokens, checked, in the numbers of a data set.

    Args:
        dataset: that a model was made with.
        histories: item tokens of each, oldest first.
        times: of each history the times of its items, in the unit of the time field; None where
            there are none.

    Attributes:
        items: of each history ``(l,)`` item ids.

    Raises:
        ValueError: a history is empty or no list, the data set does not have an item, or times do
            not belong to the items, are no finite numbers or run backwards.
    """

    def __init__(
        self,
        dataset: Any,
        histories: Sequence[Sequence[str]],
        times: Sequence[Sequence[float]] | None = None,
    ) -> None:
        self._dataset = dataset
        self.items = _numbered(dataset, histories)
        self._times: list[np.ndarray] | None = None
        if times is not None:
            self._times = _checked_times(dataset, times, self.items)
            _warn_of_another_unit(dataset, self._times)

    def __len__(self) -> int:
        return len(self.items)

    def rows(self, part: slice, width: int, fields: Sequence[str]) -> dict[str, torch.Tensor]:
        """Some of the histories as the data set has those of its users.

        Args:
            part: which.
            width: of the lists; of a longer history the last ``width`` items are kept.
            fields: that the model reads; those that no history can have are left out.

        Returns:
            Field to ``(B, width)`` left-aligned list, or to ``(B,)`` lengths.

        Raises:
            ValueError: the model reads times, and there are none, or those of the data set are not
                known.
        """
        config, items = self._dataset.config, self.items[part]
        lengths = [min(len(each), width) for each in items]
        rows = {
            self._dataset.iid_field + config["LIST_SUFFIX"]: _last(items, width, np.int64),
            config["ITEM_LIST_LENGTH_FIELD"]: torch.tensor(lengths),
        }
        for field in FIELD_OF_ENCODING.values():
            name = field + config["LIST_SUFFIX"]
            if name in fields:
                kind = np.int64 if field == INTERVAL_FIELD else np.float64
                rows[name] = _last(self._told_of_times(field, part), width, kind)
        return rows

    def _told_of_times(self, field: str, part: slice) -> list[np.ndarray]:
        """What the data set tells models of the times of whole histories."""
        dataset = self._dataset
        if self._times is None:
            raise ValueError(
                f"{dataset.config['model']} reads the times of a history, and `times` is not "
                f"given; give the {dataset.time_field!r} of every item, in the unit of the "
                f"interaction file."
            )
        times = self._times[part]
        if field == INTERVAL_FIELD:
            lengths = [len(each) for each in times]
            whose = np.repeat(np.arange(len(times)), lengths)
            buckets = dataset.config["interval_buckets"]
            of_all = interval_buckets(whose, np.concatenate(times), buckets)
            return np.split(of_all, np.cumsum(lengths)[:-1])
        if not hasattr(dataset, f"{field}_list_field"):
            raise ValueError(
                f"the data set {dataset.dataset_name} has no {field!r}, so the time that others "
                f"are counted from is not known; give the one that the model was made with, after "
                f"`data_preparation`."
            )
        return [each - dataset.first_time for each in times]


def _numbered(dataset: Any, histories: Sequence[Sequence[str]]) -> list[np.ndarray]:
    for number, history in enumerate(histories):
        if isinstance(history, (str, bytes)) or not hasattr(history, "__len__"):
            raise ValueError(
                f"`histories` is a list of histories, each a list of item tokens, and number "
                f"{number} (from 0) is {history!r}; put the one history into a list."
            )
        if not len(history):
            raise ValueError(
                f"number {number} (from 0) of `histories` is empty, and there is nothing to rank "
                f"by; leave it out."
            )
    known = dataset.field2token_id[dataset.iid_field]
    every = dict.fromkeys(chain.from_iterable(histories))
    unknown = [each for each in every if not known.get(each)]  # 0 is the padding
    if unknown:
        fix = "leave them out, or train with interactions that have them"
        if not all(isinstance(each, str) for each in unknown):
            fix = "tokens are text, as in the interaction file"
        # numpy's texts would be shown with their type
        shown = [repr(str(each) if isinstance(each, str) else each) for each in unknown[:_NAMED]]
        named = ", ".join(shown) + ", …" * (len(unknown) > _NAMED)
        raise ValueError(
            f"{len(unknown)} of {len(every)} items in `histories` are not in the data set "
            f"{dataset.dataset_name} ({named}); {fix}."
        )
    return [np.array([known[each] for each in history], dtype=np.int64) for history in histories]


def _checked_times(
    dataset: Any, times: Sequence[Sequence[float]], items: Sequence[np.ndarray]
) -> list[np.ndarray]:
    if len(times) != len(items):
        raise ValueError(
            f"`times` has {len(times)} lists and `histories` {len(items)}; give one for each."
        )
    checked = []
    for number, (each, of_items) in enumerate(zip(times, items)):
        values = np.asarray(each)
        which = f"number {number} (from 0) of `times`"
        if values.shape != of_items.shape:
            raise ValueError(
                f"{which} has the shape {values.shape}, and its history has {len(of_items)} items; "
                f"give one time for each item."
            )
        # dates would become numbers of another unit
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise ValueError(
                f"{which} is not finite numbers throughout; give the {dataset.time_field!r} of "
                f"every item, in the unit of the interaction file."
            )
        values = values.astype(np.float64)
        if (np.diff(values) < 0).any():
            raise ValueError(
                f"{which} runs backwards; give items and times of a history oldest first."
            )
        checked.append(values)
    return checked


def _warn_of_another_unit(dataset: Any, times: Sequence[np.ndarray]) -> None:
    span = getattr(dataset, "time_span", 0.0)  # 0 where models are not told of times that passed
    if not span or not times:
        return
    start, end = dataset.first_time, dataset.first_time + span
    earliest, latest = min(map(np.min, times)), max(map(np.max, times))
    if earliest < start - span or latest > start + _SPANS_LATER * span:
        dataset.logger.warning(
            f"`times` are from {earliest:g} to {latest:g}, and {dataset.time_field!r} of the data "
            f"set {dataset.dataset_name} is from {start:g} to {end:g}; give times in the unit of "
            f"the interaction file."
        )


def _last(values: Sequence[np.ndarray], width: int, kind: type) -> torch.Tensor:
    """The last ``width`` values of each, left-aligned and padded with 0."""
    rows: np.ndarray = np.zeros((len(values), width), dtype=kind)
    for row, each in zip(rows, values):
        kept = each[-width:]
        row[: len(kept)] = kept
    return torch.from_numpy(rows)
