"""The methods of the front: what people may ask, with which arguments, and what is sound in them.

The server's library checks neither the number nor the types of arguments; `read_call` does. What an
optimiser from outside asks has a method of its own, in `opcua.front.setpoint_call`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua

from control.modes import WANTED_MODES, Mode
from stream.records import CommandKind

LONGEST_REASON: Final = 200  # characters, as on the screens
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: the field of `Wish` that it fills, and its name and type on the wire."""

    field: str
    name: str
    kind: ua.VariantType
    holds: str
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the line.

    Attributes:
        is_of_line: it concerns no cell, but every section.
    """

    name: str
    kind: CommandKind
    arguments: tuple[Argument, ...]
    holds: str
    is_of_line: bool = False

    @property
    def outputs(self) -> tuple[Argument, ...]:
        """What it gives back."""
        return OUTPUTS


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks, its arguments being sound."""

    kind: CommandKind
    cell: int = 0  # 0: the whole line
    reason: str = ""
    mode: Mode | None = None
    setpoint: str = ""
    value: float | None = None
    duration_s: float | None = None
    check: str = ""
    limit: str = ""
    subject: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call is turned away: a status, a sentence, and a status of each argument."""

    code: int
    sentence: str
    arguments: tuple[int, ...] = field(default=())


_DOUBLE, _STRING = ua.VariantType.Double, ua.VariantType.String
_CELL: Final = Argument("cell", "Cell", ua.VariantType.UInt16, "number of the cell")
_CELLS: Final = Argument("cell", "Cell", ua.VariantType.UInt16, "number of the cell; 0: the line")
_SETPOINT: Final = Argument("setpoint", "Setpoint", _STRING, "name as in the plant file")
_DURATION: Final = Argument("duration_s", "Duration", _DOUBLE, "seconds")
_REASON: Final = Argument("reason", "Reason", _STRING, "goes into the journal")
_CHECK: Final = Argument("check", "Check", _STRING, "step, rate, travel or line_budget")

METHODS: Final[tuple[Method, ...]] = (
    Method(
        "SetMode",
        CommandKind.SET_MODE,
        (_CELLS, Argument("mode", "Mode", _STRING, "MANUAL, ADVISORY or AUTO"), _REASON),
        "asks for a mode",
    ),
    Method("SwitchOff", CommandKind.SWITCH_OFF, (_CELLS, _REASON), "takes cells from potline"),
    Method("SwitchOn", CommandKind.SWITCH_ON, (_CELLS, _REASON), "gives cells back to potline"),
    Method("ResetTrip", CommandKind.RESET_TRIP, (_CELLS, _REASON), "ends a trip; cells are MANUAL"),
    Method(
        "ApplyOverride",
        CommandKind.APPLY_OVERRIDE,
        (
            _CELL,
            _SETPOINT,
            Argument("value", "Value", _DOUBLE, "in the unit of the setpoint's name"),
            _DURATION,
            _REASON,
        ),
        "holds a setpoint against the optimiser",
    ),
    Method(
        "ReleaseOverride",
        CommandKind.RELEASE_OVERRIDE,
        (_CELL, _SETPOINT),
        "gives a setpoint back to the optimiser",
    ),
    Method(
        "RequestBypass",
        CommandKind.REQUEST_BYPASS,
        (_CELL, _CHECK, _DURATION, _REASON),
        "leaves out a check of the interlock for a cell",
    ),
    Method(
        "ReleaseBypass",
        CommandKind.RELEASE_BYPASS,
        (_CELL, _CHECK),
        "makes the interlock of a cell whole again",
    ),
    Method(
        "RequestLimit",
        CommandKind.REQUEST_LIMIT,
        (
            _SETPOINT,
            Argument("limit", "Limit", _STRING, "low, high, max_step, max_rate_per_h, max_travel"),
            Argument("value", "Value", _DOUBLE, "in the unit of the limit"),
            _REASON,
        ),
        "asks for another limit, which somebody else has to approve",
        is_of_line=True,
    ),
    Method(
        "Approve",
        CommandKind.APPROVE_LIMIT,
        (
            Argument("subject", "Id", _STRING, "of the request"),
            Argument("digest", "Digest", _STRING, "of the request, as it was seen"),
        ),
        "approves a limit that somebody else asked for",
        is_of_line=True,
    ),
    Method(
        "Reject",
        CommandKind.REJECT_LIMIT,
        (Argument("subject", "Id", _STRING, "of the request"), _REASON),
        "turns a request down",
        is_of_line=True,
    ),
)
OUTPUTS: Final = (
    Argument("", "Sentence", _STRING, "why it was not obeyed; empty where it was"),
    Argument("", "Id", _STRING, "of what was asked, as in events and in Requests"),
)


def read_call(
    method: Method,
    arguments: Sequence[ua.Variant],
    cells: frozenset[int],
    setpoints: frozenset[str],
) -> Wish | Fault:
    """Return what a call asks for, or why it cannot be asked.

    Args:
        method: that is called.
        arguments: as they came.
        cells: of the line.
        setpoints: of the plant file.
    """
    wanted = method.arguments
    if len(arguments) != len(wanted):
        names = ", ".join(one.name for one in wanted)
        few = len(arguments) < len(wanted)
        code = ua.StatusCodes.BadArgumentsMissing if few else ua.StatusCodes.BadTooManyArguments
        sentence = f"{method.name} takes {len(wanted)} arguments ({names}), {len(arguments)} came"
        return Fault(code, f"{sentence}.")
    known = {"cell": cells if _CELL in wanted else cells | {0}, "setpoint": setpoints}
    values: dict[str, Any] = {}
    faults: dict[str, tuple[int, str]] = {}
    for argument, variant in zip(wanted, arguments, strict=True):
        found = _read(argument, variant, known)
        if isinstance(found, tuple):
            faults[argument.field] = found
        else:
            values[argument.field] = found
    if faults:
        codes = tuple(faults.get(one.field, (ua.StatusCodes.Good, ""))[0] for one in wanted)
        sentence = " ".join(text for _, text in faults.values())
        return Fault(ua.StatusCodes.BadInvalidArgument, sentence, codes)
    if "mode" in values:
        values["mode"] = Mode(values["mode"])
    return Wish(method.kind, **values)


def _read(
    argument: Argument, variant: ua.Variant, known: Mapping[str, frozenset[Any]]
) -> str | float | int | tuple[int, str]:
    """Return the value of an argument, or status and sentence of what is wrong with it."""
    name, value = argument.name, variant.Value
    if variant.VariantType != argument.kind or isinstance(value, list):
        came = variant.VariantType.name
        sentence = f"{name} is a {came}, and a single {argument.kind.name} is taken."
        return ua.StatusCodes.BadTypeMismatch, sentence
    if argument.kind is _DOUBLE:
        if not math.isfinite(value):
            return ua.StatusCodes.BadOutOfRange, f"{name} {value} is no finite number."
        if argument.field == "duration_s" and value <= 0.0:
            return ua.StatusCodes.BadOutOfRange, f"{name} {value:g} s: give it more than 0 s."
        return float(value)
    if argument.kind is _STRING:
        value = (value or "").strip()
        longest = LONGEST_REASON if argument.field == "reason" else LONGEST_NAME
        if not value:
            return ua.StatusCodes.BadOutOfRange, f"{name} is empty; {argument.holds}."
        if len(value) > longest or not value.isprintable():
            sentence = f"{name} has to be one line of at most {longest} characters."
            return ua.StatusCodes.BadOutOfRange, sentence
        if argument.field == "mode" and value not in WANTED_MODES:
            return (
                ua.StatusCodes.BadOutOfRange,
                f"{value} cannot be asked for; {argument.holds} can.",
            )
    choice = known.get(argument.field)
    if choice is not None and value not in choice:
        if argument.field == "cell":
            return ua.StatusCodes.BadOutOfRange, f"The line has no cell {value}."
        names = ", ".join(sorted(choice))
        return ua.StatusCodes.BadOutOfRange, f"There is no setpoint {value!r}; there are {names}."
    return value  # type: ignore[no-any-return]
