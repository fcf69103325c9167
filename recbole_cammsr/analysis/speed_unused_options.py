"""Options of the speed benchmark that would be taken and change nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from recbole_cammsr.run.errors import UsageError

#: options that one stage reads
_OF_STAGE = {
    "startup": ("startup_rounds",),
    "train": ("rounds", "batches", "full_epoch"),
    "rank": ("rank_rounds", "rank_rows", "evaluation_rows"),
}
#: what a series over the catalogue decides by itself
_DECIDED_BY_SERIES = ("measure", *_OF_STAGE["startup"], *_OF_STAGE["rank"])


def refuse_unused(
    options: argparse.Namespace, stages: Sequence[str], models: Sequence[str], floors: bool
) -> None:
    """Refuse an option whose reader would take the figures for what they are not.

    Args:
        options: parsed; an option that was not given is None, False or empty.
        stages: that are measured.
        models: keys of the contenders.
        floors: whether the floors are among them.

    Raises:
        UsageError: names the option, and what it belongs to.
    """
    if options.scale_items is None:
        _refuse_other_stages(options, stages)
        if options.no_plots:
            raise UsageError("--no-plots belongs to --scale-items: only a series has figures")
        if floors and options.models is not None and "train" not in stages:
            raise UsageError(
                "--models names floors, which are of training, but --measure leaves train out"
            )
    else:
        for name in _DECIDED_BY_SERIES:
            if _is_given(options, name):
                raise UsageError(
                    f"{_flag(name)} does not go with --scale-items, which creates every data set "
                    "once, trains, and ranks nothing; leave it out"
                )
    if options.full_epoch and options.batches is not None:
        raise UsageError(
            "--full-epoch trains whole epochs and --batches a part of one; give one of them"
        )
    if options.hm4sr is not None and "hm4sr" not in models:
        raise UsageError(
            f"--hm4sr={options.hm4sr} is of a model that is not measured; name hm4sr in --models, "
            "or leave --hm4sr out"
        )
    if options.set and not options.variant and not {"cammsr", "cammsr-classic"} & set(models):
        raise UsageError(
            f"--set {options.set[0]} is of CAMMSR, which is not measured; name cammsr in --models, "
            "or leave --set out"
        )


def _refuse_other_stages(options: argparse.Namespace, stages: Sequence[str]) -> None:
    for stage, names in _OF_STAGE.items():
        for name in names:
            if stage not in stages and _is_given(options, name):
                raise UsageError(
                    f"{_flag(name)} is of {stage}, but --measure={options.measure} leaves {stage} "
                    "out; add it there, or leave the option out"
                )


def _is_given(options: argparse.Namespace, name: str) -> bool:
    value = getattr(options, name)
    return value is not None and value is not False


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
