"""`cammsr-explain` on a tiny trained model: its files, its tables, its sentences."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from recbole_cammsr.cli import explain as command


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


def test_pictures_that_a_new_call_makes_untrue_are_removed(make_checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    stale = {"modality_weights.png", "recency.png", "user_u3.png"}
    kept = {"user_u4.png", "notes.png"}
    for name in stale | kept:
        (out / name).write_bytes(b"of an earlier call")
    ours = make_checkpoint()
    arguments = [f"--checkpoint={ours}", "--user=u3", "--no_pictures", f"--output={out}"]
    assert command.main(arguments) == 0
    assert set(os.listdir(out)) == kept | {"user_u3.json", "catalogue.json"}
    removed = capsys.readouterr().out.partition("removed, of an earlier call")[2]
    assert {os.path.basename(line.strip()) for line in removed.split("\n") if line} == stale


def test_titles_of_the_models_beside_are_of_the_same_column_where_there_is_one(
    make_checkpoint, add_titles, toy_path, tmp_path, capsys
):
    add_titles("title", "usual ")
    checkpoints = {"same": make_checkpoint("Pop")}
    shutil.copytree(toy_path, tmp_path / "elsewhere")  # without the column
    checkpoints["other"] = make_checkpoint("BPR", data_path=str(tmp_path / "elsewhere"))
    add_titles("label", "wanted ")
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


@pytest.mark.parametrize("asked", [True, False])
def test_histories_of_all_models_are_masked_as_asked_for(make_checkpoint, tmp_path, capsys, asked):
    ours, other = make_checkpoint(), make_checkpoint("Pop")
    arguments = [f"--checkpoint={ours}", f"--compare={other}", "--user=u3", "--no_pictures"]
    assert command.main([*arguments, f"--mask_history={asked}", "--output=out"]) == 0
    found = json.loads((tmp_path / "out" / "user_u3.json").read_text())
    rankings = [found["ranking"], *found["others"]]
    assert [ranking["ranks_own_items"] for ranking in rankings] == [not asked] * 2
    how = "without" if asked else "with"
    assert capsys.readouterr().out.count(f"\n  {how} the user's own items") == 2


def test_mistakes_are_one_sentence(make_checkpoint, capsys):
    ours, other = make_checkpoint(), make_checkpoint("Pop")
    for arguments, code, says in (
        ([], 2, "--checkpoint="),
        (["--checkpoint=none.pth"], 2, "'none.pth' does not exist"),
        ([f"--checkpoint={ours}", "--top=0"], 2, "--top must be at least 1"),
        ([f"--checkpoint={ours}", "--epochs=2"], 2, "no effect"),
        ([f"--checkpoint={ours}", "--mask_history=some"], 2, "must be True or False, not 'some'"),
        ([f"--checkpoint={ours}", "--user=nobody"], 1, "user 'nobody' is not in the data"),
        ([f"--checkpoint={ours}", "--title_field=x"], 1, "no field 'x' for titles"),
        ([f"--checkpoint={other}"], 1, "holds Pop, and only CAMMSR can be taken apart"),
    ):
        assert command.main([*arguments, "--no_pictures"]) == code
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert says in error
        assert error.startswith("cammsr-explain: error: ")


def test_a_model_beside_that_lacks_a_user_costs_no_other_list(
    make_checkpoint, toy_path, tmp_path, capsys
):
    ours, knows = make_checkpoint(), make_checkpoint("Pop")
    path = toy_path / "toy" / "toy.inter"
    lines = path.read_text(encoding="utf-8").splitlines()
    shutil.copytree(toy_path, tmp_path / "elsewhere")
    kept = "\n".join(line for line in lines if not line.startswith("u3\t")) + "\n"
    (tmp_path / "elsewhere" / "toy" / "toy.inter").write_text(kept, encoding="utf-8")
    lacks = make_checkpoint("BPR", data_path=str(tmp_path / "elsewhere"))
    beside = [f"--compare={lacks}", f"--compare={knows}"]
    code = command.main([f"--checkpoint={ours}", *beside, "--user=u3", "--output=out"])
    output = capsys.readouterr()
    assert code == 0, output.err
    assert f"BPR: no ranking\n  user 'u3' is not in the data of {lacks}" in output.out
    assert "Pop (what was taken next is at rank" in output.out
    lacking, known = json.loads((tmp_path / "out" / "user_u3.json").read_text())["others"]
    assert lacking["items"] == []
    assert lacking["target_rank"] is None
    assert len(known["items"]) == 10
