"""A run that saves its loaders goes on as one that does not, and as those that load them."""

from __future__ import annotations

import pytest
import recbole.data.utils
from recbole.data import create_dataset, data_preparation
from recbole.data.dataloader import KnowledgeBasedDataLoader
from recbole.data.utils import load_split_dataloaders
from recbole.utils import init_seed


@pytest.mark.parametrize("name", ["CAMMSR", "SASRec"])
def test_saving_loaders_changes_no_batch(make_config, tmp_path, name):
    def batches(**settings):
        config = make_config(
            name,
            train_neg_sample_args=None,
            checkpoint_dir=str(tmp_path),
            **settings,
        )
        init_seed(config["seed"], config["reproducibility"])
        train = data_preparation(config, create_dataset(config))[0]
        return [batch["item_id"].tolist() for _ in range(2) for batch in train]

    expected = batches()
    assert batches(save_dataloaders=True) == expected
    assert list(tmp_path.glob("*-dataloader.pth"))
    assert batches() == expected


def test_loaders_of_another_order_are_not_used_again(make_config, tmp_path):
    def rows(**settings):
        config = make_config(
            "SASRec", train_neg_sample_args=None, checkpoint_dir=str(tmp_path), **settings
        )
        init_seed(config["seed"], config["reproducibility"])
        train = data_preparation(config, create_dataset(config))[0]
        return [batch["item_id"].tolist() for batch in train]

    as_they_stand = rows(shuffle=False)
    assert rows(save_dataloaders=True) != as_they_stand
    assert rows(shuffle=False) == as_they_stand


def test_loaders_are_not_used_again_where_they_would_hold_something_else(make_config, toy_path):
    """Features, categories, rows and their order are all in them."""
    changed = {
        **{"modalities": ["text"], "modality_files": {"image": "toy.text.npz"}},
        **{"feature_dtype": "float16", "feature_device": "host", "feature_budget": 9},
        **{"category_field": "genres", "category_weight": 0, "train_packing": False},
        **{"packing_overlap": 3, "time_encoding": "experts", "interval_buckets": 8},
        **{"mask_history": True, "exact_time_order": True, "shuffle": False},
        **{"data_path": str(toy_path.parent), "encoding": "latin-1", "seed": 7},
        **{"MAX_ITEM_LIST_LENGTH": 9, "item_inter_num_interval": "[2,inf)"},
    }
    config = make_config(save_dataloaders=True)
    made = data_preparation(config, create_dataset(config))
    again = load_split_dataloaders(make_config(epochs=9, hidden_size=8))
    assert [len(part) for part in again] == [len(part) for part in made]
    for name, value in changed.items():
        assert load_split_dataloaders(make_config(**{name: value})) is None, name


def test_loaders_of_a_knowledge_model_are_refused_in_a_sentence(tmp_path):
    config = {"model": "CFKG", "checkpoint_dir": str(tmp_path / "saved"), "dataset": "toy"}
    loader = object.__new__(KnowledgeBasedDataLoader)
    with pytest.raises(ValueError, match=r"loaders of CFKG, .* leave save_dataloaders out"):
        recbole.data.utils.save_split_dataloaders(config, [loader])
    assert not list(tmp_path.iterdir())
