"""HM4SR's own code from a checkout that the reader names, on any device and feature dimension.

Nothing of that code is part of this package. Its model file is read when a benchmark runs, the
constants that tie it to one machine and one encoder are replaced in the text, and the files
that it expects are written where it looks for them (docs/performance.md, "HM4SR").
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MODEL_FILE = Path("recbole_model") / "HM4SR.py"
SETTINGS_FILE = Path("config") / "Games.yaml"
_Value = TypeVar("_Value")
_DEVICE, _PROJECTION = "'cuda'", "nn.Linear(768,"
_MODULE = "hm4sr_checkout_model"
#: it has an encoder for each of these
_FEATURE_FILES = ("txt_emb.pt", "img_emb.pt")
#: rows added to its table of intervals: the largest interval may be rounded up in float32
_INTERVAL_MARGIN = 0.05


def check(folder: str | Path) -> Path:
    """Refuse a folder that is no checkout of HM4SR.

    Args:
        folder: as the reader named it.

    Returns:
        The absolute folder.

    Raises:
        FileNotFoundError: a file that is needed is not there.
    """
    root = Path(folder).expanduser().resolve()
    for file in (MODEL_FILE, SETTINGS_FILE):
        if not (root / file).is_file():
            raise FileNotFoundError(
                f"{root} is no checkout of HM4SR: it has no {file}; clone its repository and name "
                f"the folder that holds {MODEL_FILE.parts[0]}."
            )
    return root


def model_class(folder: str | Path, device: str, dimensions: Sequence[int]) -> type[nn.Module]:
    """The checkout's model, with its device and its feature dimensions replaced.

    Args:
        folder: the checkout.
        device: torch device.
        dimensions: lengths of the feature vectors, one a modality; one stands for both.

    Returns:
        The class, as its file defines it.

    Raises:
        FileNotFoundError: no checkout.
        ValueError: the file is not the code that this was written for.
    """
    path = check(folder) / MODEL_FILE
    text = path.read_text(encoding="utf-8")
    for constant, least in ((_DEVICE, 1), (_PROJECTION, 2)):
        if text.count(constant) < least:
            raise ValueError(
                f"{path} contains {constant} fewer than {least} times, which is replaced to run "
                f"it here; use the version of HM4SR's repository that docs/performance.md names."
            )
    text = text.replace(_DEVICE, repr(device))
    # the projection of text comes first in the file, that of images second
    before, between, after = text.split(_PROJECTION, 2)
    first, second = (f"nn.Linear({dimension}," for dimension in _both(dimensions))
    text = f"{before}{first}{between}{second}{after}"
    module = ModuleType(_MODULE)
    module.__file__ = str(path)
    sys.modules[_MODULE] = module
    exec(compile(text, str(path), "exec"), module.__dict__)
    loaded: type[nn.Module] = module.HM4SR  # type: ignore[attr-defined]
    return loaded


def mend_interval_index(model: nn.Module) -> None:
    """Let the model run where an embedding checks its index.

    The time between a row's last interaction and its padding is negative, its logarithm not a
    number and, as an integer, the lowest there is: the CPU refuses it as an index. Here it reads
    row 0. The positions concerned are padding, masked out of attention.

    Args:
        model: an instance of the checkout's class.
    """
    table: nn.Embedding = model.time_moe.time_embedding  # type: ignore[union-attr, assignment]
    table.register_forward_pre_hook(lambda _, index: (index[0].clamp(min=0),))


def write_files(
    folder: str | Path,
    dataset: Any,
    features: Sequence[torch.Tensor],
    labels: torch.Tensor,
    longest: int,
) -> None:
    """Write what the model reads from ``./dataset/<name>/``.

    Args:
        folder: the working directory of the process that will build the model.
        dataset: RecBole data set, before it is split.
        features: per modality ``(n_items, d)``, rows by the data set's item id; two are used, and
            one stands for both.
        labels: ``(n_items, C)`` bool, the categories of the items.
        longest: longest history of a row. The model's category task uses positions of a row as
            columns of the labels, so there must be as many; missing ones are added, all 0.

    Raises:
        ValueError: there are no features.
    """
    target = Path(folder) / "dataset" / dataset.dataset_name
    target.mkdir(parents=True, exist_ok=True)
    for name, values in zip(_FEATURE_FILES, _both(features)):
        torch.save(values.float(), target / name)
    missing = max(0, longest - labels.shape[1])
    torch.save(F.pad(labels.to(torch.int64), (0, missing)), target / "cat.pt")
    interval = _longest_interval(
        np.asarray(dataset.inter_feat[dataset.uid_field]),
        np.asarray(dataset.inter_feat[dataset.time_field], dtype=np.float64),
    )
    with open(target / "interval_num", "wb") as file:
        pickle.dump(float(np.log2(interval + 1.0)) + _INTERVAL_MARGIN, file)


def _both(values: Sequence[_Value]) -> tuple[_Value, _Value]:
    """The first two; one stands for both."""
    if not values:
        raise ValueError("HM4SR needs features: give `modalities` to the data set.")
    return values[0], values[min(1, len(values) - 1)]


def _longest_interval(users: np.ndarray, times: np.ndarray) -> float:
    order = np.lexsort((times, users))
    users, times = users[order], times[order]
    follows = users[1:] == users[:-1]
    return float(np.diff(times)[follows].max(initial=0.0))
