"""Partial Cholesky factors and solves, against numpy's linear algebra."""

import numpy as np
import pytest

from sparkprophet.numerics import cholesky


def positive_definite(n, seed):
    rng = np.random.default_rng(seed)
    B = rng.normal(size=(n + 3, n))
    return B.T @ B


VARIANTS = [cholesky._factor_loops, cholesky._factor_arrays, cholesky.partial_factor]
VARIANT_NAMES = ["loops", "arrays", "chosen"]


@pytest.mark.parametrize("factor", VARIANTS, ids=VARIANT_NAMES)
@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_full_factor_is_numpys(factor, n):
    A = positive_definite(n, n)
    expected = np.linalg.cholesky(A)
    factor(A, n)
    np.testing.assert_allclose(np.tril(A), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("factor", VARIANTS, ids=VARIANT_NAMES)
@pytest.mark.parametrize("columns", [0, 1, 4, 8])
def test_partial_factor_leaves_the_schur_complement(factor, columns):
    n = 9
    A = positive_definite(n, 5)
    lead, below, rest = A[:columns, :columns], A[columns:, :columns], A[columns:, columns:]
    schur = rest - below @ np.linalg.solve(lead, below.T)
    L = np.linalg.cholesky(A)
    F = A.copy()
    factor(F, columns)
    np.testing.assert_allclose(np.tril(F[columns:, columns:]), np.tril(schur), rtol=1e-9)
    np.testing.assert_allclose(np.tril(F)[:, :columns], L[:, :columns], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("factor", VARIANTS, ids=VARIANT_NAMES)
def test_only_the_lower_triangle_is_read(factor):
    A = positive_definite(6, 6)
    B = np.tril(A) + np.triu(np.full((6, 6), np.nan), 1)
    factor(A, 4)
    factor(B, 4)
    np.testing.assert_array_equal(np.tril(A), np.tril(B))


@pytest.mark.parametrize("factor", VARIANTS, ids=VARIANT_NAMES)
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_pivots_of_repeated_and_zero_columns_have_a_floor(factor, scale):
    rng = np.random.default_rng(0)
    B = scale * rng.normal(size=(20, 4))
    B = np.column_stack([B, B[:, 0], B[:, 1] - B[:, 2], np.zeros(20)])
    A = B.T @ B
    L = A.copy()
    factor(L, 7)
    pivots = np.diag(L)
    assert np.isfinite(np.tril(L)).all()
    assert (pivots > 0).all()
    # A share of about 1e-14 of the diagonal is what is left of a column spanned by the others.
    assert (pivots[4:6] ** 2 <= 1e-12 * np.diag(A)[4:6]).all()
    assert (pivots[4:6] ** 2 >= 1e-15 * np.diag(A)[4:6]).all()
    np.testing.assert_allclose(np.tril(L) @ np.tril(L).T, A, atol=1e-11 * scale**2 * 20)


@pytest.mark.parametrize("n", [1, 3, 12])
def test_solve_is_numpys(n):
    A = positive_definite(n, 10 + n)
    b = np.random.default_rng(n).normal(size=n)
    expected = np.linalg.solve(A, b)
    kept = b.copy()
    np.testing.assert_allclose(cholesky.solve(A, b), expected, rtol=1e-8)
    np.testing.assert_array_equal(b, kept)


def test_solve_of_a_singular_but_consistent_system_fits_it():
    B = np.random.default_rng(1).normal(size=(30, 5))
    B = np.column_stack([B, B[:, 0]])
    A = B.T @ B
    b = B.T @ np.random.default_rng(2).normal(size=30)
    x = cholesky.solve(A.copy(), b)
    np.testing.assert_allclose(A @ x, b, atol=1e-6 * np.abs(b).max())


def test_back_substitute_solves_the_transposed_leading_block():
    L = np.tril(np.random.default_rng(3).normal(size=(6, 6))) + 3 * np.eye(6)
    b = np.random.default_rng(4).normal(size=4)
    x = b.copy()
    cholesky.back_substitute(L, 4, x)
    np.testing.assert_allclose(L[:4, :4].T @ x, b, rtol=1e-12)
