"""Control facts: small records that travel one by one as JSON that a person can read.

Bulk facts (samples, estimates) travel packed instead: see `stream.frames`.

Every `*_ns` field is a wall-clock UTC time in nanoseconds since 1970. `t_plant_s` is the plant's
own time in seconds: equal to UTC at a real plant, faster than the wall at an accelerated simulator.
Physics and rates use `t_plant_s`; freshness, latency and expiry use wall time.
"""

from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from control.events import Priority
from control.modes import Mode

SCHEMA_VERSION = 1

WHOLE_SECTION: Final = 0  # in the place of a cell's number
OUR_OPTIMISER: Final = "optimiser"  # who asks for a move of our own loop; nobody else has the name

# Kinds of model
DECIDES: Final = "reduced"  # a process decides with it
LEARNT: Final = "reduced-fields"  # learnt from fields, in a file


class RecordError(ValueError):
    """The bytes are not a record of the wanted type and schema version; the message says why."""


class MoveState(StrEnum):
    """How far a move has come: one `HELD`, or one `INTENT` and then one of the last three."""

    HELD = "held"  # the interlock did not permit it; `reasons` say why
    INTENT = "intent"  # permitted, about to be written
    VERIFIED = "verified"  # written, and the plant's read-back agrees
    FAILED = "failed"  # written or refused, and the read-back does not agree
    EXPIRED = "expired"  # permitted, but too old when its turn came: never sent


class CommandKind(StrEnum):
    """What people may say to the guard."""

    SET_MODE = "set_mode"  # needs mode
    SWITCH_OFF = "switch_off"
    SWITCH_ON = "switch_on"
    RESET_TRIP = "reset_trip"
    APPLY_OVERRIDE = "apply_override"  # needs setpoint, value, duration_s
    RELEASE_OVERRIDE = "release_override"  # needs setpoint
    REQUEST_BYPASS = "request_bypass"  # needs check, duration_s
    RELEASE_BYPASS = "release_bypass"  # needs check
    REQUEST_LIMIT = "request_limit"  # needs setpoint, limit, value
    APPROVE_LIMIT = "approve_limit"  # needs subject, digest
    REJECT_LIMIT = "reject_limit"  # needs subject


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all control records share. `schema_version` is the first field a reader looks at."""

    schema_version: int = SCHEMA_VERSION


class Proposal(Record, frozen=True, kw_only=True):
    """One cell's setpoints as the controller would have them: absolute values, never increments.

    `proposal_id` is made from (section, session, sequence, cell), so that a proposal sent twice
    after a restart is known as one.
    """

    proposal_id: str
    section: int
    cell: int  # 1-based, as painted on the cell
    session: int
    sequence: int
    setpoints: dict[str, float]  # setpoint name -> wanted value, in the unit of its name
    proposed_by: str  # "mpc", or the name of the fallback that stepped in
    solver_status: str
    fallback: str | None
    solve_ms: float
    reason: str  # one sentence for the operator
    figures: dict[str, float]  # the numbers behind the reason (estimate, prediction, shadow price)
    t_plant_s: float
    t_source_ns: int  # source time of the newest sample that the proposal rests on
    t_received_ns: int
    t_estimated_ns: int
    t_decided_ns: int
    expires_ns: int


class Move(Record, frozen=True, kw_only=True):
    """One setpoint of one cell on its way to the plant: asked, permitted, written, read back."""

    move_id: str  # proposal_id + "/" + setpoint
    proposal_id: str
    section: int
    cell: int
    setpoint: str
    state: MoveState
    mode: Mode
    asked: float
    applied: float | None  # after the interlock; None when held
    previous: float | None  # the plant's read-back before the move
    readback: float | None
    reasons: list[str]  # interlock verdicts or write errors, each an operator's sentence
    attempts: int
    t_plant_s: float
    t_source_ns: int
    t_received_ns: int
    t_estimated_ns: int
    t_decided_ns: int
    t_permitted_ns: int
    t_written_ns: int | None
    t_verified_ns: int | None
    asked_by: str = OUR_OPTIMISER  # or the person who overrides, or an optimiser from outside
    role: str = "optimiser"

    @property
    def is_from_outside(self) -> bool:
        """Whether an optimiser that is not ours asked for it."""
        return self.role == "optimiser" and self.asked_by != OUR_OPTIMISER


class SetpointRequest(Record, frozen=True, kw_only=True):
    """One setpoint of cells of a section as an optimiser that is not ours would have it.

    It is no decision of our loop and says nothing of that one's health; the guard judges it by the
    same interlock. A request that comes again under its id is not judged again.
    """

    request_id: str  # the requester's own
    section: int
    setpoint: str
    values: dict[int, float]  # cell -> wanted value, in the unit of the setpoint's name
    issued_by: str
    role: str
    reason: str
    t_issued_ns: int
    expires_ns: int

    @property
    def decision_id(self) -> str:
        """Id among those of all requesters; that of its moves' proposal."""
        return decision_id(self.issued_by, self.request_id)


class Command(Record, frozen=True, kw_only=True):
    """What a person asked the guard to do; which fields a kind needs stands at the kind.

    `cell` is `WHOLE_SECTION` for what concerns every cell of the section: modes, switches, resets
    of trips; limits always do.
    """

    command_id: str
    kind: CommandKind
    section: int
    cell: int
    issued_by: str
    role: str
    reason: str
    t_issued_ns: int
    expires_ns: int
    mode: Mode | None = None
    setpoint: str = ""
    value: float | None = None  # in the unit of the setpoint's name
    duration_s: float | None = None  # wall time
    check: str = ""  # of the interlock
    limit: str = ""  # of a setpoint
    subject: str = ""  # id of the request that this is about
    digest: str = ""  # of that request, as the approver saw it

    @property
    def wish(self) -> str:
        """What is asked for in words: the kind, and what it names beside that."""
        named = ("setpoint", "check", "limit", "value", "duration_s", "subject", "digest")
        words = [self.kind.value, *([] if self.mode is None else [self.mode.value])]
        words += [f"{name}={text}" for name in named if (text := getattr(self, name)) or text == 0]
        return " ".join(words)


class LaboratoryReport(Record, frozen=True, kw_only=True):
    """What a laboratory found in one sample of a cell's bath; what it did not analyse is None.

    A sample is known by its cell and its plant time, whoever reports it and however often.
    """

    report_id: str
    section: int
    cell: int
    t_drawn_plant_s: float  # plant time at which the sample was drawn
    t_drawn_ns: int | None  # wall time of it, where it is known
    alumina_wt_pct: float | None
    excess_alf3_wt_pct: float | None
    bath_temperature_c: float | None
    reported_by: str  # "plant", or the person or file
    t_reported_ns: int  # when it came to us


class Event(Record, frozen=True, kw_only=True):
    """Something abnormal began or ended, or a thing worth keeping happened. `name` is a key of
    `control.events.EVENTS`."""

    event_id: str
    name: str
    priority: Priority
    active: bool  # True: began; False: ended, or a one-time fact
    section: int | None
    cell: int | None
    sentence: str  # the operator's sentence, filled in
    advice: str
    origin: str  # the process that saw it
    details: dict[str, str | float | int | None]
    t_event_ns: int


class ModelRecord(Record, frozen=True, kw_only=True):
    """Which model there is or a process runs, so that an auditor can tell what decided what.

    What has no default every model has; the rest, those that are kept in a file.
    """

    model_id: str
    kind: str  # DECIDES or LEARNT
    plant_name: str
    plant_hash: str  # of the plant file; of a learnt cell, of its line and cell alone
    parameters: dict[str, float]
    t_created_ns: int
    program: str = ""  # version of the program that made it
    grid: str = ""  # of the full-order cell that it was learnt from
    errors: dict[str, float] = {}  # on what was held out, by name with unit
    artefact_path: str = ""  # absolute, on the machine that made it
    artefact_sha256: str = ""


class AuditCheckpoint(Record, frozen=True, kw_only=True):
    """The last record of an audit at one moment; `stream.audit.checkpoint` signs it.

    Attributes:
        chain: which chain.
        seq, seal: of its last record.
        t_utc_ns: when it was signed.
        signature: Ed25519 over the other fields, hex.
    """

    chain: str
    seq: int
    seal: str
    t_utc_ns: int
    signature: str = ""


class _Version(msgspec.Struct, frozen=True):
    """What every version of every record has."""

    schema_version: int = SCHEMA_VERSION


RecordT = TypeVar("RecordT", bound=Record)


def decision_id(requester: str, request_id: str) -> str:
    """Return what a request is known by; no account has a colon in its name."""
    return f"{requester}:{request_id}"


def encode(record: Record) -> bytes:
    """Return the record as UTF-8 JSON."""
    return msgspec.json.encode(record)


def decode(payload: bytes, record_type: type[RecordT]) -> RecordT:
    """Return the record in `payload`.

    Raises:
        RecordError: not JSON, another schema version, a missing, unknown or wrongly typed field.
            The message names the field.
    """
    try:
        version = msgspec.json.decode(payload, type=_Version).schema_version
        if version == SCHEMA_VERSION:  # only then is what the fields should be known
            return msgspec.json.decode(payload, type=record_type)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as exc:
        raise RecordError(f"not a {record_type.__name__}: {exc}") from exc
    raise RecordError(
        f"{record_type.__name__} of schema version {version}; "
        f"this program reads version {SCHEMA_VERSION}"
    )
