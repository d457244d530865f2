"""The faults of a simulation, each a small act at a time that the seed says; the table is all.

What people do is in `ops.simulate.people_faults`.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from ops.simulate.people_faults import (
    bypass,
    change_limit,
    override,
    reset_trip,
    say_something,
    switch,
    take_cell,
)
from ops.simulate.world import World

Fault = Callable[[World, random.Random], None]
_SHORT_S: Final = (0.3, 8.0)
_LONG_S: Final = (2.0, 20.0)


def crash_guard(world: World, draw: random.Random) -> None:
    """Kill the guard; it comes again."""
    for process in list(world.guards):
        world.kill(process)
    world.clockwork.after(draw.uniform(*_SHORT_S), lambda: _start_guard_if_none(world))


def crash_gateway(world: World, draw: random.Random) -> None:
    """Kill the gateway; it comes again."""
    if world.gateway.is_dead:
        return
    world.kill(world.gateway)
    world.clockwork.after(draw.uniform(*_LONG_S), world.start_gateway)


def crash_loop(world: World, draw: random.Random) -> None:
    """Kill the loop; it comes again."""
    if world.loop.is_dead:
        return
    world.kill(world.loop)
    world.clockwork.after(draw.uniform(*_LONG_S), world.start_loop)


def crash_scada(world: World, draw: random.Random) -> None:
    """Kill the SCADA server; it comes again, with all cells on local control."""
    if world.scada is None:
        return
    world.kill_scada()
    world.clockwork.after(draw.uniform(*_LONG_S), world.start_scada)


def freeze_guard(world: World, draw: random.Random) -> None:
    """Stop the guard and let it go on."""
    for process in world.guards:
        process.freeze(draw.uniform(*_LONG_S))


def freeze_scada(world: World, draw: random.Random) -> None:
    """Stop the SCADA server and let it go on: what it was sent is waiting for it."""
    if world.scada is not None:
        world.scada.process.freeze(draw.uniform(*_LONG_S))


def freeze_scada_at_write(world: World, draw: random.Random) -> None:
    """Stop the SCADA server in the moment in which something is on its way to it."""
    if world.scada is not None:
        ending = draw.choice((".Target", "HbOptimiser", "HbOptimiser", ".ModeTarget"))
        world.scada.freeze_at_next = (ending, draw.uniform(*_LONG_S))


def crash_guard_at_write(world: World, draw: random.Random) -> None:
    """Kill the guard in the moment in which it sends setpoints."""
    comes_again_s = draw.uniform(*_SHORT_S)

    def crash() -> None:
        for process in list(world.guards):
            world.kill(process)
        world.clockwork.after(comes_again_s, lambda: _start_guard_if_none(world))

    world.at_next_send = (".Target", lambda: world.clockwork.after(0.0, crash))


def freeze_gateway(world: World, draw: random.Random) -> None:
    """Stop the gateway and let it go on."""
    world.gateway.freeze(draw.uniform(*_LONG_S))


def freeze_loop(world: World, draw: random.Random) -> None:
    """Stop the loop and let it go on."""
    world.loop.freeze(draw.uniform(*_LONG_S))


def cut_wire(world: World, draw: random.Random) -> None:
    """Break connections to SCADA."""
    world.wire.cut_until_s = world.clockwork.now_s + draw.uniform(*_SHORT_S)


def deafen_wire(world: World, draw: random.Random) -> None:
    """Lose what is sent to SCADA and back, and tell nobody: half-open connections."""
    world.wire.deaf_until_s = world.clockwork.now_s + draw.uniform(*_LONG_S)


def delay_wire(world: World, draw: random.Random) -> None:
    """Let everything take long between guard and SCADA."""
    world.wire.mean_delay_s = draw.uniform(0.05, 0.6)
    world.clockwork.after(draw.uniform(*_LONG_S), lambda: _set(world.wire, "mean_delay_s", 0.003))


def stop_broker(world: World, draw: random.Random) -> None:
    """Take the broker away for a while."""
    world.broker.up_s = world.clockwork.now_s + draw.uniform(*_LONG_S)


def slow_broker(world: World, draw: random.Random) -> None:
    """Let messages come late, so that topics overtake each other."""
    world.broker.slow_s = draw.uniform(0.1, 1.5)
    world.clockwork.after(draw.uniform(*_LONG_S), lambda: _set(world.broker, "slow_s", 0.004))


def repeat_messages(world: World, draw: random.Random) -> None:
    """Let many messages come twice."""
    world.broker.twice = 0.5
    world.clockwork.after(draw.uniform(*_LONG_S), lambda: _set(world.broker, "twice", 0.01))


def replay_topic(world: World, draw: random.Random) -> None:
    """Let the guard read again what it had read, as after a crash before a commit."""
    for place, at in list(world.broker.committed.items()):
        world.broker.committed[place] = max(0, at - draw.randrange(200))
    crash_guard(world, draw)


def jump_guard_clock(world: World, draw: random.Random) -> None:
    """Set the guard's wall clock."""
    jump_s = draw.choice((-30.0, -3.0, -1.0, 1.0, 3.0, 30.0, 3600.0))
    for process in world.guards:
        process.wall_offset_s += jump_s
        world.clockwork.after(draw.uniform(*_LONG_S), partial(_set, process, "wall_offset_s", 0.0))


def jump_scada_clock(world: World, draw: random.Random) -> None:
    """Set the server's wall clock."""
    if world.scada is not None:
        process = world.scada.process
        process.wall_offset_s += draw.choice((-30.0, -1.0, 1.0, 30.0))
        world.clockwork.after(draw.uniform(*_LONG_S), lambda: _set(process, "wall_offset_s", 0))


def wrong_readback(world: World, draw: random.Random) -> None:
    """Let the plant show another value than a cell has accepted."""
    if world.scada is not None:
        row = draw.choice(world.setpoints)
        place = (draw.choice(world.cells), row.name)
        wrong = world.scada.wrong_by
        wrong[place] = draw.choice((-1.0, 1.0)) * 3.0 * row.readback_tolerance
        world.clockwork.after(draw.uniform(*_LONG_S), lambda: wrong.pop(place, None))


def stick_actuator(world: World, draw: random.Random) -> None:
    """Let a cell accept no new value of a setpoint."""
    if world.scada is not None:
        control = world.scada.control
        place = (draw.choice(world.cells), draw.choice(world.setpoints).name)
        control.stick(*place)
        world.clockwork.after(draw.uniform(*_LONG_S), lambda: control._stuck.discard(place))


def kill_sensor(world: World, draw: random.Random) -> None:
    """Let a cell's voltage keep its old time."""
    cell, dead = draw.choice(world.cells), world.traffic.dead_sensors
    dead.setdefault(cell, world.clockwork.now_s)
    world.clockwork.after(draw.uniform(*_LONG_S), lambda: dead.pop(cell, None))


def anode_effect(world: World, draw: random.Random) -> None:
    """Let a cell have an anode effect."""
    cell = draw.choice(world.cells)
    world.traffic.anode_effects[cell] = world.clockwork.now_s + draw.uniform(1.0, 6.0)


def second_guard(world: World, draw: random.Random) -> None:
    """Start a second guard beside the first, on the same machine."""
    if len(world.guards) == 1:
        process = world.start_guard()
        world.clockwork.after(draw.uniform(*_LONG_S), lambda: _kill_if_alive(world, process))


def second_guard_elsewhere(world: World, draw: random.Random) -> None:
    """Start a second guard on another machine while the first lives; end either of them later."""
    if len(world.guards) == 1:
        first, second = next(iter(world.guards)), world.start_guard(world.disk_elsewhere)
        ends = draw.choice((first, second, second))
        world.clockwork.after(draw.uniform(*_LONG_S), lambda: _kill_if_alive(world, ends))


def stand_in_for_a_stopped_guard(world: World, draw: random.Random) -> None:
    """Stop the guard, let one on another machine take over, and let the first go on."""
    if len(world.guards) == 1:
        first = next(iter(world.guards))
        first.freeze(draw.uniform(4.0, 15.0))
        second = world.start_guard(world.disk_elsewhere)
        ends = draw.choice((first, second, second))
        world.clockwork.after(draw.uniform(8.0, 25.0), lambda: _kill_if_alive(world, ends))


def stop_guard_at_write(world: World, draw: random.Random) -> None:
    """Stop the guard when it has made up its mind to write and before it does, let another take
    over, and let the first go on: it writes."""
    stopped_s, ends_after_s = draw.uniform(4.0, 10.0), draw.uniform(8.0, 25.0)

    def stand_in() -> None:
        second = world.start_guard(world.disk_elsewhere)
        world.clockwork.after(ends_after_s, lambda: _kill_if_alive(world, second))

    def stop() -> None:
        if len(world.guards) == 1:
            next(iter(world.guards)).freeze(stopped_s)
            world.clockwork.after(0.0, stand_in)

    ending = draw.choice((".Target", ".Target", ".ModeTarget", "HbOptimiser"))
    world.at_next_send = (ending, stop)


def fill_disk(world: World, draw: random.Random) -> None:
    """Let the audit not be written."""
    world.disk.full_until_s = world.clockwork.now_s + draw.uniform(*_LONG_S)


def trip_plant(world: World, draw: random.Random) -> None:
    """Let the plant's own protection trip the line, for a moment or for longer."""
    world.trips.trip(draw.choice((0.01, 0.2, draw.uniform(*_SHORT_S), draw.uniform(*_LONG_S))))


def blind_contact(world: World, draw: random.Random) -> None:
    """Let the plant's trip contact have no good value for a while."""
    if world.scada is not None:
        world.scada.blind_until_s = world.clockwork.now_s + draw.uniform(*_SHORT_S)


def crash_guard_at_trip(world: World, draw: random.Random) -> None:
    """Trip the plant for a moment and kill the guard shortly after, whatever it has put on record
    by then."""
    world.trips.trip(0.2)
    comes_again_s = draw.uniform(*_SHORT_S)

    def crash() -> None:
        for process in list(world.guards):
            world.kill(process)
        world.clockwork.after(comes_again_s, lambda: _start_guard_if_none(world))

    world.clockwork.after(draw.uniform(0.0, 0.6), crash)


def lose_current(world: World, draw: random.Random) -> None:
    """Let the line have no current for a while."""
    world.traffic.dead_until_s = world.clockwork.now_s + draw.uniform(*_LONG_S)


FAULTS: Final[tuple[Fault, ...]] = (
    crash_guard,
    crash_gateway,
    crash_loop,
    crash_scada,
    freeze_guard,
    freeze_scada,
    freeze_scada_at_write,
    crash_guard_at_write,
    freeze_gateway,
    freeze_loop,
    cut_wire,
    deafen_wire,
    delay_wire,
    stop_broker,
    slow_broker,
    repeat_messages,
    replay_topic,
    jump_guard_clock,
    jump_scada_clock,
    wrong_readback,
    stick_actuator,
    kill_sensor,
    anode_effect,
    second_guard,
    second_guard_elsewhere,
    stand_in_for_a_stopped_guard,
    stop_guard_at_write,
    fill_disk,
    take_cell,
    say_something,
    override,
    bypass,
    switch,
    trip_plant,
    blind_contact,
    crash_guard_at_trip,
    lose_current,
    reset_trip,
    change_limit,
)
BY_NAME: Final = {fault.__name__: fault for fault in FAULTS}


def _set(of: object, name: str, value: float) -> None:
    setattr(of, name, value)


def _start_guard_if_none(world: World) -> None:
    if not world.guards:
        world.start_guard()


def _kill_if_alive(world: World, process: object) -> None:
    for one in list(world.guards):
        if one is process:
            world.kill(one)
    _start_guard_if_none(world)
