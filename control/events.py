"""The event table: every abnormal condition, what it leads to, what the operator reads and may do.

Code detects and names; this table decides. A sentence may hold `{placeholders}`, filled from the
event's details.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Consequence(StrEnum):
    """What the loop does about an event, from mild to final."""

    JOURNAL = "journal"  # kept, nothing else
    WARN = "warn"  # shown
    HOLD = "hold"  # the cells it concerns keep their last setpoints
    SHED = "shed"  # the cells it concerns go back to local control
    TRIP = "trip"  # latched until a person resets it


class Priority(StrEnum):
    """How urgent (shape, letter and colour go with it in the display)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table."""

    name: str
    priority: Priority
    consequence: Consequence
    sentence: str
    advice: str


EVENTS: Final[dict[str, EventType]] = {
    row.name: row
    for row in (
        EventType(
            "samples_stale",
            Priority.HIGH,
            Consequence.HOLD,
            "No fresh samples from section {section} for {age_s} s.",
            "Check the SCADA connection and the gateway; cells keep their setpoints meanwhile.",
        ),
        EventType(
            "clocks_apart",
            Priority.HIGH,
            Consequence.SHED,
            "Samples of section {section} are dated {ahead_s} s ahead of the guard's clock.",
            "Set the clocks of the SCADA server and of the guard's machine: one of them is wrong.",
        ),
        EventType(
            "clocks_drift",
            Priority.LOW,
            Consequence.WARN,
            "Samples of section {section} are dated {ahead_ms} ms ahead of the guard's clock.",
            "Look at the time service of both machines before the second is reached that sheds.",
        ),
        EventType(
            "scada_clock_apart",
            Priority.HIGH,
            Consequence.SHED,
            "The clock of SCADA is {apart_ms} ms {side} the guard's, give or take {error_ms} ms.",
            "Set the clocks of the SCADA server and of the guard's machine: one of them is wrong.",
        ),
        EventType(
            "scada_clock_drift",
            Priority.LOW,
            Consequence.WARN,
            "The clock of SCADA is {apart_ms} ms {side} the guard's, give or take {error_ms} ms.",
            "Look at the time service of both machines before the second is reached that sheds.",
        ),
        EventType(
            "scada_clock_measured",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "The clock of SCADA is {apart_ms} ms {side} the guard's, give or take {error_ms} ms.",
            "",
        ),
        EventType(
            "sign_of_life_late",
            Priority.LOW,
            Consequence.WARN,
            "Nothing has come from {what} for {age_s} s.",
            "One now and then is a busy machine; if it goes on, cells are held and then shed.",
        ),
        EventType(
            "samples_missing",
            Priority.LOW,
            Consequence.WARN,
            "{frames} frames of section {section} never arrived.",
            "Check the gateway and the broker; the estimate went on from what did arrive.",
        ),
        EventType(
            "sample_rejected",
            Priority.LOW,
            Consequence.WARN,
            "Samples of section {section} are being rejected: {reason}.",
            "Look at the rejects for the cell and signal; check the instrument.",
        ),
        EventType(
            "channel_lost",
            Priority.MEDIUM,
            Consequence.WARN,
            "Channel {channel} of {signal} cannot be relied on for {cells}: {fault}.",
            "Check that sensor; the vote goes on with those that are left. A cell that loses the "
            "last one of its voltage is shed.",
        ),
        EventType(
            "message_unreadable",
            Priority.MEDIUM,
            Consequence.WARN,
            "A message on {topic} could not be read: {reason}.",
            "Find out who writes to that topic; the message is kept with the rejects.",
        ),
        EventType(
            "agent_failed",
            Priority.MEDIUM,
            Consequence.WARN,
            "The {agent} step failed on one message: {error}.",
            "The message is kept with the dead letters; report it, it is a bug.",
        ),
        EventType(
            "decision_fell_back",
            Priority.LOW,
            Consequence.WARN,
            "Cell {cell}: the optimiser gave no optimal plan ({status}); {fallback} stepped in.",
            "One now and then is harmless; many point to a bad measurement or limit.",
        ),
        EventType(
            "decision_late",
            Priority.LOW,
            Consequence.HOLD,
            "A decision for section {section} took {seconds} s, longer than its deadline: nothing "
            "of it is proposed, setpoints stay.",
            "Check the load of the machine; the next decision comes within a control period.",
        ),
        EventType(
            "move_held",
            Priority.LOW,
            Consequence.HOLD,
            "Cell {cell}: move of {setpoint} held: {reason}.",
            "Clear the named condition; the controller proposes again by itself.",
        ),
        EventType(
            "readback_mismatch",
            Priority.MEDIUM,
            Consequence.SHED,
            "Cell {cell}: {setpoint} was written as {written} but reads back {readback}.",
            "Check the cell's controller; put the cell back in AUTO when it follows.",
        ),
        EventType(
            "line_without_current",
            Priority.HIGH,
            Consequence.TRIP,
            "The line current is {current_ka} kA: the line has tripped or is being taken down.",
            "When the line is back, reset the trip of its cells and put them in AUTO again.",
        ),
        EventType(
            "plant_trip",
            Priority.HIGH,
            Consequence.TRIP,
            "The plant's own protection has tripped the line.",
            "When the cause is gone and the plant's trip is reset, reset that of the cells here.",
        ),
        EventType(
            "trip_contact_unknown",
            Priority.HIGH,
            Consequence.SHED,
            "Whether the plant has tripped cannot be read at {address}.",
            "Look at the node that opcua.trip names; put cells back in AUTO when it is well.",
        ),
        EventType(
            "line_not_following",
            Priority.HIGH,
            Consequence.SHED,
            "{cells} cells do not take what is written: the whole line is on local control.",
            "Look for what they have in common, at the SCADA first; put cells back in AUTO then.",
        ),
        EventType(
            "audit_unwritable",
            Priority.HIGH,
            Consequence.SHED,
            "The audit cannot be written, and so nothing to the plant: {error}.",
            "Free the disk or correct the folder's rights; put cells back in AUTO when it is over.",
        ),
        EventType(
            "scada_lost",
            Priority.HIGH,
            Consequence.SHED,
            "No connection to SCADA at {address}: {error}.",
            "Check the server and the network; cells are on local control meanwhile.",
        ),
        EventType(
            "another_writer",
            Priority.HIGH,
            Consequence.SHED,
            "This guard writes nothing at {address}: {reason}.",
            "Stop the guard that should not run, or leave this one as a stand-by: it takes the "
            "line when the other's heartbeat stands still; then put cells back in AUTO.",
        ),
        EventType(
            "scada_heartbeat_lost",
            Priority.HIGH,
            Consequence.SHED,
            "The SCADA heartbeat has stood still for {age_s} s.",
            "Check the SCADA server; cells are on local control meanwhile.",
        ),
        EventType(
            "decisions_silent",
            Priority.HIGH,
            Consequence.SHED,
            "Nothing has come from the loop for section {section} for {age_s} s.",
            "Check the loop workers; cells are on local control meanwhile.",
        ),
        EventType(
            "cell_silent",
            Priority.HIGH,
            Consequence.SHED,
            "Cell {cell}: no usable voltage for {age_s} s.",
            "Check the cell's instrument; the cell is on local control meanwhile.",
        ),
        EventType(
            "cell_unregulated",
            Priority.MEDIUM,
            Consequence.SHED,
            "Cell {cell}: nothing could be decided or written for {age_s} s of plant time: "
            "{reason}.",
            "Clear the named condition; the cell is on local control meanwhile.",
        ),
        EventType(
            "plant_took_over",
            Priority.HIGH,
            Consequence.SHED,
            "The plant took cells of section {section} back to its own control; our sign of life "
            "or the connection had been away.",
            "Check why the guard or the connection was away; put the cells in AUTO again.",
        ),
        EventType(
            "write_failed",
            Priority.MEDIUM,
            Consequence.SHED,
            "Cell {cell}: {setpoint} could not be written: {reason}.",
            "Check what the plant says to it; after three in a row the cell is on local control.",
        ),
        EventType(
            "mode_changed",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "Cell {cell}: {previous} -> {mode} by {who}: {reason}.",
            "",
        ),
        EventType(
            "command_refused",
            Priority.LOW,
            Consequence.WARN,
            "{place}: {kind} by {who} refused: {reason}.",
            "Clear the named condition and ask again.",
        ),
        EventType(
            "command_obeyed",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {kind} by {who} obeyed.",
            "",
        ),
        EventType(
            "override_active",
            Priority.LOW,
            Consequence.WARN,
            "Cell {cell}: {who} holds {setpoint} at {value} until {until}: {reason}.",
            "Release it when it is not needed any more; it ends by itself.",
        ),
        EventType(
            "bypass_active",
            Priority.MEDIUM,
            Consequence.WARN,
            "Cell {cell}: {who} left out the interlock's check of {check} until {until}: {reason}.",
            "Release it when it is not needed any more; it ends by itself.",
        ),
        EventType(
            "approval_wanted",
            Priority.LOW,
            Consequence.WARN,
            "Section {section}: {who} asks for {limit} {value} of {setpoint}, until {until}: "
            "{reason}.",
            "Another engineer or manager approves or rejects it; it lapses by itself.",
        ),
        EventType(
            "limit_narrowed",
            Priority.LOW,
            Consequence.WARN,
            "Section {section}: {limit} of {setpoint} is {value}, not what the plant file has.",
            "It stays until two people change it again.",
        ),
        EventType(
            "limits_changed",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "Section {section}: {limit} of {setpoint} is {value} now; asked for by {who}, approved "
            "by {approver}.",
            "",
        ),
        EventType(
            "alarm_acknowledged",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {condition} acknowledged by {who}: {comment}.",
            "",
        ),
        EventType(
            "alarm_confirmed",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {condition} confirmed by {who}: {comment}.",
            "",
        ),
        EventType(
            "alarm_commented",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {who} on {condition}: {comment}.",
            "",
        ),
        EventType(
            "alarm_shelved",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {condition} shelved by {who} for {duration_s} s: {comment}.",
            "",
        ),
        EventType(
            "alarm_unshelved",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {condition} taken from the shelf by {who}: {comment}.",
            "",
        ),
        EventType(
            "alarm_taken_out",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {condition} taken out of service by {who}: {comment}.",
            "",
        ),
        EventType(
            "alarm_put_back",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{place}: {condition} put back in service by {who}: {comment}.",
            "",
        ),
        EventType(
            "feeder_at_fault",
            Priority.MEDIUM,
            Consequence.WARN,
            "Cell {cell}: about {share_pct} % of the alumina that is asked for arrives.",
            "Look at the cell's feeders and at its crust; the optimiser asks for more meanwhile.",
        ),
        EventType(
            "laboratory_taken_in",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "Cell {cell}: the laboratory's sample of {age_h} h ago was taken in: {found}.",
            "",
        ),
        EventType(
            "laboratory_refused",
            Priority.LOW,
            Consequence.WARN,
            "Section {section}: reports of the laboratory are being turned away: {reason}.",
            "Look at the rejects for the cell, the time and the values; report the sample again.",
        ),
        EventType(
            "process_started",
            Priority.JOURNAL,
            Consequence.JOURNAL,
            "{process} started.",
            "",
        ),
        EventType(
            "process_restarted",
            Priority.MEDIUM,
            Consequence.WARN,
            "{process} ended ({why}) and was started again.",
            "Read its log; repeated restarts end the run.",
        ),
    )
}
