"""In which ways two trained models are not asked the same, in words for whoever compares them."""

from __future__ import annotations

from recbole_cammsr.analysis.trained_model import TrainedModel, UserRow


def note(trained: TrainedModel, other: TrainedModel, row: UserRow, target: int | None) -> str:
    """What makes another model's place of an item not comparable with the explained model's.

    Args:
        trained: the model that is explained.
        other: the model beside it.
        row: the other model's test row of the user.
        target: the item in question, as the other model's id; None where its data lack it.

    Returns:
        Phrases joined by semicolons; empty where both are asked the same.
    """
    phrases = []
    ours, theirs = str(trained.config["dataset"]), str(other.config["dataset"])
    if ours != theirs:
        phrases.append(f"its data set is {theirs}")
    items = _items(trained), _items(other)
    if items[0] != items[1]:
        phrases.append(f"it ranks {len(items[1])} items, not the same {len(items[0])}")
    if trained.ranks_own_items != other.ranks_own_items:
        how = "with" if other.ranks_own_items else "without"
        phrases.append(f"it ranks {how} what the user has already")
    if target is None:
        phrases.append("its data lack what was taken next")
    elif target not in row.tested:
        (token,) = other.tokens([row.target])
        title = other.title(row.target)
        named = title if title == token else f"{title} ({token})"
        phrases.append(f"its own test item is another: {named}")
        if target in row.history:
            phrases.append("what was taken next is among what it was given as history")
    return "; ".join(phrases)


def _items(trained: TrainedModel) -> set[str]:
    tokens = trained.dataset.field2id_token[trained.dataset.iid_field]
    return {str(token) for token in tokens[1:]}
