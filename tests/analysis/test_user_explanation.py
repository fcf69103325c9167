"""Explanations of a tiny trained model: scores add up, tokens and ranks are right."""

from __future__ import annotations

import dataclasses
import json
import shutil
import unicodedata

import numpy as np
import pytest
import torch

from recbole_cammsr.analysis.item_view import item_view
from recbole_cammsr.analysis.trained_model import TrainedModel
from recbole_cammsr.analysis.user_explanation import explain
from recbole_cammsr.analysis.user_tables import text
from recbole_cammsr.run import checkpoints


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scoring": "cosine"},
        {"fusion": "sum"},
        {"modalities": [], "category_weight": 0},
        {"category_field": "genres", "use_id": False, "time_encoding": "experts"},
    ],
    ids=str,
)
def test_the_parts_of_a_score_add_up_to_what_the_model_ranks_by(make_checkpoint, settings):
    trained = TrainedModel(make_checkpoint(**settings))
    view = item_view(trained)
    user = trained.usual_user()
    found = explain(trained, view, user, top=7, last=4)
    with torch.no_grad():
        scores = trained.model.full_sort_predict(trained.row(user).interaction)[0]
    order = scores.argsort(descending=True)[:7].tolist()
    assert [item.token for item in found.ranking.items] == trained.tokens(order)
    for item, index in zip(found.ranking.items, order):
        assert item.score == pytest.approx(float(scores[index]), rel=1e-5)
        assert sum(item.parts.values()) == pytest.approx(item.score, abs=1e-4)
        assert set(item.parts) == set(view.modality_names)
        above = item.score - float(scores[1:].mean())
        assert sum(item.parts_above_average.values()) == pytest.approx(above, abs=1e-4)
        for name, part in item.parts_above_average.items():
            assert part == pytest.approx(item.parts[name] - found.ranking.average_parts[name])
    assert found.ranking.average_score == pytest.approx(float(scores[1:].mean()), abs=1e-4)
    assert json.loads(json.dumps(found.to_json()))["user"] == user
    assert text(found).count("\n") > 10


def test_a_checkpoint_is_read_once(make_checkpoint, monkeypatch):
    path, read = make_checkpoint(), []
    load = checkpoints.load
    monkeypatch.setattr(checkpoints, "load", lambda path: read.append(path) or load(path))
    TrainedModel(path)
    assert read == [path]


def test_history_and_target_are_those_of_the_file(make_checkpoint, toy_path):
    trained = TrainedModel(make_checkpoint())
    view = item_view(trained)
    singles, pairs = {"ID", "text", "image"}, {"ID + text", "ID + image", "text + image"}
    assert set(view.expert_names) == {*singles, *pairs, "all"}
    lines = (toy_path / "toy" / "toy.inter").read_text().splitlines()[1:]
    events = [line.split("\t") for line in lines]
    genre = dict(
        line.split("\t")[:2] for line in (toy_path / "toy" / "toy.item").read_text().splitlines()
    )
    contents, lacking = ("text", "image"), 0
    has = {name: set(np.load(toy_path / "toy" / f"toy.{name}.npz")["item_id"]) for name in contents}
    for user in trained.users[:5]:
        rows = [(int(time), n, item) for n, (who, item, time) in enumerate(events) if who == user]
        items = [item for _, _, item in sorted(rows)]
        found = explain(trained, view, user, last=10)
        assert found.target_token == items[-1]
        assert [item.token for item in found.history] == items[-11:-1]
        for item in found.history:
            assert list(item.categories) == [label for label in [genre.get(item.token)] if label]
            assert sum(item.weights.values()) == pytest.approx(3.0, abs=1e-4)
            assert list(item.lacks) == [name for name in contents if item.token not in has[name]]
            lacking += len(item.lacks)
            assert sum(item.attention.values()) == pytest.approx(1.0, abs=1e-4)
        assert found.ranking.target_rank >= 1
        assert ("* the item lacks it" in text(found)) == any(one.lacks for one in found.history)
        marked = [item.rank for item in found.ranking.items if item.is_target]
        assert marked in ([], [found.ranking.target_rank])
    assert lacking > 0


def test_every_number_stands_under_the_name_that_it_belongs_to(make_checkpoint):
    """Sums are right also where two names change places."""
    trained = TrainedModel(make_checkpoint(scoring="dot"))
    user, names = trained.usual_user(), ["ID", "text", "image"]
    row, labels = trained.row(user), trained.categories().labels
    with torch.no_grad():
        table, vector = (
            trained.model.item_table(),
            trained.model.forward(trained.row(user).interaction)[0],
        )
    experts = [
        [names[m] for m in each.modalities] for each in trained.model.item_encoder.camoe.experts
    ]
    experts = ["all" if len(each) == 3 else " + ".join(each) for each in experts]
    found = explain(trained, item_view(trained), user, last=4)
    assert found.history_length == len(row.history) > 4
    for seen, item in zip(found.history, row.history[-4:]):
        assert seen.weights == pytest.approx(dict(zip(names, table.weights[item].tolist())))
        assert seen.attention == pytest.approx(dict(zip(experts, table.attention[item].tolist())))
        assert seen.predicted == [labels[int(table.category_logits[item].argmax())]]
    parts = (table.weights.unsqueeze(2) * table.modalities) @ vector
    known = trained.categories().targets
    for shown in found.ranking.items:
        item = trained.dataset.token2id("item_id", shown.token)
        assert shown.parts == pytest.approx(dict(zip(names, parts[item].tolist())), abs=1e-5)
        assert shown.categories == [labels[i] for i in known[item].nonzero().flatten().tolist()]


def test_what_belongs_to_no_modality_is_named_and_only_where_it_is_no_rounding(make_checkpoint):
    trained = TrainedModel(make_checkpoint())
    view, user = item_view(trained), trained.usual_user()
    shift = np.random.default_rng(0).normal(size=view.candidates.shape)
    with torch.no_grad():
        vector = trained.model.forward(trained.row(user).interaction)[0].double().numpy()
    with_rest, without = [*view.modality_names, "rest"], list(view.modality_names)
    for size, scale, names in ((1, 1, with_rest), (1e-8, 1, without), (1, 1e-6, with_rest)):
        changed = dataclasses.replace(
            view,
            modalities=scale * view.modalities,
            candidates=scale * (view.candidates + size * shift),
        )
        for item in explain(trained, changed, user).ranking.items:
            assert list(item.parts) == names
            score = changed.candidates[trained.dataset.token2id("item_id", item.token)] @ vector
            assert sum(item.parts.values()) == pytest.approx(score, abs=1e-4 * scale)


def test_models_of_one_name_are_told_apart_by_their_files(make_checkpoint, tmp_path):
    path = make_checkpoint()
    trained, second = TrainedModel(path), shutil.copy(path, tmp_path / "second.pth")
    others = [TrainedModel(second), TrainedModel(make_checkpoint("Pop"))]
    found = explain(trained, item_view(trained), trained.usual_user(), others)
    assert [each.name for each in found.others] == ["CAMMSR (second)", "Pop"]
    assert [each.checkpoint for each in found.others] == [each.path for each in others]


def test_titles_stand_in_the_history_and_in_every_ranking(make_checkpoint, add_titles):
    add_titles("title", "The ")
    trained, other = TrainedModel(make_checkpoint()), TrainedModel(make_checkpoint("Pop"))
    view = item_view(trained)
    for user in trained.users[:5]:  # the targets of some have titles
        found = explain(trained, view, user, [other], top=40)
        shown = [(found.target_token, found.target_title)]
        shown += [(item.token, item.title) for item in found.history]
        for ranking in (found.ranking, *found.others):
            shown += [(item.token, item.title) for item in ranking.items]
        titled = [title == f"The {token}" for token, title in shown if token in trained.titles]
        assert all(titled)
        assert len(titled) > 60


@pytest.mark.parametrize(
    ("settings", "sign", "lacking", "hatched"),
    [
        ({}, True, "filled in from the predicted category", True),
        ({"complete_missing": False}, True, "* the item lacks it: left out", False),
        ({"category_weight": 0}, False, "* the item lacks it: left out", False),
        ({"category_weight": 0, "fusion": "sum"}, False, None, False),
    ],
    ids=str,
)
def test_only_what_is_there_is_explained(
    make_checkpoint, tmp_path, monkeypatch, settings, sign, lacking, hatched
):
    trained = TrainedModel(make_checkpoint(**settings))
    view = item_view(trained)
    shown = [explain(trained, view, user) for user in trained.users]
    found = next(one for one in shown if any(item.lacks for item in one.history))
    assert ("predicted" in text(found)) == sign
    assert text(found).count("category") >= 2  # labels of the data, also without guidance
    assert all(
        list(item.categories) == view.true_labels(trained.dataset.token2id("item_id", item.token))
        for item in found.history
    )
    assert any(item.categories for item in found.history)
    assert (lacking is None) == ("*" not in text(found))
    assert lacking is None or lacking in text(found)
    pytest.importorskip("matplotlib")
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text

    from recbole_cammsr.analysis import figure, user_figure

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    user_figure.draw(found, tmp_path / "user.png")
    (key,) = [t.get_text() for t in drawn[0].findobj(Text) if "How to read" in t.get_text()]
    bars = [bar for bar in drawn[0].findobj(Rectangle) if bar.get_hatch() and bar.get_width() > 0]
    assert ("✓" in key) == sign
    assert ("hatched" in key) == bool(bars) == hatched


def test_one_modality_has_no_weights_experts_or_parts_to_show(make_checkpoint):
    trained = TrainedModel(make_checkpoint(modalities=[]))
    view = item_view(trained)
    assert not view.weighted
    assert view.attention is None
    shown = text(explain(trained, view, trained.usual_user()))
    assert not any(word in shown for word in ("w ID", "expert", "above average", "%"))


def history_of(trained, user):
    """All items of a user that the data hold, as tokens."""
    rows = trained.dataset.inter_feat
    known = trained.dataset.token2id(trained.dataset.uid_field, user)
    items = rows[trained.dataset.iid_field][rows[trained.dataset.uid_field] == known]
    return set(trained.tokens(items.tolist()))


@pytest.mark.parametrize("mode", ["full", "uni30"])
@pytest.mark.parametrize(
    ("model", "repeatable"), [("BPR", False), ("BPR", True), ("SASRec", True)], ids=str
)
def test_another_model_ranks_as_in_its_evaluation(make_checkpoint, model, repeatable, mode):
    """Full ranking is RecBole's own; a sampled one is explained by a full one, masked alike."""
    split = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": mode}
    if mode == "uni30" and not repeatable:
        split["mode"] = "uni9"  # some users have too few unseen items for more
    trained = TrainedModel(make_checkpoint())
    settings = {"eval_args": split, "repeatable": repeatable, "eval_batch_size": 64}
    other = TrainedModel(make_checkpoint(model, **settings))
    evaluated = dict(zip(make_checkpoint.ranks.user, make_checkpoint.ranks.rank))
    view, alike = item_view(trained), 0
    everything = set(trained.tokens(range(1, trained.dataset.item_num)))
    for user in trained.users[:8]:
        (beside,) = explain(trained, view, user, [other], top=100).others
        shown = {item.token for item in beside.items}
        said = "" if repeatable else "it ranks without what the user has already"
        if beside.note == said:  # items of one moment may stand in another order in other data
            alike += 1
            target = trained.tokens([trained.row(user).target])
            hidden = set() if repeatable else history_of(other, user) - set(target)
            assert shown == everything - hidden
            if mode == "full":
                assert beside.target_rank == evaluated[user]
    assert alike > 0


@pytest.mark.parametrize("split", [{"LS": "valid_and_test"}, {"RS": [0.6, 0.2, 0.2]}], ids=str)
def test_a_model_that_was_evaluated_without_histories_is_explained_without_them(
    make_checkpoint, split
):
    """Also what was tested before the row in question is history by then."""
    arguments = {"split": split, "order": "TO", "mode": "full"}
    trained = TrainedModel(make_checkpoint(mask_history=True, eval_args=arguments))
    evaluated = {}
    ranks = make_checkpoint.ranks
    for user, target, rank in zip(ranks.user, ranks.target, ranks.rank):
        evaluated.setdefault((user, target), set()).add(rank)  # an item may be had twice
    view = item_view(trained)
    for user in trained.users[:8]:
        row = trained.row(user)
        found = explain(trained, view, user, [], top=100).ranking
        (target,) = trained.tokens([row.target])
        assert found.target_rank in evaluated[user, target]
        own = set(trained.tokens(row.history)) - set(trained.tokens([row.target]))
        assert own
        assert not own & {item.token for item in found.items}


def test_a_ranking_without_histories_is_not_compared_with_one_that_has_them_unsaid(make_checkpoint):
    without = TrainedModel(make_checkpoint(mask_history=True))
    with_them = TrainedModel(make_checkpoint())
    for trained, other, says in (
        (with_them, without, "it ranks without what the user has already"),
        (without, with_them, "it ranks with what the user has already"),
        (with_them, with_them, ""),
    ):
        found = explain(trained, item_view(trained), trained.usual_user(), [other], top=5)
        assert found.others[0].note == says


@pytest.mark.parametrize("masked", [None, True, False])
@pytest.mark.parametrize("mode", ["full", "uni30"])
def test_what_the_user_has_already_is_told_for_every_model(make_checkpoint, toy_path, masked, mode):
    """Of the whole history: the models read the last 10 items."""
    split = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": mode}
    trained = TrainedModel(make_checkpoint(eval_args=split), mask_history=masked)
    general = {"eval_args": {**split, "mode": "full"}, "repeatable": False}
    others = [
        TrainedModel(make_checkpoint("SASRec", eval_args=split), mask_history=masked),
        TrainedModel(make_checkpoint("BPR", **general), mask_history=masked),
    ]
    rows = [line.split("\t") for line in (toy_path / "toy" / "toy.inter").read_text().splitlines()]
    view, beyond, left_in = item_view(trained), 0, [not masked, not masked, masked is False]
    for user in trained.users[:8]:
        items = [(int(time), n, item) for n, (who, item, time) in enumerate(rows) if who == user]
        before = [item for _, _, item in sorted(items)][:-1]
        found = explain(trained, view, user, others, top=100)
        for ranking, ranked in zip([found.ranking, *found.others], left_in):
            assert ranking.ranks_own_items == ranked
            own = {item.token for item in ranking.items if item.seen}
            kept = set(before) if ranked else set(before) & {found.target_token}
            assert own == kept
            if ranking is not found.others[1]:  # moments that are shared may be ordered otherwise
                assert not ranking.note
            beyond += len(own - set(before[-10:]))
            said = f"{'with' if ranked else 'without'} the user's own items"
            count = f": {len(own)} of {len(ranking.items)} {'is' if len(own) == 1 else 'are'} the"
            assert said + (count if own else "") in text(found)
        (kept, *_) = found.to_json()["others"]
        assert kept["ranks_own_items"] == left_in[1]
        assert {item["token"] for item in kept["items"] if item["seen"]} <= set(before)
    assert beyond > 0 or masked


@pytest.mark.parametrize("repeatable", [False, True])
def test_every_model_ranks_the_item_that_the_explained_one_was_asked_for(
    make_checkpoint, repeatable
):
    """The other model's split is random: mostly it was trained on that item."""
    trained = TrainedModel(make_checkpoint())
    split = {"split": {"LS": "valid_and_test"}, "order": "RO", "mode": "full"}
    other = TrainedModel(make_checkpoint("BPR", eval_args=split, repeatable=repeatable))
    view, noted = item_view(trained), 0
    for user in trained.users:
        found = explain(trained, view, user, [other], top=100)
        (beside,) = found.others
        row = other.row(user)
        (own,) = other.tokens([row.target])
        with torch.no_grad():
            scores = other.model.full_sort_predict(row.interaction).view(-1)
        hidden = set() if repeatable else history_of(other, user) - {own, found.target_token}
        score = {
            token: float(scores[other.dataset.token2id(other.dataset.iid_field, token)])
            for token in set(trained.tokens(range(1, trained.dataset.item_num))) - hidden
        }
        better = sum(value > score[found.target_token] for value in score.values())
        assert beside.target_rank == 1 + better
        assert [i.token for i in beside.items if i.is_target] == [found.target_token]
        shown = text(found)
        masked = "" if repeatable else "it ranks without what the user has already"
        assert ("not compared alike" in shown) == (own != found.target_token or not repeatable)
        assert beside.note.startswith(masked)
        if own != found.target_token:
            noted += 1
            assert f"its own test item is another: {own}" in shown
            assert own in json.loads(json.dumps(found.to_json()))["others"][0]["note"]
            assert "among what it was given as history" in beside.note
        else:
            assert beside.note == masked
    assert noted > 15


def test_a_model_without_the_item_says_so(make_checkpoint, toy_path):
    trained = TrainedModel(make_checkpoint())
    view = item_view(trained)
    user = trained.usual_user()
    (target,) = trained.tokens([trained.row(user).target])
    path = toy_path / "toy" / "toy.inter"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if line.split("\t")[1] != target) + "\n")
    other = TrainedModel(make_checkpoint("BPR"))
    found = explain(trained, view, user, [other])
    (beside,) = found.others
    assert beside.target_rank is None
    assert "it ranks 39 items, not the same 40; its data lack what was taken next" in beside.note
    assert "BPR (what was taken next is not known to it)" in text(found)


def test_a_target_among_ties_is_in_the_list_or_after_it(make_checkpoint):
    """Pop scores a small catalogue with few different numbers."""
    trained, other = TrainedModel(make_checkpoint()), TrainedModel(make_checkpoint("Pop"))
    view, within, after = item_view(trained), 0, 0
    for user in trained.users:
        for top in (1, 3, 10):
            (beside,) = explain(trained, view, user, [other], top=top).others
            marked = [item.rank for item in beside.items if item.is_target]
            if marked:
                within += 1
                assert marked == [beside.target_rank]
            else:
                after += 1
                assert beside.target_rank > len(beside.items)
    assert within > 0
    assert after > 0


def test_control_characters_of_titles_reach_no_terminal(make_checkpoint, add_titles):
    add_titles("title", "\x1b[31mred\x07\x9b ")
    trained = TrainedModel(make_checkpoint())
    shown = text(explain(trained, item_view(trained), trained.usual_user()))
    assert " [31mred   i" in shown
    assert {one for one in shown if unicodedata.category(one) == "Cc"} == {"\n"}
    trained.titles = {}
    trained.tokens = lambda items: ["\x1b[2Jtoken"]
    assert trained.title(1) == " [2Jtoken"


def test_control_characters_of_tokens_and_labels_reach_no_terminal(make_checkpoint, toy_path):
    for name, texts in {
        "toy.inter": {"u3\t": "u3\x1b[2J\t", "\ti": "\ti\x07"},
        "toy.item": {"\tdrama\t": "\tdra\x1b[31mma\t", "\ni": "\ni\x07"},
    }.items():
        path = toy_path / "toy" / name
        header, rows = path.read_text(encoding="utf-8").split("\n", 1)
        rows = f"\n{rows}"
        for old, new in texts.items():
            assert old in rows
            rows = rows.replace(old, new)
        path.write_text(header + rows, encoding="utf-8")
    trained = TrainedModel(make_checkpoint(modalities=[]))
    view = item_view(trained)
    assert "dra [31mma" in view.labels
    found = explain(trained, view, "u3\x1b[2J", last=30)
    shown = text(found)
    assert "user u3 [2J on toy" in shown
    assert "dra [31mma" in shown
    assert {one for one in shown if unicodedata.category(one) == "Cc"} == {"\n"}
    assert found.user == "u3\x1b[2J"  # in the file it is what the data have
