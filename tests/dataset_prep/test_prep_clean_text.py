"""Text survives RecBole's own way of reading atomic files."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.atomic_file import write_atomic_file
from recbole_cammsr.dataset_prep.clean_text import (
    check_token,
    clean_text,
    label_token,
    token_seq_text,
)

from recbole_cammsr.data.missing_cells import MISSING_CELLS
from recbole_cammsr.data.quoted_cells import labels_in


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Hair &amp; Body", "Hair & Body"),
        ("<b>Bold</b>\tand\n new", "Bold and new"),
        ("a\u00a0b\u200bc\x00", "a b c"),
        ("bath\u00adroom \u200eoak\ufeff", "bathroom oak"),
        (
            "\u0645\u06cc\u200c\u062e \U0001f469\u200d\U0001f4bb",
            "\u0645\u06cc\u200c\u062e \U0001f469\u200d\U0001f4bb",
        ),
        ("\U0003fffd\ue000", "\U0003fffd\ue000"),  # what this Python does not know
        ("a<style media='x'>p {color: red}</style>b <SCRIPT>f(1)\n</script >c", "a b c"),
        ("&lt;script&gt;x&lt;/script&gt;a", "a"),
        ("<script>1<script>2</script> a guide to <style> tags", "1 a guide to tags"),
        ("3 < 4 and 5 > 2", "3 < 4 and 5 > 2"),
        (None, ""),
        (float("nan"), ""),
        (12, "12"),
    ],
)
def test_clean_text(raw, clean):
    assert clean_text(raw) == clean


def test_labels_are_single_tokens():
    assert label_token('Creams, Gels & "Lotions"') == "Creams,_Gels_&_Lotions"
    assert label_token("N/A") == "N/A_"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), min_size=1, max_size=5))
def test_any_text_survives_the_reader(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("item") / "x.item"
    labels = [label_token(label) for _, label in pairs]
    header = ("item_id:token", "title:token_seq", "category:token", "categories:token_seq")
    rows = [
        (f"i{n}", token_seq_text(title), label, label)
        for n, ((title, _), label) in enumerate(zip(pairs, labels))
    ]
    write_atomic_file(path, header, rows)
    # Exactly how RecBole 1.2.1 reads it.
    frame = pd.read_csv(path, delimiter="\t", dtype=str, encoding="utf-8", engine="python")
    assert frame["item_id:token"].tolist() == [f"i{n}" for n in range(len(pairs))]
    for (title, _), label, read in zip(pairs, labels, frame.itertuples(index=False)):
        # A title that pandas takes for a missing value reads as empty text; nothing else changes.
        text = token_seq_text(title)
        assert read[1] == text or (pd.isna(read[1]) and text in {"", *MISSING_CELLS})
        assert read[2] == label or (pd.isna(read[2]) and label == "")
        assert " " not in label


@pytest.mark.parametrize("labels", [["'60s", "Girls'"], ["'Beauty'"], ["Men's", "'n'"]])
def test_labels_with_apostrophes_stay_apart(labels):
    tokens = [label_token(label) for label in labels]
    assert labels_in(" ".join(tokens), True, " ") == tokens


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        ("", "empty"),
        (" a", "blanks around it"),
        ("a\tb", "holds a tab, line break or double quote"),
        ('a"b', "holds a tab, line break or double quote"),
        ("a\n", "holds a tab, line break or double quote"),
        ("NA", "read as missing"),
        ("nan", "read as missing"),
        ("caf\ufffd", "holds bytes of another encoding"),
        ("\ud83d", "holds half a surrogate pair"),
    ],
)
def test_ids_that_would_change_are_refused(token, fault):
    with pytest.raises(ValueError, match=rf"x\.inter: .* \({fault}\): rename"):
        check_token(token, "x.inter")


def test_cells_with_tabs_or_line_breaks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="row 1 needs 2 cells"):
        write_atomic_file(tmp_path / "x", ("a:token", "b:token"), [("1\t2", "3")])
    with pytest.raises(ValueError, match="line break"):
        write_atomic_file(tmp_path / "x", ("a:token",), [("1\n2",)])
    assert not list(tmp_path.iterdir())
