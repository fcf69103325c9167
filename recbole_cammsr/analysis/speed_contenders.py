"""What the speed benchmark compares: models, their settings, and the data they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from recbole_cammsr.analysis.speed_sources import DataSource

#: scores of one ranking batch at most, unless the reader says how many rows a batch has
_MOST_SCORES = 1 << 26
_MOST_EVALUATION_ROWS = 2048
HM4SR = "HM4SR"


@dataclass(frozen=True)
class Conditions:
    """What all contenders share.

    Attributes:
        device: ``cpu`` or ``cuda``.
        threads: CPU threads of torch.
        amp: bfloat16 autocast in training.
        compile: ``torch.compile`` of CAMMSR's history encoder, of the loss of the others.
        batch_size: targets in a training batch.
        evaluation_rows: rows in a ranking batch; None chooses by the size of the catalogue.
        rank_rows: validation rows that are ranked, spread evenly over all; None ranks all.
        seed: RecBole's seed.
    """

    device: str = "cpu"
    threads: int = 1
    amp: bool = False
    compile: bool = False
    batch_size: int = 1024
    evaluation_rows: int | None = None
    rank_rows: int | None = None
    seed: int = 2020


@dataclass(frozen=True)
class Contender:
    """One model that is measured.

    Attributes:
        name: in the table.
        model: RecBole's name of it, or :data:`HM4SR`.
        settings: its own, over those of the data.
        checkout: HM4SR's folder.
    """

    name: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkout: str | None = None

    def with_settings(self, name: str, settings: Mapping[str, Any]) -> Contender:
        """The same model under another name with more settings."""
        return replace(self, name=name, settings={**self.settings, **settings})


PACKED, CLASSIC = "CAMMSR packed", "CAMMSR classic"
#: what ``--models`` may name
CONTENDERS: dict[str, Contender] = {
    "cammsr": Contender(PACKED, "CAMMSR", {"train_packing": True}),
    "cammsr-classic": Contender(CLASSIC, "CAMMSR", {"train_packing": False}),
    "sasrec": Contender("SASRec", "SASRec"),
    "gru4rec": Contender("GRU4Rec", "GRU4Rec"),
    "fdsa": Contender("FDSA", "FDSA"),
    "hm4sr": Contender(HM4SR, HM4SR),
}
#: measured only where they are named
ON_REQUEST: dict[str, Contender] = {
    f"{key}-{way}": CONTENDERS[key].with_settings(f"{CONTENDERS[key].name} {way}", {setting: True})
    for key in ("sasrec", "gru4rec", "fdsa")
    for way, setting in (("trimmed", "trim_padding"), ("packed", "train_packing"))
}


def chosen(
    names: Sequence[str],
    cammsr_settings: Mapping[str, Any],
    variants: Mapping[str, Mapping[str, Any]],
    checkout: str | None,
) -> list[Contender]:
    """Contenders in the order named, with the reader's settings.

    Args:
        names: keys of :data:`CONTENDERS` and :data:`ON_REQUEST`.
        cammsr_settings: for every CAMMSR.
        variants: further packed CAMMSRs by name, each with settings of its own.
        checkout: HM4SR's folder; without one HM4SR is left out.

    Returns:
        The contenders.

    Raises:
        ValueError: an unknown name, or two contenders of one name.
    """
    known = {**CONTENDERS, **ON_REQUEST}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"--models names {unknown[0]!r}; known are {', '.join(known)} and floors.")
    result = []
    for name in names:
        contender = known[name]
        if contender.model == "CAMMSR":
            contender = contender.with_settings(contender.name, cammsr_settings)
        if contender.model == HM4SR:
            if checkout is None:
                continue
            contender = replace(contender, checkout=checkout)
        result.append(contender)
    packed = CONTENDERS["cammsr"].with_settings(PACKED, cammsr_settings)
    result += [packed.with_settings(f"CAMMSR {name}", own) for name, own in variants.items()]
    titles = [contender.name for contender in result]
    for title in titles:
        if titles.count(title) > 1:
            raise ValueError(f"{title!r} would be measured twice; name it once, or rename it.")
    return result


def settings_of(contender: Contender, source: DataSource, conditions: Conditions) -> dict[str, Any]:
    """RecBole's ``config_dict`` of one contender.

    Args:
        contender: the model.
        source: the data.
        conditions: what all share.

    Returns:
        Settings under which every contender trains the same targets and ranks the same candidates
        for the same rows.
    """
    settings = {**_data_settings(contender, source), **source.settings}
    if contender.model == "FDSA":
        settings.update(_item_feature(source, settings["load_col"]))
    if contender.model == HM4SR:
        settings["load_col"] = {"inter": list(settings["load_col"]["inter"])}
    settings.update(
        train_batch_size=conditions.batch_size,
        train_neg_sample_args=None,
        use_gpu=conditions.device.startswith("cuda"),
        enable_amp=conditions.amp,
        seed=conditions.seed,
        epochs=1,
        show_progress=False,
        state="ERROR",
    )
    if conditions.evaluation_rows is not None:
        settings["eval_batch_size"] = conditions.evaluation_rows
    elif source.size is not None:
        settings["eval_batch_size"] = evaluation_rows(source.size.items)
    else:
        settings["eval_batch_size"] = _MOST_EVALUATION_ROWS
    if contender.model == "CAMMSR":
        settings["compile_encoder"] = conditions.compile
    return {**settings, **contender.settings}


def evaluation_rows(items: int) -> int:
    """Rows of a ranking batch whose scores stay within 256 MiB."""
    return max(1, min(_MOST_EVALUATION_ROWS, _MOST_SCORES // items))


def _data_settings(contender: Contender, source: DataSource) -> dict[str, Any]:
    if source.size is None:
        from recbole_cammsr.run import protocol

        stock = "SASRec" if contender.model == HM4SR else contender.model
        settings = protocol.settings_for(stock, source.dataset, {})
        settings.setdefault("load_col", {"inter": ["user_id", "item_id", "timestamp"]})
    else:
        settings = {
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "eval_args": {
                "split": {"LS": "valid_and_test"},
                "order": "TO",
                "group_by": "user",
                "mode": "full",
            },
            "repeatable": True,
            "metrics": ["Recall", "NDCG", "MRR"],
            "topk": [5, 10, 20],
            "valid_metric": "NDCG@10",
        }
    if source.data_path is not None:
        settings["data_path"] = source.data_path
    if contender.model == "CAMMSR":
        settings["modalities"] = list(source.modalities)
        settings["category_field"] = source.category_field
        if source.category_field is None:
            settings["category_weight"] = 0
        if source.size is None:
            del settings["load_col"]  # the package's own file for the data set has it
    return settings


def _item_feature(source: DataSource, load_col: Mapping[str, Any]) -> dict[str, Any]:
    """FDSA reads the categories as an item feature."""
    if source.category_field is None:
        raise ValueError(
            f"FDSA needs an item feature, but data set {source.dataset!r} has no category field; "
            f"leave fdsa out of --models."
        )
    columns = {"inter": list(load_col["inter"]), "item": ["item_id", source.category_field]}
    return {"selected_features": [source.category_field], "load_col": columns}
