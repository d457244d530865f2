"""`RequestSetpoints`: its arguments, and what is sound in them.

It is the one method that is no person's: an optimiser that is not ours asks by it for one setpoint
of any cells, once a scan. Whatever is unsound in a call, nothing of it is sent.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua

from opcua.front.methods import LONGEST_NAME, LONGEST_REASON, Argument, Fault
from opcua.scans import to_ns
from stream.request_book import Asked

_CODES: Final = ua.StatusCodes
_DOUBLE, _STRING = ua.VariantType.Double, ua.VariantType.String


@dataclass(frozen=True, slots=True)
class SetpointMethod:
    """A method as its nodes show it."""

    name: str
    arguments: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    holds: str


REQUEST_SETPOINTS: Final = SetpointMethod(
    "RequestSetpoints",
    (
        Argument("request_id", "RequestId", _STRING, "of the caller's own, another for each call"),
        Argument(
            "expires", "ExpiresAt", ua.VariantType.DateTime, "nothing is written after that, UTC"
        ),
        Argument("cells", "CellIds", ua.VariantType.UInt16, "numbers of cells", is_list=True),
        Argument("setpoint", "Tag", _STRING, "name of the setpoint as in the plant file"),
        Argument(
            "values", "Values", _DOUBLE, "one for each cell, in the unit of the tag", is_list=True
        ),
        Argument("reason", "Reason", _STRING, "goes into the audit"),
    ),
    (
        Argument("", "Sentence", _STRING, "why the call was turned away; empty where it was not"),
        Argument(
            "",
            "Results",
            ua.VariantType.StatusCode,
            "of each cell: Good where the plant has what was asked for",
            is_list=True,
        ),
        Argument("", "Applied", _DOUBLE, "of each cell; NaN where nothing was", is_list=True),
        Argument("", "Sentences", _STRING, "of each cell, the interlock's reasons", is_list=True),
    ),
    "asks for a setpoint of cells, for an optimiser that is not potline's own",
)


@dataclass(frozen=True, slots=True)
class SetpointWish:
    """What an optimiser asks, its arguments being sound.

    Attributes:
        asked: with the cells in the order of the call.
        expires_ns: wall time; whether that is still to come, `opcua.front.setpoint_desk` says.
    """

    request_id: str
    expires_ns: int
    asked: Asked
    reason: str


@dataclass(frozen=True, slots=True)
class SetpointFault(Fault):
    """Why a call is turned away, with a status of each cell where the lists can be told apart."""

    cells: tuple[int, ...] = ()


_Found = dict[str, tuple[int, str]]  # argument -> status and sentence


def read_request(
    arguments: Sequence[ua.Variant], cells: frozenset[int], setpoints: frozenset[str]
) -> SetpointWish | SetpointFault:
    """Return what a call asks for, or why it cannot be asked.

    Args:
        arguments: as they came.
        cells: of the line.
        setpoints: of the plant file.
    """
    wanted = REQUEST_SETPOINTS.arguments
    if len(arguments) != len(wanted):
        names = ", ".join(one.name for one in wanted)
        few = len(arguments) < len(wanted)
        code = _CODES.BadArgumentsMissing if few else _CODES.BadTooManyArguments
        sentence = f"RequestSetpoints takes {len(wanted)} arguments ({names}), "
        return SetpointFault(code, f"{sentence}{len(arguments)} came.")
    values: dict[str, Any] = {}
    faults: _Found = {}
    for argument, variant in zip(wanted, arguments, strict=True):
        if sentence := _mistyped(argument, variant):
            faults[argument.field] = (_CODES.BadTypeMismatch, sentence)
        else:
            values[argument.field] = variant.Value
    for name, longest in (("request_id", LONGEST_NAME), ("reason", LONGEST_REASON)):
        if name in values and (sentence := _no_line(values[name], longest)):
            faults[name] = (_CODES.BadOutOfRange, f"{_name(name)} {sentence}")
    if "setpoint" in values and values["setpoint"] not in setpoints:
        names = ", ".join(sorted(setpoints))
        faults["setpoint"] = (
            _CODES.BadOutOfRange,
            f"There is no setpoint {_shown(values['setpoint'])}; there are {names}.",
        )
    of_cells: tuple[int, ...] = ()
    if "cells" in values and "values" in values:
        faults |= _odd_lists(values["cells"], values["values"], cells)
        if "cells" not in faults and "values" not in faults:
            of_cells = _look_at_cells(values["cells"], values["values"], cells, faults)
    if faults:
        codes = tuple(faults.get(one.field, (_CODES.Good, ""))[0] for one in wanted)
        sentence = " ".join(text for _, text in faults.values())
        return SetpointFault(_CODES.BadInvalidArgument, sentence, codes, of_cells)
    return SetpointWish(
        values["request_id"].strip(),
        to_ns(values["expires"]),
        Asked(
            values["setpoint"],
            dict(zip(values["cells"], map(float, values["values"]), strict=True)),
        ),
        values["reason"].strip(),
    )


def expiry_fault(wish: SetpointWish, now_ns: int, longest_s: float) -> SetpointFault | None:
    """Return why a request cannot be good until then, or None.

    Args:
        now_ns: wall time.
        longest_s: that a request may be good.
    """
    good_for_s = (wish.expires_ns - now_ns) / 1e9
    if good_for_s <= 0.0:
        sentence = f"ExpiresAt was {-good_for_s:.1f} s ago."
    elif good_for_s > longest_s:
        sentence = f"ExpiresAt is {good_for_s:.0f} s ahead, of {longest_s:g} s at most."
    else:
        return None
    return argument_fault("expires", _CODES.BadOutOfRange, sentence)


def argument_fault(name: str, code: int, sentence: str) -> SetpointFault:
    """Return the fault of one argument, by its field, all others being sound."""
    codes = tuple(code if one.field == name else _CODES.Good for one in REQUEST_SETPOINTS.arguments)
    return SetpointFault(_CODES.BadInvalidArgument, sentence, codes)


def _odd_lists(numbers: Sequence[int], values: Sequence[float], cells: frozenset[int]) -> _Found:
    """Return what is wrong with two lists as a whole."""
    if not numbers:
        return {"cells": (_CODES.BadNothingToDo, "CellIds is empty.")}
    if len(numbers) > len(cells):
        sentence = f"CellIds names {len(numbers)} cells, and the line has {len(cells)}."
        return {"cells": (_CODES.BadTooManyOperations, sentence)}
    if len(numbers) != len(values):
        sentence = f"{len(numbers)} CellIds and {len(values)} Values: give one for each cell."
        return {"values": (_CODES.BadOutOfRange, sentence)}
    return {}


def _look_at_cells(
    numbers: Sequence[int], values: Sequence[float], cells: frozenset[int], faults: _Found
) -> tuple[int, ...]:
    """Return a status of each cell, and add to `faults` what is wrong with any of them."""
    often = Counter(numbers)
    codes = []
    for cell, value in zip(numbers, values, strict=True):
        code = _CODES.Good
        if cell not in cells:
            code, name, sentence = _CODES.BadOutOfRange, "cells", f"The line has no cell {cell}."
        elif often[cell] > 1:
            code, name, sentence = _CODES.BadEntryExists, "cells", f"Cell {cell} is named twice."
        elif not math.isfinite(value):
            name, sentence = "values", f"The value of cell {cell}, {value}, is no finite number."
            code = _CODES.BadOutOfRange
        if code != _CODES.Good:
            faults.setdefault(name, (code, sentence))  # the first is named; all have a status
        codes.append(code)
    return tuple(codes)


def _mistyped(argument: Argument, variant: ua.Variant) -> str:
    """Return what is wrong with the type of an argument; "" where it is right."""
    value, name = variant.Value, argument.name
    if variant.VariantType != argument.kind or isinstance(value, list) != argument.is_list:
        wanted = f"a list of {argument.kind.name}" if argument.is_list else argument.kind.name
        return f"{name} has to be {wanted}."
    if value is None or (argument.is_list and any(one is None for one in value)):
        return f"{name} is empty."
    if argument.is_list and any(isinstance(one, list) for one in value):
        return f"{name} has to be a list of one dimension."
    return ""


def _no_line(text: str, longest: int) -> str:
    text = text.strip()
    if text and len(text) <= longest and text.isprintable():
        return ""
    return f"has to be one line of 1 to {longest} characters."


def _name(of_field: str) -> str:
    return next(one.name for one in REQUEST_SETPOINTS.arguments if one.field == of_field)


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…")
