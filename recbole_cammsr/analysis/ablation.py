"""Experiments around one model: parts switched off, damaged inputs, other values of a setting.

Each function gives an :class:`~recbole_cammsr.analysis.experiment.Experiment` whose first contender
is the full model, so that all of them share the full model's runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recbole_cammsr import default_settings, registry
from recbole_cammsr.analysis.corruption import CATEGORY_NOISE, MISSING
from recbole_cammsr.analysis.experiment import Contender, Experiment
from recbole_cammsr.data.settings import modality_names, named_files
from recbole_cammsr.run import config_files, known_settings, protocol

FULL = "CAMMSR"

_PLAIN_SUM = {"fusion": "sum", "category_weight": 0, "swap_weight": 0}
_COMPONENTS: dict[str, dict[str, Any]] = {
    "without CAMoE": {"fusion": "sum"},
    "without category guidance": {"category_weight": 0},
    "without modality swap": {"swap_weight": 0},
    "plain sum (none of the three)": _PLAIN_SUM,
}
_TIMES = "times of the history as experts"
_SCALES = ("without history scale", "items of the history scaled")
#: settings that are replaced rather than switched off: value in use -> (label, changes); the first
#: line is taken for a value that is not listed
_OTHERS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "history_scale": {
        "0.1": (_SCALES[0], {"history_scale": 0}),
        "0": (_SCALES[1], {"history_scale": 0.1}),
    },
    "position_encoding": {
        "relative": ("absolute positions", {"position_encoding": "absolute"}),
        "absolute": ("relative positions", {"position_encoding": "relative"}),
    },
    "norm_first": {
        "False": ("norms before the residual sums", {"norm_first": True}),
        "True": ("norms after the residual sums", {"norm_first": False}),
    },
    # DyT is meant to stand beside the residual path, and on it loses (docs/model.md eq. 8)
    "norm": {
        "layernorm": ("DyT before the residual sums", {"norm": "dyt", "norm_first": True}),
        "dyt": ("LayerNorm for DyT", {"norm": "layernorm"}),
    },
    "time_encoding": {
        "none": (_TIMES, {"time_encoding": "experts"}),
        "interval": ("without times", {"time_encoding": "none"}),
        "experts": ("without times", {"time_encoding": "none"}),
    },
}

#: what the tables call a kind of damage
_DAMAGES = {CATEGORY_NOISE: "wrong labels", MISSING: "missing"}

#: RecBole's own files for a sequential model, beside its defaults; None is the data set's
_RECBOLES_FILES = (("quick_start_config", "sequential"), ("dataset", None), ("dataset", "sample"))


@dataclass(frozen=True)
class Base:
    """What every run of an ablation has in common.

    Attributes:
        dataset: name.
        settings: of every model, e.g. the data path or the number of epochs.
        model_settings: of CAMMSR alone, e.g. what tuning chose.
        seeds: each variant runs once with each.
        baselines: RecBole models that are shown beside.
        metrics: columns of the tables, empty for all; the first one of single users, such as NDCG,
            is tested and drawn.
    """

    dataset: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    model_settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: Sequence[int] = (1,)
    baselines: Sequence[str] = ()
    metrics: Sequence[str] = ()

    def value(self, name: str) -> Any:
        """What CAMMSR reads for a setting: from these settings, else from the files with defaults.

        Later files win where a run is configured (:mod:`recbole_cammsr.registry`), so the last of
        them is looked at first.
        """
        for settings in (self.model_settings, self.settings):
            if name in settings:
                return settings[name]
        for kind, key in (("dataset", self.dataset), ("model", FULL)):
            path = default_settings.properties_file(kind, key)
            if path is not None:
                content = config_files.read(path)
                if name in content:
                    return content[name]
        for folder, file in _RECBOLES_FILES:
            content = protocol.recboles_settings(folder, file or self.dataset)
            if name in content:
                return content[name]
        return known_settings.defaults().get(name)

    def variant(self, label: str, changes: Mapping[str, Any]) -> Contender:
        """CAMMSR with some settings changed."""
        return Contender(label, FULL, {**self.model_settings, **changes})

    def others(self) -> list[Contender]:
        """The baselines."""
        return [Contender(name, name) for name in self.baselines]

    def experiment(self, name: str, contenders: Sequence[Contender]) -> Experiment:
        """An experiment on the data set with the full model as reference.

        Raises:
            ValueError: two contenders have one label; results are told apart by it.
        """
        labels = [one.label for one in contenders]
        twice = [label for label in labels if labels.count(label) > 1]
        if twice:
            raise ValueError(
                f"{name}: two of the runs to compare would be called {twice[0]!r}; leave one out"
            )
        return Experiment(
            name=f"{name} on {self.dataset}",
            datasets={self.dataset: dict(self.settings)},
            contenders=contenders,
            seeds=self.seeds,
            reference=contenders[0].label,
            metrics=self.metrics,
        )


def components(base: Base) -> Experiment:
    """CAMoE, guidance, swap off one by one and together; other scales, positions, norms, times."""
    variants = dict(_COMPONENTS)
    for name, others in _OTHERS.items():
        label, changes = others.get(_as_text(base.value(name)), next(iter(others.values())))
        variants[label] = changes
    if base.value("benchmark_filename"):
        variants.pop(_TIMES, None)  # pre-split data has no times of histories
    if base.value("time_encoding") == "experts":
        for label in _SCALES:
            variants.pop(label, None)  # they scale the histories' items themselves
    contenders = [base.variant(FULL, {})]
    contenders += [base.variant(label, changes) for label, changes in variants.items()]
    return base.experiment("Components of CAMMSR", [*contenders, *base.others()])


def modalities(base: Base) -> Experiment:
    """Every modality left out, and every modality alone.

    Raises:
        ValueError: the data set has no content modality.
    """
    contents = _contents(base)
    contenders = [base.variant(FULL, {})]
    for name in contents:
        rest = [other for other in contents if other != name]
        contenders.append(base.variant(f"without {name}", _only(base, rest)))
    contenders.append(base.variant("without ID", {"use_id": False}))
    if len(contents) > 1:
        for name in contents:
            changes = {**_only(base, [name]), "use_id": False}
            contenders.append(base.variant(f"{name} alone", changes))
    contenders.append(base.variant("ID alone", {**_only(base, []), **_PLAIN_SUM, "use_id": True}))
    return base.experiment("Modalities of CAMMSR", [*contenders, *base.others()])


def damage(base: Base, kind: str, shares: Sequence[float]) -> Experiment:
    """Wrong category labels or missing modalities in several shares of the items.

    Baselines that read what is damaged meet the same damage; the others, such as all of RecBole's
    own, run once.

    Args:
        base: of the ablation.
        kind: of :mod:`recbole_cammsr.analysis.corruption`.
        shares: each 0 to 1; 0, the full model, is always among them.

    Raises:
        ValueError: the data set has nothing that could be damaged.
    """
    if kind == MISSING:
        _contents(base)
    elif not base.value("category_field"):
        raise ValueError(f"{base.dataset} has no `category_field`, so no label can be wrong")
    contenders = []
    for share in sorted({0.0, *shares}):
        damaged = {kind: share} if share else {}
        contenders.append(
            Contender(
                damage_label(FULL, kind, share), FULL, base.model_settings, corruption=damaged
            )
        )
        for name in base.baselines:
            meets = _reads(name, kind)
            if meets or not share:
                label = damage_label(name, kind, share) if meets else name
                contenders.append(Contender(label, name, corruption=damaged))
    title = {CATEGORY_NOISE: "Wrong category labels", MISSING: "Missing modalities"}[kind]
    return base.experiment(title, contenders)


def _reads(model: str, kind: str) -> bool:
    """Whether a model reads what a kind of damage hits: features, or category labels."""
    ours = registry.family_of_name(model)
    path = None if ours is None else default_settings.properties_file("model", ours)
    if path is None:  # one of RecBole's own, or inherits from it
        return False
    return kind != CATEGORY_NOISE or "category_field" in config_files.read(path)


def damage_label(model: str, kind: str, share: float) -> str:
    """What the tables call a model that met a share of damage."""
    return f"{model}, {100 * share:g} % {_DAMAGES[kind]}" if share else model


def sweep(base: Base, name: str, values: Sequence[Any]) -> Experiment:
    """Other values of a setting.

    Args:
        base: of the ablation.
        name: of a setting of CAMMSR.
        values: to try beside the present one; equal ones once.
    """
    present = base.value(name)
    tried = [present]
    contenders = [base.variant(sweep_label(name, present), {})]
    for value in values:
        if value not in tried:
            tried.append(value)
            contenders.append(base.variant(sweep_label(name, value), {name: value}))
    return base.experiment(f"CAMMSR over {name}", [*contenders, *base.others()])


def sweep_label(name: str, value: Any) -> str:
    """What the table calls a value of a setting."""
    return f"{name}={value}"


def _as_text(value: Any) -> str:
    """How :data:`_OTHERS` writes a value; 0.0 is 0."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if is_number else str(value)


def _contents(base: Base) -> list[str]:
    contents = list(modality_names(base.value("modalities")))
    if not contents:
        raise ValueError(
            f"{base.dataset} has no content modality: name some in `modalities` to leave them out"
        )
    return contents


def _only(base: Base, contents: Sequence[str]) -> dict[str, Any]:
    """Settings for some content modalities; files of the others must not be named."""
    changes: dict[str, Any] = {"modalities": list(contents)}
    named = named_files(base.value("modality_files"))
    if named is not None:
        changes["modality_files"] = {k: v for k, v in named.items() if k in contents} or None
    return changes
