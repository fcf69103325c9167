"""Splits that leave a part without rows, which RecBole takes for a run without results."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("packing", [True, False])
def test_a_split_that_leaves_nothing_to_train_is_refused(make_data, packing):
    eval_args = {"split": {"RS": [0, 0, 1]}, "order": "TO", "mode": "full", "group_by": "user"}
    rows = len(make_data(train_packing=False)[1].inter_feat)
    with pytest.raises(ValueError, match=rf"leaves none of {rows} rows for training") as caught:
        make_data(eval_args=eval_args, train_packing=packing)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("each", "split", "empty"),
    [
        (2, {"LS": "valid_and_test"}, "validation; no user has the 4 interactions .*test_only"),
        (3, {"LS": "valid_and_test"}, "validation; no user has the 4 interactions .*test_only"),
        (4, {"LS": "valid_and_test"}, None),
        (2, {"LS": "test_only"}, r"test; no user has the 3 interactions .* of them\."),
        (3, {"LS": "test_only"}, None),
        (2, {"LS": "valid_only"}, r"validation; no user has the 3 interactions .* of them\."),
        (3, {"LS": "valid_only"}, None),
        (2, {"RS": [0.8, 0.1, 0.1]}, "validation; give it a larger share, or none"),
        (3, {"RS": [0.8, 0, 0.2]}, None),
        (2, {"RS": [1, 0, 0]}, None),
    ],
)
@pytest.mark.parametrize("model", ["CAMMSR", "SASRecMM"])
def test_a_part_that_the_split_asks_for_has_rows(make_data, toy_path, model, each, split, empty):
    rows = [f"u{user}\ti{(user + n) % 5}\t{n}" for user in range(20) for n in range(each)]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (toy_path / "toy" / "toy.inter").write_text("\n".join([header, *rows]) + "\n")
    settings = {"modalities": [], "category_weight": 0}
    settings["eval_args"] = {"split": split, "order": "TO", "mode": "full", "group_by": "user"}
    if empty is None:
        make_data(model, **settings)
        return
    total = 20 * (each - 1)
    with pytest.raises(ValueError, match=rf"leaves none of {total} rows for {empty}") as caught:
        make_data(model, **settings)
    assert "\n" not in str(caught.value)
