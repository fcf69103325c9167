"""``cammsr-prep check``: validate a data set before training on it."""

from __future__ import annotations

import argparse

from ..checks.dataset_check import check_dataset, find_feature_files, steps
from ..checks.finding import ERROR
from ..checks.interactions import FieldNames
from ..checks.location import locate, parts_of
from ..optional_import import require

NAME = "check"
HELP = "validate a data set folder: files, tokens, coverage, features, sequences, leakage"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("target", metavar="DATASET", help="folder of the data set, or folder/name")
    parser.add_argument("--dataset", help="name, where the folder holds several data sets")
    parser.add_argument(
        "--parts",
        type=_parts,
        metavar="TRAIN,VALID,TEST",
        help="files DATASET.<part>.inter of pre-split data, as `benchmark_filename` names them "
        "(default: train,valid,test where there is no DATASET.inter)",
    )
    parser.add_argument(
        "--user-field", default="user_id", metavar="NAME", help="field of the user (user_id)"
    )
    parser.add_argument(
        "--item-field", default="item_id", metavar="NAME", help="field of the item (item_id)"
    )
    parser.add_argument(
        "--time-field", default="timestamp", metavar="NAME", help="field of the time (timestamp)"
    )
    parser.add_argument(
        "--category-field",
        action="append",
        default=[],
        metavar="NAME",
        help="category column of the .item file; may be repeated (default: by usual names)",
    )
    parser.add_argument(
        "--features",
        action="append",
        default=[],
        metavar="MODALITY=FILE",
        help="feature file; may be repeated (default: those beside the .inter file)",
    )
    parser.add_argument(
        "--report", metavar="HTML", help="write a page with charts and nearest neighbours"
    )
    parser.add_argument(
        "--images", metavar="FOLDER", help="folder or zip with item images, shown on the page"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def execute(options: argparse.Namespace) -> None:
    """Check a data set and print the findings.

    Args:
        options: The parsed options.

    Raises:
        FileNotFoundError: If there is no such data set.
        ValueError: If the data set has errors, or an option is unusable.
    """
    folder, name = locate(options.target, options.dataset, options.parts or ())
    parts = options.parts or parts_of(folder, name)
    if options.features:
        files = dict(_pair(text) for text in options.features)
    else:
        files = find_feature_files(folder, name)
    fields = FieldNames(options.user_field, options.item_field, options.time_field)
    tqdm = require("tqdm", "The progress bar").tqdm
    form = "{desc}: part {n}/{total} [{elapsed}{postfix}]"
    with tqdm(
        total=steps(files, parts), desc=name, disable=options.quiet, leave=False, bar_format=form
    ) as bar:

        def begin(what: str) -> None:
            bar.update()
            bar.set_postfix_str(what)

        result = check_dataset(folder, name, fields, options.category_field, files, begin, parts)
    print(result.text())
    if options.report:
        # Drawing is needed for the page only.
        from ..checks.report_page import write_report

        write_report(options.report, result, options.images)
        print(f"report: {options.report}")
    errors = result.count(ERROR)
    if errors:
        raise ValueError(
            f"{name} in {folder} has {errors} {'error' if errors == 1 else 'errors'}, listed "
            "above: mend them before training"
        )


def _pair(text: str) -> tuple[str, str]:
    """Split ``MODALITY=FILE``."""
    modality, equals, path = text.partition("=")
    if not (modality and equals and path):
        raise ValueError(f"--features {text!r}: write MODALITY=FILE")
    return modality, path


def _parts(text: str) -> tuple[str, ...]:
    """Split ``TRAIN,VALID,TEST``."""
    parts = tuple(part.strip() for part in text.split(","))
    if len(set(parts)) != 3 or not all(parts):
        raise argparse.ArgumentTypeError(
            f"{text!r} does not name three parts; write those of training, validation and test, "
            "such as train,valid,test"
        )
    return parts
