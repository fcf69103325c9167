"""scikit-learn is imported by the metrics that use it, and by no others."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as theirs

CODE = """
import sys


class Watch:
    seen = []

    def find_spec(self, name, path=None, target=None):
        if "sklearn" in sys.modules and not hasattr(sys.modules["sklearn"], "__file__"):
            self.seen.append(name)


{before}import recbole_cammsr
sys.meta_path.insert(0, Watch())
import recbole.quick_start
from recbole.evaluator import metrics
print("sklearn" in sys.modules, "scipy.stats" in sys.modules, Watch.seen)
print(metrics.sk_auc([0.0, 0.25, 1.0], [0.0, 0.5, 1.0]))
print(metrics.mean_absolute_error([1, 2, 4], [2, 2, 7]))
print(metrics.mean_squared_error([1, 2, 4], y_pred=[2, 2, 7]))
import sklearn
print(hasattr(sklearn, "__version__"), sklearn.metrics.auc.__module__.split(".")[0])
print(metrics.sk_auc is sklearn.metrics.auc)
"""


@pytest.mark.parametrize("before", ["", "import sklearn; "])
def test_it_comes_with_the_first_metric_that_needs_it(before: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE.format(before=before)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    loaded, *values, module, same = done.stdout.splitlines()
    already = bool(before)
    assert loaded == f"{already} {already} []"  # nobody else met the stand-in
    assert [float(value) for value in values] == pytest.approx([0.625, 4 / 3, 10 / 3])
    assert module == "True sklearn"
    assert same == str(already)


def test_metrics_are_scikit_learns() -> None:
    from recbole.evaluator import metrics

    generator = np.random.default_rng(0)
    true, told = generator.random(50), generator.random(50)
    config = {"metric_decimal_place": 4}
    assert metrics.MAE(config).metric_info(told, true) == theirs.mean_absolute_error(true, told)
    root = np.sqrt(theirs.mean_squared_error(true, told))
    assert metrics.RMSE(config).metric_info(told, true) == root
    clicked = generator.integers(0, 2, 50)
    area = metrics.AUC(config).metric_info(told, clicked)
    assert area == pytest.approx(theirs.roc_auc_score(clicked, told))
