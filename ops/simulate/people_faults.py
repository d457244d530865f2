"""What people do in a simulation, sensibly or not: they ask, order, reset, and take cells."""

import asyncio
import random
from functools import partial
from typing import Any, Final

from control.limit_changes import LimitRequest
from control.modes import Mode
from opcua.nodes import CellMode
from ops.simulate.world import SECTIONS, World
from stream.records import WHOLE_SECTION, CommandKind

_OFF_FOR_S: Final = (2.0, 20.0)


def take_cell(world: World, draw: random.Random) -> None:
    """Let a person at the plant take a cell to manual or to local control."""
    if world.scada is not None:
        cell = draw.choice(world.cells)
        world.scada.control.mode_target[cell - 1] = draw.choice((CellMode.AUTO, CellMode.MANUAL))


def say_something(world: World, draw: random.Random) -> None:
    """Let a person ask for a mode."""
    cell = draw.choice(world.cells)
    section = _section_of(cell)
    mode = draw.choice((Mode.AUTO, Mode.AUTO, Mode.MANUAL, Mode.ADVISORY))
    role = draw.choice(("operator", "engineer", "manager", "observer"))
    world.people.start(world.traffic.command(world.people, section, cell, mode, role))


def override(world: World, draw: random.Random) -> None:
    """Let a person set a setpoint by hand, sensibly or not, or give one back."""
    cell, row = draw.choice(world.cells), draw.choice(world.setpoints)
    role = draw.choice(("operator", "operator", "engineer", "observer"))
    if draw.random() < 0.3:
        _order(world, CommandKind.RELEASE_OVERRIDE, cell, role, setpoint=row.name)
        return
    span = row.high - row.low
    value = draw.uniform(row.low - 0.1 * span, row.high + 0.1 * span)
    duration_s = draw.choice((1.0, 5.0, 20.0, 1e6))
    wish = {"setpoint": row.name, "value": value, "duration_s": duration_s}
    _order(world, CommandKind.APPLY_OVERRIDE, cell, role, **wish)


def bypass(world: World, draw: random.Random) -> None:
    """Let an engineer leave out a check for a while, or one that may not be left out."""
    check = draw.choice(("step", "rate", "travel", "line_budget", "bounds", "freshness"))
    if draw.random() < 0.3:
        role = draw.choice(("operator", "observer"))
        _order(world, CommandKind.RELEASE_BYPASS, draw.choice(world.cells), role, check=check)
        return
    wish = {"check": check, "duration_s": draw.uniform(1.0, 10.0)}
    _order(world, CommandKind.REQUEST_BYPASS, draw.choice(world.cells), "engineer", **wish)


def switch(world: World, draw: random.Random) -> None:
    """Let a person switch a cell off, and on again a while later."""
    cell = draw.choice(world.cells)
    _order(world, CommandKind.SWITCH_OFF, cell, "operator")
    world.clockwork.after(
        draw.uniform(*_OFF_FOR_S), lambda: _order(world, CommandKind.SWITCH_ON, cell, "operator")
    )


def reset_trip(world: World, draw: random.Random) -> None:
    """Let a person who may, or may not, ask for the end of a trip, whether there is one or not."""
    cell = draw.choice(world.cells)
    role = draw.choice(("operator", "engineer", "manager", "observer"))
    world.people.start(world.reset_trip(_section_of(cell), cell, role))


def change_limit(world: World, draw: random.Random) -> None:
    """Let two people make a limit narrower, or give it back; or let one try to do it alone."""
    section, row = draw.choice(tuple(SECTIONS)), draw.choice(world.setpoints)
    limit = draw.choice(("low", "high", "max_step", "max_rate_per_h", "max_travel"))
    fence = getattr(row, limit)
    inner = row.low + 0.5 * (row.high - row.low) if limit in ("low", "high") else 0.5 * fence
    value = draw.choice((fence, fence + 0.4 * (inner - fence), fence + (inner - fence)))
    approver = draw.choice(("Bo", "Bo", "Bo", "ada "))
    spoils_digest = draw.random() < 0.2
    later_s = draw.uniform(0.2, 3.0)
    order = partial(world.traffic.order, world.people)

    async def ask_and_approve() -> None:
        asked = LimitRequest(
            request_id=world.traffic.next_id,
            setpoint=row.name,
            limit=limit,
            value=value,
            requester="Ada",
            role="engineer",
            reason="simulated",
            until_ns=0,
        )
        wish = {"setpoint": row.name, "limit": limit, "value": value, "who": asked.requester}
        await order(CommandKind.REQUEST_LIMIT, section, WHOLE_SECTION, asked.role, **wish)
        await asyncio.sleep(later_s)
        digest = "another" if spoils_digest else asked.digest
        answer = {"subject": asked.request_id, "digest": digest, "who": approver}
        await order(CommandKind.APPROVE_LIMIT, section, WHOLE_SECTION, "manager", **answer)

    world.people.start(ask_and_approve())


def _section_of(cell: int) -> int:
    return next(number for number, cells in SECTIONS.items() if cell in cells)


def _order(world: World, kind: CommandKind, cell: int, role: str, **wish: Any) -> None:
    section = _section_of(cell)
    world.people.start(world.traffic.order(world.people, kind, section, cell, role, **wish))
