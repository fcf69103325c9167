"""What a checkpoint's digests tell apart; whole models: test_changed_data."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch

from recbole_cammsr.model.provenance import Provenance

OF_ITEMS = {"id_embedding.weight": torch.zeros(4, 2)}
OF_CONTENT = {"projections.0.weight": torch.zeros(2, 3)}


def provenance(
    items: Sequence[str] = ("[PAD]", "1", "12", "3"),
    modalities: Sequence[str] = ("text", "image"),
    labels: Sequence[str] = ("a", "b"),
    multi_label: bool = False,
) -> Provenance:
    """Of tables that all items are in, each with a digest of its own."""
    tables = [
        SimpleNamespace(
            modality=name,
            path=f"toy.{name}.npz",
            dimension=3,
            digest=f"digest of {name}",
            present=torch.tensor([False] + [True] * (len(items) - 1)),
        )
        for name in modalities
    ]
    categories = SimpleNamespace(digest="of labels", labels=labels, multi_label=multi_label)
    return Provenance.of(items, tables, categories, "projections.{index}.weight")


@pytest.mark.parametrize(
    "items",
    [
        ("[PAD]", "11", "2", "3"),  # the same characters, one after the other
        ("[PAD]", "12", "1", "3"),
        ("[PAD]", "1", "12"),
    ],
)
def test_items_are_the_same_tokens_in_the_same_order(items: Sequence[str]) -> None:
    stored = provenance(items).digests
    with pytest.raises(ValueError, match="the items are not those that the checkpoint was"):
        provenance().check_digests(stored, OF_ITEMS, None)
    provenance(items).check_digests(stored, OF_ITEMS, None)


@pytest.mark.parametrize("own", [OF_ITEMS, OF_CONTENT], ids=["of items", "of content"])
@pytest.mark.parametrize("items", [("[PAD]", "1", "12", "3"), ("[PAD]", "4", "5")])
def test_modalities_are_the_same_in_the_same_order(own: dict, items: Sequence[str]) -> None:
    """Also where other items are ranked by their content: a projection belongs to a place."""
    stored = provenance(items, ("image", "text")).digests
    says = r"^`modalities` are text, image, and those of the checkpoint image, text; name"
    if own is OF_ITEMS and len(items) == 3:
        says = "^the items are not those"
    with pytest.raises(ValueError, match=says):
        provenance().check_digests(stored, own, None)


@pytest.mark.parametrize(
    ("changed", "is_refused"),
    [({"labels": ("a", "c")}, True), ({"multi_label": True}, True), ({}, False)],
)
def test_other_items_have_categories_of_the_same_names_and_kind(
    changed: dict, is_refused: bool
) -> None:
    other = provenance(("[PAD]", "4", "5"), **changed)
    if is_refused:
        with pytest.raises(ValueError, match="the item categories are not those"):
            other.check_digests(provenance().digests, OF_CONTENT, None)
    else:
        other.check_digests(provenance().digests, OF_CONTENT, None)


def test_a_checkpoint_that_says_nothing_of_its_data_is_taken() -> None:
    """Of a version without digests, or without those of items."""
    own = provenance()
    own.check_digests(None, OF_ITEMS, "some item lacked a modality")
    stored = {name: value for name, value in own.digests.items() if name not in ("items", "order")}
    own.check_digests(stored, OF_ITEMS, None)
    with pytest.raises(ValueError, match="the features of modality 'image'"):
        own.check_digests({**stored, "modality image": "another"}, OF_ITEMS, None)
    del stored["modality image"]
    with pytest.raises(ValueError, match="the features of modality 'image'"):
        own.check_digests(stored, OF_ITEMS, None)
