"""Density peaks against loops and the authors' code; the interests of histories against sets."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import types
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from recbole_cammsr.model import interest_discovery
from recbole_cammsr.model.interest_discovery import Interests, density_peaks, discover


def naive_density_peaks(rows, n_clusters, neighbours):
    count, dimension = rows.shape
    apart = [
        [float((rows[i] - rows[j]).norm()) / math.sqrt(dimension) for j in range(count)]
        for i in range(count)
    ]
    density = [
        math.exp(-sum(d * d for d in sorted(row)[:neighbours]) / neighbours) for row in apart
    ]
    largest = max(map(max, apart))
    score = []
    for i in range(count):
        denser = [apart[i][j] for j in range(count) if (density[j], i) > (density[i], j)]
        score.append(density[i] * min([*denser, largest]))
    centres = sorted(range(count), key=lambda i: -score[i])[:n_clusters]
    cluster = [min(range(n_clusters), key=lambda c: apart[i][centres[c]]) for i in range(count)]
    for number, centre in enumerate(centres):
        cluster[centre] = number
    assume(len({round(each, 9) for each in score}) == count)  # else the order is a matter of chance
    members = [[rows[i] for i in range(count) if cluster[i] == c] for c in range(n_clusters)]
    return cluster, torch.stack([sum(each) / len(each) for each in members])


@given(st.integers(0, 10**6), st.integers(2, 14), st.integers(1, 5), st.data())
def test_density_peaks_are_those_of_loops_over_rows(seed, count, dimension, data):
    rows = torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed)).double()
    n_clusters = data.draw(st.integers(1, count))
    neighbours = data.draw(st.integers(1, count))
    cluster, vectors = density_peaks(rows, n_clusters, neighbours)
    expected_cluster, expected = naive_density_peaks(rows, n_clusters, neighbours)
    assert cluster.tolist() == expected_cluster
    assert torch.allclose(vectors, expected)


def test_rows_in_blocks_give_the_same_clusters(monkeypatch):
    rows = torch.randn(60, 5, generator=torch.Generator().manual_seed(1))
    whole = density_peaks(rows, 20, 6)
    monkeypatch.setattr(interest_discovery, "_HELD_DISTANCES", 7 * 60)
    for ours, expected in zip(density_peaks(rows, 20, 6), whole):
        assert torch.equal(ours, expected)


def test_equal_rows_still_give_as_many_clusters_as_asked_for():
    cluster, vectors = density_peaks(torch.ones(6, 3), 4, 2)
    assert set(cluster.tolist()) == set(range(4))
    assert torch.equal(vectors, torch.ones(4, 3))


def test_equal_rows_are_one_centre_where_there_are_others():
    rows = torch.randn(50, 4, generator=torch.Generator().manual_seed(6))
    rows[10:30] = rows[10]
    cluster, vectors = density_peaks(rows, 25, 5)
    assert len(set(cluster[10:30].tolist())) == 1
    assert len(torch.unique(vectors, dim=0)) == 25


def test_clusters_are_those_of_the_authors_code(monkeypatch):
    if "CAMMSR_MISSREC" not in os.environ:
        pytest.skip("CAMMSR_MISSREC names no checkout of MISSRec")
    for name in ("torchpq", "torchpq.clustering"):  # of their other clustering; needs a GPU
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["torchpq.clustering"].MinibatchKMeans = None
    file = Path(os.environ["CAMMSR_MISSREC"]) / "cluster_utils.py"
    spec = importlib.util.spec_from_file_location("authors_cluster_utils", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = torch.randn(300, 16, generator=torch.Generator().manual_seed(2))
    cluster, vectors = density_peaks(rows, 150, 30)
    their_cluster, their_vectors = module.cluster_dpc_knn(rows, 150, 30)
    assert torch.equal(cluster, their_cluster)
    # they divide by the number of rows and 1e-4
    count = torch.bincount(cluster).unsqueeze(1)
    assert torch.allclose(vectors * count / (count + 1e-4), their_vectors, atol=1e-5)


def test_what_an_item_lacks_belongs_to_no_interest():
    contents = torch.randn(9, 2, 4, generator=torch.Generator().manual_seed(3))
    present = torch.rand(9, 2, generator=torch.Generator().manual_seed(4)) < 0.6
    found = discover(contents, present, share=0.5, near=0.1)
    count = math.ceil(0.5 * int(present.sum()))
    assert found.vectors.shape == (1 + count, 4)
    assert torch.equal(found.vectors[0], torch.zeros(4))
    assert torch.equal(found.of_items > 0, present)
    assert set(found.of_items[present].tolist()) == set(range(1, 1 + count))
    for number in range(1, 1 + count):
        mean = contents[found.of_items == number].mean(dim=0)
        assert torch.allclose(found.vectors[number], mean, atol=1e-6)
    contents[~present] = torch.nan
    again = discover(contents, present, share=0.5, near=0.1)
    assert torch.equal(again.vectors, found.vectors)


def test_shares_round_up_whatever_they_are_in_binary():
    contents = torch.randn(30, 1, 2, generator=torch.Generator().manual_seed(5))
    held = torch.ones(30, 1, dtype=torch.bool)
    assert len(discover(contents, held, share=0.1, near=0.1).vectors) == 1 + 3
    assert len(discover(contents, held, share=0.0, near=0.0).vectors) == 1 + 1


def test_without_content_there_are_no_interests():
    found = discover(torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool), 0.5, 0.1)
    assert found.vectors.tolist() == [[0.0, 0.0, 0.0]]
    assert not found.of_items.any()
    assert found.of_histories(torch.tensor([[1, 2], [3, 0]])).tolist() == [[0], [0]]


@given(st.data())
def test_interests_of_histories_are_their_items_without_repetition(data):
    items, modalities = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    numbers = st.lists(st.integers(0, 4), min_size=modalities, max_size=modalities)
    rows = data.draw(st.lists(numbers, min_size=items, max_size=items))
    of_items = torch.tensor([[0] * modalities, *rows])
    histories = data.draw(
        st.lists(st.lists(st.integers(0, items), min_size=3, max_size=3), min_size=1, max_size=4)
    )
    interests = Interests(torch.zeros(5, 2), of_items).of_histories(torch.tensor(histories))
    expected = [
        sorted({number for item in row for number in of_items[item].tolist()} - {0})
        for row in histories
    ]
    width = max(1, *map(len, expected)) if expected else 1
    assert interests.tolist() == [row + [0] * (width - len(row)) for row in expected]
