"""Batched text encoding against one text at a time, and memory against the number of items.

    python docs/measurements/text_encoding.py speed --items FILE --fields title,categories \
        --text-encoder MODEL [--count 300] [--rounds 3] [--threads 2]
    python docs/measurements/text_encoding.py memory [--counts 2000,8000,32000]

Speed: the same texts and the same encoder in every way of batching, in turn, medians over the
rounds; wall clock, so nothing else should run beside it (with one thread it is processor time,
which other work does not enter). Memory: a child process a size, its peak resident set, on
generated texts of eight words and with a random network of one layer, whose features have 384
values like those of real ones.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from recbole_cammsr.dataset_prep.commands import encode_text
from recbole_cammsr.dataset_prep.item_records import read_items
from recbole_cammsr.dataset_prep.item_text import item_text
from recbole_cammsr.dataset_prep.text_encoder import TextEncoder


def seconds(work: Callable[[], object]) -> float:
    """Time of a piece of work: of the wall clock, or of the processor with one thread."""
    import torch

    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    work()
    return clock() - start


def padded(encoder: TextEncoder, texts: list[str]) -> None:
    """One at a time, each padded to the model's limit, as many extraction scripts do."""
    import torch

    with torch.inference_mode():
        for text in texts:
            batch = encoder.tokenizer(
                [text],
                padding="max_length",
                truncation=True,
                max_length=encoder.max_length,
                return_tensors="pt",
            )
            encoder.model(**batch)


def speed(options: argparse.Namespace) -> None:
    """Compare ways of batching."""
    fields = options.fields.split(",")
    rows = islice(read_items(options.items, options.item_field, fields), 0, None, options.stride)
    texts = [item_text(record, fields) for _, record in rows]
    texts = [text for text in texts if text][: options.count]
    encoder = TextEncoder.from_pretrained(options.text_encoder, "cpu")
    rough = TextEncoder.from_pretrained(options.text_encoder, "cpu", precision="bfloat16")
    ids = encoder.tokenizer(texts, truncation=True, max_length=encoder.max_length)["input_ids"]
    lengths = [len(tokens) for tokens in ids]
    print(f"{len(texts)} texts, {statistics.mean(lengths):.0f} tokens on average")
    ways: dict[str, Callable[[], object]] = {
        "length-sorted batches": lambda: encoder.encode(texts),
        "length-sorted batches, bfloat16": lambda: rough.encode(texts),
        "length-sorted batches of 8192 tokens": lambda: encoder.encode(texts, 8192),
        "one at a time": lambda: [encoder.encode([text]) for text in texts],
        "one at a time, bfloat16": lambda: [rough.encode([text]) for text in texts],
    }
    # Forty times the work of a short text: a few texts are enough.
    few = texts[:: max(1, len(texts) // 20)]
    ways["one at a time, padded to the limit"] = lambda: padded(encoder, few)
    share = {"one at a time, padded to the limit": len(few) / len(texts)}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for one in (encoder, rough):
        one.encode(texts[:8])
    for _ in range(options.rounds):
        for name, work in ways.items():
            found[name].append(seconds(work) / share.get(name, 1.0) / len(texts))
    exact, close = encoder.encode(texts), rough.encode(texts)
    cosine = (exact * close).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(close, axis=1)
    print(f"bfloat16 against float32: cosine of a row at least {cosine.min():.5f}")
    best = statistics.median(found["length-sorted batches"])
    for name, values in found.items():
        middle = statistics.median(values)
        print(f"{name}: {1000 * middle:.2f} ms a text, {middle / best:.1f} times the first")


def memory(options: argparse.Namespace) -> None:
    """Encode generated catalogues of several sizes, each in a process of its own."""
    for count in map(int, options.counts.split(",")):
        command = [sys.executable, __file__, "child", "--counts", str(count)]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(f"{count:,} items: peak {run.stdout.split()[-1]} MB")


def make_model(folder: Path, words: list[str]) -> Path:
    """Write a random encoder that knows some words."""
    import tokenizers
    import transformers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: index for index, word in enumerate([*special, *words])}
    inner = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special))
    transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **names).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=384,
        num_hidden_layers=1,
        num_attention_heads=6,
        intermediate_size=384,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def child(options: argparse.Namespace) -> None:
    """Encode one generated catalogue and print the peak of memory."""
    rng = random.Random(0)
    words = [f"{a}{b}{c}" for a in "bdfk" for b in "aeiou" for c in "lmnrst"]
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.jsonl"
        with items.open("w") as file:
            for number in range(int(options.counts)):
                text = " ".join(rng.choices(words, k=8))
                file.write(json.dumps({"item_id": f"B{number:09d}", "title": text}) + "\n")
        parser = argparse.ArgumentParser()
        encode_text.add_arguments(parser)
        arguments = ["--dataset", "x", "--output", folder, "--items", str(items), "--quiet"]
        arguments += ["--fields", "title", "--device", "cpu", "--text-encoder"]
        model = make_model(Path(folder) / "model", words)
        encode_text.execute(parser.parse_args([*arguments, str(model)]))
    # Linux counts in kilobytes.
    print(round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "memory", "child"))
    parser.add_argument("--items")
    parser.add_argument("--item-field", default="item_id")
    parser.add_argument("--fields", default="title,categories")
    parser.add_argument("--text-encoder")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--stride", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--counts", default="2000,8000,32000")
    options = parser.parse_args()
    if options.what == "speed" and not (options.items and options.text_encoder):
        parser.error("speed needs --items and --text-encoder")
    if options.what == "speed" and not Path(options.items).is_file():
        parser.error(f"--items={options.items} is no file; name a table of items")
    import torch

    torch.set_num_threads(options.threads)
    {"speed": speed, "memory": memory, "child": child}[options.what](options)


if __name__ == "__main__":
    main()
