"""Whether a plant's nodes can hold what will be written to them, told before anything is."""

from collections.abc import Iterator, Sequence

from control.limits import SetpointLimits
from opcua.resolve import ResolvedNodes, ResolveError
from opcua.wire_values import WHOLE_NUMBERS, WireValueError, wire_count, wire_value


def check_fit(address: str, nodes: ResolvedNodes, setpoints: Sequence[SetpointLimits]) -> None:
    """Check the limits of every setpoint, both words of the modes, heartbeat and writer's token.

    Args:
        address: of the server, for the message.
        nodes: as found there.
        setpoints: limits of the plant file.

    Raises:
        ResolveError: some do not fit; the message lists every node, value and remedy.
    """
    mistakes = list(_mistakes(nodes, {row.name: row for row in setpoints}))
    if mistakes:
        raise ResolveError(f"{address} cannot hold what would be written: " + "; ".join(mistakes))


def _mistakes(nodes: ResolvedNodes, limits: dict[str, SetpointLimits]) -> Iterator[str]:
    for setpoint in nodes.setpoints:
        row = limits.get(setpoint.row.name)
        if row is None:
            continue
        for word, value in (("low", row.low), ("high", row.high)):
            try:
                wire_value(setpoint.target.variant_type, setpoint.row.to_raw(value))
            except WireValueError as exc:
                yield (
                    f"target of {row.name}: {setpoint.row.target}: {word} = {value:g} {row.unit} "
                    f"does not fit ({exc}). Remedy: correct scale and offset of "
                    f"opcua.setpoints.{row.name}, or setpoints.{row.name}.{word}"
                )
    if nodes.modes is not None:
        words = (("remote", nodes.modes.row.remote), ("local", nodes.modes.row.local))
        for word, mode in words:
            try:
                wire_value(nodes.modes.target.variant_type, mode)
            except WireValueError as exc:
                yield (
                    f"mode target: {nodes.modes.row.target}: {word} = {mode!r} does not fit "
                    f"({exc}). Remedy: correct opcua.modes.{word}"
                )
    beat = nodes.heartbeat_out
    if beat is not None:
        try:
            wire_count(beat.variant_type, 1)
        except WireValueError as exc:
            yield (
                f"heartbeat of the optimiser: {beat.node_ids[0].to_string()}: a count does not fit "
                f"({exc}). Remedy: name a number, Boolean or String in opcua.heartbeats.optimiser"
            )
    token = nodes.writer_token
    if token is not None and token.variant_type not in WHOLE_NUMBERS:
        yield (
            f"token of the writer: {token.node_ids[0].to_string()}: its type is "
            f"{token.variant_type.name}. Remedy: name a whole number, such as a UInt32, in "
            f"opcua.writer_token, or leave it out"
        )
