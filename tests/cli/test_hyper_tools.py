"""Finished trials of a search are in its file whatever ends it."""

from __future__ import annotations

from typing import Any

import pytest

from recbole_cammsr.cli.hyper_tools import Search, with_hyperopt
from recbole_cammsr.cli.search_space import Parameter


def test_every_trial_is_in_the_file_before_the_next_one_begins(tmp_path, monkeypatch):
    """A search that is killed says nothing more: nothing can be left to its end."""
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    output = tmp_path / "tuned.result"
    known = []

    def objective(config_dict: dict[str, Any], config_files: Any) -> dict[str, Any]:
        known.append(output.read_text().count("Test result:") if output.exists() else 0)
        score = config_dict["learning_rate"]
        return {
            **{"model": "none", "best_valid_score": score, "valid_score_bigger": True},
            **{"best_valid_result": {"ndcg@10": score}, "test_result": {"ndcg@10": score}},
        }

    monkeypatch.setattr("recbole.quick_start.objective_function", objective)
    parameters = [Parameter("learning_rate", "choice", (0.1, 0.3, 0.2))]
    search = Search(parameters, "params.txt", [], {}, str(output), None)
    best = with_hyperopt(search, "exhaustive", 100, 10)
    assert known == [0, 1, 2]
    assert output.read_text().count("Test result:") == 3
    assert best.parameters == {"learning_rate": 0.3}
