"""Explanations of a tiny trained model: scores add up, tokens are right, files and sentences."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import unicodedata

import numpy as np
import pytest
import torch

from recbole_cammsr.analysis import catalogue
from recbole_cammsr.analysis.catalogue import ByCategory
from recbole_cammsr.analysis.item_titles import read_titles
from recbole_cammsr.analysis.item_view import ItemView, item_view
from recbole_cammsr.analysis.job import TrainingJob
from recbole_cammsr.analysis.run_job import run_job
from recbole_cammsr.analysis.trained_model import TrainedModel
from recbole_cammsr.analysis.user_explanation import explain
from recbole_cammsr.analysis.user_tables import text
from recbole_cammsr.cli import explain as command


@pytest.fixture
def make_checkpoint(toy_path, tmp_path, monkeypatch):
    """Trains a tiny model and gives the path of its checkpoint."""
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.chdir(tmp_path)  # RecBole writes its logs into the current folder

    def make(model="CAMMSR", **settings):
        common = {
            **{"data_path": str(toy_path), "gpu_id": "", "epochs": 1, "hidden_size": 16},
            **{"inner_size": 32, "MAX_ITEM_LIST_LENGTH": 10},
            **{"load_col": {"inter": ["user_id", "item_id", "timestamp"]}},
        }
        if model == "CAMMSR":
            common.update(modalities=["text", "image"], category_field="genre", expert_size=16)
        path = tmp_path / f"{model}.pth"
        job = TrainingJob(model, "toy", 1, {**common, **settings})
        _, make.ranks = run_job(job, tmp_path / "scratch", path)
        return str(path)

    return make


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
        assert sum(item.shares.values()) == pytest.approx(1.0, abs=1e-3)
        assert set(item.parts) == set(view.modality_names)
    assert json.loads(json.dumps(found.to_json()))["user"] == user
    assert text(found).count("\n") > 10


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
    assert text(found).count("category") >= (2 if sign else 1)
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


def made_up_view():
    rng = np.random.default_rng(0)
    true = np.zeros((7, 3), dtype=bool)
    true[[1, 2, 3, 4], 0] = True
    true[5, 1] = True  # item 6 has no label
    predicted = np.full((7, 3), 0.1)
    predicted[[1, 2, 3, 5], [0, 0, 2, 1]] = 0.8
    predicted[4] = (0.2, 0.6, 0.2)
    weights = rng.uniform(0.5, 1.5, (7, 2))
    weights[3, 1] = 0.0  # missing
    attention = np.array([[1.0, 0.0]] * 4 + [[0.5, 0.5]] * 3)
    vectors = rng.normal(size=(7, 2, 4))
    return ItemView(
        **{"modality_names": ("ID", "text"), "expert_names": ("a", "b"), "labels": ("x", "y", "z")},
        **{
            "modalities": vectors,
            "present": weights > 0,
            "items": vectors.sum(axis=1),
            "candidates": vectors[:, 0],
        },
        **{"weights": weights, "weighted": True, "attention": attention},
        **{"predicted": predicted, "true": true, "several_labels": False},
    )


def test_an_item_stands_under_its_rarest_label_and_no_label_is_empty():
    """Every item has the tops of the tree: one is the rarest of those without another, at most."""
    leaves = [0] * 6 + [1] * 5 + [2] * 4 + [3] * 3 + [4] * 2
    true = np.zeros((len(leaves) + 2, 8), dtype=bool)
    for item, leaf in enumerate(leaves, start=1):
        true[item, [5, 6, leaf]] = True
    true[7, 7] = True  # an item of leaf 1 has a label of its own, and its top alone
    view = dataclasses.replace(made_up_view(), true=true, labels=tuple("abcdeXYZ"))
    for most in range(1, 8):
        found = catalogue.rarest_labels(view, most)
        assert len(found) == min(most, 6)
        assert all(members.any() for members in found.values())
        assert np.sum(list(found.values()), axis=0).max() == 1
        sizes = [true[:, label].sum() for label in found]
        assert sizes == sorted(sizes, reverse=True)
        for label, members in found.items():
            assert (members <= true[1:, label]).all()
            rarer = [other for other in found if true[:, other].sum() < true[:, label].sum()]
            assert not true[1:, rarer][members].any()
    assert list(catalogue.rarest_labels(view, 3)) == [6, 0, 1]
    assert list(catalogue.rarest_labels(view, 6)) == [0, 1, 2, 3, 4, 7]
    assert catalogue.rarest_labels(dataclasses.replace(view, true=None), 3) == {}


def test_the_map_lists_the_categories_that_it_shows(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from recbole_cammsr.analysis import catalogue_figures, figure

    drawn = []
    monkeypatch.setattr(figure, "save", lambda drawing, path: drawn.append(drawing))
    view = made_up_view()
    true = view.true.copy()
    true[[1, 2, 3], 1] = true[[4, 5, 6], 2] = true[1:, 0] = True  # x is of all items
    true[5, 1] = False
    view = dataclasses.replace(view, true=true, several_labels=True)
    catalogue_figures.item_map(view, "CAMMSR on toy", tmp_path / "item_map.png")
    (panel,) = drawn[0].axes
    listed = [text.get_text() for text in panel.get_legend().get_texts()]
    assert listed == ["y (3)", "z (3)"]
    dots = [len(one.get_offsets()) for one in panel.collections]
    assert sorted(dots) == [3, 3, 6]


def test_means_by_category_are_those_of_a_loop():
    view = made_up_view()
    table = catalogue.weights_by_category(view)
    assert table.rows == ("all items", "x", "y")
    assert table.counts == (6, 4, 1)
    text_of_x = [view.weights[item, 1] for item in (1, 2, 4)]  # item 3 lacks it
    assert table.means[1] == pytest.approx([view.weights[1:5, 0].mean(), np.mean(text_of_x)])


def test_confusion_counts_true_against_predicted():
    table = catalogue.confusion(made_up_view())
    assert table.rows == ("x", "y")
    assert table.columns == ("x", "y", "others")
    assert table.means.tolist() == [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]


def test_confusion_of_several_labels_shares_a_miss_among_the_wrong_ones():
    view = made_up_view()
    true = np.zeros((2, 3), dtype=bool)
    true[1, :2] = True
    predicted = np.array([[0, 0, 0], [0.9, 0.1, 0.5]])
    several = ItemView(**{**view.__dict__, "true": true, "predicted": predicted})
    table = catalogue.confusion(several)
    assert table.rows == ("x", "y")
    assert table.means.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_mechanism_figures_are_the_formulas():
    found = catalogue.mechanism(made_up_view())
    view = made_up_view()
    assert found["weight_deviation"]["ID"] == pytest.approx(view.weights[1:, 0].std())
    present = view.weights[[1, 2, 4, 5, 6], 1]
    assert found["weight_deviation"]["text"] == pytest.approx(present.std())
    assert found["attention"] == pytest.approx({"a": 0.75, "b": 0.25})
    assert found["attention_entropy"] == pytest.approx(1.0)  # of the items with a choice
    assert found["category_accuracy"] == pytest.approx(3 / 5)
    assert found["most_frequent_label"] == pytest.approx(4 / 5)
    by_category = found["weight_by_category"]
    assert list(by_category) == ["all items", "x", "y"]
    assert by_category["y"] == {"items": 1, "ID": view.weights[5, 0], "text": view.weights[5, 1]}
    assert found["attention_by_category"]["x"] == {"items": 4, "a": 7 / 8, "b": 1 / 8}


def test_a_mean_of_nothing_is_none_in_json():
    table = ByCategory(("all items",), (2,), ("ID", "text"), np.array([[1.5, np.nan]]))
    assert table.to_json() == {"all items": {"items": 2, "ID": 1.5, "text": None}}


def test_the_plane_keeps_as_much_variance_as_can_be():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, 6)) * [5, 3, 1, 1, 0.5, 0.1]
    places, shares = catalogue.plane(vectors)
    values = np.linalg.eigvalsh(np.cov(vectors.T))[::-1]
    assert places.var(axis=0, ddof=1) == pytest.approx(values[:2])
    assert shares == pytest.approx(values[:2] / values.sum())


def test_titles_are_found_or_named(tmp_path):
    path = tmp_path / "x.item"
    path.write_text("item_id:token\tname:token_seq\ttitle:token_seq\na\tn\tThe A\nb\tm\t\n")
    assert read_titles(str(path), "item_id") == {"a": "The A"}
    assert read_titles(str(path), "item_id", "name") == {"a": "n", "b": "m"}
    assert read_titles(str(tmp_path / "none.item"), "item_id") == {}
    path.write_text('item_id:token\ttitle:token\na\t"The ""A"""\nb\t12" vinyl\n')
    assert read_titles(str(path), "item_id") == {"a": 'The "A"', "b": '12" vinyl'}
    path.write_text("item_id:token\tname:token_seq\ttitle:token_seq\na\tn\tThe A\n")
    with pytest.raises(ValueError, match="no field 'label' for titles; its fields are item_id"):
        read_titles(str(path), "item_id", "label")
    assert read_titles(str(path), "item_id", "label", required=False) == {"a": "The A"}
    assert read_titles(str(path), "item_id", "name", required=False) == {"a": "n"}
    assert read_titles(str(tmp_path / "none.item"), "item_id", "name", required=False) == {}


def test_control_characters_in_titles_are_spaces(tmp_path):
    path = tmp_path / "x.item"
    path.write_text("item_id:token\ttitle:token\na\tA\x1b[31m\x85B\nb\t\x07\nc\té\u200d漢\n")
    assert read_titles(str(path), "item_id") == {"a": "A [31m B", "c": "é\u200d漢"}


def test_the_command_writes_tables_json_and_pictures(
    make_checkpoint, capsys, tmp_path, monkeypatch
):
    when_shown = []

    def show(text):
        when_shown.append(set(os.listdir(tmp_path / "out")))
        print(text)

    monkeypatch.setattr(command.tables, "show", show)
    ours, other = make_checkpoint(), make_checkpoint("Pop")
    code = command.main(
        [f"--checkpoint={ours}", f"--compare={other}", "--user=u3", "--user=u4", "--output=out"]
    )
    output = capsys.readouterr()
    assert code == 0, output.err
    assert "user u3 on toy" in output.out
    assert "Pop (what was taken next is at rank" in output.out
    written = set(os.listdir(tmp_path / "out"))
    assert {"user_u3.json", "user_u4.json", "catalogue.json"} <= written
    assert when_shown == [written, written]  # a reader that leaves early costs no file
    figures = json.loads((tmp_path / "out" / "catalogue.json").read_text())
    assert 0 <= figures["attention_entropy"] <= 1
    reach = figures["last_items_with_half_of_the_attention"]
    assert np.shape(reach) == (2, 2)  # blocks and heads
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    pictures = {"modality_weights", "expert_usage", "category_confusion", "item_map", "user_u3"}
    pictures |= {"recency"}
    assert {f"{name}.png" for name in pictures} <= written
    for name in pictures:
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


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


def add_titles(toy_path, name, prefix):
    """Give the item file of the toy data a column of titles."""
    path = toy_path / "toy" / "toy.item"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    rows = [f"{row}\t{prefix}{row.partition(chr(9))[0]}" for row in rows]
    path.write_text("\n".join([f"{header}\t{name}:token_seq", *rows]) + "\n", encoding="utf-8")


def test_titles_of_the_models_beside_are_of_the_same_column_where_there_is_one(
    make_checkpoint, toy_path, tmp_path, capsys
):
    add_titles(toy_path, "title", "usual ")
    checkpoints = {"same": make_checkpoint("Pop")}
    shutil.copytree(toy_path, tmp_path / "elsewhere")  # without the column
    checkpoints["other"] = make_checkpoint("BPR", data_path=str(tmp_path / "elsewhere"))
    add_titles(toy_path, "label", "wanted ")
    ours = make_checkpoint()
    for name, starts in (("same", "wanted "), ("other", "usual ")):
        arguments = [f"--checkpoint={ours}", "--title_field=label", "--user=u3", "--no_pictures"]
        code = command.main([*arguments, f"--compare={checkpoints[name]}", f"--output={name}"])
        assert code == 0, capsys.readouterr().err
        found = json.loads((tmp_path / name / "user_u3.json").read_text())
        assert found["ranking"]["items"][0]["title"].startswith("wanted ")
        titled = [item for item in found["others"][0]["items"] if item["title"] != item["token"]]
        assert titled
        assert all(item["title"].startswith(starts) for item in titled)


def test_control_characters_of_titles_reach_no_terminal(make_checkpoint, toy_path):
    add_titles(toy_path, "title", "\x1b[31mred\x07\x9b ")
    trained = TrainedModel(make_checkpoint())
    shown = text(explain(trained, item_view(trained), trained.usual_user()))
    assert " [31mred   i" in shown
    assert {one for one in shown if unicodedata.category(one) == "Cc"} == {"\n"}
    trained.titles = {}
    trained.tokens = lambda items: ["\x1b[2Jtoken"]
    assert trained.title(1) == " [2Jtoken"


def test_no_file_is_written_if_one_of_the_users_is_unknown(make_checkpoint, tmp_path, capsys):
    users = ["--user=u3", "--user=nobody", "--output=out", "--no_pictures"]
    assert command.main([f"--checkpoint={make_checkpoint()}", *users]) == 1
    assert "user 'nobody' is not in the data" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_users_whose_tokens_are_no_file_names_have_files_of_their_own(
    make_checkpoint, toy_path, tmp_path, capsys
):
    path = toy_path / "toy" / "toy.inter"
    text = path.read_text(encoding="utf-8").replace("u3\t", "用户\t").replace("u4\t", "顾客\t")
    path.write_text(text, encoding="utf-8")
    users = ["--user=用户", "--user=顾客", "--user=用户"]
    command.main([f"--checkpoint={make_checkpoint()}", *users, "--output=out", "--no_pictures"])
    assert capsys.readouterr().out.count(".json") == 3
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("user_*.json")]
    assert sorted(json.loads(text)["user"] for text in written) == ["用户", "顾客"]


def test_mistakes_are_one_sentence(make_checkpoint, capsys):
    ours, other = make_checkpoint(), make_checkpoint("Pop")
    for arguments, code, says in (
        ([], 2, "--checkpoint="),
        (["--checkpoint=none.pth"], 2, "'none.pth' does not exist"),
        ([f"--checkpoint={ours}", "--top=0"], 2, "--top must be at least 1"),
        ([f"--checkpoint={ours}", "--epochs=2"], 2, "no effect"),
        ([f"--checkpoint={ours}", "--user=nobody"], 1, "user 'nobody' is not in the data"),
        ([f"--checkpoint={ours}", "--title_field=x"], 1, "no field 'x' for titles"),
        ([f"--checkpoint={other}"], 1, "holds Pop, and only CAMMSR can be taken apart"),
    ):
        assert command.main([*arguments, "--no_pictures"]) == code
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert says in error
        assert error.startswith("cammsr-explain: error: ")
