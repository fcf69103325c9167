"""The rounds of the benchmark: every contender works once a round, in an order that changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recbole_cammsr.analysis import speed_floors
from recbole_cammsr.analysis.speed_contenders import PACKED, Conditions, Contender
from recbole_cammsr.analysis.speed_floors import FloorRun
from recbole_cammsr.analysis.speed_meter import Stretch
from recbole_cammsr.analysis.speed_model import Description, ModelRun
from recbole_cammsr.analysis.speed_pool import Worker, WorkerError
from recbole_cammsr.analysis.speed_sources import DataSource

STAGES = ("startup", "train", "rank")


@dataclass
class Record:
    """Everything measured of one contender or floor.

    Attributes:
        name: in the table.
        description: what an epoch and a ranking are; None where it failed before.
        start_up: data set creations.
        train: training stretches, one a round.
        rank: rankings, one a round.
        failure: why it is incomplete.
        trace: the traceback of that.
    """

    name: str
    description: Description | None = None
    start_up: list[Stretch] = field(default_factory=list)
    train: list[Stretch] = field(default_factory=list)
    rank: list[Stretch] = field(default_factory=list)
    failure: str | None = None
    trace: str = ""

    def fail(self, error: WorkerError) -> None:
        """Note why nothing more is measured here."""
        self.failure, self.trace = str(error), error.trace


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: training rounds.
        rank_rounds: ranking rounds.
        startup_rounds: data set creations.
        batches: batches of one contender in one training round; None is an epoch.
        stages: which of :data:`STAGES`; start-up happens anyway, once.
        floors: whether the floors are measured.
    """

    rounds: int
    rank_rounds: int
    startup_rounds: int
    batches: int | None
    stages: Sequence[str] = STAGES
    floors: bool = True


@dataclass
class _Turn:
    """One line of the table and the calls that measure it."""

    record: Record
    worker: Worker

    def attempt(self, method: str, *arguments: object) -> Stretch | Description | None:
        """Call the worker; a failure is noted and ends this line's turns."""
        if self.record.failure is not None:
            return None
        try:
            result: Stretch | Description | None = self.worker.call(method, *arguments)
        except WorkerError as error:
            self.record.fail(error)
            return None
        return result


def measure(
    entries: Sequence[Contender],
    source: DataSource,
    conditions: Conditions,
    plan: Plan,
    say: Callable[[str], None],
    records: list[Record] | None = None,
) -> list[Record]:
    """Run the rounds.

    Args:
        entries: contenders, each of which gets a process, as each floor does.
        source: the data.
        conditions: what all share.
        plan: how much.
        say: receives a line of progress now and then.
        records: an empty list that is filled and returned; who has it keeps what was measured
            before an interruption.

    Returns:
        A record of every contender in order, then of the floors.
    """
    records = [] if records is None else records
    records += [Record(entry.name) for entry in entries]
    turns: list[_Turn] = []
    workers: list[Worker] = []
    try:
        for record, entry in zip(records, entries):
            say(f"starting {entry.name}")
            try:
                workers.append(Worker(entry.name, ModelRun, (entry, source, conditions)))
            except WorkerError as error:
                record.fail(error)
                continue
            turns.append(_Turn(record, workers[-1]))
        models = list(turns)
        shuffle = random.Random(conditions.seed)
        _start_up(models, plan, shuffle, say)
        if "train" in plan.stages and plan.floors:
            floors, floor_turns = _floors(models, conditions, workers, say)
            records += floors
            turns += floor_turns
        if "train" in plan.stages:
            _train(turns, plan, shuffle, say)
        if "rank" in plan.stages:
            _rank(models, plan, shuffle, say)
    finally:
        for worker in workers:
            worker.close()
    return records


def _start_up(
    turns: Sequence[_Turn], plan: Plan, shuffle: random.Random, say: Callable[[str], None]
) -> None:
    rounds = plan.startup_rounds if "startup" in plan.stages else 1
    for number in range(rounds):
        say(f"start-up, round {number + 1} of {rounds}")
        for turn in shuffle.sample(turns, len(turns)):
            stretch = turn.attempt("start_up")
            if isinstance(stretch, Stretch):
                turn.record.start_up.append(stretch)
    if not {"train", "rank"} & set(plan.stages):
        return
    for turn in turns:
        described = turn.attempt("describe")
        if isinstance(described, Description):
            turn.record.description = described


def _floors(
    turns: Sequence[_Turn],
    conditions: Conditions,
    workers: list[Worker],
    say: Callable[[str], None],
) -> tuple[list[Record], list[_Turn]]:
    """Floors of the first contender that trains packed rows."""
    packed = [
        turn.record.description
        for turn in turns
        if turn.record.description is not None and turn.record.description.shapes
    ]
    if not packed:
        say(f"no floors: {PACKED} is not measured")
        return [], []
    description = packed[0]
    names = [speed_floors.SOFTMAX_FUSED, speed_floors.ENCODER]
    largest = max(targets for _, _, targets in description.shapes) * description.items
    if largest <= speed_floors.MOST_PLAIN_LOGITS:
        names.insert(0, speed_floors.SOFTMAX_PLAIN)
    bare = Description(description.items, description.targets, 0, 0.0)
    records = [Record(name, bare) for name in names]
    inputs = (description.shapes, description.items, description.encoder, conditions)
    floor_turns = []
    for record in records:
        try:  # in one common process each floor's memory would hold what the others have freed
            workers.append(Worker(record.name, FloorRun, (record.name, *inputs)))
        except WorkerError as error:
            record.fail(error)
            continue
        floor_turns.append(_Turn(record, workers[-1]))
    return records, floor_turns


def _train(
    turns: Sequence[_Turn], plan: Plan, shuffle: random.Random, say: Callable[[str], None]
) -> None:
    for number in range(plan.rounds):
        say(f"training, round {number + 1} of {plan.rounds}")
        for turn in shuffle.sample(turns, len(turns)):
            turn.attempt("warm_up")
            stretch = turn.attempt("train", plan.batches)
            if isinstance(stretch, Stretch):
                turn.record.train.append(stretch)


def _rank(
    turns: Sequence[_Turn], plan: Plan, shuffle: random.Random, say: Callable[[str], None]
) -> None:
    for number in range(plan.rank_rounds):
        say(f"ranking, round {number + 1} of {plan.rank_rounds}")
        for turn in shuffle.sample(turns, len(turns)):
            stretch = turn.attempt("rank")
            if isinstance(stretch, Stretch):
                turn.record.rank.append(stretch)
