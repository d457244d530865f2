"""Smoothing by a polynomial of the operator, for operators scaled to a diagonal of 1.

The eigenvalues of such an operator lie between 0 and 2 (Gershgorin: what a box gives to its
neighbours is at most its diagonal). A polynomial p(A) is symmetric, has no order in which boxes are
visited, and needs nothing but applications.
"""

from collections.abc import Callable

import numpy as np
from jax import Array
from numpy.polynomial import Polynomial

HIGHEST_EIGENVALUE = 2.0


def compute_coefficients(degree: int, lowest: float) -> tuple[float, ...]:
    """Coefficients of p so that 1 - a p(a) is least for eigenvalues a from `lowest` to 2.

    Args:
        degree: of 1 - a p(a); p has as many coefficients.
        lowest: eigenvalue above which errors are to be smoothed away.

    Returns:
        The coefficients of p, of the power 0 first.

    Source:
        Chebyshev's polynomials of the first kind (Adams, Brezina, Hu and Tuminaro 2003).
    """
    width = HIGHEST_EIGENVALUE - lowest
    inner = Polynomial([(HIGHEST_EIGENVALUE + lowest) / width, -2.0 / width])
    lower, upper = Polynomial([1.0]), inner
    for _ in range(degree - 1):
        lower, upper = upper, 2.0 * inner * upper - lower
    remainder = 1.0 - upper / upper(0.0)
    return tuple(float(value) for value in np.asarray(remainder.coef)[1:])


def smooth(
    apply: Callable[[Array], Array],
    shrink: Callable[[Array], Array],
    right: Array,
    coefficients: tuple[float, ...],
) -> Array:
    """Approximate solution p(A) b, by Horner's rule.

    Args:
        apply: A, which takes a margin off a row at each end.
        shrink: takes the same margins off, and does nothing else.
        right: b, with a margin for every coefficient but one.
        coefficients: of p, of the power 0 first.
    """
    field = coefficients[-1] * right
    for coefficient in coefficients[-2::-1]:
        right = shrink(right)
        field = coefficient * right + apply(field)
    return field
