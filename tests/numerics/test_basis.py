"""Gram matrices, products and segment moments, against the matrices written out."""

import numpy as np
import pytest

from problems import CASES, change, make
from sparkprophet.numerics import basis as module
from sparkprophet.numerics.basis import Basis

NAMES = [name for name in CASES if ", mixed, " in name]


def basis_of(problem):
    return Basis(problem.t, problem.X, problem.changepoints, problem.growth)


def columns_of(problem):
    time = 0 * problem.t if problem.growth == "flat" else problem.t
    hinges = np.maximum(problem.t[:, None] - problem.changepoints, 0)
    return np.column_stack([time, np.ones(len(problem.t)), problem.X, hinges])


@pytest.mark.parametrize("name", NAMES)
def test_gram_and_products(name):
    problem = CASES[name]
    B, basis = columns_of(problem), basis_of(problem)
    np.testing.assert_allclose(basis.gram, B.T @ B, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(basis.products(problem.y), B.T @ problem.y, rtol=1e-10, atol=1e-10)
    K = problem.X.shape[1]
    keep = np.r_[:2, 2 + K : B.shape[1]]
    np.testing.assert_allclose(
        basis.trend_gram, (B.T @ B)[np.ix_(keep, keep)], rtol=1e-11, atol=1e-12
    )


def test_gram_in_blocks(monkeypatch):
    problem = make(S=3)
    whole = basis_of(problem).gram
    monkeypatch.setattr(module, "_BLOCK", 37)
    np.testing.assert_allclose(basis_of(problem).gram, whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_segments_part_the_rows_at_the_changepoints(name):
    problem = CASES[name]
    segments = basis_of(problem).segments
    assert segments[0] == 0 and segments[-1] == len(problem.t)
    inside = [(problem.t >= s).sum() for s in problem.changepoints]
    assert [len(problem.t) - start for start in segments[1:-1]] == inside


@pytest.mark.parametrize("name", NAMES)
def test_moments_are_sums_over_segments(name):
    problem = CASES[name]
    basis, K = basis_of(problem), problem.X.shape[1]
    moments = basis.moments
    if moments.shape[1] == 0:
        assert moments.shape == (3, 0, 0)
        return
    assert moments.shape == (3, len(problem.changepoints) + 1, K * (K + 1) // 2)
    for p in range(3):
        for s in range(moments.shape[1]):
            rows = slice(basis.segments[s], basis.segments[s + 1])
            X = problem.X[rows]
            expected = (X * problem.t[rows, None] ** p).T @ X
            np.testing.assert_allclose(
                moments[p, s], expected[np.tril_indices(K)], rtol=1e-10, atol=1e-11
            )


def test_moments_are_left_out_where_they_cost_more_than_they_save():
    assert basis_of(make(T=40, S=20)).moments.shape == (3, 0, 0)
    assert basis_of(make(T=400, S=20)).moments.shape[1] == 21


def test_flat_growth_has_no_changepoints():
    problem = change(make("flat"), changepoints=np.array([0.2, 0.4]))
    basis = basis_of(problem)
    assert len(basis.changepoints) == 0
    assert basis.gram.shape == (11, 11)
