"""Checks of one feature file: what the loader would refuse, and what it would silently accept."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np

from recbole_cammsr.data.directions import DirectionWatch
from recbole_cammsr.data.feature_checks import validate
from recbole_cammsr.data.formats import FeatureFile, RawFeatures, read_features

from .finding import Bars, Section, percent, some
from .interactions import Interactions
from .neighbours import Embedding, embedding, nearest, sample_queries

# Random items whose vectors are on average closer than this are hardly told apart.
COLLAPSED_COSINE = 0.95
# Share of rows that are copies of another row above which a placeholder is likely.
MANY_COPIES = 0.05
# Largest norm over median norm above which single items dominate.
LONG_ROW = 20.0
LOW_COVERAGE = 0.5
# Values read in one go: a few arrays of so many numbers are made of them.
_BLOCK = 2**20
_BINS = 30


def check_features(
    modality: str, path: str, interactions: Interactions | None
) -> tuple[Section, Embedding | None]:
    """Check the feature file of one modality.

    Args:
        modality: Its name.
        path: The file, of any format that carries its tokens.
        interactions: The interactions, None where these cannot be read.

    Returns:
        The section, and the usable rows for a look at nearest neighbours.
    """
    section = Section(f"features: {modality}")
    try:
        raw = read_features(FeatureFile(path))
        validate(raw)
    except (ValueError, OSError) as error:
        message = str(error)
        section.error(message if path in message else f"feature file {path}: {message}")
        return section, None
    section.fact("file", raw.path)
    section.fact("rows", len(raw.tokens))
    section.fact("dimension", int(raw.values.shape[1]))
    section.fact("dtype", str(raw.values.dtype))
    inside = _check_tokens(raw, interactions, section)
    rows = _scan_rows(raw, inside)
    if len(rows.broken):
        section.error(
            f"{modality}: {len(rows.broken):,} rows have NaN or infinite values, e.g. items "
            f"{some(raw.tokens[rows.broken])}: leave them out, they then count as missing"
        )
    if inside.any() and not rows.told_apart:
        # The checks below would say the same once more, each in its way.
        _refuse_equal_rows(modality, raw, rows, inside, section)
        return section, None
    _check_rows(raw, rows, section)
    usable = inside & (rows.norms > 0) & np.isfinite(rows.norms)
    if usable.sum() < 3:
        return section, None
    found = embedding(modality, raw.tokens, raw.values, np.flatnonzero(usable))
    _check_cosines(found, section)
    return section, found


def _check_tokens(
    raw: RawFeatures, interactions: Interactions | None, section: Section
) -> np.ndarray:
    """Compare tokens with the interactions; return which rows belong to an item of theirs."""
    if interactions is None:
        return np.ones(len(raw.tokens), dtype=bool)
    known = interactions.item_tokens.astype(str)
    inside = np.isin(raw.tokens, known)
    covered = np.isin(known, raw.tokens)
    weight = float(covered[interactions.items].mean())
    section.fact(
        "items covered",
        f"{int(covered.sum()):,} of {len(known):,} ({percent(covered.sum(), len(known))}), "
        f"{100 * weight:.1f} % of interactions",
    )
    section.fact("rows of other items", int((~inside).sum()))
    if not covered.any():
        section.error(
            f"no token in common with the interactions: the file has {some(raw.tokens)}, these "
            f"have {some(known)}: write the file with the item tokens of the .inter file"
        )
    elif covered.mean() < LOW_COVERAGE:
        section.warning(f"only {percent(covered.sum(), len(known))} of the items have this feature")
    return inside


class _Rows:
    """What one pass over the rows finds; row numbers and per-row values."""

    def __init__(self, count: int, width: int) -> None:
        """Make empty results for ``count`` rows of ``width`` values."""
        self.norms = np.zeros(count)
        self.flat = np.zeros(count, dtype=bool)
        self.broken = np.zeros(0, dtype=np.int64)
        self.low = np.full(width, np.inf)
        self.high = np.full(width, -np.inf)
        self.copies: Counter[bytes] = Counter()
        self.told_apart = False


def _scan_rows(raw: RawFeatures, inside: np.ndarray) -> _Rows:
    """Read all rows in blocks, so that a memory-mapped file may exceed memory.

    Whether rows differ, but for their length, is judged over those ``inside`` the data set.
    """
    rows = _Rows(*raw.values.shape)
    broken = []
    directions = DirectionWatch()
    size = max(1, _BLOCK // raw.values.shape[1])
    for start in range(0, len(raw.values), size):
        own = np.ascontiguousarray(raw.values[start : start + size])
        block = own.astype(np.float64)
        end = start + len(block)
        with np.errstate(invalid="ignore", over="ignore"):
            rows.norms[start:end] = np.sqrt((block**2).sum(axis=1))
        rows.flat[start:end] = (block == block[:, :1]).all(axis=1)
        finite = np.isfinite(block).all(axis=1)
        used = finite & inside[start:end]
        if not directions.told_apart:
            directions.see(block[used])
        broken.append(start + np.flatnonzero(~finite))
        if finite.any():
            rows.low = np.minimum(rows.low, block[finite].min(axis=0))
            rows.high = np.maximum(rows.high, block[finite].max(axis=0))
        rows.copies.update(hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in own)
    rows.broken = np.concatenate(broken)
    rows.told_apart = directions.told_apart
    return rows


def _refuse_equal_rows(
    modality: str, raw: RawFeatures, rows: _Rows, inside: np.ndarray, section: Section
) -> None:
    """Say what the rows that tell no item from another are."""
    finite = inside & np.isfinite(rows.norms)
    if not finite.any():
        return  # every row is broken, which is an error of its own
    if inside.sum() == 1:
        what = "only one row of an item of the data set"
    elif (rows.norms[finite] == 0).all():
        what = f"{int(inside.sum()):,} rows of items of the data set, all of them zero"
    else:
        what = (
            f"{int(inside.sum()):,} rows of items of the data set, all of them the same but for "
            "their length"
        )
    section.error(
        f"{modality}: feature file {raw.path} has {what}, so it tells no item from another: write "
        f"it again, or train without {modality}"
    )


def _check_rows(raw: RawFeatures, rows: _Rows, section: Section) -> None:
    """Judge norms, constant rows and columns, and copies."""
    norms = rows.norms[np.isfinite(rows.norms)]
    if len(norms) == 0:
        return
    low, middle, high = float(norms.min()), float(np.median(norms)), float(norms.max())
    section.fact("norm", f"min {low:.4g}, median {middle:.4g}, max {high:.4g}")
    zero = np.flatnonzero(rows.norms == 0)
    if len(zero):
        section.warning(
            f"{len(zero):,} rows are all zero, e.g. items {some(raw.tokens[zero])}: if they stand "
            "for missing features leave them out, since a zero vector is taken as a feature"
        )
    flat = int((rows.flat & (rows.norms > 0)).sum()) if raw.values.shape[1] > 1 else 0
    if flat:
        section.warning(f"{flat:,} rows have the same value everywhere")
    if middle > 0 and high > LONG_ROW * middle:
        long = raw.tokens[np.flatnonzero(rows.norms == high)]
        section.warning(
            f"the longest row ({some(long)}) is {high / middle:.0f} times the median: look at it"
        )
    constant = int((rows.low == rows.high).sum())
    if constant:
        level = section.warning if constant > len(rows.low) / 2 else section.note
        level(f"{constant:,} of {len(rows.low):,} dimensions have one value for all items")
    copied = sum(count for count in rows.copies.values() if count > 1)
    section.fact("rows equal to another row", copied)
    if copied > MANY_COPIES * len(raw.tokens):
        section.warning(
            f"{percent(copied, len(raw.tokens))} of rows equal another row, the most frequent "
            f"{max(rows.copies.values()):,} times: a placeholder picture or an empty text?"
        )
    if high > low * 1.001:
        section.figures.append(_histogram("items by norm", norms))


def _check_cosines(found: Embedding, section: Section) -> None:
    """Judge how well vectors tell items apart."""
    # The mean over all pairs needs the mean vector only.
    count = len(found.unit)
    total = float((found.unit.astype(np.float64).sum(axis=0) ** 2).sum())
    mean = (total - count) / (count * (count - 1))
    _, cosines = nearest(found.unit, sample_queries(count), 1)
    section.fact("cosine of random items", f"mean {round(mean, 3) + 0.0:.3f}")
    section.fact("cosine to the nearest item", f"median {np.median(cosines):.3f}")
    if mean > COLLAPSED_COSINE:
        section.warning(
            f"random items have cosine {mean:.3f} on average: the vectors hardly tell items apart"
        )
    section.figures.append(_histogram("items by cosine to the nearest other item", cosines[:, 0]))


def _histogram(title: str, values: np.ndarray) -> Bars:
    """A histogram of equal bins; labels are the bins' middles."""
    exact = values.astype(np.float64)
    # Values that differ in their last bits only have no room for bins between them.
    margin = 1e-6 * max(1.0, float(np.abs(exact).max()))
    counts, edges = np.histogram(
        exact, bins=_BINS, range=(exact.min() - margin, exact.max() + margin)
    )
    middles = (edges[:-1] + edges[1:]) / 2
    return Bars(title, tuple(f"{x:.3g}" for x in middles), tuple(int(x) for x in counts))
