"""What a node's built-in type can hold: our values made Variants, or a reason why not. Pure.

The client library packs a request whole: one value that does not fit breaks all of it, on the wire
or before. So every value is made to fit, or refused, before it joins a request.

    WireValueError (ValueError)   the node's type cannot hold the value; the message says why
"""

import math
from typing import Final

from asyncua import ua

_RANGES: Final[dict[ua.VariantType, tuple[int, int]]] = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}
WHOLE_NUMBERS: Final = frozenset(_RANGES)
_LARGEST: Final[dict[ua.VariantType, float]] = {
    ua.VariantType.Float: (2.0 - 2.0**-23) * 2.0**127,  # IEEE 754 binary32
    ua.VariantType.Double: math.inf,
}
# Up to here every whole number is exact, so that a count still moves by one.
_EXACT: Final[dict[ua.VariantType, int]] = {
    ua.VariantType.Float: 2**24,
    ua.VariantType.Double: 2**53,
}

RawValue = float | int | bool | str


class WireValueError(ValueError):
    """The node's type cannot hold the value."""


def wire_value(kind: ua.VariantType, value: RawValue) -> ua.Variant:
    """Return the value in a node's own type; whole numbers are rounded, not cut.

    Raises:
        WireValueError: a word for a number or the other way round, a number that is not finite or
            beyond the type's range, a type that is neither number nor Boolean nor String.
    """
    if kind is ua.VariantType.String:
        if not isinstance(value, str):
            raise WireValueError(f"{value!r} is no word, and the node's type is String")
        return ua.Variant(value, kind)
    if isinstance(value, str):
        raise WireValueError(f"{value!r} is a word, and the node's type is {kind.name}")
    if not math.isfinite(value):
        raise WireValueError(f"{value} is not a finite number")
    if kind is ua.VariantType.Boolean:
        if value not in (0, 1):
            raise WireValueError(f"{value:g} is neither 0 nor 1, and the node's type is Boolean")
        return ua.Variant(bool(value), kind)
    if kind in _RANGES:
        low, high = _RANGES[kind]
        if not low <= round(value) <= high:
            raise WireValueError(f"{value:g} is outside the node's type {kind.name}: {low}..{high}")
        return ua.Variant(round(value), kind)
    if kind in _LARGEST:
        if abs(value) > _LARGEST[kind]:
            raise WireValueError(f"{value:g} is beyond the node's type {kind.name}")
        return ua.Variant(float(value), kind)
    raise WireValueError(f"the node's type is {kind.name}, which is not written")


def wire_count(kind: ua.VariantType, count: int) -> ua.Variant:
    """Return a count as the node's type can show it: wrapped at its end, toggled in a Boolean.

    Args:
        count: 0 or more.

    Raises:
        WireValueError: a type that holds no count.
    """
    if kind is ua.VariantType.String:
        return ua.Variant(str(count), kind)
    if kind is ua.VariantType.Boolean:
        return ua.Variant(count % 2 == 1, kind)
    if kind in _RANGES:
        return wire_value(kind, count % (_RANGES[kind][1] + 1))
    return wire_value(kind, count % _EXACT.get(kind, 1))
