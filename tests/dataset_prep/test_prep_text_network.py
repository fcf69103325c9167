"""Text encoders that are no plain encoders: two towers, a decoder beside the encoder, or alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.pooling import Pooling
from recbole_cammsr.dataset_prep.text_encoder import TextEncoder
from recbole_cammsr.dataset_prep.text_network import TextNetwork, give_padding

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TEXTS = ["a b c d e f g", "h", "i j k", "a", "b , c . d"]
LONG = "a b c d e f g h " * 10
WIDTHS = {
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
PADDED = {"pad_token": "[PAD]", "eos_token": "[SEP]"}


def two_towers(name: str):
    """A random CLIP or SigLIP of 12 positions; [SEP] is its end token."""
    torch.manual_seed(0)
    text = {
        **WIDTHS,
        "vocab_size": 24,
        "max_position_embeddings": 12,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "pad_token_id": 0,
    }
    more = {"projection_dim": 6} if name == "CLIP" else {}
    config = getattr(transformers, f"{name}Config")(
        text_config=text, vision_config={**WIDTHS, "image_size": 8, "patch_size": 4}, **more
    )
    return getattr(transformers, f"{name}Model")(config)


def t5():
    """A random T5, whose encoder has no limit of its own."""
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=24, d_model=8, d_kv=4, d_ff=16, num_layers=2, num_heads=2, pad_token_id=0
    )
    return transformers.T5Model(config)


def bart():
    """A random BART of 14 positions."""
    torch.manual_seed(0)
    layers = {f"{part}_layers": 2 for part in ("encoder", "decoder")}
    heads = {f"{part}_attention_heads": 2 for part in ("encoder", "decoder")}
    widths = {f"{part}_ffn_dim": 16 for part in ("encoder", "decoder")}
    config = transformers.BartConfig(
        vocab_size=24, d_model=8, max_position_embeddings=14, **layers, **heads, **widths
    )
    return transformers.BartModel(config)


def gpt2():
    """A random GPT-2 of 16 positions."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=24, n_embd=8, n_layer=2, n_head=2, n_positions=16, eos_token_id=3
    )
    return transformers.GPT2Model(config)


def one_by_one(encoder: TextEncoder, function) -> np.ndarray:
    """What a function of a text's tokens, without padding or mask, gives for each text."""
    rows = []
    with torch.inference_mode():
        for text in TEXTS:
            ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
            rows.append(function(ids)[0].numpy())
    return np.stack(rows)


def embedding(model, ids):
    """The text vector of a two-tower model, whatever its version returns."""
    output = model.get_text_features(input_ids=ids)
    return getattr(output, "pooler_output", output)


def test_two_towers_give_the_vector_that_shares_a_space_with_images(save_text_model):
    encoder = TextEncoder.from_pretrained(str(save_text_model(two_towers("CLIP"), **PADDED)))
    features = encoder.encode(TEXTS, tokens_per_batch=30)
    assert features.shape == (len(TEXTS), 6)
    model = encoder.model
    np.testing.assert_allclose(
        features, one_by_one(encoder, lambda ids: embedding(model, ids)), atol=1e-5
    )
    assert encoder.pooling == Pooling("joint")
    # The positions of its text tower.
    assert encoder.max_length == 12
    assert np.isfinite(encoder.encode([LONG])).all()


def test_siglip_reads_texts_padded_to_all_its_positions_without_a_mask(save_text_model):
    encoder = TextEncoder.from_pretrained(str(save_text_model(two_towers("Siglip"), **PADDED)))
    model = encoder.model

    def padded(ids):
        return embedding(model, torch.nn.functional.pad(ids, (0, 12 - ids.shape[1])))

    expected = one_by_one(encoder, padded)
    for budget in (1, 1000):
        np.testing.assert_allclose(encoder.encode(TEXTS, budget), expected, atol=1e-5)
    # A limit of tokens cuts a text, not the positions.
    shorter = TextEncoder(model, encoder.tokenizer, Pooling())
    shorter.max_length = 5
    np.testing.assert_allclose(shorter.encode([LONG]), shorter.encode(["a b c"]), atol=1e-6)
    np.testing.assert_allclose(shorter.encode(["a"]), encoder.encode(["a"]), atol=1e-6)


@pytest.mark.parametrize(("build", "limit"), [(t5, 512), (bart, 14)])
def test_of_a_model_with_a_decoder_the_encoder_reads(save_text_model, build, limit):
    whole = build().eval()
    encoder = TextEncoder.from_pretrained(str(save_text_model(whole, **PADDED)))
    expected = one_by_one(
        encoder, lambda ids: whole.get_encoder()(input_ids=ids).last_hidden_state.mean(1)
    )
    np.testing.assert_allclose(encoder.encode(TEXTS, 30), expected, atol=1e-5)
    assert encoder.max_length == limit
    assert np.isfinite(encoder.encode([LONG])).all()


def test_what_a_checkpoint_of_an_encoder_lacks_of_the_decoder_is_no_part_of_the_fingerprint(
    save_text_model,
):
    whole = t5()
    folder = str(save_text_model(whole, **PADDED))
    complete = TextEncoder.from_pretrained(folder)
    only = transformers.T5EncoderModel(whole.config)
    only.encoder.load_state_dict(whole.encoder.state_dict())
    only.save_pretrained(folder)
    prints = {TextEncoder.from_pretrained(folder).fingerprint() for _ in range(2)}
    # Its config says that it has no decoder.
    assert TextEncoder.from_pretrained(folder).encode(TEXTS).shape == (len(TEXTS), 8)
    assert prints == {complete.fingerprint()}
    with torch.no_grad():
        whole.encoder.final_layer_norm.weight[0] += 1
    whole.save_pretrained(folder)
    assert TextEncoder.from_pretrained(folder).fingerprint() not in prints


def test_decoder_pads_with_its_end_token(save_text_model):
    # As the tokenizer of GPT-2, which makes no token types.
    special = {"eos_token": "[SEP]", "model_input_names": ["input_ids", "attention_mask"]}
    encoder = TextEncoder.from_pretrained(str(save_text_model(gpt2(), **special)))
    model = encoder.model
    expected = one_by_one(encoder, lambda ids: model(input_ids=ids).last_hidden_state.mean(1))
    np.testing.assert_allclose(encoder.encode(TEXTS, 30), expected, atol=1e-5)
    assert encoder.max_length == 16


def test_unusable_models_are_refused_in_one_sentence(save_text_model, monkeypatch):
    folder = save_text_model(gpt2())
    with pytest.raises(ValueError, match=r"neither a padding nor an end token.*set pad_token in"):
        TextEncoder.from_pretrained(str(folder))

    model = two_towers("CLIP")
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("text_projection")}
    folder = save_text_model(model, **PADDED)
    model.save_pretrained(folder, state_dict=state)
    says = rf"'{re.escape(str(folder))}': its checkpoint lacks text_projection\.w"
    with pytest.raises(ValueError, match=says):
        TextEncoder.from_pretrained(str(folder))

    folder = save_text_model(two_towers("CLIP"), **PADDED)
    encoder = TextEncoder.from_pretrained(str(folder))
    # As FLAVA and BLIP-2 do.
    monkeypatch.setattr(
        encoder.model, "get_text_features", lambda input_ids, attention_mask: torch.zeros(1, 4, 8)
    )
    with pytest.raises(ValueError, match=r"CLIPModel': CLIPModel has vectors of tokens, none of"):
        encoder.encode(["a"])


def test_positions_of_a_text_tower_that_begin_after_the_padding_are_not_used_up(save_text_model):
    text = transformers.RobertaConfig(
        **WIDTHS, vocab_size=24, max_position_embeddings=13, pad_token_id=1
    )
    vision = transformers.ViTConfig(**WIDTHS, image_size=8, patch_size=4)
    config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
        vision, text, projection_dim=6
    )
    model = transformers.VisionTextDualEncoderModel(config)
    encoder = TextEncoder.from_pretrained(str(save_text_model(model, **PADDED)))
    assert encoder.max_length == 11
    assert encoder.encode([LONG, "a"]).shape == (2, 6)
    # Its texts are masked, unlike those of the two towers that were trained on padding.
    expected = one_by_one(encoder, lambda ids: embedding(encoder.model, ids))
    np.testing.assert_allclose(encoder.encode(TEXTS, 30), expected, atol=1e-5)


def test_command_names_how_a_two_tower_model_pools(
    save_text_model, tmp_path: Path, run_prep, capsys
):
    items = tmp_path / "i.jsonl"
    items.write_text("".join(json.dumps({"item_id": n, "title": "a b"}) + "\n" for n in range(3)))
    arguments = ["--items", items, "--dataset", "toy", "--output", tmp_path, "--fields", "title"]
    folder = save_text_model(two_towers("CLIP"), **PADDED)
    run_prep("encode-text", *arguments, "--text-encoder", folder, "--quiet")
    assert re.search(r"values each +6\n.*\n +pooling +joint\n", capsys.readouterr().out)


def test_two_towers_in_half_the_bits_give_whole_numbers_of_the_file(save_text_model):
    folder = str(save_text_model(two_towers("CLIP"), **PADDED))
    exact = TextEncoder.from_pretrained(folder).encode(TEXTS)
    rough = TextEncoder.from_pretrained(folder, precision="bfloat16").encode(TEXTS)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.1


def test_an_end_token_of_number_zero_pads_too():
    """As that of GPT-NeoX."""
    tokenizer = SimpleNamespace(
        pad_token_id=None, pad_token=None, eos_token_id=0, eos_token="<|endoftext|>"
    )
    give_padding(tokenizer)
    assert tokenizer.pad_token == "<|endoftext|>"


def stand_in(is_encoder_decoder: bool = False, **parts) -> SimpleNamespace:
    """What a network asks of a model, with these parts."""
    config = SimpleNamespace(model_type="stub", is_encoder_decoder=is_encoder_decoder)
    model = SimpleNamespace(config=config, **parts)
    model.named_modules = lambda: [("", model), *parts.items()]
    return model


ENCODER, DECODER = SimpleNamespace(), SimpleNamespace()
READER = {"get_encoder": lambda: ENCODER}
TOWERS = {"get_text_features": lambda **tensors: SimpleNamespace(last_hidden_state=tensors)}


@pytest.mark.parametrize(
    ("parts", "reads"),
    [
        ({**READER, "encoder": ENCODER, "decoder": DECODER}, True),
        ({**READER, "encoder": ENCODER, "is_encoder_decoder": True}, True),
        ({**READER, "encoder": ENCODER}, False),
        ({**READER, "decoder": DECODER}, False),
        ({"encoder": ENCODER, "decoder": DECODER}, False),
        ({**READER, **TOWERS, "encoder": ENCODER, "decoder": DECODER}, False),
    ],
)
def test_an_encoder_reads_alone_where_there_is_a_decoder_and_no_second_tower(parts, reads):
    model = stand_in(**parts)
    network = TextNetwork(model)
    assert network.module is (ENCODER if reads else model)
    lacking = ["encoder.norm", "decoder.norm"]
    assert network.own(lacking) == (("norm",) if reads else tuple(lacking))


def test_only_weights_that_all_texts_go_through_must_be_in_the_checkpoint():
    towers, tower = TextNetwork(stand_in(**TOWERS)), TextNetwork(stand_in())
    assert towers.own(["logit_scale"]) == ("logit_scale",)
    # The states that are pooled come before it.
    assert tower.own(["text_projection.weight"]) == ("text_projection.weight",)
    with pytest.raises(ValueError, match=r"'SimpleNamespace': its checkpoint lacks text_proj"):
        towers.own(["logit_scale", "text_projection.weight"])


def test_a_model_that_takes_any_tensors_is_given_all():
    """As one whose method is wrapped, of which the names cannot be read."""

    class Wrapped(torch.nn.Module):
        config = SimpleNamespace(model_type="wrapped")

        def forward(self, **tensors):
            return SimpleNamespace(last_hidden_state=torch.stack(list(tensors.values()), -1))

    given = {"input_ids": torch.ones(1, 3), "token_type_ids": torch.zeros(1, 3)}
    assert TextNetwork(Wrapped()).states(given).tolist() == [[[1.0, 0.0]] * 3]


def test_a_model_that_has_states_alone_has_no_vector_of_a_text():
    given = {"input_ids": torch.ones(1, 3)}
    with pytest.raises(ValueError, match="has vectors of tokens, none of a text"):
        TextNetwork(stand_in(**TOWERS)).vectors(given)


@pytest.mark.parametrize("name", ["siglip", "siglip2", "clip"])
def test_both_generations_of_siglip_read_padded_texts(name):
    class Model(torch.nn.Module):
        config = SimpleNamespace(model_type=name)

        def get_text_features(self, input_ids, attention_mask=None):
            return torch.full((1, 2), float(attention_mask is None))

    network = TextNetwork(Model())
    assert network.padded == (name != "clip")
    batch = {"input_ids": torch.ones(1, 3), "attention_mask": torch.ones(1, 3)}
    assert bool(network.vectors(batch).all()) == network.padded
