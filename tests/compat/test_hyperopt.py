"""HyperTuning's exhaustive search draws with every hyperopt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def test_draws_are_those_of_randint() -> None:
    from recbole.trainer import hyper_tuning

    drawn = hyper_tuning.np.random.RandomState(3).integers(0, 9, size=20)
    np.testing.assert_array_equal(drawn, np.random.RandomState(3).randint(0, 9, size=20))
    assert not hasattr(np.random.RandomState, "integers")  # nobody else's is changed


@pytest.mark.parametrize("algo", ["exhaustive", "random", "bayes"])
def test_search_finds_the_best(algo: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("hyperopt", reason="hyperopt is optional")
    from recbole.trainer import HyperTuning

    def objective(config_dict: dict[str, Any], config_files: Any = None) -> dict[str, Any]:
        score = config_dict["a"] + 10 * config_dict["b"]
        return {
            "model": "none",
            "best_valid_score": score,
            "valid_score_bigger": True,
            "best_valid_result": {"score": score},
            "test_result": {"score": score},
        }

    tuning = HyperTuning(
        objective,
        params_dict={"choice": {"a": [1, 2, 3], "b": [1, 2]}},
        algo=algo,
        max_evals=8,
        early_stop=100,
    )
    tuning.run()
    tried = {
        key: result["best_valid_result"]["score"] for key, result in tuning.params2result.items()
    }
    if algo == "exhaustive":
        assert len(tried) == 6
    assert tuning.best_score == max(tried.values())
