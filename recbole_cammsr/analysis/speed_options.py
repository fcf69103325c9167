"""The command line of the speed benchmark."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields, replace

from recbole_cammsr.analysis.generated_data import PRESETS, DataSize
from recbole_cammsr.analysis.speed_contenders import CONTENDERS, ON_REQUEST, Conditions
from recbole_cammsr.analysis.speed_rounds import STAGES, Plan
from recbole_cammsr.run.command import Parser
from recbole_cammsr.run.errors import UsageError

PROGRAM = "python -m recbole_cammsr.analysis.benchmark_speed"
FLOORS = "floors"
#: how much is measured, unless the reader says so
_COUNTS = {"rounds": 5, "rank-rounds": 3, "startup-rounds": 3, "batches": 20}
_SIZE_FLAGS = {
    "users": "users",
    "items": "items",
    "interactions": "interactions",
    "modalities": "content modalities",
    "dimension": "length of a feature vector",
    "categories": "category labels",
    "minimum_length": "shortest history",
    "zipf": "exponent of the items' popularity",
    "length_sigma": "sigma of the log-normal history lengths",
}
_EPILOG = f"""\
examples:
  {PROGRAM} --preset games --hm4sr ../HM4SR
  {PROGRAM} --dataset ml-100k
  {PROGRAM} --dataset amazon_beauty --data-path data --device cuda --amp
  {PROGRAM} --scale-items 10000,100000,1000000 --set feature_dtype=float16

docs/performance.md explains what is measured, and how."""


def make_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = Parser(PROGRAM, "Training, ranking and start-up: seconds and memory.", _EPILOG)
    parser.usage = None
    data = parser.add_argument_group("data: a real set, or a generated one")
    data.add_argument("--dataset", metavar="NAME", help="ml-100k, or a set in --data-path")
    data.add_argument("--data-path", metavar="FOLDER", help="holds the folder of the data set")
    data.add_argument(
        "--config-files", nargs="+", default=[], metavar="YAML", help="settings of the data set"
    )
    data.add_argument("--preset", choices=sorted(PRESETS), help="a generated set by name")
    for flag, meaning in _SIZE_FLAGS.items():
        kind = float if flag in ("zipf", "length_sigma") else int
        data.add_argument(
            f"--{flag.replace('_', '-')}", type=kind, metavar="N", help=f"generated: {meaning}"
        )
    data.add_argument("--data-seed", type=int, metavar="N", help="generated: seed")

    what = parser.add_argument_group("what is measured")
    everything = [*CONTENDERS, FLOORS]
    what.add_argument(
        "--models",
        default=None,
        metavar="A,B",
        help=f"of {','.join(everything)} (default: all), {','.join(ON_REQUEST)}",
    )
    what.add_argument("--hm4sr", metavar="FOLDER", help="a checkout of HM4SR, to measure it too")
    what.add_argument("--measure", metavar="A,B", help=f"of {','.join(STAGES)} (all)")
    what.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of every CAMMSR; may be given several times",
    )
    what.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME:KEY=VALUE[;KEY=VALUE]",
        help="one more packed CAMMSR with settings of its own; may be given several times",
    )
    what.add_argument(
        "--scale-items",
        metavar="N,N,N",
        help="a series over the size of the catalogue, generated data; by default of cammsr, "
        "whose floors always belong to it",
    )
    what.add_argument("--no-plots", action="store_true", help="a series without its figures")

    how = parser.add_argument_group("how much")
    # None where nothing is given: an option that would not be used is refused
    for flag, meaning in (
        ("rounds", "training rounds"),
        ("rank-rounds", "rankings"),
        ("startup-rounds", "data set creations"),
        ("batches", "batches in a training round"),
    ):
        how.add_argument(f"--{flag}", type=int, help=f"{meaning} ({_COUNTS[flag]})")
    how.add_argument("--full-epoch", action="store_true", help="an epoch in a training round")
    how.add_argument("--batch-size", type=int, default=1024, help="targets in a batch (1024)")
    how.add_argument(
        "--evaluation-rows",
        type=int,
        help="rows in a ranking batch (2048, on generated data fewer if many items)",
    )
    how.add_argument("--rank-rows", type=int, help="validation rows that are ranked (all)")
    how.add_argument("--seed", type=int, default=2020, help="of models and batches (2020)")

    where = parser.add_argument_group("machine")
    where.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    where.add_argument("--threads", type=int, help="CPU threads (all cores of this process)")
    where.add_argument("--amp", action="store_true", help="bfloat16 autocast in training")
    where.add_argument(
        "--compile",
        action="store_true",
        help="torch.compile of CAMMSR's history encoder, of the loss of the others",
    )
    where.add_argument(
        "--output", default="benchmark_speed", metavar="FOLDER", help="results, generated data"
    )
    return parser


def size_of(options: argparse.Namespace) -> DataSize | None:
    """Size of the generated data; None where a real set is asked for.

    Args:
        options: parsed.

    Raises:
        UsageError: both kinds of data are asked for, or neither.
    """
    given = {key: getattr(options, key) for key in _SIZE_FLAGS if getattr(options, key) is not None}
    if options.data_seed is not None:
        given["seed"] = options.data_seed
    generated = bool(given or options.preset or options.scale_items)
    if options.dataset is not None:
        if generated:
            raise UsageError("--dataset names a real set; leave out the flags of generated data")
        return None
    if options.data_path is not None or options.config_files:
        raise UsageError("--data-path and --config-files belong to --dataset")
    if not generated:
        raise UsageError("name the data: --dataset, --preset games, or --users, --items, ...")
    base = PRESETS[options.preset or "games"]
    if options.preset is None and options.scale_items is None:
        missing = [key for key in ("users", "items", "interactions") if key not in given]
        if missing:
            raise UsageError(
                f"generated data without --preset needs --{missing[0]} too (users, items and "
                f"interactions)"
            )
    unknown = set(given) - {field.name for field in fields(DataSize)}
    if unknown:
        raise UsageError(f"no such property of generated data: {sorted(unknown)[0]}")
    return replace(base, **given)


def conditions_of(options: argparse.Namespace) -> Conditions:
    """What all contenders share.

    Args:
        options: parsed.

    Raises:
        UsageError: a count below 1, or a device that is not there.
    """
    if options.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise UsageError("--device cuda: torch sees no CUDA device here; leave --device out")
    cores = getattr(os, "sched_getaffinity", None)
    available = len(cores(0)) if cores is not None else os.cpu_count() or 1
    return Conditions(
        device=options.device,
        threads=_positive_or_none("threads", options.threads) or available,
        amp=options.amp,
        compile=options.compile,
        batch_size=_positive("batch-size", options.batch_size),
        evaluation_rows=_positive_or_none("evaluation-rows", options.evaluation_rows),
        rank_rows=_positive_or_none("rank-rows", options.rank_rows),
        seed=options.seed,
    )


def plan_of(options: argparse.Namespace) -> Plan:
    """How much is measured.

    Args:
        options: parsed.

    Raises:
        UsageError: an unknown stage, or a count below 1.
    """
    stages = list(STAGES) if options.measure is None else _names(options.measure)
    wrong = [stage for stage in stages if stage not in STAGES]
    if wrong or not stages:
        raise UsageError(f"--measure takes {', '.join(STAGES)}, not {(wrong or ['nothing'])[0]}")
    startup_rounds = _count("startup-rounds", options.startup_rounds)
    if options.scale_items is not None:  # the largest catalogue takes minutes to read
        stages, startup_rounds = ["startup", "train"], 1
    return Plan(
        rounds=_count("rounds", options.rounds),
        rank_rounds=_count("rank-rounds", options.rank_rounds),
        startup_rounds=startup_rounds,
        batches=None if options.full_epoch else _count("batches", options.batches),
        stages=stages,
        floors=options.models is None or FLOORS in _names(options.models),
    )


def models_of(options: argparse.Namespace) -> list[str]:
    """Keys of the contenders; HM4SR only where a checkout is named.

    Args:
        options: parsed.

    Raises:
        UsageError: HM4SR is asked for without a checkout, floors without a packed CAMMSR, or
            nothing.
    """
    if options.models is None:
        names = ["cammsr"] if options.scale_items else list(CONTENDERS)
        if options.hm4sr is None or options.scale_items:
            names = [name for name in names if name != "hm4sr"]
        return names
    names = [name for name in _names(options.models) if name != FLOORS]
    if "hm4sr" in names and options.hm4sr is None:
        raise UsageError("--models names hm4sr: point --hm4sr at a checkout of it")
    packed = "cammsr" in names or options.variant
    if FLOORS in _names(options.models) and not packed:
        raise UsageError(
            f"--models={options.models} names floors, which have the shapes of CAMMSR's packed "
            "batches: name cammsr too"
        )
    if not names:
        raise UsageError("--models names no model; leave it out for all of them")
    return names


def catalogue_sizes(text: str) -> list[int]:
    """Sizes of ``--scale-items``.

    Args:
        text: numbers and commas.

    Raises:
        UsageError: something else.
    """
    try:
        sizes = [int(part.replace("_", "")) for part in _names(text)]
    except ValueError as error:
        raise UsageError(f"--scale-items takes whole numbers and commas, not {text!r}") from error
    if not sizes or min(sizes) < 1:
        raise UsageError(f"--scale-items takes sizes of 1 or more, not {text!r}")
    return sizes


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _count(flag: str, value: int | None) -> int:
    return _COUNTS[flag] if value is None else _positive(flag, value)


def _positive_or_none(flag: str, value: int | None) -> int | None:
    return None if value is None else _positive(flag, value)


def _positive(flag: str, value: int) -> int:
    if value < 1:
        raise UsageError(f"--{flag} must be 1 or more, not {value}")
    return value
