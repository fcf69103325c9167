"""RecBole's loader for full ranking, with a bound on the scores that are held at a time."""

from __future__ import annotations

from logging import getLogger
from typing import Any

from recbole.data.dataloader import FullSortEvalDataLoader

from recbole_cammsr.compat.distributed_evaluation import EvaluationBatches


class RankingDataLoader(FullSortEvalDataLoader):
    """Batches of ``eval_batch_size`` rows, or of as many as ``max_logits`` scores allow.

    The trainer holds some four arrays of rows x items: 7 GiB with RecBole's 4,096 rows and 100,000
    items, after a training in less than one. Which rows share a batch changes no ranking.
    RecBole's own models do not read ``max_logits`` and have ``eval_batch_size`` rows.
    """

    step: int

    def _init_batch_size_and_step(self) -> None:
        super()._init_batch_size_and_step()
        most = self.config["max_logits"]
        if not isinstance(most, int):  # not read, or refused by the model
            return
        rows = max(1, most // self._dataset.item_num)
        if rows < self.step:
            getLogger().info(
                f"ranking {rows} rows at a time, not eval_batch_size: {self.step}, so that scores "
                f"of {self._dataset.item_num} items stay within max_logits: {most}"
            )
            self.step = rows
            self.set_batch_size(rows)

    def update_config(self, config: Any) -> None:
        """Take over the settings of a run that uses a saved loader again.

        Args:
            config: RecBole's Config of that run.
        """
        super().update_config(config)
        # RecBole sets `step` alone anew: the batches come from the sampler
        batches: Any = self.batch_sampler
        if isinstance(batches, EvaluationBatches):
            batches.size = self.step
        else:
            batches.batch_size = self.step
