"""Our names resolve inside RecBole, and nothing else there changes."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import recbole_cammsr
from recbole_cammsr import registry

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])


@pytest.fixture(autouse=True)
def _no_arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog"])  # Config reads the command line


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
    with pytest.raises(ValueError, match=r"there is no model 'NoSuchModel'"):
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


def test_our_settings_invalidate_a_pickled_data_set_even_without_a_configuration():
    # load_data_and_model in a new process never makes a Config
    code = (
        "import recbole_cammsr\n"
        "from recbole.data.utils import dataset_arguments as compared\n"
        "print([compared.count(key) for key in recbole_cammsr.registry.DATASET_ARGUMENTS])"
    )
    assert in_new_process(code) == str([1] * len(registry.DATASET_ARGUMENTS))


def test_another_plugins_data_sets_still_resolve():
    class SequentialDataset:
        def data_augmentation(self):
            """Stands for RecBole's."""

        def _change_feat_format(self):
            """Stands for RecBole's."""

    module = ModuleType("dataset")
    module.SequentialDataset = SequentialDataset
    theirs = {"TheirsDataset": object(), "HM4SRDataset": object()}
    module.__getattr__ = theirs.__getitem__
    registry._offer_datasets(module)
    assert module.TheirsDataset is theirs["TheirsDataset"]
    assert module.HM4SRDataset.__module__.startswith("recbole_cammsr.")
    del module.__getattr__
    registry._offer_datasets(module)
    with pytest.raises(AttributeError, match="module 'dataset' has no attribute 'TheirsDataset'"):
        _ = module.TheirsDataset


def test_pickled_loaders_are_not_used_with_settings_that_change_them(make_config):
    from recbole.data import create_dataset, data_preparation
    from recbole.data.utils import load_split_dataloaders

    made = make_config(save_dataloaders=True)
    data_preparation(made, create_dataset(made))
    others = {
        "modalities": ["text"],
        "modality_files": {"text": "other.npz"},
        "feature_dtype": "float16",
        "feature_device": "host",
        "feature_budget": 7.0,
        "category_field": "genres",
        "train_packing": not made["train_packing"],
        "packing_overlap": 3,
        "category_weight": 0.0,
        "time_encoding": "interval",
        "interval_buckets": 5,
        "mask_history": True,
        "exact_time_order": not made["exact_time_order"],
        "keep_last_items": True,
    }
    used = [
        name
        for name, value in others.items()
        if load_split_dataloaders(make_config(**{name: value})) is not None
    ]
    assert used == []
    assert load_split_dataloaders(make_config(learning_rate=0.5)) is not None


def test_settings_of_a_data_sets_file_are_compared_too():
    """A ``Config`` adds them to RecBole's own list; ml-100k's has those of knowledge graphs."""
    from recbole.data.utils import dataset_arguments as compared
    from recbole.utils.argument_list import dataset_arguments as shared

    config("KGAT")
    assert "kg_reverse_r" in shared
    with_seed = compared + ["seed"]  # noqa: RUF005 - as RecBole has it
    assert {"kg_reverse_r", "data_path", "shuffle", "seed"} <= set(with_seed)
    assert not {"data_path", "shuffle"} & set(shared)


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
    from recbole.data import dataset as datasets
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
    assert datasets.HM4SRDataset.__module__.startswith("recbole_cammsr.")  # ours, from now on
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
    of_the_data = {"token_digest", "interaction_digest"}
    parts = {"model", "loudness", *of_the_data}
    expected = config("CAMMSR", "toy", **options)
    assert {k: v for k, v in made.final_config_dict.items() if k not in parts} == {
        k: v for k, v in expected.final_config_dict.items() if k != "model"
    }
    assert variants == parents
    _, changed = trained(Louder, {**options, "loudness": 0.0})
    assert changed != parents


def test_it_makes_no_difference_that_recbole_was_imported_first(tmp_path):
    """Tools that sort imports put this package behind it."""
    code = f"""
import sys
sys.argv = ["prog"]
{{}}
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.utils import get_dataloader
{{}}
from recbole_cammsr.model.cammsr import CAMMSR

class Mine(CAMMSR):
    pass

options = {{{{"exact_time_order": True, "state": "ERROR", "checkpoint_dir": {str(tmp_path)!r}}}}}
options["load_col"] = {{{{"inter": ["user_id", "item_id", "timestamp"]}}}}
split = {{{{"LS": "valid_and_test"}}}}
options["eval_args"] = {{{{"split": split, "order": "TO", "mode": "full"}}}}
stock = Config("SASRec", "ml-100k", config_dict={{{{**options, "train_neg_sample_args": None}}}})
rows = data_preparation(stock, create_dataset(stock))[2].dataset.inter_feat
print(sorted(zip(rows["user_id"].tolist(), rows["item_id"].tolist())), stock["token_digest"])
made = Config(Mine, "ml-100k", config_dict=options)
print(get_dataloader(made, "train").__name__)
print(type(data_preparation(made, create_dataset(made))[0]).__name__)
"""
    ours = "import recbole_cammsr"
    first, late = (in_new_process(code.format(*order)) for order in ((ours, ""), ("", ours)))
    assert late == first
    assert late.splitlines()[-2:] == ["PackedTrainDataLoader"] * 2


def test_a_model_in_recboles_own_folder_is_the_one_that_it_finds(tmp_path):
    """Who has written a model of one of these names has put it there."""
    import recbole

    folder = tmp_path / "recbole"
    ignored = shutil.ignore_patterns("dataset_example", "__pycache__")
    shutil.copytree(Path(recbole.__file__).parent, folder, ignore=ignored)
    models = folder / "model" / "sequential_recommender"
    shutil.copy(models / "sasrec.py", models / "tedrec.py")
    text = (models / "tedrec.py").read_text().replace("SASRec", "TedRec")
    (models / "tedrec.py").write_text(text)
    properties = folder / "properties" / "model"
    (properties / "TedRec.yaml").write_text("own: 1\n" + (properties / "SASRec.yaml").read_text())
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
sys.argv = ["prog"]
from recbole_cammsr import registry
from recbole.config import Config
from recbole.utils import get_model
print(get_model("TedRec").__module__, get_model("HM4SR").__module__)
made = Config("TedRec", "ml-100k", config_dict={{"train_neg_sample_args": None, "state": "ERROR"}})
print(made["own"], made["modalities"], registry.family_of_name("TedRec"))
from recbole_cammsr.run import known_settings
print(known_settings.reads("TedRec", "own"), known_settings.reads("TedRec", "adaptor_draws"))
"""
    lines = in_new_process(code).splitlines()
    assert lines[0] == ("recbole.model.sequential_recommender.tedrec recbole_cammsr.model.hm4sr")
    assert lines[1:] == ["1 None None", "True False"]


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


def test_a_pickled_data_set_of_another_order_is_put_into_the_order_asked_for(
    make_config, toy_path, tmp_path
):
    """Made for a split by chance, it stands in the order of the file."""
    from recbole.data import create_dataset, data_preparation

    def targets(folder, order, **more):
        made = make_config(
            "BPR",
            train_neg_sample_args={"distribution": "uniform", "sample_num": 1},
            exact_time_order=True,
            eval_args={"split": {"LS": "valid_and_test"}, "order": order, "mode": "full"},
            checkpoint_dir=str(tmp_path / folder),
            **more,
        )
        rows = data_preparation(made, create_dataset(made))[2].dataset.inter_feat
        return sorted(zip(rows["user_id"].tolist(), rows["item_id"].tolist()))

    lines = (toy_path / "toy" / "toy.inter").read_text().splitlines()
    place = [column.split(":")[0] for column in lines[0].split("\t")].index("timestamp")
    rows = [line.split("\t") for line in lines[1:]]
    for number, row in enumerate(rows):  # closer together than float32 can tell, last first
        row[place] = str(1_400_000_000 - number % 97)
    text = "\n".join([lines[0], *("\t".join(row) for row in rows)]) + "\n"
    (toy_path / "toy" / "toy.inter").write_text(text)
    expected = targets("fresh", "TO")
    assert targets("shared", "RO", save_dataset=True) != expected
    assert targets("shared", "TO") == expected


@pytest.mark.parametrize(
    ("model", "settings", "trains", "evaluates"),
    [
        ("CAMMSR", {}, "PackedTrain", "Ranking"),
        ("CAMMSR", {"train_packing": False}, "Train", "Ranking"),
        ("CAMMSR", {"mask_history": True}, "PackedTrain", "MaskedHistory"),
        ("CAMMSR", {"train_packing": False, "mask_history": True}, "Train", "MaskedHistory"),
        ("CAMMSR", {"mask_history": False}, "PackedTrain", "Ranking"),
        ("CAMMSR", {"eval_args": {"mode": "uni5"}}, "PackedTrain", "NegSampleEval"),
        ("CAMMSR", {"benchmark_filename": ["a", "b", "c"]}, "Train", "Ranking"),
        ("SASRec", {}, "Train", "FullSortEval"),
        ("SASRec", {"train_packing": True}, "WholeHistory", "FullSortEval"),
        ("SASRec", {"mask_history": True}, "Train", "MaskedHistory"),
        ("BPR", {"train_packing": True, "mask_history": True}, "Train", "FullSortEval"),
        ("MultiVAE", {"train_packing": True}, "User", "FullSortEval"),
    ],
    ids=str,
)
def test_each_phase_has_its_loader(make_config, model, settings, trains, evaluates):
    from recbole.data.utils import get_dataloader

    made = make_config(model, **settings)
    found = [get_dataloader(made, phase).__name__ for phase in ("train", "valid", "test")]
    assert found == [f"{name}DataLoader" for name in (trains, evaluates, evaluates)]


def test_a_checkout_on_the_path_has_its_parts_too():
    # `python -m recbole_cammsr.dataset_prep...` where the checkout hides what pip installed
    checkout = Path(__file__).resolve().parents[1]
    code = "import recbole_cammsr.dataset_prep as part; print(part.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == checkout / "dataset_prep" / "__init__.py"
