"""Small stand-ins for pretrained models, made on the fly, and images of every awkward kind."""

from __future__ import annotations

import argparse
import importlib
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = SPECIAL + list("abcdefghijklmn.,")


def word_tokenizer(**special: object):
    """A tokenizer of ``WORDS`` that puts [CLS] before a text and [SEP] behind it."""
    transformers = pytest.importorskip("transformers")
    # Built from its parts, since the tokenizer classes of BERT changed between versions.
    tokenizers = pytest.importorskip("tokenizers")
    vocab = {word: index for index, word in enumerate(WORDS)}
    words = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    words.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, **special)


@pytest.fixture(scope="session")
def tiny_text_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer BERT of 16 dimensions with a 20-word vocabulary, without pooling files."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("tiny_bert")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
    )
    transformers.BertModel(config).save_pretrained(folder)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL))
    tokenizer = word_tokenizer(**names)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def save_text_model(tmp_path: Path):
    """A function that saves a model with a tokenizer of ``WORDS``; [SEP] ends its texts."""

    def save(model, **special: object) -> Path:
        folder = tmp_path / type(model).__name__
        model.save_pretrained(folder)
        word_tokenizer(unk_token="[UNK]", **special).save_pretrained(folder)
        return folder

    return save


@pytest.fixture
def with_pooling(tiny_text_model: Path, tmp_path: Path):
    """A function that copies the tiny model and adds sentence-transformers files to it."""

    def build(mode: str, normalize: bool, max_length: int | None = None) -> Path:
        folder = tmp_path / f"{mode}-{normalize}-{max_length}"
        folder.mkdir()
        for file in tiny_text_model.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        kinds = ["Transformer", "Pooling", *(["Normalize"] if normalize else [])]
        modules = [
            {"idx": i, "path": f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"}
            for i, kind in enumerate(kinds)
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "1_Pooling").mkdir()
        flags = {
            "word_embedding_dimension": 16,
            "pooling_mode_cls_token": mode == "cls",
            "pooling_mode_mean_tokens": mode == "mean",
            "pooling_mode_max_tokens": mode == "max",
        }
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(flags))
        if max_length:
            (folder / "sentence_bert_config.json").write_text(
                json.dumps({"max_seq_length": max_length})
            )
        return folder

    return build


@pytest.fixture(scope="session")
def encode_image():
    """A function that encodes an image of one mode, size and colour into a file's bytes."""
    image_module = pytest.importorskip("PIL.Image")

    def encode(
        mode: str = "RGB", size: tuple[int, int] = (8, 6), colour=None, kind: str = "PNG", **options
    ) -> bytes:
        buffer = io.BytesIO()
        image = image_module.new(mode, size, colour if colour is not None else 0)
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def run_prep():
    """A function that runs a sub-command of ``cammsr-prep`` on its arguments."""

    def run(name: str, *arguments: object) -> None:
        module = importlib.import_module(
            f"recbole_cammsr.dataset_prep.commands.{name.replace('-', '_')}"
        )
        parser = argparse.ArgumentParser(prog=name)
        module.add_arguments(parser)
        module.execute(parser.parse_args([str(argument) for argument in arguments]))

    return run


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """A machine whose clock is five hours behind UTC."""
    if not hasattr(time, "tzset"):
        pytest.skip("no time zone can be set here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "XYZ+5")
        time.tzset()
        yield
    time.tzset()
