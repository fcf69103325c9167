"""Which pictures of an earlier call are removed."""

from __future__ import annotations

from recbole_cammsr.analysis.explained_files import CATALOGUE_PICTURES, remove_stale


def test_only_own_pictures_that_were_not_written_are_removed(tmp_path):
    others = ["user_b.png", "user_a.json", "catalogue.json", "holiday.png"]
    for name in [*CATALOGUE_PICTURES, "user_a.png", *others]:
        (tmp_path / name).touch()
    written = [tmp_path / "item_map.png", tmp_path / "user_a.json"]
    removed = {path.name for path in remove_stale(tmp_path, ["a"], written)}
    assert removed == {*CATALOGUE_PICTURES, "user_a.png"} - {"item_map.png"}
    assert {path.name for path in tmp_path.iterdir()} == {*others, "item_map.png"}
    assert remove_stale(tmp_path / "absent", ["a"], []) == []
