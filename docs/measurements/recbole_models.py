"""Every model of RecBole, trained, tested and opened again on small generated data.

    python docs/measurements/recbole_models.py --output here.csv            # with this package
    python docs/measurements/recbole_models.py --output stock.csv --stock   # with RecBole alone
    python docs/measurements/recbole_models.py --compare here.csv stock.csv

Two epochs of each model, on one thread. ``--stock`` needs no more than RecBole, in an environment
where it works by itself (numpy 1.26, pandas 2.2); there the figures should be the same to the last
digit. Models that need a package of their own (XGBoost, LightGBM, NCL's faiss, for stock RecBole
dgl and torch_scatter too) have the error in their row where it is missing. Models that draw while
they are evaluated are not the same when opened again: DIN and DIEN (100 items a target), Random,
KTUP, KGIN, MCCLK.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import re
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

DATASET = "small"
USERS, ITEMS, GENRES, ENTITIES, RELATIONS, WIDTH = 60, 50, 6, 80, 4, 16
LOADED = {
    "inter": ["user_id", "item_id", "rating", "timestamp"],
    "user": ["user_id", "age", "occupation"],
    "item": ["item_id", "class", "year"],
}
KNOWLEDGE = {
    "link": ["item_id", "entity_id"],
    "kg": ["head_id", "relation_id", "tail_id"],
}
#: for the sequential models that read the graph, with vectors of it from files
READING_VECTORS = {
    "load_col": {
        **LOADED,
        **KNOWLEDGE,
        "entity": ["ent_id", "entity_vector"],
        "relation": ["rel_id", "relation_vector"],
    },
    "additional_feat_suffix": ["entity", "relation"],
    "alias_of_entity_id": ["ent_id"],
    "alias_of_relation_id": ["rel_id"],
    "preload_weight": {"ent_id": "entity_vector", "rel_id": "relation_vector"},
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    "embedding_size": WIDTH,
}
PRETRAINED = {"pretrain_epochs": 2, "save_step": 2}
STAGES: dict[str, list[dict[str, Any]]] = {
    # trained in steps; None stands for the checkpoint of the step before
    "S3Rec": [
        {"train_stage": "pretrain", **PRETRAINED},
        {"train_stage": "finetune", "pre_model_path": None},
    ],
    "RaCT": [
        {"train_stage": "actor_pretrain", **PRETRAINED},
        {"train_stage": "critic_pretrain", **PRETRAINED, "pre_model_path": None},
        {"train_stage": "finetune", "pre_model_path": None},
    ],
    "KD_DAGFM": [
        {"phase": "teacher_training"},
        {"phase": "distillation", "warm_up": None},
        {"phase": "finetuning", "warm_up": None},
    ],
}
NEEDED: dict[str, dict[str, Any]] = {
    "BERT4Rec": {"transform": "mask_itemseq"},
    "SHAN": {"transform": "inverse_itemseq"},
    "Caser": {"reproducibility": False},
    "NextItNet": {"reproducibility": False, "block_num": 1},
    "S3Rec": {"item_attribute": "class"},
    "RaCT": {"metrics_k": 20},
    "SASRecCPR": {"reranker_CAN_NUM": 20},
    "GRU4RecCPR": {"reranker_CAN_NUM": 20},
    "NCL": {"num_clusters": 5, "warm_up_step": 0},
    "KTUP": {"train_rec_step": 1, "train_kg_step": 1},
    "KSR": {"kg_embedding_size": WIDTH, **READING_VECTORS},
    "GRU4RecKG": READING_VECTORS,
    **{name: {"selected_features": ["class"]} for name in ("SASRecF", "GRU4RecF", "FDSA")},
    # RecBole has no defaults for these
    "XGBoost": {
        "xgb_params": {"objective": "binary:logistic", "eval_metric": ["auc", "logloss"]},
        "xgb_num_boost_round": 2,
    },
    "LightGBM": {
        "lgb_params": {"objective": "binary", "metric": ["auc", "binary_logloss"]},
        "lgb_num_boost_round": 2,
    },
}
#: RecBole's general models that learn whole rows, without negative items
ROWS = ("MultiDAE", "MultiVAE", "ENMF", "MacridVAE", "CDAE", "RecVAE", "RaCT")
#: RecBole's sequential models whose loss takes a negative item, whatever ``loss_type`` says
PAIRWISE = ("FPMC", "TransRec", "RepeatNet", "DIN", "DIEN")
COLUMNS = ("model", "stage", "trained", "opened again", "validation", "test", "error")


def write_data(folder: Path) -> None:
    """Write users, items, interactions and a knowledge graph, the same with any Python."""
    rng = random.Random(1)
    target = folder / DATASET
    target.mkdir(parents=True)

    def write(suffix: str, header: str, rows: Iterable[Iterable[object]]) -> None:
        lines = ["\t".join(header.split()), *("\t".join(map(str, row)) for row in rows)]
        (target / f"{DATASET}.{suffix}").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def vector() -> str:
        return " ".join(f"{rng.gauss(0, 0.1):.3f}" for _ in range(WIDTH))

    interactions = []
    for user in range(USERS):
        time = rng.randrange(1000)
        for item in rng.sample(range(ITEMS), rng.randint(6, 20)):
            time += rng.randint(1, 50)
            interactions.append((user, item, rng.randint(1, 5), time))
    header = "user_id:token item_id:token rating:float timestamp:float"
    write("inter", header, interactions)
    people = [(user, rng.randint(18, 70), f"job{rng.randrange(5)}") for user in range(USERS)]
    write("user", "user_id:token age:token occupation:token", people)
    genres = [f"genre{each}" for each in range(GENRES)]
    films = [
        (item, " ".join(rng.sample(genres, rng.randint(1, 3))), rng.randint(1980, 2000))
        for item in range(ITEMS)
    ]
    write("item", "item_id:token class:token_seq year:token", films)
    write("link", "item_id:token entity_id:token", [(item, f"e{item}") for item in range(ITEMS)])
    ends = [("e", ENTITIES), ("r", RELATIONS), ("e", ENTITIES)]
    triples = {tuple(f"{kind}{rng.randrange(count)}" for kind, count in ends) for _ in range(400)}
    write("kg", "head_id:token relation_id:token tail_id:token", sorted(triples))
    entities = [(f"e{each}", vector()) for each in range(ENTITIES)]
    write("entity", "ent_id:token entity_vector:float_seq", entities)
    relations = [(f"r{each}", vector()) for each in range(RELATIONS)]
    write("relation", "rel_id:token relation_vector:float_seq", relations)


def models() -> Iterator[tuple[str, str]]:
    """Kind and name of every model that RecBole finds by its name; nothing is imported for it."""
    import recbole

    for kind in ("general", "context_aware", "sequential", "knowledge_aware", "exlib"):
        folder = Path(recbole.__file__).parent / "model" / f"{kind}_recommender"
        for path in sorted(folder.glob("*.py")):
            classes = re.findall(r"^class (\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
            yield from ((kind, name) for name in classes if name.lower() == path.stem)


def settings_of(kind: str, model: str) -> dict[str, Any]:
    """What ``model`` needs beside RecBole's defaults, small enough for seconds."""
    reads = {**LOADED, **KNOWLEDGE} if kind == "knowledge_aware" else LOADED
    settings: dict[str, Any] = {"load_col": reads}
    if kind in ("context_aware", "exlib"):
        settings["threshold"] = {"rating": 3}
    if kind == "sequential":
        settings["MAX_ITEM_LIST_LENGTH"] = 10
    if model in ROWS or (kind == "sequential" and model not in PAIRWISE):
        settings["train_neg_sample_args"] = None
    return {**settings, **NEEDED.get(model, {})}


def newest(folder: Path) -> str:
    """The last checkpoint in ``folder`` (XGBoost leaves its trees beside it)."""
    files = (path for path in folder.glob("*.pth") if "-temp" not in path.name)
    found = sorted(files, key=os.path.getmtime)
    if not found:
        raise FileNotFoundError(f"{folder} has no checkpoint")
    return str(found[-1])


def run(model: str, settings: dict[str, Any], folder: Path) -> Iterator[dict[str, object]]:
    """Train, test and open again, in as many stages as the model has; one row each."""
    from recbole.quick_start import run_recbole

    checkpoints = folder / "saved" / model
    for number, stage in enumerate(STAGES.get(model, [{}])):
        row: dict[str, object] = {"model": model, "stage": number, "trained": False}
        before = {k: newest(checkpoints) if v is None else v for k, v in stage.items()}
        fixed = {
            "epochs": 2,
            "train_batch_size": 256,
            "state": "ERROR",
            "show_progress": False,
            "use_gpu": False,
            "gpu_id": "",
            "data_path": str(folder),
            "checkpoint_dir": str(checkpoints),
        }
        try:
            result = run_recbole(
                model=model, dataset=DATASET, config_dict={**fixed, **settings, **before}
            )
            row["validation"] = shown(result["best_valid_result"])
            row["test"] = shown(result["test_result"])
            row["trained"] = True
            if before.get("train_stage", "finetune") == "finetune":
                row["opened again"] = shown(opened_again(newest(checkpoints))) == row["test"]
        except Exception as error:  # a table of what fails is what this script is for
            row["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        yield row
        if not row["trained"]:
            return


def opened_again(checkpoint: str) -> dict[str, float]:
    """Test metrics of a checkpoint that RecBole reads from its file."""
    from recbole.quick_start import load_data_and_model
    from recbole.utils import get_trainer

    config, model, _, train, _, test = load_data_and_model(checkpoint)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)
    return dict(trainer.evaluate(test, load_best_model=False, show_progress=False))


def shown(result: dict[str, float] | None) -> str:
    """Metrics in one cell."""
    return " ".join(f"{name}={value}" for name, value in (result or {}).items())


def compare(here: Path, stock: Path) -> list[str]:
    """One line for each model that differs, and a last one with the number that do not."""
    tables = []
    for path in (here, stock):
        with open(path, newline="", encoding="utf-8") as handle:
            tables.append({(row["model"], row["stage"]): row for row in csv.DictReader(handle)})
    both = [key for key in tables[0] if key in tables[1]]
    lines = []
    for key in both:
        ours, theirs = (table[key] for table in tables)
        lines += [
            f"{' '.join(key)}, {column}: {ours[column] or '-'} | {theirs[column] or '-'}"
            for column in ("validation", "test", "error")
            if ours[column] != theirs[column]
        ]
    differing = {line.split(",")[0] for line in lines}
    return [*lines, f"{len(both) - len(differing)} of {len(both)} rows are the same"]


def main() -> None:
    """Run the models and write a row of each as soon as it is there, or compare two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", help="default: all")
    parser.add_argument("--output", type=Path, help="CSV to write")
    parser.add_argument("--stock", action="store_true", help="without this package")
    parser.add_argument("--compare", type=Path, nargs=2, metavar="CSV")
    request = parser.parse_args()
    if request.compare:
        for path in request.compare:
            if not path.is_file():
                parser.error(f"--compare: {path} is no file")
        print("\n".join(compare(*request.compare)))
        return
    if not request.output:
        parser.error("--output is missing")
    if not request.output.resolve().parent.is_dir():
        parser.error(f"--output: there is no folder {request.output.parent}")
    sys.argv = sys.argv[:1]  # RecBole's Config reads the command line
    if request.stock:
        # torch 2.6 and later refuse RecBole's checkpoints otherwise; they were written just now
        os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    else:
        import recbole_cammsr  # noqa: F401
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    known = list(models())
    unknown = set(request.models or []) - {name for _, name in known}
    if unknown:
        parser.error(f"--models: RecBole has no {', '.join(sorted(unknown))}")
    output = request.output.resolve()
    with tempfile.TemporaryDirectory() as name, open(output, "w", newline="") as handle:
        folder = Path(name)
        write_data(folder)
        os.chdir(folder)  # RecBole writes logs where it runs
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        for kind, model in known:
            if request.models and model not in request.models:
                continue
            for row in run(model, settings_of(kind, model), folder):
                writer.writerow(row)
                handle.flush()
                state = row.get("error") or f"trained, opened again: {row.get('opened again', '-')}"
                print(f"{model} {row['stage']}: {state}", flush=True)


if __name__ == "__main__":
    main()
