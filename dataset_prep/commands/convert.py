"""``cammsr-prep convert``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..feature_source import (
    FeatureSource,
    check_feature_files,
    check_features,
    write_features,
)
from ..filter_options import add_filter_options, prepare_with_options
from ..hm4sr_source import HM4SR
from ..mmrec_source import MMRec
from ..unisrec_source import UniSRec

NAME = "convert"
HELP = "a folder of HM4SR, UniSRec, MISSRec or MMRec, with its features"
#: format to the end of the one file that names the data set
FORMATS = {"hm4sr": ".inter", "unisrec": ".item2index", "missrec": ".item2index", "mmrec": ".inter"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command; filters are off, so that the source's rows are kept.

    Args:
        parser: Its parser.
    """
    parser.add_argument("--from", required=True, choices=tuple(FORMATS), dest="format")
    parser.add_argument("--folder", required=True, help="the source's folder")
    parser.add_argument(
        "--name",
        help="file prefix, e.g. Scientific (default: where one data set is in it, its own)",
    )
    parser.add_argument(
        "--feature",
        action="append",
        default=[],
        metavar="MODALITY=FILE",
        help="feature file of a modality (for unisrec and missrec its suffix, e.g. text=feat1CLS); "
        "may be repeated; default: the format's usual names",
    )
    parser.add_argument(
        "--category-root",
        help="unisrec, missrec: category that every item text names, e.g. 'Office Products'",
    )
    parser.add_argument(
        "--category-min-branches",
        type=int,
        default=5,
        metavar="N",
        help="unisrec, missrec: a category level ends where this many different words follow (5)",
    )
    add_filter_options(parser)
    parser.set_defaults(category_kind=None, min_per_user=0, min_per_item=0, duplicates="all")


def execute(options: argparse.Namespace) -> int:
    """Convert the folder.

    Args:
        options: Parsed arguments.

    Returns:
        The exit code, 0.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the files contradict each other.
    """
    source = _source(options)
    # The usual names or the named files are looked for, and read, before minutes are spent on the
    # rest.
    check_feature_files(source, options.output, options.dataset)
    check_features(source, options.output, options.dataset)
    options.category_kind = options.category_kind or source.category_kind
    prepare_with_options(source, options)
    counts = write_features(source, options.output, options.dataset)
    for modality, count in counts.items():
        print(f"  items with {modality} feature  {count:,}")
    if not counts:
        print(f"  no feature file found in {options.folder}")
    return 0


def _source(options: argparse.Namespace) -> FeatureSource:
    """The source of the format that the options name."""
    named: dict[str, str] = {}
    for pair in options.feature:
        modality, equals, file = pair.partition("=")
        if not (modality and equals and file) or modality in named:
            raise ValueError(f"--feature {pair!r}: give each modality once, MODALITY=FILE")
        named[modality] = file
    name = options.name or _only_name(Path(options.folder), FORMATS[options.format])
    if options.format == "hm4sr":
        return HM4SR(options.folder, name, named, progress=not options.quiet)
    if options.format == "mmrec":
        return MMRec(options.folder, name, named, progress=not options.quiet)
    return UniSRec(
        options.folder, name, named, options.category_root, options.category_min_branches
    )


def _only_name(folder: Path, suffix: str) -> str:
    """Prefix of the one file with this suffix."""
    names = sorted(path.name[: -len(suffix)] for path in folder.glob(f"*{suffix}"))
    if len(names) != 1:
        raise ValueError(f"{folder}: {len(names)} files *{suffix} {names[:5]}: give --name")
    return names[0]
