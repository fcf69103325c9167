"""How a model says that its token states are pooled."""

from __future__ import annotations

import json

import pytest
from recbole_cammsr.dataset_prep.pooling import Pooling, read_pooling


def test_pooling_files_of_either_generation():
    def files(**contents):
        return lambda name: contents.get(name.replace("/", "_").replace(".", "_"))

    transformer = {"type": "sentence_transformers.models.Transformer", "path": ""}
    pool = {"type": "sentence_transformers.sentence_transformer.modules.Pooling", "path": "1_P"}
    new = files(
        modules_json=json.dumps([transformer, pool]),
        **{"1_P_config_json": json.dumps({"pooling_mode": "cls"})},
    )
    assert read_pooling(new, "m") == Pooling("cls")
    scaled = files(modules_json=json.dumps([transformer, {"type": "a.Normalize"}]))
    assert read_pooling(scaled, "m") == Pooling("mean", True)
    for kind in ("Dense", "LayerNorm"):
        with pytest.raises(ValueError, match=f"^m: .* '{kind}'"):
            read_pooling(files(modules_json=json.dumps([{"type": f"a.{kind}"}])), "m")
    with pytest.raises(ValueError, match=r"^m: modules\.json is not JSON"):
        read_pooling(files(modules_json="{"), "m")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "'cls', 'mean':"),
        (
            {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
            "'mean', 'pooling_mode_max_tokens':",
        ),
        ({"pooling_mode_mean_tokens": False}, "none at all:"),
        ({"pooling_mode": "max"}, "'max':"),
    ],
)
def test_pooling_that_is_not_offered_is_not_replaced_by_another(config, says):
    """Sentence-transformers joins the vectors of several modes, which have other widths."""
    modules = [{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "1_Pooling"}]
    files = {"modules.json": json.dumps(modules), "1_Pooling/config.json": json.dumps(config)}
    with pytest.raises(ValueError, match=rf"m: 1_Pooling/config\.json asks for pooling {says}"):
        read_pooling(files.get, "m")
    del files["1_Pooling/config.json"]
    with pytest.raises(
        ValueError, match=r"m: modules\.json names 1_Pooling/config\.json, which is"
    ):
        read_pooling(files.get, "m")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"modules.json": '{"type": "a.Pooling"}'}, r"modules\.json holds \{'type'.*not a list of"),
        ({"modules.json": "null"}, r"modules\.json holds None, not a list of modules"),
        ({"modules.json": '["a.Pooling"]'}, r"modules\.json has 'a\.Pooling' where a module"),
        (
            {"modules.json": '[{"type": "a.Pooling", "path": "p"}]', "p/config.json": '["cls"]'},
            r"p/config\.json holds \['cls'\], not an object of settings",
        ),
        (
            {"modules.json": "[]", "sentence_bert_config.json": "128"},
            r"sentence_bert_config\.json holds 128, not an object of settings",
        ),
        *(
            (
                {"modules.json": "[]", "sentence_bert_config.json": f'{{"max_seq_length": {it}}}'},
                r"sentence_bert_config\.json has max_seq_length .*: write the number of tokens",
            )
            for it in ('"many"', "-1", "0", "true", "12.5")
        ),
    ],
)
def test_files_of_another_shape_are_named(files, says):
    with pytest.raises(ValueError, match=f"^m: {says}"):
        read_pooling(files.get, "m")


@pytest.mark.parametrize(("said", "read"), [('{"max_seq_length": 96}', 96), ("{}", None)])
def test_the_length_is_the_number_the_files_say(said, read):
    files = {"modules.json": "[]", "sentence_bert_config.json": said}
    assert read_pooling(files.get, "m").max_length == read
    files["sentence_bert_config.json"] = '{"max_seq_length": null}'
    assert read_pooling(files.get, "m").max_length is None
