"""A UniSRec/MISSRec-style folder: ``python -m recbole_cammsr.dataset_prep.unisrec --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .atomic_file import write_inter_file, write_item_file
from .category_labels import path_labels
from .category_phrase import segment_phrases, split_item_text
from .command_line import run
from .feature_file import feature_path, write_feature_file
from .unisrec_folder import read_features, read_interactions, read_items, read_texts


@dataclass(frozen=True)
class Counts:
    """What was written; ``coverage`` is items with a feature, per modality."""

    users: int
    items: int
    interactions: int
    categorised: int
    coverage: dict[str, int]


def convert(
    folder: str | Path,
    name: str,
    output: str | Path,
    dataset: str,
    features: dict[str, str],
    category_root: str | None = None,
    min_count: int = 20,
    min_branches: int = 5,
) -> Counts:
    """Write ``.inter``, ``.item`` and token-keyed features of a UniSRec-style folder.

    The source has no times: ``timestamp`` is the position 1, 2, 3, ... in the user's sequence.
    Item and user tokens are the raw ids of ``item2index`` and ``user2index`` (the user's index
    where there is no ``user2index``). Rows of zeros in a feature file stand for a missing feature
    and are left out.

    Args:
        folder: The source folder.
        name: File prefix, e.g. ``"Scientific"``.
        output: Folder that receives the files.
        dataset: Data set name.
        features: Modality name to file suffix, e.g. ``{"text": "feat1CLS"}``.
        category_root: Category that every item text names first (see ``split_item_text``).
        min_count: Fewest items a category label may have.
        min_branches: See ``segment_phrases``.

    Returns:
        The counts.

    Raises:
        FileNotFoundError: If a source file is missing.
        ValueError: If the files contradict each other.
    """
    source, target = Path(folder), Path(output)
    items = read_items(source, name)
    texts = read_texts(source / f"{name}.text")
    split = [split_item_text(texts.get(token, ""), category_root) for token in items]
    labels = path_labels(segment_phrases([x for _, x in split], min_branches), None, min_count)
    matrices = {
        modality: read_features(source / f"{name}.{suffix}", len(items))
        for modality, suffix in features.items()
    }

    users = set()

    def rows() -> Iterator[tuple[str, str, str]]:
        for user, item, position in read_interactions(source, name, items):
            users.add(user)
            yield user, item, str(position)

    count = write_inter_file(target / f"{dataset}.inter", rows())
    write_item_file(target / f"{dataset}.item", items, [title for title, _ in split], labels)
    coverage = {}
    for modality, matrix in matrices.items():
        present = np.flatnonzero((matrix != 0).any(axis=1))
        write_feature_file(
            feature_path(target, dataset, modality), [items[i] for i in present], matrix[present]
        )
        coverage[modality] = len(present)
    categorised = sum(bool(label.category) for label in labels)
    return Counts(len(users), len(items), count, categorised, coverage)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a UniSRec-style folder.

    Args:
        arguments: Command-line arguments; None takes the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="unisrec", description=__doc__)
    parser.add_argument("--folder", required=True, help="the source folder")
    parser.add_argument("--name", required=True, help="file prefix, e.g. Scientific")
    parser.add_argument("--dataset", required=True, help="data set name to write")
    parser.add_argument("--output", required=True, help="folder that receives the files")
    parser.add_argument(
        "--feature",
        action="append",
        default=[],
        metavar="MODALITY=SUFFIX",
        help="feature file of a modality, e.g. text=feat1CLS; may be repeated",
    )
    parser.add_argument(
        "--category-root", help="category that every item text names, e.g. 'Office Products'"
    )
    parser.add_argument("--category-min-count", type=int, default=20, help="items a label needs")
    parser.add_argument("--category-min-branches", type=int, default=5)
    options = parser.parse_args(arguments)

    def command() -> None:
        features = {}
        for pair in options.feature:
            modality, equals, suffix = pair.partition("=")
            if not (modality and equals and suffix) or modality in features:
                raise ValueError(f"--feature {pair!r}: give each modality once, MODALITY=SUFFIX")
            features[modality] = suffix
        counts = convert(
            options.folder,
            options.name,
            options.output,
            options.dataset,
            features,
            options.category_root,
            options.category_min_count,
            options.category_min_branches,
        )
        print(
            f"{options.dataset}: {counts.users} users, {counts.items} items, "
            f"{counts.interactions} interactions, {counts.categorised} items with a category, "
            f"items with features: {counts.coverage}"
        )

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
