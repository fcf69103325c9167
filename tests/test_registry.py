"""Our names resolve inside RecBole, and nothing else there changes."""

from __future__ import annotations

import importlib
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import recbole_cammsr
from recbole_cammsr import registry

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])

MODEL_FILE = """
loss_type: CE
train_neg_sample_args: ~
epochs: 7
stopping_step: 7
learning_rate: 0.7
eval_step: 7
category_weight: 0.7
MAX_ITEM_LIST_LENGTH: 7
repeatable: False
"""
DATASET_FILE = """
stopping_step: 8
learning_rate: 0.8
eval_step: 8
load_col: {inter: [user_id, item_id, timestamp]}
"""
OURS_ONLY = ("modalities", "category_weight", "_own_files")


@pytest.fixture(autouse=True)
def _no_arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog"])  # Config reads the command line


@pytest.fixture
def own_files(tmp_path, monkeypatch):
    """Our properties folder, replaced by one with known content."""
    for kind, name, content in (
        ("model", "CAMMSR", MODEL_FILE),
        ("dataset", "ml-100k", DATASET_FILE),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.yaml").write_text(content)
    monkeypatch.setattr(registry, "PROPERTIES", str(tmp_path))
    return tmp_path


def config(model: str, dataset: str = "ml-100k", **settings):
    from recbole.config import Config

    return Config(model=model, dataset=dataset, config_dict=settings)


def in_new_process(code: str) -> str:
    path = os.pathsep.join(p for p in (ROOT, os.environ.get("PYTHONPATH", "")) if p)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_is_light():
    heavy = "{'torch', 'recbole', 'pandas', 'numpy', 'ray', 'scipy'}"
    code = f"import sys, recbole_cammsr; print(sorted({heavy} & set(sys.modules)))"
    assert in_new_process(code) == "[]"


def test_the_model_resolves_by_name():
    from recbole.utils import get_model

    assert get_model("CAMMSR") is importlib.import_module("recbole_cammsr.model.cammsr").CAMMSR


def test_other_models_and_unknown_names_take_recboles_way():
    from recbole.utils import get_model

    assert get_model("SASRec").__module__ == "recbole.model.sequential_recommender.sasrec"
    # ModuleNotFoundError where lightgbm is missing: RecBole imports it to look for the name
    with pytest.raises((ValueError, ModuleNotFoundError)):
        get_model("NoSuchModel")


def test_the_data_set_class_resolves_and_unknown_ones_do_not():
    module = importlib.import_module("recbole.data.dataset")
    own = importlib.import_module("recbole_cammsr.data.dataset").CAMMSRDataset
    assert module.CAMMSRDataset is own
    assert not hasattr(module, "SASRecDataset")


def test_a_second_registration_changes_nothing():
    module = importlib.import_module("recbole.config.configurator")
    before = (list(sys.meta_path), module.Config._load_internal_config_dict)
    registry.register()
    assert (list(sys.meta_path), module.Config._load_internal_config_dict) == before


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("epochs", 7, "our model file goes over RecBole's overall.yaml (300)"),
        ("category_weight", 0.7, "our model file"),
        ("MAX_ITEM_LIST_LENGTH", 50, "RecBole's data set file goes over our model file (7)"),
        ("repeatable", True, "RecBole's sequential settings go over our model file (False)"),
        ("stopping_step", 8, "our data set file goes over our model file (7)"),
        (
            "load_col",
            {"inter": ["user_id", "item_id", "timestamp"]},
            "our data set file goes over RecBole's (four columns)",
        ),
        ("learning_rate", 0.9, "the user's setting goes over all files"),
        ("eval_step", 10, "the command line goes over the user's setting"),
        ("seed", 2020, "overall.yaml where nobody else says anything"),
    ],
)
def test_order_of_files(own_files, monkeypatch, setting, value, why):
    monkeypatch.setattr(sys, "argv", ["prog", "--eval_step=10"])
    assert config("CAMMSR", learning_rate=0.9, eval_step=9)[setting] == value, why


def test_other_models_do_not_see_our_files(own_files):
    stock = config("BPR")
    assert (stock["epochs"], stock["stopping_step"]) == (300, 10)
    assert len(stock["load_col"]["inter"]) == 4


@pytest.mark.parametrize(
    ("model", "settings"), [("SASRec", {"train_neg_sample_args": None}), ("BPR", {}), ("FM", {})]
)
def test_our_configuration_leaves_no_trace_in_others(own_files, model, settings):
    before = config(model, **settings).final_config_dict
    config("CAMMSR")
    after = config(model, **settings)
    assert after.final_config_dict == before
    assert not [key for key in OURS_ONLY if key in after.final_config_dict]


def test_a_pickled_configuration_holds_only_what_recboles_does(own_files):
    ours, stock = config("CAMMSR"), config("SASRec", train_neg_sample_args=None)
    assert set(vars(ours)) == set(vars(stock))
    again = pickle.loads(pickle.dumps(ours))
    assert again.final_config_dict == ours.final_config_dict


def test_a_failing_configuration_leaves_no_trace_either(own_files, monkeypatch):
    (own_files / "model" / "CAMMSR.yaml").write_text("a: [")
    with pytest.raises(Exception, match="while parsing"):
        config("CAMMSR")
    assert config("BPR")["epochs"] == 300


def test_our_settings_invalidate_a_pickled_data_set_even_without_a_configuration():
    # load_data_and_model in a new process never makes a Config
    code = (
        "import recbole_cammsr\n"
        "from recbole.data.utils import dataset_arguments as compared\n"
        "print([compared.count(key) for key in recbole_cammsr.registry.DATASET_ARGUMENTS])"
    )
    assert in_new_process(code) == str([1] * len(registry.DATASET_ARGUMENTS))


def test_a_part_of_the_evaluation_leaves_our_models_the_rest(make_config):
    ours = make_config(eval_args={"mode": "uni5"})["eval_args"]
    assert (ours["split"], ours["order"]) == ({"LS": "valid_and_test"}, "TO")
    assert ours["mode"]["test"] == "uni5"
    recboles = make_config("BPR", train_neg_sample_args=None, eval_args={"mode": "uni5"})
    assert recboles["eval_args"]["order"] == "RO"  # its own models are RecBole's


def test_a_variant_of_recboles_model_has_that_models_defaults(make_config, tmp_path):
    from recbole.config import Config
    from recbole.model.sequential_recommender.sasrec import SASRec

    mine = type("MySASRec", (SASRec,), {"__module__": "somebody.elses"})
    options = {"checkpoint_dir": str(tmp_path), "n_heads": 1, "train_neg_sample_args": None}
    made = Config(mine, "ml-100k", config_dict=options)
    stock = make_config("SASRec")
    assert made["n_layers"] == stock["n_layers"]
    assert made["loss_type"] == stock["loss_type"] == "CE"
    assert made["n_heads"] == 1


@pytest.mark.parametrize("model", ["CAMMSR", "SASRec"])
def test_a_pickled_data_set_is_split_and_read_as_asked_for(make_config, toy_path, tmp_path, model):
    from recbole.data import create_dataset, data_preparation

    def sizes(folder, **settings):
        settings = {"save_dataset": True, "checkpoint_dir": str(tmp_path / folder), **settings}
        made = make_config(model, **settings)
        dataset = create_dataset(made)
        parts = data_preparation(made, dataset)
        return len(dataset.inter_feat), [len(part._dataset.inter_feat) for part in parts]

    by_ratio = {"split": {"RS": [0.5, 0.2, 0.3]}, "order": "TO", "group_by": "user", "mode": "full"}
    ours = sizes("saved")
    assert len(list((tmp_path / "saved").glob("toy-*.pth"))) == 1
    assert sizes("saved") == ours
    assert sizes("saved", eval_args=by_ratio) == sizes("elsewhere", eval_args=by_ratio) != ours

    shutil.copytree(toy_path, tmp_path / "other")
    table = tmp_path / "other" / "toy" / "toy.inter"
    rows = table.read_text(encoding="utf-8").splitlines()[:300]
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    other = {"data_path": str(tmp_path / "other")}
    assert sizes("saved", **other) == sizes("third", **other)
    assert sizes("saved", **other)[0] < ours[0]


def test_a_foreign_class_with_one_of_our_names_takes_recboles_way(tmp_path):
    """Whoever runs the authors' own HM4SR beside ours gets neither our settings nor rows."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.data.dataloader.general_dataloader import TrainDataLoader
    from recbole.data.dataset import SequentialDataset
    from recbole.model.sequential_recommender.sasrec import SASRec

    foreign = type("HM4SR", (SASRec,), {"__module__": "somebody.elses"})
    options = {
        "train_neg_sample_args": None,
        "loss_type": "CE",
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "checkpoint_dir": str(tmp_path),
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    }
    theirs = Config(foreign, "ml-100k", config_dict=options)
    assert "interactive_experts" not in theirs
    dataset = create_dataset(theirs)
    assert type(dataset) is SequentialDataset
    assert type(data_preparation(theirs, dataset)[0]) is TrainDataLoader
    packed = Config(foreign, "ml-100k", config_dict={**options, "train_packing": True})
    loader = data_preparation(packed, create_dataset(packed))[0]
    assert type(loader).__name__ == "WholeHistoryDataLoader"  # RecBole's rows, as for its own
    ours = config("HM4SR", category_weight=0, **options)
    assert "interactive_experts" in ours
    assert type(create_dataset(ours)).__name__ == "AlwaysTimedDataset"


def trained(model_class, options):
    """Configuration and validation after training, as a script of one's own model has them."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_trainer, init_seed

    made = Config(model_class, "toy", config_dict=options)
    init_seed(made["seed"], made["reproducibility"])
    train, valid, _ = data_preparation(made, create_dataset(made))
    init_seed(made["seed"], made["reproducibility"])
    model = model_class(made, train.dataset)
    trainer = get_trainer(made["MODEL_TYPE"], made["model"])(made, model)
    return made, trainer.fit(train, valid, saved=False, verbose=False)


def test_a_variant_has_its_parents_defaults_data_and_training(toy_path, tmp_path):
    """Whoever changes CAMMSR writes a subclass, under a name of his own."""
    from recbole_cammsr.model.cammsr import CAMMSR

    class Louder(CAMMSR):
        def calculate_loss(self, interaction):
            return tuple(self.loudness * loss for loss in super().calculate_loss(interaction))

        def __init__(self, config, dataset):
            super().__init__(config, dataset)
            self.loudness = config["loudness"]

    options = {
        **{"data_path": str(toy_path), "load_col": {"inter": ["user_id", "item_id", "timestamp"]}},
        **{"modalities": ["text", "image"], "category_field": "genre"},
        **{"epochs": 2, "checkpoint_dir": str(tmp_path), "show_progress": False},
    }
    _, parents = trained(CAMMSR, options)
    made, variants = trained(Louder, {**options, "loudness": 1.0})
    parts = {"model", "loudness", "token_digest"}  # the last is of its data set
    expected = config("CAMMSR", "toy", **options)
    assert {k: v for k, v in made.final_config_dict.items() if k not in parts} == {
        k: v for k, v in expected.final_config_dict.items() if k != "model"
    }
    assert variants == parents
    _, changed = trained(Louder, {**options, "loudness": 0.0})
    assert changed != parents


@pytest.mark.parametrize(
    ("model", "dataset_class"),
    [
        ("SASRecMM", "UntimedDataset"),
        ("HM4SR", "AlwaysTimedDataset"),
        ("UniSRec", "UntimedDataset"),
    ],
)
def test_a_variant_of_each_model_has_that_models_data_set(tmp_path, model, dataset_class):
    from recbole.config import Config
    from recbole.data import create_dataset

    parent = getattr(importlib.import_module(registry.MODELS[model]), model)
    # a variant of a variant, and one that bears another model's name
    for name in ("Mine", "CAMMSR"):
        mine = type(name, (type("Between", (parent,), {}),), {})
        made = Config(mine, "ml-100k", config_dict={"checkpoint_dir": str(tmp_path)})
        assert registry.family(mine) == model
        assert made["learning_rate"] == config(model)["learning_rate"]
        assert type(create_dataset(made)).__name__ == dataset_class


def test_a_checkout_on_the_path_has_its_parts_too():
    # `python -m recbole_cammsr.dataset_prep...` where the checkout hides what pip installed
    checkout = Path(__file__).resolve().parents[1]
    code = "import recbole_cammsr.dataset_prep as part; print(part.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == checkout / "dataset_prep" / "__init__.py"
