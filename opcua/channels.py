"""Several sensors of one signal made one: between what the nodes say and `control.voting`. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from control.channel_faults import (
    ChannelRule,
    Channels,
    Stillness,
    find_faults,
    init_stillness,
    step_stillness,
)
from control.voting import vote
from opcua.mapping import Layout, SignalNode
from opcua.scans import Ballot, Column
from stream.frames import Quality
from stream.signals import SignalLimits

_QUALITY_OF_TRUST: Final = np.array(
    [Quality.GOOD, Quality.UNCERTAIN, Quality.BAD], dtype=np.uint8
)  # in the order of `control.voting.Trust`


@dataclass(frozen=True, slots=True)
class Moment:
    """What the columns of a scan have in common.

    Attributes:
        newest_ns: newest source time of any of them that may be believed.
    """

    t_plant_s: float
    newest_ns: int
    t_received_ns: int


def make_rules(
    rows: Sequence[SignalNode], limits: Sequence[SignalLimits]
) -> dict[str, ChannelRule]:
    """Return, for each signal with several sensors, how they are judged.

    Args:
        rows: the mapping's signals.
        limits: of the plant file.

    Raises:
        ValueError: such a signal has no limits.
    """
    known = {row.name: row for row in limits}
    rules: dict[str, ChannelRule] = {}
    for row in rows:
        if row.tolerance is None:
            continue
        if row.name not in known:
            raise ValueError(
                f"{row.name} has {len(row.nodes)} nodes and no limits to vote by; give those of "
                f"its row in [[signals]]"
            )
        limit = known[row.name]
        rules[row.name] = ChannelRule(
            tolerance=row.tolerance,
            normal_low=limit.normal_low,
            normal_high=limit.normal_high,
            physical_low=limit.physical_low,
            physical_high=limit.physical_high,
            max_age_ns=int(limit.max_age_s * 1e9),
            frozen_after_s=limit.frozen_after_s,
        )
    return rules


def hold_ballot(
    row: SignalNode,
    rule: ChannelRule,
    columns: Sequence[Column],
    moment: Moment,
    before: Stillness | None,
) -> tuple[Column, Ballot]:
    """Return the voted column, and what was found of the channels.

    The source time of a voted value is the oldest of the channels that were ranked for it, also of
    those that deviate: the time would jump back and forth with a channel at the edge of the
    tolerance, and screening turns away what goes back. A value that none vouches for has the oldest
    of all.

    Args:
        row: the signal.
        rule: of the signal.
        columns: one a channel.
        moment: of the scan.
        before: the channels' stillness; None at the first scan.
    """
    cells = len(columns[0].value)
    voters = 1 if row.layout is Layout.LINE else cells
    value = np.stack([column.value[:voters] for column in columns])
    quality = np.stack([column.quality[:voters] for column in columns])
    source_time_ns = np.stack([column.source_time_ns[:voters] for column in columns])
    stillness = step_stillness(
        init_stillness(*value.shape) if before is None else before, value, moment.t_plant_s
    )
    channels = Channels(
        value=value,
        is_missing=quality == Quality.MISSING,
        is_bad=quality == Quality.BAD,
        is_uncertain=quality == Quality.UNCERTAIN,
        source_time_ns=source_time_ns,
    )
    fault = find_faults(
        channels,
        rule,
        stillness,
        t_plant_s=moment.t_plant_s,
        newest_ns=moment.newest_ns,
        t_received_ns=moment.t_received_ns,
    )
    voted = vote(value, fault, rule)
    counts = voted.is_used | ~voted.is_used.any(axis=0)
    oldest_ns = np.where(counts, source_time_ns, np.iinfo(np.int64).max).min(axis=0)
    column = Column(
        np.broadcast_to(voted.value, cells),
        np.broadcast_to(_QUALITY_OF_TRUST[voted.trust], cells),
        np.broadcast_to(oldest_ns, cells),
    )
    return column, Ballot(row, voted.fault, stillness)


def stillness_of(ballots: Sequence[Ballot]) -> dict[str, Stillness]:
    """Return what the next scan's vote needs of this one."""
    return {ballot.row.name: ballot.stillness for ballot in ballots}
