"""Full ranking of what a user does not have yet: ``mask_history: True``.

RecBole takes the items that a user has out of the ranking for its general models, and leaves them
in for its sequential ones. Where nothing is had twice that is a large part of the first places
(docs/results/history.md). RecBole's trainer masks whatever a loader hands it as history, so this
is done in the loader, for every sequential model.
"""

from __future__ import annotations

from typing import Any

import torch
from recbole.data.dataloader import FullSortEvalDataLoader


class MaskedHistoryDataLoader(FullSortEvalDataLoader):
    """RecBole's loader for full ranking, with the histories as what is not to be ranked."""

    def collate_fn(self, index: Any) -> tuple[Any, Any, torch.Tensor, torch.Tensor]:
        """A batch as RecBole's trainer takes it.

        Args:
            index: numbers of the rows.

        Returns:
            ``B`` rows; row and item of what is masked; row and item of the targets, one a row. A
            target that the history holds as well, where things are had again, stays a candidate.
        """
        rows, _, row_of_target, target = super().collate_fn(index)
        history = rows[
            self._dataset.iid_field + self.config["LIST_SUFFIX"]
        ]  # (B, L), 0 where it is padding
        row, place = ((history > 0) & (history != target.unsqueeze(1))).nonzero(as_tuple=True)
        return rows, (row, history[row, place]), row_of_target, target


def is_wanted(config: Any) -> bool:
    """Whether histories are to be masked.

    Args:
        config: RecBole's Config.

    Returns:
        What ``mask_history`` says; False for other than sequential models, where RecBole masks.

    Raises:
        ValueError: it is neither True nor False, or the ranking is not that of the catalogue.
    """
    wanted = config["mask_history"]  # None where it is not set
    if wanted not in (None, True, False):
        raise ValueError(f"mask_history is {wanted!r}; it must be True or False")
    if not wanted or config["MODEL_TYPE"].name != "SEQUENTIAL":
        return False
    mode = config["eval_args"]["mode"]
    sampled = set(mode.values() if isinstance(mode, dict) else [mode]) - {"full"}
    if sampled:
        raise ValueError(
            f"mask_history takes histories out of the ranking of the catalogue, and eval_args has "
            f"the mode {sorted(map(str, sampled))[0]!r}; set mode: full, or mask_history: False"
        )
    return True
