"""The same data set without every user's last interaction: docs/results/design_choices.md.

    python docs/measurements/one_step_back.py --dataset amazon_beauty --data_path data \
        --output data_back

Its test item is the validation item of the data set, asked for after a history whose last item is
no training target, as in the test and not as in validation. What is chosen by it has not seen the
test.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd


def without_last(interactions: pd.DataFrame) -> pd.DataFrame:
    """Drop the latest interaction of every user.

    Args:
        interactions: columns ``user_id:token`` and ``timestamp:float``; of equal times the lower
            row is the later one, as in RecBole.

    Returns:
        The other rows, in their order.
    """
    times = interactions["timestamp:float"].astype(float)
    users = interactions.loc[times.sort_values(kind="stable").index, "user_id:token"]
    last = users.index[~users.duplicated(keep="last")]
    return interactions.drop(index=last)


def main() -> None:
    """Write the data set; its item file and features are copied."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data_path", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path, help="another data path")
    options = parser.parse_args()
    source, target = options.data_path / options.dataset, options.output / options.dataset
    name = f"{options.dataset}.inter"
    if not (source / name).is_file():
        parser.error(f"there is no {source / name}; name the data set and the folder it lies in")
    interactions = pd.read_csv(source / name, sep="\t", dtype=str, keep_default_na=False)
    if missing := {"user_id:token", "timestamp:float"} - set(interactions):
        parser.error(f"{source / name} lacks the columns {sorted(missing)}")
    if target.exists():
        parser.error(f"{target} is there already; delete it or name another --output")
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file() and path.suffix != ".inter":
            shutil.copy(path, target)
    kept = without_last(interactions)
    kept.to_csv(target / name, sep="\t", index=False)
    print(f"{target / name}: {len(kept)} interactions")


if __name__ == "__main__":
    main()
