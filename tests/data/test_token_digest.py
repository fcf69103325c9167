"""A checkpoint is not opened on other users or items, nor unsaid on other interactions."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_cammsr.cli import evaluation
from recbole_cammsr.data import token_digest
from recbole_cammsr.run import checkpoints
from recbole_cammsr.run.errors import RunError


def train(make_data: Any, model: str) -> str:
    from recbole.utils import get_model, get_trainer

    config, _, (train, valid, _) = make_data(model, epochs=1)
    network = get_model(config["model"])(config, train.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, network)
    trainer.fit(train, valid, saved=True)
    return str(trainer.saved_model_file)


def shuffle(path: Path, seed: int) -> None:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    random.Random(seed).shuffle(lines)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def test_users_and_items_have_numbers_of_their_own() -> None:
    """Those of users alone, or of items alone, are other numbers too."""

    def noted(users: str, items: str) -> dict[str, Any]:
        tokens = {"user": users.split(), "item": items.split()}
        tokens = {field: np.array(["[PAD]", *names]) for field, names in tokens.items()}
        config: dict[str, Any] = {}
        fields = {"uid_field": "user", "iid_field": "item", "field2id_token": tokens}
        token_digest.note(config, SimpleNamespace(**fields, inter_feat=pd.DataFrame()))
        return config

    before = noted("a b", "c d")
    assert not token_digest.differs(before, noted("a b", "c d"))
    for users, items in (("b a", "c d"), ("a b", "d c"), ("c d", "a b"), ("a b c", "d")):
        assert token_digest.differs(before, noted(users, items))


ROWS = {"user": [1, 1, 2], "item": [3, 1, 2], "day": [0.5, 1.0, 2.0], "past": [[], [3], [1, 2]]}


def noted_rows(**columns: Any) -> dict[str, Any]:
    config: dict[str, Any] = {}
    fields = {"uid_field": "user", "iid_field": "item", "field2id_token": {}}
    rows = pd.DataFrame({**ROWS, **columns})
    token_digest.note(config, SimpleNamespace(**fields, inter_feat=rows))
    return config


@pytest.mark.parametrize(
    "columns",
    [
        {"user": [1, 2, 2]},
        {"item": [1, 3, 2]},
        {"day": [0.5, 1.0, 2.5]},
        {"past": [[], [3], [2, 1]]},
        {"past": [[], [3, 1], [2]]},  # the same numbers, cut elsewhere
        {"more": [0, 0, 0]},
    ],
)
def test_interactions_differ_in_any_column(columns: dict[str, Any]) -> None:
    before, now = noted_rows(), noted_rows(**columns)
    assert token_digest.differs(before, now, token_digest.INTERACTIONS)
    assert not token_digest.differs(before, now)
    assert not token_digest.differs({token_digest.INTERACTIONS: None}, now, "interaction_digest")


def test_interactions_are_the_same_however_their_numbers_are_held() -> None:
    held = {
        "user": np.array(ROWS["user"], dtype=np.int32),
        "day": np.array(ROWS["day"], dtype=np.float32),
        "past": [np.array(past, dtype=np.int32) for past in ROWS["past"]],
    }
    assert not token_digest.differs(noted_rows(), noted_rows(**held), token_digest.INTERACTIONS)


@pytest.mark.parametrize("model", ["SASRec", "CAMMSR"])
def test_other_interactions_of_the_same_users_and_items_are_told_of(
    make_data: Any, make_config: Any, toy_path: Path, caplog: pytest.LogCaptureFixture, model: str
) -> None:
    from recbole.data import create_dataset

    path = train(make_data, model)
    told = "trained on other interactions of the same users and items"
    before = evaluation.evaluate(path).test
    assert told not in caplog.text
    inter = toy_path / "toy" / "toy.inter"
    lines = inter.read_text(encoding="utf-8").splitlines()
    user, item, _ = lines[-1].split("\t")
    assert sum(line.startswith(f"{user}\t") for line in lines) > 1
    assert sum(f"\t{item}\t" in line for line in lines) > 1
    inter.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")  # the last names nobody first
    evaluation.evaluate(path)
    assert caplog.text.count(told) == 1
    config = make_config(model, epochs=2)
    create_dataset(config)
    checkpoints.check_goes_on(config, path)
    assert caplog.text.count(told) == 2
    inter.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert evaluation.evaluate(path).test == before
    assert caplog.text.count(told) == 2


def test_lines_in_another_order_are_refused(make_data: Any, toy_path: Path) -> None:
    path = train(make_data, "SASRec")
    before = evaluation.evaluate(path).test
    inter = toy_path / "toy" / "toy.inter"
    text = inter.read_text(encoding="utf-8")
    shuffle(inter, seed=1)
    with pytest.raises(RunError, match=r"other users or items, .* another order.*toy\.inter"):
        evaluation.evaluate(path)
    inter.write_text(text, encoding="utf-8")
    assert evaluation.evaluate(path).test == before


def test_a_run_does_not_go_on_with_them_either(make_data: Any, make_config: Any, toy_path: Path):
    from recbole.data import create_dataset

    path = train(make_data, "SASRec")
    config = make_config("SASRec", epochs=1)
    create_dataset(config)
    checkpoints.check_goes_on(config, path)
    shuffle(toy_path / "toy" / "toy.inter", seed=1)
    create_dataset(config)
    with pytest.raises(RunError, match="another order"):
        checkpoints.check_goes_on(config, path)


def test_a_checkpoint_without_a_digest_is_opened(
    make_data: Any, toy_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_digest, "note", lambda config, dataset: None)
    path = train(make_data, "SASRec")
    monkeypatch.undo()
    assert evaluation.evaluate(path).test


def test_the_setting_is_named_where_one_is_the_cause(make_data: Any, make_config: Any):
    from recbole.data import create_dataset

    path = train(make_data, "SASRec")
    config = make_config("SASRec", rm_dup_inter="first", item_inter_num_interval="[3,inf)")
    create_dataset(config)
    config["data_path"] = f"{config['data_path']}/."  # the same folder, written otherwise
    says = (
        r"was trained with rm_dup_inter: None, not first and item_inter_num_interval: \[0,inf\), "
        r"not \[3,inf\), which makes other users or items"
    )
    with pytest.raises(RunError, match=says):
        checkpoints.check_goes_on(config, path)


@pytest.mark.parametrize("model", ["SASRec", "CAMMSR"])
def test_data_that_were_moved_are_taken_and_others_refused(
    make_data: Any, toy_path: Path, tmp_path: Path, model: str
):
    path = train(make_data, model)
    before = evaluation.evaluate(path).test
    toy_path.rename(tmp_path / "moved")
    changed = evaluation.changes({"data_path": f"{tmp_path / 'moved'}", "state": "ERROR"})
    assert evaluation.evaluate(path, changed).test == before
    others = tmp_path / "others" / "toy"
    shutil.copytree(tmp_path / "moved" / "toy", others)
    header, *lines = (others / "toy.inter").read_text().splitlines()
    for kept in (lines[::-1], lines[:60]):  # other numbers, and fewer of them
        (others / "toy.inter").write_text("\n".join([header, *kept]) + "\n")
        with pytest.raises(RunError, match=r"was trained with data_path: .*toy, not .*others/toy,"):
            evaluation.evaluate(path, {"data_path": str(others.parent)})


def test_the_device_is_the_one_that_is_asked_for(make_data: Any, monkeypatch: pytest.MonkeyPatch):
    path = train(make_data, "SASRec")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    config, *_ = checkpoints.open_checkpoint(path, evaluation.changes({"gpu_id": (1, 2)}))
    assert (config["gpu_id"], os.environ["CUDA_VISIBLE_DEVICES"]) == ("1,2", "1,2")
    assert config["device"].type == "cpu"  # where there is no other
