"""Digests of what a result depends on beside its job: this package's code, the data set's files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from recbole_cammsr import default_settings, model_path, registry
from recbole_cammsr.analysis.job import JobResult
from recbole_cammsr.run import known_settings

#: tables that RecBole reads; features and everything else may be many gigabytes
_TABLES = (".inter", ".item", ".user", ".net", ".kg", ".link")
_BLOCK, _BLOCKS = 1 << 16, 64


def code_digest(model: str) -> str:
    """Digest of the code of models and data, and of their defaults.

    It covers the folders ``model`` and ``data`` and ``run/protocol.py`` of this package and its
    YAML files of models and data sets. It does not cover what else numbers may depend on: the
    rest of the package (``compat``, ``registry.py``, ``default_settings.py``, and of ``analysis``
    the run of a job, its ranks and its damage), RecBole, torch, other libraries, and the machine.

    Args:
        model: its name; of one with a path its module and its defaults are covered too.
    """
    package = Path(registry.__file__).resolve().parent
    properties = Path(default_settings.PROPERTIES)
    digest = hashlib.sha256()
    for root, patterns in (
        (package, ("model/**/*.py", "data/**/*.py", "run/protocol.py")),
        (properties, ("model/*.yaml", "dataset/*.yaml")),
    ):
        for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
            digest.update(path.read_bytes())
    for own in model_path.files(model):
        digest.update(Path(own).read_bytes())
    return digest.hexdigest()[:12]


def package_digest() -> str:
    """Digest of all code of this package."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(Path(registry.__file__).resolve().parent.glob("**/*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def data_digests(config: Any) -> dict[str, str]:
    """Digests of the files that a run reads.

    Args:
        config: RecBole's, before anything is corrupted.

    Returns:
        File to digest; the name is relative to the data set's folder where the file is in it.
        Tables count as a whole, feature files by their size and some blocks of them.
    """
    folder = str(config["data_path"])
    return {
        os.path.relpath(path, folder) if _is_inside(path, folder) else os.path.abspath(path): (
            _digest_of(path)
        )
        for path in [*_tables(folder, str(config["dataset"])), *_features(config)]
        if os.path.isfile(path)
    }


def changed_file(result: JobResult) -> str | None:
    """A file that is another one today than when a result was made.

    Args:
        result: one without digests, from an earlier version, is taken as it is.

    Returns:
        Its path; None where all are the same. A file that was moved away with its folder says
        nothing: results are read on other machines too.
    """
    folder = known_settings.data_folder(result.job.dataset, result.job.settings.get("data_path"))
    for name, digest in result.data.items():
        path = os.path.join(folder, name)
        gone = not os.path.isfile(path)
        if gone and not os.path.isdir(os.path.dirname(path)):
            continue
        if gone or _digest_of(path) != digest:
            return path
    return None


def _tables(folder: str, dataset: str) -> Iterator[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for name in names:  # pre-split data have names such as toy.train.inter
        if name.startswith(f"{dataset}.") and name.endswith(_TABLES):
            yield os.path.join(folder, name)


def _features(config: Any) -> Iterator[str]:
    from recbole_cammsr.data.settings import modality_file, modality_names

    for modality in modality_names(config["modalities"]):
        source = modality_file(
            modality, config["modality_files"], config["data_path"], config["dataset"]
        )
        yield source.path
        if source.ids is None:
            yield f"{os.path.splitext(source.path)[0]}.ids"  # absent for most formats
        elif source.ids != "row":
            yield source.ids


def _is_inside(path: str, folder: str) -> bool:
    return os.path.abspath(path).startswith(os.path.abspath(folder) + os.sep)


def _digest_of(path: str) -> str:
    status = os.stat(path)
    return _content_digest(os.path.abspath(path), status.st_size, status.st_mtime_ns)


@cache  # many results share their files
def _content_digest(path: str, size: int, _: int) -> str:
    digest = hashlib.blake2b(str(size).encode(), digest_size=8)
    with open(path, "rb") as file:
        if path.endswith(_TABLES):
            while block := file.read(_BLOCK * _BLOCKS):
                digest.update(block)
        else:  # features that are computed anew differ everywhere
            for part in range(_BLOCKS):
                file.seek(part * max(size - _BLOCK, 0) // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()
