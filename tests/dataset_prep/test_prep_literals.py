"""Lines that are Python dictionaries, as old crawls hold them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
from recbole_cammsr.dataset_prep.item_records import read_items
from recbole_cammsr.dataset_prep.literals import json_or_literal
from recbole_cammsr.dataset_prep.record_file import NOT_JSON, RecordFile
from recbole_cammsr.dataset_prep.source_folder import Damage

RECORDS = [
    {"id": "1", "title": 'It\'s "on"', "tags": ["RPG", None], "early": True, "price": 4.5},
    {"id": "2", "title": "café\nbar", "tags": [], "early": False, "price": None},
]


@pytest.mark.parametrize("spell", [repr, json.dumps])
def test_both_spellings_give_the_same_records(spell, tmp_path: Path) -> None:
    lines = [spell(record) for record in RECORDS]
    path = tmp_path / "games.json"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    damage = Damage()
    assert list(RecordFile(path).records(damage)) == RECORDS
    assert not damage.skipped
    assert list(read_items(path, "id", ["title"])) == [(x["id"], x) for x in RECORDS]


def test_unicode_marks_of_python_2_are_read() -> None:
    assert json_or_literal("{u'id': u'caf\\xe9'}\n") == {"id": "café"}


@pytest.mark.parametrize(
    "line", ["{'id': open('secret')}", "{'id': '1', 'cut", "{'a', 'b'}", "'text'", "{'id': nan}"]
)
def test_nothing_is_run_and_other_lines_are_damage(line: str, tmp_path: Path) -> None:
    path = tmp_path / "games.json"
    path.write_text(f'{line}\n{{"id": "1"}}\n')
    damage = Damage()
    assert list(RecordFile(path).records(damage)) == [{"id": "1"}]
    assert damage.skipped == {NOT_JSON.format("games.json"): 1}
    with pytest.raises(ValueError, match=r"games\.json, line 1: not (JSON|a JSON object)"):
        list(read_items(path, "id", []))
