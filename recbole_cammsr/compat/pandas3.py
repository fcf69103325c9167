"""Pandas 3: what ``dataset.py``, ``kg_dataset.py`` and ``sequential_dataset.py`` do with columns.

All three stand in ``recbole/data/dataset/``.

- ``df[field].fillna(value, inplace=True)`` fills a copy (copy on write): empty sequence cells stay
  NaN in ``Dataset._load_feat``, and missing values stay in ``Dataset._fill_nan``.
- ``df[field].agg(len)`` is one number, the length of the column, and no longer one length per
  cell: ``_remap``, ``_normalize``, ``_discretization`` and ``_reset_ent_remapID`` (knowledge
  graphs) then cut a concatenated column at the wrong places, and ``_benchmark_presets``
  (sequential data with ``benchmark_filename``) gives every row one length.
- ``read_csv(dtype=str)`` gives columns of type ``str``, whose ``.values`` are no numpy arrays.
- ``.values`` is read-only, which torch warns of in ``Dataset._dataframe_to_interaction``. The
  frame is dropped right after, so nothing is shared.
"""

from __future__ import annotations

import builtins
import functools
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported
from recbole_cammsr.compat.module_proxy import ModuleProxy

_DATASET = "recbole.data.dataset.dataset"
#: where ``column.agg(len)`` stands
_MEASURING = (
    _DATASET,
    "recbole.data.dataset.kg_dataset",
    "recbole.data.dataset.sequential_dataset",
)


def install() -> None:
    """Attach the shims to RecBole's data set modules."""
    when_imported(_DATASET, _read_plain_columns)
    when_imported(_DATASET, _fill_missing_values)
    when_imported(_DATASET, _convert_quietly)
    for name in _MEASURING:
        when_imported(name, _measure_cells)


def _read_plain_columns(module: ModuleType) -> None:
    """Let ``Dataset._load_feat`` read object columns, and empty sequence cells as ``""``."""
    if isinstance(module.pd, ModuleProxy) or not (_fills_a_copy() or _infers_str()):
        return
    pandas = module.pd

    def read_csv(*args: Any, **kwargs: Any) -> Any:
        frame = pandas.read_csv(*args, **kwargs)
        for column in frame.columns:  # still named as in the file's header, field:type
            if pandas.api.types.is_string_dtype(frame[column].dtype):
                frame[column] = frame[column].astype(object)
            if str(column).endswith("_seq"):
                frame[column] = frame[column].fillna("")
        return frame

    module.pd = ModuleProxy(pandas, read_csv=read_csv)  # type: ignore[attr-defined]
    dataset = module.Dataset
    dataset._load_feat = _without_copy_warnings(dataset._load_feat)


def _fill_missing_values(module: ModuleType) -> None:
    """Let ``Dataset._fill_nan`` fill token and float columns before RecBole does the rest."""
    if not _fills_a_copy():
        return
    dataset = module.Dataset
    kinds = module.FeatureType
    fill_sequences = _without_copy_warnings(dataset._fill_nan)

    @functools.wraps(fill_sequences)
    def fill_nan(self: Any) -> None:
        for feat_name in self.feat_name_list:
            feat = getattr(self, feat_name)
            for field in feat:
                if self.field2type[field] == kinds.TOKEN:
                    feat[field] = feat[field].fillna(0)
                elif self.field2type[field] == kinds.FLOAT:
                    feat[field] = feat[field].fillna(feat[field].mean())
        fill_sequences(self)

    dataset._fill_nan = fill_nan


def _convert_quietly(module: ModuleType) -> None:
    """Let ``Dataset._dataframe_to_interaction`` take read-only columns without a warning."""
    if not _fills_a_copy():
        return
    dataset = module.Dataset
    convert = dataset._dataframe_to_interaction

    @functools.wraps(convert)
    def dataframe_to_interaction(self: Any, data: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            return convert(self, data)

    dataset._dataframe_to_interaction = dataframe_to_interaction


def _measure_cells(module: ModuleType) -> None:
    """Let the name ``len`` in ``module`` measure the cells where it is given a column.

    These modules hand a column to ``len`` in one way only: ``column.agg(len)``.
    """
    import pandas as pd

    if not _aggregates_len():
        return

    def cell_lengths(value: Any) -> Any:
        if isinstance(value, pd.Series):
            return value.map(builtins.len)
        return builtins.len(value)

    module.len = cell_lengths  # type: ignore[attr-defined]


def _fills_a_copy() -> bool:
    import pandas as pd

    frame = pd.DataFrame({"a": [None, 1.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame["a"].fillna(0.0, inplace=True)
    return bool(frame["a"].isna().any())


def _infers_str() -> bool:
    import pandas as pd

    return pd.Series(["a"], dtype=str).dtype != object


def _aggregates_len() -> bool:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return not isinstance(pd.Series([[1], [2, 3]]).agg(len), pd.Series)


def _without_copy_warnings(method: Callable[..., Any]) -> Callable[..., Any]:
    """``method`` without pandas' warning about the fillings that are made up for here."""
    import pandas as pd

    category = getattr(pd.errors, "ChainedAssignmentError", None)
    if category is None:
        return method

    @functools.wraps(method)
    def quiet(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category)
            return method(*args, **kwargs)

    return quiet
