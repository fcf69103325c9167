"""Folders of UniSRec: sequences are rebuilt, contradictions told."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.unisrec_folder import read_items, read_sequences

N_ITEMS = 9
HEADER = "user_id:token\titem_id_list:token_seq\titem_id:token\n"


def write_folder(folder, sequences, window=50, newest_first=False, name="Toy"):
    """Write sequences the way UniSRec does: every prefix is a training row."""
    splits = {"train": [], "valid": [], "test": []}
    for user, sequence in enumerate(sequences):
        rows = [
            f"{user}\t{' '.join(map(str, sequence[max(0, n - window) : n]))}\t{sequence[n]}\n"
            for n in range(1, len(sequence))
        ]
        train = rows[:-2]
        splits["train"] += train[::-1] if newest_first else train
        splits["valid"] += rows[-2:-1]
        splits["test"] += rows[-1:]
    for split, rows in splits.items():
        (folder / f"{name}.{split}.inter").write_text(HEADER + "".join(rows))
    # The index is shuffled, so that position and index differ.
    order = [4, 0, 8, 2, 6, 1, 5, 3, 7]
    (folder / f"{name}.item2index").write_text("".join(f"I{n}\t{n}\n" for n in order))
    texts = "".join(f"I{n}\tThing {n}. Root Tools Saws. Acme. \n" for n in range(N_ITEMS))
    (folder / f"{name}.text").write_text("item_id:token\ttext:token_seq\n" + texts)
    matrix = np.arange(N_ITEMS * 4, dtype="<f4").reshape(N_ITEMS, 4)
    matrix[5] = 0
    matrix.tofile(folder / f"{name}.feat1CLS")


SEQUENCES = st.lists(
    st.lists(st.integers(0, N_ITEMS - 1), min_size=3, max_size=9), min_size=1, max_size=5
)


@settings(max_examples=40)
@given(SEQUENCES, st.sampled_from([3, 50]))
def test_sequences_are_rebuilt(tmp_path_factory, sequences, window):
    folder = tmp_path_factory.mktemp("unisrec")
    write_folder(folder, sequences, window)
    rebuilt = read_sequences(folder, "Toy")
    assert list(rebuilt.values()) == [list(map(str, sequence)) for sequence in sequences]


def test_an_index_may_have_leading_zeros(tmp_path):
    (tmp_path / "Toy.item2index").write_text("a\t01\nb\t00\n")
    assert read_items(tmp_path, "Toy") == ["b", "a"]


def test_cut_histories_written_newest_first(tmp_path):
    write_folder(tmp_path, [list(range(9))], window=3, newest_first=True)
    assert read_sequences(tmp_path, "Toy") == {"0": [str(n) for n in range(9)]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: (f / "Toy.test.inter").unlink(), "Toy.test.inter: no such file"),
        (lambda f: (f / "Toy.feat1CLS").write_bytes(b"123"), "3 bytes are no float32 matrix"),
        (lambda f: (f / "Toy.item2index").write_text("I0\t0\nI1\t0\n"), "index 0 occurs twice"),
        (lambda f: (f / "Toy.item2index").write_text("I0\t0\nI0\t1\n"), "an id occurs twice"),
        (lambda f: (f / "Toy.item2index").write_text("I0 0\n"), "line 1: not 'id<tab>index'"),
        (lambda f: (f / "Toy.item2index").write_text("I0\t0\nI1\t5\n"), "indices are not 0..1"),
        (lambda f: (f / "Toy.test.inter").write_text(HEADER + "0\t5 6\t7\n"), "do not continue"),
        (lambda f: (f / "Toy.test.inter").write_text(HEADER + "0\t0 1 2\t77\n"), "item '77'"),
    ],
)
def test_contradictions_end_in_a_sentence(tmp_path, capsys, change, words):
    write_folder(tmp_path, [[0, 1, 2, 3]])
    change(tmp_path)
    given = ["convert", "--from", "unisrec", "--folder", str(tmp_path), "--dataset", "toy"]
    assert cli.main([*given, "--output", str(tmp_path / "out"), "--quiet"]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out/toy.text.npz").exists()
