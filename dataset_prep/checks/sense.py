"""Whether embeddings make sense: neighbours should share categories, and modalities agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from .finding import Section
from .neighbours import Embedding, nearest, sample_queries

NEIGHBOURS = 10
# Below these ratios to chance the rows of a file probably belong to other items.
LEAST_CATEGORY_LIFT = 1.2
LEAST_AGREEMENT_LIFT = 1.5
# Fewer items than this say nothing.
FEWEST_ITEMS = 100


def check_sense(
    embeddings: Sequence[Embedding], labels: Mapping[str, frozenset[str]]
) -> Section | None:
    """Compare neighbours with categories, and modalities with each other.

    Args:
        embeddings: One per modality.
        labels: Item token to its labels; items without label are left out.

    Returns:
        The section, or None where there is nothing to compare.
    """
    section = Section("do the features make sense?")
    for embedding in embeddings:
        _check_categories(embedding, labels, section)
    for index, first in enumerate(embeddings):
        for second in embeddings[index + 1 :]:
            _check_agreement(first, second, section)
    return section if section.facts else None


def _check_categories(
    embedding: Embedding, labels: Mapping[str, frozenset[str]], section: Section
) -> None:
    """Compare how often neighbours and random items share a label."""
    rows = np.flatnonzero([token in labels for token in embedding.tokens.tolist()])
    if len(rows) < FEWEST_ITEMS:
        return
    tokens = embedding.tokens[rows].tolist()
    k = min(NEIGHBOURS, len(rows) - 1)
    queries = sample_queries(len(rows))
    found, _ = nearest(embedding.unit[rows], queries, k)
    hits = [
        bool(labels[tokens[query]] & labels[tokens[row]])
        for query, near in zip(queries, found)
        for row in near
    ]
    share = float(np.mean(hits))
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, len(rows), (20_000, 2))
    chance = float(
        np.mean([bool(labels[tokens[a]] & labels[tokens[b]]) for a, b in pairs if a != b])
    )
    # With one label for all items, neighbours cannot do better than chance.
    informative = Counter(label for token in tokens for label in labels[token])
    section.fact(
        f"{embedding.modality}: {k} nearest items that share a category",
        f"{100 * share:.1f} % (random items {100 * chance:.1f} %)",
    )
    if len(informative) > 1 and chance < 0.8 and share < LEAST_CATEGORY_LIFT * chance:
        section.warning(
            f"{embedding.modality}: nearest items share a category hardly more often than random "
            "ones: the rows may belong to other items (shifted by a missing one?), or the "
            "features do not tell what the categories say"
        )


def _check_agreement(first: Embedding, second: Embedding, section: Section) -> None:
    """Compare the neighbours of an item in two modalities."""
    tokens, rows_a, rows_b = np.intersect1d(first.tokens, second.tokens, return_indices=True)
    if len(tokens) < FEWEST_ITEMS:
        return
    queries = sample_queries(len(tokens))
    near_a, _ = nearest(first.unit[rows_a], queries, NEIGHBOURS)
    near_b, _ = nearest(second.unit[rows_b], queries, NEIGHBOURS)
    shared = float(
        np.mean([len(set(a) & set(b)) for a, b in zip(near_a.tolist(), near_b.tolist())])
    )
    chance = NEIGHBOURS * NEIGHBOURS / (len(tokens) - 1)
    section.fact(
        f"{first.modality} and {second.modality}: nearest items in common",
        f"{shared:.2f} of {NEIGHBOURS} (by chance {chance:.2f})",
    )
    if shared < LEAST_AGREEMENT_LIFT * chance:
        section.warning(
            f"{first.modality} and {second.modality} agree on neighbours hardly more than chance: "
            "one of the files may have its rows at other items"
        )
