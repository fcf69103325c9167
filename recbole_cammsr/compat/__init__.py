"""Makes stock RecBole 1.2.1 work on today's numpy, pandas, scipy, torch, dgl, ray and setuptools.

Each module here mends one break (``model_search`` and ``sklearn``: one waste) and exposes
``install()``, which only attaches hooks: the work is done when RecBole's own module is imported,
and only where a feature test finds the break. RecBole's files are never edited. Other packages stay
as they are for everyone but RecBole, with one exception: numpy gets back the names that RecBole's
code reads (``np.float``, ...), as RecBole's own ``Config`` gives them back to an older numpy.
"""

from __future__ import annotations

from recbole_cammsr.compat import (
    amp_dtype,
    anomaly,
    collected_values,
    dgl,
    distributed,
    hyperopt,
    missing_ids,
    model_search,
    numpy2,
    pandas3,
    ray,
    saved_loaders,
    scipy,
    sklearn,
    thop,
    torch26,
    torch_scatter,
    trainer,
    valid_metric,
    worker_start,
)
from recbole_cammsr.compat.requirement import require_recbole

__all__ = ["install", "require_recbole"]

_SHIMS = (
    numpy2,
    pandas3,
    missing_ids,
    model_search,
    torch26,
    torch_scatter,
    ray,
    scipy,
    sklearn,
    thop,
    hyperopt,
    collected_values,
    dgl,
    distributed,
    trainer,
    valid_metric,
    anomaly,
    amp_dtype,
    worker_start,
    saved_loaders,
)


def install() -> None:
    """Attach every shim to the RecBole modules that need it (idempotent)."""
    for shim in _SHIMS:
        shim.install()
