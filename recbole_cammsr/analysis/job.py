"""One training run of an experiment: what it is, under which name it is kept, what comes out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: validation only: the test split is not even ranked
TUNE = "tune"
#: validation and, once, the test split
TEST = "test"


@dataclass(frozen=True)
class TrainingJob:
    """A model on a data set with one seed and one set of settings.

    Attributes:
        model: name of a RecBole model.
        dataset: name of the data set.
        seed: of RecBole, and of the corruption.
        settings: for RecBole's ``config_dict``; plain JSON values.
        stage: :data:`TUNE` or :data:`TEST`.
        corruption: what is done to the item side before training
            (:mod:`recbole_cammsr.analysis.corruption`), empty for nothing.
    """

    model: str
    dataset: str
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    stage: str = TEST
    corruption: Mapping[str, float] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Digest of everything that the result depends on, besides code and data."""
        canonical = json.dumps(asdict(self), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """File name without extension: readable, and unique by its fingerprint."""
        model = re.sub(r"[^\w.-]", "_", self.model)
        return f"{model}-{self.stage}-seed{self.seed}-{self.fingerprint}"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrainingJob:
        """From what :meth:`to_json` gave."""
        return cls(**content)


@dataclass(frozen=True)
class JobResult:
    """What a finished job leaves behind, besides its ranks.

    Attributes:
        job: which one.
        valid: best validation metrics as RecBole reports them.
        test: test metrics of the best checkpoint, from unrounded ranks where the metric is one of
            a single user's; empty for :data:`TUNE`.
        valid_metric: the metric that chose the checkpoint.
        bigger_is_better: its direction.
        epochs: epochs trained.
        best_epoch: the one that was kept, counted from 1; None for models without epochs.
        cost: measurements that differ from run to run, or describe the machine: seconds, bytes,
            floating-point operations.
        code: digest of the package's model and data code.
        data: file of the data set to its digest; empty in results of earlier versions.
        diverged: of a :data:`TUNE` job whose loss or scores became NaN, the sentence on it; such a
            result has no metrics, and stands so that the job is not made again.
        memory_of: whose peak memory the cost has, ``process`` or ``device``; empty in results of
            earlier versions.
    """

    job: TrainingJob
    valid: Mapping[str, float]
    test: Mapping[str, float]
    valid_metric: str
    bigger_is_better: bool
    epochs: int
    best_epoch: int | None
    cost: Mapping[str, float | None]
    code: str
    data: Mapping[str, str] = field(default_factory=dict)
    diverged: str = ""
    memory_of: str = ""

    @property
    def score(self) -> float:
        """The best value of the metric that chooses; larger is better, -inf where there is none."""
        if self.valid_metric not in self.valid:
            return float("-inf")
        value = self.valid[self.valid_metric]
        return value if self.bigger_is_better else -value

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"fingerprint": self.job.fingerprint, **asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> JobResult:
        """From what :meth:`to_json` gave.

        Raises:
            ValueError: the content is no result, or its job does not match its fingerprint.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"not the result of a job (its whole content is {content!r:.40})")
        values = dict(content)
        try:
            fingerprint = values.pop("fingerprint")
            job = TrainingJob.from_json(values.pop("job"))
            result = cls(job=job, **values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the result of a job ({error})") from error
        if job.fingerprint != fingerprint:
            raise ValueError(f"its job has the fingerprint {job.fingerprint}, not {fingerprint}")
        for name in ("valid", "test", "cost", "data"):
            if not isinstance(getattr(result, name), Mapping):
                raise ValueError(f"its {name!r} is {getattr(result, name)!r:.40}, not an object")
        for metric, value in {**result.valid, **result.test}.items():
            if not isinstance(value, (int, float)):
                raise ValueError(f"its metric {metric!r} is {value!r:.40}, not a number")
        return result
