"""Leaves out the rows without user or item, and no others.

``Dataset._filter_nan_user_or_item`` (``recbole/data/dataset/dataset.py``) finds such rows by their
labels, and drops what stands at those places. Once other rows are gone, labels are places no
longer: a good row further down is dropped, and the one without an id stays, as the padding's. Gone
are, of interactions, those without a user when it comes to those without an item; of the files of
users and items, the repeated ones.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported


def install() -> None:
    """Attach the hook; a second call has no effect."""
    when_imported("recbole.data.dataset.dataset", _drop_by_label)


def _drop_by_label(module: ModuleType) -> None:
    def filter_nan_user_or_item(self: Any) -> None:
        """Filter NaN user_id and item_id, by their labels."""
        for field, name in ((self.uid_field, "user"), (self.iid_field, "item")):
            if getattr(self, f"{name}_feat") is not None:
                _drop_missing(self, f"{name}_feat", field)
            if field is not None:
                _drop_missing(self, "inter_feat", field)

    module.Dataset._filter_nan_user_or_item = filter_nan_user_or_item  # type: ignore[attr-defined]


def _drop_missing(dataset: Any, name: str, field: str) -> None:
    feat = getattr(dataset, name)
    missing = feat.index[feat[field].isnull()]
    if len(missing):
        dataset.logger.warning(
            f"In {name}, line {list(missing + 2)}, {field} do not exist, so they will be removed."
        )
        setattr(dataset, name, feat.drop(missing))
