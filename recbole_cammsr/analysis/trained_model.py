"""A checkpoint opened for looking at: its model, its data, and names for everything in them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from recbole_cammsr.analysis.item_titles import printable, read_titles
from recbole_cammsr.data.categories import CategoryTable, categories_of


@dataclass(frozen=True)
class UserRow:
    """The test row of a user.

    Attributes:
        interaction: one row for the model, on its device.
        history: ``(L,)`` item ids, oldest first; of a general model all that are not tested, in no
            order.
        target: item id that was to be found.
        tested: ``(m,)`` all items that were to be found; one with leave-one-out.
        masked: ``(k,)`` item ids that the evaluation leaves out of the ranking: what a general
            model has seen of the user, or a sequential one with `mask_history`.
    """

    interaction: Any
    history: np.ndarray
    target: int
    tested: np.ndarray
    masked: np.ndarray


class UnknownUserError(ValueError):
    """A model's data have no test row of a user."""


class TrainedModel:
    """A model with its test rows, addressed by tokens.

    Args:
        path: checkpoint of RecBole's trainer.
        title_field: column of the `.item` file with titles, None to look for one.
        title_field_required: whether data without that column are refused; else one is looked for.

    Raises:
        ValueError: data or title column do not fit.
    """

    def __init__(
        self, path: str, title_field: str | None = None, title_field_required: bool = True
    ) -> None:
        from recbole_cammsr.run import checkpoints

        config, model, dataset, _, _, test = checkpoints.open_checkpoint(path)
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
        masked = self._masked(known[user], row, target, tested)
        return UserRow(row.to(self.model.device), history, target, tested, masked)

    @property
    def ranks_without_history(self) -> bool:
        """Whether what a user has already is taken out of the ranking."""
        from recbole_cammsr.data import masked_history

        if self._is_sequential:
            return masked_history.is_wanted(self.config)
        # RecBole masks for general models, but where `repeatable` says that things are had again
        return not self.config["repeatable"]

    @property
    def _is_sequential(self) -> bool:
        return bool(self.config["MODEL_TYPE"].name == "SEQUENTIAL")

    def _masked(self, user: int, row: Any, target: int, tested: np.ndarray) -> np.ndarray:
        """Items that a user's test row is not ranked against, as the loader has them."""
        if not self.ranks_without_history:
            return np.zeros(0, dtype=np.int64)
        if self._is_sequential:
            from recbole_cammsr.data import masked_history

            return np.setdiff1d(masked_history.masked_items(self._test.dataset, row)[1], [target])
        sampler = getattr(self._test, "_sampler", None)  # None where rows are not ranked at all
        used = sampler.used_ids[user] if sampler is not None else set()
        return np.array(sorted(set(used) - set(tested.tolist())), dtype=np.int64)

    def scores(self, row: UserRow, target: int | None = None) -> torch.Tensor:
        """``(n_items,)`` scores of the catalogue, padding and what is masked at -inf.

        Args:
            row: of the user.
            target: an item that is ranked even if it is masked.

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
        scores[[item for item in row.masked.tolist() if item != target]] = -torch.inf
        return scores.float().cpu()
