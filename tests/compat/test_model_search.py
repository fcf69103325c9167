"""A model is found where RecBole finds it, and no other package of models is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: every model by its file before any is imported, one that is found, and then RecBole's own search
CODE = """
import importlib
import json
import sys
from pathlib import Path

import recbole_cammsr
from recbole import utils
from recbole.utils import get_model
from recbole_cammsr.compat import model_search
from recbole_cammsr.compat.requirement import recbole_folder
from recbole_cammsr.registry import MODELS

names = sorted(path.stem for path in Path(recbole_folder(), "properties", "model").glob("*.yaml"))
names += sorted(set(MODELS) - set(names)) + ["NoSuchModel", ""]
by_file = {
    name: [each for each in model_search._PACKAGES if model_search._has(each, name.lower())]
    for name in names
}
few = [name for name in sys.modules if name.startswith("recbole.model.")]
found = [get_model(name).__module__ for name in ("SASRec", "CAMMSR")]
loaded = [name for name in ("general", "context_aware", "sequential", "knowledge_aware")
          if f"recbole.model.{name}_recommender" in sys.modules]
print(json.dumps([few, found, loaded, "sklearn" in sys.modules]))
for package in model_search._PACKAGES[:-1]:  # the last needs lightgbm and xgboost
    importlib.import_module(package)
for name in names:
    imported = [each for each in model_search._PACKAGES if model_search._has(each, name.lower())]
    print(json.dumps([name, by_file[name], imported]))
"""


def test_it_is_found_where_recbole_finds_it() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    (few, found, loaded, sklearn), *rows = map(json.loads, done.stdout.splitlines())
    assert [name for name in few if name.endswith("_recommender")] in (
        [],
        ["recbole.model.abstract_recommender"],
    )
    assert found == ["recbole.model.sequential_recommender.sasrec", "recbole_cammsr.model.cammsr"]
    assert loaded == ["sequential"]
    assert not sklearn
    assert len(rows) > 90
    for name, by_file, imported in rows:
        assert by_file == imported, name
        assert len(by_file) <= 1, name
    places = {name: by_file for name, by_file, _ in rows}
    assert places["BPR"] == ["recbole.model.general_recommender"]
    assert places["FM"] == ["recbole.model.context_aware_recommender"]
    assert places["KGAT"] == ["recbole.model.knowledge_aware_recommender"]
    assert places["xgboost"] == ["recbole.model.exlib_recommender"]
    assert places["CAMMSR"] == ["recbole.model.sequential_recommender"]
    assert places["NoSuchModel"] == places[""] == []


@pytest.mark.parametrize("name", ["NoSuchModel", "", "SASREC"])
def test_names_of_no_model_are_refused_as_before(name: str) -> None:
    from recbole.utils import get_model

    with pytest.raises(ValueError, match="there is no model"):
        get_model(name)
