"""What the speed benchmark would not use is refused, and what it would is taken."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis import speed_options
from recbole_cammsr.analysis.speed_unused_options import refuse_unused
from recbole_cammsr.run.errors import UsageError

SERIES = "--scale-items 50,500"


def check(command: str) -> None:
    options = speed_options.make_parser().parse_args(command.split())
    plan, models = speed_options.plan_of(options), speed_options.models_of(options)
    refuse_unused(options, plan.stages, models, plan.floors)


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (f"{SERIES} --measure rank", "--measure does not go with --scale-items"),
        (f"{SERIES} --rank-rows 7", "--rank-rows does not go with"),
        (f"{SERIES} --rank-rounds 7", "--rank-rounds does not go with"),
        (f"{SERIES} --evaluation-rows 7", "--evaluation-rows does not go with"),
        (f"{SERIES} --startup-rounds 9", "--startup-rounds does not go with"),
        (f"{SERIES} --hm4sr x", "--hm4sr=x is of a model that is not measured"),
        ("--full-epoch --batches 7", "give one of them"),
        ("--dataset ml-100k --no-plots", "--no-plots belongs to --scale-items"),
        ("--models cammsr,sasrec --hm4sr x", "--hm4sr=x is of a model that is not measured"),
        ("--models sasrec --set n_layers=1", "--set n_layers=1 is of CAMMSR"),
        ("--measure train --rank-rows 7", "--rank-rows is of rank, but --measure=train leaves"),
        ("--measure rank --full-epoch", "--full-epoch is of train"),
        ("--measure rank,train --startup-rounds 2", "--startup-rounds is of startup"),
        ("--models cammsr,floors --measure rank", "--models names floors"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(command: str, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        check(command)


@pytest.mark.parametrize(
    "command",
    [
        f"{SERIES} --rounds 2 --batches 2 --set n_layers=1 --no-plots",
        f"{SERIES} --full-epoch --models hm4sr --hm4sr x",
        "--preset games --hm4sr x --rank-rows 7 --evaluation-rows 7 --startup-rounds 1",
        "--models sasrec --set n_layers=1 --variant more:swap_weight=0",
        "--models cammsr-classic --set n_layers=1 --measure startup --startup-rounds 1",
        "--measure rank --rank-rows 7 --rank-rounds 1",
        "--measure train --full-epoch --rounds 1",
    ],
)
def test_options_that_are_used_are_taken(command: str) -> None:
    check(command)
