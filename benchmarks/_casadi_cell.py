"""The reduced cell as CasADi expressions: translated from what JAX runs, not retyped."""

from collections.abc import Callable, Sequence
from typing import Any

import casadi as ca
import jax
import jax.numpy as jnp
from jax.extend.core import Literal

# Values are CasADi scalars, or lists of them for vectors.
_SCALAR: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "max": ca.fmax,
    "min": ca.fmin,
    "neg": lambda a: -a,
    "abs": ca.fabs,
    "exp": ca.exp,
    "log": ca.log,
    "log1p": ca.log1p,
    "sqrt": ca.sqrt,
    "tanh": ca.tanh,
    "asinh": ca.asinh,
    "ne": lambda a, b: a != b,
    "le": lambda a, b: a <= b,
    "select_n": lambda which, no, yes: ca.if_else(which, yes, no),
    "convert_element_type": lambda a: a,
    "stop_gradient": lambda a: a,
}


def translate(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a JAX function of scalars and vectors makes of CasADi arguments.

    Args:
        function: traced with values of the shape of the arguments.
        arguments: CasADi scalars, or lists of them.

    Raises:
        NotImplementedError: it uses a primitive that has no translation here.
    """
    shapes = [jnp.zeros(len(a)) if isinstance(a, list) else jnp.zeros(()) for a in arguments]
    closed = jax.make_jaxpr(function)(*shapes)
    return _run(closed.jaxpr, closed.consts, arguments)[0]


def _run(jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    known = dict(zip(jaxpr.constvars, map(_plain, constants), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        return _plain(atom.val) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        made = _apply(equation, [read(atom) for atom in equation.invars])
        known |= dict(zip(equation.outvars, made, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(equation: Any, values: list[Any]) -> list[Any]:
    name, params = equation.primitive.name, equation.params
    if name in _SCALAR:
        return [_SCALAR[name](*values)]
    if name == "integer_pow":
        return [values[0] ** params["y"]]
    if name == "slice":
        return [values[0][params["start_indices"][0] : params["limit_indices"][0]]]
    if name == "squeeze":
        return [values[0][0]]
    if name == "stack":
        return [values]
    inner = params.get("jaxpr") or params.get("call_jaxpr")
    if inner is None:
        raise NotImplementedError(f"JAX's {name} has no translation to CasADi here")
    return _run(inner.jaxpr, inner.consts, values)


def _plain(value: Any) -> Any:
    array = jnp.asarray(value)
    return [float(v) for v in array] if array.ndim else float(array)
