"""A checkpoint opened for looking at: its model, its data, and names for everything in them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from recbole_cammsr.analysis.item_titles import printable, read_titles
from recbole_cammsr.data import masked_history
from recbole_cammsr.data.categories import CategoryTable, categories_of

_FULL = {"valid": "full", "test": "full"}


@dataclass(frozen=True)
class UserRow:
    """The test row of a user.

    Attributes:
        interaction: one row for the model, on its device.
        history: ``(L,)`` item ids, oldest first; of a general model all that are not tested, in no
            order.
        target: item id that was to be found.
        tested: ``(m,)`` all items that were to be found; one with leave-one-out.
        own: ``(k,)`` distinct item ids that the user has before the target, also those that the
            model no longer reads; of a general model as `history`.
    """

    interaction: Any
    history: np.ndarray
    target: int
    tested: np.ndarray
    own: np.ndarray


class UnknownUserError(ValueError):
    """A model's data have no test row of a user."""


class TrainedModel:
    """A model with its test rows, addressed by tokens.

    Args:
        path: checkpoint of RecBole's trainer.
        title_field: column of the `.item` file with titles, None to look for one.
        title_field_required: whether data without that column are refused; else one is looked for.
        mask_history: whether what a user has already is taken out of the rankings; None for as the
            model was evaluated.

    Attributes:
        ranks_own_items: whether what a user has already is left in the rankings.

    Raises:
        ValueError: data or title column do not fit.
    """

    def __init__(
        self,
        path: str,
        title_field: str | None = None,
        title_field_required: bool = True,
        mask_history: bool | None = None,
    ) -> None:
        from recbole_cammsr.run import checkpoints

        loaded = checkpoints.load(path)
        saved = loaded["config"]
        self._is_sequential = bool(saved["MODEL_TYPE"].name == "SEQUENTIAL")
        if mask_history is not None:
            self.ranks_own_items = not mask_history
        elif self._is_sequential:
            self.ranks_own_items = not saved["mask_history"]  # None where it is not set
        else:
            # RecBole masks for general models, but where `repeatable` says things are had again
            self.ranks_own_items = bool(saved["repeatable"])
        # the data set knows whole histories with `mask_history` only, which is for full ranking
        asked = {"mask_history": True, "eval_args": {**saved["eval_args"], "mode": _FULL}}
        config, model, dataset, _, _, test = checkpoints.open_checkpoint(
            path, asked if self._is_sequential else None, loaded
        )
        self.path = path
        self.config: Any = config
        self.model: Any = model
        self.dataset: Any = dataset
        self._test: Any = test
        self.name = str(config["model"])
        self.model.eval()
        self.titles = read_titles(
            os.path.join(config["data_path"], f"{config['dataset']}.item"),
            config["ITEM_ID_FIELD"],
            title_field,
            config["field_separator"],
            config["encoding"] or "utf-8",
            title_field_required,
        )

    @property
    def users(self) -> list[str]:
        """Tokens of all users, padding left out."""
        return [str(token) for token in self.dataset.field2id_token[self.dataset.uid_field][1:]]

    def tokens(self, items: Any) -> list[str]:
        """Tokens of item ids."""
        return [str(t) for t in self.dataset.field2id_token[self.dataset.iid_field][list(items)]]

    def title(self, item: int) -> str:
        """Title of an item id, or its token."""
        (token,) = self.tokens([item])
        return self.titles.get(token, printable(token))

    def categories(self) -> CategoryTable | None:
        """Labels of the items, also those that the model was trained without (guidance off).

        Returns:
            None where the `.item` file has no `category_field`.
        """
        guiding: CategoryTable | None = getattr(self.dataset, "categories", None)
        field = self.config["category_field"]
        if guiding is not None or not field:
            return guiding
        try:
            tokens = self.dataset.field2token_id[self.dataset.iid_field]
            return categories_of(self.config, self.config["data_path"], field, tokens)
        except (FileNotFoundError, ValueError):  # a model without guidance may have unlabelled data
            return None

    def usual_user(self) -> str:
        """A user to show when none is named: the first one with the median length of history."""
        rows = self._test.dataset.inter_feat
        lengths = rows[self.dataset.item_list_length_field].numpy()
        middle = np.sort(lengths)[len(lengths) // 2]
        user = rows[self.dataset.uid_field].numpy()[lengths == middle].min()
        return str(self.dataset.field2id_token[self.dataset.uid_field][user])

    def row(self, user: str) -> UserRow:
        """The test row of a user.

        Args:
            user: token.

        Raises:
            UnknownUserError: no such user, or no test row of that user.
        """
        known = self.dataset.field2token_id[self.dataset.uid_field]
        if user not in known or known[user] == 0:
            some = ", ".join(self.users[:3])
            raise UnknownUserError(
                f"user {user!r} is not in the data of {self.path}; users look like {some}"
            )
        rows = self._test.dataset.inter_feat
        found = (rows[self.dataset.uid_field] == known[user]).nonzero().flatten()
        if not len(found):
            raise UnknownUserError(
                f"user {user!r} has no test row in {self.path}: the history is too short to split"
            )
        row = rows[found[-1:]]
        tested = rows[self.dataset.iid_field][found].numpy()
        history_field = self.dataset.iid_field + self.config["LIST_SUFFIX"]
        history = np.zeros(0, dtype=np.int64)
        if history_field in row:
            length = int(row[self.dataset.item_list_length_field][0])
            history = row[history_field][0, :length].numpy()
        else:
            every = self.dataset.inter_feat
            own = every[self.dataset.iid_field][every[self.dataset.uid_field] == known[user]]
            history = np.setdiff1d(own.numpy(), tested)
        target = int(row[self.dataset.iid_field][0])
        own = np.unique(history)
        if self._is_sequential:
            own = np.unique(masked_history.masked_items(self._test.dataset, row)[1].numpy())
        return UserRow(row.to(self.model.device), history, target, tested, own)

    def scores(self, row: UserRow, target: int | None = None) -> torch.Tensor:
        """``(n_items,)`` scores of the catalogue, -inf for padding and for what is not ranked.

        Args:
            row: of the user; its own target is ranked even if the user has it already.
            target: another item of which that is so.

        Raises:
            ValueError: the model scores pairs only.
        """
        with torch.no_grad():
            try:
                scores = self.model.full_sort_predict(row.interaction).view(-1).clone()
            except NotImplementedError as error:
                raise ValueError(
                    f"{self.name} ({self.path}) scores pairs only, not the whole catalogue; "
                    "compare with another model"
                ) from error
        scores[0] = -torch.inf
        if not self.ranks_own_items:
            kept = {row.target, target}
            scores[[item for item in row.own.tolist() if item not in kept]] = -torch.inf
        return scores.float().cpu()
