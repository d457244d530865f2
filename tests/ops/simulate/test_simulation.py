"""The edge under simulated faults: the same each time, nothing broken, and every fault injected."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from asyncua import ua

from control.modes import Mode, Rearm
from opcua.fence import Fence
from opcua.link import LinkError
from ops.entry import nothing_logged
from ops.plantfile import PlantFile, load_plant
from ops.simulate.clockwork import Clockwork, SimulationStalledError
from ops.simulate.faults import BY_NAME, FAULTS, stop_guard_at_write
from ops.simulate.link import SimLink
from ops.simulate.run import Scheduled, make_schedule, run_seed
from ops.simulate.scada import TRIP_NODE
from ops.simulate.world import World

# What may end in a read-back that does not agree: that stands against its cell for a minute, longer
# than the rest of a run.
STANDS_FOR_A_MINUTE = {
    "deafen_wire",
    "delay_wire",
    "freeze_scada",
    "freeze_scada_at_write",
    "stop_guard_at_write",
    "stick_actuator",
    "take_cell",
    "wrong_readback",
}
PLANT_FILE = Path(__file__).parents[3] / "plants" / "reference-300ka.toml"


@pytest.fixture(name="plant", scope="module")
def _plant() -> PlantFile:
    return load_plant(PLANT_FILE, 4)


def test_a_line_without_faults_is_driven(plant: PlantFile) -> None:
    result = run_seed(plant, 1, ())
    assert result.violations == ()
    assert result.followed_at_end == 4
    assert result.accepted == result.writes > 50
    assert result.plant_hours == pytest.approx(1.0)


def test_a_seed_gives_the_same_run_again(plant: PlantFile) -> None:
    first, again = run_seed(plant, 7), run_seed(plant, 7)
    assert first == again
    assert first != replace(run_seed(plant, 8), seed=7)


@pytest.mark.contract(1, 2, 4, 5, 7, 13, 14, 15)
def test_nothing_that_must_never_happen_does_under_thirty_seeds(plant: PlantFile) -> None:
    results = [run_seed(plant, seed) for seed in range(1000, 1030)]
    assert [result.violations for result in results if result.violations] == []
    assert sum(result.writes for result in results) > 1000


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_line_is_driven_again_after_each_fault(name: str, plant: PlantFile) -> None:
    """Each by itself; the rest of the run is calm. With this seed cells come back by themselves: it
    needs no luck of the person who puts them back, now and then."""
    result = run_seed(plant, 6, (Scheduled(6.0, name),))
    assert result.violations == ()
    assert result.faults == Counter({name: 1})
    if name not in STANDS_FOR_A_MINUTE:
        assert result.followed_at_end == 4


class SlowDisk(random.Random):
    """A disk whose every turn takes a second."""

    def expovariate(self, _rate: float = 1.0) -> float:
        return 1.0


@pytest.mark.contract(9)
def test_a_trip_that_comes_while_a_command_waits_for_a_full_disk_stays(plant: PlantFile) -> None:
    world = World(plant, 1, Rearm.AUTOMATIC)
    world.clockwork.run_until(10.0)
    world.disk.random, world.disk.full_until_s = SlowDisk(), 1e9
    asking = world.traffic.command(world.people, 0, 1, Mode.AUTO, "operator")
    world.people.start(asking)
    world.clockwork.run_until(10.5)
    world.trips.trip(0.2)
    world.clockwork.run_until(20.0)
    (living,) = world.guards.values()
    assert {living.guard.mode_of(cell).trip for cell in world.cells} == {"plant_trip"}
    for process in list(world.clockwork.processes):
        world.clockwork.kill(process)


class Unfenced(Fence):
    """A plant that shows tokens and asks nobody for them."""

    def admits(self, session: object) -> bool:  # noqa: ARG002
        """Whoever comes."""
        return True


def stopped_while_it_writes(plant: PlantFile, fence: Fence) -> set[str]:
    """Rules that break when guards are stopped in the moment of a write, are replaced, go on and
    write: at a plant with this fence."""
    broken = set()
    for draw in map(random.Random, range(12)):
        world = World(plant, 3, Rearm.AUTOMATIC, fence)
        world.clockwork.run_until(6.0)
        stop_guard_at_write(world, draw)
        world.clockwork.run_until(30.0)
        broken |= {violation.rule for violation in world.judge.violations}
        for process in list(world.clockwork.processes):
            world.clockwork.kill(process)
    return broken


@pytest.mark.contract(14)
def test_only_the_plant_keeps_a_guard_that_was_replaced_from_writing(plant: PlantFile) -> None:
    with nothing_logged():
        assert stopped_while_it_writes(plant, Fence()) == set()
        assert "one writer" in stopped_while_it_writes(plant, Unfenced())


def test_seeds_inject_every_fault() -> None:
    injected = {fault.name for seed in range(200) for fault in make_schedule(seed)}
    assert injected == {fault.__name__ for fault in FAULTS}


def test_a_process_that_is_stopped_is_late_and_one_that_is_killed_says_no_more() -> None:
    clockwork = Clockwork()
    process = clockwork.process("one")
    said: list[float] = []

    async def talk() -> None:
        while True:
            said.append(clockwork.now_s)
            await asyncio.sleep(1.0)

    process.start(talk())
    clockwork.run_until(2.5)
    assert said == [0.0, 1.0, 2.0]
    process.freeze(5.0)
    clockwork.run_until(8.0)
    assert said == [0.0, 1.0, 2.0, 7.5], "its timer was due at 3"
    clockwork.kill(process)
    clockwork.at(20.0, lambda: None)
    clockwork.run_until(15.0)
    assert len(said) == 4
    with pytest.raises(SimulationStalledError):
        clockwork.run_until(30.0)


def test_the_command_gives_its_figures_as_json_and_replays_a_seed() -> None:
    environment = {**os.environ, "POTLINE_SETTINGS": ""}
    command = [sys.executable, "-m", "ops.cli", "simulate-faults"]
    ended = subprocess.run(
        [*command, "--seeds", "4", "--json", "--processes", "1"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert (figures["seeds"], figures["violations"]) == (4, 0)
    assert figures["plant_hours"] == pytest.approx(4.0)
    assert set(figures["faults_injected"]) == set(BY_NAME)
    again = subprocess.run(
        [*command, "--replay", "2"], env=environment, capture_output=True, text=True, check=False
    )
    assert "seed 2: 1.00 plant hours" in again.stdout


class Listener:
    """Hears of the trip contact and makes nothing of it."""

    def datachange_notification(self, _node: object, _value: object, _data: object) -> None:
        """Take what is told."""


@pytest.mark.parametrize("reads", [False, True])
def test_that_a_trip_is_over_is_read_where_a_deaf_wire_has_lost_the_word(
    plant: PlantFile, reads: bool
) -> None:
    world = World(plant, 1, Rearm.AUTOMATIC)
    process = world.clockwork.process("reader")
    world.clockwork.run_until(5.0)
    link = SimLink(process, world.wire, lambda: world.scada, lambda _node, _value: None)

    async def listen() -> None:
        node = ua.NodeId(TRIP_NODE, 1)
        async with link.watch(node, Listener(), 1):
            while True:
                await asyncio.sleep(0.5)
                if reads:
                    with suppress(LinkError):
                        await link.read([node])

    process.start(listen())
    with nothing_logged():
        world.clockwork.run_until(10.0)
        world.trips.trip(3.0)
        world.clockwork.run_until(12.0)
        assert link.is_told_of_trip
        world.wire.deaf_until_s = 13.5
        world.clockwork.run_until(20.0)
    assert link.is_told_of_trip is not reads
    for one in list(world.clockwork.processes):
        world.clockwork.kill(one)
